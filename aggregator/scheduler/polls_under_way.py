"""Polls of leased feeds, each a task of the event loop."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime

from aggregator.database import DBAPIError
from aggregator.model import DueFeed, Outcome

from .leases import STOP_STEP
from .present_poller import PresentPoller

log = logging.getLogger(__name__)

_MAX_RELEASED = 1000


class PollsUnderWay:
    """The polls under way in the process, and feeds with unstored polls.

    Args:
        on_end: Called after the end of each poll.
    """

    def __init__(self, present: PresentPoller, on_end: Callable[[], None] = lambda: None) -> None:
        self._present = present
        self._on_end = on_end
        self._hosts: dict[asyncio.Task[None], str] = {}
        self._unstored: dict[int, float] = {}  # ids of feeds, and when they may be polled again

    def __len__(self) -> int:
        """Return the number of polls."""
        return len(self._hosts)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """The polls."""
        return self._hosts.keys()

    def counts_of_hosts(self) -> Counter[str]:
        """Return how many polls each host has."""
        return Counter(host for host in self._hosts.values() if host)

    def start(self, feed: DueFeed) -> asyncio.Task[None]:
        """Poll a leased feed; the task raises nothing but the end of a cancellation."""
        task = asyncio.create_task(self._poll(feed))
        self._hosts[task] = feed.host.name
        task.add_done_callback(self._end)
        return task

    def overdue_unstored(self) -> list[int]:
        """Return some of the feeds with an unstored poll whose time has come again.

        Until then their lease is kept: the database does not know of the poll.
        """
        now = asyncio.get_running_loop().time()
        return [feed_id for feed_id, at in self._unstored.items() if at <= now][:_MAX_RELEASED]

    def forget_unstored(self, feed_ids: Collection[int]) -> list[int]:
        """Return the feeds with an unstored poll; from now on such polls are forgotten."""
        return [feed_id for feed_id in feed_ids if self._unstored.pop(feed_id, None) is not None]

    async def cancel(self) -> None:
        """Stop fetching; polls in storage end within a moment."""
        for task in self._hosts:
            task.cancel()
        if self._hosts:
            await asyncio.wait(list(self._hosts), timeout=STOP_STEP)

    async def _poll(self, feed: DueFeed) -> None:
        try:
            result = await self._present.poller.poll(feed)
        except Exception as error:
            again_at = asyncio.get_running_loop().time() + feed.pacing.interval.total_seconds()
            self._unstored[feed.id] = again_at
            if not isinstance(error, DBAPIError):
                raise
            log.error("%s: its poll could not be stored: %s", feed.name, error.orig)
            return
        if result is None:
            log.debug("%s: put off without a request", feed.name)
        elif result.error:
            # Of a network that fails, one line says so.
            level = logging.DEBUG if result.is_offline else logging.WARNING
            log.log(
                level, "%s: %s; next poll %s", feed.name, result.error, _when(result.next_poll_at)
            )
        elif result.outcome is Outcome.NEW:
            log.info("%s: %d new, %d updated", result.feed, result.new, result.updated)
        else:
            log.debug("%s: unchanged", feed.name)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._hosts.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("a poll failed unexpectedly", exc_info=error)
        self._on_end()


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
