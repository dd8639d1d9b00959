"""The commands as people and programs use them: output, errors, exit status."""

import contextlib
import errno
import json
import re
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from aggregator.cli import config_commands
from aggregator.database import open_database
from aggregator.model import FeedHead
from aggregator.runtime.worker_process import WorkerProcess
from tests.feedserver import FeedServer
from tests.running import command, in_process, json_lines, one_line, rss, write_config
from tests.selection import slow_after
from tests.worlds import record, sqlite_database

NOW = datetime.now(UTC)
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def server():
    with FeedServer() as server:
        server.put("/a", rss([("a1", "One", NOW), ("a2", "Two", NOW)], title="Feed A"))
        yield server


@pytest.fixture
def folder(tmp_path):
    """A folder with an empty database: the migrations of a new one take 50 ms."""
    sqlite_database(tmp_path).dispose()
    return tmp_path


def test_poll_prints_one_json_object_a_feed_and_line(server, folder):
    write_config(folder, [server.url("/a"), server.url("/none")])

    done = command(folder, "poll", "--json")

    lines = {str(line["url"]).rpartition("/")[2]: line for line in json_lines(done.stdout)}
    assert done.returncode == 0
    assert set(lines["a"]) == {"feed", "url", "status", "new", "updated", "error", "next_poll_at"}
    assert (lines["a"]["status"], lines["a"]["new"], lines["a"]["error"]) == (200, 2, None)
    assert (lines["none"]["status"], lines["none"]["error"]) == (404, "404 Not Found")
    assert datetime.fromisoformat(str(lines["a"]["next_poll_at"])) > NOW


def test_poll_polls_what_is_due_or_named_or_all(server, folder):
    write_config(folder, [server.url("/a")])

    assert command(folder, "poll").stdout == "feed-a: 2 new, 0 updated\n"
    again = command(folder, "poll")
    assert (again.returncode, again.stdout) == (0, "")
    assert re.fullmatch(
        r"nothing was polled: the next feed is due in [\dhms]+, at \d{4}-\d\d-\d\d \d\d:\d\d UTC\n",
        again.stderr,
    )
    assert command(folder, "poll", "--all").stdout == "feed-a: unchanged\n"
    assert command(folder, "poll", "127-0-0-1").stdout == "feed-a: unchanged\n"
    assert one_line(command(folder, "poll", "nobody"), 2).startswith("nobody: no such feed")


def test_poll_takes_names_or_all_and_tells_what_to_do_without_feeds(folder):
    write_config(folder, [])

    assert command(folder, "poll").stderr == (
        "nothing was polled: config.yaml lists no feed; add one: aggregator add URL\n"
    )
    assert "--all" in one_line(command(folder, "poll", "--all", "a"), 2)


def test_failing_feeds_fail_the_command_only_if_asked_to(server, folder):
    write_config(folder, [server.url("/none")])

    assert command(folder, "poll").returncode == 0
    assert command(folder, "poll", "--all", "--strict").returncode == 1


def test_a_machine_that_can_not_start_a_process_fails_the_command(server, folder, monkeypatch):
    def no_room(_process: WorkerProcess, _max_memory: int) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    write_config(folder, [server.url("/a")])
    monkeypatch.setattr(WorkerProcess, "__init__", no_room)

    done = command(folder, "poll", "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "not every feed was polled: this machine could not start a process to read documents\n"
    )


def test_poll_lists_posts_in_the_views_that_name_the_title_which_the_poll_has_read(server, folder):
    write_config(folder, [server.url("/a")], views="[{name: of-a, search: 'source:\"feed a\"'}]")

    command(folder, "poll")

    with contextlib.closing(sqlite3.connect(folder / "aggregator.db")) as database:
        (posts,) = database.execute("SELECT entries FROM lists WHERE key = 'of-a'").fetchone()
    assert posts == 2


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["fedds"], "No such command 'fedds'; did you mean 'feeds'? See "),
        (["Explain", "a"], "No such command 'Explain'; did you mean 'explain'? See "),
        (["xyzzy"], "No such command 'xyzzy'. See "),
    ],
)
def test_an_unknown_command_gets_a_suggestion(tmp_path, arguments, start):
    assert one_line(command(tmp_path, *arguments), 2).startswith(start)


