"""What the scheduler's clockwork costs with so many feeds in the database: `python -m bench.ticks`.

Each figure is the median of transactions on a real file, from the write lock to the commit, as the
dispatch tick (every second) and the renewal of leases (every 30 s) make them.
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
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.model import Subscription

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
        renewal: Leases renewed, the holders that died looked for.
        leased: Feeds that the tick of `steady`, `overdue` and `crowded` got.
    """

    feeds: int
    idle: float
    steady: float
    overdue: float
    crowded: float
    renewal: float
    leased: tuple[int, int, int]


def ticks(count: int) -> Ticks:
    """Measure with `count` feeds."""
    now = datetime.now(UTC)
    with _database(count, now) as engine:
        idle, _ = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day", f"id % ({count} / {DUE}) = 0")
        steady, few = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day", f"id % ({count} / {DUE}) <> 0")
        overdue, many = _tick(engine, now)
        with engine.begin() as connection:
            _plan(connection, "next_poll_at - :day, host = 'busy' || (id % 20 / 2)", "id % 2 = 0")
        busy = [f"busy{number}" for number in range(10)]
        crowded, some = _tick(engine, now, busy=busy)
        renewal = _renewal(engine, now)
    return Ticks(count, idle, steady, overdue, crowded, renewal, (few, many, some))


def _tick(engine: Engine, now: datetime, busy: list[str] | None = None) -> tuple[float, int]:
    leased = 0

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

    return _median(engine, take, give_back), leased


def _renewal(engine: Engine, now: datetime) -> float:
    until = now + timedelta(minutes=2)
    with engine.begin() as connection:
        write_leases.lease_due(
            connection, owner=_OWNER, now=now, until=until, limit=ROOM, per_host=2
        )

    def renew(connection: Connection) -> None:
        write_leases.lease_owners(connection)
        write_leases.renew_leases(connection, owner=_OWNER, until=until)

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
def _database(count: int, now: datetime) -> Iterator[Engine]:
    """Make a database whose feeds were all polled today and are due tomorrow."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    engine = open_database(f"sqlite:///{folder / 'bench.db'}")
    try:
        feeds = [
            Subscription(f"f{number}", f"https://host{number}.example/feed.xml")
            for number in range(count)
        ]
        with engine.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, feeds, now=now - timedelta(hours=1))
            connection.execute(
                text("UPDATE feeds SET memory = zeroblob(200), etag = 'x', polls = 1")
            )
            _plan(connection, "next_poll_at + :day / 2 + id", "1")
        yield engine
    finally:
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


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
