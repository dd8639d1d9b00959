"""Copy a whole database into an empty database, SQLite or PostgreSQL, step by step.

1. The empty database gets the tables, and is marked as an unfinished copy.
2. Rows are copied in the order of keys, some thousand in a transaction, so an interrupted copy goes
   on behind the highest key of each table.
3. The index of words is made from the copied texts, newest entries first.
4. Indexes, foreign keys and triggers follow, then the sequences of PostgreSQL.
5. All rows are compared with the rows of the source.
6. If the source is still in the state of the beginning, the mark is taken away.

All rows of a run are read in the same transaction, in the state of its beginning.  If a later run
finds the source in another state, the run empties the copy and begins anew.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from aggregator.database.clock import database_time
from aggregator.database.copies import definitions, read_source, stored_rows
from aggregator.database.copies.copy_lock import only_copy
from aggregator.database.copies.read_target import obstacle
from aggregator.database.copies.stored_rows import DifferenceError, Row
from aggregator.database.copies.unfinished_copy import postponed_definitions, unfinished_copies
from aggregator.database.engine import (
    HEAD,
    UNFINISHED_COPY,
    open_for_copy,
    open_unchanged,
)
from aggregator.database.entries.write_entries import stored_words
from aggregator.database.failures import database_error, is_passing, name_of, parse_url
from aggregator.database.migrations.run import upgrade
from aggregator.database.schema import entries
from aggregator.database.word_index import word_index
from aggregator.errors import DatabaseError

_PARTS_AT_ONCE = 40  # some hundred rows or entries each, in a transaction
_ENTRIES_AT_ONCE = 250  # whose words are in memory
_WORD_INDEX = "word_index"
_SET_VERSION = text("UPDATE alembic_version SET version_num = :revision")
_INDEXED_FROM = select(unfinished_copies.c.indexed_from).scalar_subquery()
_ABOVE_ALL_IDS = (1 << 63) - 1
_GOES_ON = " (the copy goes on when the command runs again)"
_WAIT = (
    "SELECT set_config('idle_in_transaction_session_timeout', '1h', true), "
    "set_config('lock_timeout', '5min', true)"
)


class CopyStep(StrEnum):
    """A long step of a copy."""

    COPYING = "copying"
    INDEXING = "indexing the words of"
    COMPLETING = "making the indexes of"
    COMPARING = "comparing"


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far a step is with a table.

    Attributes:
        count, total: Rows.
    """

    step: CopyStep
    table: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """Numbers of a complete copy."""

    rows: int
    tables: int
    entries: int


Report = Callable[[CopyProgress], None]


def copy_database(
    source_url: str,
    target_url: str,
    *,
    report: Report,
    time_of: Callable[[Connection], datetime] = database_time,
) -> CopyResult:
    """Copy a database into an empty database, or go on with an interrupted copy.

    Args:
        report: Called with all progress.
        time_of: Returns the time of the source's clock, for leases.

    Raises:
        DatabaseError: A database can't be used or reached, the source is missing, in use or has
            rows without their parents, the target is in use or has other tables.
    """
    if _is_same(parse_url(source_url), parse_url(target_url)):
        target_name = name_of(parse_url(target_url))
        raise DatabaseError(f"{target_name}: is the database itself; name another one")
    opened_source = open_unchanged(source_url)
    if opened_source is None:
        source_name = name_of(parse_url(source_url))
        raise DatabaseError(f"{source_name}: is empty, so there is nothing to copy")
    source = _CopyEnd(opened_source, source_url)
    target = _CopyEnd(open_for_copy(target_url), target_url)
    try:
        with ExitStack() as lock:
            with _errors_of(target_url):
                lock.enter_context(only_copy(target.engine))
            return _copy(source, target, report, time_of)
    finally:
        source.engine.dispose()
        target.engine.dispose()


@dataclass(frozen=True, slots=True)
class _CopyEnd:
    """The database at one end of the copy."""

    engine: Engine
    url: str

    @property
    def name(self) -> str:
        return name_of(parse_url(self.url))


def _copy(
    source: _CopyEnd, target: _CopyEnd, report: Report, time_of: Callable[[Connection], datetime]
) -> CopyResult:
    """Take all steps, while no other process copies into the target."""
    with _errors_of(source.url), _transaction(source.engine) as connection:
        began_at = time_of(connection)
        _check_leases(connection, source.name, now=began_at)
        _check_references(connection, source.name)
        state = read_source.state_of(connection)
        with _errors_of(target.url), _transaction(target.engine) as target_connection:
            _prepare(target_connection, (source.name, target.name), state)
        result = _CopyRun(connection, source.url, target, report).run()
    with _errors_of(source.url), _transaction(source.engine) as connection:
        _check_unchanged(connection, source.name, state, since=began_at)
    with _errors_of(target.url), _transaction(target.engine) as connection:
        _complete(connection)
    return result


def _check_leases(connection: Connection, name: str, *, now: datetime) -> None:
    end = read_source.leased_until(connection, now=now)
    if end is not None:
        raise DatabaseError(
            f"{name}: feeds are being polled; stop `aggregator run`, `schedule` and `work` first; "
            f"the leases of a killed process end at {end:%H:%M:%S} UTC"
        )


