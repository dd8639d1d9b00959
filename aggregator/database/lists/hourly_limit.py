"""The limit of posts of one feed and hour in a list; the feed's own page lists further posts."""

from sqlalchemy import func, literal, select

from aggregator.database.schema import entries, state

_NO_LIMIT = literal(2**31 - 1)

WITHIN_HOURLY_LIMIT = entries.c.hour_rank < func.coalesce(
    select(state.c.per_hour).scalar_subquery(), _NO_LIMIT
)
"""A condition of each statement, so another limit in config.yaml changes one row of `state`."""
