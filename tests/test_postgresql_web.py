"""The web on PostgreSQL: several processes on one database, and some that read from a replica."""

import contextlib
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from aggregator.database import READING, Connection, Engine, open_database
from aggregator.database.engine import HEAD
from aggregator.database.migrations.run import upgrade
from aggregator.database.state import read_age, write_alive
from aggregator.database.websub import write_hub_owner, write_requests
from tests import postgresql, subscribed, worlds
from tests.hubs import TOPIC, ask, request_of, waiting
from tests.preloaded import Program
from tests.running import eventually, get, limited, running
from tests.selection import OTHER_DATABASE
from tests.web_fixtures import FEEDS, Site, entry
from web.hub_requests import HubRequests

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


@pytest.fixture(scope="module")
def replica(server):
    with postgresql.replica(server) as url:
        yield url


@pytest.fixture
def opened() -> Iterator[Callable[..., Engine]]:
    """Return a function that opens databases, which are closed in the end."""
    with contextlib.ExitStack() as engines:

        def opened(url: str, **options: Any) -> Engine:
            engine = open_database(url, **options)
            engines.callback(engine.dispose)
            return engine

        yield opened


class Copied:
    """A site on a server whose pages are read from the server's replica."""

    def __init__(self, folder: Path, server: str, replica: str, **values: object) -> None:
        self.primary = create_engine(postgresql.new_url(server))
        self.url = self.primary.url.render_as_string(hide_password=False)
        name = str(self.primary.url.database)
        self.copy_url = make_url(replica).set(database=name).render_as_string(hide_password=False)
        self._replica = create_engine(make_url(replica), isolation_level="AUTOCOMMIT")
        self.folder, self.values = folder, values

    def site(self, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Site:
        """Return the site with the application on `engine`."""
        monkeypatch.setattr(worlds, "new_database", lambda _folder: engine)
        both = {"database": self.url, "database_read": self.copy_url}
        return Site(self.folder, FEEDS, **both, **self.values)

    def eventually_copied(self) -> None:
        """Return when the replica has what the primary has."""
        with self.primary.begin() as connection:  # what waits to be sent is sent with this
            connection.execute(text("SET LOCAL synchronous_commit = on"))
            connection.execute(text("SELECT pg_logical_emit_message(true, '', '')"))
        with self.primary.connect() as connection:
            written = connection.scalar(text("SELECT pg_current_wal_flush_lsn()::text"))
        eventually(
            lambda: self._on_replica(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn")
        )

    @contextlib.contextmanager
    def behind(self) -> Iterator[None]:
        """Let the replica repeat nothing meanwhile."""
        self._on_replica("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            self._on_replica("SELECT pg_wal_replay_resume()")

    @contextlib.contextmanager
    def delayed(self, seconds: int) -> Iterator[None]:
        """Let the replica repeat everything so many seconds later."""
        try:
            self._on_replica(f"ALTER SYSTEM SET recovery_min_apply_delay = '{seconds}s'")
            self._on_replica("SELECT pg_reload_conf()")
            yield
        finally:
            self._on_replica("ALTER SYSTEM RESET recovery_min_apply_delay")
            self._on_replica("SELECT pg_reload_conf()")

    def _on_replica(self, statement: str) -> object:
        with self._replica.connect() as connection:
            result = connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None


@pytest.fixture
def copied(server, replica, tmp_path):
    copied = Copied(tmp_path, server, replica)
    yield copied
    copied._replica.dispose()
    copied.primary.dispose()


def alive(engine: Engine) -> None:
    with engine.begin() as connection:
        write_alive.note_alive(connection)


def test_a_page_says_that_the_replica_is_behind_and_shows_what_the_replica_has(
    copied, monkeypatch, opened
):
    monkeypatch.setattr(read_age, "OUTDATED_AFTER", timedelta(seconds=3))
    primary = opened(copied.url)
    alive(primary)
    copied.eventually_copied()
    engine = opened(copied.copy_url, read_only=True, upgrades=False)
    site = copied.site(monkeypatch, engine)

    def record(number: int) -> None:
        worlds.record(primary, "lamp", [entry(10 - number, title=f"Post {number}")], now=now)

    def shown() -> tuple[list[str], bool, list[str]]:
        alive(primary)
        page = site.page("/")
        ready = site.client.get("/readyz")
        problems = [text for text in ready.json.get("problems", ()) if "minute old" in text]
        return page.titles(), "have not arrived here yet" in page.text, problems

    now = datetime.now(UTC)
    subscribed.follow(primary, site.config.feeds, site.config.listing_rules, stories=True)
    record(1)
    copied.eventually_copied()
    eventually(lambda: shown() == (["Post 1"], False, []))
    with copied.behind():
        record(2)
        titles, _, problems = eventually(lambda: (seen := shown())[1] and seen)
        assert titles == ["Post 1"]
        assert problems == ["the database that pages are read from is more than a minute old"]
        unchanged = site.client.get("/feed.atom")
    eventually(lambda: shown() == (["Post 2", "Post 1"], False, []))
    assert site.client.get("/feed.atom").headers["ETag"] != unchanged.headers["ETag"]
    with copied.delayed(6):  # it goes on, and is always too late
        record(3)
        eventually(lambda: shown()[1])
        eventually(lambda: shown()[:2] == (["Post 3", "Post 2", "Post 1"], True))


def test_a_web_on_a_replica_waits_for_the_schema_and_leaves_requests_at_the_primary(
    copied, monkeypatch, opened
):
    copied.values = {"websub": {"hub": "self"}, "web": {"port": 0}}
    with copied.primary.begin() as connection:
        upgrade(connection, to="0033")
    copied.eventually_copied()
    copied.site(monkeypatch, copied.primary)  # writes config.yaml
    with copied.behind():
        with copied.primary.begin() as connection:
            upgrade(connection, to=HEAD)
        process = Program("serve", cwd=copied.folder, stderr=subprocess.PIPE, text=True)
        with limited(process):
            line = process.stderr.readline()
            assert "does not have the schema of this version yet; waiting" in line
            address = process.stderr.readline().split()[4].rstrip("/")
            status, headers, _ = get(f"{address}/")
            assert (status, headers["retry-after"]) == (503, "10")
            copied._on_replica("SELECT pg_wal_replay_resume()")
            eventually(lambda: get(f"{address}/")[0] == 200)
            primary = opened(copied.url)
            site = copied.site(monkeypatch, primary)
            feeds = [*site.config.feeds]
            subscribed.follow(primary, feeds, site.config.listing_rules, stories=True)
            worlds.record(primary, "lamp", [entry(1, title="Post 1")], now=datetime.now(UTC))
            copied.eventually_copied()
            # A search gives up after some wall time, which a busy machine may need.
            eventually(lambda: b"post-1" in get(f"{address}/search?q=post")[2])
            assert b"Post 1" in get(f"{address}/source/lamp")[2]
            assert b"Post 1" in get(f"{address}/feed.json")[2]
            form = {
                "hub.mode": "subscribe",
                "hub.topic": TOPIC,
                "hub.callback": "https://a.example/",
            }
            data = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(f"{address}/hub", data, timeout=60) as answer:
                assert answer.status == 202
            assert waiting(primary) == ["https://a.example/"]
            process.terminate()
            assert process.stderr.read().count("schema") == 1  # that it has come


def test_two_webs_on_one_database_give_the_same_versions_at_the_same_time(
    server, tmp_path, monkeypatch, opened
):
    database = opened(postgresql.new_url(server))
    url = database.url.render_as_string(hide_password=False)
    monkeypatch.setattr(worlds, "new_database", lambda _folder: database)
    site = Site(tmp_path, FEEDS, database=url, web={"port": 0})
    site.subscribe()
    site.record("lamp", entry(1, title="Post 1"))
    paths = ["/feed.atom", "/feed.rss", "/feed.json", "/sources.opml", "/source/lamp/feed.atom"]

    def versions(address: str) -> list[tuple[str, bytes]]:
        answers = [get(f"{address}{path}") for path in paths]
        assert {status for status, _, _ in answers} == {200}
        return [(headers["etag"], body) for _, headers, body in answers]

    with running(tmp_path, "serve") as (_, first), running(tmp_path, "serve") as (_, second):
        before = versions(first)
        assert versions(second) == before == versions(first)
        site.record("lamp", entry(2, title="Post 2"))
        after = versions(second)
        assert versions(first) == after
        assert all(
            b"Post 2" in body
            for path, (_, body) in zip(paths, after, strict=True)
            if "opml" not in path
        )
        for path, (etag, _) in zip(paths, after, strict=True):
            assert get(f"{first}{path}", If_None_Match=etag)[0] == 304
            assert get(f"{second}{path}", If_None_Match=etag)[0] == 304
        for address in (first, second):
            assert b"post-2" in get(f"{address}/")[2]
            assert b"post-2" in get(f"{address}/source/lamp")[2]


def test_of_two_pollers_that_ask_at_once_one_gets_a_request_and_one_the_hub(server, opened):
    database = opened(postgresql.new_url(server))
    ask(database, "https://a.example/1", "https://a.example/2", "https://b.example/1")

    def take(connection: Connection, limit: int) -> list[str]:
        requests = write_requests.take_requests(connection, limit=limit)
        return [taken.request.callback for taken in requests]

    def take_hub(owner: str) -> bool:
        with database.begin() as connection:
            return write_hub_owner.take_hub(connection, owner, has_ended=lambda _name: False)

    with ThreadPoolExecutor(2) as threads:
        with database.begin() as first, database.begin() as second:
            assert take(first, 1) == ["https://a.example/1"]
            assert take(second, 9) == ["https://b.example/1"]  # it waits for nobody
        assert sorted(threads.map(take_hub, ["first", "second"])) == [False, True]
    with database.begin() as third:
        assert take(third, 9) == []


def test_a_web_that_may_not_write_refuses_requests_and_says_why_once(server, opened, caplog):
    writable = postgresql.new_url(server)
    opened(writable)
    reading = make_url(writable).update_query_dict(
        {"options": "-c default_transaction_read_only=on"}
    )
    url = reading.render_as_string(hide_password=False)
    door = HubRequests(lambda: opened(url, upgrades=False, deadline=READING))

    assert [door.store(request_of("https://a.example/")) for _ in range(3)] == [False] * 3

    (line,) = caplog.messages
    assert line.startswith("hub: a request could not be stored: postgresql")
    assert line.endswith("is read-only; name the primary server, or make this one writable")


def test_on_postgresql_our_own_hub_does_the_same(server):
    names = "failed_delivery or survives or ends_with_its_lease"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_websub_hub.py", "-k", names],
        env={**os.environ, OTHER_DATABASE: server},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert " passed" in run.stdout
