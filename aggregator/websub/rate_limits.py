"""Limits per key, where a key is a site or an address.

Everything lives in one event loop and is bounded in size.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from ipaddress import IPv6Address, ip_address, ip_network

MINUTE = 60.0
_NETWORK_BITS = 64  # whoever has one IPv6 address has all addresses of the /64


def address_keys(addresses: Iterable[str]) -> list[str]:
    """Return the keys under which addresses count, sorted; an IPv6 address counts as its /64."""
    keys = set()
    for text in addresses:
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address):
            mapped = address.ipv4_mapped
            keys.add(str(mapped or ip_network((address, _NETWORK_BITS), strict=False)))
        else:
            keys.add(str(address))
    return sorted(keys)


class RateLimit:
    """Allows a number of events per minute for each key."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._times: dict[str, deque[float]] = {}
        self._pruned_at = 0.0

    def room(self, key: str) -> int:
        """Return how many events of `key` need not wait."""
        since = self._now() - MINUTE
        return self._per_minute - sum(at > since for at in self._times.get(key, ()))

    def reached(self) -> list[str]:
        """Return the keys whose next event has to wait."""
        return [key for key in self._times if not self.room(key)]

    def take(self, keys: Iterable[str]) -> bool:
        """Count an event for each of `keys`; return False, and count none, at the limit of any."""
        now, counted_keys = self._now(), list(keys)
        if not all(map(self.room, counted_keys)):
            return False
        if now - self._pruned_at > 1:
            self._pruned_at = now
            self._times = {
                key: times for key, times in self._times.items() if times[-1] > now - MINUTE
            }
        for key in counted_keys:
            self._times.setdefault(key, deque(maxlen=self._per_minute)).append(now)
        return True

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class ConcurrencyLimit:
    """Admits a number of tasks at a time for each key, in the order of arrival."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    def users(self, key: str) -> int:
        """Return the number of tasks admitted or waiting."""
        return self._users[key]

    @contextlib.asynccontextmanager
    async def admitted(self, keys: Iterable[str]) -> AsyncIterator[None]:
        """Wait until all of `keys` admit the task; inside the block the task counts."""
        async with contextlib.AsyncExitStack() as exits:
            for key in sorted(keys):  # one order for all tasks: no deadlock
                self._users[key] += 1
                exits.callback(self._leave, key)
                semaphore = self._semaphores.setdefault(key, asyncio.Semaphore(self._at_once))
                await exits.enter_async_context(semaphore)
            yield

    def _leave(self, key: str) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key], self._semaphores[key]
