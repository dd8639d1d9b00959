"""Due or named feeds, polled once: `aggregator poll`."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import monotonic

from aggregator import urls
from aggregator.config import Config
from aggregator.database import Connection, Engine, Transact, database_time
from aggregator.database.feeds import read_names, write_hosts, write_leases
from aggregator.database.feeds.write_leases import LEASE
from aggregator.database.pictures import write_pictures
from aggregator.errors import NoWorkerError, UsageError
from aggregator.model import DueFeed, OpmlPoll
from aggregator.poll import Poller, PollerFactory, PollResult, PollSettings
from aggregator.poll.picture_fetcher import PictureSettings
from aggregator.runtime import process_identity

from . import config_sync, leases
from .episode_job import EpisodeJob
from .leases import FEEDS_PER_SLOT
from .notifier import Notifier
from .opml_list_polls import poll_opml_lists
from .poll_options import poll_settings
from .relisting import Relisting

log = logging.getLogger(__name__)

MAX_WAIT = timedelta(minutes=1)
"""How long a single command waits for a database that is locked or full."""

MAX_PICTURE_TIME = timedelta(minutes=1)

_UNREAD = "not every feed was polled: this machine could not start a process to read documents"


@dataclass(frozen=True, slots=True)
class PollRequest:
    """Feeds and lists to poll.

    Attributes:
        names: Of feeds, due or not; None: the due feeds.
        lists: Known addresses of OPML lists, due or not; None: the due lists.
        all_feeds: Without `names` all feeds, due or not, but for feeds in a pause and hosts with
            leases of other processes; without `lists` all lists.
    """

    names: Collection[str] | None = None
    lists: Collection[str] | None = None
    all_feeds: bool = False


async def poll_once(
    config: Config,
    engine: Engine,
    request: PollRequest,
    *,
    on_start: Callable[[int], None],
    on_result: Callable[[PollResult], None],
    on_list: Callable[[OpmlPoll], None] = lambda _poll: None,
    pollers: PollerFactory | None = None,
) -> None:
    """Poll each feed at most once and return when all are stored and listed; then fetch pictures.

    OPML lists are polled first, then also the new feeds of lists.  Pictures that are not
    fetched within `MAX_PICTURE_TIME` are left to the next call.

    Args:
        on_start: Called with the number of feeds.
        on_result, on_list: Called for each feed, and each list, after its poll is stored.
        pollers: Closed at the end.  None: pollers with parts of their own.

    Raises:
        UsageError: A name is not a subscription.
        NoWorkerError: This machine could not start a process to read documents; these feeds are
            polled again later.
    """
    names = None if request.names is None else _known_names(request.names, engine)
    owner = process_identity.own_name()
    lease = partial(_lease, owner=owner, names=names, all_feeds=request.all_feeds)
    pollers = pollers or PollerFactory(engine, max_wait=MAX_WAIT)
    if config.opml_lists:
        try:
            config = await _with_polled_lists(pollers, config, request, owner, on_list)
        except BaseException:
            await pollers.close()
            raise
    settings = poll_settings(config)
    async with (
        pollers.polling(settings) as poller,
        leases.held_leases(lambda: poller, owner),
    ):
        due = _interleaved(await poller.transact(lease))
        on_start(len(due))
        at_once = config.poll.concurrency * FEEDS_PER_SLOT
        try:
            await _poll_each(poller, due, at_once=at_once, on_result=on_result)
        finally:
            await leases.drain(poller)
        # Documents have told titles and sites, on which rules and stories depend.
        await Relisting(poller.transact_after_reading).work(lambda: False)
        await EpisodeJob(poller.transact_after_reading).work()
        await Notifier(owner, poller.transact, lambda: config).work()
        if poller.lacks_workers:
            raise NoWorkerError(_UNREAD)
        if settings.pictures is not None:
            await _fetch_pictures(pollers, settings, settings.pictures, poller.transact)


async def _with_polled_lists(
    pollers: PollerFactory,
    config: Config,
    request: PollRequest,
    owner: str,
    on_list: Callable[[OpmlPoll], None],
) -> Config:
    """Poll OPML lists; return the configuration with the new feeds, as the database has them."""
    async with (
        pollers.poller(poll_settings(config)) as poller,
        leases.held_leases(lambda: poller, owner),
    ):
        polls = await poll_opml_lists(
            poller,
            config,
            owner=owner,
            addresses=request.lists,
            only_due=request.lists is None and not request.all_feeds,
        )
        for poll in polls:
            on_list(poll)
        if all(poll.outlines is None for poll in polls):
            return config
        followed = await poller.transact(partial(config_sync.follow, config=config))
        return followed.config


async def _poll_each(
    poller: Poller,
    due: Sequence[DueFeed],
    *,
    at_once: int,
    on_result: Callable[[PollResult], None],
) -> None:
    """Poll feeds, so many at a time; a cancellation ends the polls under way."""
    waiting = deque(due)
    running: set[asyncio.Task[PollResult | None]] = set()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.add(asyncio.create_task(poller.poll(waiting.popleft())))
            ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                if result := task.result():
                    on_result(result)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _fetch_pictures(
    pollers: PollerFactory, settings: PollSettings, pictures: PictureSettings, transact: Transact
) -> None:
    """Fetch the pictures that are due, for `MAX_PICTURE_TIME` at most."""
    if await transact(_has_due_pictures):
        log.info("pictures: fetching those of new posts, for a minute at most")
        async with pollers.picture_stage(settings, pictures, transact) as stage:
            await stage.work(_is_over(MAX_PICTURE_TIME))


def _has_due_pictures(connection: Connection) -> bool:
    return write_pictures.has_due(connection, now=database_time(connection))


def _is_over(span: timedelta) -> Callable[[], bool]:
    """Return a function that tells whether a span that begins now is over."""
    end = monotonic() + span.total_seconds()
    return lambda: monotonic() > end


def _lease(
    connection: Connection, *, owner: str, names: Collection[str] | None, all_feeds: bool
) -> list[DueFeed]:
    """Lease the named feeds, all feeds, or the due feeds."""
    now = database_time(connection)
    shared_hosts = write_hosts.shared_hosts(connection)
    leases.reclaim_leases(connection, owner)
    leases.follow_clock(connection)
    if names is None and not all_feeds:
        return write_leases.lease_due(
            connection, owner=owner, now=now, until=now + LEASE, shared_hosts=shared_hosts
        )
    return write_leases.lease_named(
        connection,
        owner=owner,
        now=now,
        until=now + LEASE,
        names=names,
        shared_hosts=shared_hosts,
    )


def _known_names(names: Iterable[str], engine: Engine) -> frozenset[str]:
    requested = frozenset(names)
    with engine.connect() as connection:
        unknown = requested - read_names.present_names(connection, requested)
    if unknown:
        name = urls.masked_input(min(unknown))
        raise UsageError(f"{name}: no such feed; `aggregator feeds` lists them")
    return requested


def _interleaved(due: Sequence[DueFeed]) -> list[DueFeed]:
    """Return feeds with those of one host apart, so that no host holds up another."""
    counts: Counter[str] = Counter()
    ranked: list[tuple[int, int, DueFeed]] = []
    for feed in due:
        ranked.append((counts[feed.host.name], len(ranked), feed))
        counts[feed.host.name] += 1
    return [feed for _, _, feed in sorted(ranked, key=lambda place: place[:2])]
