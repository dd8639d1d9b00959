"""The main job, end to end: the real program on a local server of feeds."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from io import BytesIO
from operator import le
from pathlib import Path

import feedparser
import pytest

from tests.feedserver import FeedServer
from tests.preloaded import Program
from tests.running import (
    COMMAND,
    HANGS_AFTER,
    alive,
    children,
    command,
    eventually,
    get,
    in_process,
    json_lines,
    limited,
    rss,
    running,
    trickle,
    web_process,
    write_config,
)
from tests.selection import slow_after

SHARED = Path(__file__).resolve().parents[2] / "shared" / "recent-posts" / "feed.xml"
MINUTE = timedelta(minutes=1)
PATIENT = "{host_delay: 0s, workers: 1, timeout: 10m}"  # longer than a test waits for an end


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


def titles(page: bytes) -> list[str]:
    return re.findall(r'<a class="p-name u-url"[^>]*>(.*?)</a>', page.decode())


def ages(page: bytes) -> list[str]:
    return re.findall(r'<time class="dt-published"[^>]*>(.*?)</time>', page.decode())


def ages_at(moment: datetime, feed: bytes) -> list[int]:
    """Return the minutes since the posts of a feed, newest first."""
    dates = re.findall("<pubDate>(.*?)<", feed.decode())
    return sorted((moment - parsedate_to_datetime(date)) // MINUTE for date in dates)


def recent_posts(*, moved_to: datetime, extra: str = "") -> bytes:
    """The shared feed, its newest post dated a little over 19 minutes before `moved_to`."""
    text = SHARED.read_text()
    newest = max(parsedate_to_datetime(date) for date in re.findall("<pubDate>(.*?)<", text))
    shift = moved_to - timedelta(minutes=19, seconds=5) - newest

    def moved(match: re.Match[str]) -> str:
        return f"<pubDate>{format_datetime(parsedate_to_datetime(match[1]) + shift)}<"

    text = re.sub("<pubDate>(.*?)<", moved, text)
    return text.replace("<item>", f"{extra}<item>", 1).encode()


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="../shared/recent-posts is not there")
def test_recent_posts_are_listed_as_the_blog_lists_them(server, tmp_path):
    began_at = datetime.now(UTC)
    feed = recent_posts(moved_to=began_at)
    server.put("/feed", feed)
    write_config(tmp_path, [server.url("/feed")], poll="{interval: 1s, host_delay: 0s, workers: 1}")
    with running(tmp_path) as (_, address):
        page = eventually(lambda: (found := get(address + "/")[2]) and titles(found) and found)
        assert isinstance(page, bytes)
        assert len(titles(page)) == 5
        assert titles(page)[0] == "The Future of Energy: Unpacking Nuclear Power’s New Era"
        assert titles(page)[4].endswith("The Biggest Liquidation in <b>Crypto History</b>.")
        shown = [int(age.removesuffix(" minutes ago")) for age in ages(page)]
        youngest, oldest = ages_at(began_at, feed), ages_at(datetime.now(UTC), feed)
        assert len(shown) == 5
        assert youngest == [19, 19, 20, 20, 21]
        assert all(map(le, youngest, shown))
        assert all(map(le, shown, oldest))  # as old as some seconds ago, however busy the machine

        polls = len(server.requests)
        eventually(lambda: len(server.requests) > polls)
        posted_at = datetime.now(UTC)
        sixth = (
            "<item><title>Sixth</title><guid>six</guid>"
            f"<pubDate>{format_datetime(posted_at)}</pubDate></item>"
        )
        server.put("/feed", recent_posts(moved_to=datetime.now(UTC), extra=sixth))
        eventually(lambda: b"Sixth" in get(address + "/")[2])
        page = get(address + "/")[2]
        assert len(ages(page)) == 6  # and the polls before brought nothing twice
        assert ages(page)[0] == "just now" or datetime.now(UTC) > posted_at + MINUTE


def test_the_page_and_the_three_feeds_show_what_was_polled(server, tmp_path):
    now = datetime.now(UTC).replace(microsecond=0)
    server.put(
        "/a", rss([("a1", "One <b>bold</b>", now - MINUTE), ("a2", "Two", now - 9 * MINUTE)])
    )
    server.put("/b", rss([("b1", "Three", now - 5 * MINUTE)], title="Other"))
    write_config(tmp_path, [server.url("/a"), server.url("/b"), server.url("/missing")])
    with running(tmp_path) as (process, address):
        eventually(lambda: len(titles(get(address + "/")[2])) == 3)

        page = get(address + "/")[2]
        assert titles(page) == ["One <b>bold</b>", "Three", "Two"]

        for name in ("feed.atom", "feed.rss"):
            status, headers, body = get(f"{address}/{name}")
            feed = feedparser.parse(BytesIO(body), response_headers=headers)
            assert (status, feed.bozo) == (200, False)
            assert [entry.link for entry in feed.entries] == [
                f"https://example.org/{guid}" for guid in ("a1", "b1", "a2")
            ]
            again = get(f"{address}/{name}", If_None_Match=headers["etag"])
            assert (again[0], again[2]) == (304, b"")
        feed = json.loads(get(f"{address}/feed.json")[2])
        assert [item["title"] for item in feed["items"]] == ["One bold", "Three", "Two"]
        assert b"nothing at this address (404)" in get(f"{address}/status")[2]
        assert b"xmlUrl" in get(f"{address}/sources.opml")[2]
        assert json.loads(get(f"{address}/healthz")[2]) == {"status": "ok"}

        below = children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS_AFTER) == 0
        eventually(lambda: not [pid for pid in below if alive(pid)])


@pytest.mark.slow
@pytest.mark.parametrize("number", slow_after(1, [signal.SIGTERM, signal.SIGINT]))
def test_a_stop_in_the_middle_of_a_slow_answer_is_clean_and_gives_the_lease_back(
    server, tmp_path, number
):
    server.raw("/slow", partial(trickle, server=server))
    write_config(tmp_path, [server.url("/slow")], poll=PATIENT)
    with running(tmp_path) as (process, _):
        eventually(lambda: server.requests)
        process.send_signal(number)
        assert process.wait(HANGS_AFTER) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()

    connection = sqlite3.connect(tmp_path / "aggregator.db")
    assert connection.execute("SELECT lease_owner, polls, etag FROM feeds").fetchone() == (
        None,
        0,
        None,
    )
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.35])
def test_ctrl_c_while_the_parser_is_loaded_leaves_no_traceback(server, tmp_path, seconds):
    server.put("/a", rss([("a", "A", datetime.now(UTC))]))
    write_config(tmp_path, [server.url("/a")])
    process = subprocess.Popen(
        [*COMMAND, "run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with limited(process):
        eventually(lambda: server.requests, every=0.01)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=HANGS_AFTER)

    assert process.returncode == 0
    assert "Traceback" not in said and "Fatal" not in said and "Warning" not in said, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), slow_after(1, [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
)
def test_a_stop_of_a_poll_gives_the_leases_back(server, tmp_path, number, status):
    server.raw("/slow", partial(trickle, server=server))
    write_config(tmp_path, [server.url("/slow")], poll=PATIENT)
    process = Program(
        "poll", cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with limited(process):
        eventually(lambda: server.requests)
        process.send_signal(number)
        _, said = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, "Traceback" in said) == (status, False), said
    with contextlib.closing(sqlite3.connect(tmp_path / "aggregator.db")) as connection:
        assert connection.execute("SELECT lease_owner FROM feeds").fetchall() == [(None,)]


# A script's background jobs ignore it.
@pytest.mark.slow
@pytest.mark.parametrize("before", ["SIG_DFL", "SIG_IGN"])
def test_ctrl_c_at_the_very_start_is_no_matter_of_the_web_process(tmp_path, before):
    write_config(tmp_path, [])
    start = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.{before})
os.execv(sys.executable, {[*COMMAND, "run"]})
"""
    process = subprocess.Popen(
        [sys.executable, "-c", start],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal sends Ctrl-C to all processes of the group
    )
    with limited(process):
        assert process.stderr is not None
        assert "http://" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=HANGS_AFTER)

    assert process.returncode == 0
    assert "spawn_main" not in said


