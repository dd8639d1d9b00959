"""Stories in lists: one entry of each, and the other feeds with the same story."""

from collections.abc import Callable, Collection, Iterable, Sequence
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
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)

from aggregator import urls
from aggregator.database.chunks import chunks
from aggregator.database.dialects import gathered, rows_in
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.lists.list_conditions import IS_SHOWN, STORIES_ON, is_searched
from aggregator.database.schema import (
    WHOLE_LIST_ID,
    contents,
    entries,
    feeds,
    list_members,
    story_links,
)
from aggregator.model import EntryId, Exclusion, OtherEntry, SourceName

_MEMBER, _FEED_OF_MEMBER = entries.alias("member"), feeds.alias("feed_of_member")
_IN_WHOLE_LIST = list_members.alias("in_whole_list")

_ALSO_IN, _FEED = entries.alias("there"), feeds.alias("of")
_OTHER_ENTRY = (
    _ALSO_IN.c.id,
    _ALSO_IN.c.url,
    _FEED.c.read_here,
    _FEED.c.name,
    shown_title(_FEED),
    _FEED.c.language,
)
_FIRST = type_coerce(_ALSO_IN.c.first_seen_at, BigInteger)


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """An entry of a story, for `explain-story`.

    Attributes:
        is_shown: The list of all entries shows the entry.
        exclusion: The reason why no list has the entry, None for an entry in lists.
    """

    id: int
    feed: str
    title: str
    url: str | None
    listed_at: datetime
    first_seen_at: datetime
    is_shown: bool
    exclusion: Exclusion | None = None


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
    database looks at the other entries of a story, which are few, only for entries of stories that
    are not representatives in the whole list.

    Args:
        conditions: The conditions of the search, about an alias of the table.
    """
    earlier: Select[Any] = (
        select(literal_column("1"))
        .select_from(_MEMBER)
        .join(_FEED_OF_MEMBER, _FEED_OF_MEMBER.c.id == _MEMBER.c.feed_id)
        .where(
            _MEMBER.c.story_id == entries.c.story_id,
            _MEMBER.c.id != entries.c.id,
            or_(
                _is_representative(_MEMBER),
                tuple_(_MEMBER.c.first_seen_at, _MEMBER.c.id)
                < tuple_(entries.c.first_seen_at, entries.c.id),
            ),
            is_searched(_MEMBER),
            _FEED_OF_MEMBER.c.stories,
            *conditions(_MEMBER),
        )
    )
    return or_(
        entries.c.story_id.is_(None),
        ~STORIES_ON,
        _is_representative(entries),
        ~exists(earlier.correlate(entries)),
    )


def _is_representative(of: FromClause) -> ColumnElement[bool]:
    """Return whether the whole list shows an entry; an alias of `entries` or the table."""
    return exists(
        select(literal_column("1"))
        .select_from(_IN_WHOLE_LIST)
        .where(
            _IN_WHOLE_LIST.c.list_id == WHOLE_LIST_ID,
            _IN_WHOLE_LIST.c.entry_id == of.c.id,
            _IN_WHOLE_LIST.c.is_representative,
        )
        .correlate(of)
    )


@cache
def also_in(dialect: str) -> ColumnElement[Any]:
    """Return the column `also_in` of a list of `entries`, joined with `feeds`.

    Most entries have no story, so the column costs a list next to nothing; a separate statement
    would be an additional one for each page.
    """
    return (
        select(gathered(dialect, _FIRST, *_OTHER_ENTRY))
        .select_from(_ALSO_IN)
        .join(_FEED, _FEED.c.id == _ALSO_IN.c.feed_id)
        .where(
            _ALSO_IN.c.story_id == entries.c.story_id,
            _ALSO_IN.c.id != entries.c.id,
            is_searched(_ALSO_IN),
            _FEED.c.stories,
            feeds.c.stories,
            STORIES_ON,
        )
        .correlate(entries, feeds)
        .scalar_subquery()
        .label("also_in")
    )


def other_entries(value: Any) -> tuple[OtherEntry, ...]:
    """Return the entries in a value of the column `also_in`, in order of arrival."""
    return tuple(
        OtherEntry(entry_id, url, SourceName(*source), bool(read_here))
        for _seen_at, entry_id, url, read_here, *source in sorted(
            rows_in(value), key=lambda row: row[:2]
        )
    )


def longest_entries(connection: Connection, entry_ids: Sequence[int]) -> dict[int, int]:
    """Return the entry with the longest text of each story; entries without a story are left out.

    Args:
        entry_ids: Of one entry of each story.

    Returns:
        By the given id the id of the entry with the longest text; of equally long ones the given
        entry, else the one that arrived first.
    """
    length = func.coalesce(func.length(contents.c.html), 0)
    statement = (
        select(entries.c.id, _MEMBER.c.id)
        .join(_MEMBER, _MEMBER.c.story_id == entries.c.story_id)
        .join(_FEED_OF_MEMBER, _FEED_OF_MEMBER.c.id == _MEMBER.c.feed_id)
        .outerjoin(contents, contents.c.entry_id == _MEMBER.c.id)
        .where(is_searched(_MEMBER), _FEED_OF_MEMBER.c.stories, STORIES_ON)
        .order_by(
            entries.c.id,
            length.desc(),
            _MEMBER.c.id != entries.c.id,
            _MEMBER.c.first_seen_at,
            _MEMBER.c.id,
        )
    )
    longest: dict[int, int] = {}
    for chunk in chunks(entry_ids):
        for entry_id, member_id in connection.execute(statement.where(entries.c.id.in_(chunk))):
            longest.setdefault(entry_id, member_id)
    return longest


def linked_sites(connection: Connection, feed_ids: Collection[int]) -> dict[int, set[str]]:
    """Return the sites that other entries of the stories of feeds link to, by feed."""
    sites: dict[int, set[str]] = {}
    for chunk in chunks(sorted(feed_ids)):
        for feed_id, url in connection.execute(_LINKS_OF_STORIES, {"feeds": chunk}):
            sites.setdefault(feed_id, set()).add(urls.site_of(url))
    return sites


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
            is_shown=bool(row.is_shown),
            exclusion=row.exclusion,
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


_LINKS_OF_STORIES = (
    select(entries.c.feed_id, _MEMBER.c.url)
    .join(
        _MEMBER,
        and_(_MEMBER.c.story_id == entries.c.story_id, _MEMBER.c.id != entries.c.id),
    )
    .where(
        entries.c.feed_id.in_(bindparam("feeds", expanding=True)),
        entries.c.story_id.is_not(None),
        _MEMBER.c.url.is_not(None),
    )
    .distinct()
)
_ENTRIES = (
    select(
        entries.c.id,
        entries.c.title,
        entries.c.url,
        entries.c.first_seen_at,
        entries.c.exclusion,
        feeds.c.name,
        and_(list_members.c.entry_id.is_not(None), IS_SHOWN).label("is_shown"),
    )
    .join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    .outerjoin(
        list_members,
        and_(list_members.c.list_id == WHOLE_LIST_ID, list_members.c.entry_id == entries.c.id),
    )
    .order_by(entries.c.first_seen_at, entries.c.id)
)
