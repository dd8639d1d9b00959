"""The commands as people and programs use them: output, errors, exit status."""

import json
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from aggregator import discover
from aggregator.database import open_database
from aggregator.fetch import guard
from tests.feedserver import FeedServer
from tests.running import command, in_process, json_lines, rss, write_config
from tests.worlds import record

NOW = datetime.now(UTC)
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def server():
    with FeedServer() as server:
        server.put("/a", rss([("a1", "One", NOW), ("a2", "Two", NOW)], title="Feed A"))
        yield server


def one_line(done, status: int) -> str:
    """Return the error of a command that must have failed in one line and without a traceback."""
    assert done.returncode == status
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_poll_prints_one_json_object_a_feed_and_line(server, tmp_path):
    write_config(tmp_path, [server.url("/a"), server.url("/none")])

    done = command(tmp_path, "poll", "--json")

    lines = {str(line["url"]).rpartition("/")[2]: line for line in json_lines(done.stdout)}
    assert done.returncode == 0
    assert set(lines["a"]) == {"feed", "url", "status", "new", "updated", "error", "next_poll_at"}
    assert (lines["a"]["status"], lines["a"]["new"], lines["a"]["error"]) == (200, 2, None)
    assert (lines["none"]["status"], lines["none"]["error"]) == (404, "404 Not Found")
    assert datetime.fromisoformat(str(lines["a"]["next_poll_at"])) > NOW


def test_poll_polls_what_is_due_or_named_or_all(server, tmp_path):
    write_config(tmp_path, [server.url("/a")])

    assert command(tmp_path, "poll").stdout == "127-0-0-1: 2 new, 0 updated\n"
    assert command(tmp_path, "poll").stdout == ""
    assert command(tmp_path, "poll", "--all").stdout == "127-0-0-1: unchanged\n"
    assert command(tmp_path, "poll", "127-0-0-1").stdout == "127-0-0-1: unchanged\n"
    assert one_line(command(tmp_path, "poll", "nobody"), 2).startswith("nobody: no such feed")


def test_failing_feeds_fail_the_command_only_if_asked_to(server, tmp_path):
    write_config(tmp_path, [server.url("/none")])

    assert command(tmp_path, "poll").returncode == 0
    assert command(tmp_path, "poll", "--all", "--strict").returncode == 1


def test_feeds_lists_health_for_people_and_programs(server, tmp_path):
    write_config(tmp_path, [server.url("/a"), server.url("/none")])
    command(tmp_path, "poll")

    table = command(tmp_path, "feeds").stdout.splitlines()
    found = json.loads(command(tmp_path, "feeds", "--json").stdout)

    assert table[0].startswith("FEED ")
    assert any("404 Not Found" in line for line in table)
    assert [feed["state"] for feed in found] == ["failing", "fine"]
    assert found[1]["title"] == "Feed A"
    assert found[1]["entries"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "other.yaml", "feeds", "--json"],
        ["feeds", "--json", "-c", "other.yaml"],
        ["--config=other.yaml", "feeds", "--json"],
    ],
)
def test_the_file_can_be_named_before_or_after_the_command(tmp_path, arguments):
    write_config(tmp_path, []).rename(tmp_path / "other.yaml")

    assert command(tmp_path, *arguments).stdout == "[]\n"


def test_the_environment_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "etc").mkdir()
    path = write_config(tmp_path / "etc", [])
    monkeypatch.setenv("AGGREGATOR_CONFIG", str(path))

    assert command(tmp_path, "feeds", "--json").stdout == "[]\n"
    assert (tmp_path / "etc" / "aggregator.db").exists()


def test_check_says_everything_with_line_and_column_or_that_all_is_fine(tmp_path):
    path = write_config(tmp_path, ["https://example.org/feed"])
    fine = command(tmp_path, "check")
    path.write_text("titel: x\nfeeds:\n  - url: https://example.org/a\n    interval: often\n")

    broken = command(tmp_path, "check")

    assert (fine.returncode, fine.stdout) == (0, "config.yaml: fine, 1 feed\n")
    assert broken.returncode == 2
    first, second = broken.stderr.splitlines()
    assert first.startswith('config.yaml:1:1: titel: unknown key; did you mean "title"?')
    assert second.startswith("config.yaml:4:15: feeds[0].interval: ")


def test_check_proposes_the_line_to_change_for_a_feed_that_moved(tmp_path):
    write_config(tmp_path, ["https://old.example/feed", "https://other.example/feed"])
    command(tmp_path, "feeds")
    database = open_database(f"sqlite:///{tmp_path}/aggregator.db")
    record(database, "old-example", moved_to="https://me:secret@new.example/feed")
    database.dispose()

    checked = command(tmp_path, "check").stdout
    listed = command(tmp_path, "feeds").stdout

    assert checked.splitlines()[0] == (
        "feeds[0] (old-example): moved for good; "
        "write https://***@new.example/feed instead of https://old.example/feed"
    )
    assert "moved to https://***@new.example/feed" in listed
    assert "other.example" not in checked


