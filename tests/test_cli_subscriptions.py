"""The commands that write subscriptions into config.yaml: `add` and `import`."""

import json
import re
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.fetch import guard
from aggregator.reading import autodiscovery
from tests.feedserver import Canary, FeedServer
from tests.running import command, forked, one_line, rss, write_config
from tests.selection import slow_after

NOW = datetime.now(UTC)
LISTS = Path(__file__).parents[1].parent / "shared" / "corpus" / "opml"


@pytest.fixture(scope="module")
def server():
    with FeedServer() as server:
        server.put("/a", rss([("a1", "One", NOW), ("a2", "Two", NOW)], title="Feed A"))
        yield server


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

    done = command(
        tmp_path, "add", server.url("/page"), "--category", "News", "--category", "The Sea"
    )

    assert done.returncode == 0, done.stderr
    assert f"added {server.url('/a')}" in done.stdout
    assert "# mine" in path.read_text()
    assert "# none yet" in path.read_text()
    assert "category: [News, The Sea]" in path.read_text()
    (feed,) = json.loads(command(tmp_path, "feeds", "--json").stdout)
    assert feed["category"] == "News"
    assert feed["categories"] == ["News", "The Sea"]
    assert "already subscribed" in command(tmp_path, "add", server.url("/a")).stdout


def test_add_says_what_the_feed_has_and_how_often_it_is_polled(server, tmp_path):
    many = rss([(str(number), f"Post {number}", NOW) for number in range(25)], title="A &amp; B")
    server.put("/many", many)
    server.put("/bare", "<feed xmlns='http://www.w3.org/2005/Atom'><id>x:y</id></feed>")
    write_config(tmp_path, [], poll="{host_delay: 0s, workers: 1, interval: 90m}")

    added = {
        "/many": "“A & B”, 25 posts, every 1h30m",
        "/bare": "0 posts, every 1h30m",
    }
    for path, told in added.items():
        done = command(tmp_path, "add", server.url(path))
        assert (done.stdout, done.stderr) == (f"added {server.url(path)}: {told}\n", "")
    titled = command(tmp_path, "add", "--title", "Mine", server.url("/a"))
    assert titled.stdout == f"added {server.url('/a')}: “Mine”, 2 posts, every 1h30m\n"


def test_add_asks_nobody_about_what_is_there_already_wherever_it_leads(server, tmp_path):
    server.redirect("/moved", "/a", status=301)
    write_config(tmp_path, [server.url("/moved")])

    done = command(tmp_path, "add", server.url("/moved"))

    assert done.stdout == f"already subscribed: {server.url('/moved')}\n"
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


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://x.example/f", 'URL: "ftp:" can\'t be polled; write an http:// or https:// URL'),
        ("javascript:f()", 'URL: "javascript:" can\'t be polled; write an http:// or https:// URL'),
        ("http://", 'URL: "http://" is not an address; write https://host/path'),
        ("https://x.example:99999/", "is not an address; write https://host/path"),
        ("http://[::1", "is not an address; write https://host/path"),
        ("https://x.example/" + "a" * 5000, "characters long; no address is"),
        ("file:///etc/passwd", "copy the file into the folder of config.yaml"),
        ("/etc/passwd", "copy the file into the folder of config.yaml"),
        ("../feed.xml", "leaves the folder of config.yaml; copy the file into it"),
        ("feed.xml", "feed.xml: no such file"),
        ("x" * 300 + ".xml", "no such file"),
        (" ", "URL: write the address of a feed or page"),
    ],
)
@pytest.mark.parametrize("option", slow_after(1, [[], ["--no-check"]]))
def test_add_refuses_what_can_not_stand_in_the_file_before_any_request(
    tmp_path, address, said, option
):
    path = write_config(tmp_path, [])
    before = path.read_text()

    line = one_line(command(tmp_path, "add", *option, "--", address), 2)

    assert said in line and "--no-check" not in line
    assert path.read_text() == before


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
        f"added {server.url('/good?a=1&region=eu')}: “Blog”, 1 post, every 1h",
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
    assert "names 2 feeds, and none that was tried can be read now" in done.stderr
    assert path.read_text() == before


def test_add_follows_no_page_to_an_address_that_is_another_ones_exception(server, tmp_path):
    with Canary("127.0.0.2") as canary:
        server.put("/blog", page_with(f"http://127.0.0.2:{canary.port}/feed"))
        write_config(tmp_path, [], network="{allow: [127.0.0.1, 127.0.0.2]}")

        done = command(tmp_path, "add", server.url("/blog"))

        assert (done.returncode, canary.connections) == (1, 0)
        assert "127.0.0.2 is a private address; to poll it write" in done.stdout


