"""Pages without feeds, in the kinds that the web has, with the posts that must come out.

`tests/data/pages/building/` was looked at while proposals of selectors were built;
`tests/data/pages/held_out/` was written before them, and only measured.  Beside each page is a JSON
file: its address, selectors written by hand, and the posts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin

from aggregator.errors import ParseError
from aggregator.model import CleanEntry, PageKind, PageReading, PageSelectors
from aggregator.reading.worker_task import read_page

PAGES = Path(__file__).parent / "data" / "pages"
SENT_AT = datetime(2026, 12, 1, 1, tzinfo=UTC)
HEADERS = {"content-type": "text/html; charset=utf-8"}
_SLACK = 30  # characters around an author or a date: "Posted on", "by", a place


@dataclass(frozen=True)
class ExpectedPost:
    """A post of a page.

    Attributes:
        excerpt: The beginning; None if any excerpt is right.
        author: None without an author.
        date: Texts of which any is right; None without a date.
    """

    title: str
    link: str
    excerpt: str | None
    author: str | None
    date: tuple[str, ...] | None

    def is_right(self, entry: CleanEntry) -> bool:
        """Whether an entry is this post, in all parts."""
        return (
            (entry.title, entry.url) == (self.title, self.link)
            and entry.summary.startswith(self.excerpt or "")
            and _has(" ".join(entry.authors), (self.author,) if self.author else None)
            and _has(entry.date.text if entry.date else "", self.date)
        )


@dataclass(frozen=True)
class PageFixture:
    """A page, its posts, and the selectors that a person wrote for it."""

    name: str
    page: bytes
    url: str
    selectors: PageSelectors
    posts: tuple[ExpectedPost, ...]


@dataclass(frozen=True)
class Verdict:
    """How many of a page's posts came out right, and how many entries are none of its posts.

    Attributes:
        right: In all parts.
        named: In title and link.
    """

    right: int
    named: int
    posts: int
    others: int


def _has(text: str, texts: tuple[str, ...] | None) -> bool:
    if texts is None:
        return not text
    return any(part in text and len(text) <= len(part) + _SLACK for part in texts)


def fixtures(half: str) -> list[PageFixture]:
    """Return the pages of `building` or `held_out`."""
    return [_fixture(path) for path in sorted((PAGES / half).glob("*.json"))]


def _fixture(path: Path) -> PageFixture:
    values = json.loads(path.read_text("utf-8"))
    posts = [
        ExpectedPost(
            title,
            urljoin(values["url"], link),
            excerpt,
            author,
            tuple(date.split("|")) if date else None,
        )
        for title, link, excerpt, author, date in values["posts"]
    ]
    page = path.with_suffix(".html").read_bytes()
    selectors = PageSelectors(PageKind.HTML, **values["select"])
    return PageFixture(path.stem, page, values["url"], selectors, tuple(posts))


def entries(page: bytes, url: str, selectors: PageSelectors) -> Sequence[CleanEntry]:
    """Return the posts that selectors make of a page; none if the page breaks their contract."""
    try:
        feed = read_page(page, HEADERS, url, PageReading(selectors, SENT_AT)).feed
    except ParseError:
        return ()
    return feed.entries if feed else ()


def verdict(fixture: PageFixture, selectors: PageSelectors | None) -> Verdict:
    """Compare the posts that selectors make of a page with those that must come out."""
    read = entries(fixture.page, fixture.url, selectors) if selectors else ()
    by_link = {entry.url: entry for entry in read}
    right = sum(
        post.link in by_link and post.is_right(by_link[post.link]) for post in fixture.posts
    )
    links = {post.link for post in fixture.posts}
    named = sum(
        post.link in by_link and by_link[post.link].title == post.title for post in fixture.posts
    )
    return Verdict(right, named, len(fixture.posts), sum(entry.url not in links for entry in read))
