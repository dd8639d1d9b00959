"""A feed polled once into a database that is deleted afterwards."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from aggregator import rules
from aggregator.cli.common import config_with_present_names
from aggregator.cli.discovery import feeds_of_page, proposals_of_page
from aggregator.cli.entry_presence import EntryPresence, presences
from aggregator.config import Config, request_at
from aggregator.database import Connection, Engine, open_database
from aggregator.database.entries import read_known_entries, read_links
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.feeds.write_leases import LEASE
from aggregator.database.lists import write_relisting
from aggregator.database.stories import read_stories
from aggregator.errors import AggregatorError, ParseError
from aggregator.fetch import Fetcher
from aggregator.model import (
    CleanEntry,
    CleanFeed,
    DueFeed,
    EntryId,
    FailureKind,
    FeedHead,
    Fetched,
    OpmlOutline,
    PageProposal,
    PictureMode,
    Subscription,
)
from aggregator.poll import PollSettings, document_reader
from aggregator.poll.reconcile import ReconciledPoll, reconcile
from aggregator.poll.recording import record
from aggregator.poll.reports import CompletedPoll, relocation_of, success_of
from aggregator.reading.worker_task import ReadingResult
from aggregator.runtime.worker_pool import Workers
from aggregator.scheduler import poll_settings

_OWNER = "preview"
REPEATED = "the document has it twice"
EXPIRED = "older than `retention.keep`, or beyond `retention.max_entries`"


class NoFeedError(AggregatorError):
    """The document is not a feed, or not the page that selectors were written for.

    Attributes:
        url: Of the document, after redirects.
        reason: In words, without feeds of a web page.
        feeds: Of a web page.
        proposals: Selectors for the posts of a web page without feeds, the best first.
        page_changed: A page does not have the posts that its selectors promise.
    """

    def __init__(
        self,
        url: str,
        error: ParseError,
        feeds: Sequence[OpmlOutline],
        proposals: Sequence[PageProposal],
    ) -> None:
        super().__init__(str(error))
        self.url = url
        self.reason = error.reason.removesuffix(f"; it names {error.named_feed}")
        self.feeds = tuple(feeds)
        self.proposals = tuple(proposals)
        self.page_changed = error.kind == FailureKind.PAGE_CHANGED


@dataclass(frozen=True, slots=True)
class TrialEntry:
    """An entry that would be stored.

    Attributes:
        id: As if polled at the time of the trial.
        stored_in: Feeds with a stored entry that has the same link, by name.
    """

    id: int
    entry: CleanEntry
    presence: EntryPresence
    stored_in: tuple[str, ...] = ()

    @property
    def listed_at(self) -> datetime:
        """The place in lists."""
        return EntryId(self.id).at


@dataclass(frozen=True, slots=True)
class OmittedEntry:
    """An entry of the document that would not be stored, and the reason."""

    entry: CleanEntry
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of a trial.

    Attributes:
        url: Of the document, after redirects.
        moved_to: See `Fetched`.
        cut_short: The document breaks off, so its last entry is missing.
        entries: In the order of a list, the newest first.
    """

    url: str
    moved_to: str | None
    head: FeedHead
    cut_short: bool
    entries: tuple[TrialEntry, ...]
    omitted: tuple[OmittedEntry, ...]


def try_feed(
    config: Config,
    feed: Subscription,
    *,
    is_initial: bool,
    first_posts: int | None = None,
    files: Path | None = None,
) -> Trial:
    """Poll a feed as if for the first time, and store nothing for good.

    Args:
        feed: Of the configuration, or another one.
        is_initial: The backlog is that of a feed with which a database begins.
        first_posts: Posts of the first good poll of a page; None: any number of posts is enough.
        files: Folder of a feed that is a file; None for the folder of config.yaml.

    Raises:
        FetchError: There is no answer to read.
        NoFeedError: The document is not a feed, or not the page that its selectors are for.
        NoWorkerError: This machine could not start a process to read the document.
    """
    if feed not in config.feeds:
        request = request_at(feed.url, config.hosts, config.network)
        requests = {**config.requests, feed.url: request}
        config = replace(config, feeds=(*config.feeds, feed), requests=requests)
    settings = poll_settings(config)
    if files is not None:
        settings = replace(settings, fetch=replace(settings.fetch, files=files))
    with tempfile.TemporaryDirectory(prefix="aggregator-") as folder:
        engine = open_database(f"sqlite:///{folder}/trial.db")
        try:
            due = _leased(config, feed, engine, is_initial=is_initial)
            due = replace(due, first_posts=first_posts)
            poll, fetched = asyncio.run(_polled(due, settings))
            return _trial(config, engine, settings, poll, fetched)
        finally:
            engine.dispose()


