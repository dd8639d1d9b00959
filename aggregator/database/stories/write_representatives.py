"""The representatives of stories in lists: each list shows one of the members of a story."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from aggregator import urls
from aggregator.database.chunks import chunks
from aggregator.database.lists import read_member_rows, write_member_rows
from aggregator.database.lists.read_definitions import Definitions, read_definitions
from aggregator.database.lists.read_member_rows import MemberKey, MemberRow
from aggregator.database.schema import WHOLE_LIST_ID, entries, feeds
from aggregator.stories.representatives import StoryMember, shown_entries

STORY_ENTRIES = select(
    entries.c.id,
    entries.c.feed_id,
    entries.c.first_seen_at,
    entries.c.story_id,
    entries.c.guid,
    entries.c.public_id,
    entries.c.url,
    feeds.c.url.label("feed_url"),
    feeds.c.site_url,
    feeds.c.rank,
    feeds.c.stories.label("takes_part"),
).join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
"""Entries with all that the choice of a representative depends on."""

_OF_STORIES = STORY_ENTRIES.where(entries.c.story_id.in_(bindparam("stories", expanding=True)))
_SET_ID = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(public_id=bindparam("new_public_id"))
)


def choose_representatives(
    connection: Connection, story_ids: Collection[int], *, now: datetime
) -> bool:
    """Choose the representatives of stories again, in all lists; return whether any changed."""
    has_changed = False
    for chunk in chunks(sorted(story_ids)):
        stories: dict[int, list[Any]] = {}
        for row in connection.execute(_OF_STORIES, {"stories": chunk}):
            stories.setdefault(row.story_id, []).append(row)
        has_changed |= write_representatives(connection, stories.values(), now=now)
    return has_changed


def write_representatives(
    connection: Connection, stories: Collection[Sequence[Any]], *, now: datetime
) -> bool:
    """Store which entries of stories the lists show, where that changed; return whether it did.

    Args:
        stories: Rows of `STORY_ENTRIES`; an entry without a story stands alone.
    """
    feed_ids = {row.feed_id for rows in stories for row in rows}
    if not feed_ids:
        return False
    definitions = read_definitions(connection, feed_ids)
    rows_of: dict[int, list[MemberRow]] = {}
    for member in read_member_rows.member_rows(
        connection,
        definitions.possible_lists(feed_ids),
        [row.id for rows in stories for row in rows],
    ):
        rows_of.setdefault(member.entry_id, []).append(member)
    changed_rows: list[MemberRow] = []
    for rows in stories:
        changed_rows += _changed_rows(rows, rows_of)
    if not changed_rows:
        return False
    _write(connection, changed_rows, definitions, now)
    _exchange_ids(connection, stories, rows_of, changed_rows)
    return True


def _changed_rows(
    story: Sequence[Any], rows_of: Mapping[int, Sequence[MemberRow]]
) -> Iterable[MemberRow]:
    """Yield the members of lists with another value of `is_representative` than is stored."""
    members = {row.id: _story_member(row) for row in story}
    by_list: dict[int, list[MemberRow]] = {}
    for entry_id in members:
        for row in rows_of.get(entry_id, ()):
            by_list.setdefault(row.list_id, []).append(row)
    for list_rows in by_list.values():
        shown_ids = shown_entries(members[row.entry_id] for row in list_rows)
        for row in list_rows:
            if row.is_representative is not (row.entry_id in shown_ids):
                yield row._replace(is_representative=not row.is_representative)


def _story_member(row: Any) -> StoryMember:
    return StoryMember(
        row.id,
        row.first_seen_at,
        row.takes_part,
        link_site=urls.site_of(row.url or ""),
        feed_site=urls.site_of(row.feed_url),
        named_site=urls.site_of(row.site_url or ""),
        rank=row.rank,
    )


def _write(
    connection: Connection,
    changed_rows: Sequence[MemberRow],
    definitions: Definitions,
    now: datetime,
) -> None:
    """Store new representatives, so that no closed archive changes."""
    withdrawn = read_member_rows.withdrawn_rows(
        connection, {row.entry_id for row in changed_rows if row.is_representative}
    )
    withdrawing: dict[MemberKey, datetime | None] = {}
    rows = []
    for row in changed_rows:
        if not row.is_representative:
            if definitions.is_in_closed_archive(row.list_id, row.entry_id, row.archived_at, now):
                withdrawing[row.key] = row.archived_at
            rows.append(row)
        elif row.key in withdrawn:
            rows.append(row._replace(archived_at=withdrawn[row.key]))
        elif definitions.is_in_closed_archive(row.list_id, row.entry_id, row.archived_at, now):
            rows.append(row._replace(archived_at=now))
        else:
            rows.append(row)
    write_member_rows.change_members(connection, rows)
    write_member_rows.forget_withdrawn(
        connection, [row.key for row in rows if row.is_representative and row.key in withdrawn]
    )
    write_member_rows.withdraw(connection, withdrawing)


def _exchange_ids(
    connection: Connection,
    stories: Iterable[Sequence[Any]],
    rows_of: Mapping[int, Sequence[MemberRow]],
    changed_rows: Sequence[MemberRow],
) -> None:
    """Exchange public ids where a representative replaces another entry with the same guid.

    The new representative is published under the guid, so feed readers do not show the story as
    new.

    Args:
        rows_of: The members of lists before, by entry.
        changed_rows: Those that a list shows from now on, or no longer.
    """
    is_shown = {row.entry_id: row.is_representative for row in _of_whole_list(rows_of.values())}
    changes = {row.entry_id: row.is_representative for row in _of_whole_list([changed_rows])}
    is_shown |= changes
    exchanges: list[dict[str, Any]] = []
    for story in stories:
        replaced = {
            row.guid: row
            for row in story
            if row.guid and row.public_id == row.guid and changes.get(row.id) is False
        }
        for row in story:
            former = replaced.pop(row.guid, None) if is_shown.get(row.id) else None
            if former is not None:
                exchanges.append({"entry": row.id, "new_public_id": former.public_id})
                exchanges.append({"entry": former.id, "new_public_id": row.public_id})
    if exchanges:
        connection.execute(_SET_ID, exchanges)


def _of_whole_list(parts: Iterable[Sequence[MemberRow]]) -> Iterable[MemberRow]:
    return (row for rows in parts for row in rows if row.list_id == WHOLE_LIST_ID)