def test_check_makes_and_changes_no_database(tmp_path):
    write_config(tmp_path, ["https://old.example/feed"])

    assert command(tmp_path, "check").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_the_repositorys_own_configuration_is_fine(tmp_path):
    done = command(tmp_path, "check", "-c", str(REPOSITORY / "config.yaml"))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["run", "poll", "serve", "schedule", "check", "feeds", "export"])
def test_a_missing_file_is_one_line(tmp_path, name):
    assert one_line(command(tmp_path, name), 2).startswith("config.yaml: no such file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run", "serve"])
def test_a_taken_port_is_one_line(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_config(tmp_path, [], web=f"{{port: {port}}}")

        line = one_line(in_process(tmp_path, name), 1)

    assert line.startswith(f"127.0.0.1:{port}: Address already in use; ")


def test_a_host_that_is_not_this_machine_is_not_called_a_taken_port(tmp_path):
    write_config(tmp_path, [])

    line = one_line(command(tmp_path, "run", "--host", "192.0.2.1"), 1)

    assert line.endswith("name an address of this machine with --host, such as 127.0.0.1")


@pytest.mark.parametrize(
    "arguments",
    [["pol"], ["run", "--prot", "1"], ["run", "--port", "99999"], ["add"], ["import", "none.opml"]],
)
def test_wrong_usage_is_one_line_that_names_the_help(tmp_path, arguments):
    assert "--help` says more" in one_line(command(tmp_path, *arguments), 2)


def test_a_database_that_can_not_be_used_is_one_line_and_left_alone(tmp_path):
    write_config(tmp_path, [], database="sqlite:///gone/a.db")
    assert "can't be opened" in one_line(command(tmp_path, "poll"), 1)

    write_config(tmp_path, [], database="sqlite:///a.db")
    (tmp_path / "a.db").write_bytes(b"not a database at all" * 50)
    assert "is not a SQLite database" in one_line(command(tmp_path, "run"), 1)
    assert (tmp_path / "a.db").read_bytes() == b"not a database at all" * 50


def test_a_database_of_a_newer_program_is_one_line(tmp_path):
    write_config(tmp_path, [])
    command(tmp_path, "poll")
    connection = sqlite3.connect(tmp_path / "aggregator.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    assert "newer version" in one_line(command(tmp_path, "run"), 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "poll", "schedule", "feeds"])
def test_a_locked_database_is_one_line(tmp_path, name):
    write_config(tmp_path, ["https://example.org/feed"])
    command(tmp_path, "feeds")
    write_config(tmp_path, ["https://example.org/other"])
    holder = sqlite3.connect(tmp_path / "aggregator.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    assert "another process kept it locked" in one_line(in_process(tmp_path, name), 1)
    holder.close()


def test_explain_says_what_decides_when_a_feed_is_polled_next(server, tmp_path):
    server.put("/feed", rss([("a", "Post", NOW)]), headers={"Cache-Control": "max-age=7200"})
    write_config(tmp_path, [f"{{url: '{server.url('/feed')}', name: blog}}"])
    command(tmp_path, "poll")

    text = command(tmp_path, "explain", "blog").stdout
    told = json.loads(command(tmp_path, "explain", "blog", "--json").stdout)

    assert "the server calls its answer fresh" in text
    decides = next(line for line in text.splitlines() if "<- decides" in line)
    assert decides.split()[:2] == ["freshness", "2h"]
    assert {one["name"]: one["value"] for one in told["constraints"]}["interval"] == "1h"
    assert [one["name"] for one in told["constraints"] if one["decides"]] == ["freshness"]
    (poll,) = told["polls"]
    assert (poll["status"], poll["new"], poll["error"]) == (200, 1, None)
    assert poll["bytes"] > 100
    assert poll["seconds"] >= 0


def test_explain_shows_the_last_twenty_polls_newest_first(tmp_path):
    write_config(tmp_path, ["{url: 'https://example.org/feed', name: blog}"])
    command(tmp_path, "feeds")
    database = open_database(f"sqlite:///{tmp_path}/aggregator.db")
    for number in range(22):
        record(database, "blog", now=NOW + timedelta(minutes=number), size=number)
    database.dispose()

    polls = json.loads(command(tmp_path, "explain", "blog", "--json").stdout)["polls"]

    assert [poll["bytes"] for poll in polls] == [*range(21, 1, -1)]


def test_explain_of_an_unknown_or_unread_feed_is_clear(server, tmp_path):
    write_config(tmp_path, [f"{{url: '{server.url('/feed')}', name: blog}}"])

    unknown = command(tmp_path, "explain", "blgo")

    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "blgo: no such feed; `aggregator feeds` lists them\n"
    assert "never polled yet" in command(tmp_path, "explain", "blog").stdout


def test_add_discovers_the_feed_of_a_page_and_keeps_comments(server, tmp_path):
    server.put(
        "/page",
        "<html><head><link rel=alternate type=application/rss+xml href=/a title=Posts>"
        "<link rel=alternate type=application/rss+xml href=/comments></head></html>",
    )
    path = write_config(tmp_path, [])
    path.write_text(
        path.read_text().replace("feeds:\n  []", "# mine\nfeeds:  # none yet") + "# end"
    )

    done = command(tmp_path, "add", server.url("/page"), "--category", "News")

    assert done.returncode == 0, done.stderr
    assert f"added {server.url('/a')}" in done.stdout
    assert "# mine" in path.read_text()
    assert "# none yet" in path.read_text()
    assert json.loads(command(tmp_path, "feeds", "--json").stdout)[0]["category"] == "News"
    assert "already there" in command(tmp_path, "add", server.url("/a")).stdout


def test_add_asks_nobody_about_what_is_there_already_wherever_it_leads(server, tmp_path):
    server.redirect("/moved", "/a", status=301)
    write_config(tmp_path, [server.url("/moved")])

    done = command(tmp_path, "add", server.url("/moved"))

    assert done.stdout == f"already there: {server.url('/moved')}\n"
    assert server.requests_to("/moved") == []


def test_add_refuses_what_is_no_feed(server, tmp_path):
    server.put("/plain", "just text")
    path = write_config(tmp_path, [])
    before = path.read_text()

    line = one_line(command(tmp_path, "add", server.url("/plain")), 1)

    assert "not a feed" in line
    assert path.read_text() == before
    line = one_line(command(tmp_path, "add", server.url("/none")), 1)
    assert line.endswith("404 Not Found; to add it all the same: --no-check")
    line = one_line(command(tmp_path, "add", "example.org/feed"), 2)
    assert line.endswith("no such file; if it is on the web, write https://example.org/feed")


def page_with(*feeds: str) -> str:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{feed}">' for feed in feeds
    )
    return f"<!doctype html><html><head><title>Blog</title>{links}</head></html>"


def test_add_tries_the_next_feed_of_a_page_where_one_is_dead_or_empty(server, tmp_path):
    server.put("/blog", page_with("/gone", "/page", "/empty", "/good?a=1&region=eu", "/more"))
    server.put("/page", "<html><p>Not a feed</html>")
    server.put("/empty", rss([]))
    server.put("/good", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [])

    done = command(tmp_path, "add", server.url("/blog"))

    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines[:3]] == [
        f"tried {server.url(path)}" for path in ("/gone", "/page", "/empty")
    ]
    assert lines[0].endswith("404 Not Found")
    assert lines[2].endswith("it has no posts yet")
    assert lines[3:] == [
        f"it also names {server.url('/more')} ('no title')",
        f"added {server.url('/good?a=1&region=eu')}",
    ]
    assert server.requests_to("/more") == []


def test_add_prefers_a_feed_without_posts_to_one_of_comments(server, tmp_path):
    server.put("/blog", page_with("/comments/feed", "/feed"))
    server.put("/feed", rss([]))
    server.put("/comments/feed", rss([("a", "Well said", NOW)]))
    write_config(tmp_path, [])

    assert f"added {server.url('/feed')}" in command(tmp_path, "add", server.url("/blog")).stdout


def test_add_says_so_where_no_feed_of_a_page_can_be_read(server, tmp_path):
    server.put("/blog", page_with("/gone", "http://10.0.0.1/feed"))
    path = write_config(tmp_path, [])
    before = path.read_text()

    done = command(tmp_path, "add", server.url("/blog"))

    assert done.returncode == 1
    assert "private address" in done.stdout
    assert "names 2 feeds, of which none can be read now" in done.stderr
    assert path.read_text() == before


def test_add_asks_the_port_that_the_address_names(server, tmp_path, monkeypatch):
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [], network="{allow: []}")
    monkeypatch.setattr(guard, "_is_public", lambda _address: True)  # there is loopback only

    done = command(tmp_path, "add", server.url("/feed"))

    assert (done.stdout, done.stderr) == (f"added {server.url('/feed')}\n", "")


