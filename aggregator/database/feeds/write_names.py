"""Former names of feeds: addresses and searches with a former name lead to the feed."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select

from aggregator.database.chunks import chunks
from aggregator.database.dialects import upsert
from aggregator.database.schema import former_names

PARKED = "~"
"""Stands in the name of a feed that had to make room for another one; in no name of the file."""


def remember_names(
    connection: Connection, former: Mapping[str, int], *, in_use: Collection[str]
) -> None:
    """Store the former names of feeds, and forget former names in use again.

    Args:
        former: Ids of feeds by former name.
        in_use: Present names of feeds.
    """
    if not in_use:
        return
    stored_names = set(connection.scalars(select(former_names.c.name)))
    for chunk in chunks(sorted(stored_names.intersection(in_use))):
        connection.execute(delete(former_names).where(former_names.c.name.in_(chunk)))
    rows = [
        {"name": name, "feed_id": feed_id}
        for name, feed_id in former.items()
        if name not in in_use and PARKED not in name
    ]
    upsert(connection, former_names, rows, key=["name"])
