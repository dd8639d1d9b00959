"""The number of an entry, which is its place in the list."""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.model.times import EPOCH, MILLISECOND

_SEQUENCE_BITS = 20
_MAX_ID = 2**63 - 1

IDS_PER_MILLISECOND = 1 << _SEQUENCE_BITS
LOWEST_ID = -(1 << 62)  # below every id: those from before 1970 are negative


class EntryId(int):
    """Milliseconds since 1970 at which an entry is listed, and 20 bits that number those of one."""

    __slots__ = ()

    @property
    def at(self) -> datetime:
        """The time at which the entry is listed, to the millisecond."""
        return EPOCH + timedelta(milliseconds=self >> _SEQUENCE_BITS)

    @classmethod
    def first_at(cls, at: datetime) -> EntryId:
        """Return the lowest id of an entry that is listed at `at`.

        Ids reach from 1691 to 2248: of earlier and later times this is the first or last of all.
        """
        wanted = (at - EPOCH) // MILLISECOND << _SEQUENCE_BITS
        return cls(max(-_MAX_ID, min(wanted, _MAX_ID)))
