"""Which of several processes announces changes, and is our own hub: one at a time, by a lease."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, or_, select, update

from aggregator.database.clock import database_time
from aggregator.database.schema import state

LEASE = timedelta(minutes=1)
"""Time after which another process becomes the hub, unless the owner renews the lease."""


def take_hub(connection: Connection, owner: str, *, has_ended: Callable[[str], bool]) -> bool:
    """Take or renew the lease for `owner`; return False while another process has the lease.

    Args:
        owner: Name of a process.
        has_ended: Whether the process of a name is known to have ended.
    """
    present_owner = connection.scalar(select(state.c.hub_owner))
    now = database_time(connection)
    is_free = or_(state.c.hub_owner.is_(None), state.c.hub_owner == owner, state.c.hub_until <= now)
    if present_owner is not None and has_ended(present_owner):
        is_free |= state.c.hub_owner == present_owner
    values = {"hub_owner": owner, "hub_until": now + LEASE}
    return connection.execute(update(state).where(is_free).values(values)).rowcount == 1


def release_hub(connection: Connection, owner: str) -> None:
    """End the lease of `owner`."""
    connection.execute(update(state).where(state.c.hub_owner == owner).values(hub_owner=None))
