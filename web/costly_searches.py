"""Costly searches: a few at a time, so that the other threads stay free for pages.

Further ones are refused at once and may be repeated: a request that waits would hold a thread, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from werkzeug.exceptions import ServiceUnavailable

from aggregator.model import ListScope
from aggregator.search.search_parser import parse
from web.language import to_translate

AT_ONCE = 2  # of `web.server.THREADS`
RETRY_AFTER = 2  # seconds

_BUSY = to_translate("Too many searches are running. Try again in a moment.")


class CostlySearches:
    """Counts the costly searches in progress; thread-safe."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(AT_ONCE)

    @contextmanager
    def room_for(self, scope: ListScope) -> Iterator[None]:
        """Hold a place while a list is read, if the list is a costly search.

        Raises:
            ServiceUnavailable: All places are taken.
        """
        if not parse(scope.search_text).is_costly:
            yield
            return
        if not self._free.acquire(blocking=False):
            raise ServiceUnavailable(_BUSY, retry_after=RETRY_AFTER)
        try:
            yield
        finally:
            self._free.release()
