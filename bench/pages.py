"""What pages cost: a database of a million entries, and the time that a page of it takes."""

import contextlib
import gzip
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import event, func, select, update
from werkzeug.test import EnvironBuilder, run_wsgi_app

from aggregator.config import load
from aggregator.database import Engine, open_database
from aggregator.database.dialects import insert_all
from aggregator.database.feeds import write_subscriptions
from aggregator.database.schema import (
    contents,
    entries,
    feed_categories,
    feeds,
    list_members,
    state,
)
from aggregator.database.word_index import word_index
from aggregator.model import EntryId
from aggregator.search.entry_words import EntryWords
from web import create_app

ENTRIES = 1_000_000
FEEDS = 1000
TARGET = 15  # milliseconds, 95th percentile
_SEED = 11
_AT_ONCE = 20_000
_SPAN = timedelta(days=700)
_WORDS = 20_000
_COMMON, _RARE = "harbour", "quixotic"
_RARE_CATEGORY = 300  # entries
_WITH_TEXT = 1000  # of the newest entries, and as many of the others
_PARAGRAPHS = 40  # of a text, 5 kB
_CATEGORIES = ("Science", "Web", "Cities", "World", "Business", "Audio")

_COLUMNS = (
    *("id", "feed_id", "identity", "content_hash", "record_hash"),
    *("public_id", "url", "title", "summary", "authors", "categories"),
    *("published_at", "first_seen_at", "changed_at"),
)
_MEMBER_COLUMNS = ("list_id", "entry_id", "is_representative")


@dataclass(frozen=True)
class Timing:
    """One page in the server: milliseconds, of wall time and of the thread's CPU time.

    Attributes:
        cpu, server_cpu: CPU time on average, of the thread and of a PostgreSQL server.
    """

    name: str
    path: str
    median: float
    p95: float
    cpu_p95: float
    cpu: float
    server_cpu: float
    statements: float


@dataclass(frozen=True)
class Throughput:
    """Answers a server gives in a CPU-second of its own, from a real socket."""

    server: str
    pages: float
    not_modified: float


@dataclass(frozen=True)
class Weight:
    """The first page of forty posts with all its files: requests, and bytes after gzip."""

    requests: int
    bytes: int


# -------------------------------------------------------------------------- seed


def seed(
    folder: Path,
    entry_count: int = ENTRIES,
    feed_count: int = FEEDS,
    database: str = "sqlite:///pages.db",
) -> Path:
    """Make a config.yaml and its database with so many entries; return the file's path.

    Some feeds write much and most write little; every second post has the common word, one in
    20,000 the rare one; one category has a few hundred posts; two thousand have texts of 5 kB.

    Args:
        database: URL of an empty database.
    """
    config_path = folder / "config.yaml"
    lines = ["title: Bench", f"database: {database}", "feeds:"]
    for number in range(feed_count):
        category = "Rare" if number == 0 else _CATEGORIES[number % len(_CATEGORIES)]
        lines.append(
            f"  - {{url: 'https://f{number}.example/feed', name: f{number}, "
            f"title: Source {number}, category: {category}}}"
        )
    config_path.write_text("\n".join(lines) + "\n")
    config = load(config_path)
    engine = open_database(config.database)
    with engine.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, config.feeds, now=datetime.now(UTC))
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.executescript(
                "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000"
            )
    with _index_made_last(engine):
        _fill(engine, entry_count, feed_count)
    engine.dispose()
    return config_path


@contextlib.contextmanager
def _index_made_last(engine: Engine) -> Iterator[None]:
    """Make PostgreSQL's index of words after the rows: it would take most of the time."""
    if engine.dialect.name == "sqlite":
        yield
        return
    with engine.begin() as connection:
        index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_word_index_lexemes'"
        definition = connection.exec_driver_sql(index).scalar_one()
        connection.exec_driver_sql("DROP INDEX ix_word_index_lexemes")
    yield
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(definition)
        connection.exec_driver_sql("VACUUM ANALYZE")