def test_add_asks_the_port_that_the_address_names(server, tmp_path, monkeypatch):
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [], network="{allow: []}")
    monkeypatch.setattr(guard, "_is_public", lambda _address: True)  # there is loopback only

    done = command(tmp_path, "add", server.url("/feed"))

    assert done.stdout == f"added {server.url('/feed')}: “Blog”, 1 post, every 1h\n"
    assert done.stderr == ""


def test_add_reads_a_page_in_a_worker_process(server, tmp_path, monkeypatch):
    server.put("/blog", page_with("/feed") + "<a " * 300_000)
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [])
    monkeypatch.setattr(autodiscovery, "_tags", None)  # in this process nobody may call it

    assert f"added {server.url('/feed')}" in command(tmp_path, "add", server.url("/blog")).stdout


def test_add_takes_the_addresses_that_browsers_hand_to_readers(server, tmp_path):
    server.put("/feed", rss([("a", "Post", NOW)]))
    write_config(tmp_path, [])

    done = command(tmp_path, "add", server.url("/feed").replace("http://", "feed://"))

    assert done.stdout == f"added {server.url('/feed')}: “Blog”, 1 post, every 1h\n"


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
    reasons = "4 without a web address, 1 with a hidden secret, 1 made by rules of FreshRSS"
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
            f"1 added, 1 already subscribed, 6 left out ({reasons})",
        ],
    )


def test_import_takes_the_feeds_of_a_list_of_freshrss_and_says_what_it_can_not_take(tmp_path):
    write_config(tmp_path, ["https://known.example/feed"])
    scraped = ["HTML+XPath", "XML+XPath", "JSON+DotNotation", "HTML+XPath+JSON+DotNotation",
               "json+future", "HTML+Future"]  # fmt: skip
    feeds = {
        "JSONFeed": "https://json.example/feed.json",
        "application/rss+xml": "https://typed.example/rss",
        "rss": "feed:https://colon.example/feed",
        "RSS": "feed://slashes.example/feed",
        "atom": "https://known.example/feed",
    }
    outlines = [
        f'<outline text="{kind}" type="{kind}" xmlUrl="https://page-{number}.example/" '
        'frss:xPathItem="//article" frss:jsonItem="data.items" frss:xPathItemTitle=".//h2"/>'
        for number, kind in enumerate(scraped)
    ]
    outlines += [
        f'<outline text="{kind}" type="{kind}" xmlUrl="{url}" frss:priority="important" '
        'frss:cssFullContent="article" frss:CURLOPT_USERAGENT="x" frss:unicityCriteria="link"/>'
        for kind, url in feeds.items()
    ]
    (tmp_path / "freshrss.opml").write_text(
        '<opml version="2.0" xmlns:frss="https://freshrss.org/opml"><body><outline text="News">'
        f"{''.join(outlines)}</outline></body></opml>"
    )

    lines = command(tmp_path, "import", "freshrss.opml").stdout.splitlines()

    assert lines[:4] == [
        "added https://json.example/feed.json",
        "added https://typed.example/rss",
        "added https://colon.example/feed",
        "added http://slashes.example/feed",
    ]
    assert [line.rpartition("(")[2] for line in lines if line.startswith("left out")] == [
        f"{kind})" for kind in scraped
    ]
    assert {line.split(": ")[1] for line in lines if line.startswith("not taken over")} == {
        "full texts from the pages of posts",
        "headers, cookies, proxies and passwords of requests",
        "how posts are told apart",
        "priorities, and what is hidden or muted",
    }
    assert lines[-1] == ("4 added, 1 already subscribed, 6 left out (6 made by rules of FreshRSS)")


@pytest.mark.corpus
@pytest.mark.skipif(not LISTS.is_dir(), reason="there is no ../shared/corpus/opml")
def test_import_counts_every_feed_of_a_list_of_the_corpus(tmp_path):
    lists = [path for path in LISTS.rglob("*") if path.suffix in {".opml", ".xml"}]
    for number, path in enumerate(lists):
        outlines = re.findall(rb"\sxmlUrl=[\"']", path.read_bytes(), re.IGNORECASE)
        folder = tmp_path / str(number)
        folder.mkdir()
        write_config(folder, [])

        summary = command(folder, "import", str(path)).stdout.splitlines()[-1]

        counts = re.match(r"([\d,]+) added, ([\d,]+) already subscribed(, [\d,]+)?", summary)
        assert counts, (path, summary)
        assert bool(outlines) <= int(counts[1].replace(",", "")) <= len(outlines), path
        again = command(folder, "import", str(path)).stdout.splitlines()[-1]
        assert again.startswith(("nothing to add: all ", "0 added, ")), (path, again)


