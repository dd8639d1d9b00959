"""The server's part in saved posts and in marks of reading."""

import json
import re
from pathlib import Path

import pytest

from aggregator.cli import static_site
from tests.web_fixtures import HtmlPage, Site, entry, post_path, words
from web.language import available, language, script_words

STATIC = Path(__file__).parents[1] / "web" / "static"
PROMISE = "No accounts: what you have read stays in your browser."


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    site = Site(tmp_path_factory.mktemp("kept"), page={"embed": ["https://a.example"]})
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 4)))
    return site


def test_the_page_of_saved_posts_has_no_posts_of_its_own_and_is_not_indexed(site):
    answer, page = site.client.get("/saved"), site.page("/saved")

    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert {each.get("name"): each.get("content") for each in page.all("meta")}[
        "robots"
    ] == "noindex"
    assert "Post 1" not in page.text
    assert "Set-Cookie" not in answer.headers


def test_without_a_script_the_page_of_saved_posts_says_so_and_shows_nothing_else(site):
    page = site.page("/saved")
    shown = [each for each in page.one("main") if "hidden" not in each.attrib]

    assert [words(each) for each in shown if "no-js" in each.get("class", "")] == [
        "This page needs JavaScript, because saved posts are kept in your browser."
    ]
    assert page.one("aside").get("hidden") is not None


@pytest.mark.parametrize("path", ["/", "/source/lamp", "/search?q=post", "/sources", "/saved"])
def test_every_page_says_that_what_was_read_stays_in_the_browser(site, path):
    page = site.page(path)

    assert words(page.one("footer").findall("p")[-1]) == PROMISE
    assert page.link("Saved") == "/saved"


@pytest.mark.parametrize("tag", [tag for tag in available() if not tag.startswith("en")])
def test_the_promise_is_made_in_every_language(site, tag):
    said = words(site.page("/", language=tag).one("footer").findall("p")[-1])

    assert said
    assert said != PROMISE


def test_the_readme_makes_the_same_promise():
    assert PROMISE in (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_a_post_can_be_saved_and_shared_on_its_page(site):
    page = site.page(post_path(site))
    save, share = page.one("span", "acts")

    assert (words(save), save.get("aria-pressed")) == ("Save", "false")
    assert words(share) == "Share"
    assert page.one("article").get("id") == f"e{post_path(site).removeprefix('/post/')}"


def test_a_list_has_no_markup_for_what_only_the_script_offers(site):
    page = site.page("/")

    assert not page.all("button", "save")
    assert not page.all("p", "kept")


def test_a_block_in_a_page_of_another_site_keeps_nothing(site):
    text = site.page("/embed").text

    assert "script" not in text
    assert "/saved" not in text


def test_the_key_that_saves_is_listed(site):
    assert "save, remove" in [words(each) for each in site.page("/").all("dd")]


@pytest.mark.parametrize("tag", available())
def test_the_script_can_say_how_many_posts_are_hidden_in_every_language(tag):
    lang = language(tag)
    said = json.loads(script_words(lang))["hidden"]

    assert set(said) == {lang.plural(number) for number in range(1, 101)}
    assert all("{0}" in text or category in {"one", "two"} for category, text in said.items())


def test_scripts_and_style_sheets_are_sent_without_what_is_for_readers_of_the_code(site):
    page = site.page("/saved")
    for path in [*(each.get("src") for each in page.all("script")), "/static/style.css"]:
        sent = site.client.get(path).text
        assert not re.search(r"(?m)^\s*(//|/\*)|^[ \t]", sent), path
        assert len(sent) > 1000


def test_no_script_has_a_line_that_is_not_to_be_cut_off():
    """Without indentation, a text of several lines would be another text."""
    for path in STATIC.glob("*.js"):
        source = path.read_text("utf-8")
        assert all(line.count("`") % 2 == 0 for line in source.splitlines()), path.name


@pytest.mark.slow
def test_the_page_of_saved_posts_is_exported(site):
    files = {
        file.path: file.data.decode()
        for file in static_site.files(site.config, site.engine, frozenset({"html"}))
        if file.path.endswith((".html", ".js"))
    }
    page = HtmlPage(files["saved.html"])

    assert {each.get("src") for each in page.all("script")} == {
        "static/app.en.js", "static/saved.js"
    }  # fmt: skip
    assert "static/saved.js" in files
    assert HtmlPage(files["index.html"]).link("Saved") == "saved.html"
