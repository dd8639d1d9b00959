"""`aggregator preview`: what would be listed of a feed, and why; nothing is stored."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from aggregator.cli.trial_poll import EXPIRED
from tests.feedserver import FeedServer
from tests.running import command, one_line, rss, write_config

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
PAGE = (
    "<html><head><link rel=alternate type=application/rss+xml href=/a title=Posts>"
    "<link rel=alternate type=application/atom+xml href=/comments>"
)


@pytest.fixture(scope="module")
def server():
    with FeedServer() as server:
        server.put(
            "/a",
            rss(
                [
                    ("a1", "One", NOON),
                    ("a2", "Two (ad)", NOON - timedelta(hours=1)),
                    ("a1", "One", NOON),
                    ("a3", "Three", None),
                ],
                title="Feed A",
            ),
        )
        server.put("/page", PAGE)
        server.put("/nothing", "<html><body><p>hello")
        yield server


@pytest.fixture
def folder(server, tmp_path):
    """A folder with a configuration, and no database."""
    feeds = [f"{{url: {server.url('/a')}, name: bees, category: Insects, per_day: 2}}"]
    write_config(tmp_path, feeds, hide="'title:ad'", retention="{min_entries: 0}")
    return tmp_path


def previewed(folder: Path, *arguments: str) -> dict:
    done = command(folder, "preview", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_preview_shows_what_would_be_listed_and_what_not_and_why(server, folder):
    done = command(folder, "preview", "bees")

    day = f"{NOON:%Y-%m-%d}"
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:7] == [
        "Feed A (RSS 2.0)",
        server.url("/a"),
        "",
        f"{day} 12:00 UTC  One",
        "  https://example.org/a1",
        f'  published then ("{NOON:%a, %d %b %Y} 12:00:00 +0000" in `published`, read as RFC 822)',
        "  shown in /, /category/insects",
    ]
    assert lines[7] == "  Text of a1"
    assert "  in no list: hidden by `hide: title:ad`, config.yaml:4" in lines
    assert lines[-3:] == [
        "left out: One (https://example.org/a1): the document has it twice",
        "",
        "4 posts in the document: 2 listed, 1 in no list, 1 not stored",
    ]


def test_preview_makes_one_request_and_stores_nothing(server, folder):
    count = len(server.requests_to("/a"))

    command(folder, "preview", server.url("/a"))

    assert len(server.requests_to("/a")) == count + 1
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]


@pytest.mark.slow
def test_preview_of_a_polled_feed_changes_no_byte_of_the_database(server, folder):
    assert command(folder, "poll").returncode == 0
    before = sha256((folder / "aggregator.db").read_bytes()).digest()

    posts = previewed(folder, "Feed A")["posts"]

    assert [post["title"] for post in posts] == ["One", "Two (ad)", "Three"]
    assert sha256((folder / "aggregator.db").read_bytes()).digest() == before


@pytest.mark.slow
def test_preview_names_the_feeds_that_have_the_same_article_already(server, folder):
    server.put("/copy", rss([("a1", "One, again", NOON), ("new", "New", NOON)]))
    assert command(folder, "poll").returncode == 0

    posts = previewed(folder, server.url("/copy"))["posts"]

    assert {post["title"]: post["stored_in"] for post in posts} == {
        "One, again": ["bees"],
        "New": [],
    }
    lines = command(folder, "preview", server.url("/copy")).stdout.splitlines()
    assert "  a post with this link is stored already, from bees" in lines


@pytest.mark.slow
def test_preview_tells_programs_how_each_date_was_read(server, folder):
    feed = previewed(folder, "bees")

    assert (feed["url"], feed["title"], feed["format"]) == (server.url("/a"), "Feed A", "RSS 2.0")
    one, two, three = feed["posts"]
    assert one["listed_at"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
    assert one["date"]["form"] == "RFC 822"
    assert (one["excerpt"], one["lists"][0], one["excluded"]) == ("Text of a1", "/", None)
    assert two["excluded"].startswith("hidden by `hide: title:ad`")
    assert (three["date"], three["placed"]) == (
        None,
        "no date: below the dated ones of the first poll",
    )
    assert [post["title"] for post in feed["left_out"]] == ["One"]


@pytest.mark.slow
def test_posts_that_retention_would_delete_are_left_out(server, folder):
    server.put("/old", rss([("o1", "New", NOON), ("o2", "Old", NOON - timedelta(days=9999))]))

    (post,) = previewed(folder, server.url("/old"))["left_out"]

    assert post == {"title": "Old", "link": "https://example.org/o2", "reason": EXPIRED}


@pytest.mark.slow
def test_rules_know_a_new_feed_by_the_title_that_its_document_tells(server, folder):
    write_config(
        folder, [], hide="""'source:"feed a" title:one'""", views="[{name: all, search: e}]"
    )

    one, *_ = previewed(folder, server.url("/a"))["posts"]

    assert one["excluded"].startswith("hidden by `hide: ")


@pytest.mark.slow
def test_a_feed_that_would_be_added_to_others_has_their_backlog(server, folder):
    server.put("/many", rss([(f"m{n}", f"No {n}", NOON) for n in range(15)]))
    assert command(folder, "poll").returncode == 0

    posts = previewed(folder, server.url("/many"))["posts"]

    reasons = [post["excluded"] for post in posts]
    assert reasons.count(None) == 10
    assert "from the first poll of its feed, and beyond `backlog: 10`, the default" in reasons


@pytest.mark.slow
def test_preview_reads_a_file_in_any_folder(folder, tmp_path_factory):
    file = tmp_path_factory.mktemp("else") / "some.xml"
    file.write_bytes(rss([("x", "In a file", NOON)], title="Of a file"))

    done = command(folder, "preview", str(file))

    assert done.stdout.startswith(f"Of a file (RSS 2.0)\n{file}\n")
    assert "In a file" in done.stdout


def test_preview_of_a_page_names_its_feeds(server, folder):
    url = server.url("/page")

    done = command(folder, "preview", url)

    assert done.returncode == 1
    assert done.stdout == (
        f"it names {server.url('/a')} (Posts)\nit names {server.url('/comments')}\n"
    )
    assert done.stderr == (f"{url}: not a feed but a web page (HTML); preview one of its feeds\n")
    feeds = json.loads(command(folder, "preview", "--json", url).stdout)["feeds"]
    assert feeds[0] == {"url": server.url("/a"), "title": "Posts"}


def test_preview_of_a_page_without_a_feed_says_so(server, folder):
    url = server.url("/nothing")

    line = one_line(command(folder, "preview", url), 1)

    assert line == f"{url}: not a feed but a web page (HTML); and it names no feed"


@pytest.mark.parametrize(
    ("argument", "status", "line"),
    [
        ("nobody", 2, 'URL: "nobody" is neither an http(s) URL nor a file beside config.yaml'),
        ("http://10.0.0.1/", 1, "http://10.0.0.1/: 10.0.0.1 is a private address; "),
        ("https://u:hunter2-of-ours@10.0.0.1/", 1, "https://***@10.0.0.1/: 10.0.0.1 is a private"),
    ],
)
def test_what_can_not_be_previewed_is_told_in_one_line(argument, status, line, folder):
    assert one_line(command(folder, "preview", argument), status).startswith(line)


@pytest.mark.slow
def test_a_server_that_answers_with_an_error_is_told_in_one_line(server, folder):
    url = server.url("/gone")

    assert one_line(command(folder, "preview", url), 1).startswith(f"{url}: ")


def test_a_new_address_is_asked_with_the_headers_of_its_host(server, folder):
    write_config(folder, [], hosts="{127.0.0.1: {request: {headers: {X-Token: hunter2-of-ours}}}}")

    assert command(folder, "preview", server.url("/a")).returncode == 0

    assert server.requests_to("/a")[-1].headers["x-token"] == "hunter2-of-ours"
