"""A feed with `private: true`: its posts are listed, and nothing says where they come from."""

import json

import pytest

from aggregator.cli import static_site
from aggregator.errors import ConfigError
from aggregator.model import FeedHead, Outcome
from tests.selection import slow_after
from tests.web_fixtures import HtmlPage, Site, entry, words

SECRET = "k3y"
URL = f"https://members.lamp.example/{SECRET}/feed.xml"
PLACES = (SECRET, "lamp.example")
PRIVATE = {"name": "circle", "url": URL, "private": "true", "category": "Trade"}
OPEN = {"name": "tide", "url": "https://tide.example/rss"}
HEAD = FeedHead(
    title=f"Feed of {URL}", subtitle=URL, site_url="https://lamp.example/", feed_id=URL, rights=URL,
    note=f"read as {URL}", format="Atom 1.0",
)  # fmt: skip
PATHS = ["/", "/?view=titles", "/category/trade", "/source/circle", "/sources", "/status",
         "/search?q=post", "/search?q=source:circle", "/about/robot", "/sources.opml", "/metrics",
         "/status/feed.json",
         *(f"{scope}/feed.{form}" for scope in ("", "/category/trade", "/source/circle")
           for form in ("atom", "rss", "json"))]  # fmt: skip
FAILURES = [f"redirected to {URL}", "members.lamp.example: name not found", "lamp.example is busy"]


def private_site(folder, *, error: str | None = None, private: str = "true") -> Site:
    site = Site(folder, feeds=[{**PRIVATE, "private": private}, OPEN])
    site.subscribe()
    posts = [
        entry(n, guid=f"g{n}", title=f"Post {n}", url=f"https://else.example/{n}", authors=())
        for n in range(3)
    ]
    site.record("circle", *posts, head=HEAD, moved_to=f"{URL}/new")
    site.record("tide", entry(5, guid="g1", title="Post 1", url="https://else.example/1"))
    if error:
        failed = {"outcome": Outcome.FAILED, "status": None, "failures": 1, "head": HEAD}
        reason = f"{error} asked for fewer requests"
        site.record("circle", **failed, error=error, next_reason=reason, moved_to=f"{URL}/new")
    return site


@pytest.mark.parametrize("error", slow_after(1, [None, *FAILURES]))
def test_its_address_stands_nowhere(tmp_path, error):
    site = private_site(tmp_path, error=error)

    for path in PATHS:
        for asked in ({}, {"Sec-Fetch-Dest": "document"}):
            answer = site.client.get(path, headers=asked)
            assert answer.status_code == 200
            said = answer.text + str(answer.headers)
            assert [place for place in PLACES if place in said] == [], path
    for file in static_site.files(site.config, site.engine, frozenset(static_site.FORMATS)):
        assert [place for place in PLACES if place.encode() in file.data + file.path.encode()] == []


def test_its_first_poll_that_fails_shows_it_neither(tmp_path):
    site = Site(tmp_path, feeds=[PRIVATE])
    site.subscribe()
    assert SECRET not in site.page("/").text
    failed = {"outcome": Outcome.FAILED, "status": None, "failures": 1, "head": FeedHead()}
    site.record("circle", **failed, error=f"{URL} is not a feed")

    for path in ("/", "/status", "/source/circle", "/sources"):
        page = site.page(path)
        assert "lamp.example" not in page.text
        assert "circle" in page.text


def test_its_posts_are_listed_as_all_others_are(tmp_path):
    site = private_site(tmp_path)

    assert {"Post 0", "Post 1", "Post 2"} == set(site.page("/").titles())
    assert sorted(site.page("/source/circle").titles()) == ["Post 0", "Post 1", "Post 2"]
    assert words(site.page("/source/circle").one("h1")) == "circle"
    items = json.loads(site.client.get("/source/circle/feed.json").text)["items"]
    assert {item["url"] for item in items} == {f"https://else.example/{n}" for n in range(3)}
    assert {item["_source"]["title"] for item in items} == {"circle"}
    assert {item["_source"]["id"][:9] for item in items} == {"urn:uuid:"}


def test_what_names_no_place_is_still_said(tmp_path):
    site = private_site(tmp_path, error="404 Not Found")

    page = site.page("/source/circle")

    assert "404 Not Found." in words(page.one("p", "trouble"))


def test_others_are_shown_as_before(tmp_path):
    opml = private_site(tmp_path).client.get("/sources.opml").text

    assert 'xmlUrl="https://tide.example/rss"' in opml
    assert opml.count("<outline") == 1


@pytest.mark.slow
def test_the_mark_can_be_given_and_taken_back(tmp_path):
    site = private_site(tmp_path, private="false")
    assert URL in site.client.get("/sources.opml").text
    assert URL in site.client.get("/feed.atom").text

    marked = Site(tmp_path, feeds=[PRIVATE, OPEN])
    site.subscribe(*marked.config.feeds)

    for path in PATHS:
        assert SECRET not in site.client.get(path).text, path


@pytest.mark.parametrize("named", [{}, {"category": "Trade"}])
def test_it_needs_a_name_that_is_not_made_from_its_address(tmp_path, named):
    with pytest.raises(ConfigError, match="needs a title or name"):
        Site(tmp_path, feeds=[{"url": URL, "private": "true", **named}])


def test_its_title_is_the_one_of_the_file(tmp_path):
    titled = Site(tmp_path, feeds=[{"url": URL, "private": "true", "title": "The Circle"}])
    titled.subscribe()
    titled.record("the-circle", entry(1), head=HEAD)

    page = HtmlPage(titled.client.get("/").text)

    assert "The Circle" in words(page.one("main"))
    assert URL not in page.text
