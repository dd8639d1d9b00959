"""Stories: the links between entries, and the groups that the links make.

Links are stored with a reason; stories follow from links alone, and representatives from stories.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from aggregator.database.chunks import chunks
from aggregator.database.dialects import upsert
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.schema import entries, state, story_links
from aggregator.database.stories.write_candidates import delete_keys
from aggregator.database.stories.write_representatives import STORY_ENTRIES, write_representatives
from aggregator.stories.grouping import stories_of
from aggregator.stories.similarity import StoryLink, StoryRule

_MAX_STORY = 1000  # entries that are linked with each other

_LINKS = select(
    story_links.c.older_id, story_links.c.newer_id, story_links.c.rule, story_links.c.score
)
_LINKS_FROM = _LINKS.where(story_links.c.older_id.in_(bindparam("ids", expanding=True)))
_LINKS_TO = _LINKS.where(story_links.c.newer_id.in_(bindparam("ids", expanding=True)))
_ENTRIES_BY_ID = STORY_ENTRIES.where(entries.c.id.in_(bindparam("ids", expanding=True)))
_KEYS_AND_STORY = select(entries.c.id, entries.c.story_keys, entries.c.story_id).where(
    entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.story_keys.is_not(None)
)
_SET_STORY = (
    update(entries).where(entries.c.id == bindparam("entry")).values(story_id=bindparam("story"))
)


def add_links(connection: Connection, links: Collection[StoryLink], *, now: datetime) -> None:
    """Store links between entries, and make the stories again."""
    if not links:
        return
    rows = [
        {
            "older_id": link.older_id,
            "newer_id": link.newer_id,
            "rule": link.rule.value,
            "score": link.score,
        }
        for link in links
    ]
    upsert(connection, story_links, rows, key=["older_id", "newer_id"])
    linked_ids = {entry_id for link in links for entry_id in (link.older_id, link.newer_id)}
    regroup(connection, linked_ids, now=now)


def forget(connection: Connection, doomed: Sequence[int]) -> set[int]:
    """Delete the keys of entries about to be deleted.

    Args:
        doomed: Ids of the entries.

    Returns:
        The ids of linked entries, for `regroup` after the deletion.
    """
    neighbour_ids: set[int] = set()
    for chunk in chunks(doomed):
        rows = connection.execute(_KEYS_AND_STORY, {"ids": chunk}).all()
        delete_keys(connection, {row.id: row.story_keys for row in rows})
        if any(row.story_id is not None for row in rows):
            for link in _links_of(connection, chunk):
                neighbour_ids |= {link.older_id, link.newer_id}
    return neighbour_ids - set(doomed)


def regroup(connection: Connection, entry_ids: Collection[int], *, now: datetime) -> None:
    """Make the stories of entries again from the stored links."""
    if not entry_ids:
        return
    linked_ids, links = _linked(connection, entry_ids)
    rows = [
        row
        for chunk in chunks(sorted(linked_ids))
        for row in connection.execute(_ENTRIES_BY_ID, {"ids": chunk})
    ]
    feed_of = {row.id: row.feed_id for row in rows}
    stored_links = [link for link in links if link.older_id in feed_of and link.newer_id in feed_of]
    story_of = {
        entry_id: min(story) for story in stories_of(stored_links, feed_of) for entry_id in story
    }
    _write(connection, rows, story_of, now)


def switch(connection: Connection, *, on: bool) -> None:
    """Turn stories on or off in all lists, which follow at once."""
    if connection.scalar(select(state.c.stories)) != on:
        connection.execute(update(state).values(stories=on))
        note_change(connection)


def _links_of(connection: Connection, ids: Sequence[int]) -> set[StoryLink]:
    return {
        StoryLink(older_id, newer_id, StoryRule(rule), score)
        for statement in (_LINKS_FROM, _LINKS_TO)
        for older_id, newer_id, rule, score in connection.execute(statement, {"ids": ids})
    }


def _linked(connection: Connection, seeds: Collection[int]) -> tuple[set[int], set[StoryLink]]:
    """Return the ids of all entries connected with some entries, and the links between them."""
    linked_ids, links = set(seeds), set[StoryLink]()
    frontier = linked_ids
    while frontier and len(linked_ids) < _MAX_STORY + len(seeds):
        frontier_links = {
            link for chunk in chunks(sorted(frontier)) for link in _links_of(connection, chunk)
        }
        links |= frontier_links
        ends = {end for link in frontier_links for end in (link.older_id, link.newer_id)}
        frontier = ends - linked_ids
        linked_ids |= frontier
    return linked_ids, links


def _write(
    connection: Connection,
    rows: Sequence[Any],
    story_of: Mapping[int, int],
    now: datetime,
) -> None:
    """Store the story of each entry where it changed, and the representatives.

    Args:
        rows: Of `STORY_ENTRIES`.
        story_of: Id of the story by entry id; entries without a story are missing.
    """
    changes = [
        {"entry": row.id, "story": story_of.get(row.id)}
        for row in rows
        if story_of.get(row.id) != row.story_id
    ]
    if changes:
        connection.execute(_SET_STORY, changes)
    stories: dict[int, list[Any]] = {}
    for row in rows:
        stories.setdefault(story_of.get(row.id, row.id), []).append(row)
    write_representatives(connection, stories.values(), now=now)