def _fill(engine: Engine, count: int, feed_count: int) -> None:
    chance = random.Random(_SEED)
    sentences = _sentences(chance)
    rare = set(chance.sample(range(count), min(_RARE_CATEGORY, count // 10)))
    now = datetime.now(UTC)
    with engine.begin() as connection:
        categories = dict(
            connection.execute(select(feed_categories.c.feed_id, feed_categories.c.list_id)).all()
        )
    for start in range(0, count, _AT_ONCE):
        rows, words, members = [], [], []
        for number in range(start, min(start + _AT_ONCE, count)):
            feed = 1 if number in rare else 2 + int((feed_count - 1) * chance.random() ** 2)
            at = now - (count - number) * (_SPAN // count)
            title, summary, content = (chance.choice(sentences) for _ in range(3))
            if chance.random() < 0.5:
                summary = f"{summary} By the {_COMMON}."
            if chance.random() < 1 / 20_000:
                summary = f"A {_RARE} turn. {summary}"
            authors = (f"Author {number % 500}",) if number % 3 else ()
            tags = (f"Tag {number % 300}",) if number % 2 else ()
            entry_id, key = EntryId.first_at(at), number.to_bytes(16)
            url = f"https://f{feed}.example/{number}"
            known = (entry_id, feed, key, key, key, url, url)
            rows.append((*known, title, summary, authors, tags, at, at, at))
            members += [(1, entry_id, True), (categories[feed], entry_id, True)]
            words.append(EntryWords(entry_id, feed, title, summary, content, authors, tags))
        with engine.begin() as connection:
            insert_all(connection, entries, _COLUMNS, rows)
            insert_all(connection, list_members, _MEMBER_COLUMNS, sorted(members))
            word_index(connection).add(connection, words)
    with engine.begin() as connection:
        ids = connection.scalars(select(entries.c.id).order_by(entries.c.id.desc())).all()
        spread_ids = ids[_WITH_TEXT :: max(1, count // _WITH_TEXT)]
        texts = [
            (
                entry_id,
                "".join(f"<p>{sentence}</p>" for sentence in chance.sample(sentences, _PARAGRAPHS)),
            )
            for entry_id in (*ids[:_WITH_TEXT], *spread_ids)
        ]
        insert_all(connection, contents, ("entry_id", "html"), texts)
    with engine.begin() as connection:
        of_feed = select(func.count()).where(entries.c.feed_id == feeds.c.id)
        polled = {"polls": 1, "last_polled_at": now, "last_success_at": now}
        connection.execute(update(feeds).values(entries=of_feed.scalar_subquery(), **polled))
        connection.execute(update(state).values(version=state.c.version + 1, checked_at=now))


def _sentences(chance: random.Random) -> list[str]:
    """Return sentences of words as frequent as in a language: the n-th 1/n times the first."""
    letters = "etaoinshrdlu"
    words = ["".join(chance.choices(letters, k=2 + n % 9)) for n in range(_WORDS)]
    weights = [1 / (n + 1) for n in range(_WORDS)]
    return [" ".join(chance.choices(words, weights, k=12)).capitalize() for _ in range(5000)]


# ------------------------------------------------------------------------ timing


def timings(
    config_path: Path, rounds: int = 300, server_cpu: Callable[[], float] = float
) -> list[Timing]:
    """Measure pages in the server, none of them rendered before: queries, rendering, gzip.

    Args:
        server_cpu: Returns the CPU-seconds of the server of the database until now.
    """
    app = application(config_path)
    chance = random.Random(_SEED)
    now = int(datetime.now(UTC).timestamp() * 1000)
    with app.extensions["aggregator"].engine.connect() as connection:
        ids = connection.scalars(select(contents.c.entry_id)).all()
    pages = {
        "first page": lambda: "/?",
        "deep page": lambda: f"/?before={any_place()}",
        "rare category": lambda: "/category/rare?",
        "rare category, deep": lambda: f"/category/rare?before={any_place()}",
        "source": lambda: f"/source/f{chance.randrange(1000)}?",
        "post": lambda: f"/post/{chance.choice(ids)}?",
        "post, from a category": lambda: f"/post/{chance.choice(ids)}?in=category/science",
        "post, from a search": lambda: f"/post/{chance.choice(ids)}?in=search/{_COMMON}",
        "search, common word": lambda: f"/search?q={_COMMON}",
        "search, common word, deep": lambda: f"/search?q={_COMMON}&before={any_place()}",
        "search, rare word": lambda: f"/search?q={_RARE}",
        "search, two words": lambda: f"/search?q={_COMMON}+{chance.choice('etaoin')}e",
        "search, a source among a common word": lambda: f"/search?q={_COMMON}+source:f7",
        "search, an author": lambda: "/search?q=author:%22author+77%22",
        "search, a tag": lambda: "/search?q=tag:%22tag+77%22",
        "search, a prefix": lambda: f"/search?q={_COMMON[:4]}*",
        "search, one of two words": lambda: f"/search?q={_COMMON}+OR+{_RARE}",
        "search, not a word": lambda: f"/search?q={_COMMON}+-e{chance.choice('taoin')}",
        "news for an open page": lambda: f"/updates.json?after={now - 3_600_000 << 20}",
    }
    return [timing(app, name, make, rounds, server_cpu) for name, make in pages.items()]


def any_place() -> int:
    """Return a place in the list."""
    at = datetime.now(UTC) - random.random() * _SPAN
    return EntryId.first_at(at)


def timing(
    app: Flask,
    name: str,
    make: Callable[[], str],
    rounds: int,
    server_cpu: Callable[[], float] = float,
) -> Timing:
    """Measure a page of a site.

    Args:
        make: Returns the address of another page of the kind each time.
        server_cpu: As for `timings`.
    """
    walls, cpus = [], []
    engine = app.extensions["aggregator"].engine
    asked, server_before = 0, 0.0

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal asked
        asked += statement.startswith("SELECT")

    event.listen(engine, "before_cursor_execute", count)
    path = ""
    for number in range(-20, rounds):
        path = make()
        app.extensions["aggregator"].pages.clear()
        environ = EnvironBuilder(
            path, headers={"Accept-Encoding": "gzip", "Accept-Language": "en"}
        ).get_environ()
        if number == 0:
            asked, server_before = 0, server_cpu()
        wall, cpu = time.perf_counter(), time.thread_time()
        body, status, _ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        if not status.startswith("200") or not b"".join(body):
            raise RuntimeError(f"{path}: {status}")
        if number >= 0:  # the first ones fill caches
            walls.append(wall * 1000)
            cpus.append(cpu * 1000)
    of_server = 1000 * (server_cpu() - server_before) / rounds
    event.remove(engine, "before_cursor_execute", count)
    of_thread = sum(cpus) / rounds
    walls.sort()
    cpus.sort()
    at = int(0.95 * rounds)
    median, asked_each = walls[rounds // 2], asked / rounds
    return Timing(name, path, median, walls[at], cpus[at], of_thread, of_server, asked_each)


def weight(config_path: Path) -> Weight:
    """Return what a browser loads for the first page: every file that it names, once."""
    client = application(config_path).test_client()
    html = client.get("/", headers={"Accept-Language": "en"}).text
    head = html.partition("</head>")[0]
    files = {
        name
        for name in re.findall(r'(?:src|href)="(/[^"]*)"', head)
        if name.startswith(("/static/", "/icon", "/manifest"))
    }
    bodies = [html.encode(), *(client.get(name.replace("&amp;", "&")).data for name in files)]
    return Weight(len(bodies), sum(len(gzip.compress(body, 6)) for body in bodies))


# -------------------------------------------------------------------- throughput


def throughput(config_path: Path, seconds: float = 5) -> list[Throughput]:
    """Measure both servers as processes, from a few clients on loopback."""
    found = []
    for server in ("waitress", "granian"):
        with _serving(config_path, server) as (process, port):
            _, etag = _ask(port, {})
            pages = _rate(process, port, {}, 200, seconds)
            same = _rate(process, port, {"If-None-Match": etag}, 304, seconds)
        found.append(Throughput(server, pages, same))
    return found


@contextlib.contextmanager
def _serving(config_path: Path, server: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "aggregator", "serve", "-c", str(config_path)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--server", server],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                _ask(port, {})
                break
            time.sleep(0.2)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def _ask(port: int, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Accept-Encoding": "gzip"} | headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers["ETag"]


def _rate(
    process: "subprocess.Popen[bytes]",
    port: int,
    headers: dict[str, str],
    status: int,
    seconds: float,
) -> float:
    """Return answers with this status per CPU-second of the server."""
    counts: list[int] = []
    end = time.monotonic() + seconds

    def ask() -> None:
        connection, count = http.client.HTTPConnection("127.0.0.1", port, timeout=10), 0
        sent = {"Accept-Encoding": "gzip"} | headers
        while time.monotonic() < end:
            connection.request("GET", "/", headers=sent)
            answer = connection.getresponse()
            answer.read()
            count += answer.status == status
            if answer.status == 200 and status == 304:  # a minute ended
                sent["If-None-Match"] = answer.headers["ETag"]
        connection.close()
        counts.append(count)

    before = _cpu(process.pid)
    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(counts) / (_cpu(process.pid) - before)


def _cpu(pid: int) -> float:
    """Return CPU-seconds of a process and its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(_cpu(int(child)) for child in children)


def application(config_path: Path) -> Flask:
    """Return the site of a configuration."""
    config = load(config_path)
    return create_app(config, open_database(config.database, read_only=True))


# ------------------------------------------------------------------------ report


def table(timings: list[Timing], rates: list[Throughput], weight: Weight) -> list[str]:
    """Return what was measured, for bench/results.md."""
    lines = [
        f"## Pages over {ENTRIES:,} entries",
        "",
        (
            f"In the server, nothing rendered before; {TARGET} ms (p95) are allowed. "
            "CPU is the thread's: what of the time is not the machine's other work."
        ),
        "",
        "| page | p50 ms | p95 ms | CPU p95 ms | statements |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.name} | {one.median:.1f} | {one.p95:.1f} | {one.cpu_p95:.1f} | "
        f"{one.statements:.0f} |"
        for one in timings
    ]
    lines += ["", "| server | first page, per CPU-second | 304s per CPU-second |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {one.server} | {one.pages:,.0f} | {one.not_modified:,.0f} |" for one in rates]
    lines += [
        "",
        f"The first page: {weight.requests} requests, {weight.bytes / 1000:.1f} kB after gzip.",
        "",
    ]
    return lines


def main() -> None:
    """Measure in a folder of its own, and print."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        path = seed(Path(folder))
        print("\n".join(table(timings(path), throughput(path), weight(path))))


if __name__ == "__main__":
    main()
