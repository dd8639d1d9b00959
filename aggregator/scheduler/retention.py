"""Retention: old entries, and hosts without feeds, are deleted."""

import logging
from datetime import timedelta

from aggregator.config import Config
from aggregator.database import Connection, Transact, database_time
from aggregator.database.entries import write_retention
from aggregator.database.feeds import write_hosts

log = logging.getLogger(__name__)

_DELETE_AT_ONCE = 1000
_DELAYS_KEPT = timedelta(days=30)


async def delete_old_rows(transact: Transact, config: Config) -> None:
    """Delete old entries, a few in a transaction, and delays learned of hosts long ago."""
    retention = config.retention

    def forget_hosts(connection: Connection) -> None:
        now = database_time(connection)
        write_hosts.forget_hosts(connection, now=now, throttled_before=now - _DELAYS_KEPT)

    await transact(forget_hosts)
    deleted = _DELETE_AT_ONCE
    while deleted == _DELETE_AT_ONCE:
        deleted = await transact(
            lambda connection: write_retention.delete_old(
                connection,
                before=database_time(connection) - retention.keep,
                min_entries=retention.min_entries,
                max_entries=retention.max_entries,
                limit=_DELETE_AT_ONCE,
            )
        )
        if deleted:
            log.info("retention: %d old entries deleted", deleted)
