"""Pages that change: selectors give right posts, or the feed fails; never silence."""

import re
from collections.abc import Callable, Sequence

import pytest
from selectolax.lexbor import LexborHTMLParser

from aggregator.errors import ParseError
from aggregator.model import CleanEntry, FailureKind, PageReading, PageSelectors
from aggregator.reading.pages.proposal import proposals
from aggregator.reading.worker_task import read_page
from tests.page_fixtures import HEADERS, SENT_AT, PageFixture, fixtures
from tests.selection import slow_after

Mutation = Callable[[str, Sequence[str]], str]
PAGES = [*fixtures("building"), *fixtures("held_out")]
_CLASSES = re.compile(r'(?<=class=")[^"]+')


def all_classes_renamed(html: str, items: Sequence[str]) -> str:
    return _CLASSES.sub(lambda names: re.sub(r"\S+", r"x-\g<0>-y", names[0]), html)


def identifiers_renamed(html: str, items: Sequence[str]) -> str:
    return re.sub(r'(?<= id=")', "new-", html)


def headings_lowered(html: str, items: Sequence[str]) -> str:
    return re.sub(r"(</?)h[1-4]\b", r"\1h5", html)


def items_wrapped(html: str, items: Sequence[str]) -> str:
    for item in items:
        html = html.replace(item, f'<div class="wrap"><div>{item}</div></div>', 1)
    return html


def page_wrapped(html: str, items: Sequence[str]) -> str:
    html = html.replace("<body", '<body><div class="outer"><main', 1)
    return html.replace("</body>", "</main></div></body>")


def items_reversed(html: str, items: Sequence[str]) -> str:
    start = html.index(items[0])
    for item in items:
        html = html.replace(item, "", 1)
    return html[:start] + "".join(reversed(items)) + html[start:]


def an_item_dropped(html: str, items: Sequence[str]) -> str:
    return html.replace(items[0], "", 1)


def items_dropped_but_one(html: str, items: Sequence[str]) -> str:
    for item in items[1:]:
        html = html.replace(item, "", 1)
    return html


def items_dropped(html: str, items: Sequence[str]) -> str:
    for item in items:
        html = html.replace(item, "", 1)
    return html


def links_without_addresses(html: str, items: Sequence[str]) -> str:
    return html.replace(" href=", " data-href=")


def links_of_a_script(html: str, items: Sequence[str]) -> str:
    return re.sub(r'href="[^"]*"', 'href="javascript:open()"', html)


def texts_loaded_later(html: str, items: Sequence[str]) -> str:
    return re.sub(r">[^<>]+<", "><", html)


def class_renamed(html: str, name: str) -> str:
    pattern = re.compile(rf"(?<!\S){re.escape(name)}(?!\S)")
    return _CLASSES.sub(lambda names: pattern.sub("renamed", names[0]), html)


MUTATIONS = [
    all_classes_renamed, identifiers_renamed, headings_lowered, items_wrapped, page_wrapped,
    items_reversed, an_item_dropped, items_dropped_but_one, items_dropped,
    links_without_addresses, links_of_a_script, texts_loaded_later,
]  # fmt: skip


def read(html: str, page: PageFixture, selectors: PageSelectors) -> Sequence[CleanEntry] | None:
    """Return the posts of a later poll, None if the feed fails as changed."""
    reading = PageReading(selectors, SENT_AT, len(page.posts))
    try:
        feed = read_page(html.encode(), HEADERS, page.url, reading).feed
    except ParseError as error:
        assert error.kind == FailureKind.PAGE_CHANGED
        return None
    assert feed is not None
    return feed.entries


def check(page: PageFixture, selectors: PageSelectors, mutations: Sequence[Mutation]) -> None:
    """Check that a page has no other posts after mutations, or the loss of any class."""
    document = LexborHTMLParser(page.page.decode())
    html = document.html or ""
    items = [node.html or "" for node in document.css(selectors.item)]
    expected = {(post.title, post.url) for post in read(html, page, selectors) or ()}
    assert expected
    names = sorted({name for names in _CLASSES.findall(html) for name in names.split()})
    lost = [class_renamed(html, name) for name in names]
    for changed in [*(mutation(html, items) for mutation in mutations), *lost]:
        posts = read(changed, page, selectors)
        if posts is not None:
            assert {(post.title, post.url) for post in posts} <= expected
            assert 2 * len(posts) >= len(expected)


@pytest.mark.parametrize("page", slow_after(8, PAGES), ids=lambda page: page.name)
def test_a_page_that_changes_gives_right_posts_or_is_told_as_changed(page):
    check(page, page.selectors, MUTATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("page", fixtures("building"), ids=lambda page: page.name)
def test_a_page_that_changes_is_told_with_proposed_selectors_too(page):
    (best, *_) = proposals(page.page, content_type=HEADERS["content-type"], url=page.url)

    check(page, best, MUTATIONS)