@pytest.mark.slow
def test_a_changed_file_is_noticed_and_a_broken_one_changes_nothing(server, tmp_path):
    now = datetime.now(UTC)
    server.put("/a", rss([("a", "From a", now)]))
    server.put("/b", rss([("b", "From b", now)]))
    path = write_config(tmp_path, [server.url("/a")])
    with running(tmp_path) as (process, address):
        eventually(lambda: b"From a" in get(address + "/")[2])
        good = path.read_text()
        path.write_text(good + "  - not a feed\n")
        assert process.stderr is not None
        while "still using the last valid version" not in (line := process.stderr.readline()):
            assert line
        assert b"From a" in get(address + "/")[2]

        path.write_text(good.replace("/a", "/b"))
        eventually(lambda: b"From b" in get(address + "/")[2])
        assert b"From a" not in get(address + "/")[2]


@pytest.mark.slow
def test_when_the_program_is_killed_nothing_of_it_stays_that_the_next_start_does_not_remove(
    server, tmp_path, monkeypatch, request
):
    server.put("/a", rss([("a", "A", datetime.now(UTC))]))
    folder = tmp_path / "home"
    folder.mkdir()
    short = tempfile.TemporaryDirectory(prefix="a")  # the path of a socket has 107 bytes at most
    request.addfinalizer(short.cleanup)
    temporary = Path(short.name)
    others = temporary / "pymp-another" / "listener"  # a program with multiprocessing, not ours
    others.parent.mkdir()
    others.touch()
    monkeypatch.setenv("TMPDIR", str(temporary))
    write_config(folder, [server.url("/a")])
    with running(folder) as (process, address):
        eventually(lambda: titles(get(address + "/")[2]))
        below = children(process.pid)
        assert below
        process.kill()
        eventually(lambda: not [pid for pid in below if alive(pid)])
    assert len(list(temporary.iterdir())) == 2
    unfinished = folder / ".config.yaml.aggregator-new.12345678"  # by an `add` that was killed
    unfinished.write_text("feeds:")

    with running(folder) as (process, address):
        eventually(lambda: get(address + "/healthz")[0] == 200)
        ours = [path for path in temporary.iterdir() if path != others.parent]
        assert len(ours) <= 1  # its own
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS_AFTER) == 0

    assert list(temporary.iterdir()) == [others.parent]
    names = {path.name for path in folder.iterdir() if not path.name.startswith("aggregator.db-")}
    assert names == {"aggregator.db", "config.yaml"}


