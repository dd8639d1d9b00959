"""APScheduler around the pipeline: a dispatch tick and a handful of jobs; start and clean stop.

The database, not a job, decides which feeds are due: the tick leases them by index, so that a
second process, a restart or a changed clock never poll a feed twice or early.
"""

import asyncio
import logging
import signal
import socket
from collections import Counter
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Mapping,
)
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator.config import Config, Stamp, Watched, load, present_stamps, save_times
from aggregator.database import Connection, DBAPIError, Engine, database_error, main_file
from aggregator.database.entries import write_retention
from aggregator.database.feeds import write_hosts, write_leases, write_polls, write_subscriptions
from aggregator.errors import ConfigError
from aggregator.model import DueFeed, Outcome
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll import Poller, PollerFactory, PollSettings
from aggregator.poll.host_limits import Budget
from aggregator.runtime import process_identity, service_manager, system_clock
from aggregator.runtime.daemon_thread import in_daemon_thread
from aggregator.websub import WebSubService

from . import config_sync, leases
from .config_changes import config_changes, keys_for_restart
from .leases import FEEDS_PER_SLOT, LEASE, STOP_STEP
from .opml_list_polls import OpmlListFollower
from .picture_jobs import PictureJobs
from .poll_options import poll_settings
from .relisting import Relisting
from .shared_hosts import SharedHosts

log = logging.getLogger(__name__)

TICK = 1
_RELOAD = 1
_RELIST = 1
_REPLACED_WITHIN = 0.5  # seconds between an editor's taking a file away and its putting one there
_OPML_LISTS = 2
_PICTURES = 2
_RETENTION = 3600
_BROKEN = 60  # seconds until a job tries a database again that waiting does not heal
_MAX_RELEASED = 1000
_DELETE_AT_ONCE = 1000
_MAX_PER_HOST = 256
_DELAYS_KEPT = timedelta(days=30)

Job = Callable[[], Awaitable[None]]
_T = TypeVar("_T")


