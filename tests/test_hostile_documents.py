"""All hostile documents that the tests have, polled and shown for real: what they cost others."""

import gzip
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cpu_time import allowed
from tests.faults import World, channel, item
from tests.feedserver import FeedServer
from tests.running import eventually, get, running, web_process, write_config
from tests.test_amplification import ALLOWED, LONG, RELATIVE, rss
from tests.test_event_loop import HOSTILE, MAX_PAUSE, measured_steps
from tests.test_write_lock import MAX_LOCKED, large_documents, measured_locks
from tests.worlds import only_sqlite

MAX_MAIN = 150  # megabytes more than at the start
MAX_WEB = 200

LISTS = ["/", "/search?q=a", "/search?q=word1+OR+word2"]
FORMATS = ["feed.atom?limit=200", "feed.rss?limit=200", "feed.json?limit=200"]


def hostile_documents() -> list[bytes]:
    """Return documents that cost the most that the limits allow, each in another way."""
    texts = [*HOSTILE.values(), *large_documents()[0]]
    relative = [
        rss(
            *[f"<guid>{n}</guid><description>{text}</description>" for n in range(count)], base=base
        )
        for kind, text in RELATIVE.items()
        for count in [3 if kind == "pictures" else 1]  # each text takes seconds
        for base in (LONG, ALLOWED)
    ]
    return [*(text.encode() for text in texts), *relative]


def memory_of(pid: int, kind: str) -> float:
    """Return a figure of /proc/PID/status in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{kind}:")[2].split()[0]) / 1024


def polled(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM feeds WHERE polls > 0").fetchone()
    return int(count)


def pages_of(database: Path) -> list[str]:
    """Return addresses of all pages and documents of all feeds."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM feeds")]
    lists = [*LISTS, *(f"/source/{quote(name)}" for name in names)]
    feeds = [f"{place.partition('?')[0].rstrip('/')}/{name}" for place in lists for name in FORMATS]
    feeds = [feed for feed in feeds if not feed.startswith("/search")]
    return [*lists, *feeds, "/sources", "/status", "/sources.opml", "/metrics"]


def put_all(server: FeedServer) -> list[str]:
    """Let a server have all documents, compressed; return their names."""
    documents = hostile_documents()
    for number, document in enumerate(documents):
        packed = gzip.compress(document, 1)
        server.put(f"/h{number}", packed, headers={"Content-Encoding": "gzip"})
    return [f"h{number}" for number in range(len(documents))]


@only_sqlite
@pytest.mark.slow
def test_no_document_pauses_the_event_loop_or_keeps_the_database_locked(tmp_path):
    # What a document costs, it costs in each run; what other processes cost, in some.
    pauses_of_runs, locks_of_runs = [], []
    for run in range(3):
        (folder := tmp_path / str(run)).mkdir()
        with FeedServer() as server:
            world = World(folder, server, timeout=250)
            names = put_all(server)
            server.put("/fine", channel(item("1")))
            world.subscribe(*names, "fine")
            world.poll("fine")  # processes start, modules are imported
            with measured_steps() as pauses, measured_locks(world.database) as locks:
                results = world.poll(*names, "fine")
        assert len(results) == len(names) + 1
        pauses_of_runs.append((pauses.longest, pauses.step))
        locks_of_runs.append(locks.longest)
        if pauses.longest < allowed(MAX_PAUSE) and locks.longest < allowed(MAX_LOCKED):
            break

    assert min(pauses_of_runs)[0] < allowed(MAX_PAUSE), pauses_of_runs
    assert min(locks_of_runs) < allowed(MAX_LOCKED)


@pytest.mark.slow
def test_all_documents_together_leave_the_processes_small(tmp_path):
    with FeedServer() as server:
        urls = [server.url(f"/{name}") for name in put_all(server)]
        write_config(tmp_path, urls)
        with running(tmp_path) as (process, address):
            eventually(lambda: get(f"{address}/healthz")[0] == 200)
            main, web = process.pid, web_process(process.pid)
            before = memory_of(main, "VmRSS"), memory_of(web, "VmRSS")
            database = next(tmp_path.glob("*.db"))
            eventually(lambda: polled(database) == len(urls), within=240, every=1)
            failed = [page for page in pages_of(database) if get(f"{address}{page}")[0] >= 500]
            after = memory_of(main, "VmHWM"), memory_of(web, "VmHWM")

    grown = after[0] - before[0], after[1] - before[1]
    assert failed == []
    assert grown[0] < MAX_MAIN
    assert grown[1] < MAX_WEB
