"""What stands beside the lists, read no more than has to be for each page."""

from datetime import datetime

from aggregator.database import Connection
from aggregator.database.state import read_overview
from aggregator.model import Overview, Sidebar


class Sidebars:
    """Remembers who is busiest until the minute is over; their names and all else are read anew.

    Thread-safe: the one thing that it keeps is replaced as a whole.
    """

    def __init__(self) -> None:
        self._last: tuple[tuple[int, int], Sidebar] | None = None

    def read(self, connection: Connection, overview: Overview, *, now: datetime) -> Sidebar:
        """Return what stands beside a list at this moment."""
        key = int(now.timestamp()) // 60, overview.feeds
        kept = self._last
        if kept is not None and kept[0] == key:
            return read_overview.sidebar(connection, now=now, last=kept[1])
        found = read_overview.sidebar(connection, now=now)
        self._last = key, found
        return found