def test_import_says_that_a_list_breaks_off_and_takes_no_address_in_part(tmp_path):
    path = write_config(tmp_path, [])
    (tmp_path / "list.opml").write_text(
        "<opml version='2.0'><body><outline text='A' xmlUrl='https://a.example/feed'/>"
        "<outline text='B' xmlUrl='https://b.exam"
    )

    done = command(tmp_path, "import", "list.opml")

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "added https://a.example/feed",
            "list.opml breaks off: feeds may be missing; export the list again",
            "1 added, 0 already subscribed",
        ],
    )
    assert "b.exam" not in path.read_text()


def test_import_reads_no_more_of_a_file_than_a_list_may_have(tmp_path):
    write_config(tmp_path, [])

    def import_endless_file() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        line = one_line(command(tmp_path, "import", "/dev/zero"), 2)
        assert line == "/dev/zero: the list has more than 20,000,000 bytes; none has so many"

    assert forked(import_endless_file) == 0


def test_import_takes_over_another_readers_list(tmp_path):
    write_config(tmp_path, [])
    (tmp_path / "list.opml").write_text(
        "<opml version='1.0'><body><outline text='News'>"
        "<outline type='rss' text='A: b' xmlUrl='https://a.example/feed'/></outline>"
        "<outline type='rss' text='C' xmlUrl='https://c.example/feed'/></body></opml>"
    )

    done = command(tmp_path, "import", "list.opml")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2 added, 0 already subscribed\n")
    found = json.loads(command(tmp_path, "feeds", "--json").stdout)
    assert [(feed["title"], feed["category"]) for feed in found] == [("A: b", "News"), ("C", None)]
    assert command(tmp_path, "import", "list.opml").stdout == (
        "nothing to add: all 2 are already subscribed\n"
    )
    (tmp_path / "no.opml").write_text("hello")
    assert "no.opml" in one_line(command(tmp_path, "import", "no.opml"), 2)


# --------------------------------------------------------------------- remove and rename


@pytest.fixture
def folder(server, tmp_path):
    """A folder with a configuration and the posts of two feeds."""
    write_two_feeds(tmp_path, server)
    assert command(tmp_path, "poll").returncode == 0
    return tmp_path


def write_two_feeds(folder, server):
    server.put("/b", rss([("b1", "Three", NOW)], title="Feed B"))
    write_config(folder, [server.url("/a"), f"{{url: {server.url('/b')}, name: bees}}"])


def posts_of_feeds(folder):
    feeds = json.loads(command(folder, "feeds", "--json").stdout)
    return {feed["feed"]: feed["entries"] for feed in feeds}


@pytest.mark.slow
def test_rename_keeps_the_posts_and_the_former_name_still_means_the_feed(folder):
    done = command(folder, "rename", "bees", "wasps")

    assert (done.returncode, done.stdout) == (0, "config.yaml:6: bees is now wasps\n")
    assert posts_of_feeds(folder) == {"feed-a": 2, "wasps": 1}
    assert "wasps" in command(folder, "explain", "bees").stdout
    again = command(folder, "rename", "bees", "ants")
    assert again.stdout == "config.yaml:6: wasps is now ants\n"
    line = one_line(command(folder, "remove", "feed"), 2)
    assert line == "feed: may be ants, feed-a; write one of these names"


@pytest.mark.parametrize("argument", slow_after(1, ["Feed A", "127-0-0-1", "URL", "feed-a"]))
def test_remove_takes_a_name_an_address_or_a_title(argument, server, folder):
    address = server.url("/a")

    done = command(folder, "remove", address if argument == "URL" else argument)

    assert (done.returncode, done.stdout) == (0, f"config.yaml:5: removed feed-a ({address})\n")
    assert posts_of_feeds(folder) == {"bees": 1}
    assert command(folder, "add", address).returncode == 0
    assert posts_of_feeds(folder) == {"bees": 1, "feed-a": 2}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["remove", "nobody"], "nobody: no such feed; `aggregator feeds` lists them"),
        (["rename", "bees", "bees"], "bees is its name already"),
        (["rename", "bees", "127-0-0-1"], "127-0-0-1 is the name of another feed; write another"),
        (["rename", "bees", "a b"], 'NEW: "a b" may only have letters, digits, - _ and .; write'),
    ],
)
def test_what_can_not_be_removed_or_renamed_is_told_in_one_line(arguments, line, server, tmp_path):
    write_two_feeds(tmp_path, server)
    before = (tmp_path / "config.yaml").read_bytes()

    assert one_line(command(tmp_path, *arguments), 2).startswith(line)
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_remove_works_without_a_database_and_shows_no_secret(tmp_path):
    write_config(tmp_path, ["https://me:hunter2-of-ours@a.example/feed"])

    done = command(tmp_path, "remove", "a-example")

    assert done.stdout == "config.yaml:5: removed a-example (https://***@a.example/feed)\n"
    assert not (tmp_path / "aggregator.db").exists()
