"""Whether the source of a copy stands still, and its state."""

import json
from datetime import datetime

from sqlalchemy import Connection, func, select

from aggregator.database.copies import stored_rows
from aggregator.database.opml_table import opml_lists
from aggregator.database.schema import feeds, state


def leased_until(connection: Connection, *, now: datetime) -> datetime | None:
    """Return when the last lease of a process ends; None without leases."""
    ends = [
        connection.scalar(
            select(func.max(table.c.lease_until)).where(table.c.lease_owner.is_not(None))
        )
        for table in (feeds, opml_lists)
    ]
    return max((end for end in ends if end is not None and end > now), default=None)


def state_of(connection: Connection) -> str:
    """Return a text; after every poll, change on a page, new or deleted row, the text differs."""
    polls = (
        func.sum(feeds.c.polls),
        func.max(feeds.c.last_polled_at),
        func.max(feeds.c.next_poll_at),
    )
    rows = [connection.execute(select(*columns)).one() for columns in (state.c, polls)]
    counts = [stored_rows.count_rows(connection, table) for table in stored_rows.tables()]
    return json.dumps([counts, *map(list, rows)], default=str)
