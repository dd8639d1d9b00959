"""What polling costs: the phases of a feed's life, and how the cost grows with the feeds."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from bench.measure import Cost, run
from bench.server import DISTINCT, PHASES, FeedServer, body_of, host

AGGREGATOR = [sys.executable, "-m", "aggregator"]
FEEDS = 1000


def write_config(folder: Path, count: int, port: int) -> None:
    """Write a config.yaml for `count` feeds of the server on `port`."""
    lines = [
        "database: sqlite:///bench.db",
        "poll: {host_delay: 0s, workers: 2, interval: 1d}",
        "network: {allow: [127.0.0.0/8]}",
        "feeds:",
        *(f"  - {{url: 'http://{host(n)}:{port}/{n}', name: f{n}}}" for n in range(count)),
    ]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def phases(count: int = FEEDS) -> tuple[dict[str, Cost], float, float]:
    """Return the cost of each phase and of starting, and bytes on disk per entry.

    Starting is a poll with nothing due; it is not in the phases' CPU time.
    """
    costs: dict[str, Cost] = {}
    server = FeedServer(count)
    try:
        with scratch() as folder:
            write_config(folder, count, server.port)
            for phase in PHASES:
                server.phase(phase)
                costs[phase] = run([*AGGREGATOR, "poll", "--all"], folder)
                if phase == "first":
                    size = sum(path.stat().st_size for path in folder.glob("bench.db*"))
                    start = run([*AGGREGATOR, "poll"], folder)
            server.phase("one new")
    finally:
        server.close()
    without = {
        name: Cost(cost.cpu - start.cpu, cost.wall - start.wall, cost.memory)
        for name, cost in costs.items()
    }
    return without, start.cpu, size / (count * 20)


def yardstick(count: int = FEEDS) -> float:
    """Return CPU-seconds of feedparser's default parse of the same bodies, in a process."""
    code = (
        "import feedparser\nfrom io import BytesIO\nfrom bench.server import body_of, DISTINCT\n"
        f"bodies = [body_of(n, 'first') for n in range(min({count}, DISTINCT))]\n"
    )
    parse = "for body in bodies: feedparser.parse(BytesIO(body))\n"
    with scratch() as folder:
        root = str(Path(__file__).parents[1])
        prefix = f"import sys; sys.path.insert(0, {root!r})\n"
        making = run([sys.executable, "-c", prefix + code], folder)
        parsing = run([sys.executable, "-c", prefix + code + parse], folder)
    return parsing.cpu - making.cpu


__all__ = ["DISTINCT", "BytesIO", "body_of", "phases", "yardstick"]
