"""The page of a post: the text, what stands around it, and which posts have none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import Subscription
from tests.stored import statements
from tests.test_web import POLICY
from tests.web_fixtures import EVIL, HtmlPage, Site, entry, post_path, words

RICH = (
    '<p>Spring tides, <a href="https://moon.example/">twice a month</a>.</p>'
    '<img src="https://cdn.example/a.png" alt="Quay">'
)


@pytest.fixture
def site(tmp_path) -> Site:
    site = Site(tmp_path)
    site.subscribe()
    return site


def test_a_post_stands_on_a_page_with_its_text(site):
    changed = entry(90, title="Tides &amp; <quays>", authors=("Ada", "Ines"), content_html=RICH)
    before = replace(changed, content_html="<p>Soon.</p>", content_hash=b"before".ljust(16))
    site.record("lamp", before, now=datetime.now(UTC) - timedelta(hours=1))
    site.record("lamp", changed)

    page = site.page(post_path(site))

    assert words(page.one("h1")) == "Tides &amp; <quays>"
    assert words(page.one("title")) == "Tides &amp; <quays> · Daybook"
    assert words(page.one("div", "text")) == "Spring tides, twice a month.Picture: Quay"
    assert words(page.one("p", "by")) == "LLamp Ada, Ines"
    published, updated = page.one("ul", "when").iter("time")
    assert published.get("datetime") == f"{changed.published_at:%Y-%m-%dT%H:%M:%SZ}"
    assert str(changed.published_at.year) in words(published)
    assert "dt-updated" in updated.get("class", "")
    assert page.link("LLamp") == "/source/lamp"
    assert page.link("Picture: Quay") == "https://cdn.example/a.png"


def test_the_way_to_the_publisher_is_first_and_last(site):
    site.record("lamp", entry(1, url="https://www.tides.example/1?a=1&b=2"))
    page = site.page(post_path(site))
    (article,) = page.all("article")

    links = [each for each in article.iter("a") if words(each) == "Read at tides.example"]
    head, _text, foot = article
    assert [each.get("href") for each in links] == ["https://www.tides.example/1?a=1&b=2"] * 2
    assert [links[0] in part.iter() for part in (head, foot)] == [True, False]
    assert [links[1] in part.iter() for part in (head, foot)] == [False, True]


def test_search_engines_are_sent_to_the_publisher(site):
    site.record("lamp", entry(1))
    path = post_path(site)
    page = site.page(path)

    assert site.client.get(path).headers["X-Robots-Tag"] == "noindex"
    (canonical,) = [each for each in page.all("link") if each.get("rel") == "canonical"]
    assert canonical.get("href") == "https://example.org/post-1"
    assert [each.get("content") for each in page.all("meta") if each.get("name") == "robots"]


def test_only_the_page_of_a_post_plays_sound_and_video(site):
    site.record("lamp", entry(1))
    path = post_path(site)

    assert site.client.get(path).headers["Content-Security-Policy"] == f"{POLICY}; media-src https:"
    for other in ("/", "/post/1", "/post/x"):
        assert site.client.get(other).headers["Content-Security-Policy"] == POLICY


def test_a_hostile_post_is_text(site):
    evil = entry(1, title=EVIL, summary=EVIL, authors=(EVIL,), content_html="", url=None)
    site.record("tide", evil)
    page = site.page(post_path(site))

    assert words(page.one("h1")) == words(page.one("div", "text")) == EVIL
    assert not page.all("img") and len(page.all("script")) == 1
    assert not [each for each in page.all("link") if each.get("rel") == "canonical"]
    assert "Read at" not in page.text


def test_a_post_without_a_date_says_when_it_was_first_seen(site):
    site.record("lamp", entry(1, published_at=None))

    page = site.page(post_path(site))

    assert words(page.one("ul", "when")).startswith("found ")


def test_a_post_names_the_other_sources_of_its_story(site):
    text = "<p>" + " ".join(f"word{n} of the same article" for n in range(60)) + "</p>"
    for name in ("lamp", "tide"):
        site.record(name, entry(1, title="The ferry runs again after the storm", content_html=text))

    page = site.page(post_path(site))

    assert words(page.one("ul", "when")).endswith("Also in Lamp")


@pytest.mark.parametrize(
    "path", ["/post/1", "/post/x", "/post/" + "9" * 30, "/post/-", "/post/1/x"]
)
def test_an_address_without_a_post_leads_back(site, path):
    page = site.page(path, 404)

    assert page.link("Recent posts") == "/"


def test_a_post_that_no_list_of_its_source_shows_cannot_be_read(tmp_path):
    feeds = [{"name": "lamp", "url": "https://lamp.example/", "hide": "secret"}]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    site.record("lamp", entry(1, title="Secret"), entry(2, guid="b", title="Open"))
    hidden, shown = post_path(site, "Secret"), post_path(site, "Open")

    site.page(hidden, 404)
    site.page(shown)
    site.subscribe(Subscription("other", "https://other.example/"))
    page = site.page(shown, 404)
    assert words(page.one("h1")) == "Not found"


def test_read_here_off_leaves_the_pages_of_posts_out(tmp_path):
    feeds = [
        {"name": "lamp", "url": "https://lamp.example/"},
        {"name": "tide", "url": "https://tide.example/", "read_here": "on"},
    ]
    site = Site(tmp_path, feeds=feeds, page={"read_here": "off"})
    site.subscribe()
    site.record("lamp", entry(1, title="Excerpt only"))
    site.record("tide", entry(2, title="Whole"))

    site.page(post_path(site, "Excerpt only"), 404)
    site.page(post_path(site, "Whole"))
    site.subscribe(*(replace(feed, read_here=True) for feed in site.config.feeds))
    site.page(post_path(site, "Excerpt only"))


def test_the_page_of_a_post_takes_two_statements(site):
    site.record("lamp", entry(1))
    path = post_path(site)

    with statements(site.engine) as executed:
        site.page(path)

    assert sum(statement.startswith("SELECT") for statement in executed) == 2


def test_a_page_that_the_reader_has_is_not_sent_again(site):
    site.record("lamp", entry(1))
    path = post_path(site)
    etag = site.client.get(path).headers["ETag"]

    assert site.client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_dates_of_a_post_are_those_of_its_publisher(site):
    later = datetime.now(UTC) + timedelta(days=300)
    site.record("lamp", entry(1, published_at=later))
    page = site.page(post_path(site))

    assert isinstance(page, HtmlPage)
    assert "by its publisher, listed by arrival" in words(page.one("ul", "when"))