class Scheduler:
    """Polls what is due until it is told to stop.

    Args:
        jobs: Further jobs by name, each with the seconds between two runs.
        amend: Puts the options of the command line into a configuration that is read again.
        on_change: Called in a thread with each configuration that is read again.
        subscription_requests: Socket with the requests of subscribers to our own hub; None without
            such a hub.
        pollers: Closed at the end.  None: pollers with parts of their own.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        *,
        jobs: Mapping[str, tuple[float, Job]] | None = None,
        amend: Callable[[Config], Config] = lambda config: config,
        on_change: Callable[[Config], None] = lambda _config: None,
        subscription_requests: socket.socket | None = None,
        pollers: PollerFactory | None = None,
    ) -> None:
        self._config = self._started_with = config
        self._amend, self._on_change = amend, on_change
        self._owner = process_identity.own_name()
        self._jobs = jobs or {}
        self._stamps: Mapping[Watched, Stamp | None] = {config.path: None, **config.stamps}
        self._reload_requests = self._answered_requests = 0  # counted, so that none is forgotten
        self._settings = poll_settings(config)
        self._pollers = pollers or PollerFactory(engine)
        self._poller = self._pollers.poller(self._settings)
        self._polls: dict[asyncio.Task[None], str] = {}
        self._unstored: dict[int, float] = {}  # ids of feeds, and when they may be polled again
        self._retiring: set[asyncio.Task[None]] = set()
        self._is_more_due = False
        self._stopping = False
        self._shared_hosts = SharedHosts()
        self._file: tuple[int, int] | None = None  # of a SQLite database
        self._clock: system_clock.ClockReading | None = None
        self._websub = WebSubService(
            config,
            lambda work: self._poller.transact(work),
            self._settings.fetch,
            subscription_requests,
        )
        self._taking_over = asyncio.Lock()
        self._opml_lists = OpmlListFollower(
            self._owner,
            poller=lambda: self._poller,
            config=lambda: self._config,
            use=self._use_opml_lists,
        )
        self._pictures = PictureJobs(self._pollers, lambda work: self._poller.transact(work))
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": 30},
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end within a few seconds and give the leases back."""
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)  # a tick that is long
        jobs: dict[str, tuple[float, Job]] = {
            "dispatch": (TICK, self._dispatch),
            "reload": (_RELOAD, self._reload),
            "lists": (_RELIST, self._relist),
            "opml lists": (_OPML_LISTS, self._opml_lists.follow),
            "pictures": (_PICTURES, self._fetch_pictures),
            "retention": (_RETENTION, self._retain),
            **self._websub.jobs(),
            **self._jobs,
        }
        now = datetime.now(UTC)
        for name, (seconds, job) in jobs.items():
            self._scheduler.add_job(
                self._guarded(job), "interval", seconds=seconds, id=name, name=name,
                next_run_time=now,
            )  # fmt: skip
        await self._poller.__aenter__()
        try:
            async with leases.held_leases(lambda: self._poller, self._owner), self._websub:
                self._scheduler.start()
                service_manager.notify(service_manager.READY)
                await stop.wait()
                service_manager.notify(service_manager.STOPPING)
                self._stopping = True
                self._scheduler.pause()
                await asyncio.sleep(0)  # jobs that were submitted begin: `_guarded` sees their end
                self._scheduler.shutdown(wait=False)
                await self._end_polls()
        finally:
            await self._pictures.close()
            await self._poller.__aexit__()
            await self._pollers.close()

    def reload_now(self) -> None:
        """Read config.yaml again at the next occasion, changed or not (SIGHUP)."""
        self._reload_requests += 1

    def _guarded(self, job: Job) -> Job:
        """Return `job` so that neither a stop nor a broken database is an error of APScheduler.

        An error that waiting does not heal is logged once a minute, however often the job is due.
        """
        not_before = 0.0

        async def run() -> None:
            nonlocal not_before
            loop = asyncio.get_running_loop()
            if loop.time() < not_before:
                return
            try:
                await job()
            except asyncio.CancelledError:
                pass
            except DBAPIError as error:
                not_before = loop.time() + _BROKEN
                log.error("%s", database_error(error, self._config.database))

        return run

    # ------------------------------------------------------------------- jobs

    async def _watch_clock(self) -> None:
        """Move the schedule along when somebody sets the clock."""
        reading = system_clock.read()
        if reading is None or (self._clock and reading.agrees_with(self._clock)):
            return
        self._clock = reading
        await self._poller.transact(partial(leases.follow_clock, reading))

    async def _dispatch(self) -> None:
        """Lease due feeds up to the free capacity, and start to poll them."""
        capacity = self._settings.concurrency * FEEDS_PER_SLOT
        room = capacity - len(self._polls)
        if room <= 0 or self._stopping:
            return
        await self._watch_clock()
        per_host = self._per_host(Budget(self._settings.host_delay))
        special = {site: self._per_host(b) for site, b in self._settings.budgets.items()}
        waiting = Counter(host for host in self._polls.values() if host)
        busy = [host for host, count in waiting.items() if count >= special.get(host, per_host)]

        overdue, file = self._overdue_unstored(), None

        def lease(connection: Connection) -> list[DueFeed]:
            nonlocal file
            now, file = datetime.now(UTC), main_file(connection)  # it may have been locked for long
            if self._file not in {None, file}:
                write_polls.take_over(connection, owner=self._owner, now=now)
            if overdue:
                write_leases.release_leases(connection, owner=self._owner, feed_ids=overdue)
            return write_leases.lease_due(
                connection,
                owner=self._owner,
                now=now,
                until=now + LEASE,
                limit=room,
                shared_hosts=self._shared_hosts.read(connection, self._config),
                busy_hosts=busy,
                per_host=per_host,
                per_site=special,
            )

        due = await self._poller.transact(lease)
        if file != self._file:
            self._use_replaced(file)
        for feed_id in overdue:
            del self._unstored[feed_id]
        if self._stopping:  # meanwhile; these leases are given back with the others
            return
        self._is_more_due = len(due) == room
        for feed in due:
            task = asyncio.create_task(self._poll(feed))
            self._polls[task] = feed.host.name
            task.add_done_callback(self._polled)

    def _use_replaced(self, file: tuple[int, int] | None) -> None:
        """Bring a database in place of another one up to config.yaml."""
        if self._file is not None:
            log.warning("%s: the file was replaced; using the new one", self._config.database)
            self.reload_now()
        self._file = file

    def _per_host(self, budget: Budget) -> int:
        """Return how many feeds of one host wait at most; other feeds are leased later."""
        delay = budget.delay.total_seconds()
        return _MAX_PER_HOST if delay <= 0 else min(ceil(2 * TICK / delay) + 1, _MAX_PER_HOST)

    def _overdue_unstored(self) -> list[int]:
        """Return some of the feeds with an unstored poll whose time has come again.

        Until then their lease is kept: the database does not know of the poll.
        """
        now = asyncio.get_running_loop().time()
        return [feed_id for feed_id, at in self._unstored.items() if at <= now][:_MAX_RELEASED]

    async def _poll(self, feed: DueFeed) -> None:
        try:
            result = await self._poller.poll(feed)
        except Exception as error:
            again_at = asyncio.get_running_loop().time() + feed.pacing.interval.total_seconds()
            self._unstored[feed.id] = again_at
            if not isinstance(error, DBAPIError):
                raise
            log.error("%s: its poll could not be stored: %s", feed.name, error.orig)
            return
        if result is None:
            log.debug("%s: put off without a request", feed.name)
        elif result.error:
            # Of a network that fails, one line says so.
            level = logging.DEBUG if result.is_offline else logging.WARNING
            log.log(
                level, "%s: %s; next poll %s", feed.name, result.error, _when(result.next_poll_at)
            )
        elif result.outcome is Outcome.NEW:
            log.info("%s: %d new, %d updated", result.feed, result.new, result.updated)
        else:
            log.debug("%s: unchanged", feed.name)

    def _polled(self, task: asyncio.Task[None]) -> None:
        self._polls.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("a poll failed unexpectedly", exc_info=error)
        if (
            self._is_more_due
            and not self._stopping
            and len(self._polls) <= self._settings.concurrency
        ):
            self._is_more_due = False
            self._scheduler.modify_job("dispatch", next_run_time=datetime.now(UTC))

    async def _reload(self) -> None:
        """Take over what changed in config.yaml; a broken or missing file changes nothing."""
        request_count = self._reload_requests
        stamps = await self._present_stamps()
        if stamps != self._stamps or request_count != self._answered_requests:
            with service_manager.reloading():
                async with self._taking_over:
                    await self._read_again(stamps, request_count)

    async def _read_again(self, stamps: Mapping[Watched, Stamp | None], request_count: int) -> None:
        """Read config.yaml again.

        Args:
            stamps: Of the files at this moment.
            request_count: Requests to read the file (SIGHUP) until now.
        """
        config_path = self._config.path
        try:
            config = await in_daemon_thread(partial(self._read, config_path))
        except ConfigError as error:
            for problem in error.problems:
                log.error("%s", problem)
            log.error("%s: not loaded; still using the last valid version", config_path)
            problem = error.problems[0].replace(str(config_path), config_path.name, 1)
            await self._poller.transact(
                partial(write_subscriptions.note_config_problem, problem=problem)
            )
            beside = error.stamps
        else:
            former_config = self._config
            changes = await self._use(config)
            # Some file systems give a file another inode each time, though it was not saved.
            is_saved = save_times(stamps) != save_times(self._stamps)
            is_news = is_saved or request_count != self._answered_requests or changes
            level = logging.INFO if is_news or self._config != former_config else logging.DEBUG
            log.log(level, "%s: reloaded: %s", config_path, changes or "no feed changed")
            for key in keys_for_restart(self._started_with, config):
                log.warning("%s: `%s` takes effect after a restart", config_path, key)
            beside = config.stamps
        # Only now: a change that the database refused is tried again.
        self._stamps = {**beside, config_path: stamps[config_path]}
        self._answered_requests = request_count

    async def _present_stamps(self) -> Mapping[Watched, Stamp | None]:
        """Return the stamps of config.yaml and of the files beside it that were read."""
        stamps = present_stamps(self._stamps)
        if any(stamps[path] is None and stamp for path, stamp in self._stamps.items()):
            await asyncio.sleep(_REPLACED_WITHIN)
            stamps = present_stamps(self._stamps)
        return stamps

    async def _use(self, config: Config) -> str:
        """Poll by a configuration from now on, in the database, too; return the changes in words.

        Args:
            config: With or without the feeds of its OPML lists, which are taken from the database.
        """
        followed = await self._poller.transact(
            lambda connection: config_sync.follow(connection, config, now=datetime.now(UTC)),
            is_stopping=lambda: self._stopping,
        )
        settings = await in_daemon_thread(partial(self._settings_of, followed.config))
        changes = config_changes(followed.changes, self._config, followed.config)
        self._config = followed.config
        self._websub.use_config(followed.config, settings.fetch)
        await self._take_over(settings)
        await asyncio.to_thread(self._on_change, followed.config)
        self._scheduler.modify_job("lists", next_run_time=datetime.now(UTC))
        self._opml_lists.versions = followed.list_versions  # only now: an error is tried again
        return changes

    async def _use_opml_lists(self) -> None:
        """Take over OPML lists with other feeds."""
        async with self._taking_over:
            if changes := await self._use(self._config):
                log.info("feeds of OPML lists: %s", changes)

    async def _relist(self) -> None:
        """List entries anew that config.yaml puts into other lists."""
        await Relisting(lambda work: self._poller.transact_after_reading(work)).work(
            lambda: self._stopping
        )

    async def _fetch_pictures(self) -> None:
        """Fetch pictures of stored entries."""
        await self._pictures.fetch(lambda: self._settings, lambda: self._stopping)

    def _read(self, path: Path) -> Config:
        """Read the file; 100,000 feeds take too long for the event loop, and for a stop."""
        with config_sync.uncollected():
            return self._amend(load(path))

    def _settings_of(self, config: Config) -> PollSettings:
        return poll_settings(replace(config, database=self._started_with.database))

    async def _take_over(self, settings: PollSettings) -> None:
        """Poll with other settings from now on; polls under way end with the old settings."""
        if settings == self._settings:
            return
        former_poller, under_way = self._poller, [*self._polls, *self._opml_lists.under_way]
        if settings.pictures and settings.pictures != self._settings.pictures:  # another limit
            self._scheduler.modify_job("retention", next_run_time=datetime.now(UTC))
        self._settings, self._poller = settings, self._pollers.poller(settings)
        await self._poller.__aenter__()
        task = asyncio.create_task(_retire(former_poller, under_way))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _retain(self) -> None:
        """Delete entries that are older than the file says, a few at a time."""
        retention, now = self._config.retention, datetime.now(UTC)
        await self._poller.transact(
            lambda connection: write_hosts.forget_hosts(
                connection, now=now, throttled_before=now - _DELAYS_KEPT
            )
        )
        deleted = _DELETE_AT_ONCE
        while deleted == _DELETE_AT_ONCE:
            deleted = await self._poller.transact(
                lambda connection: write_retention.delete_old(
                    connection,
                    before=datetime.now(UTC) - retention.keep,
                    min_entries=retention.min_entries,
                    max_entries=retention.max_entries,
                    limit=_DELETE_AT_ONCE,
                )
            )
            if deleted:
                log.info("retention: %d old entries deleted", deleted)
        files = PictureFiles(self._started_with.picture_folder)
        await self._pictures.retain(files, self._settings)

    async def _end_polls(self) -> None:
        """Stop fetching, and let polls end that are only being stored."""
        for task in self._polls:
            task.cancel()
        if self._polls:
            await asyncio.wait(list(self._polls), timeout=STOP_STEP)
        last = asyncio.create_task(leases.drain(self._poller))
        await asyncio.wait({last, *self._retiring}, timeout=2 * STOP_STEP)
        await _cancelled({last, *self._retiring})


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _retire(poller: Poller, under_way: Collection[asyncio.Task[Any]]) -> None:
    """End a poller with a successor after its last poll is stored, or when cancelled."""
    try:
        if under_way:
            await asyncio.wait(under_way)
        await poller.drained()
    except asyncio.CancelledError:
        await leases.abandon(poller)
        raise
    finally:
        await poller.__aexit__()


async def _cancelled(tasks: Collection[asyncio.Task[_T]]) -> None:
    """Cancel tasks, and return when they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
