"""Pollers and schedulers whose worker processes outlive them: to start and end some takes 0.3 s."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aggregator.config import Config
from aggregator.database import Engine
from aggregator.poll import Poller, PollerFactory, PollSettings
from aggregator.runtime.worker_pool import Workers
from aggregator.scheduler import Scheduler

LASTING = Workers(1)


class _SameWorkers(Workers):
    """Workers of one event loop that use the processes of the loops before it.

    In the program processes never change hands: there is nothing public to take them over with.
    """

    def __init__(self) -> None:
        super().__init__(1)
        self._idle, self._processes = LASTING._idle, LASTING._processes

    def stop(self) -> None:
        pass


class CountingWorkers(_SameWorkers):
    """Workers that tell how many documents they have read."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().run(*args, **kwargs)
        finally:
            self.count += 1


def pollers(engine: Engine, **options: Any) -> PollerFactory:
    return PollerFactory(engine, **({"workers": lambda _settings: _SameWorkers()} | options))


@contextlib.asynccontextmanager
async def polling(engine: Engine, settings: PollSettings, **options: Any) -> AsyncIterator[Poller]:
    async with pollers(engine, **options).polling(settings) as poller:
        yield poller


def new_scheduler(config: Config, engine: Engine, **options: Any) -> Scheduler:
    return Scheduler(config, engine, **({"pollers": pollers(engine)} | options))
