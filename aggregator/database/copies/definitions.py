"""Indexes, foreign keys and triggers: taken from tables for the time of a copy, and made again.

Without indexes and foreign keys, rows are written in a fraction of the time; triggers would count
rows a second time.  All statements come from the catalogue of the database.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, text

from aggregator.database.copies.unfinished_copy import postponed_definitions

_OF_SQLITE = """
SELECT sql, 'DROP ' || type || ' "' || name || '"' FROM sqlite_master
WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN :tables ORDER BY type, name
"""
# The index of a constraint stays with the constraint.
_INDEXES = """
SELECT pg_get_indexdef(indexrelid), format('DROP INDEX %s', indexrelid::regclass)
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = current_schema()::regnamespace AND relname IN :tables
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY indexrelid::regclass::text
"""
_FOREIGN_KEYS = """
SELECT format(
    'ALTER TABLE %s ADD CONSTRAINT %I %s',
    conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid)
), format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE relnamespace = current_schema()::regnamespace AND relname IN :tables AND contype = 'f'
ORDER BY conrelid::regclass::text, conname
"""
_TRIGGERS = """
SELECT pg_get_triggerdef(pg_trigger.oid), format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND relname IN :tables AND NOT tgisinternal
ORDER BY tgname
"""
_QUERIES = {"sqlite": (_OF_SQLITE,), "postgresql": (_INDEXES, _FOREIGN_KEYS, _TRIGGERS)}


def postpone(connection: Connection, tables: Sequence[str]) -> None:
    """Drop all definitions of `tables`, and note the statements for `restore`."""
    highest = connection.scalar(select(func.max(postponed_definitions.c.position)))
    position = 0 if highest is None else highest + 1
    for query in _QUERIES[connection.dialect.name]:
        selected = text(query).bindparams(bindparam("tables", expanding=True))
        for definition, removal in connection.execute(selected, {"tables": tables}).all():
            _run(connection, removal)
            row = {"position": position, "statement": definition}
            connection.execute(insert(postponed_definitions), row)
            position += 1


def statements(connection: Connection) -> list[str]:
    """Return the noted statements, in order."""
    statement = select(postponed_definitions.c.statement).order_by(postponed_definitions.c.position)
    return list(connection.scalars(statement))


def restore(connection: Connection, statement: str) -> None:
    """Run a statement of `statements`, and remove the note."""
    _run(connection, statement)
    is_run = postponed_definitions.c.statement == statement
    connection.execute(postponed_definitions.delete().where(is_run))


def _run(connection: Connection, statement: str) -> None:
    # Without parameters a driver takes each % as written.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
