"""What comes out of a document is bounded by what goes in, whatever is written in it."""

import contextlib
import json
import resource

import pytest

from aggregator import urls
from aggregator.errors import ParseError
from aggregator.reading.clean import MAX_GROWTH, clean
from aggregator.reading.parse import parse
from aggregator.reading.sanitize import MAX_GROWTH as MAX_GROWTH_OF_TEXT
from aggregator.reading.sanitize import MAX_OUTPUT, content
from aggregator.reading.worker_task import read_document
from tests.cpu_time import cpu_limit
from tests.selection import slow_after, slow_but
from tests.test_event_loop import HOSTILE, declared

URL = "https://example.org/feed"
LONG = "https://example.org/" + "b" * 100_000 + "/"
ALLOWED = "https://example.org/" + "b" * (urls.MAX_LENGTH - 40) + "/"
RELATIVE = {
    "links": "&lt;a href=x>x&lt;/a>" * 195,
    "many links": "&lt;a href=x>" * 20_000,
    "pictures": "&lt;img src=x>" * 20_000,
    "sets of pictures": "&lt;img srcset='a 1w,b 2w,c 3w,d 4w,e 5w'>" * 5_000,
    "a set of pictures": f"&lt;img srcset='{'a 1w,' * 50_000}'>",
    "frames": "&lt;iframe src=x>&lt;/iframe>" * 10_000,
    "quotations": "&lt;q cite=x>x&lt;/q>" * 20_000,
    "places": "&lt;a href='#a'>x&lt;/a>&lt;p id=a>" * 10_000,
    "letters in addresses": f"&lt;a href='{'ü' * 400_000}'>x&lt;/a>",
    "short addresses of letters": "&lt;a href='ü'>x&lt;/a>" * 20_000,
    "quotation marks": '"&amp;amp;' * 100_000,
    "formulas": "&lt;math>&lt;mi>x&lt;/mi>&lt;/math>&lt;a href=x>x&lt;/a>" * 8_000,
}  # fmt: skip


def rss(*items: str, base: str = ALLOWED) -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss xml:base="{base}" version="2.0"><channel>{inside}</channel></rss>'.encode()


def kept_of(document: bytes) -> tuple[int, list[str]]:
    """Return the characters that are kept of a document, and all of its addresses."""
    read = read_document(document, {}, URL).feed
    assert read is not None
    addresses = [
        address
        for entry in read.entries
        for address in (
            entry.url,
            entry.comments_url,
            entry.image,
            *(enclosure.url for enclosure in entry.enclosures),
            *((entry.origin.feed_url, entry.origin.site_url) if entry.origin else ()),
            read.head.site_url,
        )
        if address
    ]
    texts = [entry.content_html + entry.title_html + entry.summary for entry in read.entries]
    return sum(map(len, (*texts, *addresses))), addresses


@pytest.mark.slow
@pytest.mark.parametrize(
    "base", slow_after(1, [LONG, ALLOWED]), ids=["too long", "as long as allowed"]
)
@pytest.mark.parametrize("text", slow_but(["links", "a set of pictures", "places"], RELATIVE))
def test_a_text_of_relative_addresses_grows_by_a_bound(text, base):
    description = f"<link>https://example.org/1</link><description>{RELATIVE[text]}</description>"
    document = rss(description, base=base)
    with cpu_limit(8):
        kept, addresses = kept_of(document)

    assert kept <= 2 * len(RELATIVE[text]) + MAX_GROWTH_OF_TEXT + 10_000
    assert max(map(len, addresses), default=0) <= urls.MAX_LENGTH


@pytest.mark.slow
@pytest.mark.parametrize(
    "base", slow_after(1, [LONG, ALLOWED]), ids=["too long", "as long as allowed"]
)
@pytest.mark.parametrize(
    "item",
    [
        "<guid>{}</guid><description>&lt;a href=x>x&lt;/a>&lt;img src=x></description>",
        "<link>{}</link><comments>c</comments>",
        pytest.param(
            "<guid>{}</guid>" + "".join(f"<enclosure url='{n}' type='a/b'/>" for n in range(50)),
            marks=pytest.mark.slow,
        ),
        "<guid>{}</guid><source url='s'>S</source><image>t</image>",
    ],
    ids=["texts", "links", "files", "sources"],
)
def test_a_document_of_relative_addresses_grows_by_a_bound(item, base):
    document = rss(*(item.replace("{}", str(n)) for n in range(1_000)), base=base)

    kept, addresses = kept_of(document)

    links = 1_000 * urls.MAX_LENGTH  # of what is beyond the bound each entry keeps its own
    assert kept <= 2 * len(document) + MAX_GROWTH + links + MAX_GROWTH_OF_TEXT
    assert max(map(len, addresses), default=0) <= urls.MAX_LENGTH


@pytest.mark.slow
def test_entries_beyond_the_bound_are_listed_all_the_same():
    enclosures = "".join(f"<enclosure url='{n}' type='a/b'/>" for n in range(50))
    items = [f"<guid>{n}</guid><title>{n}</title>{enclosures}" for n in range(300)]
    read = read_document(rss(*items), {}, URL).feed

    assert read is not None
    assert [entry.title for entry in read.entries] == [str(n) for n in range(300)]
    assert len(read.entries[0].enclosures) == 50
    assert not read.entries[-1].enclosures


