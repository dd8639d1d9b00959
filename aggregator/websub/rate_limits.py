"""How much of the hub one site, one address and all together may take.

Anybody may name anybody's address: what is asked there is limited by where it really leads.  All of
it lives in one event loop and is bounded in size.
"""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network

log = logging.getLogger(__name__)

MINUTE = 60.0
_NETWORK = 64  # bits of an IPv6 address that somebody who has one has all addresses of


def networks(addresses: Iterable[str]) -> list[str]:
    """Return what addresses count for, in order, each once: an IPv6 address for its /64."""
    groups = set()
    for text in addresses:
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address):
            mapped = address.ipv4_mapped
            groups.add(str(mapped or ip_network((address, _NETWORK), strict=False)))
        else:
            groups.add(str(address))
    return sorted(groups)


class Rate:
    """Counts what was done for each key within the last minute.

    Args:
        most: Times a minute for one key.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: dict[Hashable, deque[float]] = {}
        self._tidied_at = 0.0

    def is_used_up(self, key: Hashable) -> bool:
        """Whether one more has to wait."""
        times = self._times.get(key)
        return times is not None and len(times) == self._most and times[0] > self._now() - MINUTE

    def take(self, keys: Iterable[Hashable]) -> bool:
        """Count one more for each of `keys`, unless one of them is used up."""
        now, chosen = self._now(), list(keys)
        if any(map(self.is_used_up, chosen)):
            return False
        if now - self._tidied_at > 1:
            self._tidied_at = now
            self._times = {
                key: times for key, times in self._times.items() if times[-1] > now - MINUTE
            }
        for key in chosen:
            self._times.setdefault(key, deque(maxlen=self._most)).append(now)
        return True

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class Turns:
    """Lets so many at a time through for each key, in the order in which they came."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lanes: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    def users(self, key: str) -> int:
        """Return how many have a turn or wait for one."""
        return self._users[key]

    @contextlib.asynccontextmanager
    async def turn(self, keys: Iterable[str]) -> AsyncIterator[None]:
        """Wait for a turn at each of `keys`, and have it inside the block."""
        async with contextlib.AsyncExitStack() as exits:
            for key in sorted(keys):  # all in one order: no two wait for each other
                self._users[key] += 1
                exits.callback(self._leave, key)
                lane = self._lanes.setdefault(key, asyncio.Semaphore(self._at_once))
                await exits.enter_async_context(lane)
            yield

    def _leave(self, key: str) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key], self._lanes[key]


class Notices:
    """Writes one line a minute of each kind into the log, and how many more there were."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def say(self, kind: str, text: str, *, level: int = logging.INFO) -> None:
        """Log a line, if there was none of this kind within a minute; else count it."""
        if self._is_silent(kind):
            self._unsaid[kind] += 1
            return
        self._said_at[kind] = asyncio.get_running_loop().time()
        log.log(level, "hub: %s", text)

    def tell_rest(self) -> None:
        """Log how many lines were left out, of each kind that had none for a minute."""
        for kind in [kind for kind in self._unsaid if not self._is_silent(kind)]:
            self.say(kind, f"{kind}: {self._unsaid.pop(kind):,} more within a minute")

    def _is_silent(self, kind: str) -> bool:
        now = asyncio.get_running_loop().time()
        return kind in self._said_at and now - self._said_at[kind] < MINUTE
