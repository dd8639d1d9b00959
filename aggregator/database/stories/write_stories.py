"""Stories: which entries are the same one, kept with the reasons; which of them lists show.

keys    -> candidates      entries of other feeds that share a key
links                      those that are the same story: everything else follows from these
stories -> leads           one entry of each story for the whole list, one for each category
"""

import struct
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, true, update

from aggregator import urls
from aggregator.database.chunks import MANY, chunks
from aggregator.database.dialects import insert_all, upsert
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.schema import (
    categories,
    contents,
    entries,
    feeds,
    state,
    story_candidates,
    story_keys,
    story_links,
)
from aggregator.database.stories.read_stories import TAKES_PART
from aggregator.model import EntryId
from aggregator.stories import representatives, similarity
from aggregator.stories.representatives import Member
from aggregator.stories.similarity import MAX_TEXT, Article, StoryLink

_HOLDERS = 32  # entries of a key; what more of them share says little, like "the" in a search
_OF_FULL_KEY = 4  # of these that an entry is compared with
_HOLDERS_OF_FEED = 8  # so that a feed with one form for all does not take them all
_CANDIDATES = 16  # that one entry is compared with
_MAX_STORY = 1000  # entries that hang together


def packed(keys: Iterable[int]) -> bytes:
    """Return keys as the column `entries.story_keys` has them."""
    some = tuple(keys)
    return struct.pack(f"<{len(some)}i", *some)


@dataclass(frozen=True, slots=True)
class KeyedEntry:
    """A new entry, as far as candidates for the same story depend on it."""

    feed_id: int
    keys: Sequence[int]


def candidates(
    connection: Connection, keyed_entries: Mapping[int, KeyedEntry]
) -> list[tuple[int, int]]:
    """File new entries under their keys; return the pairs of ids that may be the same story.

    Args:
        keyed_entries: New entries by id.
    """
    holders = _holders(connection, {key for entry in keyed_entries.values() for key in entry.keys})
    rows: list[tuple[int, int, int]] = []
    pairs: list[tuple[int, int]] = []
    for entry_id in sorted(keyed_entries):
        feed_id = keyed_entries[entry_id].feed_id
        shared: list[int] = []
        for key in keyed_entries[entry_id].keys:
            holding = holders.get(key)
            if holding is None:  # as most have none
                holders[key] = {entry_id: feed_id}
            else:
                shared += _likely(holding, entry_id, feed_id)
                if len(holding) >= _HOLDERS or _count(holding, feed_id) >= _HOLDERS_OF_FEED:
                    continue
                holding[entry_id] = feed_id
            rows.append((key, entry_id, feed_id))
        if shared:
            times = Counter(shared)
            likely = sorted(times, key=lambda one: (-times[one], abs(one - entry_id), one))
            pairs += [(entry_id, other) for other in likely[:_CANDIDATES]]
    insert_all(connection, story_keys, ("key", "entry_id", "feed_id"), rows)
    return pairs


def articles(
    connection: Connection, pairs: Iterable[tuple[int, int]]
) -> list[tuple[Article, Article]]:
    """Return the entries of these pairs to be compared; a pair with a deleted one is left out."""
    pairs = list(pairs)
    by_id = _articles(connection, {entry_id for pair in pairs for entry_id in pair})
    return [(by_id[a], by_id[b]) for a, b in pairs if a in by_id and b in by_id]


def postpone(connection: Connection, pairs: Collection[tuple[int, int]]) -> None:
    """Store pairs of ids that are to be compared in a later transaction."""
    rows = [{"entry_id": entry_id, "candidate_id": candidate} for entry_id, candidate in pairs]
    if rows:
        upsert(connection, story_candidates, rows, key=["entry_id", "candidate_id"])


