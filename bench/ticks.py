"""What the scheduler's clockwork costs with so many feeds in the database: `python -m bench.ticks`.

Each figure is the median of transactions, on a real file from the write lock to the commit, as the
dispatch tick (every second) and the renewal of leases (every 30 s) make them: on SQLite the tick
leases feeds for the process, on PostgreSQL it defers jobs with batches of feeds for workers.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from aggregator.database import Connection, Engine, open_database
from aggregator.database.feeds import write_batches, write_leases, write_subscriptions
from aggregator.database.jobs import write_jobs
from aggregator.model import Subscription
from aggregator.scheduler import job_engine

ROOM = 128
"""Feeds that a tick leases at most: `poll.concurrency`, 32, times those that wait for each."""

DUE = 30
_ROUNDS = 21
_OWNER = "bench/1/1"


@dataclass(frozen=True)
class Ticks:
    """Milliseconds of one transaction.

    Attributes:
        idle: A tick with nothing due.
        steady: With 30 feeds due, each of its own host.
        overdue: With every feed overdue, each of its own host.
        crowded: With every feed overdue, the longest overdue half feeds of ten hosts that are busy.
        renewal: Leases renewed, also those of jobs, and the holders that died looked for.
        leased: Feeds that the tick of `steady`, `overdue` and `crowded` got.
    """

    feeds: int
    idle: float
    steady: float
    overdue: float
    crowded: float
    renewal: float
    leased: tuple[int, int, int]


def ticks(count: int, database: str | None = None) -> Ticks:
    """Measure with `count` feeds.

    Args:
        database: URL of an empty PostgreSQL database; None for a SQLite file.
    """
    now = datetime.now(UTC)
    with _database(count, now, database) as engine:
        if engine.dialect.name != "sqlite":
            job_engine.prepare_tables(engine)
        idle, _ = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day", f"id % ({count} / {DUE}) = 0")
        steady, few = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day", f"id % ({count} / {DUE}) <> 0")
        _tidy(engine)
        overdue, many = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day, host = 'busy' || (id % 20 / 2)", "id % 2 = 0")
        busy = [f"busy{number}" for number in range(10)]
        if engine.dialect.name != "sqlite":
            _lease_of_another_process(engine, busy)
            _tidy(engine)
        crowded, some = _tick(engine, now, busy=busy)
        renewal = _renewal(engine, now)
    return Ticks(count, idle, steady, overdue, crowded, renewal, (few, many, some))


def _tick(engine: Engine, now: datetime, busy: list[str] | None = None) -> tuple[float, int]:
    leased = 0

    def defer(connection: Connection) -> None:
        nonlocal leased
        write_jobs.load_of_queues(connection, alive_within=timedelta(minutes=1))
        batches = write_batches.lease_batches(
            connection, scheduler="bench", now=now, until=now + timedelta(minutes=2), limit=ROOM
        )
        write_jobs.defer(connection, batches, job_engine.QUEUES)
        leased = sum(len(batch.feed_ids) for batch in batches)

    def take_back(connection: Connection) -> None:
        write_jobs.take_back(connection, tokens=write_leases.BATCH)

    def take(connection: Connection) -> None:
        nonlocal leased
        until = now + timedelta(minutes=2)
        leased = len(
            write_leases.lease_due(
                connection, owner=_OWNER, now=now, until=until, limit=ROOM,
                busy_hosts=busy or (), per_host=2,
            )
        )  # fmt: skip

    def give_back(connection: Connection) -> None:
        write_leases.release_leases(connection, owner=_OWNER)

    if engine.dialect.name == "sqlite":
        return _median(engine, take, give_back), leased
    return _median(engine, defer, take_back), leased


def _renewal(engine: Engine, now: datetime) -> float:
    until = now + timedelta(minutes=2)
    with engine.begin() as connection:
        write_leases.lease_due(
            connection, owner=_OWNER, now=now, until=until, limit=ROOM, per_host=2
        )

    def renew(connection: Connection) -> None:
        write_leases.lease_owners(connection)
        write_leases.renew_leases(connection, owner=_OWNER, until=until)
        if engine.dialect.name != "sqlite":
            write_jobs.renew_queued(connection, until=until)

    return _median(engine, renew, lambda connection: None)


def _median(
    engine: Engine, work: Callable[[Connection], None], after: Callable[[Connection], None]
) -> float:
    spent = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        with engine.begin() as connection:
            work(connection)
        spent.append(time.perf_counter() - started)
        with engine.begin() as connection:
            after(connection)
    return 1000 * statistics.median(spent)


@contextmanager
def _database(count: int, now: datetime, database: str | None) -> Iterator[Engine]:
    """Make a database whose feeds were all polled today and are due tomorrow."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    engine = open_database(database or f"sqlite:///{folder / 'bench.db'}")
    try:
        feeds = [
            Subscription(f"f{number}", f"https://host{number}.example/feed.xml")
            for number in range(count)
        ]
        with engine.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, feeds, now=now - timedelta(hours=1))
            connection.execute(
                text("UPDATE feeds SET memory = :memory, etag = 'x', polls = 1"),
                {"memory": bytes(200)},
            )
            _plan(connection, "next_poll_at + :day / 2 + id", "1 = 1")
        _tidy(engine)
        yield engine
    finally:
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def _lease_of_another_process(engine: Engine, hosts: list[str]) -> None:
    """Lease a feed of each host for another process, which makes the host busy."""
    statement = text(
        "UPDATE feeds SET lease_owner = 'another', lease_until = next_poll_at + 1000000000000000 "
        "WHERE id = (SELECT min(id) FROM feeds WHERE host = :host)"
    )
    with engine.begin() as connection:
        connection.execute(statement, [{"host": host} for host in hosts])


def _tidy(engine: Engine) -> None:
    """Have PostgreSQL forget former versions of rows, as it does by itself in the long run."""
    if engine.dialect.name != "sqlite":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE feeds")


def _plan(connection: Connection, at: str, which: str) -> None:
    day = timedelta(days=1) // timedelta(microseconds=1)
    statement = f"UPDATE feeds SET next_poll_at = {at} WHERE {which}"
    connection.execute(text(statement), {"day": day} if ":day" in at else {})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ticks")
    parser.add_argument("feeds", type=int, nargs="*", default=[1000, 10_000, 100_000])
    for count in parser.parse_args().feeds:
        print(ticks(count))


if __name__ == "__main__":
    main()
