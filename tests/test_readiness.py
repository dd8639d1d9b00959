"""/readyz and `aggregator health`: whether the program reads, polls and uses its config.yaml."""

import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from aggregator.cli.health import ready_path
from aggregator.cli.web_address import configured_address, listening, reachable, url_of
from aggregator.config import parse
from aggregator.database import open_database
from aggregator.database.feeds import write_subscriptions
from aggregator.database.schema import state
from aggregator.database.state import write_alive
from aggregator.errors import DatabaseError
from aggregator.model import Outcome
from tests.feedserver import FeedServer
from tests.running import HANGS_AFTER, command, eventually, get, one_line, running, write_config
from tests.web_fixtures import Site, entry, words
from web import schema_gate
from web.server import Waitress

OVERDUE = "feeds have been due for more than 5 minutes"
OUTDATED = "the database that pages are read from is more than a minute old"
NOT_IN_USE = "config.yaml is not in use as it was saved"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    return site


def problems(site: Site) -> list[str]:
    answer = site.client.get("/readyz")
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code == 200:
        assert answer.json == {"status": "ready"}
        return []
    assert (answer.status_code, answer.json["status"]) == (503, "not ready")
    return answer.json["problems"]


def test_a_program_that_keeps_up_is_ready(site):
    site.record("lamp", entry(1))

    assert problems(site) == []