def test_feeds_lists_the_failing_feeds_alone_if_asked_to(server, folder):
    server.put("/good", rss([("1", "One", None)]))
    write_config(folder, [server.url("/good")])
    assert command(folder, "poll").returncode == 0
    none = command(folder, "feeds", "--failing")
    assert (none.stdout, none.stderr) == ("", "no feed is failing\n")
    assert json.loads(command(folder, "feeds", "--failing", "--json").stdout) == []

    write_config(folder, [server.url("/good"), server.url("/nowhere")])
    command(folder, "poll")

    (feed,) = json.loads(command(folder, "feeds", "--failing", "--json").stdout)
    assert feed["url"] == server.url("/nowhere")
    assert "/good" not in command(folder, "feeds", "--failing").stdout


def test_feeds_lists_health_for_people_and_programs(server, folder):
    write_config(folder, [server.url("/a"), server.url("/none")])
    command(folder, "poll")

    table = [line.split("\t") for line in command(folder, "feeds").stdout.splitlines()]
    found = json.loads(command(folder, "feeds", "--json").stdout)

    assert table[0] == [
        "TITLE", "STATE", "LAST SUCCESS (UTC)", "NEXT POLL (UTC)", "POSTS", "FEED", "NOTE",
    ]  # fmt: skip
    assert [row[:3] for row in table[1:]] == [
        [found[0]["feed"], "failing", "never"],
        ["Feed A", "fine", found[1]["last_success_at"][:16].replace("T", " ")],
    ]
    assert [row[4:] for row in table[1:]] == [
        ["0", found[0]["feed"], "404 Not Found"],
        ["2", "feed-a", ""],
    ]
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
def test_the_file_can_be_named_before_or_after_the_command(folder, arguments):
    write_config(folder, []).rename(folder / "other.yaml")

    assert command(folder, *arguments).stdout == "[]\n"


@pytest.mark.slow
def test_the_environment_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "etc").mkdir()
    path = write_config(tmp_path / "etc", [])
    monkeypatch.setenv("AGGREGATOR_CONFIG", str(path))

    assert command(tmp_path, "feeds", "--json").stdout == "[]\n"
    assert (tmp_path / "etc" / "aggregator.db").exists()


def test_check_says_once_which_private_address_no_poll_will_connect_to(tmp_path):
    feeds = ["http://10.0.0.7/a", "http://10.0.0.7/b", "http://10.0.0.8:99/", "http://nas.local/"]
    write_config(tmp_path, feeds, network="{allow: [10.0.0.8]}")

    *notes, _ = command(tmp_path, "check").stdout.splitlines()

    reason = "10.0.0.7 is a private address; to poll it add it to network.allow"
    assert notes == [f"feeds[0] (10-0-0-7) and 1 more: {reason}"]


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


def test_check_remarks_on_rules_that_name_a_source_nobody_has_subscribed_to(tmp_path):
    rule = "'source:harbor OR source:lamp OR source:\"The Harbour\" OR source:quay OR source:Old'"
    feeds = [
        "{url: 'https://harbour.example/', name: harbour, title: Harbour}",
        "{url: 'https://lamp.example/'}",
        "{url: 'https://renamed.example/', name: old}",
    ]
    write_config(tmp_path, feeds, hide=rule)
    before_any_poll = command(tmp_path, "check").stdout
    command(tmp_path, "feeds")
    feeds[2] = feeds[2].replace("old", "renamed")
    write_config(tmp_path, feeds, hide=rule)
    command(tmp_path, "feeds")
    database = open_database(f"sqlite:///{tmp_path}/aggregator.db")
    record(database, "lamp-example", head=FeedHead(title="Lamp and Quay"))
    database.dispose()

    assert before_any_poll == "config.yaml: fine, 3 feeds\n"
    assert command(tmp_path, "check").stdout.splitlines()[:-1] == [
        'hide: the source "Old" is called renamed now',
        'hide: no source is called "harbor" so far; did you mean harbour?',
        'hide: no source is called "The Harbour" so far; did you mean harbour?',
    ]


def test_check_proposes_the_line_to_change_for_a_feed_that_moved(folder):
    write_config(folder, ["https://old.example/feed", "https://other.example/feed"])
    command(folder, "feeds")
    database = open_database(f"sqlite:///{folder}/aggregator.db")
    record(database, "old-example", moved_to="https://me:secret@new.example/feed")
    database.dispose()

    checked = command(folder, "check").stdout
    listed = command(folder, "feeds").stdout

    assert checked.splitlines()[0] == (
        "feeds[0] (old-example): moved for good; "
        "write https://***@new.example/feed instead of https://old.example/feed"
    )
    assert "moved to https://***@new.example/feed" in listed
    assert "other.example" not in checked


