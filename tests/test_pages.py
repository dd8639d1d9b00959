"""Pages without a feed: which posts the selectors of config.yaml make of a document."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.errors import ParseError
from aggregator.model import (
    CleanEntry,
    CleanFeed,
    FailureKind,
    PageKind,
    PageReading,
    PageSelectors,
)
from aggregator.reading.worker_task import read_page

URL = "https://lamp.example/news/"
SENT_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
RECENT = """<!doctype html><html lang="en"><head><title>The Lamp</title></head><body>
<nav><a href="/">Home</a></nav><ul class="recent">
<li><h3><a href="/oil">Oil &amp; <b>wick</b></a></h3><p>How much <em>oil</em>?</p>
  <span class="by">Ada</span> <time datetime="2026-11-30T11:41:00Z">19 minutes ago</time></li>
<li><a href="/glass"><h3>Glass</h3></a><p></p><p>Clear or milky.</p></li>
<li><a href="#">menu</a> <a href="/brass">Brass</a></li>
</ul></body></html>"""


def selectors(item: str = ".recent li", **parts: Any) -> PageSelectors:
    return PageSelectors(PageKind.HTML, item, **parts)


def posts(html: str, first_posts: int | None = None, **parts: Any) -> tuple[CleanEntry, ...]:
    reading = PageReading(selectors(**parts), SENT_AT, first_posts)
    headers = {"content-type": "text/html; charset=utf-8"}
    feed = read_page(html.encode(), headers, URL, reading).feed
    assert feed is not None
    return feed.entries


def refusal(html: str, first_posts: int | None = None, **parts: Any) -> ParseError:
    with pytest.raises(ParseError) as raised:
        posts(html, first_posts, **parts)
    return raised.value


# ------------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("en", "19 minutes ago", "2026-11-30T11:41Z"),
        ("de", "Gestern um 14:05", "2026-11-29T14:05Z"),
        ("fr", "Publié le 05/11/2026 par Ada", "2026-11-05T00:00Z"),
        ("en", "05/11/2026", None),
        ("ar", "منذ ٣ ساعات", "2026-11-30T09:00Z"),
        ("en", "10 min read", None),
    ],
)
def test_a_date_is_read_as_the_people_of_the_page_write_it(language, text, meant):
    html = f"<html lang={language}><ul class=recent><li><a href=/a>A</a><i>{text}</i></ul>"

    (post,) = posts(html, date="i")

    assert post.published_at == (datetime.fromisoformat(meant) if meant else None)
    assert post.date is not None
    assert post.date.text == text


def test_dates_that_could_be_two_days_are_not_a_changed_page():
    html = "<html lang=en><ul class=recent><li><a href=/a>A</a><i>{}</i></ul>"

    def read(text: str) -> CleanFeed | None:
        reading = PageReading(selectors(date="i"), SENT_AT, 1, was_dated=True)
        return read_page(html.format(text).encode(), {}, URL, reading).feed

    feed = read("05/11/2026")
    assert feed is not None
    assert [post.published_at for post in feed.entries] == [None]
    with pytest.raises(ParseError, match="has no date in 1 posts"):
        read("Ada")


def test_the_dates_of_a_page_tell_whether_the_month_stands_first():
    def months(*texts: str) -> list[int | None]:
        items = "".join(f"<li><a href=/{text}>A</a><i>{text}</i></li>" for text in texts)
        html = f"<html lang=en><ul class=recent>{items}</ul>"
        return [post.published_at and post.published_at.month for post in posts(html, date="i")]

    assert months("22/11/2026", "05/11/2026") == [11, 11]
    assert months("11/22/2026", "11/05/2026") == [11, 11]
    assert months("05/11/2026", "06/11/2026") == [None, None]
    assert months("22/11/2026", "11/23/2026", "05/11/2026") == [11, 11, None]


# ------------------------------------------------------------------------ parts


def test_the_link_of_a_heading_to_itself_is_not_a_part_of_the_title():
    heading = (
        '<li><h2>C<a href="/x#c">#</a> 2.0<a class="headerlink" href="#c2">\u00b6</a></h2></li>'
    )

    (post,) = posts(f"<ul class=recent>{heading}</ul>")

    assert (post.title, post.url) == ("C# 2.0", "https://lamp.example/x#c")


def test_the_parts_of_a_post_are_found_without_selectors():
    oil, glass, brass = posts(RECENT)

    assert [post.url for post in (oil, glass, brass)] == [
        f"https://lamp.example/{path}" for path in ("oil", "glass", "brass")
    ]
    assert [post.title_html for post in (oil, glass, brass)] == [
        "Oil &amp; <b>wick</b>",
        "Glass",
        "Brass",
    ]
    assert oil.content_html == "<p>How much <em>oil</em>?</p>"
    assert [post.summary for post in (oil, glass, brass)] == [
        "How much oil?",
        "Clear or milky.",
        "",
    ]
    assert oil.published_at == datetime(2026, 11, 30, 11, 41, tzinfo=UTC)
    assert (glass.published_at, oil.authors, oil.guid) == (None, (), oil.url)


CARD = """<html><head><base href="/b/"></head><body><div class="card" data-at="2026-11-29">
<a class="tag" href="/tag">Tag</a> <h2>Head</h2><a class="more" data-to="x" href="y">more</a>
<div class="lead">Lead &lt;i&gt; <script>alert(1)</script></div><i class="who"> Ada
  L. </i><span>30 Nov 2026, 10:00 UTC</span>
