"""Selectors that the program proposes for pages without a feed, and the posts that they give."""

import re
from functools import cache

import pytest

from aggregator.reading.pages.proposal import MAX_PROPOSALS, proposals
from tests.cpu_time import cpu_limit
from tests.page_fixtures import entries, fixtures, verdict
from tests.selection import slow_after

BUILDING = fixtures("building")
# Names of products too short for a title, authors within the title or a nameless link, times
# without a day, a list of links that looks like that of the posts.
MISSED = {"launches", "music-grid", "commits", "sections-by-day", "two-lists"}
URL = "https://lamp.example/news/"
MENU = "<nav>" + "".join(f"<li><a href=/m{n}>Menu {n}</a></li>" for n in range(9)) + "</nav>"


def proposed(html: str):
    return proposals(html.encode(), content_type="text/html; charset=utf-8", url=URL)


@cache
def best_of(page):
    made = proposals(page.page, content_type="text/html; charset=utf-8", url=page.url)
    return made[0] if made else None


def posts(html: str) -> list[tuple[str, str]]:
    """Return titles and paths by the best proposal."""
    made = proposed(html)
    read = entries(html.encode(), URL, made[0]) if made else ()
    return [(entry.title, (entry.url or "").removeprefix("https://lamp.example")) for entry in read]


@pytest.mark.parametrize(
    "page",
    slow_after(16, [page for page in BUILDING if page.name not in MISSED]),
    ids=lambda page: page.name,
)
def test_a_proposal_gives_the_posts_of_a_page(page):
    result = verdict(page, best_of(page))

    assert (result.right, result.others) == (result.posts, 0)


def test_of_pages_that_were_held_out_proposals_give_nearly_all_titles_and_links():
    results = [verdict(page, best_of(page)) for page in fixtures("held_out")]

    named = sum(result.named for result in results)
    assert named / sum(result.posts + result.others for result in results) >= 0.95


@pytest.mark.parametrize("page", slow_after(16, BUILDING), ids=lambda page: page.name)
def test_selectors_do_not_depend_on_single_posts(page):
    texts = best_of(page).keys.values()

    assert not [text for text in texts if re.search(r"\d{2}", text) and "css-" not in text]


def test_names_with_a_meaning_are_preferred_to_those_that_programs_make():
    item = (
        '<div class="css-1x2y3z mt-4 story"><h3 class="sc-AbCdE"><a href="/{0}">Story {0} of '
        'the lamp</a></h3><span class="css-9abc1 date">{0} May 2026</span></div>'
    )
    (best, *_) = proposed(MENU + "".join(item.format(n) for n in range(1, 6)))

    assert best.keys == {"item": ".story", "title": "h3", "date": ".date"}


def test_posts_are_preferred_to_a_menu_with_more_links():
    item = '<div class="news"><a href="/{0}">What the lamp said on day {0}</a></div>'

    assert posts(MENU * 5 + "".join(item.format(n) for n in range(3))) == [
        (f"What the lamp said on day {n}", f"/{n}") for n in range(3)
    ]


def test_headings_of_versions_lead_to_their_places_on_the_page():
    versions = ("2.1.0 (2026-11-20)", "2.0.1 (2026-10-02)", "2.0.0 (2026-09-30)")
    html = "<h1 id=top>Changes</h1>" + "".join(
        f"<h2 id=v{number}>{title}</h2><p>Some repairs.</p>"
        for number, title in enumerate(versions)
    )

    assert posts(html) == [(title, f"/news/#v{number}") for number, title in enumerate(versions)]
    assert not proposed(re.sub(r">[\d.]+ \([\d-]+\)<", ">On lamps<", html))


@pytest.mark.parametrize(
    "html",
    ["", "hello", "<p>Only <a href=/x>one link</a>", MENU, "<ul><li>no<li>links<li>here</ul>"],
)
def test_a_page_without_posts_gets_no_proposal_or_only_that_of_its_menu(html):
    assert all("nav" in best.item or "li" in best.item for best in proposed(html))


def test_at_most_three_proposals_are_made_and_each_gives_other_posts():
    lists = "".join(
        f"<ul class=list{name}>"
        + "".join(f"<li><a href=/{name}{n}>A title of {name}, {n}</a></li>" for n in range(5))
        + "</ul>"
        for name in "abcdef"
    )
    made = proposed(lists)

    links = [{entry.url for entry in entries(lists.encode(), URL, best)} for best in made]
    assert 1 <= len(made) <= MAX_PROPOSALS
    assert len(set.union(*links)) == sum(map(len, links))


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<div><a href=/x>" * 10_000,
        "<div class='a b c'>" * 30_000 + "<a href=/x>x</a>",
        "<p>" + "x " * 1_000_000,
        "".join("<div>" * 20 + f"<a href=/{n}>words {n}</a>" + "</div>" * 20 for n in range(1000)),
        "<ul>"
        + "".join(
            f"<li class='{' '.join(f'c{name}_{n % 3}' for name in range(100))}'>"
            f"<a href=/{n}>title {n} here</a>"
            for n in range(3000)
        ),
    ],
    ids=["links", "depth", "text", "wrappers", "classes"],
)
def test_a_hostile_page_takes_little_time(html):
    with cpu_limit(15):
        proposed(html)
