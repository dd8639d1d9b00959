"""Redesigns of pages without feeds: the posts still come out right, or the feed says what changed.

Each page of `tests/data/pages/` is changed as people change pages.  Whatever comes out then without
an alarm is a post of the page, with the title and link that it has.
"""

import re
from collections.abc import Callable

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.errors import ParseError
from aggregator.model import FailureKind, PageReading
from aggregator.reading.worker_task import read_page
from tests.page_fixtures import HEADERS, SENT_AT, PageFixture, fixtures

PAGES = [*fixtures("building"), *fixtures("held_out")]
_CLASSES = re.compile(r"(?<=class=)(\"[^\"]*\"|[\w-]+)")


def _items(page: PageFixture) -> tuple[LexborHTMLParser, list[LexborNode]]:
    tree = LexborHTMLParser(page.page)
    return tree, list({item.mem_id: item for item in tree.css(page.selectors.item)}.values())


def with_other_classes(page: PageFixture) -> str:
    """Rename every class, as a generator of style sheets does."""
    rename = lambda names: re.sub(r"[\w-]+", r"x\g<0>", names[1])  # noqa: E731
    return _CLASSES.sub(rename, page.page.decode())


def with_one_other_class(page: PageFixture) -> str:
    """Rename the classes in the selector of the parts, and leave those of the items."""
    selectors = page.selectors
    parts = [selectors.title, selectors.link, selectors.excerpt, selectors.date, selectors.author]
    html = page.page.decode()
    for name in set(re.findall(r"\.([\w-]+)", " ".join(filter(None, parts)))):
        html = re.sub(rf"(?<=class=)(\"[^\"]*)\b{name}\b", r"\1renamed", html)
    return html


def with_wrapped_parts(page: PageFixture) -> str:
    """Put another element around the content of each item."""
    tree, items = _items(page)
    for item in items:
        item.inner_html = f"<div class='wrap'>{item.inner_html}</div>"
    return tree.html or ""


def in_other_order(page: PageFixture) -> str:
    """Turn the order of the parts of each item around."""
    tree, items = _items(page)
    for item in items:
        parts = [child.html or "" for child in item.iter(include_text=True)]
        item.inner_html = "".join(reversed(parts))
    return tree.html or ""


def with_other_elements(page: PageFixture) -> str:
    """Use the elements of a framework in place of lists, articles and headings."""
    html = re.sub(r"(?<=</)(?:li|article|section|dt|dd|h[1-6])(?=>)", "div", page.page.decode())
    return re.sub(r"(?<=<)(?:li|article|section|dt|dd|h[1-6])(?=[\s>])", "div", html)


def with_other_headings(page: PageFixture) -> str:
    """Give all headings another rank."""
    return re.sub(r"(?<=<)(/?)h[2-6](?=[\s>])", r"\1h5", page.page.decode())


def without_links(page: PageFixture) -> str:
    """Have a script follow the links."""
    return page.page.decode().replace("href=", "data-to=")


def with_few_items(page: PageFixture) -> str:
    """Leave out most of the items."""
    tree, items = _items(page)
    for item in items[1:]:
        item.decompose()
    return tree.html or ""


def with_advertisements(page: PageFixture) -> str:
    """Put an element without a link before each item, of the same kind and classes."""
    tree, items = _items(page)
    for item in items:
        advertisement = item.clone()
        advertisement.inner_html = "<td>Buy lamps" if item.tag == "tr" else "Buy lamps"
        item.insert_before(advertisement)
    return tree.html or ""


REDESIGNS: list[Callable[[PageFixture], str]] = [
    with_other_classes,
    with_one_other_class,
    with_wrapped_parts,
    in_other_order,
    with_other_elements,
    with_other_headings,
    without_links,
    with_few_items,
    with_advertisements,
]


@pytest.mark.parametrize("redesign", REDESIGNS)
def test_a_redesign_gives_posts_of_the_page_or_is_told(redesign):
    posts_of = {page.name: {(post.title, post.link) for post in page.posts} for page in PAGES}
    wrong, silent = {}, []
    for page in PAGES:
        reading = PageReading(page.selectors, SENT_AT, len(page.posts), was_dated=True)
        try:
            feed = read_page(redesign(page).encode(), HEADERS, page.url, reading).feed
        except ParseError as error:
            assert error.kind is FailureKind.PAGE_CHANGED
            assert error.reason.startswith("page changed: ")
            continue
        entries = feed.entries if feed else ()
        if 2 * len(entries) < len(page.posts):
            silent.append(page.name)
        others = {(entry.title, entry.url) for entry in entries} - posts_of[page.name]
        if others:
            wrong[page.name] = sorted(others)[:2]

    assert (wrong, silent) == ({}, [])
