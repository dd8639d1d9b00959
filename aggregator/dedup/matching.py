"""A document's entries beside the ones of its feed that are stored.

An entry is the one with its guid.  A guid that is not there yet may be a new name of an entry that
is: one that the document does not list any more under its old name, and that has the same address,
text or title.  How sure that is depends on what else is the same; what is only likely is believed
where most of a document's new guids are like this, as when a site moves or changes its software.

A key that two entries of a feed have says nothing about either from then on.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from enum import IntEnum

from aggregator import urls
from aggregator.dedup.changes import (
    ChangedEntry,
    Changes,
    Extent,
    KnownEntry,
    Memory,
    NewEntry,
    Owner,
)
from aggregator.dedup.keys import Keys, digest, key_of_all, keys_of, number
from aggregator.model import CleanEntry, Habits

FICKLE_AFTER = 3
"""Polls that gave most entries new guids; after so many a feed's guids are not asked any more."""

_MANY = 3
_TELLING = 100  # characters of title and text that are not the same by chance


def compare(
    entries: Sequence[CleanEntry],
    keys: Sequence[Keys],
    memory: Memory,
    habits: Habits,
) -> Changes:
    """Sort a document's entries into new, changed and known ones.

    Args:
        entries: The document's, in document order, less those in `memory.listed`.
        keys: `keys_of` each.
        habits: What earlier documents taught about the feed.

    The result does not depend on the order of the entries, but for which of two equal ones counts.
    """
    comparison = _Comparison(entries, keys, memory, habits)
    comparison.match()
    return comparison.changes()


class _Sure(IntEnum):
    NO = 0
    LIKELY = 1
    YES = 2


_GONE = 0  # in place of an id: nothing that is to be kept
_WEAK = ("path", "link", "text", "title")


