"""How stories show in what is read: one entry of each in a list, and where else it stands."""

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
from aggregator.database.lists.share import WITHIN_SHARE
from aggregator.database.schema import categories, entries, feeds, state, story_links
from aggregator.model import EntryId, SourceName

ON = select(state.c.stories).scalar_subquery()
"""Asked for in each statement: turning stories off or on is one row, and no entry's."""

SHOWN = or_(entries.c.leads, ~ON)
SHOWN_IN_CATEGORY = or_(entries.c.leads_category, ~ON)

TAKES_PART = and_(
    entries.c.listed,
    WITHIN_SHARE,
    feeds.c.stories,
    or_(categories.c.id.is_(None), categories.c.stories),
)
"""What of an entry decides whether it can be left out, or stand for others; with `feeds` and
`categories`."""


_MEMBER, _OF_MEMBER = entries.alias("member"), categories.alias("of_member")
_FEED_OF_MEMBER = feeds.alias("feed_of_member")

_THERE, _FEED, _CATEGORY = entries.alias("there"), feeds.alias("of"), categories.alias("within")
_NAME = _FEED.c.name, shown_title(_FEED), _FEED.c.language
_FIRST = type_coerce(_THERE.c.first_seen_at, BigInteger)


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """An entry of a story, for whoever asks why it is one.

    Attributes:
        shown: It is the one that the whole list shows.
    """

    id: int
    feed: str
    title: str
    url: str | None
    listed_at: datetime
    first_seen_at: datetime
    shown: bool


@dataclass(frozen=True, slots=True)
class StoryReason:
    """Why two entries are the same story; `score` is 1 to 100."""

    one: int
    other: int
    rule: str
    score: int


def shown_once(found: Callable[[FromClause], Iterable[ColumnElement[bool]]]) -> ColumnElement[bool]:
    """Return the condition that a search shows an entry: the one of its story that lists show.

    That one may not have the words; then it is the first that has.  Only entries that do not lead
    look at the others of their story, which are few.

    Args:
        found: What the search asks of an entry, about an alias of the table.
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
                _MEMBER.c.leads,
                tuple_(_MEMBER.c.first_seen_at, _MEMBER.c.id)
                < tuple_(entries.c.first_seen_at, entries.c.id),
            ),
            _MEMBER.c.listed,
            _FEED_OF_MEMBER.c.stories,
            or_(_OF_MEMBER.c.id.is_(None), _OF_MEMBER.c.stories),
            *found(_MEMBER),
        )
    )
    return or_(SHOWN, ~exists(earlier.correlate(entries)))


@cache
def also_in(dialect: str) -> ColumnElement[Any]:
    """Return the column `also_in` of a list of `entries` with their `feeds` and `categories`.

    Most entries have no story, so it costs a list of 40 next to nothing; as a statement of its own
    it would be one more for each page.
    """
    return (
        select(
            gathered(
                dialect, _FIRST, _THERE.c.id, _FEED.c.name, shown_title(_FEED), _FEED.c.language
            )
        )
        .select_from(_THERE)
        .join(_FEED, _FEED.c.id == _THERE.c.feed_id)
        .outerjoin(_CATEGORY, _CATEGORY.c.id == _THERE.c.category_id)
        .where(
            _THERE.c.story_id == entries.c.story_id,
            _THERE.c.id != entries.c.id,
            _THERE.c.listed,
            or_(_CATEGORY.c.id.is_(None), _CATEGORY.c.stories),
            _FEED.c.stories,
            feeds.c.stories,
            or_(categories.c.id.is_(None), categories.c.stories),
            ON,
        )
        .correlate(entries, feeds, categories)
        .scalar_subquery()
        .label("also_in")
    )


def sources_in(value: Any) -> tuple[SourceName, ...]:
    """Return what the column `also_in` holds, first come first."""
    return tuple(SourceName(*source) for _seen_at, _id, *source in sorted(rows_in(value)))


def story(
    connection: Connection, entry_id: int
) -> tuple[list[StoryEntry], list[StoryReason]] | None:
    """Return the entries of a story and all that links them; None: there is no such entry.

    Args:
        entry_id: Of any entry of it; one that is in no story is returned alone.
    """
    of = connection.execute(
        select(entries.c.id, entries.c.story_id).where(entries.c.id == entry_id)
    ).one_or_none()
    if of is None:
        return None
    which = entries.c.id == entry_id if of.story_id is None else entries.c.story_id == of.story_id
    rows = connection.execute(_ENTRIES.where(which)).all()
    ids = [row.id for row in rows]
    links = connection.execute(
        select(story_links)
        .where(or_(story_links.c.one.in_(ids), story_links.c.other.in_(ids)))
        .order_by(story_links.c.one, story_links.c.other)
    )
    found = [
        StoryEntry(
            id=row.id,
            feed=row.name,
            title=row.title,
            url=row.url,
            listed_at=EntryId(row.id).at,
            first_seen_at=row.first_seen_at,
            shown=row.listed and (row.leads or not row.stories),
        )
        for row in rows
    ]
    return found, [StoryReason(row.one, row.other, row.rule, row.score) for row in links]


_ENTRIES = (
    select(
        entries.c.id,
        entries.c.title,
        entries.c.url,
        entries.c.first_seen_at,
        entries.c.listed,
        entries.c.leads,
        feeds.c.name,
        ON.label("stories"),
    )
    .join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    .order_by(entries.c.first_seen_at, entries.c.id)
)