def _check_references(connection: Connection, name: str) -> None:
    """Refuse rows that refer to missing rows, which the copy would refuse in the end."""
    orphan_rows = list(read_source.orphans(connection))
    if orphan_rows:
        counts = ", ".join(
            f"{table_rows.count:,} of {table_rows.table} (the first is {table_rows.key}) "
            f"refer to missing {table_rows.parent}"
            for table_rows in orphan_rows
        )
        checks = ["PRAGMA foreign_keys = ON"] if connection.dialect.name == "sqlite" else []
        statements = "; ".join([*checks, *(table_rows.statement for table_rows in orphan_rows)])
        raise DatabaseError(
            f"{name}: has rows that no page shows and no copy can take: {counts}; save the file, "
            f"delete the rows with `{statements};`, and run the command again"
        )


def _check_unchanged(connection: Connection, name: str, state: str, *, since: datetime) -> None:
    """Refuse to complete a copy after changes of the source."""
    if read_source.state_of(connection) != state or read_source.leased_until(connection, now=since):
        raise DatabaseError(
            f"{name}: was written to during the copy; stop `aggregator run`, `schedule` and "
            "`work`, and run the command again, which begins anew"
        )


class _CopyRun:
    """The steps of a copy after the target has got tables.

    Args:
        source: In a transaction, so all steps see the same rows.
    """

    def __init__(
        self, source: Connection, source_url: str, target: _CopyEnd, report: Report
    ) -> None:
        self._source, self._target, self._report = source, target.engine, report
        self._source_url, self._target_url = source_url, target.url

    def run(self) -> CopyResult:
        """Copy missing rows, and compare all rows; the target stays marked as unfinished."""
        tables = stored_rows.tables()
        with _errors_of(self._target_url, _GOES_ON):
            for table in tables:
                self._copy(table)
            self._index_words()
            self._complete_tables()
            row_count = sum(self._compare(table) for table in tables)
        entry_count = self._count(entries)
        return CopyResult(rows=row_count, tables=len(tables), entries=entry_count)

    def _count(self, table: Table) -> int:
        """Return the number of rows of the source; an error names the source, not the target."""
        with _errors_of(self._source_url, _GOES_ON):
            return stored_rows.count_rows(self._source, table)

    def _rows(self, table: Table, key: Row | None) -> Generator[Sequence[Row]]:
        """Yield rows of the source."""
        with _errors_of(self._source_url, _GOES_ON):
            yield from stored_rows.rows_behind(self._source, table, key)

    def _copy(self, table: Table) -> None:
        """Insert the missing rows of a table."""
        total = self._count(table)
        with _transaction(self._target) as connection:
            key = stored_rows.last_key(connection, table)
            count = stored_rows.count_rows(connection, table)
        with closing(self._rows(table, key)) as parts:
            is_complete = False
            while not is_complete:
                self._report(CopyProgress(CopyStep.COPYING, table.name, count, total))
                with _transaction(self._target) as connection:
                    part_sizes = [
                        self._insert(connection, table, rows)
                        for rows in islice(parts, _PARTS_AT_ONCE)
                    ]
                count += sum(part_sizes)
                is_complete = not part_sizes

    def _insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert rows, and return the number of rows."""
        try:
            stored_rows.insert_rows(connection, table, rows)
        except DBAPIError as error:
            if is_passing(error):
                raise
            keys = [stored_rows.key_of(table, row) for row in (rows[0], rows[-1])]
            message = database_error(error, self._target_url)
            place = f"in {table.name} from row {keys[0]} to {keys[1]}"
            raise DatabaseError(f"{message}; {place}") from error
        return len(rows)

    def _index_words(self) -> None:
        """Add the words of entries to the index, as far as entries are missing there."""
        is_missing = entries.c.id < _INDEXED_FROM
        with _transaction(self._target) as connection:
            total = stored_rows.count_rows(connection, entries)
            statement = select(func.count()).select_from(entries).where(is_missing)
            count = total - (connection.scalar(statement) or 0)
        while True:
            self._report(CopyProgress(CopyStep.INDEXING, entries.name, count, total))
            with _transaction(self._target) as connection:
                added_count = sum(_index_next(connection) for _ in range(_PARTS_AT_ONCE))
            if not added_count:
                return
            count += added_count

    def _complete_tables(self) -> None:
        """Make the postponed definitions, and let ids go on behind the copied ids."""
        with _transaction(self._target) as connection:
            statements = definitions.statements(connection)
        for number, statement in enumerate(statements, 1):
            with _transaction(self._target) as connection:
                definitions.restore(connection, statement)
            self._report(CopyProgress(CopyStep.COMPLETING, "tables", number, len(statements)))
        with _transaction(self._target) as connection:
            if connection.dialect.name == "postgresql":
                _follow_ids(connection)

    def _compare(self, table: Table) -> int:
        """Return the number of rows, which are all equal to rows of the source."""
        total = self._count(table)
        count = 0
        try:
            with (
                _transaction(self._target) as connection,
                closing(self._rows(table, None)) as rows,
                closing(stored_rows.rows_behind(connection, table, None)) as copied_rows,
            ):
                for part_size in stored_rows.equal_rows(rows, copied_rows):
                    count += part_size
                    self._report(CopyProgress(CopyStep.COMPARING, table.name, count, total))
        except DifferenceError as difference:
            with _transaction(self._target) as connection:  # so that the next run begins anew
                connection.execute(update(unfinished_copies).values(source_state=""))
            key = stored_rows.key_of(table, difference.row)
            raise DatabaseError(
                f"{name_of(parse_url(self._target_url))}: in {table.name} the row {key} is not "
                f"that of {name_of(parse_url(self._source_url))}; stop what writes to either, and "
                "run the command again, which begins anew"
            ) from difference
        return count


def _prepare(connection: Connection, names: tuple[str, str], state: str) -> None:
    """Make the tables of an empty target, or empty a copy of another state of the source.

    Args:
        names: Of source and target.
    """
    source_name, target_name = names
    present_names = set(inspect(connection).get_table_names())
    if not present_names:
        _mark(connection, source_name)
    elif unfinished_copies.name not in present_names:
        raise DatabaseError(f"{target_name}: {obstacle(connection, present_names)}")
    copy = connection.execute(select(unfinished_copies)).one()
    if copy.source != source_name:
        raise DatabaseError(
            f"{target_name}: is an unfinished copy of {copy.source}; name an empty database"
        )
    if copy.revision != HEAD:
        raise DatabaseError(
            f"{target_name}: is an unfinished copy that another version of this program began; "
            "name an empty database"
        )
    if copy.source_state != state:
        _empty(connection)
        connection.execute(
            update(unfinished_copies).values(source_state=state, indexed_from=_ABOVE_ALL_IDS)
        )


def _mark(connection: Connection, source_name: str) -> None:
    """Make the tables of an unfinished copy and of the program."""
    upgrade(connection, to=HEAD)
    unfinished_copies.create(connection)
    postponed_definitions.create(connection)
    row = {"source": source_name, "source_state": "", "revision": HEAD, "indexed_from": 0}
    connection.execute(insert(unfinished_copies), row)
    connection.execute(_SET_VERSION, {"revision": UNFINISHED_COPY})


def _empty(connection: Connection) -> None:
    """Remove all rows, also rows of revisions, and postpone definitions."""
    names = [table.name for table in stored_rows.tables()]
    definitions.postpone(connection, [*names, _WORD_INDEX])
    verb = "DELETE FROM" if connection.dialect.name == "sqlite" else "TRUNCATE"
    for name in names:
        connection.exec_driver_sql(f'{verb} "{name}"')
    word_index(connection).clear(connection)


def _index_next(connection: Connection) -> int:
    """Add the words of the newest missing entries; return the number of entries."""
    statement = select(entries.c.id).where(entries.c.id < _INDEXED_FROM)
    newest_first = statement.order_by(entries.c.id.desc()).limit(_ENTRIES_AT_ONCE)
    ids = connection.scalars(newest_first).all()
    word_index(connection).add(connection, stored_words(connection, ids))
    if ids:
        connection.execute(update(unfinished_copies).values(indexed_from=ids[-1]))
    return len(ids)


def _follow_ids(connection: Connection) -> None:
    """Let the sequences of a PostgreSQL database go on behind the copied ids.

    Searches depend on the frequencies of words, which ANALYZE counts.
    """
    for table in stored_rows.tables():
        for column in table.primary_key:
            name, column_name = f'"{table.name}"', column.name
            sequence = connection.scalar(select(func.pg_get_serial_sequence(name, column_name)))
            if sequence is not None:
                highest = connection.scalar(select(func.max(column)))
                following = func.setval(sequence, highest or 1, highest is not None)
                connection.execute(select(following))
        connection.exec_driver_sql(f'ANALYZE "{table.name}"')
    connection.exec_driver_sql(f"ANALYZE {_WORD_INDEX}")


def _complete(connection: Connection) -> None:
    """Take the mark away."""
    unfinished_copies.drop(connection)
    postponed_definitions.drop(connection)
    connection.execute(_SET_VERSION, {"revision": HEAD})


def _is_same(place: URL, other_place: URL) -> bool:
    """Whether two URLs name the same database; under another name, the database is not empty."""
    places = (place, other_place)
    kinds = {one_place.get_backend_name() for one_place in places}
    if kinds == {"sqlite"}:
        return len({Path(one_place.database or "").resolve() for one_place in places}) == 1
    servers = {one_place.set(drivername="", username="", password="") for one_place in places}
    return len(kinds) == len(servers) == 1


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that waits for the other database, and for sessions of a killed copy.

    PostgreSQL ends such a session after the statement, which may be a long CREATE INDEX.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_WAIT)
        yield connection


@contextmanager
def _errors_of(url: str, advice: str = "") -> Iterator[None]:
    """Turn errors of the driver into errors of the database at a URL.

    Args:
        advice: For passing errors.
    """
    try:
        yield
    except DBAPIError as error:
        message = str(database_error(error, url))
        raise DatabaseError(f"{message}{advice if is_passing(error) else ''}") from error
