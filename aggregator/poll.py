"""The pipeline: the one place that knows the order of the stages.

    lease -> fetch -> read (skim, parse, clean; in a worker process) -> dedup -> store

One event loop fetches, worker processes read, one thread writes; what one hands to the next waits
in bounded places, so that memory does not depend on how many feeds are due.  No transaction is
open while anything waits for the network.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self, TypeVar

from aggregator import cadence, dates, dedup, urls
from aggregator.database import (
    Connection,
    Engine,
    OperationalError,
    Writer,
    is_passing,
    store,
)
from aggregator.errors import FeedError, FetchError, ParseError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.model import CleanFeed, DueFeed, Fetched, Outcome
from aggregator.read import Document, read_document, read_rest
from aggregator.skim import plain_utf8, skim
from aggregator.workers import Workers

log = logging.getLogger(__name__)

MAX_BATCH = 100
"""Polls that one transaction stores at most."""

LINGER = 0.03
"""Seconds that a finished poll waits for others: ten statements cost the same for one and many."""

MAX_ENTRIES = 500
"""Entries after which a transaction takes no more polls: others wait for it, also at a stop."""

SKIM_HERE = 1_000_000
"""Bytes of a document that the event loop skims itself: 7 ms, less than handing it to a worker."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PollSettings:
    """What polling needs to know of config.yaml.

    Attributes:
        authority: Host that stands in the `tag:` URIs of entries without an id of their own.
        workers: Processes that read documents.
        keep: Entries older than this are not stored, but for the newest `min_entries` of a feed:
            they would only be deleted again, and be new once more when their feed changes.
    """

    fetch: FetchSettings
    authority: str
    concurrency: int = 32
    host_delay: timedelta = timedelta(seconds=5)
    workers: int = 1
    keep: timedelta = timedelta.max
    min_entries: int = 0


@dataclass(frozen=True, slots=True)
class PollResult:
    """How one poll went, for whoever asked for it."""

    feed: str
    url: str
    outcome: Outcome
    status: int | None
    new: int
    updated: int
    error: str | None
    next_poll_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Poll:
    """A poll that is over, but for storing it; `document` is None where none was read."""

    due: DueFeed
    report: store.PollReport
    document: CleanFeed | None = None  # None where there was none, or nothing new in it

    @property
    def entries(self) -> int:
        return len(self.document.entries) if self.document else 0


