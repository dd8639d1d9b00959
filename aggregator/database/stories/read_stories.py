"""Stories in lists: one entry of each, and the other feeds with the same story."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)

from aggregator.database.dialects import gathered, rows_in
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.lists.hourly_limit import WITHIN_HOURLY_LIMIT
from aggregator.database.schema import categories, entries, feeds, state, story_links
from aggregator.model import EntryId, SourceName

STORIES_ON = select(state.c.stories).scalar_subquery()
"""Read in each statement, so that turning stories off or on changes one row and no entry."""

IS_SHOWN = or_(entries.c.is_representative, ~STORIES_ON)
IS_SHOWN_IN_CATEGORY = or_(entries.c.is_category_representative, ~STORIES_ON)

TAKES_PART = and_(
    entries.c.listed,
    WITHIN_HOURLY_LIMIT,
    feeds.c.stories,
    or_(categories.c.id.is_(None), categories.c.stories),
)
"""Whether stories can hide an entry or let it represent others; needs `feeds` and `categories`."""


_MEMBER, _OF_MEMBER = entries.alias("member"), categories.alias("of_member")
_FEED_OF_MEMBER = feeds.alias("feed_of_member")

_ALSO_IN, _FEED, _CATEGORY = entries.alias("there"), feeds.alias("of"), categories.alias("within")
_SOURCE_NAME = (_FEED.c.name, shown_title(_FEED), _FEED.c.language)
_FIRST = type_coerce(_ALSO_IN.c.first_seen_at, BigInteger)


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """An entry of a story, for `explain-story`.

    Attributes:
        is_shown: The list of all entries shows the entry.
    """

    id: int
    feed: str
    title: str
    url: str | None
    listed_at: datetime
    first_seen_at: datetime
    is_shown: bool


@dataclass(frozen=True, slots=True)
class StoryReason:
    """Why two entries are the same story; `score` is 1 to 100."""

    older_id: int
    newer_id: int
    rule: str
    score: int


@dataclass(frozen=True, slots=True)
class Story:
    """The entries of a story in order of arrival, and the links between entries."""

    entries: list[StoryEntry]
    reasons: list[StoryReason]


def shown_once(
    conditions: Callable[[FromClause], Iterable[ColumnElement[bool]]],
) -> ColumnElement[bool]:
    """Return the condition under which a search shows an entry: the representative of the story.

    If the search does not match the representative, the first matching entry is shown.  The
    database looks at the other entries of a story, which are few, only for entries that are not
    representatives.

    Args:
        conditions: The conditions of the search, about an alias of the table.
    """
    earlier: Select[Any] = (
        select(literal_column("1"))
        .select_from(_MEMBER)
        .join(_FEED_OF_MEMBER, _FEED_OF_MEMBER.c.id == _MEMBER.c.feed_id)
        .outerjoin(_OF_MEMBER, _OF_MEMBER.c.id == _MEMBER.c.category_id)
        .where(
            _MEMBER.c.story_id == entries.c.story_id,
            _MEMBER.c.id != entries.c.id,
            or_(
                _MEMBER.c.is_representative,
                tuple_(_MEMBER.c.first_seen_at, _MEMBER.c.id)
                < tuple_(entries.c.first_seen_at, entries.c.id),
            ),
            _MEMBER.c.listed,
            _FEED_OF_MEMBER.c.stories,
            or_(_OF_MEMBER.c.id.is_(None), _OF_MEMBER.c.stories),
            *conditions(_MEMBER),
        )
    )
    return or_(IS_SHOWN, ~exists(earlier.correlate(entries)))


@cache
def also_in(dialect: str) -> ColumnElement[Any]:
    """Return the column `also_in` of a list of `entries`, joined with `feeds` and `categories`.

    Most entries have no story, so the column costs a list next to nothing; a separate statement
    would be an additional one for each page.
    """
    return (
        select(gathered(dialect, _FIRST, _ALSO_IN.c.id, *_SOURCE_NAME))
        .select_from(_ALSO_IN)
        .join(_FEED, _FEED.c.id == _ALSO_IN.c.feed_id)
        .outerjoin(_CATEGORY, _CATEGORY.c.id == _ALSO_IN.c.category_id)
        .where(
            _ALSO_IN.c.story_id == entries.c.story_id,
            _ALSO_IN.c.id != entries.c.id,
            _ALSO_IN.c.listed,
            or_(_CATEGORY.c.id.is_(None), _CATEGORY.c.stories),
            _FEED.c.stories,
            feeds.c.stories,
            or_(categories.c.id.is_(None), categories.c.stories),
            STORIES_ON,
        )
        .correlate(entries, feeds, categories)
        .scalar_subquery()
        .label("also_in")
    )


def sources_in(value: Any) -> tuple[SourceName, ...]:
    """Return the sources in a value of the column `also_in`, in order of arrival."""
    return tuple(SourceName(*source) for _seen_at, _id, *source in sorted(rows_in(value)))


def story(connection: Connection, entry_id: int) -> Story | None:
    """Return the story of an entry, None for an unknown id.

    Args:
        entry_id: Of any entry of the story; an entry without a story is returned alone.
    """
    row = connection.execute(
        select(entries.c.id, entries.c.story_id).where(entries.c.id == entry_id)
    ).one_or_none()
    if row is None:
        return None
    is_member = (
        entries.c.id == entry_id if row.story_id is None else entries.c.story_id == row.story_id
    )
    members = [
        StoryEntry(
            id=row.id,
            feed=row.name,
            title=row.title,
            url=row.url,
            listed_at=EntryId(row.id).at,
            first_seen_at=row.first_seen_at,
            is_shown=row.listed and (row.is_representative or not row.stories),
        )
        for row in connection.execute(_ENTRIES.where(is_member))
    ]
    ids = [member.id for member in members]
    older_id, newer_id = story_links.c.older_id, story_links.c.newer_id
    links = connection.execute(
        select(older_id, newer_id, story_links.c.rule, story_links.c.score)
        .where(or_(older_id.in_(ids), newer_id.in_(ids)))
        .order_by(older_id, newer_id)
    )
    return Story(members, [StoryReason(*link) for link in links])


_ENTRIES = (
    select(
        entries.c.id,
        entries.c.title,
        entries.c.url,
        entries.c.first_seen_at,
        entries.c.listed,
        entries.c.is_representative.label("is_representative"),
        feeds.c.name,
        STORIES_ON.label("stories"),
    )
    .join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    .order_by(entries.c.first_seen_at, entries.c.id)
)
