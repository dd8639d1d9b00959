"""Pages without feeds in `aggregator preview` and `aggregator add`: proposed selectors."""

import json

import pytest

from aggregator.config import load
from tests.feedserver import FeedServer
from tests.running import command, write_config

ITEM = (
    '<li class="story"><h3><a href="/{0}">The {0} lamp</a></h3><p class="lead">Why the {0} lamp '
    'was lit.</p><span class="by">Ada</span> <span class="date">{1} minutes ago</span></li>'
)
STORIES = f"<ul>{ITEM.format('first', 19)}{ITEM.format('second', 25)}</ul>"
PAGE = f"<html><head><title>The Lamp</title><body><nav><a href=/>Home</a></nav>{STORIES}"
KEYS = {"item": ".story", "title": "h3", "excerpt": ".lead", "author": ".by", "date": ".date"}


@pytest.fixture(scope="module")
def server():
    with FeedServer() as server:
        server.put("/news", PAGE)
        server.put("/words", "<html><body><p>Nothing here repeats.")
        yield server


@pytest.fixture
def folder(tmp_path):
    write_config(tmp_path, [])
    return tmp_path


def test_preview_of_a_page_without_a_feed_prints_selectors_and_their_posts(server, folder):
    url = server.url("/news")

    done = command(folder, "preview", url)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        f"{url} is not a feed, and names none; these selectors give posts:",
        "",
        "feeds:",
        f"  - url: {url}",
    ]
    assert lines[lines.index("2 posts:") + 2 :][:2] == [
        "The first lamp",
        f"  {server.url('/first')}",
    ]
    assert "  by Ada" in lines
    assert "written as '19 minutes ago'" in done.stdout


def test_the_printed_selectors_are_a_part_of_a_configuration(server, folder):
    printed = command(folder, "preview", server.url("/news")).stdout
    part = printed[printed.index("feeds:") : printed.index("\n\n2 posts:")]

    (folder / "config.yaml").write_text(f"network: {{allow: [127.0.0.1]}}\n{part}\n")

    (feed,) = load(folder / "config.yaml").feeds
    assert feed.selectors is not None
    assert feed.selectors.keys == KEYS


def test_preview_gives_programs_the_proposals(server, folder):
    done = command(folder, "preview", "--json", server.url("/news"))

    printed = json.loads(done.stdout)
    (proposal,) = printed["proposals"]
    assert (printed["feeds"], proposal["select"]) == ([], KEYS)
    assert [post["title"] for post in proposal["posts"]] == ["The first lamp", "The second lamp"]
    assert proposal["posts"][0]["date"] == "19 minutes ago"


def test_a_page_is_added_with_its_selectors_only_if_asked_for(server, folder):
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace("feeds:\n", "feeds:  # all of them\n"))
    url, text = server.url("/news"), file.read_text()

    refused = command(folder, "add", url)

    assert refused.returncode == 1
    assert refused.stderr == (
        f"{url}: nothing was added; to add it with these selectors: aggregator add --select {url}\n"
    )
    assert "item:" in refused.stdout
    assert file.read_text() == text

    added = command(folder, "add", "--select", "--category", "Light", url)

    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.splitlines()[-1] == f"added {url}: “The Lamp”, 2 posts, every 1h"
    assert "feeds:  # all of them\n" in file.read_text()
    (feed,) = load(file).feeds
    assert (feed.url, feed.categories) == (url, ("Light",))
    assert feed.selectors is not None
    assert feed.selectors.keys == KEYS


def test_a_page_without_posts_is_not_added(server, folder):
    url = server.url("/words")

    done = command(folder, "add", "--select", url)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{url}: not a feed but a web page (HTML), and it names no feed;")


def test_preview_of_a_page_that_has_changed_proposes_what_matches_now(server, folder):
    url = server.url("/news")
    write_config(folder, [f"{{url: {url}, name: lamp, select: {{item: .news}}}}"])

    done = command(folder, "preview", "lamp")

    assert done.returncode == 1
    assert done.stderr == f"{url}: `.news` matches nothing\n"
    assert done.stdout.startswith(f"{url} has changed; these selectors give posts:\n")
    assert 'item: ".story"' in done.stdout