def test_check_proposes_the_feed_that_a_polled_page_names(server, folder):
    names = ["secret", "new", "dark", "home", "double", "long", "fine"]
    for name in names:
        server.put(f"/{name}", rss([(name, name, None)]))
    write_config(folder, [f"{{url: '{server.url(f'/{name}')}', name: {name}}}" for name in names])
    command(folder, "poll")
    before = command(folder, "check").stdout
    server.put("/secret", page_naming("/feed.xml?token=s3cret"))
    server.put("/new", page_naming("/comments/feed", "/new/feed"))
    server.put("/dark", page_naming())
    server.redirect("/home", "/", status=301)
    server.put("/", page_naming("/home"))
    server.put("/double", page_naming("/fine#top"))
    server.put("/long", page_naming("/" + "long" * 100))
    command(folder, "poll", "--all")

    *notes, fine = command(folder, "check").stdout.splitlines()

    assert before == fine + "\n" == "config.yaml: fine, 7 feeds\n"
    secret, new = server.url("/feed.xml?token=***"), server.url("/new/feed")
    for note, place, path, advice in zip(
        notes,
        ["feeds[0] (secret)", "feeds[1] (new)", "feeds[4] (double)"],
        ["/secret", "/new", "/double"],
        [
            f"{secret}, write that with the secret that the page has",
            f"{new}, write that instead",
            "feeds[6] (fine), so remove this one",
        ],
        strict=True,
    ):
        assert note == f"{place}: {server.url(path)} is a web page; its feed is {advice}"


@pytest.mark.slow
def test_check_proposes_the_feed_of_the_page_that_a_feed_moved_to(server, folder):
    server.put("/home", page_naming("/feed"))
    write_config(folder, [f"{{url: '{server.url('/old')}', name: lamp}}"])
    command(folder, "feeds")
    database = open_database(f"sqlite:///{folder}/aggregator.db")
    record(database, "lamp", moved_to=server.url("/home"))
    database.dispose()
    moved = command(folder, "check").stdout.splitlines()[0]
    command(folder, "poll", "--all")

    page = command(folder, "check").stdout.splitlines()[0]

    home, old = server.url("/home"), server.url("/old")
    assert moved == f"feeds[0] (lamp): moved for good; write {home} instead of {old}"
    assert page.endswith(f" is a web page; its feed is {server.url('/feed')}, write that instead")


def page_naming(*addresses: str) -> str:
    links = (f'<link rel="alternate" type="application/rss+xml" href="{url}">' for url in addresses)
    return f"<!doctype html><title>Lamp</title>{''.join(links)}"


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


