"""The poller of the present settings; a former poller ends with its last poll."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from aggregator.database import Connection
from aggregator.poll import Poller, PollerFactory, PollSettings

from . import leases
from .leases import STOP_STEP

_T = TypeVar("_T")


class PresentPoller:
    """The poller of a running process, and its successors as the settings change.

    Used with `async with`, which closes `pollers` at the end.
    """

    def __init__(self, pollers: PollerFactory, settings: PollSettings) -> None:
        self._pollers = pollers
        self.settings = settings
        self.poller = pollers.poller(settings)
        self._retiring: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "PresentPoller":
        await self.poller.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.poller.__aexit__()
        await self._pollers.close()

    async def transact(
        self, work: Callable[[Connection], _T], *, is_stopping: Callable[[], bool] | None = None
    ) -> _T:
        """Do `work` in one transaction; see `Poller.transact`."""
        return await self.poller.transact(work, is_stopping=is_stopping)

    async def transact_after_reading(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work`, which reads before its first write; see `Poller.transact_after_reading`."""
        return await self.poller.transact_after_reading(work)

    async def use(self, settings: PollSettings, under_way: Collection[asyncio.Task[Any]]) -> None:
        """Poll with other settings from now on.

        Args:
            under_way: Polls, which end with the former settings.
        """
        former_poller = self.poller
        self.settings, self.poller = settings, self._pollers.poller(settings)
        await self.poller.__aenter__()
        task = asyncio.create_task(_retire(former_poller, under_way))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def end(self) -> None:
        """Store completed polls, at a stop, as far as the database takes them in time."""
        last = asyncio.create_task(leases.drain(self.poller))
        tasks = {last, *self._retiring}
        await asyncio.wait(tasks, timeout=2 * STOP_STEP)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _retire(poller: Poller, under_way: Collection[asyncio.Task[Any]]) -> None:
    """End a poller with a successor after its last poll is stored, or when cancelled."""
    try:
        if under_way:
            await asyncio.wait(under_way)
        await poller.drained()
    except asyncio.CancelledError:
        await leases.abandon(poller)
        raise
    finally:
        await poller.__aexit__()
