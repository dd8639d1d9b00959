"""How feeds are doing: the rule of `aggregator.feed_status` in SQL, and counts by status."""

from sqlalchemy import Connection, and_, case, func, select

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.schema import feeds
from aggregator.feed_status import URGENCY, FeedStatus

STATUS = case(
    (feeds.c.gone, FeedStatus.REMOVED.value),
    (feeds.c.paused, FeedStatus.PAUSED.value),
    (feeds.c.last_polled_at.is_(None), FeedStatus.UNPOLLED.value),
    (and_(feeds.c.failures > 0, feeds.c.not_before.is_(None)), FeedStatus.FAILING.value),
    (feeds.c.failures > 0, FeedStatus.WAITING.value),
    (feeds.c.error.is_not(None), FeedStatus.OFFLINE.value),
    (feeds.c.note.is_not(None), FeedStatus.REPAIRED.value),
    else_=FeedStatus.FINE.value,
)
"""The status of a row of `feeds`, a value of `FeedStatus`."""

BY_URGENCY = case({status.value: rank for status, rank in URGENCY.items()}, value=STATUS)
"""The column to order feeds by, with the most urgent status first."""


def count_by_status(connection: Connection) -> dict[FeedStatus, int]:
    """Count the subscriptions by status; a status without subscriptions is left out."""
    statement = (
        select(STATUS.label("status"), func.count().label("feeds"))
        .where(feeds.c.subscribed)
        .group_by(STATUS)
        .execution_options(**within(OF_ALL_FEEDS))
    )
    return {FeedStatus(row.status): row.feeds for row in connection.execute(statement)}
