"""`feeds[].select` of config.yaml: where the posts of a page without a feed stand."""

import pytest

from aggregator.model import PageKind, PageSelectors
from tests.configured import parsed, problem

FEED = "feeds:\n- url: https://a.example/\n  select: "


@pytest.mark.parametrize(
    ("written", "selectors"),
    [
        ("{item: .recent li}", PageSelectors(PageKind.HTML, ".recent li")),
        (
            (
                "{item: '#posts > li:has(a)', title: h3, link: a@href, excerpt: 'p, .lead', "
                "author: .by, date: '@data-at', image: img@data-src, at_least: 3}"
            ),
            PageSelectors(
                PageKind.HTML,
                "#posts > li:has(a)",
                title="h3",
                link="a@href",
                excerpt="p, .lead",
                author=".by",
                date="@data-at",
                image="img@data-src",
                at_least=3,
            ),
        ),
        ("{item: .x, title: 'a[href*=\"@\"]'}", PageSelectors(PageKind.HTML, ".x", 'a[href*="@"]')),
        ("{item: '$.posts[*]'}", PageSelectors(PageKind.JSON, "$.posts[*]")),
        ("sitemap", PageSelectors(PageKind.SITEMAP)),
        ("{item: sitemap, at_least: 0}", PageSelectors(PageKind.SITEMAP, at_least=0)),
    ],
)
def test_selectors_are_read(written, selectors):
    (feed,) = parsed(f"{FEED}{written}\n").feeds

    assert feed.selectors == selectors


def test_a_feed_has_no_selectors():
    (feed,) = parsed("feeds: [https://a.example/]").feeds

    assert feed.selectors is None


KINDS = "must be `item: SELECTOR` and further keys, or the word sitemap"
NO_SELECTOR = "is not a CSS selector; write one such as .recent li, or h3 a@href"
BLANK = 'empty; # begins a comment, so write a selector in quotes: "#posts li"'


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", f"3:10: feeds[0].select: {KINDS}"),
        ("li", f"3:11: feeds[0].select: {KINDS}"),
        ("[li]", f"3:11: feeds[0].select: {KINDS}"),
        ("{}", "3:11: feeds[0].select.item: missing; every `select` needs one"),
        ("{itm: li}", '3:12: feeds[0].select.itm: unknown key; did you mean "item"?'),
        (
            "{item: li, item: ul}",
            "3:22: feeds[0].select.item: stands here twice, first in line 3; keep one",
        ),
        ("{item: ''}", f"3:18: feeds[0].select.item: {BLANK}"),
        ("{item: ' '}", f"3:18: feeds[0].select.item: {BLANK}"),
        ("{item: li, title: ~}", f"3:29: feeds[0].select.title: {BLANK}"),
        (
            "{item: [data-post]}",
            '3:18: feeds[0].select.item: is a list; write brackets in quotes: "[data-post]"',
        ),
        (
            "{item: 'li['}",
            f"3:18: feeds[0].select.item: li[ {NO_SELECTOR}",
        ),
        (
            "{item: li, title: '> h3'}",
            f"3:29: feeds[0].select.title: > h3 {NO_SELECTOR}",
        ),
        (
            "{item: li, link: a@}",
            "3:28: feeds[0].select.link: has no attribute behind the @; write one, as in a@href",
        ),
        (
            "{item: li@id}",
            "3:18: feeds[0].select.item: selects elements, not attributes; remove @id",
        ),
        (
            "{item: sitemap, title: h3}",
            "3:34: feeds[0].select.title: is in the sitemap itself; remove the line",
        ),
        (
            "{item: li, at_least: some}",
            '3:32: feeds[0].select.at_least: "some" is not a whole number; write 0 to 5000',
        ),
    ],
)
def test_a_wrong_selector_is_refused_at_its_place(written, message):
    text = problem(f"{FEED}{written}\n")

    assert text.startswith(message)


def test_an_opml_list_has_no_selectors():
    text = problem("feeds:\n- opml: a.opml\n  select: {item: li}\n")

    assert text.endswith('"select" belongs to a feed, not to an OPML list')


def test_a_key_of_select_beside_it_is_told_its_place():
    text = problem("feeds:\n- url: https://a.example/\n  excerpt: p\n")

    assert text.endswith('unknown key; "excerpt" belongs under "select"')
