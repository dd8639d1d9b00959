"""Polling until a stop: jobs by time, start and clean stop."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from functools import partial

from aggregator.config import Config
from aggregator.database import Engine
from aggregator.database.state import write_alive
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll import PollerFactory, PollSettings
from aggregator.runtime import process_identity, service_manager
from aggregator.websub import WebSubService

from . import followed_file
from .config_follower import ConfigFollower
from .config_sync import FollowedConfig
from .dispatch import Dispatch, DispatchContext
from .episode_job import INTERVAL, EpisodeJob, OutageWatch, forget_old_episodes
from .followed_file import OtherFileWatch
from .local_dispatch import LocalDispatch
from .notifier import Notifier
from .opml_list_polls import OpmlListFollower
from .picture_jobs import PictureJobs
from .poll_options import poll_settings
from .present_poller import PresentPoller
from .relisting import Relisting
from .retention import delete_old_rows
from .timed_jobs import TimedJob, TimedJobs

_RELOAD = 1
_RELIST = 1
_OPML_LISTS = 2
_PICTURES = 2
_NOTIFY = 5
_RETENTION = 3600


class Scheduler:
    """Polls what is due until it is told to stop.

    Args:
        jobs: Further jobs by name, each with the seconds between two runs.
        amend: Puts the options of the command line into a configuration that is read again.
        on_change: Called in a thread with each configuration that is read again.
        pollers: Closed at the end.  None: pollers with parts of their own.
        dispatch: Makes the dispatch of due feeds.
        only_polls: OPML lists, lists, pictures, retention and announcements are left to others.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        *,
        jobs: Mapping[str, TimedJob] | None = None,
        amend: Callable[[Config], Config] = lambda config: config,
        on_change: Callable[[Config], None] = lambda _config: None,
        pollers: PollerFactory | None = None,
        dispatch: Callable[[DispatchContext], Dispatch] = LocalDispatch,
        only_polls: bool = False,
    ) -> None:
        self._started_with = config
        self._on_change = on_change
        self._jobs = jobs or {}
        self._only_polls = only_polls
        self._stopping = False
        owner = process_identity.own_name()
        pollers = pollers or PollerFactory(engine)
        self._present = PresentPoller(pollers, poll_settings(config))
        self._timed_jobs = TimedJobs(config.database)
        self._follower = ConfigFollower(
            config,
            self._present,
            amend=amend,
            apply=self._apply,
            is_stopping=lambda: self._stopping,
        )
        self._other_files = OtherFileWatch(self._present)
        self._websub = WebSubService(
            config, owner, self._present.transact, self._present.settings.fetch
        )
        self._opml_lists = OpmlListFollower(
            owner,
            poller=lambda: self._present.poller,
            config=lambda: self._follower.config,
            use=self._follower.follow_opml_lists,
        )
        self._episodes = EpisodeJob(self._present.transact_after_reading, OutageWatch())
        self._notifier = Notifier(owner, self._present.transact, lambda: self._follower.config)
        self._pictures = PictureJobs(pollers, self._present.transact)
        self._dispatch = dispatch(
            DispatchContext(
                owner,
                self._present,
                config=lambda: self._follower.config,
                is_stopping=lambda: self._stopping,
                is_switching=lambda: self._follower.is_switching,
                hurry=self._timed_jobs.hurry,
                on_replaced=self.reload_now,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end within a few seconds and give the leases back."""
        jobs: dict[str, TimedJob] = {
            **self._dispatch.jobs(),
            "reload": (_RELOAD, self._follower.reload),
            "other files": (followed_file.INTERVAL, self._look_for_other_file),
            **({} if self._only_polls else self._other_jobs()),
            **self._jobs,
        }
        async with self._present:
            try:
                async with self._dispatch.running(), self._websub:
                    self._timed_jobs.start(jobs)
                    service_manager.notify(service_manager.READY)
                    await stop.wait()
                    service_manager.notify(service_manager.STOPPING)
                    self._stopping = True
                    await self._timed_jobs.stop()
                    await self._dispatch.end_polls()
                    await self._present.end()
            finally:
                await self._pictures.close()

    def _other_jobs(self) -> Mapping[str, TimedJob]:
        return {
            "lists": (_RELIST, self._relist),
            "opml lists": (_OPML_LISTS, self._opml_lists.follow),
            "pictures": (_PICTURES, self._fetch_pictures),
            "episodes": (INTERVAL.total_seconds(), self._episodes.work),
            "notify": (_NOTIFY, self._notifier.work),
            "retention": (_RETENTION, self._retain),
            **self._websub.jobs(),
            **self._alive_job(),
        }

    async def _look_for_other_file(self) -> None:
        await self._other_files.look(self._follower.config)

    def reload_now(self) -> None:
        """Read config.yaml again at the next occasion, changed or not (SIGHUP)."""
        self._follower.reload_now()

    async def _apply(self, followed: FollowedConfig, settings: PollSettings) -> None:
        """Follow a configuration with which the database agrees."""
        self._websub.use_config(followed.config, settings.fetch)
        former_settings = self._present.settings
        if settings != former_settings:
            under_way = [*self._dispatch.under_way, *self._opml_lists.under_way]
            if settings.pictures and settings.pictures != former_settings.pictures:  # another limit
                self._timed_jobs.hurry("retention")
            await self._present.use(settings, under_way)
        await asyncio.to_thread(self._on_change, followed.config)
        self._timed_jobs.hurry("lists")
        self._opml_lists.versions = followed.list_versions  # only now: an error is tried again

    def _alive_job(self) -> dict[str, TimedJob]:
        """Return the job of signs of life, where pages are read from a copy."""
        if self._started_with.database_read is None:
            return {}
        note = partial(self._present.transact, write_alive.note_alive)
        return {"alive": (write_alive.INTERVAL.total_seconds(), note)}

    async def _relist(self) -> None:
        """List entries anew that config.yaml puts into other lists."""
        await Relisting(self._present.transact_after_reading).work(lambda: self._stopping)

    async def _fetch_pictures(self) -> None:
        """Fetch pictures of stored entries."""
        await self._pictures.fetch(lambda: self._present.settings, lambda: self._stopping)

    async def _retain(self) -> None:
        """Delete old entries, and pictures without an entry."""
        await delete_old_rows(self._present.transact, self._follower.config)
        await forget_old_episodes(self._present.transact)
        files = PictureFiles(self._started_with.picture_folder)
        await self._pictures.retain(files, self._present.settings)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
