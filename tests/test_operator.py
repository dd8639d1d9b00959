"""Whose the pages are: what the section `page` of config.yaml puts on pages and into feeds."""

import html
import json
import re

import feedparser
import pytest

from tests.web_fixtures import EVIL, Site, entry, words

PAGE = {
    "description": f"What we write & {EVIL}",
    "contact": "mailto:us@example.org",
    "imprint": "https://example.org/imprint?a=1&b=2",
}


@pytest.fixture
def site(tmp_path):
    views = [{"name": "tens", "search": "title:10", "description": "Tens only"}]
    site = Site(tmp_path, page=PAGE, views=views)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 12)))
    return site


def metas(page):
    """Return the contents of the `meta` elements of a page by name or property."""
    return {
        each.get("name") or each.get("property"): each.get("content") for each in page.all("meta")
    }


def test_the_first_page_says_what_the_site_is_about(site):
    page = site.page("/")

    assert PAGE["description"] in [words(each) for each in page.all("p", "lede")]
    assert metas(page)["description"] == PAGE["description"]


def test_a_view_says_what_the_view_is_about(site):
    page = site.page("/view/tens")

    assert words(page.all("p", "lede")[0]) == "Tens only"
    assert metas(page)["description"] == "Tens only"
    assert PAGE["description"] not in [words(each) for each in page.all("p", "lede")]


@pytest.mark.parametrize("form", ["atom", "rss"])
def test_the_merged_feed_of_all_posts_says_what_the_site_is_about(site, form):
    feed = feedparser.parse(site.client.get(f"/feed.{form}").data, sanitize_html=False).feed

    assert html.unescape(feed.subtitle) == PAGE["description"]
    assert "What we write" not in site.client.get(f"/category/trade/feed.{form}").text


def test_the_json_feed_says_what_the_site_is_about(site):
    assert json.loads(site.client.get("/feed.json").data)["description"] == PAGE["description"]


@pytest.mark.parametrize("path", ["/", "/source/lamp", "/sources", "/search?q=post", "/nothing"])
def test_every_page_leads_to_the_operator(site, path):
    page = site.page(path, 404 if path == "/nothing" else 200)

    assert page.link("Contact") == PAGE["contact"]
    assert page.link("Legal notice") == PAGE["imprint"]


def test_without_an_operator_no_page_names_any(tmp_path):
    text = Site(tmp_path).page("/sources").text

    assert "Contact" not in text
    assert "Legal notice" not in text


def test_the_page_about_the_robot_says_whom_to_write_to(site):
    page = site.page("/about/robot")

    assert page.link("us@example.org") == PAGE["contact"]


def test_a_link_to_a_list_has_a_preview(site):
    preview = metas(site.page("/category/trade"))

    assert preview["og:title"] == "Trade"
    assert preview["og:site_name"] == "Daybook"
    assert preview["og:type"] == "website"
    assert preview["og:description"] == PAGE["description"]
    assert preview["og:url"] == "https://posts.example/category/trade"
    assert preview["twitter:card"] == "summary"


def test_a_page_that_search_engines_leave_out_has_no_preview(site):
    assert not [name for name in metas(site.page("/search?q=post")) if name and "og:" in name]


def test_a_page_of_another_operator_is_another_page(tmp_path):
    tags = []
    for description in ("This", "That"):
        site = Site(tmp_path, page={"description": description})
        tags.append(re.sub("-[0-9]+$", "", site.client.get("/sources").headers["ETag"]))

    assert tags[0] != tags[1]
