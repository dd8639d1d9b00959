"""The sidebar of lists; its costly part is read once a minute."""

from datetime import datetime

from aggregator.database import Connection
from aggregator.database.state import read_overview
from aggregator.model import Overview, Sidebar


class Sidebars:
    """Caches which sources are busiest until the minute is over; all else is read each time.

    Thread-safe: the cached value is replaced as a whole.
    """

    def __init__(self) -> None:
        self._last: tuple[tuple[int, int], Sidebar] | None = None

    def read(self, connection: Connection, overview: Overview, *, now: datetime) -> Sidebar:
        """Return the sidebar of a list."""
        key = int(now.timestamp()) // 60, overview.feeds
        last = self._last
        if last is not None and last[0] == key:
            return read_overview.sidebar(connection, now=now, last=last[1])
        sidebar = read_overview.sidebar(connection, now=now)
        self._last = key, sidebar
        return sidebar