def test_add_reads_a_page_in_a_worker_process(server, tmp_path, monkeypatch):
    server.put("/blog", page_with("/feed") + "<a " * 300_000)
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [])
    monkeypatch.setattr(discover, "_tags", None)  # in this process nobody may call it

    assert f"added {server.url('/feed')}" in command(tmp_path, "add", server.url("/blog")).stdout


def test_add_takes_the_addresses_that_browsers_hand_to_readers(server, tmp_path):
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [])

    done = command(tmp_path, "add", server.url("/feed").replace("http://", "feed://"))

    assert done.stdout == f"added {server.url('/feed')}\n"


def test_add_refuses_an_address_whose_secret_is_masked(tmp_path):
    write_config(tmp_path, [])

    line = one_line(command(tmp_path, "add", "https://***@a.example/feed"), 2)

    assert line.endswith("*** stands for a secret there; write the whole address")


def test_import_says_what_it_leaves_out(tmp_path):
    write_config(tmp_path, ["https://me:secret@known.example/f"])
    odd = ["newsletter:me@b.example", "ftp://c:secret@c.example/f", "nonsense\x1b[2J", ""]
    odd += ["https://***@known.example/f", "https://***@d.example/f"]
    odd_outlines = "".join(f'<outline type="rss" text="x" xmlUrl="{url}"/>' for url in odd)
    (tmp_path / "list.opml").write_text(
        f"<opml version='1.0'><body><outline text='Folder'>{odd_outlines}"
        "<outline type='rss' text='A' xmlUrl='feed://a.example/feed' frss:filtersActionRead='x'/>"
        "<outline type='HTML+XPath' text='S' xmlUrl='https://s.example/'/></outline></body></opml>"
    )

    done = command(tmp_path, "import", "list.opml")

    why = "left out, as it has no http:// or https:// address"
    hidden = "left out, as a password or token in its address is hidden (***)"
    advice = "; add it with the whole address: aggregator add URL"
    scraped = "left out, as it is a page or a JSON document that rules of FreshRSS make a feed of"
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "added http://a.example/feed",
            f"{why}: 'newsletter:me@b.example' (x)",
            f"{why}: 'ftp://***@c.example/f' (x)",
            f"{why}: 'nonsense [2J' (x)",
            f"{why}: '' (x)",
            f"{hidden}: 'https://***@d.example/f' (x){advice}",
            f"{scraped}: 'https://s.example/' (S)",
            "not taken over: filters: 1 (A)",
            "1 added, 1 already there, 6 left out",
        ],
    )


