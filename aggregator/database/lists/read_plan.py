"""What a plan of config.yaml compares: the former file, recent entries, the matches of rules."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from aggregator.database.chunks import chunks
from aggregator.database.feeds import read_subscriptions
from aggregator.database.lists.read_definitions import common_rules
from aggregator.database.lists.search_query import SearchCompiler
from aggregator.database.schema import entries, feeds, former_names, lists, state
from aggregator.model import ListKind, View
from aggregator.plan import ExampleEntry, RecentEntry, RuleSearch, StoredConfig

_HIGHEST_ID = 2**63 - 2
_MAX_EXCERPT = 80

_VIEWS = (
    select(lists)
    .where(lists.c.kind == ListKind.VIEW.value, lists.c.position.is_not(None))
    .order_by(lists.c.position)
)
_FORMER_NAMES = select(former_names.c.name, former_names.c.feed_id)
_RECENT = select(
    entries.c.id,
    entries.c.feed_id,
    entries.c.first_seen_at,
    entries.c.copied,
    entries.c.story_id,
)


def stored_config(connection: Connection) -> StoredConfig:
    """Return config.yaml as it was when the file was read last."""
    row = connection.execute(select(state.c.listing, state.c.stories)).one()
    return StoredConfig(
        feeds=tuple(read_subscriptions.stored_feeds(connection)),
        common=common_rules(row.listing),
        views=tuple(
            View(view.key, view.title, view.search or "", view.description)
            for view in connection.execute(_VIEWS)
        ),
        shows_stories=row.stories,
        former_names={row.name: row.feed_id for row in connection.execute(_FORMER_NAMES)},
    )


def recent_entries(connection: Connection, lowest: int) -> list[RecentEntry]:
    """Return all entries from the id `lowest`, in order."""
    statement = _RECENT.where(entries.c.id >= lowest).order_by(entries.c.id)
    return [RecentEntry(*row) for row in connection.execute(statement)]


def matching_ids(connection: Connection, search: RuleSearch, lowest: int) -> set[int]:
    """Return the ids of the entries from the id `lowest` that match a search."""
    compiler = SearchCompiler(connection, search.resolution, ZoneInfo(search.timezone))
    return compiler.matching_ids(search.node, low=lowest, high=_HIGHEST_ID)


def example_entries(connection: Connection, ids: Iterable[int]) -> dict[int, ExampleEntry]:
    """Return entries by id, for people."""
    statement = select(
        entries.c.id, feeds.c.name, entries.c.title, entries.c.summary, entries.c.url
    ).join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    return {
        row.id: ExampleEntry(row.id, row.name, row.title or row.summary[:_MAX_EXCERPT], row.url)
        for chunk in chunks(sorted(ids))
        for row in connection.execute(statement.where(entries.c.id.in_(chunk)))
    }
