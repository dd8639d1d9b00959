"""What is compared, and what follows from it: entries that are stored, and changes to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aggregator.model import CleanEntry, Habits


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """What the database remembers of an entry, enough to compare it with a document's.

    Attributes:
        record_hash: 16 bytes over everything that is stored, dates left out.
        copied: The list has it at first hand, see `FirstHand`.
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
class Owner:
    """Whose key it is: `entry_id` None, if several entries have it.

    `gone`: that entry was deleted because it was old, and the feed still lists it.
    """

    entry_id: int | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is stored of one feed, as far as a document's entries ask for it.

    Attributes:
        by_guid: Entries by the identity that a guid gives.
        owners: Who has the other keys, by their numbers.
        by_id: The entries that `owners` names.
        listed: Ids of entries that the document lists just as the last one did.
    """

    by_guid: Mapping[bytes, KnownEntry] = field(default_factory=dict)
    owners: Mapping[int, Owner] = field(default_factory=dict)
    by_id: Mapping[int, KnownEntry] = field(default_factory=dict)
    listed: Collection[int] = frozenset()


class Extent(StrEnum):
    """How much of an entry a new version changes."""

    UNREST = "unrest"
    """That means nothing, as the feed changes most entries all the time."""
    UNWEIGHED = "unweighed"
    """Nobody knows: the document changes more than there is time to compare."""
    NOTHING = "nothing"
    """That a reader would call a change: white space, tracking, a counter, a date."""
    LOOKS = "looks"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry that was not there.

    Attributes:
        identity: The key that it is stored under.
        by_guid: That is its guid.
        keys: Numbers of all others that it may be found by.
    """

    identity: bytes
    record_hash: bytes
    entry: CleanEntry
    by_guid: bool
    keys: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """An entry that is there in another version.

    Attributes:
        keys: Numbers of its keys that it did not have before.
        old_keys: Of those that it has no more.
    """

    id: int
    record_hash: bytes
    entry: CleanEntry
    extent: Extent
    keys: Collection[int] = ()
    old_keys: Collection[int] = ()

    @property
    def is_told(self) -> bool:
        """Whether readers get to know that it changed."""
        return self.extent in {Extent.LOOKS, Extent.TEXT}


@dataclass(frozen=True, slots=True)
class Changes:
    """What a document changes, in document order.

    Attributes:
        renamed: More keys of entries that are there: number, id.
        shared: Numbers of keys that say nothing any more.
        listed: For each entry of the document the id of the stored one, 0 for none that is to be
            kept, None for the next one of `new`.
        habits: Of the feed, after this document.
        redated: How many entries that are there have another `updated` than the one that they are
            dated by.
    """

    new: tuple[NewEntry, ...] = ()
    changed: tuple[ChangedEntry, ...] = ()
    renamed: tuple[tuple[int, int], ...] = ()
    shared: tuple[int, ...] = ()
    listed: tuple[int | None, ...] = ()
    habits: Habits = field(default_factory=Habits)
    redated: int = 0
