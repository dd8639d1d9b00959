"""The lease by which one of several processes announces changes and is our own hub."""

import asyncio
import contextlib
from functools import partial

from aggregator.database import DBAPIError, Transact
from aggregator.database.websub import write_hub_owner
from aggregator.runtime import process_identity

_RENEWALS = 3  # in the time of a lease
_RELEASE_WITHIN = 1  # seconds of a stop


class HubLease:
    """The lease of this process, or the wait for the lease.

    Args:
        owner: Name of this process.
        transact: Runs a function in one transaction that may write.
    """

    def __init__(self, owner: str, transact: Transact) -> None:
        self._owner = owner
        self._transact = transact
        self._is_held = False
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def is_held(self) -> bool:
        """Whether this process has the lease, which is taken or renewed if need be."""
        async with self._renewing:
            now = asyncio.get_running_loop().time()
            if now >= self._renew_at:
                self._is_held = False  # in case of an error
                self._is_held = await self._transact(
                    partial(
                        write_hub_owner.take_hub,
                        owner=self._owner,
                        has_ended=process_identity.has_ended,
                    )
                )
                self._renew_at = now + write_hub_owner.LEASE.total_seconds() / _RENEWALS
            return self._is_held

    async def release(self) -> None:
        """Let another process take the lease; without an answer in time the lease expires."""
        if self._is_held:
            release = partial(write_hub_owner.release_hub, owner=self._owner)
            with contextlib.suppress(TimeoutError, DBAPIError):
                await asyncio.wait_for(self._transact(release), _RELEASE_WITHIN)
