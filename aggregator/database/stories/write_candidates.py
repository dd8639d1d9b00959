"""The keys of stories, and pairs of entries to compare."""

import struct
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, select

from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.dialects import insert_all, upsert
from aggregator.database.schema import contents, entries, feeds, story_candidates, story_keys
from aggregator.model import EntryId
from aggregator.stories.articles import Article
from aggregator.stories.tokens import MAX_TEXT

_MAX_HOLDERS = 32  # entries of one key: what more entries share says little
_CANDIDATES_OF_FULL_KEY = 4
_MAX_HOLDERS_OF_FEED = 8  # so that a feed with one template does not fill all keys
_MAX_CANDIDATES = 16  # of one entry

_DELETE_KEYS = delete(story_keys).where(
    story_keys.c.key == bindparam("a_key"), story_keys.c.entry_id == bindparam("an_entry")
)
_DELETE_POSTPONED = delete(story_candidates).where(
    story_candidates.c.entry_id == bindparam("an_entry"),
    story_candidates.c.candidate_id == bindparam("a_candidate"),
)
_HOLDERS = select(story_keys.c.key, story_keys.c.entry_id, story_keys.c.feed_id).where(
    story_keys.c.key.in_(bindparam("keys", expanding=True))
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


@dataclass(frozen=True, slots=True)
class KeyedEntry:
    """The feed and the story keys of a new entry."""

    feed_id: int
    keys: Sequence[int]


def packed_keys(keys: Sequence[int]) -> bytes:
    """Return keys in the format of the column `entries.story_keys`."""
    return struct.pack(f"<{len(keys)}i", *keys)


def candidates(
    connection: Connection, keyed_entries: Mapping[int, KeyedEntry]
) -> list[tuple[int, int]]:
    """Store the keys of new entries; return pairs of ids to compare.

    Args:
        keyed_entries: The new entries by id.
    """
    holders_of = _holders(
        connection, {key for entry in keyed_entries.values() for key in entry.keys}
    )
    rows: list[tuple[int, int, int]] = []
    pairs: list[tuple[int, int]] = []
    for entry_id in sorted(keyed_entries):
        feed_id = keyed_entries[entry_id].feed_id
        sharing: list[int] = []  # ids of entries, once for each key in common
        for key in keyed_entries[entry_id].keys:
            holders = holders_of.get(key)
            if holders is None:  # as for most keys
                holders_of[key] = {entry_id: feed_id}
            else:
                sharing += _candidates_of_key(holders, entry_id, feed_id)
                if _is_full(holders, feed_id):
                    continue
                holders[entry_id] = feed_id
            rows.append((key, entry_id, feed_id))
        if sharing:
            pairs += [(entry_id, candidate) for candidate in _best_candidates(entry_id, sharing)]
    insert_all(connection, story_keys, ("key", "entry_id", "feed_id"), rows)
    return pairs


def _holders(connection: Connection, keys: Collection[int]) -> dict[int, dict[int, int]]:
    """Return the feed of each entry with a key among `keys`, by key and entry id."""
    holders: dict[int, dict[int, int]] = {}
    for chunk in chunks(sorted(keys)):
        for key, entry_id, feed_id in connection.execute(_HOLDERS, {"keys": chunk}):
            holders.setdefault(key, {})[entry_id] = feed_id
    return holders


def _is_full(holders: Mapping[int, int], feed_id: int) -> bool:
    """Whether a key takes no more entries of a feed."""
    if len(holders) >= _MAX_HOLDERS:
        return True
    return sum(feed == feed_id for feed in holders.values()) >= _MAX_HOLDERS_OF_FEED


def _candidates_of_key(holders: Mapping[int, int], entry_id: int, feed_id: int) -> list[int]:
    """Return entries of other feeds with the same key, of many the nearest in the list."""
    candidate_ids = [candidate for candidate, feed in holders.items() if feed != feed_id]
    if len(holders) < _MAX_HOLDERS:
        return candidate_ids
    candidate_ids.sort(key=lambda candidate: (abs(candidate - entry_id), candidate))
    return candidate_ids[:_CANDIDATES_OF_FULL_KEY]


def _best_candidates(entry_id: int, sharing: Sequence[int]) -> list[int]:
    """Return the entries with most keys in common, in case of a tie the nearest in the list."""
    key_counts = Counter(sharing)
    ranked = sorted(
        key_counts,
        key=lambda candidate: (-key_counts[candidate], abs(candidate - entry_id), candidate),
    )
    return ranked[:_MAX_CANDIDATES]


def articles(
    connection: Connection, pairs: Iterable[tuple[int, int]]
) -> list[tuple[Article, Article]]:
    """Return pairs of entries to compare, without pairs with a deleted entry."""
    pairs = list(pairs)
    by_id = _articles(connection, {entry_id for pair in pairs for entry_id in pair})
    return [(by_id[a], by_id[b]) for a, b in pairs if a in by_id and b in by_id]


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


def postpone(connection: Connection, pairs: Collection[tuple[int, int]]) -> None:
    """Store pairs of ids to compare in a later transaction."""
    rows = [{"entry_id": entry_id, "candidate_id": candidate} for entry_id, candidate in pairs]
    if rows:
        upsert(connection, story_candidates, rows, key=["entry_id", "candidate_id"])


def take_postponed(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Return and delete up to `limit` postponed pairs, the newest entries' first."""
    rows = connection.execute(
        select(story_candidates)
        .order_by(story_candidates.c.entry_id.desc(), story_candidates.c.candidate_id)
        .limit(limit)
    )
    pairs = [(row.entry_id, row.candidate_id) for row in rows]
    if pairs:
        execute_for_each(
            connection,
            _DELETE_POSTPONED,
            [{"an_entry": entry_id, "a_candidate": candidate} for entry_id, candidate in pairs],
        )
    return pairs


def delete_keys(connection: Connection, packed_keys_of: Mapping[int, bytes]) -> None:
    """Delete the keys of entries.

    Args:
        packed_keys_of: Results of `packed_keys` by entry id.
    """
    rows = [
        {"a_key": key, "an_entry": entry_id}
        for entry_id, packed in packed_keys_of.items()
        for (key,) in struct.iter_unpack("<i", packed)
    ]
    if rows:
        execute_for_each(connection, _DELETE_KEYS, rows)
