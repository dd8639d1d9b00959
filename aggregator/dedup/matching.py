"""The entries of a document compared with the stored entries of the same feed.

An entry with a known guid is the stored entry.  An unknown guid may be a new name of a stored
entry, no longer listed under the old name, with the same address, text or title.  `match_rules`
decides how certain a match is.  Probable matches are believed if they are found for most unknown
entries of a document, as after a site moved or changed software.

A key shared by several entries of a feed identifies no entry from then on.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from aggregator.dedup.changes import (
    AddedKey,
    Change,
    ChangedEntry,
    Changes,
    KeyOwner,
    KnownEntry,
    Match,
    NewEntry,
    StoredEntries,
)
from aggregator.dedup.keys import Keys, combined_key, digest, keys_of, short_key
from aggregator.dedup.match_rules import (
    CandidatePair,
    Certainty,
    is_distinctive,
    is_repetition,
    matching_rule,
)
from aggregator.model import CleanEntry, Habits

UNSTABLE_GUIDS_AFTER = 3
"""Polls that gave most entries new guids, after which the guids of a feed are ignored."""

_MIN_PROBABLE = 3
_WEAK_KEYS = ("path", "link", "text", "title")


def compare(
    entries: Sequence[CleanEntry],
    keys: Sequence[Keys],
    stored: StoredEntries,
    habits: Habits,
) -> Changes:
    """Sort the entries of a document into new, changed and known entries.

    The result does not depend on the order of the entries, except for which of two equal entries
    is the first.

    Args:
        entries: In document order, without the entries of `stored.unchanged_ids`.
        keys: `keys_of` each entry.
        habits: Of the feed, from earlier documents.
    """
    matching = _Matching(entries, keys, stored, habits)
    matching.run()
    return matching.changes()


@dataclass(frozen=True, slots=True)
class _ProbableMatch:
    position: int
    known_entry: KnownEntry


class _Matching:
    """The entries of a document, matched with stored entries.

    Attributes:
        matches: By position in the document; None: a deleted entry, still listed by the feed.
        originals: By position of a repeated entry: the position of the first such entry.
        repeated_keys: Name and value of the keys shared by several entries of the document.
        claimed_ids: Ids of the stored entries with a match in the document.
        renamed: Positions of entries matched by other keys than the guid.
        repetitions: Positions of entries which only repeat a stored entry.
    """

    def __init__(
        self,
        entries: Sequence[CleanEntry],
        keys: Sequence[Keys],
        stored: StoredEntries,
        habits: Habits,
    ) -> None:
        self.entries, self.keys, self.stored, self.habits = entries, keys, stored, habits
        self.matches: dict[int, KnownEntry | None] = {}
        self.originals = _originals(entries, keys)
        self.repeated_keys = self._repeated_keys()
        self.claimed_ids: set[int] = set(stored.unchanged_ids)
        self.renamed: list[int] = []
        self.repetitions: set[int] = set()

    def run(self) -> None:
        """Match entries by guid, and entries with an unknown guid by the other keys."""
        for position in self._unmatched():
            key = self.keys[position].guid
            if key is not None and self._identifies("guid", key):
                if known_entry := self.stored.by_guid.get(key):
                    self._claim(position, known_entry)
                else:
                    self._claim_owned(position, key)
        unknown = list(self._unmatched())
        if not unknown or not self.stored.owners:
            return
        probable_matches = [match for name in _WEAK_KEYS for match in self._match_by(name)]
        with_new_name = set(filter(self._has_new_name, self.renamed))
        unknown_count = len(unknown) - (len(self.renamed) - len(with_new_name))
        if self._is_believed(
            {match.position for match in probable_matches} | with_new_name, unknown_count
        ):
            for match in probable_matches:
                is_claimed = match.known_entry.id in self.claimed_ids
                if match.position not in self.matches and not is_claimed:
                    self._rename(match.position, match.known_entry)
        for position in self._unmatched():
            self._claim_owned(position, combined_key(self.entries[position]))

    def changes(self) -> Changes:
        """Return the changes according to the matches."""
        matches: list[Match] = []
        changed_entries: list[ChangedEntry] = []
        for position, entry in enumerate(self.entries):
            original = self.originals.get(position, position)
            if original not in self.matches and original == position:
                matches.append(self._new_entry(position))
                continue
            known_entry = self.matches.get(original)
            matches.append(known_entry)
            if known_entry is None or original != position or position in self.repetitions:
                continue
            record_hash = _record_hash(entry)
            if known_entry.record_hash != record_hash:
                changed_entries.append(self._changed_entry(position, known_entry, record_hash))
        ambiguous = [short_key(key) for name, key in sorted(self.repeated_keys) if name == "guid"]
        return Changes(
            matches=tuple(matches),
            changed_entries=tuple(changed_entries),
            added_keys=tuple(self._added_keys()),
            ambiguous_keys=tuple(ambiguous),
            habits=self._habits(shares_guids=bool(ambiguous)),
            redated=self._redated(),
        )

    # ---------------------------------------------------------------- matching

    def _unmatched(self) -> Iterator[int]:
        for position in range(len(self.entries)):
            if position not in self.matches and position not in self.originals:
                yield position

    def _repeated_keys(self) -> set[tuple[str, bytes]]:
        """Return name and value of the keys shared by several entries of the document."""
        distinct = [keys for place, keys in enumerate(self.keys) if place not in self.originals]
        return {
            (name, key)
            for name, column in zip(Keys._fields, zip(*distinct, strict=True), strict=False)
            if not _all_differ(column)
            for key, count in Counter(column).items()
            if count > 1 and key is not None
        }

    def _identifies(self, name: str, key: bytes) -> bool:
        """Whether a key identifies a single entry of the feed."""
        if name == "guid" and self.habits.renamed >= UNSTABLE_GUIDS_AFTER:
            return False
        if self.repeated_keys and (name, key) in self.repeated_keys:
            return False
        if not self.stored.owners:
            return True
        owner = self.stored.owners.get(short_key(key))
        return owner is None or owner.entry_id is not None

    def _owner(self, key: bytes) -> KeyOwner | None:
        """Return the owner of a stored key; None for an unknown or ambiguous key."""
        owner = self.stored.owners.get(short_key(key))
        return None if owner is None or owner.entry_id is None else owner

    def _known_entry(self, owner: KeyOwner) -> KnownEntry | None:
        return None if owner.entry_id is None else self.stored.by_id.get(owner.entry_id)

    def _match_by(self, name: str) -> Iterator[_ProbableMatch]:
        """Match entries by a weak key; yield the probable matches."""
        for position in list(self._unmatched()):
            key = getattr(self.keys[position], name)
            if key is None or not self._identifies(name, key):
                continue
            owner = self._owner(key)
            if owner is None:
                continue
            if owner.is_deleted:
                if self._is_deleted_entry(position, name, owner):
                    self.matches[position] = None
            elif known_entry := self._known_entry(owner):
                pair = self._pair(position, known_entry)
                if known_entry.id in self.claimed_ids:
                    if is_repetition(pair):
                        self.matches[position] = known_entry
                        self.repetitions.add(position)
                elif rule := matching_rule(name, pair):
                    if rule.certainty is Certainty.CERTAIN:
                        self._rename(position, known_entry)
                    else:
                        yield _ProbableMatch(position, known_entry)

    def _pair(self, position: int, known_entry: KnownEntry) -> CandidatePair:
        guid = self.keys[position].guid
        has_own_guid = guid is not None and self._identifies("guid", guid)
        return CandidatePair(self.entries[position], known_entry, has_own_guid)

    def _is_deleted_entry(self, position: int, name: str, owner: KeyOwner) -> bool:
        """Whether an entry was deleted from the database, although under another guid."""
        if owner.entry_id in self.claimed_ids or name == "title":
            return False
        entry, guid = self.entries[position], self.keys[position].guid
        return name != "text" or guid is None or is_distinctive(entry)

    def _is_believed(self, positions: Collection[int], unknown_count: int) -> bool:
        """Whether too many unknown entries look like stored entries for chance."""
        if len(positions) < _MIN_PROBABLE:
            return 1 < len(positions) == self._size()
        return 2 * len(positions) >= unknown_count

    def _size(self) -> int:
        """Return the number of distinct entries of the whole document."""
        return len(self.stored.unchanged_ids) + len(self.entries) - len(self.originals)

    def _claim(self, position: int, known_entry: KnownEntry) -> None:
        self.matches[position] = known_entry
        self.claimed_ids.add(known_entry.id)

    def _claim_owned(self, position: int, key: bytes) -> None:
        """Match an entry with the owner of a key, if any."""
        owner = self._owner(key)
        if owner is None:
            return
        if owner.is_deleted:
            self.matches[position] = None
        elif known_entry := self._known_entry(owner):
            self._claim(position, known_entry)

    def _rename(self, position: int, known_entry: KnownEntry) -> None:
        self._claim(position, known_entry)
        self.renamed.append(position)

    # ----------------------------------------------------------------- results

    def _new_entry(self, position: int) -> NewEntry:
        entry, keys = self.entries[position], self.keys[position]
        short_keys = keys.short_keys()
        for name, key in (("guid", keys.guid), ("link", keys.link), ("text", keys.text)):
            if key is not None and self._is_free(name, key):
                return NewEntry(key, _record_hash(entry), entry, name == "guid", short_keys)
        identity = combined_key(entry)
        short_keys.append(short_key(identity))
        return NewEntry(identity, _record_hash(entry), entry, False, short_keys)

    def _changed_entry(
        self, position: int, known_entry: KnownEntry, record_hash: bytes
    ) -> ChangedEntry:
        entry = self.entries[position]
        has_same_text = known_entry.content_hash == entry.content_hash
        change = Change.MARKUP if has_same_text else Change.TEXT
        before = set(keys_of(known_entry).short_keys())
        after = set(self.keys[position].short_keys())
        return ChangedEntry(
            known_entry.id, record_hash, entry, change, after - before, before - after
        )

    def _is_free(self, name: str, key: bytes) -> bool:
        """Whether a new entry can be stored under a key."""
        owners = self.stored.owners
        return self._identifies(name, key) and (not owners or short_key(key) not in owners)

    def _added_keys(self) -> Iterator[AddedKey]:
        if self.habits.renamed >= UNSTABLE_GUIDS_AFTER:
            return  # the next document has others
        for position in self.renamed:
            known_entry, keys = self.matches[position], self.keys[position]
            if known_entry is None:
                continue
            short_keys = keys.short_keys()
            if keys.guid is not None and self._identifies("guid", keys.guid):
                short_keys.append(short_key(keys.guid))
            for key in short_keys:
                if key not in self.stored.owners:
                    yield AddedKey(key, known_entry.id)

    def _has_new_name(self, position: int) -> bool:
        """Whether guid or link of an entry are new; without a guid only the link counts."""
        keys = self.keys[position]
        names = (keys.guid, keys.path, keys.link)
        return any(name is not None and short_key(name) not in self.stored.owners for name in names)

    def _redated(self) -> int:
        return sum(
            known_entry is not None
            and known_entry.published_at is not None
            and date is not None
            and date.field == "updated"
            and date.at not in {None, known_entry.published_at}
            for position, known_entry in self.matches.items()
            for date in [self.entries[position].date]
        )

    def _habits(self, *, shares_guids: bool) -> Habits:
        habits, renamed_count = self.habits, sum(map(self._has_new_name, self.renamed))
        if shares_guids and not habits.shared_guids:
            habits = replace(habits, shared_guids=True)
        is_most = renamed_count and 2 * renamed_count >= self._size()
        if is_most and habits.renamed < UNSTABLE_GUIDS_AFTER:
            habits = replace(habits, renamed=habits.renamed + 1)
        return habits


def _originals(entries: Sequence[CleanEntry], keys: Sequence[Keys]) -> dict[int, int]:
    """Return the position of the original for each repetition of an entry in a document.

    Two entries with the same guid and link are the same entry if title or text are equal, too.
    """
    if _all_differ([key.guid for key in keys]) and _all_differ([key.link for key in keys]):
        return {}
    first_positions: dict[tuple[object, ...], int] = {}
    originals = {}
    for position, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        names: list[tuple[object, ...]] = []
        if key.guid is not None:
            names.append((key.guid, key.link, "title", entry.title))
            names.append((key.guid, key.link, "text", entry.content_html))
        if key.link is not None or key.guid is None:
            names.append((key.link, entry.content_hash))
        known_positions = (first_positions[name] for name in names if name in first_positions)
        original = min(known_positions, default=position)
        if original != position:
            originals[position] = original
        for name in names:
            first_positions.setdefault(name, original)
    return originals


def _all_differ(keys: Sequence[bytes | None]) -> bool:
    return len(set(keys)) == len(keys) and None not in keys


def _record_hash(entry: CleanEntry) -> bytes:
    """Return a hash of all stored values except dates: a moved date alone is not a change."""
    # What most entries lack is left out: hashes from before a field was stored stay the same.
    rare = [repr(value) for value in (entry.image, entry.origin) if value is not None]
    rare += [str(file.duration) for file in entry.enclosures if file.duration is not None]
    return digest(
        entry.content_hash.hex(),
        repr((entry.url, entry.title_html, entry.summary, entry.authors, entry.categories)),
        repr((entry.enclosures, entry.language, entry.comments_url)),
        *rare,
    )
