"""What stands in a database that is to become a copy."""

from collections.abc import Collection

from sqlalchemy import Connection, text

from aggregator.database.copies.stored_rows import count_rows
from aggregator.database.engine import HEAD
from aggregator.database.schema import entries, feeds

_VERSION_TABLE = "alembic_version"
_REVISION = text(f"SELECT version_num FROM {_VERSION_TABLE}")  # noqa: S608 - no values
_NAMES_SHOWN = 3


def obstacle(connection: Connection, table_names: Collection[str]) -> str:
    """Return what stands in a database that is neither empty nor an unfinished copy, and advice.

    Args:
        table_names: All tables of the database.
    """
    if not {_VERSION_TABLE, feeds.name, entries.name} <= set(table_names):
        names, other_count = sorted(table_names)[:_NAMES_SHOWN], len(table_names) - _NAMES_SHOWN
        if other_count > 0:
            names.append(f"{other_count} more")
        return f"has tables of another program ({', '.join(names)}); name an empty database"
    revision = connection.scalar(_REVISION)
    if revision != HEAD:
        return (
            f"is a database of this program already, with the schema {revision}, and this version "
            f"copies into {HEAD}; name an empty database"
        )
    counts = (
        f"{count_rows(connection, feeds):,} feeds and {count_rows(connection, entries):,} posts"
    )
    return (
        f"is a complete database of this program already, with {counts}; to use it, write its "
        "address into config.yaml under `database:`; to copy again, name an empty database"
    )
