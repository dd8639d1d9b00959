"""What polling costs: the phases of a feed's life, and how the cost grows with the feeds."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.measure import Cost, ServerUse, run
from bench.server import PHASES, FeedServer, host

AGGREGATOR = [sys.executable, "-m", "aggregator"]
ENTRIES = 20
_SQLITE = "sqlite:///bench.db"
_ROOT = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class Phases:
    """The cost of each phase, less that of starting; bytes on disk per entry after the first.

    Starting is a poll of one feed in the same phase: all is loaded then and every process is there.

    Attributes:
        server_uses: Of a PostgreSQL server, in the same phases.
    """

    costs: dict[str, Cost]
    server_uses: dict[str, ServerUse]
    start: Cost
    bytes_per_entry: float


@dataclass(frozen=True)
class Growth:
    """With so many feeds in the file and the database: starting, and one poll of them all."""

    feeds: int
    start: Cost
    poll: Cost


def write_config(folder: Path, count: int, port: int, database: str = _SQLITE) -> None:
    """Write a config.yaml for `count` feeds of the server on `port`."""
    lines = [
        f"database: {database}",
        "poll: {host_delay: 0s, workers: 2, interval: 1d}",
        "network: {allow: [127.0.0.0/8]}",
        "feeds:",
        *(f"  - {{url: 'http://{host(n)}:{port}/{n}', name: f{n}}}" for n in range(count)),
    ]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def phases(
    count: int, database: str = _SQLITE, server_use: Callable[[], ServerUse] = ServerUse
) -> Phases:
    """Measure the phases of `count` feeds.

    Args:
        database: URL of an empty database.
        server_use: Returns what the server of the database has spent until now.
    """
    costs: dict[str, Cost] = {}
    server_uses: dict[str, ServerUse] = {}
    server = FeedServer(count + 1)
    try:
        with _scratch() as folder:
            write_config(folder, count + 1, server.port, database)
            run([*AGGREGATOR, "feeds"], folder)  # makes the database
            for phase in PHASES:
                server.phase(phase)
                uses = [server_use()]
                start = run([*AGGREGATOR, "poll", f"f{count}"], folder)
                uses.append(server_use())
                costs[phase] = _less(run([*AGGREGATOR, "poll", "--all"], folder), start)
                server_uses[phase] = server_use().since(uses[1]).since(uses[1].since(uses[0]))
                if phase == PHASES[0]:
                    size = sum(path.stat().st_size for path in folder.glob("bench.db*"))
            _check(database.replace(_SQLITE, f"sqlite:///{folder}/bench.db"), count + 1)
    finally:
        server.close()
    return Phases(costs, server_uses, start, size / ((count + 1) * ENTRIES))


def yardstick(count: int) -> float:
    """Return CPU-seconds of feedparser's default parse of the same bodies, in a process."""
    make = (
        f"import sys; sys.path.insert(0, {_ROOT!r})\n"
        "import feedparser\nfrom io import BytesIO\nfrom bench.server import body_of\n"
        f"bodies = [body_of(n, {PHASES[0]!r}) for n in range({count})]\n"
    )
    parse = "for body in bodies: feedparser.parse(BytesIO(body))\n"
    with _scratch() as folder:
        making = run([sys.executable, "-c", make], folder)
        return run([sys.executable, "-c", make + parse], folder).cpu - making.cpu


def growth(count: int) -> Growth:
    """Measure a poll of `count` feeds that all answer 304, as most do most of the time."""
    server = FeedServer(1000)
    try:
        with _scratch() as folder:
            write_config(folder, count, server.port)
            server.phase(PHASES[0])
            run([*AGGREGATOR, "feeds"], folder)  # makes the database
            _pretend_polled(folder)
            server.phase("304")
            start = run([*AGGREGATOR, "poll", "f0"], folder)
            poll = run([*AGGREGATOR, "poll", "--all"], folder)
            return Growth(count, start, _less(poll, start))
    finally:
        server.close()


def _pretend_polled(folder: Path) -> None:
    """Give every feed validators, as if it had been read."""
    connection = sqlite3.connect(folder / "bench.db")
    with connection:
        connection.execute("UPDATE feeds SET etag = '\"x\"', validators_url = url, polls = 1")
    connection.close()


def _check(database: str, count: int) -> None:
    """Make sure that what was measured was done."""
    engine = create_engine(database)
    with engine.connect() as connection:
        entries = connection.scalar(text("SELECT count(*) FROM entries"))
        failing = connection.scalar(text("SELECT count(*) FROM feeds WHERE failures > 0"))
    engine.dispose()
    if (entries, failing) != (count * (ENTRIES + 1), 0):
        raise RuntimeError(f"{entries} entries, {failing} feeds failed: nothing to be measured by")


def _less(cost: Cost, start: Cost) -> Cost:
    return Cost(cost.cpu - start.cpu, cost.wall - start.wall, cost.memory)
