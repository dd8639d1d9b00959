"""What is due, or what somebody names, polled once: `aggregator poll`."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from aggregator import urls
from aggregator.config import Config
from aggregator.database import Connection, Engine
from aggregator.database.feeds import write_hosts, write_leases
from aggregator.errors import UsageError
from aggregator.model import DueFeed
from aggregator.poll import Poller, PollResult
from aggregator.runtime import process_identity, system_clock

from . import leases
from .leases import LEASE, WAITING_PER_SLOT
from .poll_options import poll_settings

PATIENCE = timedelta(minutes=1)
"""How long a single command waits for a database that is locked or full."""


async def poll_once(
    config: Config,
    engine: Engine,
    *,
    names: Iterable[str] | None = None,
    everything: bool,
    on_start: Callable[[int], None],
    on_result: Callable[[PollResult], None],
) -> None:
    """Poll each feed at most once and return when all are stored.

    Args:
        names: Only these, due or not; None: those that are due.
        everything: With `names` None: all, due or not, but for those in a pause and of sites that
            another process is asking.
        on_start: Called with the number of feeds.
        on_result: Called for each feed as it is done.

    Raises:
        UsageError: A name is not a subscription.
    """
    wanted = None if names is None else _known(names, config)
    owner = process_identity.own_name()

    def take(connection: Connection) -> list[DueFeed]:
        now = datetime.now(UTC)
        poller.share(write_hosts.shared_hosts(connection))
        leases.free_the_dead(connection, owner)
        if seen := system_clock.read():
            leases.follow_clock(seen, connection)
        if wanted is None and not everything:
            return write_leases.lease_due(connection, owner=owner, now=now, until=now + LEASE)
        return write_leases.lease_named(
            connection, owner=owner, now=now, until=now + LEASE, names=wanted
        )

    poller = Poller(engine, poll_settings(config), patience=PATIENCE)
    async with poller, leases.kept(lambda: poller, owner):
        waiting = deque(_interleaved(await poller.transact(take)))
        on_start(len(waiting))
        at_once = config.poll.concurrency * WAITING_PER_SLOT
        running: set[asyncio.Task[PollResult | None]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    running.add(asyncio.create_task(poller.poll(waiting.popleft())))
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if result := task.result():
                        on_result(result)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await leases.drained(poller)


def _known(names: Iterable[str], config: Config) -> frozenset[str]:
    wanted = frozenset(names)
    if unknown := wanted - {feed.name for feed in config.feeds}:
        shown = urls.masked_input(min(unknown))
        raise UsageError(f"{shown}: no such feed; `aggregator feeds` lists them")
    return wanted


def _interleaved(due: Sequence[DueFeed]) -> list[DueFeed]:
    """Return feeds so that those of one host stand apart: one host holds up none of the others."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, int, DueFeed]] = []
    for feed in due:
        ranked.append((seen[feed.host.name], len(ranked), feed))
        seen[feed.host.name] += 1
    return [feed for _, _, feed in sorted(ranked, key=lambda place: place[:2])]