def take_postponed(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Return up to `limit` pairs that `postpone` stored, the newest entries' first; delete them."""
    rows = connection.execute(
        select(story_candidates)
        .order_by(story_candidates.c.entry_id.desc(), story_candidates.c.candidate_id)
        .limit(limit)
    )
    pairs = [(row.entry_id, row.candidate_id) for row in rows]
    if pairs:
        connection.execute(
            _DELETE_POSTPONED, [{"an_entry": entry, "a_candidate": other} for entry, other in pairs]
        )
    return pairs


def add_links(connection: Connection, links: Collection[StoryLink]) -> None:
    """Store that entries are the same story, and make the stories that follow from it."""
    if not links:
        return
    rows = [
        {"one": link.one, "other": link.other, "rule": link.rule.value, "score": link.score}
        for link in links
    ]
    upsert(connection, story_links, rows, key=["one", "other"])
    _regroup(connection, {entry_id for link in links for entry_id in (link.one, link.other)})


def forget(connection: Connection, doomed: Sequence[int]) -> set[int]:
    """Take entries that are about to be deleted out of the keys; return what they hang with.

    Call `regroup` with that once they are gone.
    """
    neighbours: set[int] = set()
    for chunk in chunks(doomed):
        keyed = connection.execute(_PACKED, {"ids": chunk}).all()
        rows = [
            {"a_key": key, "an_entry": row.id}
            for row in keyed
            for key in struct.unpack(f"<{len(row.story_keys) // 4}i", row.story_keys)
        ]
        if rows:
            connection.execute(_DELETE_KEYS, rows)
        if any(row.story_id is not None for row in keyed):
            neighbours |= {end for link in _links_of(connection, chunk) for end in link[:2]}
    return neighbours - set(doomed)


def regroup(connection: Connection, entry_ids: Collection[int]) -> None:
    """Make the stories of these entries anew from the links that there are."""
    if entry_ids:
        _regroup(connection, entry_ids)


def relead(
    connection: Connection,
    *,
    feed_ids: Sequence[int] = (),
    category_ids: Sequence[int] = (),
) -> None:
    """Decide anew which entries of stories lists show, where some are of these feeds or categories.

    Not their links: what was found to be the same story stays known.
    """
    if not feed_ids and not category_ids:
        return
    which = or_(entries.c.feed_id.in_(feed_ids), entries.c.category_id.in_(category_ids))
    if len(feed_ids) + len(category_ids) > MANY:
        which = true()
    concerned = select(entries.c.story_id).where(entries.c.story_id.is_not(None), which).distinct()
    for chunk in chunks(list(connection.scalars(concerned))):
        rows = connection.execute(_MEMBERS.where(entries.c.story_id.in_(chunk))).all()
        _write(connection, rows, {row.id: row.story_id for row in rows})


def switch(connection: Connection, *, on: bool, off_in: Iterable[str] = ()) -> None:
    """Turn stories on or off, in all lists or for categories; lists follow at once.

    Args:
        off_in: Names of categories, however they are spelt.
    """
    rows = connection.execute(select(categories)).all()
    slugs = {row.name: row.slug for row in rows}
    off = {name for text in off_in for name in urls.named_categories(text, slugs)}
    changed = connection.scalar(select(state.c.stories)) != on
    if changed:
        connection.execute(update(state).values(stories=on))
    switched = [row.id for row in rows if row.stories is (row.name in off)]
    if switched:
        connection.execute(
            update(categories)
            .where(categories.c.id.in_(switched))
            .values(stories=~categories.c.stories)
        )
        relead(connection, category_ids=switched)
    if switched or changed:
        note_change(connection)


def set_share(connection: Connection, per_hour: int | None) -> None:
    """Bound how many posts of one feed and hour stand in lists; they follow at once.

    Args:
        per_hour: None for any number.
    """
    before: int | None = connection.scalar(select(state.c.per_hour))
    if before == per_hour:
        return
    connection.execute(update(state).values(per_hour=per_hour))
    bounds = [bound for bound in (before, per_hour) if bound is not None]
    beyond = select(entries.c.feed_id).where(entries.c.hour_rank >= min(bounds)).distinct()
    relead(connection, feed_ids=list(connection.scalars(beyond)))
    note_change(connection)


# ---------------------------------------------------------------------------- candidates

_DELETE_KEYS = delete(story_keys).where(
    story_keys.c.key == bindparam("a_key"), story_keys.c.entry_id == bindparam("an_entry")
)
_DELETE_POSTPONED = delete(story_candidates).where(
    story_candidates.c.entry_id == bindparam("an_entry"),
    story_candidates.c.candidate_id == bindparam("a_candidate"),
)
_HOLDING = select(story_keys).where(story_keys.c.key.in_(bindparam("keys", expanding=True)))
_PACKED = select(entries.c.id, entries.c.story_keys, entries.c.story_id).where(
    entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.story_keys.is_not(None)
)
_ARTICLES = (
    select(
        entries.c.id,
        entries.c.feed_id,
        feeds.c.url.label("feed_url"),
        feeds.c.site_url,
        entries.c.url,
        entries.c.title,
        func.substr(contents.c.html, 1, MAX_TEXT).label("html"),
    )
    .join_from(entries, feeds, feeds.c.id == entries.c.feed_id)
    .outerjoin(contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)


def _holders(connection: Connection, keys: Collection[int]) -> dict[int, dict[int, int]]:
    """Return the feed of each entry that has one of the keys, by key and entry."""
    found: dict[int, dict[int, int]] = {}
    for chunk in chunks(sorted(keys)):
        for key, entry_id, feed_id in connection.execute(_HOLDING, {"keys": chunk}):
            found.setdefault(key, {})[entry_id] = feed_id
    return found


def _likely(holding: Mapping[int, int], entry_id: int, feed_id: int) -> list[int]:
    """Return the entries of other feeds that have a key, of many the nearest in time."""
    others = [other for other, feed in holding.items() if feed != feed_id]
    if len(holding) < _HOLDERS:
        return others
    return sorted(others, key=lambda other: (abs(other - entry_id), other))[:_OF_FULL_KEY]


def _count(holding: Mapping[int, int], feed_id: int) -> int:
    return sum(feed == feed_id for feed in holding.values())


def _articles(connection: Connection, ids: Collection[int]) -> dict[int, Article]:
    return {
        row.id: Article(
            entry_id=row.id,
            feed=row.feed_id,
            homes=(row.feed_url, row.site_url),
            url=row.url,
            title=row.title,
            html=row.html or "",
            at=EntryId(row.id).at,
        )
        for chunk in chunks(sorted(ids))
        for row in connection.execute(_ARTICLES, {"ids": chunk})
    }


# ------------------------------------------------------------------------------- stories

_LINKS = select(story_links.c.one, story_links.c.other, story_links.c.rule, story_links.c.score)
_LINKS_FROM = _LINKS.where(story_links.c.one.in_(bindparam("ids", expanding=True)))
_LINKS_TO = _LINKS.where(story_links.c.other.in_(bindparam("ids", expanding=True)))
_MEMBERS = (
    select(
        entries.c.id,
        entries.c.feed_id,
        entries.c.category_id,
        entries.c.first_seen_at,
        entries.c.story_id,
        entries.c.leads,
        entries.c.leads_category,
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
_SET_STORY = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(
        story_id=bindparam("story"),
        leads=bindparam("in_all"),
        leads_category=bindparam("in_category"),
    )
)
_SET_ID = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(public_id=bindparam("new_public_id"))
)


def _links_of(connection: Connection, ids: Sequence[int]) -> set[tuple[int, int, str, int]]:
    return {
        (row.one, row.other, row.rule, row.score)
        for statement in (_LINKS_FROM, _LINKS_TO)
        for row in connection.execute(statement, {"ids": ids})
    }


def _regroup(connection: Connection, seeds: Collection[int]) -> None:
    reached, links = set(seeds), set()
    fresh = reached
    while fresh and len(reached) < _MAX_STORY + len(seeds):
        found = {link for chunk in chunks(sorted(fresh)) for link in _links_of(connection, chunk)}
        links |= found
        fresh = {end for link in found for end in link[:2]} - reached
        reached |= fresh
    rows = [
        row
        for chunk in chunks(sorted(reached))
        for row in connection.execute(_MEMBERS_BY_ID, {"ids": chunk})
    ]
    feed_of = {row.id: row.feed_id for row in rows}
    known = [
        StoryLink(one, other, similarity.Rule(rule), score)
        for one, other, rule, score in links
        if one in feed_of and other in feed_of
    ]
    story_of = {
        entry_id: min(story) for story in similarity.groups(known, feed_of) for entry_id in story
    }
    _write(connection, rows, story_of)


def _member(row: Any) -> Member:
    return Member(
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
    """Store the story of each entry and which of them lists show, where that changed."""
    members: dict[int | None, list[Member]] = {}
    for row in rows:
        members.setdefault(story_of.get(row.id), []).append(_member(row))
    alone = {member.entry_id: (True, True) for member in members.pop(None, [])}
    leads = alone | {
        entry_id: shown
        for some in members.values()
        for entry_id, shown in representatives.leading(some).items()
    }
    changes = [
        {
            "entry": row.id,
            "story": story_of.get(row.id),
            "in_all": wanted[0],
            "in_category": wanted[1],
        }
        for row in rows
        if (wanted := leads[row.id]) != (row.leads, row.leads_category)
        or story_of.get(row.id) != row.story_id
    ]
    if changes:
        connection.execute(_SET_STORY, changes)
    if exchanged := _exchanged_ids(rows, story_of, leads):
        connection.execute(_SET_ID, exchanged)


def _exchanged_ids(
    rows: Sequence[Any], story_of: Mapping[int, int], leads: Mapping[int, tuple[bool, bool]]
) -> list[dict[str, Any]]:
    """Return new ids of the entries of which one takes the place of another with the same guid.

    It is published under the guid from then on, and so is no new entry to who reads the list.
    """
    led: dict[tuple[int | None, str | None], Any] = {
        (story_of.get(row.id), row.guid): row
        for row in rows
        if row.leads and not leads[row.id][0] and row.guid and row.public_id == row.guid
    }
    exchanged = []
    for row in rows:
        former = led.pop((story_of.get(row.id), row.guid), None) if leads[row.id][0] else None
        if former is not None:
            exchanged.append({"entry": row.id, "new_public_id": former.public_id})
            exchanged.append({"entry": former.id, "new_public_id": row.public_id})
    return exchanged
