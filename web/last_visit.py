"""Which posts are new to a reader: one cookie of four numbers, no account.  Pure.

A visit is a series of pages with less than half an hour between.  Posts are new if they were stored
after the previous visit, on every page of a visit: paging and reloading change nothing.  A click on
"4 new posts" begins a visit, in which these four are new.
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
    """A reader's visit as of one page; times in milliseconds since 1970, 0 for never.

    Attributes:
        seen_until: Posts stored until then are on the page.
        new_since: Posts stored until then had been shown when the visit began.
        at: When the page was made.
        last: When the last page of the previous visit was made.
    """

    seen_until: int = 0
    new_since: int = 0
    at: int = 0
    last: int = 0

    @classmethod
    def parse(cls, text: str) -> "LastVisit":
        """Read a cookie; a malformed cookie counts as a first visit."""
        match = _COOKIE.fullmatch(text)
        return cls(*map(int, match.groups())) if match else cls()

    def __str__(self) -> str:
        return f"{self.seen_until}.{self.new_since}.{self.at}.{self.last}"

    def page(self, now: datetime, *, stored_until: datetime | None) -> "LastVisit":
        """Return the visit after another page; after a pause a new visit.

        Args:
            stored_until: End of the newest poll in the database.
        """
        at, seen_at = milliseconds(now), max(self.seen_until, milliseconds(stored_until))
        if not self.at:
            return LastVisit(seen_at, 0, at, 0)
        if 0 <= at - self.at < _PAUSE // MILLISECOND:
            return LastVisit(seen_at, self.new_since, at, self.last)
        return LastVisit(seen_at, self.seen_until, at, self.at)

    @classmethod
    def begun(cls, now: datetime, *, since: int) -> "LastVisit":
        """Return a visit that begins at a reader's request for the posts stored after `since`."""
        at = milliseconds(now)
        since = min(since, at)
        return cls(since, since, at, since)

    @property
    def is_first(self) -> bool:
        """Whether there was no visit before; nothing is new then, as everything would be."""
        return not self.last

    @property
    def last_at(self) -> datetime:
        """When the previous visit ended."""
        return EPOCH + self.last * MILLISECOND

    def is_new(self, stored_at: datetime) -> bool:
        """Whether an entry stored at `stored_at` came after the previous visit."""
        return not self.is_first and milliseconds(stored_at) > self.new_since


def milliseconds(at: datetime | None) -> int:
    """Return a time in milliseconds since 1970, 0 for None."""
    return 0 if at is None else (at - EPOCH) // MILLISECOND