@pytest.mark.parametrize("name", slow_after(1, ["run", "serve"]))
def test_a_taken_port_is_one_line(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_config(tmp_path, [], web=f"{{port: {port}}}")

        line = one_line(command(tmp_path, name), 1)

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
    assert "--help`." in one_line(command(tmp_path, *arguments), 2)


def test_what_is_wrong_with_an_argument_is_one_line_whatever_is_in_it(folder):
    write_config(folder, [])

    line = one_line(command(folder, "explain", "a\nb\x1b[31m\u2028c"), 2)

    assert line.startswith("a\\nb\\x1b[31m\\u2028c: no such feed")


def test_an_interrupted_command_says_nothing(tmp_path, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    write_config(tmp_path, [])
    monkeypatch.setattr(config_commands, "load_config", interrupted)

    done = command(tmp_path, "check")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_database_that_can_not_be_used_is_one_line_and_left_alone(tmp_path):
    write_config(tmp_path, [], database="sqlite:///gone/a.db")
    assert "can't be opened" in one_line(command(tmp_path, "poll"), 1)

    write_config(tmp_path, [], database="sqlite:///a.db")
    (tmp_path / "a.db").write_bytes(b"not a database at all" * 50)
    assert "is not a SQLite database" in one_line(command(tmp_path, "run"), 1)
    assert (tmp_path / "a.db").read_bytes() == b"not a database at all" * 50


def test_a_database_of_a_newer_program_is_one_line(folder):
    write_config(folder, [])
    command(folder, "poll")
    connection = sqlite3.connect(folder / "aggregator.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    assert "newer version" in one_line(command(folder, "run"), 1)


NEED_THE_DATABASE = ["run", "poll", "schedule", "feeds"]


@pytest.fixture(scope="module")
def locked_out(tmp_path_factory):
    """How commands end whose database another process keeps locked; they wait at the same time."""
    folders = {name: tmp_path_factory.mktemp(name) for name in NEED_THE_DATABASE}
    with contextlib.ExitStack() as holders, ThreadPoolExecutor() as pool:
        for folder in folders.values():
            write_config(folder, ["https://example.org/feed"])
            command(folder, "feeds")
            write_config(folder, ["https://example.org/other"])
            holder = sqlite3.connect(folder / "aggregator.db", isolation_level=None)
            holders.callback(holder.close)
            holder.execute("BEGIN IMMEDIATE")
        ends = {name: pool.submit(in_process, folder, name) for name, folder in folders.items()}
        return {name: end.result() for name, end in ends.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEED_THE_DATABASE)
def test_a_locked_database_is_one_line(locked_out, name):
    assert "another process kept it locked" in one_line(locked_out[name], 1)


def test_explain_says_what_decides_when_a_feed_is_polled_next(server, folder):
    server.put("/feed", rss([("a", "Post", NOW)]), headers={"Cache-Control": "max-age=7200"})
    write_config(folder, [f"{{url: '{server.url('/feed')}', name: blog}}"])
    command(folder, "poll")

    text = command(folder, "explain", "blog").stdout
    told = json.loads(command(folder, "explain", "blog", "--json").stdout)

    assert "the server calls its answer fresh" in text
    decides = next(line for line in text.splitlines() if "<- decides" in line)
    assert decides.split()[:2] == ["freshness", "2h"]
    assert {one["name"]: one["value"] for one in told["constraints"]}["interval"] == "1h"
    assert [one["name"] for one in told["constraints"] if one["decides"]] == ["freshness"]
    (poll,) = told["polls"]
    assert (poll["status"], poll["new"], poll["error"]) == (200, 1, None)
    assert poll["bytes"] > 100
    assert poll["seconds"] >= 0


def test_explain_shows_the_last_twenty_polls_newest_first(folder):
    write_config(folder, ["{url: 'https://example.org/feed', name: blog}"])
    command(folder, "feeds")
    database = open_database(f"sqlite:///{folder}/aggregator.db")
    for number in range(22):
        record(database, "blog", now=NOW + timedelta(minutes=number), size=number)
    database.dispose()

    polls = json.loads(command(folder, "explain", "blog", "--json").stdout)["polls"]

    assert [poll["bytes"] for poll in polls] == [*range(21, 1, -1)]


def test_explain_and_a_poll_of_the_command_line_tell_of_episodes(server, folder):
    server.put("/feed", b"", status=410)
    write_config(folder, [f"{{url: '{server.url('/feed')}', name: blog}}"])
    command(folder, "poll")

    (line,) = [
        line
        for line in command(folder, "explain", "blog").stdout.splitlines()
        if line.startswith("episode: ")
    ]
    (episode,) = json.loads(command(folder, "explain", "blog", "--json").stdout)["episodes"]

    assert re.fullmatch(r"episode: gone since [-0-9]+ [0-9:]+ UTC \(health feed\)", line)
    assert episode["kind"] == "gone" and episode["since"].endswith("Z")


def test_explain_of_an_unknown_or_unread_feed_is_clear(server, folder):
    write_config(folder, [f"{{url: '{server.url('/feed')}', name: blog}}"])

    unknown = command(folder, "explain", "zebra")

    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "zebra: no such feed; `aggregator feeds` lists them\n"
    assert "never polled yet" in command(folder, "explain", "blog").stdout


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("boss-mind", "boss-mind"),
        ("https://thebossmind.example:443/feed#x", "boss-mind"),
        ("thebossmind.example/feed", "boss-mind"),
        ("the BOSS mind!", "boss-mind"),
        ("The Boss", "boss-mind"),
        ("boss-mind ", "boss-mind"),
        ("zweite", "boss-mind-2"),
        ("boss-mind-2", "boss-mind-2"),
        ("zweite öl", "boss-mind-2"),
        ("samples/a.xml", "samples"),
        ("./samples/a.xml", "samples"),
    ],
)
def test_a_feed_is_named_by_name_address_title_or_beginning(folder, argument, name):
    write_config(folder, [
        "{url: 'http://thebossmind.example/feed', name: boss-mind, title: The Boss Mind}",
        "{url: 'https://b.example/feed?x=1', name: boss-mind-2, title: Zweite Ölmühle}",
        "{url: samples/a.xml, name: samples}",
    ])  # fmt: skip
    done = command(folder, "explain", argument, "--json")

    assert json.loads(done.stdout)["feed"] == name


def test_an_argument_that_means_no_feed_gets_the_names_most_like_it(folder):
    write_config(folder, [
        "{url: samples/a.xml, name: boss-mind, title: The Harbour}",
        "{url: samples/b.xml, name: boss-mined}",
        "{url: samples/c.xml, name: lamp}",
    ])  # fmt: skip
    for argument, proposal in [
        ("bos-mind", "boss-mind or boss-mined"),
        ("Lmap", "lamp"),
        ("the harbor", "boss-mind"),
        ("https://nobody.example/lamp", None),
    ]:
        line = one_line(command(folder, "poll", argument), 2)
        advice = f"did you mean {proposal}?" if proposal else "`aggregator feeds` lists them"
        assert line == f"{argument}: no such feed; {advice}"


def test_an_argument_that_may_be_several_feeds_names_them(server, folder):
    write_config(folder, [f"{{url: '{server.url(f'/{n}')}', name: feed-{n}}}" for n in range(7)])

    several = command(folder, "poll", "feed")
    address = command(folder, "poll", server.url("/3"), "--json")

    told = "feed-0, feed-1, feed-2, feed-3, feed-4 and more"
    assert (several.returncode, several.stdout) == (2, "")
    assert several.stderr == f"feed: may be {told}; write one of these names\n"
    assert [json.loads(line)["feed"] for line in address.stdout.splitlines()] == ["feed-3"]


def test_export_writes_the_documents_that_the_web_serves(server, folder):
    write_config(folder, [server.url("/a")])
    command(folder, "poll")

    done = command(folder, "export", "out")

    names = {"feed.atom", "feed.rss", "feed.json", "sources.opml", "index.html"}
    assert done.returncode == 0, done.stderr
    files = sum(path.is_file() for path in (folder / "out").rglob("[!.]*"))
    assert re.fullmatch(rf"{files} files, {files} changed, \d+ kB\n", done.stdout)
    assert names <= {path.name for path in (folder / "out").iterdir()}
    feed = feedparser.parse((folder / "out" / "feed.atom").read_bytes())
    assert sorted(entry.title for entry in feed.entries) == ["One", "Two"]
    page = (folder / "out" / "index.html").read_text()
    assert 'href="static/style.css"' in page
    assert (folder / "out" / "static" / "style.css").exists()
    assert 'href="sources.html"' in page
    before = (folder / "out" / "feed.atom").read_bytes()
    again = command(folder, "export", "--format", "atom", "out")
    assert re.fullmatch(r"\d+ files, 0 changed, [0-9.]+ kB\n", again.stdout)
    assert (folder / "out" / "feed.atom").read_bytes() == before
    for wrong in ("pdf", ""):
        assert "choose from" in one_line(command(folder, "export", "--format", wrong), 2)
    without_pages = command(folder, "export", "--posts", "--format", "atom")
    assert "add html to --format" in one_line(without_pages, 2)


def test_help_names_every_command(tmp_path):
    done = command(tmp_path, "--help")

    for name in ("run", "poll", "serve", "schedule", "check", "feeds", "add", "import", "export"):
        assert f"  {name} " in done.stdout


def test_an_error_from_the_network_is_one_line_without_foreign_bytes(server, folder):
    server.send("/evil", b"SSH-2.0-Open\x1b[31mSSH\r\n\r\n")
    server.put("/name", rss([("x", "X", NOW)], title="A\x1b[31mB".replace("\x1b", "&#x9b;")))
    write_config(folder, [server.url("/evil"), server.url("/name")])

    done = command(folder, "poll")
    table = command(folder, "feeds")

    assert "\x1b" not in done.stdout + table.stdout
    assert "\x9b" not in done.stdout + table.stdout
    assert "SSH" not in done.stdout