class _Comparison:
    """One document beside the memory of its feed.

    Attributes:
        matched: By position in the document: the id of the entry that is there.
        copies: By position: the position of the first entry that says the same.
    """

    def __init__(
        self,
        entries: Sequence[CleanEntry],
        keys: Sequence[Keys],
        memory: Memory,
        habits: Habits,
    ) -> None:
        self.entries, self.keys, self.memory, self.habits = entries, keys, memory, habits
        self.matched: dict[int, KnownEntry | None] = {}
        self.copies = _copies(entries, keys)
        self.repeated = self._repeated()
        self.claimed: set[int] = set(memory.listed)
        self.renamed: list[int] = []
        self.repeats: set[int] = set()

    def match(self) -> None:
        """Find the stored entry of each: by guid first, then by what is left."""
        for position in self._open():
            key = self.keys[position].guid
            if key is not None and self._tells("guid", key):
                self._take(position, self.memory.by_guid.get(key) or self._owner(key))
        strangers = list(self._open())
        if not strangers or not self.memory.owners:
            return
        likely = [found for name in _WEAK for found in self._match_by(name)]
        renamed = set(filter(self._has_new_name, self.renamed))
        there = len(self.renamed) - len(renamed)  # by the only name that they have
        if self._is_many({position for position, _ in likely} | renamed, len(strangers) - there):
            for position, found in likely:
                if position not in self.matched and found.id not in self.claimed:
                    self._rename(position, found)
        for position in self._open():
            self._take(position, self._owner(key_of_all(self.entries[position])))

    def changes(self) -> Changes:
        """Return what follows from the matches."""
        new: list[NewEntry] = []
        changed: list[ChangedEntry] = []
        listed: list[int | None] = []
        for position, entry in enumerate(self.entries):
            first = self.copies.get(position, position)
            known = self.matched.get(first)
            if first in self.matched:
                listed.append(known.id if known else _GONE)
            elif first != position:
                listed.append(_GONE)
            else:
                listed.append(None)
                new.append(self._new(position))
            if known is None or first != position or position in self.repeats:
                continue
            record = _record_hash(entry)
            if known.record_hash != record:
                changed.append(self._changed(position, known, record))
        shared = [number(key) for name, key in sorted(self.repeated) if name == "guid"]
        return Changes(
            new=tuple(new),
            changed=tuple(changed),
            renamed=tuple(self._new_names()),
            shared=tuple(shared),
            listed=tuple(listed),
            habits=self._habits(bool(shared)),
            redated=self._redated(),
        )

    # ---------------------------------------------------------------- matching

    def _open(self) -> Iterator[int]:
        for position in range(len(self.entries)):
            if position not in self.matched and position not in self.copies:
                yield position

    def _repeated(self) -> set[tuple[str, bytes]]:
        """Return the keys that several entries of the document have."""
        distinct = [key for place, key in enumerate(self.keys) if place not in self.copies]
        return {
            (name, key)
            for name, column in zip(Keys._fields, zip(*distinct, strict=True), strict=False)
            if not _all_differ(column)
            for key, count in Counter(column).items()
            if count > 1 and key is not None
        }

    def _tells(self, name: str, key: bytes) -> bool:
        """Whether a key tells one entry of the feed from the others."""
        if name == "guid" and self.habits.renamed >= FICKLE_AFTER:
            return False
        if self.repeated and (name, key) in self.repeated:
            return False
        if not self.memory.owners:
            return True
        owner = self.memory.owners.get(number(key))
        return owner is None or owner.entry_id is not None

    def _owner(self, key: bytes) -> KnownEntry | Owner | None:
        owner = self.memory.owners.get(number(key))
        if owner is None or owner.entry_id is None:
            return None
        return owner if owner.gone else self.memory.by_id.get(owner.entry_id)

    def _candidate(self, position: int, name: str) -> KnownEntry | None:
        """Return the stored entry that has a key of this one."""
        key = getattr(self.keys[position], name)
        if key is None or not self._tells(name, key):
            return None
        found = self._owner(key)
        if isinstance(found, Owner):
            if self._is_gone(position, name, found):
                self.matched[position] = None
            return None
        return found

    def _is_gone(self, position: int, name: str, owner: Owner) -> bool:
        """Whether an entry is one that was deleted, though its guid is another one."""
        if owner.entry_id in self.claimed or name == "title":
            return False
        entry, guid = self.entries[position], self.keys[position].guid
        return name != "text" or guid is None or _is_telling(entry)

    def _match_by(self, name: str) -> Iterator[tuple[int, KnownEntry]]:
        """Take the stored entries that surely have a new name; yield those that likely have."""
        for position in list(self._open()):
            found = self._candidate(position, name)
            if found is None:
                continue
            entry, guid = self.entries[position], self.keys[position].guid
            named = guid is not None and self._tells("guid", guid)
            if found.id in self.claimed:
                if _is_copy(entry, found, named=named):
                    self.matched[position] = found
                    self.repeats.add(position)
            elif (sure := _how_sure(name, entry, found, named=named)) is _Sure.YES:
                self._rename(position, found)
            elif sure is _Sure.LIKELY:
                yield position, found

    def _is_many(self, found: Collection[int], strangers: int) -> bool:
        """Whether so many strangers look like entries that are there that it is no chance."""
        if len(found) < _MANY:
            return 1 < len(found) == self._size()
        return 2 * len(found) >= strangers

    def _size(self) -> int:
        """How many entries the whole document has."""
        return len(self.memory.listed) + len(self.entries) - len(self.copies)

    def _take(self, position: int, found: KnownEntry | Owner | None) -> None:
        if isinstance(found, KnownEntry):
            self.matched[position] = found
            self.claimed.add(found.id)
        elif found is not None:
            self.matched[position] = None

    def _rename(self, position: int, found: KnownEntry) -> None:
        self._take(position, found)
        self.renamed.append(position)

    # ----------------------------------------------------------------- results

    def _new(self, position: int) -> NewEntry:
        entry, keys = self.entries[position], self.keys[position]
        numbers = keys.numbers()
        if keys.guid is not None and self._is_free("guid", keys.guid):
            return NewEntry(keys.guid, _record_hash(entry), entry, True, numbers)
        for name, key in (("link", keys.link), ("text", keys.text)):
            if key is not None and self._is_free(name, key):
                return NewEntry(key, _record_hash(entry), entry, False, numbers)
        identity = key_of_all(entry)
        numbers.append(number(identity))
        return NewEntry(identity, _record_hash(entry), entry, False, numbers)

    def _changed(self, position: int, known: KnownEntry, record: bytes) -> ChangedEntry:
        entry = self.entries[position]
        extent = Extent.LOOKS if known.content_hash == entry.content_hash else Extent.TEXT
        before = set(keys_of(known).numbers())
        now = set(self.keys[position].numbers())
        return ChangedEntry(known.id, record, entry, extent, now - before, before - now)

    def _is_free(self, name: str, key: bytes) -> bool:
        """Whether a new entry can be stored under a key."""
        owners = self.memory.owners
        return self._tells(name, key) and (not owners or number(key) not in owners)

    def _new_names(self) -> Iterator[tuple[int, int]]:
        if self.habits.renamed >= FICKLE_AFTER:
            return  # the next document has others
        for position in self.renamed:
            known, keys = self.matched[position], self.keys[position]
            if known is None:
                continue
            names = keys.numbers()
            if keys.guid is not None and self._tells("guid", keys.guid):
                names.append(number(keys.guid))
            yield from ((name, known.id) for name in names if name not in self.memory.owners)

    def _has_new_name(self, position: int) -> bool:
        """Whether an entry is called as never before; one without a guid is so only by its link."""
        names = self.keys[position]
        called = (names.guid, names.path, names.link)
        return any(key is not None and number(key) not in self.memory.owners for key in called)

    def _redated(self) -> int:
        return sum(
            known is not None
            and known.published_at is not None
            and date is not None
            and date.field == "updated"
            and date.at not in {None, known.published_at}
            for position, known in self.matched.items()
            for date in [self.entries[position].date]
        )

    def _habits(self, shared: bool) -> Habits:
        habits, renamed = self.habits, sum(map(self._has_new_name, self.renamed))
        if shared and not habits.shared_guids:
            habits = replace(habits, shared_guids=True)
        if renamed and 2 * renamed >= self._size() and habits.renamed < FICKLE_AFTER:
            habits = replace(habits, renamed=habits.renamed + 1)
        return habits


