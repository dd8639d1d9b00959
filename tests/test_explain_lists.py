"""`explain-story`: which lists have an entry, or which line of config.yaml keeps it out."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.config import load
from aggregator.database.schema import entries
from aggregator.model import Origin
from tests.running import command
from tests.web_fixtures import Site
from tests.worlds import NOW, entry, only_sqlite

pytestmark = only_sqlite

CONFIG = """\
title: Daybook
base_url: https://posts.example
per_hour: 3
hide: 'title:"(ad)"'
backlog: all
views:
  - {name: deep, title: Deep sea, search: whale}
feeds:
  - url: https://lamp.example/feed.xml
    name: lamp
    category: [Trade, Öl]
    hide: rumour
    keep: -match
    per_day: 3
  - url: https://tide.example/feed.xml
    name: tide
    backlog: 2
"""


@pytest.fixture
def site(tmp_path) -> Site:
    site = Site(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    site.config = load(tmp_path / "config.yaml")
    site.subscribe()
    return site


def explained(site: Site, title: str) -> list[str]:
    """Return the lines of explain-story about the entry with a title."""
    with site.engine.connect() as connection:
        ids = connection.scalars(select(entries.c.id).where(entries.c.title == title)).all()
    done = command(Path(site.config.path).parent, "explain-story", str(ids[0]))
    assert done.returncode == 0, done.stderr
    return [line.strip() for line in done.stdout.splitlines()]


def explained_at(site: Site, place: str) -> list[str]:
    """Return the lines of explain-story about an address, without blanks at the sides."""
    done = command(Path(site.config.path).parent, "explain-story", place)
    assert done.returncode == 0, done.stderr
    return [line.strip() for line in done.stdout.splitlines()]


def follow(site: Site, text: str) -> None:
    """Save a file, and list all entries anew that it concerns."""
    Path(site.config.path).write_text(text)
    site.config = load(Path(site.config.path))
    site.subscribe()


def record(site: Site, feed: str, *titles: str, **changes: Any) -> None:
    """Store a poll that brought entries with these titles, newest first, on one day."""
    posts = [
        entry(number, title=title, guid=f"{feed} {title}", **changes)
        for number, title in enumerate(titles)
    ]
    site.record(feed, *posts, now=NOW)


def test_an_entry_in_lists_has_their_addresses(site):
    record(site, "lamp", "A whale", "A gull")

    assert explained(site, "A whale")[0] == "1. lamp: A whale  (shown in the list)"
    assert explained(site, "A whale")[3] == "shown in /, /category/trade, /category/öl, /view/deep"
    assert explained(site, "A gull")[3] == "shown in /, /category/trade, /category/öl"


def test_an_entry_that_another_one_stands_for_has_the_addresses_of_the_others_lists(site):
    text = "The ferry to the island of gulls runs again on all days of the week from May on."
    for feed in ("lamp", "tide"):
        record(site, feed, "The ferry runs again", summary=text, content_html=f"<p>{text}</p>")

    lines = explained(site, "The ferry runs again")

    assert lines[3] == "shown in /, /category/trade, /category/öl"
    assert lines[7] == "another entry of the story is shown in /"


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Soap (ad)", 'hidden by `hide: title:"(ad)"`, config.yaml:4'),
        ("A rumour", "hidden by `hide: rumour`, config.yaml:12"),
        (
            "A rumour (ad)",
            'hidden by `hide: title:"(ad)"`, config.yaml:4 and `hide: rumour`, config.yaml:12',
        ),
        ("A match", "hidden, as it does not match `keep: -match`, config.yaml:13"),
        ("Fourth", "hidden by `per_day: 3`, config.yaml:14"),
    ],
)
def test_a_hidden_entry_names_the_rule_and_its_line(site, title, reason):
    hidden = "Soap (ad)", "A rumour", "A rumour (ad)", "A match"
    record(site, "lamp", *hidden, "First", "Second", "Third", "Fourth")

    lines = explained(site, title)

    assert lines[0] == f"1. lamp: {title}  (in no list)"
    assert lines[3] == f"in no list: {reason}"


def test_an_entry_beyond_a_limit_names_the_limit(site):
    record(site, "tide", "First", "Second", "Third")

    beyond = "in no list: from the first poll of its feed, and beyond"
    assert explained(site, "Second")[3] == "shown in /"
    assert explained(site, "Third")[3] == f"{beyond} `backlog: 2`, config.yaml:17"


def test_the_default_of_a_limit_is_named_as_such(site):
    record(site, "lamp", "First")
    without = CONFIG.replace("backlog: all\n", "").replace("    backlog: 2\n", "")
    follow(site, f"{without}  - {{url: https://new.example/, name: new}}\n")
    record(site, "new", *(f"Post {number}" for number in range(11)))

    beyond = "in no list: from the first poll of its feed, and beyond"
    assert explained(site, "Post 10")[3] == f"{beyond} `backlog: 10`, the default"


NEW_FEED = "  - {url: https://new.example/, name: new}\n"


def test_the_backlog_of_all_feeds_names_its_line(site):
    follow(site, CONFIG.replace("backlog: all", "backlog: 1") + NEW_FEED)
    record(site, "new", "First", "Second")

    beyond = "in no list: from the first poll of its feed, and beyond"
    assert explained(site, "Second")[3] == f"{beyond} `backlog: 1`, config.yaml:5"


def test_an_entry_beyond_the_share_of_its_feed_names_the_limit(site):
    follow(site, CONFIG + NEW_FEED)
    record(site, "new", *(f"Post {number}" for number in range(5)))

    beyond = "in no list: beyond `per_hour: 3`, config.yaml:3"
    assert explained(site, "Post 0")[3] == "shown in /"
    assert explained(site, "Post 4")[3] == beyond


def test_the_default_share_is_named_as_such(site):
    follow(site, CONFIG.replace("per_hour: 3\n", "") + NEW_FEED)
    record(site, "new", *(f"Post {number}" for number in range(501)), published_at=NOW)

    assert explained(site, "Post 500")[3] == "in no list: beyond `per_hour: 500`, the default"


def test_a_limit_of_a_day_names_the_line_of_its_feed(site):
    follow(site, CONFIG + NEW_FEED.replace("}", ",\n     per_day: 1}"))
    record(site, "new", "First", "Second")

    assert explained(site, "Second")[3] == "in no list: hidden by `per_day: 1`, config.yaml:19"


def test_an_entry_of_a_feed_that_left_the_file_says_so(site):
    record(site, "tide", "First")
    follow(site, CONFIG.partition("  - url: https://tide")[0])

    assert explained(site, "First")[3] == "in no list: its feed is not in config.yaml"


def test_a_copy_names_its_original(site):
    original = {"url": "https://lamp.example/1", "guid": "tag:lamp"}
    site.record("lamp", entry(1, title="First", **original), now=NOW)
    origin = Origin("Lamp", feed_url="https://lamp.example/feed.xml")
    site.record("tide", entry(1, title="Copy", origin=origin, **original), now=NOW)

    assert "in no list: a copy; its original is listed" in explained(site, "Copy")


# ------------------------------------------------------------------ addresses of entries


@pytest.mark.parametrize(
    "address",
    [
        "https://www.lamp.example/2026/whales/",
        "http://lamp.example/2026/whales?utm_source=feed#top",
        "lamp.example/2026/whales",
        "//m.lamp.example/2026/whales/index.html",
        "HTTPS://LAMP.EXAMPLE:443/2026/whales",
    ],
)
def test_an_entry_is_named_by_any_form_of_its_link(site, address):
    record(site, "lamp", "A whale", url="https://lamp.example/2026/whales")

    assert explained_at(site, address) == explained(site, "A whale")


def test_an_entry_is_named_by_the_address_of_its_page_here(site):
    record(site, "lamp", "A whale", url="https://lamp.example/post/12")
    lines = explained(site, "A whale")
    entry_id = lines[1].partition(",")[0]

    for address in (
        f"https://posts.example/post/{entry_id}?x#top",
        f"/post/{entry_id}?in=source/lamp",
        f"post/{entry_id}",
        f"public/post/{entry_id}.html",
        "https://lamp.example/post/12",
    ):
        assert explained_at(site, address) == lines
    for address in ("https://posts.example/post/12", f"https://posts.example/post/{2**63}"):
        done = command(Path(site.config.path).parent, "explain-story", address)
        assert (done.returncode, done.stderr[-24:]) == (1, "; no post has this link\n")


def test_all_entries_with_a_link_are_explained_each_story_once(site):
    link = {"url": "https://lamp.example/whales", "content_html": ""}
    follow(site, f"stories: off\n{CONFIG}")
    record(site, "lamp", "A whale", "A gull", **link)
    record(site, "tide", "A shark", **link)
    record(site, "tide", "A seal", url="https://lamp.example/whales?page=2")

    lines = explained_at(site, "https://lamp.example/whales/")

    assert sorted(line.partition(" ")[2] for line in lines if line[:2] in {"1.", "2.", "3."}) == [
        "lamp: A gull  (shown in the list)",
        "lamp: A whale  (shown in the list)",
        "tide: A shark  (shown in the list)",
    ]


def test_an_address_that_no_entry_links_to_is_an_error(site):
    record(site, "lamp", "A whale", url="https://lamp.example/whales")

    done = command(
        Path(site.config.path).parent, "explain-story", "https://x:pw@lamp.example/gulls"
    )

    assert done.returncode == 1
    assert done.stderr.endswith("there is no such entry; no post has this link\n")
    assert "pw" not in done.stderr
