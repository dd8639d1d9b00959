"""The values read and returned by a comparison: stored entries, and changes to entries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model import CleanEntry, Habits


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """A stored entry, for comparison with the entries of a document.

    Attributes:
        record_hash: 16 bytes over all stored values except dates.
        precision: Of `published_at`; see `Date`.
        copied: The entry is a copy of a listed original, see `FirstHand`.
    """

    feed_id: int
    id: int
    identity: bytes
    content_hash: bytes
    record_hash: bytes
    guid: str | None = None
    url: str | None = None
    title: str = ""
    published_at: datetime | None = None
    precision: timedelta | None = None
    copied: bool = False


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The owner of a stored key.

    Attributes:
        entry_id: None for an ambiguous key, shared by several entries of the feed.
        is_deleted: Retention deleted the entry, which the feed still lists.
    """

    entry_id: int | None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class StoredEntries:
    """The stored entries of a feed that may be in a document.

    Attributes:
        by_guid: Entries by the key of the guid.
        owners: Owners of the other keys, by short key.
        by_id: The entries named by `owners`.
        unchanged_ids: Ids of the entries cut out of the document by the prefilter.
    """

    by_guid: Mapping[bytes, KnownEntry] = field(default_factory=dict)
    owners: Mapping[int, KeyOwner] = field(default_factory=dict)
    by_id: Mapping[int, KnownEntry] = field(default_factory=dict)
    unchanged_ids: Collection[int] = frozenset()


class Change(StrEnum):
    """How much of an entry a new version changes."""

    NOISE = "noise"
    """Any change of a feed that changes most of its entries on every poll."""
    UNCOMPARED = "uncompared"
    """A change of unknown extent: the document changes more than the budget covers."""
    TRIVIAL = "trivial"
    """White space, tracking parameters, a counter or a date."""
    MARKUP = "markup"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry not stored yet.

    Attributes:
        identity: The key under which the entry is going to be stored.
        by_guid: Whether the identity is the key of the guid.
        keys: Short forms of all other keys of the entry.
    """

    identity: bytes
    record_hash: bytes
    entry: CleanEntry
    by_guid: bool
    keys: Sequence[int] = ()


Match = NewEntry | KnownEntry | None
"""What an entry of a document is: a new entry or a stored one.  None: an entry that is not to be
stored, because retention deleted it or because the document has it twice."""


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """A stored entry in another version.

    Attributes:
        keys: Short keys of the new version only.
        old_keys: Short keys of the stored version only.
    """

    id: int
    record_hash: bytes
    entry: CleanEntry
    change: Change
    keys: Collection[int] = ()
    old_keys: Collection[int] = ()

    @property
    def is_update(self) -> bool:
        """Whether readers are told of the change."""
        return self.change in {Change.MARKUP, Change.TEXT}


@dataclass(frozen=True, slots=True)
class AddedKey:
    """A further key of a stored entry, in short form."""

    key: int
    entry_id: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes by a document, in document order.

    Attributes:
        matches: One for each entry read from the document.
        changed_entries: The stored entries with another version in the document.
        added_keys: Further keys of stored entries.
        ambiguous_keys: Short keys shared by several entries, which identify none from now on.
        habits: Of the feed, after the document.
        redated: Number of stored entries with another `updated` than the stored date.
    """

    matches: tuple[Match, ...] = ()
    changed_entries: tuple[ChangedEntry, ...] = ()
    added_keys: tuple[AddedKey, ...] = ()
    ambiguous_keys: tuple[int, ...] = ()
    habits: Habits = field(default_factory=Habits)
    redated: int = 0

    @property
    def new_entries(self) -> tuple[NewEntry, ...]:
        """The new entries among the matches."""
        return tuple(match for match in self.matches if isinstance(match, NewEntry))

    @property
    def known_count(self) -> int:
        """Number of stored entries among the matches."""
        return sum(isinstance(match, KnownEntry) for match in self.matches)
