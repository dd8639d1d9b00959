"""Posts that config.yaml hides: on pages of sources and searches, and only with `?hidden=1`."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.database.state import read_overview
from aggregator.model import Exclusion
from aggregator.model.times import EPOCH
from tests import listed, worlds
from tests.web_fixtures import Site, words
from web import presentation
from web.language import language
from web.last_visit import LastVisit
from web.relative_time import Clock

CLOCK = Clock(datetime.now(UTC), ZoneInfo("UTC"), "UTC", language("en"))


@pytest.mark.parametrize(
    ("exclusion", "key"),
    [
        (Exclusion.HIDE, "hide"),
        (Exclusion.KEEP, "keep"),
        (Exclusion.PER_DAY, "per_day"),
        (Exclusion.BACKLOG, ""),
        (Exclusion.COPY, ""),
        (None, ""),
    ],
)
def test_a_hidden_post_names_the_key_that_hides_it(exclusion, key):
    post = presentation.post(listed.entry(exclusion=exclusion), CLOCK, presentation.Keywords())

    assert post.hidden_by == key
    assert post.has_tags is bool(key)


RULES = {"name": "lamp", "url": "https://lamp.example/", "hide": "rumour", "keep": "-match"}


@pytest.fixture
def hiding(tmp_path) -> Site:
    """A site that hides four of the seven posts of its source, by three keys."""
    site = Site(tmp_path, feeds=[RULES | {"per_day": 3}], hide='title:"(ad)"')  # type: ignore[dict-item]
    site.subscribe()
    titles = "Soap (ad)", "A rumour", "A match", "First", "Second", "Third", "Fourth"
    posts = [worlds.entry(number, title=title) for number, title in enumerate(titles)]
    site.record("lamp", *posts, now=worlds.NOW)
    return site


def test_a_source_says_how_many_posts_are_hidden_and_shows_them_with_the_reason(hiding):
    page = hiding.page("/source/lamp")
    whole = hiding.page(page.link("4 hidden by config.yaml · show"))

    assert page.titles() == ["First", "Second", "Third"]
    assert not page.all("p", "tags")
    reasons = {
        words(each.find("h3")): words(tags)
        if (tags := each.find("p[@class='tags hidden']")) is not None
        else ""
        for each in whole.all("article")
    }
    assert reasons == {
        "Soap (ad)": "Hidden by config.yaml: hide",
        "A rumour": "Hidden by config.yaml: hide",
        "A match": "Hidden by config.yaml: keep",
        "First": "",
        "Second": "",
        "Third": "",
        "Fourth": "Hidden by config.yaml: per_day",
    }
    assert whole.link("4 hidden by config.yaml · hide") == "/source/lamp"


def test_a_list_whose_posts_are_all_kept_out_says_so(tmp_path):
    site = Site(tmp_path, feeds=[RULES], backlog=0)
    site.subscribe()
    site.record("lamp", worlds.entry(1, title="A rumour"), worlds.entry(2))

    page = site.page("/")

    assert words(page.one("h1")) == "No posts in this list"
    assert words(page.one("p", "lede")) == (
        "The feeds have posts, but config.yaml keeps all of them out of this list."
    )


def test_the_busiest_sources_are_counted_without_hidden_posts(tmp_path):
    feeds = [
        RULES,
        *({"name": name, "url": f"https://{name}.example/"} for name in ("tide", "vane")),
    ]
    site = Site(tmp_path, feeds=feeds, hide="rumour OR tide")
    site.subscribe()
    for name in ("lamp", "tide", "vane"):
        titles = f"A rumour of {name}", f"A calm {name}", f"A new {name}"
        posts = [worlds.entry(n, guid=f"{name}{n}", title=title) for n, title in enumerate(titles)]
        site.record(name, *posts, now=worlds.NOW)

    with site.engine.connect() as connection:
        busiest = read_overview.sidebar(connection, now=worlds.NOW).busiest

    assert [(source.name, number) for source, number in busiest] == [("lamp", 2), ("vane", 2)]


def test_a_category_or_view_without_shown_posts_does_not_promise_any(tmp_path):
    views = [{"name": "rumours", "search": "rumour"}]
    site = Site(tmp_path, feeds=[RULES | {"category": "Trade"}], views=views)
    site.subscribe()
    site.record("lamp", worlds.entry(1, title="A rumour"))

    assert "No posts in this category." in site.page("/category/trade").text
    assert "No posts in this view." in site.page("/view/rumours").text


def test_a_hidden_post_is_no_news(hiding):
    before = worlds.NOW - timedelta(days=1)
    visit = LastVisit().page(before, stored_until=before)
    hiding.client.set_cookie("seen", str(visit), domain="localhost")

    page = hiding.page("/source/lamp?hidden=1")

    assert [words(post.find("h3")) for post in page.all("article")] == [
        *("Soap (ad)", "A rumour", "A match"),
        *("New: First", "New: Second", "New: Third"),
        "Fourth",
    ]


def test_hidden_posts_are_not_counted_as_newer_ones(hiding):
    hiding.record("lamp", worlds.entry(9, title="Hair (ad)", published_at=worlds.NOW))
    path = hiding.page("/source/lamp?hidden=1").one("main").get("data-poll", "")
    above_all = path.replace(path.partition("after=")[2].partition("&")[0], "0")

    assert hiding.client.get(above_all).json == {"count": 3}


def test_the_line_below_new_posts_stands_above_the_first_known_one():
    visit = LastVisit(at=2, last=1)
    new, known = datetime.now(UTC), EPOCH

    def news(*posts):
        entries = [
            listed.entry(id=number, first_seen_at=seen_at, exclusion=exclusion)
            for number, (seen_at, exclusion) in enumerate(posts, 1)
        ]
        found = presentation.new_posts(entries, visit)
        return sorted(found.ids), found.ends_before

    hide = Exclusion.HIDE
    assert news((new, None), (known, None)) == ([1], 2)
    assert news((new, hide), (new, None), (known, None)) == ([2], 3)
    assert news((new, None), (new, hide), (known, hide)) == ([1], 3)
    assert news((new, hide), (known, None)) == ([], None)
    assert news((known, None), (new, hide)) == ([], None)
    assert news((new, Exclusion.BACKLOG), (known, None)) == ([1], 2)


@pytest.mark.parametrize(
    "path",
    ["/feed.atom", "/source/lamp/feed.rss", "/source/lamp/feed.json", "/search/feed.atom?q=post"],
)
def test_no_feed_has_a_hidden_post(hiding, path):
    mark = "&" if "?" in path else "?"

    text = hiding.client.get(f"{path}{mark}hidden=1").text

    assert text == hiding.client.get(path).text
    assert not any(title in text for title in ("Soap", "rumour", "match", "Fourth"))


def test_a_source_all_of_whose_posts_are_hidden_says_so(tmp_path):
    site = Site(tmp_path, feeds=[RULES | {"keep": "nothing"}])
    site.subscribe()
    site.record("lamp", worlds.entry(1))

    page = site.page("/source/lamp")

    assert page.titles() == []
    assert words(page.one("p", "end")) == "Every post of this source is hidden by config.yaml."


@pytest.mark.parametrize(
    ("search", "titles"),
    [
        ("rumour", ["A rumour"]),
        ("match OR soap", ["Soap (ad)", "A match"]),
        ("link:example rumour", ["A rumour"]),
    ],
)
def test_a_search_that_only_hidden_posts_match_says_how_many_and_shows_them(hiding, search, titles):
    page = hiding.page(f"/search?q={search}&view=titles")
    end = page.one("p", "end")
    whole = hiding.page(page.link(f"{len(titles)} hidden by config.yaml · show"))

    assert page.titles() == []
    assert words(end) == f"{len(titles)} hidden by config.yaml · show"
    assert whole.titles() == titles
    assert whole.text.count("Hidden by config.yaml: ") == len(titles)
    assert whole.link("Excerpts").endswith("&hidden=1")
    feeds = [each.get("href", "") for each in whole.all("link") if each.get("rel") == "alternate"]
    assert "/search/feed.atom" in feeds[0]
    assert not any("hidden" in path for path in feeds)


def test_a_search_with_results_tells_no_hidden_posts_and_shows_them_on_request(hiding):
    page = hiding.page("/search?q=first+OR+match")
    whole = hiding.page("/search?q=a+OR+first&hidden=1")

    assert page.titles() == ["First"]
    assert "hidden" not in words(page.one("main"))
    assert whole.titles() == ["A rumour", "A match", "First"]


def test_a_search_that_nothing_matches_tells_no_hidden_posts(hiding):
    page = hiding.page("/search?q=nothing")

    assert words(page.one("p", "end")) == "No posts match. Try fewer or other words."


def test_a_page_with_hidden_posts_is_for_no_search_engine_and_leads_to_more_of_them(full):
    page = full.page("/source/lamp?hidden=1")

    assert full.client.get("/source/lamp?hidden=1").headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in page.text
    assert page.link("Older posts").endswith("&hidden=1")
    older = full.page(page.link("Older posts"))
    assert older.link("Newest posts") == "/source/lamp?hidden=1"
    assert page.link("Titles") == "/source/lamp?view=titles&hidden=1"
    assert "hidden" not in page.one("main").get("data-poll", "")
    feeds = [each.get("href", "") for each in page.all("link") if each.get("rel") == "alternate"]
    assert [path for path in feeds if "/source/" in path] == [
        f"/source/lamp/feed.{form}" for form in ("atom", "rss", "json")
    ]


@pytest.mark.parametrize("path", ["/", "/category/trade"])
def test_only_sources_and_searches_have_pages_with_hidden_posts(full, path):
    page = full.page(f"{path}?hidden=1")

    assert "hidden=1" not in page.text
    assert page.titles() == full.page(path).titles()


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
@pytest.mark.parametrize("folder", ["", "/source/lamp", "/category/trade"])
def test_no_feed_takes_the_parameter(full: Site, folder, form):
    path = f"{folder}/feed.{form}"

    assert full.client.get(f"{path}?hidden=1").data == full.client.get(path).data
