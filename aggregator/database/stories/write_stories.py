"""Stories: the links between entries, and the representatives shown in lists.

Links are stored with a reason; stories follow from links alone, and representatives from stories:
a story has an entry for the list of all entries, and another for the list of each category.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, true, update

from aggregator import urls
from aggregator.database.chunks import CHUNK_SIZE, chunks
from aggregator.database.dialects import upsert
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.schema import categories, entries, feeds, state, story_links
from aggregator.database.stories.read_stories import TAKES_PART
from aggregator.database.stories.write_candidates import delete_keys
from aggregator.stories import representatives
from aggregator.stories.grouping import stories_of
from aggregator.stories.representatives import SHOWN_EVERYWHERE, Representation, StoryMember
from aggregator.stories.similarity import StoryLink, StoryRule

_MAX_STORY = 1000  # entries that are linked with each other

_LINKS = select(
    story_links.c.older_id, story_links.c.newer_id, story_links.c.rule, story_links.c.score
)
_LINKS_FROM = _LINKS.where(story_links.c.older_id.in_(bindparam("ids", expanding=True)))
_LINKS_TO = _LINKS.where(story_links.c.newer_id.in_(bindparam("ids", expanding=True)))
_MEMBERS = (
    select(
        entries.c.id,
        entries.c.feed_id,
        entries.c.category_id,
        entries.c.first_seen_at,
        entries.c.story_id,
        entries.c.is_representative.label("in_all"),
        entries.c.is_category_representative.label("in_category"),
        entries.c.guid,
        entries.c.public_id,
        entries.c.url,
        feeds.c.url.label("feed_url"),
        feeds.c.site_url,
        feeds.c.rank,
        TAKES_PART.label("takes_part"),
    )
    .join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    .outerjoin(categories, categories.c.id == entries.c.category_id)
)
_MEMBERS_BY_ID = _MEMBERS.where(entries.c.id.in_(bindparam("ids", expanding=True)))
_KEYS_AND_STORY = select(entries.c.id, entries.c.story_keys, entries.c.story_id).where(
    entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.story_keys.is_not(None)
)
_SET_STORY = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(
        story_id=bindparam("story"),
        is_representative=bindparam("in_all"),
        is_category_representative=bindparam("in_category"),
    )
)
_SET_ID = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(public_id=bindparam("new_public_id"))
)


def add_links(connection: Connection, links: Collection[StoryLink]) -> None:
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
    regroup(connection, {entry_id for link in links for entry_id in (link.older_id, link.newer_id)})


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


def regroup(connection: Connection, entry_ids: Collection[int]) -> None:
    """Make the stories of entries again from the stored links."""
    if not entry_ids:
        return
    linked_ids, links = _linked(connection, entry_ids)
    rows = [
        row
        for chunk in chunks(sorted(linked_ids))
        for row in connection.execute(_MEMBERS_BY_ID, {"ids": chunk})
    ]
    feed_of = {row.id: row.feed_id for row in rows}
    stored_links = [link for link in links if link.older_id in feed_of and link.newer_id in feed_of]
    story_of = {
        entry_id: min(story) for story in stories_of(stored_links, feed_of) for entry_id in story
    }
    _write(connection, rows, story_of)


def choose_representatives(
    connection: Connection,
    *,
    feed_ids: Sequence[int] = (),
    category_ids: Sequence[int] = (),
) -> None:
    """Choose representatives again for the stories with entries of some feeds or categories.

    Links and stories stay.
    """
    if not feed_ids and not category_ids:
        return
    condition = or_(entries.c.feed_id.in_(feed_ids), entries.c.category_id.in_(category_ids))
    if len(feed_ids) + len(category_ids) > CHUNK_SIZE:
        condition = true()
    story_ids = (
        select(entries.c.story_id).where(entries.c.story_id.is_not(None), condition).distinct()
    )
    for chunk in chunks(list(connection.scalars(story_ids))):
        rows = connection.execute(_MEMBERS.where(entries.c.story_id.in_(chunk))).all()
        _write(connection, rows, {row.id: row.story_id for row in rows})


def switch(connection: Connection, *, on: bool, off_in: Iterable[str] = ()) -> None:
    """Turn stories on or off, in all lists or for categories; lists follow at once.

    Args:
        off_in: Names of categories without stories, in any spelling.
    """
    rows = connection.execute(select(categories)).all()
    slugs = {row.name: row.slug for row in rows}
    names_off = {name for text in off_in for name in urls.matching_categories(text, slugs)}
    is_switched = connection.scalar(select(state.c.stories)) != on
    if is_switched:
        connection.execute(update(state).values(stories=on))
    switched_ids = [row.id for row in rows if row.stories is (row.name in names_off)]
    if switched_ids:
        connection.execute(
            update(categories)
            .where(categories.c.id.in_(switched_ids))
            .values(stories=~categories.c.stories)
        )
        choose_representatives(connection, category_ids=switched_ids)
    if switched_ids or is_switched:
        note_change(connection)


def set_share(connection: Connection, per_hour: int | None) -> None:
    """Bound the number of posts per feed and hour in lists; lists follow at once.

    Args:
        per_hour: None for any number.
    """
    before: int | None = connection.scalar(select(state.c.per_hour))
    if before == per_hour:
        return
    connection.execute(update(state).values(per_hour=per_hour))
    bounds = [bound for bound in (before, per_hour) if bound is not None]
    feed_ids = select(entries.c.feed_id).where(entries.c.hour_rank >= min(bounds)).distinct()
    choose_representatives(connection, feed_ids=list(connection.scalars(feed_ids)))
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


def _member(row: Any) -> StoryMember:
    return StoryMember(
        row.id,
        row.category_id,
        row.first_seen_at,
        row.takes_part,
        link_site=urls.site_of(row.url or ""),
        feed_site=urls.site_of(row.feed_url),
        named_site=urls.site_of(row.site_url or ""),
        rank=row.rank,
    )


def _write(connection: Connection, rows: Sequence[Any], story_of: Mapping[int, int]) -> None:
    """Store the story of each entry and which lists show the entry, where either changed.

    Args:
        rows: Of `_MEMBERS`.
        story_of: Id of the story by entry id; entries without a story are missing.
    """
    members: dict[int | None, list[StoryMember]] = {}
    for row in rows:
        members.setdefault(story_of.get(row.id), []).append(_member(row))
    representations = {member.entry_id: SHOWN_EVERYWHERE for member in members.pop(None, [])}
    for story_members in members.values():
        representations |= representatives.choose_representatives(story_members)
    changes = [
        {
            "entry": row.id,
            "story": story_of.get(row.id),
            "in_all": representations[row.id].in_all,
            "in_category": representations[row.id].in_category,
        }
        for row in rows
        if representations[row.id] != Representation(row.in_all, row.in_category)
        or story_of.get(row.id) != row.story_id
    ]
    if changes:
        connection.execute(_SET_STORY, changes)
    if exchanged_ids := _exchanged_ids(rows, story_of, representations):
        connection.execute(_SET_ID, exchanged_ids)


def _exchanged_ids(
    rows: Sequence[Any],
    story_of: Mapping[int, int],
    representations: Mapping[int, Representation],
) -> list[dict[str, Any]]:
    """Return new public ids where a representative replaces another entry with the same guid.

    The new representative is published under the guid, so feed readers do not show the story as
    new.
    """
    replaced: dict[tuple[int | None, str | None], Any] = {
        (story_of.get(row.id), row.guid): row
        for row in rows
        if row.in_all
        and not representations[row.id].in_all
        and row.guid
        and row.public_id == row.guid
    }
    exchanged_ids = []
    for row in rows:
        if not representations[row.id].in_all:
            continue
        former = replaced.pop((story_of.get(row.id), row.guid), None)
        if former is not None:
            exchanged_ids.append({"entry": row.id, "new_public_id": former.public_id})
            exchanged_ids.append({"entry": former.id, "new_public_id": row.public_id})
    return exchanged_ids
