"""The id of an entry, which is the place in the list."""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.model.times import EPOCH, MILLISECOND

_SEQUENCE_BITS = 20
_MAX_ID = 2**63 - 1

IDS_PER_MILLISECOND = 1 << _SEQUENCE_BITS
LOWEST_ID = -(1 << 62)  # below every id; ids of times before 1970 are negative


class EntryId(int):
    """The milliseconds since 1970 of an entry's place, then 20 bits of a sequence number."""

    __slots__ = ()

    @property
    def at(self) -> datetime:
        """The time at which the entry is listed, to the millisecond."""
        return EPOCH + timedelta(milliseconds=self >> _SEQUENCE_BITS)

    @classmethod
    def first_at(cls, at: datetime) -> EntryId:
        """Return the lowest id of an entry listed at `at`.

        Ids reach from 1691 to 2248: an earlier time has the first of all ids, a later one the last.
        """
        number = (at - EPOCH) // MILLISECOND << _SEQUENCE_BITS
        return cls(max(-_MAX_ID, min(number, _MAX_ID)))
