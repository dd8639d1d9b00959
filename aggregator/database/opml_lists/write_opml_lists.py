"""The OPML lists of config.yaml: addresses, leases, and results of polls."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from aggregator.database.dialects import upsert, wait_for_leases
from aggregator.database.feeds import write_hosts
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.opml_table import opml_lists
from aggregator.model import DueOpmlList, OpmlPoll, Validators

_STORED = select(opml_lists.c.address).order_by(opml_lists.c.position)


def follow_addresses(connection: Connection, addresses: Sequence[str], *, now: datetime) -> None:
    """Make the table have the lists of config.yaml; new lists are due at once.

    Args:
        addresses: As written, in the order of the file.
    """
    stored_addresses = list(connection.scalars(_STORED))
    if stored_addresses == list(addresses):
        return
    note_change(connection)
    removed = [address for address in stored_addresses if address not in set(addresses)]
    connection.execute(delete(opml_lists).where(opml_lists.c.address.in_(removed)))
    rows = [
        {"address": address, "position": position, "next_poll_at": now}
        for position, address in enumerate(addresses)
    ]
    upsert(connection, opml_lists, rows, key=["address"], replaced=["position"])


def lease_lists(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    addresses: Collection[str] | None,
    only_due: bool,
    also_gone: bool = False,
) -> list[DueOpmlList]:
    """Lease lists without a lease of another process.

    Args:
        owner: Name of the present process; `until`: end of the lease.
        addresses: Of the lists to choose from; None: all lists.
        only_due: Only due lists.
        also_gone: Also lists without further polls (410).
    """
    wait_for_leases(connection)
    is_free = or_(opml_lists.c.lease_until.is_(None), opml_lists.c.lease_until <= now)
    statement = select(opml_lists).where(is_free).order_by(opml_lists.c.position)
    if addresses is not None:
        statement = statement.where(opml_lists.c.address.in_(sorted(addresses)))
    if not also_gone:
        statement = statement.where(opml_lists.c.next_poll_at.is_not(None))
    if only_due:
        statement = statement.where(opml_lists.c.next_poll_at <= now)
    leased = [_due(row) for row in connection.execute(statement)]
    if leased:
        ids = [due.id for due in leased]
        values = {"lease_owner": owner, "lease_until": until}
        connection.execute(update(opml_lists).where(opml_lists.c.id.in_(ids)).values(values))
    return leased


def _due(row: Any) -> DueOpmlList:
    validators = Validators(row.validators_url, row.etag, row.last_modified)
    return DueOpmlList(row.id, row.address, validators, row.outlines, row.failures)


def release(connection: Connection, *, owner: str) -> None:
    """Give the leases of a process back."""
    statement = update(opml_lists).where(opml_lists.c.lease_owner == owner)
    connection.execute(statement.values(lease_owner=None, lease_until=None))


def record(connection: Connection, poll: OpmlPoll, *, owner: str) -> None:
    """Store a poll, and give the lease back; a poll without a lease any more is dropped."""
    columns = opml_lists.c
    values: dict[str, Any] = {
        "last_polled_at": poll.polled_at,
        "next_poll_at": poll.next_poll.at,
        "failure": poll.failure,
        "failures": poll.failures,
        "lease_owner": None,
        "lease_until": None,
    }
    if poll.validators is not None:
        values |= {
            "last_success_at": poll.polled_at,
            "validators_url": poll.validators.url,
            "etag": poll.validators.etag,
            "last_modified": poll.validators.last_modified,
        }
    if poll.outlines is not None:
        values |= {"outlines": poll.outlines, "version": columns.version + 1}
    note_change(connection)  # first, as by `sync_subscriptions`
    statement = update(opml_lists).where(columns.id == poll.list_id, columns.lease_owner == owner)
    connection.execute(statement.values(values))
    if poll.pause is not None:
        write_hosts.note_pauses(connection, [poll.pause])
