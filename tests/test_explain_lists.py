"""`explain-story`: which lists have an entry, or which line of config.yaml keeps it out."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.config import load
from aggregator.database.schema import entries
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
    path = Path(site.config.path)
    record(site, "lamp", "First")
    path.write_text(CONFIG.replace("backlog: all\n", "").replace("    backlog: 2\n", ""))
    path.write_text(path.read_text() + "  - {url: https://new.example/, name: new}\n")
    site.config = load(path)
    site.subscribe()
    record(site, "new", *(f"Post {number}" for number in range(11)))

    beyond = "in no list: from the first poll of its feed, and beyond"
    assert explained(site, "Post 10")[3] == f"{beyond} `backlog: 10`, the default"
