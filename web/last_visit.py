"""What a reader has seen: one cookie of four numbers, no account.  Pure.

A visit lasts while its pages follow each other within half an hour.  What came after the visit
before is new, on every page of this visit: paging and reloading change nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.model.times import EPOCH, MILLISECOND

COOKIE = "seen"
MAX_AGE = timedelta(days=400)  # as long as browsers keep a cookie
_PAUSE = timedelta(minutes=30)
_COOKIE = re.compile(r"(\d{1,13})\.(\d{1,13})\.(\d{1,13})\.(\d{1,13})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LastVisit:
    """A visit at one of its pages; milliseconds since 1970, 0 for never.

    Attributes:
        seen: What was found up to then is on the page.
        before: What was found up to then had been seen when this visit began.
        at: When the page was made.
        last: When the last page of the visit before was made.
    """

    seen: int = 0
    before: int = 0
    at: int = 0
    last: int = 0

    @classmethod
    def parse(cls, text: str) -> "LastVisit":
        """Read a cookie; anything that is none of ours is a first visit."""
        match = _COOKIE.fullmatch(text)
        return cls(*map(int, match.groups())) if match else cls()

    def __str__(self) -> str:
        return f"{self.seen}.{self.before}.{self.at}.{self.last}"

    def page(self, now: datetime, *, found_up_to: datetime | None) -> "LastVisit":
        """Return the visit with one page more, or the next visit that this page begins.

        Args:
            found_up_to: End of the newest poll in the database.
        """
        at, seen = _number(now), max(self.seen, _number(found_up_to or EPOCH))
        if not self.at:
            return LastVisit(seen, 0, at, 0)
        if 0 <= at - self.at < _PAUSE // MILLISECOND:
            return LastVisit(seen, self.before, at, self.last)
        return LastVisit(seen, self.seen, at, self.at)

    @property
    def is_first(self) -> bool:
        """Whether there was none before, so that nothing is new: everything would be."""
        return not self.last

    @property
    def last_at(self) -> datetime:
        """When the visit before ended."""
        return EPOCH + self.last * MILLISECOND

    def is_new(self, found_at: datetime) -> bool:
        """Whether something that was found then came after the visit before."""
        return not self.is_first and _number(found_at) > self.before


def _number(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND
