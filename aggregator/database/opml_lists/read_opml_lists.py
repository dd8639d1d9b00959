"""The feeds and the health of the OPML lists of config.yaml."""

from typing import Any

from sqlalchemy import Connection, func, select

from aggregator.database.opml_table import opml_lists
from aggregator.database.schema import feeds
from aggregator.model import OpmlListHealth, OpmlOutline

_OUTLINES = select(opml_lists.c.address, opml_lists.c.outlines).where(
    opml_lists.c.outlines.is_not(None)
)
_VERSIONS = select(opml_lists.c.address, opml_lists.c.version)
_SUBSCRIBED = (
    select(feeds.c.opml_list, func.count().label("feeds"))
    .where(feeds.c.subscribed, feeds.c.opml_list.is_not(None))
    .group_by(feeds.c.opml_list)
    .subquery()
)
_HEALTH = (
    select(
        opml_lists.c.address,
        func.coalesce(_SUBSCRIBED.c.feeds, 0),
        opml_lists.c.failure,
        opml_lists.c.failures,
        opml_lists.c.last_polled_at,
        opml_lists.c.last_success_at,
        opml_lists.c.next_poll_at,
    )
    .select_from(opml_lists.outerjoin(_SUBSCRIBED, _SUBSCRIBED.c.opml_list == opml_lists.c.address))
    .order_by(opml_lists.c.position)
)


def outlines_in_force(connection: Connection) -> dict[str, tuple[OpmlOutline, ...]]:
    """Return the feeds of each list by address; nothing of an unread list."""
    rows: list[Any] = list(connection.execute(_OUTLINES))
    return {row.address: row.outlines for row in rows}


def versions(connection: Connection) -> dict[str, int]:
    """Return a number for each list by address; the number grows with other feeds."""
    return {row.address: row.version for row in connection.execute(_VERSIONS)}


def healths(connection: Connection) -> list[OpmlListHealth]:
    """Return the health of all lists, in the order of config.yaml."""
    return [OpmlListHealth(*row) for row in connection.execute(_HEALTH)]
