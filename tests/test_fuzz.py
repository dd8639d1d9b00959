"""Fuzzing: whatever comes in, what comes out is a value or one of our errors, and can be shown.

Part of every test run with few examples; `make fuzz` takes a profile of many (CONTRIBUTING.md).
"""

import asyncio
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies
from hypothesis.strategies import SearchStrategy

from aggregator import config, urls
from aggregator.errors import ConfigError, FetchError, OpmlError, ParseError
from aggregator.fetch import Fetcher
from aggregator.fetch.content_encoding import BodyDecoder
from aggregator.fetch.failure import FetchFailure
from aggregator.fetch.response_headers import (
    conditional_headers,
    parse_retry_after,
    readable_headers,
    response_validators,
)
from aggregator.fetch.target import Target
from aggregator.model import CleanFeed
from aggregator.opml import outlines as opml
from aggregator.reading.autodiscovery import advertised_feeds
from aggregator.reading.prefilter import without_known_entries
from aggregator.reading.worker_task import read_document
from aggregator.text.encodings import plain_utf8
from tests import fetching
from tests.faults import NOW
from tests.feedserver import FeedServer
from tests.selection import fuzz_examples
from tests.test_corpus import executable

fuzzed = settings(
    max_examples=fuzz_examples(60), deadline=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip

URL = "https://example.org/dir/feed"
# What is worth finding together, rather than one byte in a million.
MARKUP = [
    "<rss version='2.0'>", "<channel>", "<item>", "</item>", "</channel>", "</rss>", "<feed>",
    "<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry>", "</entry>", "</feed>", "<rdf:RDF>",
    "<title>", "</title>", "<title type='xhtml'>", "<link>", "<link href='", "</link>", "<guid>",
    "</guid>", "<id>", "</id>", "<description>", "</description>", "<content type='html'>",
    "<content:encoded>", "<pubDate>", "</pubDate>", "<updated>", "<author>", "</author>", "<name>",
    "<category term='", "<enclosure url='", "' length='", "' type='", "'/>", "'>", "<![CDATA[",
    "]]>", "<!--", "-->", "<!DOCTYPE rss [", "<!ENTITY a 'b'>", "]>", "&a;", "&amp;", "&#0;",
    "&#xD800;", "&#x110000;", "&#55296;", "&nbsp;", "&", "<", ">", "\0", "\x0b", "\x85", "\ufffe",
    "<?xml version='1.0'?>", "<?xml version='1.0' encoding='utf-16'?>", "encoding='", "xml:base='",
    "xml:lang='", "xmlns:media='http://search.yahoo.com/mrss/'", "<media:content url='", "<media:",
    "<georss:point>1", "<itunes:image href='", "<ttl>", "</ttl>", "<textarea>", "<svg>", "<math>",
    "<script>alert(1)</script>", "<p onclick='a()'>", "javascript:", "http://[", "//", "mailto:",
    "data:text/html,", "Mon, 23 Nov 2026 10:00:00 GMT", "2026-11-23T10:00:00Z", "99999999999999",
    "<div>", "</div>", "<b>", "<table>", "<a href='", "<img src=x onerror=a()>", "{", '"', "[",
]  # fmt: skip
JSON = ['{"version": "https://jsonfeed.org/version/1.1"', ', "items": [', '{"id": ', ', "url": ',
        ', "title": ', ', "content_html": ', ', "authors": [{"name": ', ', "date_published": ', "}",
        "]", "]}", '"\\ud800"', '"a"', "1", "1e999", "null", "{}", "[]", "true", '"<b>"',
        ', "attachments": [{"url": ', ', "size_in_bytes": ', ', "tags": [']  # fmt: skip
YAML = [
    "feeds:\n",
    "  - ",
    "url: ",
    "https://example.org/",
    "\n",
    "    ",
    "name: ",
    "interval: ",
    "1h",
    "title: ",
    "&a ",
    "*a",
    "<<: *a",
    "!!python/object:os.system ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "|",
    ">",
    "- ",
    ": ",
    "#",
    "poll: {",
    "database: ",
    "sqlite:///",
    "\t",
    "\x00",
    "web:",
    "network: {allow: [",
    "9" * 30,
    "~",
    "null",
    "2026-01-01",
    "0x1f",
    ".inf",
    "---\n",
    "...",
]


def joined(parts: list[str]) -> SearchStrategy[str]:
    """Return texts of these parts, with anything between."""
    piece = strategies.one_of(strategies.sampled_from(parts), strategies.text(max_size=8))
    return strategies.lists(piece, max_size=40).map("".join)


CHARSETS = ["utf-8", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-7", "shift_jis", "gb18030"]
DOCUMENTS = strategies.one_of(
    strategies.tuples(joined(MARKUP), strategies.sampled_from(CHARSETS)).map(
        lambda pair: pair[0].encode(pair[1], "ignore")
    ),
    joined(JSON).map(lambda text: text.encode("utf-8", "surrogatepass")),
    strategies.binary(max_size=200),
)
TYPES = strategies.one_of(
    strategies.sampled_from(
        ["", "text/xml", "application/xml; charset=utf-8", "text/html; charset=latin-1",
         "application/json", "text/xml; charset=utf-16", "x; charset=undefined", "; charset=base64",
         "text/xml; charset=idna", "text/xml; charset=unicode_escape", "a; charset=\x00"]
    ),
    strategies.text(max_size=30),
)  # fmt: skip


def assert_clean(feed: CleanFeed) -> None:
    """Check that nothing executable, unstorable or of two lines is left."""
    for entry in feed.entries:
        one_line = [entry.title, entry.summary, *entry.authors, *entry.categories]
        assert not any(set(text) & set("\r\n\x00\x0b\ufffe\uffff") for text in one_line)
        assert not executable(entry.title_html + entry.content_html)
        for url in (entry.url, entry.comments_url, *(one.url for one in entry.enclosures)):
            assert url is None or url.startswith(("http://", "https://", "mailto:"))
        repr(entry).encode()
    element = ET.Element("x")
    element.text = feed.head.title + feed.head.subtitle
    ET.fromstring(ET.tostring(element))


@fuzzed
@given(DOCUMENTS, TYPES)
@example(b"<rss><channel><item><title>&#xD800;</title>", "text/xml")
@example(b"\\\x00", "text/xml; charset=unicode_escape")
@example(b"<rss><channel>\\ ", "text/xml; charset=unicode_escape")
def test_any_document_is_a_clean_feed_or_a_parse_error(document, content_type):
    try:
        first = read_document(document, {"content-type": content_type}, URL)
    except ParseError as error:
        assert error.reason.isprintable()
        return
    assert first.feed is not None
    assert_clean(first.feed)
    again = read_document(document, {"content-type": content_type}, URL, first.seen_hashes)
    if first.seen_hashes and not first.feed.cut_short:
        assert again.feed is None or not again.feed.entries


@fuzzed
@given(DOCUMENTS, TYPES, strategies.binary(max_size=64))
def test_the_prefilter_takes_any_bytes(document, content_type, seen_hashes):
    utf8 = plain_utf8(document, content_type)
    cut = without_known_entries(utf8 if utf8 is not None else document, seen_hashes)
    assert cut is None or len(cut.document) <= len(document)


@fuzzed
@given(DOCUMENTS)
def test_discovery_takes_any_bytes(document):
    for found in advertised_feeds(document, url=URL):
        assert urls.is_web(found.url)


@fuzzed
@given(DOCUMENTS)
def test_any_opml_is_read_or_refused(document):
    try:
        outlines = opml.read(document)
    except OpmlError as error:
        assert "\n" not in str(error)
    else:
        repr(outlines).encode()


@fuzzed
@given(joined(YAML))
def test_any_configuration_is_read_or_refused_with_places(text):
    try:
        config.parse(text, path=Path("config.yaml"))
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.startswith("config.yaml")
            assert problem.isprintable()


PIECES = [
    "http://",
    "https:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "[",
    "]",
    "::1",
    "127.0.0.2",
    "0x7f.2",
    "%",
    "%25",
    "%00",
    ".",
    "..",
    "?",
    "#",
    "a",
    "example.org",
    "xn--",
    "é",
    "。",
    "１",
    "\x00",
    " ",
    "user:pw",
    "99999",
    "mailto:",
    "javascript:",
    "\ud800",
    "\t",
    "0177.1",
    "2130706434",
]


@fuzzed
@given(joined(PIECES), joined(PIECES))
def test_any_address_is_a_target_or_a_failure(text, location):
    for function in (urls.host_of, urls.normalized, urls.masked, urls.is_web, urls.is_absolute):
        function(text)
    assert (found := urls.absolute(text, URL)) is None or not set(found) & set("\r\n\t \x00")
    try:
        target = Target.parse(text)
        there = target.follow(location)
    except FetchFailure as failure:
        assert failure.reason.isprintable()
    else:
        for one in (target, there):
            assert one.request.scheme in urls.WEB_SCHEMES
            assert one.request.raw_host
            assert "@" not in one.request.raw_authority
            one.url.encode("ascii")


HEADER_NAMES = ["ETag", "Last-Modified", "Retry-After", "Content-Type", "Content-Encoding", "Age",
                "Cache-Control", "Expires", "Date", "Location", "Content-Length", "X"]  # fmt: skip
HEADERS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(HEADER_NAMES).map(str.encode),
        strategies.one_of(
            strategies.binary(max_size=30),
            strategies.sampled_from(
                [b'W/"1"', b"0", b"-1", b"9" * 400, b"max-age=1", b"gzip, br", b"gzip", b"chunked",
                 b"Thu, 01 Jan 1970 00:00:00 GMT", b"\xff", b"Fri, 31 Dec 9999 23:59:59 -9999"]
            ),
        ),
    ),
    max_size=8,
)  # fmt: skip


@fuzzed
@given(HEADERS)
def test_any_headers_are_read(raw):
    headers = readable_headers(raw)
    validators = response_validators(raw, URL)
    wait = parse_retry_after(headers, now=NOW)

    assert wait is None or wait.total_seconds() >= 0
    for value in conditional_headers(validators, URL).values():
        assert not set(value) & set("\r\n\x00")


@fuzzed
@given(
    strategies.sampled_from(["", "gzip", "deflate", "br", "gzip, br", "br, gzip", "x"]),
    strategies.lists(strategies.binary(max_size=80), max_size=6),
)
def test_any_bytes_are_decoded_or_refused(encodings, chunks):
    try:
        decoder = BodyDecoder(encodings, max_size=1000)
        for chunk in chunks:
            decoder.feed(chunk)
        assert len(decoder.finish()) <= 1000
    except FetchFailure as failure:
        assert failure.reason.isascii()


@pytest.fixture(scope="module")
def server():
    with FeedServer() as running:
        yield running


ANSWERS = strategies.tuples(
    strategies.sampled_from(
        [
            b"HTTP/1.1 200 OK",
            b"HTTP/1.0 200",
            b"HTTP/1.1 301 M",
            b"HTTP/1.1 304",
            b"HTTP/1.1 429 X",
            b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK",
            b"HTTP/2 1",
            b"SSH-2.0",
            b"",
        ]
    ),
    HEADERS,
    strategies.binary(max_size=60),
).map(
    lambda parts: b"\r\n".join([parts[0], *(b"%s: %s" % pair for pair in parts[1]), b"", parts[2]])
)


@settings(fuzzed, max_examples=fuzz_examples(60) // 2 or 1)
@given(strategies.lists(ANSWERS, min_size=8, max_size=8))
def test_any_answer_over_the_wire_is_a_body_or_a_fetch_error(server, answers):
    for number, answer in enumerate(answers):
        server.send(f"/{number}", answer)

    async def run() -> None:
        async with Fetcher(fetching.settings(timeout=3)) as fetcher:
            fetches = (fetcher.fetch(server.url(f"/{n}")) for n in range(len(answers)))
            for result in await asyncio.gather(*fetches, return_exceptions=True):
                if isinstance(result, FetchError):
                    assert result.reason.isascii()
                    assert result.reason.isprintable()
                else:
                    assert not isinstance(result, BaseException), result

    asyncio.run(run())
