"""How much of a list one feed may take: so many posts an hour, the others on its own page alone."""

from sqlalchemy import func, literal, select

from aggregator.database.schema import entries, state

_ALL = literal(2**31 - 1)

WITHIN_SHARE = entries.c.hour_rank < func.coalesce(select(state.c.per_hour).scalar_subquery(), _ALL)
"""Asked for in each statement: another bound in config.yaml is one row, and no entry's."""
