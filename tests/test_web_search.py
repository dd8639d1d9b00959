"""The search page: marks, excerpts from full texts, the number of results, a search as a view."""

import time

import pytest
import yaml
from hypothesis import given, strategies

from aggregator.config import load
from aggregator.search.search_parser import parse, parse_rule
from aggregator.search.tree_facts import keywords
from tests.stored import statements
from tests.web_fixtures import Site, entry, words
from web import search_texts
from web.language import language
from web.search_marks import excerpt_around, marked, occurring

FILLER = "nothing of interest here. " * 200


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    return site


def phrases(text):
    return keywords(parse(text).root)


@pytest.mark.parametrize(
    ("text", "search", "marks"),
    [
        ("Energy & energyless", "energy", "<mark>Energy</mark> &amp; energyless"),
        ("a big whale, big", '"big whale"', "a <mark>big whale</mark>, big"),
        ("Whales, whaling", "whal*", "<mark>Whales, whaling</mark>"),
        ("big blue whale", '"blue wh*" -big', "big <mark>blue whale</mark>"),
        ("Crème brûlée", "creme", "<mark>Crème</mark> brûlée"),
        ("東京大学の海", "大学", "東京<mark>大学</mark>の海"),
        ("Straße", "strasse OR weg", "<mark>Straße</mark>"),
        ("<b>", "b", "&lt;<mark>b</mark>&gt;"),
        ("nothing", "energy", "nothing"),
    ],
)
def test_what_was_searched_is_marked(text, search, marks):
    assert str(marked(text, phrases(search))) == marks


@given(strategies.text(), strategies.text())
def test_marks_change_no_text(text, search):
    plain = marked(text, phrases(search)).replace("<mark>", "").replace("</mark>", "")

    assert str(plain) == str(marked(text, ()))


@pytest.mark.parametrize(
    "text",
    [
        FILLER + "at last a lighthouse of Brittany stood there. " + FILLER,
        "lighthouse " + FILLER,
        FILLER + "the lighthouse",
        "x" * 1190 + " lighthouse",  # across two pieces of the text
        "灯" * 2500 + " lighthouse",
    ],
)
def test_an_excerpt_has_the_words_around_a_hit(text):
    excerpt = excerpt_around(text, phrases("lighthouse"))

    assert "lighthouse" in excerpt
    assert len(excerpt) <= 220
    assert excerpt.startswith("…") is not text.startswith(excerpt.strip("…"))
    assert excerpt.strip("…") in text


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        (
            FILLER + "keepers of the sea. " + FILLER + "a lighthouse at last. " + FILLER,
            "…of interest here. keepers of the sea. nothing of interest here. nothing",
        ),
        (
            "keepers " + FILLER + "lighthouse",
            "keepers nothing of interest here. nothing of interest",
        ),
        ("keepers of the lighthouse " + FILLER, "keepers of the lighthouse nothing"),
        ("keepers " * 17 + "lighthouse " + FILLER, "keepers keepers"),
    ],
)
def test_an_excerpt_has_both_of_two_words_that_are_far_apart(text, excerpt):
    around = excerpt_around(text, phrases("lighthouse keepers missing OR x"))

    assert around.startswith(excerpt)
    assert "keepers" in around
    assert "lighthouse" in around
    assert len(around) <= 220
    assert all(part.strip("…") in text for part in around.split(" … "))


@given(
    strategies.lists(strategies.sampled_from(["whale", "sea", "deep sea", "東京", "x" * 30, "."]))
)
def test_an_excerpt_of_any_text_is_short_and_has_a_hit(parts):
    text = " ".join(part for part in parts for _ in range(5))
    searched = phrases('whale "deep sea" 東京')

    excerpt = excerpt_around(text, searched)

    assert len(excerpt) <= 220
    assert bool(occurring(excerpt, searched)) is bool(occurring(text, searched))


def test_a_word_that_is_a_part_of_another_is_no_hit():
    assert excerpt_around("x" * 990 + " narwhales " + FILLER, phrases("whales")) == ""
    assert not occurring("narwhales", phrases("whales"))


def test_a_hit_in_the_full_text_shows_the_words_around_it(site):
    content = f"<p>{FILLER}Keepers of the <b>light</b>house &amp; the sea.</p><p>{FILLER}</p>"
    site.record(
        "lamp",
        entry(1, title="A title", summary="An excerpt.", content_html=content),
        entry(2, title="The lighthouse", summary="Its excerpt.", content_html=content),
        entry(3, title="Third", summary="Lighthouse first.", content_html=content),
    )

    page = site.page("/search?q=lighthouse")

    summaries = {words(each).split(" ")[0]: each for each in page.all("p", "p-summary")}
    assert set(summaries) == {"…here.", "Its", "Lighthouse"}
    assert "Keepers of the lighthouse & the sea." in words(summaries["…here."])
    assert [words(each) for each in summaries["…here."].iter("mark")] == ["lighthouse"]


def test_a_hit_in_a_name_or_a_tag_is_marked(site):
    site.record(
        "lamp",
        entry(
            1,
            authors=("Grace", "Barbara", "Katherine", "Ada Lovelace"),
            categories=("Deep Sea", "sea & sky", "Energy"),
        ),
        entry(2, authors=("Adam",), categories=("Seaside",), content_html="<p>ada sea</p>"),
    )

    page = site.page("/search?q=author:ada+tag:sea")

    (post,) = page.all("article")
    assert [words(each) for each in post.iter("mark")] == ["Ada", "Sea", "sea"]
    (name,) = page.all("span", "p-author")
    assert words(name) == "Ada Lovelace, Grace, Barbara, and others"
    assert [words(each) for each in page.all("p", "tags")] == ["Tags: Deep Sea, sea & sky"]
    assert not site.page("/search?q=post").all("p", "tags")


