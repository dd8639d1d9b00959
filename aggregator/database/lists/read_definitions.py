"""What the database says about lists: categories and views, rules, and limits of feeds."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, exists, select, union_all

from aggregator import dates, rules
from aggregator.database.lists.list_conditions import STORIES_ON
from aggregator.database.schema import (
    WHOLE_LIST_ID,
    feed_categories,
    feeds,
    lists,
    relistings,
    state,
)
from aggregator.model import NO_RULES, CommonRules, EntryId, FeedRules, ListKind
from aggregator.rules import Limits

ALL_FEEDS = 0
"""The id in `relistings` that stands for all feeds."""

VIEWS_ALONE = -1
"""The id in `relistings` that stands for all feeds, if only views have changed."""

_FEEDS = (
    select(
        feeds.c.id,
        feeds.c.subscribed,
        feeds.c.listing,
        feeds.c.is_initial,
        feeds.c.first_read_at,
        feeds.c.entries,
        feed_categories.c.list_id,
        lists.c.began_at,
    )
    .outerjoin_from(feeds, feed_categories, feed_categories.c.feed_id == feeds.c.id)
    .outerjoin(lists, lists.c.id == feed_categories.c.list_id)
    .where(feeds.c.id.in_(bindparam("feeds", expanding=True)))
    .order_by(feeds.c.id, feed_categories.c.position)
)
_COLUMNS = (
    lists.c.id,
    lists.c.search,
    lists.c.position,
    lists.c.began_at,
    select(state.c.listing).scalar_subquery().label("listing"),
    STORIES_ON.label("stories"),
    exists(select(relistings.c.feed_id)).label("is_relisting"),
)
_LISTS = union_all(  # each by an index, as there may be thousands of categories
    select(*_COLUMNS).where(lists.c.kind.in_([ListKind.ALL.value, ListKind.VIEW.value])),
    select(*_COLUMNS).where(lists.c.position.is_(None), lists.c.entries > 0),
)
"""The whole list, views, and lists that left the file; the categories of a feed are in `_FEEDS`.

A view that left the file comes twice.
"""

_FORMER_LISTS = select(relistings.c.feed_id, relistings.c.former_lists).where(
    relistings.c.former_lists.is_not(None)
)


@dataclass(frozen=True, slots=True)
class FeedDefinition:
    """What lists need to know about a feed.

    Attributes:
        entries: Number of stored entries.
        categories: Ids of the lists of the feed's categories, in the order of config.yaml.
        former_lists: Ids of lists that the feed left, and that may still have its entries.
    """

    is_subscribed: bool
    rules: FeedRules
    limits: Limits
    entries: int
    categories: tuple[int, ...] = ()
    former_lists: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the database says about lists and some feeds.

    Attributes:
        feeds: By id.
        views: The searches of views, by the ids of their lists.
        left_lists: Ids of lists that left config.yaml and still have members.
        began_at: When the first entry came into a list, by the list's id; None for an empty one.
        shows_stories: Lists show one entry of a story.
    """

    common: CommonRules
    feeds: Mapping[int, FeedDefinition]
    views: Mapping[int, str]
    left_lists: frozenset[int]
    began_at: Mapping[int, datetime | None]
    shows_stories: bool

    @property
    def has_rules(self) -> bool:
        """Whether it depends on texts which lists have an entry."""
        return bool(self.views) or any(
            rule is not None
            for feed in self.feeds.values()
            for rule in (self.common.hide, feed.rules.hide, feed.rules.keep)
        )

    def possible_lists(self, feed_ids: Iterable[int]) -> set[int]:
        """Return the ids of all lists that may have members of some feeds."""
        ids = {WHOLE_LIST_ID, *self.views, *self.left_lists}
        for feed_id in feed_ids:
            ids.update(self.feeds[feed_id].categories, self.feeds[feed_id].former_lists)
        return ids

    def archived_at(self, list_id: int, entry_id: int, now: datetime) -> datetime | None:
        """Return when an entry that a list shows from now on comes into the list's archive.

        None for an entry that stands in the archive at its place: no archive of a list is closed
        in the list's first week.
        """
        began_at = self.began_at.get(list_id)
        if began_at is None or dates.archived_at(began_at, now) is None:
            return None
        return dates.archived_at(EntryId(entry_id).at, now)

    def is_in_closed_archive(
        self, list_id: int, entry_id: int, archived_at: datetime | None, now: datetime
    ) -> bool:
        """Whether an entry that a list has shown stands in an archive that stays as it is.

        Args:
            archived_at: As stored with the member.
        """
        began_at = self.began_at.get(list_id)
        if began_at is None or dates.archived_at(began_at, now) is None:
            return False
        return dates.archived_at(archived_at or EntryId(entry_id).at, now) is not None


def read_definitions(connection: Connection, feed_ids: Collection[int]) -> Definitions:
    """Return what the database says about lists and some feeds."""
    list_rows = connection.execute(_LISTS).all()
    common = common_rules(list_rows[0].listing)
    former_lists = _former_lists(connection) if list_rows[0].is_relisting else {}
    rows_of: dict[int, list[Any]] = {}
    for row in connection.execute(_FEEDS, {"feeds": sorted(feed_ids)}):
        rows_of.setdefault(row.id, []).append(row)
    feed_rows = (row for rows in rows_of.values() for row in rows)
    began_at = {row.list_id: row.began_at for row in feed_rows if row.list_id is not None}
    return Definitions(
        common=common,
        feeds={feed_id: _feed(rows, common, former_lists) for feed_id, rows in rows_of.items()},
        views={row.id: row.search for row in list_rows if row.search and row.position is not None},
        left_lists=frozenset(row.id for row in list_rows if row.position is None),
        began_at=began_at | {row.id: row.began_at for row in list_rows},
        shows_stories=list_rows[0].stories,
    )


def _former_lists(connection: Connection) -> dict[int, frozenset[int]]:
    """Return the ids of the lists that feeds have left and that may still have their entries."""
    rows = connection.execute(_FORMER_LISTS)
    return {row.feed_id: frozenset(row.former_lists) for row in rows}


def _feed(
    rows: list[Any],
    common: CommonRules,
    former_lists: Mapping[int, frozenset[int]],
) -> FeedDefinition:
    """Return the definition of a feed with a row for each category."""
    feed = rows[0]
    own_rules = feed_rules(feed.listing)
    no_lists = frozenset[int]()
    return FeedDefinition(
        feed.subscribed,
        own_rules,
        Limits(
            own_rules.per_day,
            common.per_hour,
            rules.backlog_of(common, own_rules, is_initial=feed.is_initial),
            feed.first_read_at,
            ZoneInfo(common.timezone),
        ),
        feed.entries,
        tuple(row.list_id for row in rows if row.list_id is not None),
        former_lists.get(feed.id, no_lists) | former_lists.get(ALL_FEEDS, no_lists),
    )


@lru_cache(maxsize=4)
def common_rules(listing: str | None) -> CommonRules:
    """Return the rules of all feeds as `state.listing` has them."""
    return CommonRules() if listing is None else rules.common_rules(listing)


@lru_cache(maxsize=1024)
def feed_rules(listing: str | None) -> FeedRules:
    """Return the rules of a feed as `feeds.listing` has them."""
    return NO_RULES if listing is None else rules.feed_rules(listing)