def test_bases_within_each_other_do_not_add_up():
    step = "x" * 1900 + "/"
    nested = "".join(f'<b xml:base="{step}">' for _ in range(150))
    body = (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><content type="xhtml">'
        f'<div xmlns="http://www.w3.org/1999/xhtml">{nested}<a href="x">x</a>{"</b>" * 150}</div>'
        f'</content><link href="x"/></entry></feed>'
    )

    kept, addresses = kept_of(body.encode())

    assert kept < 2 * len(body) + 10_000
    assert addresses == ["https://example.org/x"]


@pytest.mark.parametrize("scheme", ["ftp", "https", "x"])
def test_a_base_costs_each_element_a_bounded_time(scheme):
    base = f"{scheme}:x/" + "b" * 300_000
    document = rss("<title>Fine</title>" + "<a/>" * 9_000, "<a/>" * 9_000, base=base)
    with cpu_limit(4):
        feed = read_document(document, {}, URL).feed

    assert feed is not None
    assert feed.entries[0].title == "Fine"


@pytest.mark.slow
def test_a_long_address_of_a_document_is_not_repeated_for_each_of_its_links():
    url = "https://example.org/" + "d" * 30_000 + "/"
    items = [f"<guid>{n}</guid><link>{n}</link><comments>c</comments>" for n in range(1_000)]
    body = json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "items": [{"url": "a"}] * 1_000}
    )

    for document in (rss(*items, base=""), body.encode()):
        read = clean(parse(document, headers={}, url=url), url=url)

        assert [entry.url for entry in read.entries] == [None] * 1_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", slow_after(1, ["a long default namespace", "a long namespace of attributes"])
)
def test_a_long_namespace_costs_no_element_its_length(name):
    with cpu_limit(5):
        read_document(HOSTILE[name].encode(), {}, URL)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_feed_with_long_namespaces_is_read(quote):
    spaces = "\n" * 20
    namespaces = "".join(
        f"{spaces}xmlns:{'p' * 80}{n}{spaces}={quote}{'ü&amp;' * 500}{n}{quote}" for n in range(9)
    )
    item = f"<item><title>Fine</title><{'p' * 80}1:title>Other</{'p' * 80}1:title></item>"
    document = f"<rss{namespaces} version='2.0'><channel>{item}</channel></rss>"

    read = read_document(document.encode(), {}, URL).feed

    assert read is not None
    assert [entry.title for entry in read.entries] == ["Fine"]


@pytest.mark.parametrize("part", ["xmlns=", " xmlns", " xmlns=\"' xmlns='", " xmlns=" + " " * 50])
def test_looking_for_namespaces_takes_linear_time(part):
    document = declared("urn:x", part * (2_000_000 // len(part)))
    with cpu_limit(5), contextlib.suppress(ParseError):
        parse(document.encode(), headers={}, url=URL)


@pytest.mark.parametrize("room", [0, 1, 10, 1000])
def test_a_text_is_cut_where_it_stays_whole(room):
    html = "<p>" + "<b>One</b> <a href='https://example.org/'>two</a> &amp; " * 200

    safe = content(html, base=URL, max_output=room)

    assert len(safe) <= room <= MAX_OUTPUT
    assert safe.count("<") == safe.count(">")
    assert content(safe, base=URL) == safe


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formatting", "blocks"),
    [
        ("".join(f"<b title={n}>" for n in range(900)), "<p>x" * 900),
        ("".join(f"<b title={n}>" for n in range(490)), "<p>x" * 120_000),
        ("".join(f"<i title='{'x' * 10_000}{n}'>" for n in range(10)), "<p>x" * 1_900),
        ("".join(f"<a title='>{'x' * 10_000}{n}'>" for n in range(10)), "<p>x" * 1_900),
        ("".join(f'<u title="><z>{"x" * 10_000}{n}">' for n in range(10)), "<p>x" * 1_900),
        ("".join(f"<em {n}></b>" for n in range(900)), "<p>x</i>" * 10_000),
    ],
    ids=["short", "many blocks", "long values", "ends in values", "tags in values", "other ends"],
)
def test_formatting_that_is_not_ended_is_not_repeated_without_end(formatting, blocks):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    safe = content(f"<p>{formatting}{blocks}", base=URL)

    assert len(safe) <= 2 * len(formatting + blocks) + MAX_GROWTH_OF_TEXT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 150_000


def test_formatting_that_is_not_ended_leaves_an_honest_text_whole():
    text = "<p>" + "".join(f"<font size={n}>" for n in range(3)) + "<p>A line of it" * 1_900

    assert content(text, base=URL).count("A line") == 1_900


@pytest.mark.parametrize("path", ["a b" * 700, "ü" * 2020, "x" * 2100, "%" * 2030])
def test_an_address_is_as_long_as_allowed_or_none(path):
    address = urls.absolute(f"https://example.org/{path}", URL)

    assert address is None or len(address) <= urls.MAX_LENGTH