def test_an_author_with_the_name_of_the_source_is_shown_if_the_search_asks_for_the_author(site):
    site.record("lamp", entry(1, authors=("Lamp",)))

    assert not site.page("/search?q=post").all("span", "p-author")
    (name,) = site.page("/search?q=author:lamp").all("span", "p-author")
    assert [words(each) for each in name.iter("mark")] == ["Lamp"]


def test_an_excerpt_shows_what_neither_title_nor_excerpt_has(site):
    content = f"<p>{FILLER} old keepers {FILLER}</p>"
    site.record("lamp", entry(1, title="Lighthouse", summary="Excerpt.", content_html=content))

    page = site.page("/search?q=lighthouse+keepers")

    assert [words(each) for each in page.all("mark")] == ["Lighthouse", "keepers"]
    assert not site.page("/search?q=lighthouse+keepers&view=titles").text.count("old keepers")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1 post, newest first"),
        (41, "41 posts, newest first"),
        (1000, "1,000 posts, newest first"),
        (1001, "More than 1,000 posts, newest first"),
    ],
)
def test_the_number_of_results_is_told_up_to_a_thousand(number, text):
    assert search_texts.count(number, language("en")) == text


def test_the_first_page_of_a_search_tells_the_number_of_its_results(site):
    site.record("lamp", *(entry(number, title=f"Whale {number}") for number in range(50)))

    first = site.page("/search?q=whale")
    later = site.client.get(first.link("Older posts")).text

    assert words(first.one("p", "lede")) == "50 posts, newest first"
    assert '<p class="lede">Newest first</p>' in later
    assert words(site.page("/search?q=whale+7").one("p", "lede")) == "1 post, newest first"
    assert words(site.page("/search?q=nothing").one("p", "lede")) == "Newest first"


def test_a_search_can_be_kept_as_a_view(site):
    site.record("lamp", entry(1, title="Whale"))

    page = site.page("/search?q=whale")

    assert page.one("pre")[0].text == search_texts.view_lines("whale")


@pytest.mark.parametrize(
    "search",
    [
        "whale",
        "It's a 'post'",
        "a ${NAME} OR $x",
        "title:post OR post",
        "2026 OR 2027",
        '"12"',
        "鯨",
    ],
)
def test_config_yaml_reads_the_lines_of_a_view_as_the_same_search(tmp_path, search):
    lines = f"{search_texts.view_lines(search)}\nfeeds: [https://x.example/feed]\n"
    (tmp_path / "views.yaml").write_text(lines, "utf-8")

    (view,) = load(tmp_path / "views.yaml").listing_rules.views

    assert view.search == search
    assert parse_rule(view.search)


def test_a_byte_order_mark_of_a_pasted_search_does_not_stand_in_the_lines_of_a_view():
    assert search_texts.view_lines("\ufeffwhale") == search_texts.view_lines("whale")


SEARCHES = strategies.text(
    strategies.characters(
        blacklist_categories=["Cc", "Cs"], blacklist_characters="\ufeff\ufffe\uffff"
    )
)


@given(SEARCHES)
def test_the_lines_of_any_search_are_read_as_the_same_search(search):
    lines = search_texts.view_lines(search)

    if lines is not None:
        (view,) = yaml.safe_load(lines)["views"]
        assert view["search"].replace("$${", "${").split() == search.split()


@pytest.mark.parametrize(
    ("search", "hint"),
    [
        ("source:lampp whale", "No source is called “lampp”; did you mean lamp?"),
        ("-source:nonexistent", "No source is called “nonexistent”."),
        ("category:traed", "No category is called “traed”; did you mean trade?"),
    ],
)
def test_a_name_that_nothing_has_is_answered_with_the_nearest(site, search, hint):
    page = site.page(f"/search?q={search}")

    assert [words(each) for each in page.one("div", "hints")] == [hint]
    assert not site.page("/search?q=source:amp category:sea whale").all("div", "hints")


@pytest.mark.parametrize(
    ("search", "hint"),
    [
        ("whal", "“whal” was searched for as a whole word; did you mean “whal*”?"),
        (
            "big title:Whal",
            "“title:Whal” was searched for as a whole word; did you mean “title:Whal*”?",
        ),
        ("-coal (fish OR whal", "“whal” was searched for as a whole word; did you mean “whal*”?"),
    ],
)
def test_a_word_that_no_post_has_is_answered_with_the_words_that_begin_so(site, search, hint):
    site.record("lamp", entry(1, title="Big whales"))

    page = site.page(f"/search?q={search}")

    assert hint in [words(each) for each in page.one("div", "hints")]


@pytest.mark.parametrize(
    "search",
    ["whales", "shar", "whal*", "w", "big -whal", "source:lam", "whal big", '"whal"', "lang:e"],
)
def test_no_asterisk_is_proposed_that_would_find_nothing_more(site, search):
    site.record("lamp", entry(1, title="Big whales", language="en"))

    assert "whole word" not in site.page(f"/search?q={search}").text


def test_the_names_in_a_search_are_looked_up_once(site):
    with statements(site.engine) as executed:
        site.page("/search?q=source:lampp+category:traed+whale")

    assert sum("is_former" in statement for statement in executed) == 1


def test_a_search_that_the_file_refuses_has_no_lines(site):
    site.record("lamp", entry(1, title="Whale"))

    assert not site.page("/search?q=whale+(whale").all("pre")


def test_the_excerpt_of_a_long_text_is_soon_there():
    text = "é " * 50_000
    started = time.process_time()
    assert excerpt_around(text, phrases("missing")) == ""

    whole = time.process_time() - started
    started = time.process_time()
    excerpt_around(text[:25_000], phrases("missing"))
    assert whole < 8 * (time.process_time() - started) + 0.05