class Poller:
    """Brings feeds up to date, many at a time.  Use with `async with`.

    Args:
        after: The one that this one succeeds, because the settings changed: the pauses between
            two requests to a host and the thread that writes stay the same.
        patience: How long a database may be locked or full; None: for ever.
    """

    def __init__(
        self,
        engine: Engine,
        settings: PollSettings,
        *,
        after: "Poller | None" = None,
        patience: timedelta | None = None,
    ) -> None:
        self._settings = settings
        self._fetcher = Fetcher(settings.fetch)
        self._workers = Workers(settings.workers)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._hosts: _Hosts = after._hosts if after else _Hosts()
        self._database: Writer = after._database if after else Writer(engine, patience=patience)
        self._finished: asyncio.Queue[tuple[_Poll, asyncio.Future[PollResult]]] = asyncio.Queue(
            MAX_BATCH
        )
        self._storing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        self._storing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.retire()
        await asyncio.to_thread(self._database.stop)

    async def retire(self) -> None:
        """End, but for what a successor goes on with."""
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)
        await asyncio.to_thread(self._workers.stop)
        await self._fetcher.__aexit__(None, None, None)

    async def poll(self, due: DueFeed) -> PollResult:
        """Poll one leased feed, store what came of it, and give its lease back."""
        turn = self._hosts.turn(urls.host_of(due.url), self._settings.host_delay)
        async with turn as host_is_free, self._slots:
            poll = await self._attempt(due, host_is_free)
            stored: asyncio.Future[PollResult] = asyncio.get_running_loop().create_future()
            await self._finished.put((poll, stored))
        return await stored

    async def transact(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in one transaction, in the thread that writes; wait out a busy database."""
        return await self._database.transact(work)

    async def drained(self) -> None:
        """Return when every poll that came to an end is stored."""
        await self._finished.join()

    async def _attempt(self, due: DueFeed, host_is_free: Callable[[], None]) -> _Poll:
        started_at = datetime.now(UTC)
        size, status = 0, None
        try:
            try:
                fetched = await self._fetcher.fetch(due.url, due.validators)
            finally:
                host_is_free()
            size, status = fetched.size, fetched.status
            body_hash = sha256(fetched.body).digest()[:16]
            if fetched.status == 304 or body_hash == due.body_hash:
                return _succeeded(due, started_at, fetched)
            document = await self._read(due, fetched)
            return _succeeded(due, started_at, fetched, document, body_hash)
        except FeedError as error:
            return _failed(due, started_at, error, size=size, status=status)
        except Exception:  # a fault of ours or of a library costs one feed one poll
            log.exception("%s: could not be polled", due.name)
            unforeseen = ParseError(due.url, "could not be polled; the log says why")
            return _failed(due, started_at, unforeseen, size=size, status=status)

    async def _read(self, due: DueFeed, fetched: Fetched) -> Document:
        """Read what is new in a document, as far as possible without a worker."""
        content_type = fetched.headers.get("content-type", "")
        if len(fetched.body) <= SKIM_HERE:
            utf8 = plain_utf8(fetched.body, content_type)
            cut = skim(utf8, due.memory) if utf8 is not None else None
            if cut is not None and cut.nothing_new:
                return Document(None, cut.memory)
            if cut is not None:
                rest = await self._workers.run(
                    due.url, read_rest, cut.rest, fetched.url, kept=cut.kept
                )
                if rest is not None:
                    return Document(rest, cut.memory)
        return await self._workers.run(
            due.url,
            read_document,
            fetched.body,
            {"content-type": content_type},
            fetched.url,
            due.memory,
        )

    async def _write(self) -> None:
        """Store finished polls for ever, as many in a transaction as have come together."""
        while True:
            batch = [await self._finished.get()]
            await asyncio.sleep(LINGER)
            entries = batch[0][0].entries
            while len(batch) < MAX_BATCH and entries < MAX_ENTRIES and not self._finished.empty():
                batch.append(self._finished.get_nowait())
                entries += batch[-1][0].entries
            await self._store(batch)
            for _ in batch:
                self._finished.task_done()

    async def _store(self, batch: list[tuple[_Poll, asyncio.Future[PollResult]]]) -> None:
        polls = [poll for poll, _ in batch]
        if len({poll.due.id for poll in polls}) < len(polls):
            await self._store_each(batch)  # a poll has to see what the one before it brought
            return
        try:
            reports = await self.transact(lambda connection: self._record(connection, polls))
        except Exception as error:
            if isinstance(error, OperationalError) and is_passing(error):
                _refuse(batch, error)  # out of patience
            elif len(batch) > 1:
                await self._store_each(batch)  # the fault of one feed is not the others'
            else:
                log.exception("%s: could not be stored", polls[0].due.name)
                await self._give_up(*batch[0])
            return
        for (poll, stored), report in zip(batch, reports, strict=True):
            if not stored.done():
                stored.set_result(_result(poll.due, report))

    async def _store_each(self, batch: list[tuple[_Poll, asyncio.Future[PollResult]]]) -> None:
        for one in batch:
            await self._store([one])

    async def _give_up(self, poll: _Poll, stored: asyncio.Future[PollResult]) -> None:
        """Record a poll whose document the database refused, without the document."""
        error = ParseError(poll.due.url, "its entries could not be stored; see the log")
        failed = _failed(poll.due, poll.report.started_at, error, status=poll.report.status)
        try:
            (report,) = await self.transact(lambda connection: self._record(connection, [failed]))
        except Exception as fault:  # it takes nothing any more: whoever asked has to know
            _refuse([(poll, stored)], fault)
            return
        if not stored.done():
            stored.set_result(_result(poll.due, report))

    def _record(self, connection: Connection, polls: list[_Poll]) -> list[store.PollReport]:
        """Write polls with all that they brought; entries and validators in one transaction."""
        news = _compare(connection, polls, self._settings)
        store.add_entries(connection, [entry for one in news for entry in one.placed])
        store.change_entries(connection, [entry for one in news for entry in one.versions])
        reports = [one.report for one in news]
        store.record_polls(connection, reports)
        return reports


def _refuse(batch: list[tuple[_Poll, asyncio.Future[PollResult]]], error: Exception) -> None:
    for _, stored in batch:
        if not stored.done():
            stored.set_exception(error)


class _Hosts:
    """One request at a time to a host, and a pause between two of them."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._free_at: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str, delay: timedelta) -> AsyncIterator[Callable[[], None]]:
        """Wait for one's turn; call what it yields as soon as the host is not needed any more.

        The pause of `delay` counts from then: one may wait for other things before the request.
        """
        if not host:  # a file
            yield lambda: None
            return
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(host, asyncio.Lock())
        self._waiting[host] = self._waiting.get(host, 0) + 1
        held = False

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._free_at[host] = loop.time() + delay.total_seconds()
                lock.release()

        try:
            await lock.acquire()
            held = True
            await asyncio.sleep(self._free_at.get(host, 0.0) - loop.time())
            yield release
        finally:
            release()
            self._waiting[host] -= 1
            if not self._waiting[host]:
                del self._waiting[host], self._locks[host]


@dataclass(frozen=True, slots=True)
class _News:
    """What a poll changes in the database."""

    report: store.PollReport
    placed: list[store.PlacedEntry]
    versions: list[store.NewVersion]


def _compare(connection: Connection, polls: list[_Poll], settings: PollSettings) -> list[_News]:
    """Compare what polls brought with what is stored, all in one look."""
    keys = {
        poll.due.id: dedup.identities(poll.document.entries) if poll.document else []
        for poll in polls
    }
    wanted = {key for candidates in keys.values() for some in candidates for key in some}
    known: dict[int, dict[bytes, dedup.KnownEntry]] = {}
    holders: dict[bytes, set[int]] = {}  # the feeds that use an id
    for entry in store.stored_under(connection, wanted):
        known.setdefault(entry.feed_id, {})[entry.identity] = entry
        holders.setdefault(entry.identity, set()).add(entry.feed_id)
    news = []
    for poll in polls:
        feed_id = poll.due.id
        entries = poll.document.entries if poll.document else ()
        changes = dedup.compare(entries, keys[feed_id], known.get(feed_id, {}))
        placed = _placed(poll, changes, holders, settings.authority)
        placed = _worth_keeping(connection, feed_id, placed, settings)
        versions = [
            store.NewVersion(feed_id, change, poll.report.ended_at) for change in changes.changed
        ]
        report = replace(
            poll.report,
            outcome=Outcome.NEW if placed or versions else poll.report.outcome,
            new=len(placed),
            updated=len(versions),
        )
        news.append(_News(report, placed, versions))
    return news


def _placed(
    poll: _Poll, changes: dedup.Changes, holders: dict[bytes, set[int]], authority: str
) -> list[store.PlacedEntry]:
    """Decide where new entries stand and what they are called, for good."""
    due, now = poll.due, poll.report.ended_at
    listed = dates.places(
        [new.entry.published_at for new in changes.new],
        first_seen_at=now,
        first_poll=due.body_hash is None,
    )
    placed = []
    for new, listed_at in zip(changes.new, listed, strict=True):
        users = holders.setdefault(new.identity, set())
        public_id = dedup.public_id(
            new,
            feed_url=due.url,
            authority=f"{authority},{now.year}",
            taken=bool(users - {due.id}),
        )
        users.add(due.id)
        placed.append(store.PlacedEntry(due.id, new, listed_at, public_id, now))
    return placed


def _worth_keeping(
    connection: Connection, feed_id: int, placed: list[store.PlacedEntry], settings: PollSettings
) -> list[store.PlacedEntry]:
    """Leave out new entries that retention would delete."""

    def is_young(one: store.PlacedEntry) -> bool:
        return one.first_seen_at - one.listed_at <= settings.keep

    if all(map(is_young, placed)):
        return placed
    wanted = settings.min_entries
    places = [one.listed_at for one in placed]
    places += store.newest_places(connection, feed_id, limit=wanted)
    spared = sorted(places, reverse=True)[:wanted]
    if len(spared) < wanted:
        return placed
    return [one for one in placed if is_young(one) or (spared and one.listed_at >= spared[-1])]


def _succeeded(
    due: DueFeed,
    started_at: datetime,
    fetched: Fetched,
    document: Document | None = None,
    body_hash: bytes | None = None,
) -> _Poll:
    feed = document.feed if document else None
    upcoming = cadence.after_success(
        started_at,
        feed=due.name,
        interval=due.interval,
        freshness=cadence.freshness(fetched.headers),
        ttl=feed.head.ttl if feed else due.ttl,
    )
    report = store.PollReport(
        feed_id=due.id,
        url=due.url,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=Outcome.UNCHANGED,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        status=fetched.status,
        size=fetched.size,
        head=feed.head if feed else None,
        validators=fetched.validators,
        body_hash=body_hash,
        memory=document.memory if document else b"",
        moved_to=fetched.moved_to,
    )
    return _Poll(due, report, feed)


def _failed(
    due: DueFeed,
    started_at: datetime,
    error: FeedError,
    *,
    size: int = 0,
    status: int | None = None,
) -> _Poll:
    retry_after, redirected = None, False
    if isinstance(error, FetchError):
        status, retry_after, size = error.status, error.retry_after, error.size
        redirected = error.redirected
    failures = due.failures + 1
    upcoming = cadence.after_failure(
        started_at,
        interval=due.interval,
        failures=failures,
        status=None if redirected and status == 410 else status,  # the feed itself is not gone
        retry_after=retry_after,
    )
    outcome = Outcome.FAILED
    if upcoming.at is None:
        outcome = Outcome.GONE
    elif upcoming.not_before is not None:
        outcome = Outcome.POSTPONED
    report = store.PollReport(
        feed_id=due.id,
        url=due.url,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=outcome,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        not_before=upcoming.not_before,
        status=status,
        size=size,
        error=error.reason,
        failures=failures,
    )
    return _Poll(due, report)


def _result(due: DueFeed, report: store.PollReport) -> PollResult:
    return PollResult(
        feed=due.name,
        url=urls.masked(due.url),
        outcome=report.outcome,
        status=report.status,
        new=report.new,
        updated=report.updated,
        error=report.error,
        next_poll_at=report.next_poll_at,
    )