@pytest.mark.slow
def test_a_web_process_that_dies_is_started_again(server, tmp_path):
    write_config(tmp_path, [])
    with running(tmp_path) as (process, address):
        eventually(lambda: get(address + "/healthz")[0] == 200)
        web = web_process(process.pid)
        os.kill(web, signal.SIGKILL)

        eventually(lambda: process.stderr and "starting it again" in process.stderr.readline())
        assert eventually(lambda: get(address + "/healthz")[0] == 200)
        assert not alive(web)


@pytest.mark.slow
def test_serve_alone_shows_what_poll_alone_stored(server, tmp_path):
    server.put("/a", rss([("a", "Stored", datetime.now(UTC))]))
    write_config(tmp_path, [server.url("/a")])
    assert command(tmp_path, "poll").returncode == 0

    with running(tmp_path, "serve", "--port", "0") as (process, address):
        assert b"Stored" in eventually(lambda: get(address + "/")[2])  # type: ignore[operator]
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS_AFTER) == 0


def feed_of(number: int, now: datetime) -> bytes:
    return rss([(f"f{number}-{n}", f"Post {number}.{n}", now - n * MINUTE) for n in range(10)])


@pytest.mark.slow
def test_twenty_kills_in_the_middle_of_a_poll_lose_and_double_nothing(server, tmp_path):
    now = datetime.now(UTC).replace(microsecond=0)
    paths = [f"/{number}" for number in range(300)]
    for number, path in enumerate(paths):
        server.put(path, feed_of(number, now), etag=f'"{number}"')
    write_config(tmp_path, [server.url(path) for path in paths])
    for attempt in range(20):
        before = len(server.requests)
        process = _start_poll(tmp_path)
        eventually(lambda seen=before: len(server.requests) > seen + 3)
        time.sleep(attempt * 0.04)
        process.kill()
        process.wait(HANGS_AFTER)
        _check_that_validators_have_entries(tmp_path)

    done = in_process(tmp_path, "poll", "--all", "--json", timeout=120)

    assert done.returncode == 0
    assert len(json_lines(done.stdout)) == 300
    connection = sqlite3.connect(tmp_path / "aggregator.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counts = connection.execute(
        "SELECT count(*), count(DISTINCT guid), count(DISTINCT id) FROM entries"
    ).fetchone()
    assert counts == (3000, 3000, 3000)
    texts = connection.execute(
        "SELECT count(*) FROM word_index WHERE word_index MATCH 'post'"
    ).fetchone()
    assert texts == (3000,)
    connection.close()


def _start_poll(folder):
    return Program(
        "poll", "--all", cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _check_that_validators_have_entries(folder):
    connection = sqlite3.connect(folder / "aggregator.db")
    without = connection.execute(
        "SELECT count(*) FROM feeds f WHERE etag IS NOT NULL AND "
        "(SELECT count(*) FROM entries e WHERE e.feed_id = f.id) <> 10"
    ).fetchone()
    connection.close()
    assert without == (0,)