@pytest.mark.slow
def test_a_copy_of_the_database_that_is_behind_is_a_problem_and_pages_say_so(tmp_path):
    site = Site(tmp_path, database_read="sqlite:///copy.db")
    site.subscribe()

    def is_told() -> tuple[list[str], bool]:
        return problems(site), "later posts have not arrived" in site.page("/").text

    def alive(at: datetime) -> None:
        with site.engine.begin() as connection:
            connection.execute(state.update().values(alive_at=at))

    now = datetime.now(UTC)
    assert is_told() == ([], False)  # nothing is in it that could be old
    site.record("lamp", entry(1), now=now - timedelta(minutes=3))
    assert is_told() == ([OUTDATED], True)  # nobody is alive; the newest poll is what is known
    with site.engine.begin() as connection:
        write_alive.note_alive(connection)
    assert is_told() == ([], False)
    alive(now - timedelta(minutes=2))
    assert is_told() == ([OUTDATED], True)
    assert "2 minutes ago" in words(site.page("/").one("p", "hints"))
    tag = site.client.get("/").headers["ETag"]
    alive(now + timedelta(hours=1))
    assert site.client.get("/", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.slow
def test_pages_wait_for_a_copy_that_lacks_the_tables_of_this_version(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(schema_gate, "_LOOK_INTERVAL", 0)
    site = Site(tmp_path)
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    client = Client(schema_gate.SchemaGate(site.app, url))

    for path in ("/", "/feed.atom", "/readyz", "/static/style.css"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    open_database(url).dispose()
    assert client.get("/").status_code == 200

    assert [line.partition("copy.db: ")[2][:31] for line in caplog.messages] == [
        "does not have the schema of thi", ""
    ]  # fmt: skip


def test_a_feed_that_has_been_due_for_long_is_a_problem(site):
    now = datetime.now(UTC)
    site.record("lamp", outcome=Outcome.FAILED, failures=1, error="x",
                next_poll_at=now - timedelta(minutes=4))  # fmt: skip
    assert problems(site) == []
    site.record("tide", outcome=Outcome.FAILED, failures=1, error="x",
                next_poll_at=now - timedelta(minutes=6))  # fmt: skip
    assert problems(site) == [OVERDUE]


def test_a_file_that_was_saved_and_not_read_yet_is_a_problem(site):
    text = site.config.path.read_text()
    site.config.path.write_text(f"{text}\n# a remark\n")
    assert problems(site) == [NOT_IN_USE]

    site.config.path.unlink()
    assert problems(site) == [NOT_IN_USE]


def test_a_mistake_that_the_scheduler_has_noted_is_a_problem_without_its_text(site):
    with site.engine.begin() as connection:
        write_subscriptions.note_config_problem(connection, "config.yaml:3:1: secret words")

    assert problems(site) == [NOT_IN_USE]


def test_a_database_that_cannot_be_read_is_a_problem(site):
    with site.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE state RENAME TO elsewhere")

    assert problems(site) == ["the database cannot be read"]


def test_a_change_that_could_not_be_used_is_used_when_it_comes_again(site):
    database = site.config.path.parent / "aggregator.db"
    away = database.with_name("away.db")
    config = replace(site.config, database=f"sqlite:///{database}")
    changed = replace(config, timezone="Asia/Tokyo")
    with listening(("127.0.0.1", 0)) as listener:
        pages = Waitress(config, listener)
        database.rename(away)
        database.write_bytes(b"not a database" * 100)
        with pytest.raises(DatabaseError):
            pages.take_over(changed)
        away.replace(database)

        pages.take_over(changed)

        assert 'data-tz="540"' in Client(pages._answer).get("/", base_url=config.base_url).text


@pytest.mark.parametrize(
    ("web", "base_url", "url"),
    [
        ("{host: 127.0.0.1, port: 9000}", "http://127.0.0.1:9000", "http://127.0.0.1:9000/readyz"),
        ("{host: 0.0.0.0, port: 9000}", "https://example.org", "http://127.0.0.1:9000/readyz"),
        ("{host: '::', port: 9000}", "https://example.org/news", "http://[::1]:9000/news/readyz"),
        ("{port: 9000}", "https://example.org/ü", "http://127.0.0.1:9000/%C3%BC/readyz"),
        ("{host: nas.local, port: 1}", "https://example.org/a/b/", "http://nas.local:1/a/b/readyz"),
        ("{socket: /run/a.sock}", "https://example.org/news", "unix:/run/a.sock/news/readyz"),
    ],
)
def test_health_asks_where_config_yaml_lets_the_pages_be_served(tmp_path, web, base_url, url):
    text = f"base_url: {base_url}\nweb: {web}\nfeeds: []\n"
    config = parse(text, path=tmp_path / "config.yaml")

    assert url_of(reachable(configured_address(config.web))) + ready_path(config) == url


def test_health_cannot_guess_a_port(tmp_path):
    write_config(tmp_path, [], web="{port: 0}")

    assert "name the port with --port" in one_line(command(tmp_path, "health"), 1)


@pytest.mark.slow
def test_health_loads_no_database_as_it_runs_every_minute():
    script = "import aggregator.cli.health, sys; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("answer", [b'{"ok": true}', b'{"status": "fine"}', b"[]", b"<html>"])
def test_health_takes_no_other_program_for_ours(tmp_path, answer):
    with FeedServer() as server:
        server.put("/readyz", answer, headers={"Content-Type": "application/json"})
        write_config(tmp_path, [], web=f"{{port: {urlsplit(server.url('/')).port}}}")
        said = one_line(command(tmp_path, "health"), 1)

    assert "not ready: " in said


def test_health_says_that_nothing_listens(tmp_path):
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        write_config(tmp_path, [], web=f"{{port: {port}}}")

        line = one_line(command(tmp_path, "health"), 1)

    assert line == f"http://127.0.0.1:{port}/readyz: not ready: Connection refused"


@pytest.mark.slow
def test_the_running_program_is_ready_while_its_file_is_in_use(tmp_path):
    path = write_config(tmp_path, [], base_url="http://news.example/below")
    with running(tmp_path) as (process, address):
        port = str(urlsplit(address).port)
        asked = f"http://127.0.0.1:{port}/below/readyz"

        def health(status: int):
            done = command(tmp_path, "health", "--port", port)
            return done if done.returncode == status else None

        assert eventually(lambda: health(0)).stdout == f"{asked}: ready\n"
        assert get(f"{address}/readyz")[0] == 200

        valid = path.read_text()
        path.write_text(valid.replace("feeds:", "feds:"))
        line = one_line(eventually(lambda: health(1)), 1)
        assert "feds" in line  # the mistake itself: no need to ask
        path.write_text(f"{valid}\n# mended\n")
        eventually(lambda: health(0))

        path.write_text(f"title: Another\n{valid}")  # takes effect after a restart
        eventually(lambda: process.stderr and "`title` takes" in process.stderr.readline())
        assert one_line(health(1), 1) == f"{asked}: not ready: {NOT_IN_USE}"

        process.terminate()
        assert process.wait(HANGS_AFTER) == 0
    assert "Connection refused" in one_line(health(1), 1)
