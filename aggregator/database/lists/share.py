"""The share of a list for one feed: so many posts an hour; further posts stand on its own page."""

from sqlalchemy import func, literal, select

from aggregator.database.schema import entries, state

_ALL = literal(2**31 - 1)

WITHIN_SHARE = entries.c.hour_rank < func.coalesce(select(state.c.per_hour).scalar_subquery(), _ALL)
"""A condition of each statement, so another limit in config.yaml changes one row of `state`."""