def _copies(entries: Sequence[CleanEntry], keys: Sequence[Keys]) -> dict[int, int]:
    """Return which entries say the same as one before them: they count once.

    Two with one guid and one link do even if either title or text differs.
    """
    if _all_differ([key.guid for key in keys]) and _all_differ([key.link for key in keys]):
        return {}
    first: dict[tuple[object, ...], int] = {}
    copies = {}
    for position, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        names: list[tuple[object, ...]] = []
        if key.guid is not None:
            names.append((key.guid, key.link, "title", entry.title))
            names.append((key.guid, key.link, "text", entry.content_html))
        if key.link is not None or key.guid is None:
            names.append((key.link, entry.content_hash))
        found = min((first[name] for name in names if name in first), default=position)
        if found != position:
            copies[position] = found
        for name in names:
            first.setdefault(name, found)
    return copies


def _all_differ(keys: Sequence[bytes | None]) -> bool:
    return len(set(keys)) == len(keys) and None not in keys


def _how_sure(name: str, entry: CleanEntry, known: KnownEntry, *, named: bool) -> _Sure:
    """Return how sure it is that two entries with the same key, by `name`, are the same one.

    Args:
        named: The entry has a guid of its own that is not there yet.
    """
    alike = entry.content_hash == known.content_hash or (
        bool(entry.title) and entry.title == known.title
    )
    undated = entry.published_at is None or known.published_at is None
    same_date = not undated and entry.published_at == known.published_at
    if name == "path":
        here, there = entry.guid or entry.url or "", known.guid or known.url or ""
        if urls.canonical(here) == urls.canonical(there):
            return _Sure.YES
        told = named and (alike or same_date)
        return _Sure.YES if told else _Sure.LIKELY
    if name == "link":
        # Who has no page for each entry links to the front page: that says nothing of its own.
        alone = (not named or undated) and not _is_front_page(entry.url)
        return _Sure.YES if alike or same_date or alone else _Sure.LIKELY
    if name == "text":
        told = same_date or undated or _is_telling(entry)
        return _Sure.YES if told else _Sure.LIKELY
    if same_date:
        return _Sure.YES
    called = None if named or not entry.url else urls.canonical(entry.url)
    if undated and called and called == urls.canonical(known.url or ""):
        return _Sure.YES  # all that it is called by is the same
    return _Sure.LIKELY if undated else _Sure.NO


def _is_front_page(url: str | None) -> bool:
    """Whether a link leads to the first page of a site, whatever it is called."""
    place = urls.canonical(url or "")
    return "/" not in place and "?" not in place


def _is_telling(entry: CleanEntry) -> bool:
    """Whether a text is so long that no other entry has the same by chance."""
    return len(entry.title) + len(entry.content_html) >= _TELLING


def _is_copy(entry: CleanEntry, known: KnownEntry, *, named: bool) -> bool:
    """Whether an entry only repeats one that the document lists as well."""
    if entry.content_hash != known.content_hash:
        return False
    if entry.url and known.url:
        return urls.canonical(entry.url) == urls.canonical(known.url)
    return not named


def _record_hash(entry: CleanEntry) -> bytes:
    """Hash what is stored of an entry, less its dates: a moved date alone is no change."""
    # What most entries lack is left out: a hash of before it was looked at stays the same.
    rare = [repr(value) for value in (entry.image, entry.origin) if value is not None]
    rare += [str(file.duration) for file in entry.enclosures if file.duration is not None]
    return digest(
        entry.content_hash.hex(),
        repr((entry.url, entry.title_html, entry.summary, entry.authors, entry.categories)),
        repr((entry.enclosures, entry.language, entry.comments_url)),
        *rare,
    )