def _leased(config: Config, feed: Subscription, engine: Engine, *, is_initial: bool) -> DueFeed:
    """Subscribe to the feed in an empty database, and lease it."""
    now = datetime.now(UTC)
    listing = config.listing_rules
    backlog = rules.backlog_of(listing.common, feed.rules, is_initial=is_initial)
    own_rules = replace(feed.rules, backlog=backlog)
    feed = replace(feed, rules=own_rules, pictures=PictureMode.OFF)
    with engine.begin() as connection:
        write_subscriptions.follow_config(connection, [feed], listing, stories=False, now=now)
        (due,) = write_leases.lease_named(
            connection, owner=_OWNER, now=now, until=now + LEASE, names=None
        )
    return due


async def _polled(due: DueFeed, settings: PollSettings) -> tuple[CompletedPoll, Fetched]:
    """Fetch and read a feed as `Poller` does at a first poll."""
    started_at = datetime.now(UTC)
    # The document may be hostile: workers have a deadline and a memory limit.
    workers = Workers(1, max_size=settings.fetch.max_size)
    try:
        async with Fetcher(settings.fetch) as fetcher:
            fetched = await fetcher.fetch(
                due.address,
                feed_request=settings.request_of(due.url),
                subscribed=due.url,
                is_page=due.selectors is not None,
            )
        reading = await _read(workers, due, fetched, started_at)
    finally:
        workers.stop()
    success = success_of(due, started_at, fetched, reading)
    relocation = relocation_of(due, fetched.moved_to, started_at)
    poll = CompletedPoll(
        due, started_at, datetime.now(UTC), relocation, success, fetched.status, fetched.size
    )
    return poll, fetched


async def _read(
    workers: Workers, due: DueFeed, fetched: Fetched, requested_at: datetime
) -> ReadingResult:
    try:
        return await document_reader.read(
            workers, due, fetched.headers, fetched.url, fetched.body, requested_at=requested_at
        )
    except ParseError as error:
        page_changed = error.kind == FailureKind.PAGE_CHANGED
        if due.selectors is not None and not page_changed:
            raise
        feeds = await feeds_of_page(workers, fetched) if due.selectors is None else []
        proposals: tuple[PageProposal, ...] = ()
        if not feeds and (page_changed or error.kind == FailureKind.WEB_PAGE):
            proposals = await proposals_of_page(workers, fetched)
        raise NoFeedError(fetched.moved_to or due.address, error, feeds, proposals) from error


def _trial(
    config: Config, engine: Engine, settings: PollSettings, poll: CompletedPoll, fetched: Fetched
) -> Trial:
    """Store a poll, list the entries, and return the places of the entries."""
    document = poll.document or CleanFeed(FeedHead())
    with engine.begin() as connection:
        (reconciled,) = reconcile(connection, [poll], settings)
        record(connection, [poll], settings)
    write_relisting.relist_all(engine)  # rules may name the title that the document has told
    with engine.connect() as connection:
        named_config = config_with_present_names(connection, config)
        entries = _entries(connection, reconciled, named_config)
    return Trial(
        fetched.url,
        fetched.moved_to,
        document.head,
        document.cut_short,
        tuple(sorted(entries, key=lambda entry: entry.id, reverse=True)),
        tuple(_omitted(document, reconciled)),
    )


def _entries(
    connection: Connection, reconciled: ReconciledPoll, config: Config
) -> list[TrialEntry]:
    new_entries = {item.new_entry.identity: item.new_entry.entry for item in reconciled.new_entries}
    ids = {
        stored_entry.id: stored_entry.identity
        for stored_entry in read_known_entries.known_by_identity(connection, new_entries)
    }
    stories = [read_stories.story(connection, entry_id) for entry_id in ids]
    stored = [entry for story in stories if story for entry in story.entries]
    presence_of = presences(connection, stored, config)
    return [
        TrialEntry(entry_id, new_entries[identity], presence_of[entry_id])
        for entry_id, identity in ids.items()
    ]


def with_stored_entries(connection: Connection, trial: Trial) -> Trial:
    """Return a trial whose entries name the feeds that have the same articles already.

    Args:
        connection: To the database of the configuration.
    """
    entries = [
        replace(entry, stored_in=tuple(_feeds_with_link(connection, entry.entry.url)))
        for entry in trial.entries
    ]
    return replace(trial, entries=tuple(entries))


def _feeds_with_link(connection: Connection, url: str | None) -> list[str]:
    ids = read_links.ids_of_link(connection, url) if url else []
    stories = [read_stories.story(connection, entry_id) for entry_id in ids]
    entries = [entry for story in stories if story for entry in story.entries]
    return sorted({entry.feed for entry in entries if entry.id in ids})


def _omitted(document: CleanFeed, reconciled: ReconciledPoll) -> list[OmittedEntry]:
    """Return the entries of the document without a stored entry, in order."""
    stored = {item.new_entry.identity for item in reconciled.new_entries}
    omitted = []
    for entry, match in zip(document.entries, reconciled.matches, strict=False):
        if match is None:
            omitted.append(OmittedEntry(entry, REPEATED))
        elif match.identity not in stored:
            omitted.append(OmittedEntry(entry, EXPIRED))
    return omitted