def test_import_takes_over_another_readers_list(tmp_path):
    write_config(tmp_path, [])
    (tmp_path / "list.opml").write_text(
        "<opml version='1.0'><body><outline text='News'>"
        "<outline type='rss' text='A: b' xmlUrl='https://a.example/feed'/></outline>"
        "<outline type='rss' text='C' xmlUrl='https://c.example/feed'/></body></opml>"
    )

    done = command(tmp_path, "import", "list.opml")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2 added, 0 already there\n")
    found = json.loads(command(tmp_path, "feeds", "--json").stdout)
    assert [(feed["title"], feed["category"]) for feed in found] == [("A: b", "News"), ("C", None)]
    assert command(tmp_path, "import", "list.opml").stdout == "0 added, 2 already there\n"
    (tmp_path / "no.opml").write_text("hello")
    assert "no.opml" in one_line(command(tmp_path, "import", "no.opml"), 2)


def test_export_writes_the_documents_that_the_web_serves(server, tmp_path):
    write_config(tmp_path, [server.url("/a")])
    command(tmp_path, "poll")

    done = command(tmp_path, "export", "out")

    names = {"feed.atom", "feed.rss", "feed.json", "sources.opml", "index.html"}
    assert done.returncode == 0, done.stderr
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}
    feed = feedparser.parse((tmp_path / "out" / "feed.atom").read_bytes())
    assert sorted(entry.title for entry in feed.entries) == ["One", "Two"]
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'href="static/style.css"' in page
    assert (tmp_path / "out" / "static" / "style.css").exists()
    assert 'href="sources.html"' in page
    before = (tmp_path / "out" / "feed.atom").read_bytes()
    command(tmp_path, "export", "--format", "atom", "out")
    assert (tmp_path / "out" / "feed.atom").read_bytes() == before
    for wrong in ("pdf", ""):
        assert "choose from" in one_line(command(tmp_path, "export", "--format", wrong), 2)


def test_help_names_every_command(tmp_path):
    done = command(tmp_path, "--help")

    for name in ("run", "poll", "serve", "schedule", "check", "feeds", "add", "import", "export"):
        assert f"  {name} " in done.stdout


def test_an_error_from_the_network_is_one_line_without_foreign_bytes(server, tmp_path):
    server.send("/evil", b"SSH-2.0-Open\x1b[31mSSH\r\n\r\n")
    server.put("/name", rss([("x", "X", NOW)], title="A\x1b[31mB".replace("\x1b", "&#x9b;")))
    write_config(tmp_path, [server.url("/evil"), server.url("/name")])

    done = command(tmp_path, "poll")
    table = command(tmp_path, "feeds")

    assert "\x1b" not in done.stdout + table.stdout
    assert "\x9b" not in done.stdout + table.stdout
    assert "SSH" not in done.stdout