<img class="pixel" src="data:image/gif;base64,AA" data-src="p.jpg"><img class="set"
  srcset="s.jpg 1x, t.jpg 2x"></div></body></html>"""


@pytest.mark.parametrize(
    ("part", "written", "value"),
    [
        ("title_html", {"title": ".lead"}, "Lead &lt;i&gt;"),
        ("title_html", {"title": ".card@data-at"}, "2026-11-29"),
        ("url", {}, "https://lamp.example/tag"),
        ("url", {"link": ".more"}, "https://lamp.example/b/y"),
        ("url", {"link": ".more@data-to"}, "https://lamp.example/b/x"),
        ("url", {"title": ".more"}, "https://lamp.example/b/y"),
        ("summary", {"excerpt": ".lead"}, "Lead <i>"),
        ("summary", {"excerpt": ".more@data-to"}, "x"),
        ("authors", {"author": ".who"}, ("Ada L.",)),
        ("authors", {"author": ".nobody"}, ()),
        ("published_at", {"date": "@data-at"}, datetime(2026, 11, 29, tzinfo=UTC)),
        ("published_at", {"date": "span"}, datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("image", {"image": ".pixel"}, "https://lamp.example/b/p.jpg"),
        ("image", {"image": ".set"}, "https://lamp.example/b/s.jpg"),
        ("image", {"image": ".set@srcset"}, "https://lamp.example/b/s.jpg"),
        ("image", {"image": ".card"}, "https://lamp.example/b/p.jpg"),
        ("image", {}, None),
    ],
)
def test_a_part_is_the_text_of_its_selector_or_an_attribute(part, written, value):
    (post,) = posts(CARD, item=".card", **written)

    assert getattr(post, part) == value


def test_a_link_around_a_post_or_with_a_picture_alone_is_found():
    around = '<a href="/a"><div class="x"><h3>A</h3></div></a><div class="x"><a href="/b">'
    html = f'{around}<img alt="B" src="b.png"></a></div><a class="x" href="/c" title="C"></a>'

    assert [(post.title, post.url) for post in posts(html, item=".x")] == [
        ("A", "https://lamp.example/a"),
        ("B", "https://lamp.example/b"),
        ("C", "https://lamp.example/c"),
    ]


RELEASES = """<h1>Releases</h1><p>All of them.</p>
<h2 id="v2">Version 2</h2><p>Two &amp; <b>new</b>.</p><p>More</p>
<h3>Fixes</h3><time>2 May 2026</time>
<h2 id="v1">Version 1</h2><p></p><h2 id="v0">Version 0</h2><time>1 May 2026</time>
<h1>Imprint</h1><p>Ours</p>"""


def test_what_stands_behind_a_heading_belongs_to_it_up_to_the_next_of_its_rank():
    two, one, zero = posts(RELEASES, item="h2", link="@id")

    assert [post.url for post in (two, one, zero)] == [f"{URL}#v{n}" for n in (2, 1, 0)]
    assert [post.content_html for post in (two, one, zero)] == [
        "<p>Two &amp; <b>new</b>.</p>",
        "",
        "",
    ]
    assert [post.published_at and post.published_at.day for post in (two, one, zero)] == [
        2,
        None,
        1,
    ]


def test_a_term_of_a_list_has_its_description_behind_it():
    terms = "".join(
        f"<dt><a href='/{name}'>{name}</a><dd class=at>30 Nov 2026, 09:00 UTC<dd>About {name}"
        for name in ("oil", "wick")
    )

    oil, wick = posts(f"<dl>{terms}</dl><p>x", item="dt", date=".at", excerpt="dd:not(.at)")

    assert [(post.title, post.summary) for post in (oil, wick)] == [
        ("oil", "About oil"),
        ("wick", "About wick"),
    ]
    assert oil.published_at == wick.published_at == datetime(2026, 11, 30, 9, tzinfo=UTC)


def test_an_author_outside_of_all_posts_is_that_of_all():
    html = RECENT.replace(
        "<nav>", "<meta name=author content='A. L.'><aside><b>Bo</b></aside><nav>"
    )

    assert [post.authors for post in posts(html, author="aside b")] == [("Bo",)] * 3
    assert [post.authors for post in posts(html, author=".by, aside b")] == [("Ada",), (), ()]
    read = read_page(html.encode(), {}, URL, PageReading(selectors(), SENT_AT)).feed
    assert read is not None
    assert read.head.author == "A. L."


def test_what_stands_behind_any_other_item_belongs_to_no_post():
    html = RECENT.replace("</ul>", "<p>footer</p><time>2 May 2026</time></ul>")

    *_, brass = posts(html)

    assert (brass.summary, brass.published_at) == ("", None)


def test_the_page_is_the_head_of_the_feed():
    read = read_page(RECENT.encode(), {}, URL, PageReading(selectors(), SENT_AT)).feed

    assert read is not None
    assert (read.head.title, read.head.site_url, read.head.language) == ("The Lamp", URL, "en")
    assert (read.head.format, read.head.note) == ("HTML", None)


def test_a_post_stands_once_however_often_it_is_selected_or_linked():
    html = RECENT.replace("/glass", "/oil?utm_source=x")

    assert len(posts(html, item=".recent li, li, ul > li")) == 3
    assert len(posts(RECENT.replace("/glass", "/oil"))) == 2


# --------------------------------------------------------------------- contract


MISSING = "is missing in 3 of 3 matches of `.recent li`"


@pytest.mark.parametrize(
    ("html", "first_posts", "parts", "reason"),
    [
        ("<p>x", 5, {}, "page changed: `.recent li` matches nothing (5 expected)"),
        ("<p>x", None, {}, "`.recent li` matches nothing"),
        ("<p>x", None, {"at_least": 3}, "`.recent li` matches nothing (at least 3 expected)"),
        (RECENT, 7, {}, "page changed: `.recent li` matches 3 (at least 4 expected)"),
        (
            RECENT,
            3,
            {"title": "h9"},
            f"page changed: `h9` (title) {MISSING} (at least 2 expected)",
        ),
        (
            re.sub("href", "data-to", RECENT),
            None,
            {"at_least": 0},
            f"a link {MISSING} (at least 0 expected)",
        ),
    ],
)
def test_a_page_without_the_posts_it_had_is_refused(html, first_posts, parts, reason):
    error = refusal(html, first_posts, **parts)

    assert (error.reason, error.kind) == (reason, FailureKind.PAGE_CHANGED)


def test_half_of_the_posts_are_enough_and_a_page_may_be_allowed_to_be_empty():
    assert len(posts(RECENT, 6)) == 3
    assert len(posts(RECENT, 50, at_least=3)) == 3
    assert posts("<p>nothing today</p>", 50, at_least=0) == ()


def test_a_check_for_browsers_is_not_a_changed_page():
    error = refusal("<html><title>Just a moment...</title>", 5)

    assert error.kind is FailureKind.BOT_CHECK


def test_items_without_a_title_or_a_link_are_left_out_and_counted():
    page = PageReading(selectors(), SENT_AT)
    read = read_page(RECENT.replace("/glass", "").encode(), {}, URL, page).feed

    assert read is not None
    assert read.head.note == "1 of 3 items have no title or no link, and are left out"
    assert len(read.entries) == 2


# --------------------------------------------------------------------- hostile pages


@pytest.mark.parametrize(
    ("html", "count", "most_characters"),
    [
        pytest.param(
            "".join(f"<li><a href=/{i}>t</a>" for i in range(6000)),
            5000,
            90_000,
            id="many",
            marks=pytest.mark.slow,
        ),
        pytest.param("<li><a href=/x>" + "<b>x</b>" * 9000, 1, 1000, id="long title"),
        pytest.param(
            "".join(f"<div><a href=/{i}>t</a>" for i in range(300)) + "<p>" + "x" * 90_000,
            300,
            400_000,
            id="the same excerpt in all",
        ),
        pytest.param("<li><a href=/x>a\0b\x1b\ufffe</a><p>\0", 1, 1000, id="control characters"),
        pytest.param("<li>" + "<div>" * 3000 + "<a href=/x>t", 1, 1000, id="deep"),
        pytest.param("<base href='javascript:x'><li><a href=x>t</a>", 1, 1000, id="base"),
        pytest.param(
            "<li><h3><a href=/x " + " ".join(f'b{i}="#"' for i in range(2000)) + ">t</a></h3>",
            1,
            1000,
            id="attributes",
        ),
    ],
)
def test_a_hostile_page_gives_no_more_than_a_page_has(html, count, most_characters):
    read = posts(html, item="li, div:has(> a)")

    assert len(read) == count
    assert sum(len(post.title_html) + len(post.content_html) for post in read) <= most_characters
    assert all(post.title.isprintable() and post.url for post in read)
