"""The values that a comparison reads and returns: stored entries, and changes to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aggregator.model import CleanEntry, Habits


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """A stored entry, as far as a comparison with a document's entries needs it.

    Attributes:
        record_hash: 16 bytes over all stored values except dates.
        copied: The entry is a copy of one that the list has at first hand, see `FirstHand`.
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
    copied: bool = False


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The entry that a stored key belongs to.

    Attributes:
        entry_id: None for an ambiguous key, which several entries of the feed have.
        is_deleted: Retention deleted the entry, and the feed still lists it.
    """

    entry_id: int | None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class StoredEntries:
    """The stored entries of one feed, as far as they may be those of a document.

    Attributes:
        by_guid: Entries by the identity that a guid gives.
        owners: Owners of the other keys, by short key.
        by_id: The entries that `owners` names.
        unchanged_ids: Ids of the entries that the prefilter cut out of the document.
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
    """An entry that is not stored.

    Attributes:
        identity: The key that the entry is going to be stored under.
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
        keys: Short keys that the stored version does not have.
        old_keys: Short keys that only the stored version has.
    """

    id: int
    record_hash: bytes
    entry: CleanEntry
    change: Change
    keys: Collection[int] = ()
    old_keys: Collection[int] = ()

    @property
    def is_update(self) -> bool:
        """Whether readers learn that the entry changed."""
        return self.change in {Change.MARKUP, Change.TEXT}


@dataclass(frozen=True, slots=True)
class AddedKey:
    """A further key, in its short form, of an entry that is stored."""

    key: int
    entry_id: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What a document changes, in document order.

    Attributes:
        matches: One for each entry of the document that was read.
        changed_entries: Those stored entries that the document has in another version.
        added_keys: Keys by which stored entries are known from now on.
        ambiguous_keys: Short keys that several entries have, and that identify none from now on.
        habits: Of the feed, after this document.
        redated: Number of stored entries whose `updated` is not the one that dates them.
    """

    matches: tuple[Match, ...] = ()
    changed_entries: tuple[ChangedEntry, ...] = ()
    added_keys: tuple[AddedKey, ...] = ()
    ambiguous_keys: tuple[int, ...] = ()
    habits: Habits = field(default_factory=Habits)
    redated: int = 0

    @property
    def new_entries(self) -> tuple[NewEntry, ...]:
        """The matches that are new entries."""
        return tuple(match for match in self.matches if isinstance(match, NewEntry))

    @property
    def known_count(self) -> int:
        """Number of matches that are stored entries."""
        return sum(isinstance(match, KnownEntry) for match in self.matches)
