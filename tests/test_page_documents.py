"""JSON behind pages, and sitemaps: which posts the selectors of config.yaml make of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.errors import ParseError
from aggregator.model import CleanFeed, PageKind, PageReading, PageSelectors
from aggregator.reading.pages.selector_syntax import mistakes
from aggregator.reading.pages.sitemap_items import title_of_address
from aggregator.reading.worker_task import read_page
from tests.cpu_time import cpu_limit

URL = "https://lamp.example/api/news"
SENT_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
NEWS = {
    "data": {
        "posts": [
            {
                "title": "Oil & wick <b>here",
                "url": "/oil",
                "excerpt": "<p>How <em>much</em> <a href='/x'>oil</a>?</p><script>x</script>",
                "by": {"name": "Ada"},
                "at": 1796038860,
                "picture": "/oil.png",
            },
            {"title": "Glass &#8217;26", "url": "https://lamp.example/glass", "at": 1796038860000},
            {"headline": "Brass", "link": "brass?a=1&b=2", "published": "2 hours ago"},
            {"title": "No link"},
            "text", 5, None, [],
        ]
    }
}  # fmt: skip
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SCHEMA = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(body: bytes, selectors: PageSelectors, content_type: str = "") -> CleanFeed:
    reading = PageReading(selectors, SENT_AT)
    feed = read_page(body, {"content-type": content_type}, URL, reading).feed
    assert feed is not None
    return feed


def json_feed(data: Any, item: str = "$.data.posts[*]", **parts: str) -> CleanFeed:
    return read(json.dumps(data).encode(), PageSelectors(PageKind.JSON, item, **parts))


def sitemap(urls: str, root: str = "urlset") -> CleanFeed:
    body = f"{HEAD}<{root} {SCHEMA}>{urls}</{root}>"
    return read(body.encode(), PageSelectors(PageKind.SITEMAP))


def refusal(body: bytes, selectors: PageSelectors) -> str:
    with pytest.raises(ParseError) as raised:
        read(body, selectors)
    return raised.value.reason


# ------------------------------------------------------------------------ JSON


def test_posts_in_json_have_their_parts_with_paths_and_without():
    feed = json_feed(NEWS, author="by.name", date="$.at", image="picture")
    without_date = json_feed(NEWS)

    oil, glass, brass = feed.entries
    assert (oil.title, oil.url) == ("Oil & wick <b>here", "https://lamp.example/oil")
    assert oil.content_html.startswith('<p>How <em>much</em> <a href="https://lamp.example/x"')
    assert "script" not in oil.content_html
    assert (oil.authors, oil.image) == (("Ada",), "https://lamp.example/oil.png")
    assert oil.published_at == glass.published_at == datetime(2026, 11, 30, 11, 41, tzinfo=UTC)
    assert glass.title == "Glass \u201926"
    assert (brass.title, brass.url) == ("Brass", "https://lamp.example/api/brass?a=1&b=2")
    assert brass.published_at is None
    assert without_date.entries[2].published_at == datetime(2026, 11, 30, 10, tzinfo=UTC)
    assert feed.head.format == "JSON"
    assert feed.head.note == "5 of 8 items have no title or no link, and are left out"


@pytest.mark.parametrize(
    ("item", "count"),
    [("$..posts[*]", 3), ("$.data.posts[0:2]", 2), ("$.data.posts[0]", 1), ("$['data'].*[1]", 1),
     ("$.data.posts[-7,1]", 1), ("$..posts[::-1]", 3)],
)  # fmt: skip
def test_a_path_names_children_indexes_slices_and_descendants(item, count):
    assert len(json_feed(NEWS, item).entries) == count


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_json_is_read_in_any_utf(encoding):
    body = json.dumps([{"title": "Öl 油", "url": "/oil"}], ensure_ascii=False).encode(encoding)

    (oil,) = read(body, PageSelectors(PageKind.JSON, "$[*]")).entries

    assert oil.title == "Öl 油"


@pytest.mark.parametrize(
    ("selectors", "part", "message"),
    [
        ({"item": "$.posts[?@.a > 1]"}, "item", "has a filter, which is not supported"),
        ({"item": "$[?match(@.a, '(a+)+b')]"}, "item", "has a filter"),
        ({"item": "$.posts["}, "item", "is not a JSONPath; write one such as $.posts[*]"),
        ({"item": "$" + "[$" * 200}, "item", "is not a JSONPath"),
        ({"item": "$" + ".a" * 300}, "item", "is too long"),
        ({"item": "$..*..*"}, "item", "has .. more than once"),
        ({"item": "$.a | $.b"}, "item", "is not a JSONPath"),
        ({"item": "$[99999999999999999999]"}, "item", "is not a JSONPath"),
        ({"item": "$[*]", "title": "a[b"}, "title", "is not a JSONPath"),
        ({"item": "$[*]", "link": "$.a.~"}, "link", "is not a JSONPath"),
    ],
)
def test_what_is_not_a_plain_path_is_refused_with_what_to_write(selectors, part, message):
    messages = mistakes(PageSelectors(PageKind.JSON, **selectors))

    assert list(messages) == [part]
    assert message in messages[part]


def test_paths_of_parts_may_be_keys_of_any_characters():
    data = [{"a-b c": "Oil", "@id": "/oil", "x": [{"y": "Ada"}]}]

    (oil,) = json_feed(data, "$[*]", title="a-b c", link='["@id"]', author="@.x[0].y").entries

    assert (oil.title, oil.url, oil.authors) == ("Oil", "https://lamp.example/oil", ("Ada",))


def test_a_document_that_is_not_the_expected_json_is_refused():
    selectors = PageSelectors(PageKind.JSON, "$.posts[*]")

    assert refusal(b"<!doctype html><p>Hello</p>", selectors) == "not JSON"
    assert refusal(b"\xff\xfe\x00", selectors) == "not JSON"
    assert refusal(b'"text"', selectors) == "`$.posts[*]` matches nothing"
    assert refusal(b'{"posts": "text"}', selectors) == "`$.posts[*]` matches nothing"
    with pytest.raises(ParseError, match="page changed: not JSON"):
        read_page(b"<p>", {}, URL, PageReading(selectors, SENT_AT, first_posts=3))


def test_hostile_json_is_read_within_limits():
    deep = b'{"posts":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    bad = [{"title": "a\x00\ud800b", "url": "/a", "date": 10**400, "image": "javascript:x"}]
    bad += [
        {"title": 5, "url": ["x"], "date": True},
        {"title": {"a": 1}, "url": "mailto:a@b.example"},
    ]

    with cpu_limit(5):
        assert "matches nothing" in refusal(deep, PageSelectors(PageKind.JSON, "$.posts[*].x"))
        reason = refusal(deep, PageSelectors(PageKind.JSON, "$..x"))
        assert "nested too deeply" in reason or "matches nothing" in reason
        (post,) = json_feed(bad, "$[*]").entries

    assert (post.title, post.image, post.published_at) == ("ab", None, None)


@pytest.mark.slow
def test_of_too_many_posts_in_json_the_first_are_read():
    posts = [{"title": str(number), "url": f"/{number}"} for number in range(6000)]

    entries = json_feed(posts, "$[*]").entries

    assert [len(entries), entries[-1].title] == [5000, "4999"]


# ------------------------------------------------------------------------ sitemaps


def test_the_pages_of_a_sitemap_are_posts_with_titles_from_their_addresses():
    feed = sitemap(
        "<url><loc>https://lamp.example/2026/new-lamp.html</loc><lastmod>2026-11-29</lastmod></url>"
        "<url><loc> https://lamp.example/%C3%B6l_und-docht/ </loc>"
        "<lastmod>2026-11-30T11:41:00+01:00</lastmod><changefreq>daily</changefreq></url>"
        "<url><loc>mailto:a@b.example</loc></url><url/>"
    )

    new, oil = feed.entries
    assert (new.title, new.url) == ("New lamp", "https://lamp.example/2026/new-lamp.html")
    assert new.date is not None
    assert (new.date.field, new.date.whole_day) == ("updated", True)
    assert oil.title == "Öl und docht"
    assert oil.published_at == datetime(2026, 11, 30, 10, 41, tzinfo=UTC)
    assert (feed.head.format, feed.head.site_url) == ("Sitemap", "https://lamp.example/")
    assert feed.head.note == "2 of 4 items have no title or no link, and are left out"


def test_a_sitemap_of_news_has_titles_dates_and_pictures():
    feed = sitemap(
        '<url xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'
        ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
        "<image:image><image:loc>https://lamp.example/oil.png</image:loc></image:image>"
        "<loc>https://lamp.example/oil</loc><lastmod>2026-11-30</lastmod>"
        "<n:news><n:publication><n:name>The Lamp</n:name></n:publication>"
        "<n:publication_date>2026-11-29T08:00Z</n:publication_date>"
        "<n:title>Oil &amp; <![CDATA[<b>wick]]></n:title></n:news></url>"
    )

    (oil,) = feed.entries
    assert (oil.title, oil.url) == ("Oil & <b>wick", "https://lamp.example/oil")
    assert oil.published_at == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert oil.image == "https://lamp.example/oil.png"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/2026/11/29/the-new-lamp/", "The new lamp"),
        ("/blog/2026-11-29-the-new-lamp.html", "The new lamp"),
        ("/posts/12345", "Posts"),
        ("/lamps/index.html", "Lamps"),
        ("/a+b_c%20d", "A b c d"),
        ("/%E6%B2%B9", "油"),
        ("/", "lamp.example"),
        ("/2026/11/", "lamp.example/2026/11"),
        ("/%ff%fe", "\ufffd\ufffd"),
    ],
)
def test_a_page_without_a_title_is_called_as_its_address_ends(path, title):
    expected = f"lamp.example/{path.strip('/')}" if title.startswith("\ufffd") else title

    assert title_of_address(f"https://lamp.example{path}") == expected


def test_a_sitemap_of_sitemaps_is_refused_with_the_address_of_the_newest():
    children = (
        "<sitemap><loc>https://lamp.example/1.xml</loc><lastmod>2026-01-01</lastmod></sitemap>"
        "<sitemap><loc>https://lamp.example/3.xml</loc><lastmod>2026-11-30</lastmod></sitemap>"
        "<sitemap><loc>https://lamp.example/2.xml</loc></sitemap>"
    )

    with pytest.raises(ParseError) as raised:
        sitemap(children, root="sitemapindex")

    assert raised.value.reason == (
        "a sitemap of sitemaps; use one of them, such as the newest: https://lamp.example/3.xml"
    )


@pytest.mark.slow
def test_of_too_many_pages_those_that_changed_last_are_read():
    urls = "".join(
        f"<url><loc>https://lamp.example/p{number}</loc>"
        f"<lastmod>{2000 + number // 300}-01-01</lastmod></url>"
        for number in range(6000)
    )

    entries = sitemap(urls).entries

    assert len(entries) == 5000
    assert [entries[0].url, entries[-1].url] == [
        "https://lamp.example/p900", "https://lamp.example/p5999"
    ]  # fmt: skip


BOMB = '<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (f"{HEAD}{BOMB}<urlset><url><loc>&b;</loc></url></urlset>", "entities of its own"),
        (f"<urlset {SCHEMA}><url>", "not XML"),
        ("<urlset>" + "<a>" * 100_000, "too many elements"),
        (f'<urlset xmlns="{"a" * 300}"/>', "a namespace that is too long"),
        ("<rss><channel/></rss>", "XML of another kind"),
        ("<!doctype html><p>Hello", "not XML"),
        (f"<urlset {SCHEMA}/>", "the sitemap has no pages"),
        ("", "not XML"),
    ],
)
def test_a_document_that_is_not_a_sitemap_is_refused(document, reason):
    with cpu_limit(5):
        assert reason in refusal(document.encode(), PageSelectors(PageKind.SITEMAP))
