"""The feeds that web pages name."""

import tracemalloc

import pytest

from aggregator.errors import ParseError
from aggregator.reading import autodiscovery
from aggregator.reading.autodiscovery import (
    advertised_feeds,
    error_with_feed,
)
from tests.cpu_time import cpu_limit
from tests.selection import slow_after, slow_but

URL = "https://blog.example/posts/"


def link(href: str, more: str = 'type="application/rss+xml"') -> str:
    return f'<link rel="alternate" href="{href}" {more}>'


def addresses(page: str) -> list[str]:
    return [feed.url.removeprefix("https://blog.example") for feed in advertised(page)]


def advertised(page: str):
    return advertised_feeds(page.encode(), url=URL)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (link("/rss?a=1&region=eu&copy=2&amp;x=&#51;"), ["/rss?a=1&region=eu&copy=2&x=3"]),
        (link(" \nrss "), ["/posts/rss"]),
        (
            link("feed:https://blog.example/f") + link(" FEED://rss.example/f"),
            ["/f", "http://rss.example/f"],
        ),
        (
            link("blog.example/rss") + link("feed/rss"),
            ["/posts/blog.example/rss", "/posts/feed/rss"],
        ),
        ("<LINK REL=alternate TYPE=application/atom+xml HREF=/atom/>", ["/atom/"]),
        ("<link rel='feed Alternate' type = 'application/feed+json;x=1' href = '/j'>", ["/j"]),
        ("<a rel=alternate type=application/rss+xml href=/a>Feed</a>", ["/a"]),
        (link("/one") + link("/two") + link("/one"), ["/one", "/two"]),
        (link("/comments/feed") + link("/feed"), ["/feed", "/comments/feed"]),
        (link("/a") + "<base href=/sub/><base href=/no/>" + link("b"), ["/a", "/sub/b"]),
        ('<link rel="alternate" href="/first" href="/no" type="application/rss+xml">', ["/first"]),
        (f"<!-- {link('/no')} -->{link('/yes')}", ["/yes"]),
        (f"<!-- {link('/no')} --!>{link('/yes')}", ["/yes"]),
        (f"<script>'{link('/no')}'</script >{link('/yes')}", ["/yes"]),
        (f"<title>{link('/no')}</title><style>{link('/no')}</STYLE>{link('/yes')}", ["/yes"]),
        (f"{link('/yes')}<script>{link('/no')}", ["/yes"]),
        (f"{link('/yes')}<link rel=alternate href='/no", ["/yes"]),
        (link("javascript:alert(1)") + link("mailto:a@b.example") + link(""), []),
        (link("/page", 'type="text/html"') + "<link rel=alternate href=/none>", []),
        ("<linkrel=alternate type=application/rss+xml href=/no>", []),
    ],
)
def test_feeds_are_found_as_browsers_find_them(page, found):
    assert addresses(page) == found


def test_titles_are_read_and_may_be_missing():
    feeds = advertised(link("/a", 'type=application/rss+xml title="R &amp; D"') + link("/b"))

    assert [feed.title for feed in feeds] == ["R & D", None]


@pytest.mark.parametrize(
    "part",
    slow_but(
        ["<script", "="],
        [
            *("<a ", "<a", "<a x='", '<link x="', "<a =", "<!--", "<!-- -->", "<script"),
            *("<script>", "</script ", "<title>", "a b ", " ", "=", "&amp", "<style></style "),
            *("<base href=x>", link("/x"), "<link rel=alternate type=application/rss+xml href=/x"),
        ],
    ),
)
@pytest.mark.parametrize("start", slow_after(1, ["", "<a title="]))
def test_a_hostile_page_takes_no_more_time_than_its_size_deserves(start, part):
    page = (start + part * (1_000_000 // len(part))).encode()
    with cpu_limit(5):  # 0.4 s at most; quadratic time is minutes
        assert len(advertised_feeds(page, url=URL)) <= autodiscovery.MAX_FEEDS


@pytest.mark.slow
@pytest.mark.parametrize("part", slow_after(1, ["<a ", "<a x=y>", link("/x")]))
def test_a_hostile_page_takes_no_memory_of_its_size_for_each_tag(part):
    page = (part * (100_000 // len(part))).encode()

    tracemalloc.start()
    try:
        advertised_feeds(page, url=URL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10 * len(page)


def test_an_address_that_is_too_long_to_show_is_left_out_and_not_cut_within_a_secret():
    error = ParseError("https://blog.example/", "not a feed but a web page")
    address = f"https://blog.example/{'x' * 270}/t0k-5519-zz/feed"

    assert "t0k" not in str(error_with_feed(error, address))
    assert error_with_feed(error, address).named_feed is None
    assert error_with_feed(error, address[:300]).named_feed == address[:300]
