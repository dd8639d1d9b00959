"""Our way through feedparser's strict parser says what feedparser says alone.

Elements are put together from all that feedparser has a handler for, odd ones, and attributes and
texts that its parser treats in different ways.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from unittest.mock import patch
from xml.sax.saxutils import escape, quoteattr

import feedparser
import pytest

from aggregator.reading.parse import xml_reader
from aggregator.reading.parse.parsers import StrictInContext
from aggregator.reading.parse.strict_parser import StrictParser
from tests.selection import seeds

DRIVER = "aggregator.reading.parse.sax_driver"
URL = "https://example.org/dir/feed"

SPACES = {
    **{prefix: uri for uri, prefix in StrictParser.namespaces.items() if prefix not in {"", "xml"}},
    "yt": "http://www.youtube.com/xml/schemas/2015",
    "odd": "urn:odd",
    "tab": "urn:a&#9;b&#9;c",
    "user": "http://backend.userland.com/rss2",
    "Media": "http://search.yahoo.com/MRSS/",
    "svg": "http://www.w3.org/2000/svg",
    "math": "http://www.w3.org/1998/Math/MathML",
}
DECLARED = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in SPACES.items())
HANDLED = sorted(
    f"{prefix}:{rest}" if prefix in SPACES else name.removeprefix("_start_")
    for name in dir(StrictParser)
    if name.startswith("_start_")
    for prefix, _, rest in [name.removeprefix("_start_").partition("_")]
)
COMMON = (
    "title link id guid pubDate updated content description summary author name email image "
    "textInput source category content:encoded dc:creator div p b items date url height"
).split()
ODD = (
    "feed rss rdf:RDF channel item entry Media:content yt:videoId odd:a tab:a user:title user:x "
    "svg:svg math:math svg svg:title x.y-z Title CATEGORY xhtml:div xhtml:body"
).split()
ATTRIBUTES = (
    ("type", "html"), ("type", "XHTML"), ("type", "text/plain"), ("type", "application/xml"),
    ("TYPE", "image/png"), ("mode", "base64"), ("mode", "escaped"), ("xml:lang", "de_AT"),
    ("lang", "fr"), ("lang", ""), ("xml:base", "http://b.example/c/"), ("xml:base", "ftp:x/"),
    ("base", "http:x/"), ("base", "d/"),
    ("href", "e?f=1"), ("url", "javascript:x"), ("rel", "self"), ("REL", "Enclosure"),
    ("rel", "alternate"), ("isPermaLink", "false"), ("term", "t"), ("scheme", "s"), ("src", "g"),
    ("version", "0.91"), ("rdf:about", "urn:x"), ("XMLNS", "http://purl.org/rss/1.0/"),
    ("xmlns", "http://www.w3.org/2005/Atom"), ("xmlns", "urn:x"), ("xlink:href", "y"),
    ("xmlns:dc", "http://purl.org/rss/1.0/modules/content/"), ("xmlns:odd", "urn:c"),
    ("xmlns:new", "http://www.w3.org/1999/xlink"), ("Media:a", "1"), ("A", "2"), ("a", "3"),
    ("lastmod", "2026-11-02"),
)  # fmt: skip
ATOM = ("xmlns", "http://www.w3.org/2005/Atom")
TEXTS = (
    "", "  ", "text", " a <b>b</b> &amp; c ", "&lt;", "a &copy; b", "a </i> b", "Ã© Ã¼", "ü ’ 字",
    "\x96 \x85 €", "http:////a.example/b?x=1&y;=2&amp;z=3", "/relative", "ann@example.org (Ann)",
    "42", "Mon, 02 Nov 2026 10:00:00 GMT", "2026-11-02T10:00:00+01:00", "c2VjcmV0", "a, b,c",
    "1 2 3 4", "start=2026-01-01;end=2026-02-01", "yes",
)  # fmt: skip


def element(tag: str, attributes: dict[str, str], inside: str) -> str:
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{written}>{inside}</{tag}>"


def text(chance: random.Random) -> str:
    value = chance.choice(TEXTS)
    return chance.choice([escape(value), f"<![CDATA[{value}]]>", f"<!-- x -->{escape(value)}<?y?>"])


def elements(chance: random.Random, tags: list[str], depth: int = 0) -> str:
    if depth == 3 or chance.random() < 0.4:
        return text(chance)
    if chance.random() < 0.1:
        inside = "".join(elements(chance, tags, 2) for _ in range(2))
        return (
            f'<content type="xhtml"> <div>{inside}</div>{chance.choice(["", " ", "x"])}</content>'
        )
    attributes = dict(chance.sample(ATTRIBUTES, k=chance.choice([0, 0, 1, 2])))
    inside = "".join(elements(chance, tags, depth + 1) for _ in range(chance.randint(1, 2)))
    return element(chance.choice(tags), attributes, inside)


def random_document(seed: int) -> bytes:
    chance = random.Random(seed)
    tags = [*chance.choices(COMMON, k=8), *chance.choices(HANDLED, k=4), *chance.choices(ODD, k=2)]
    parts = ["".join(elements(chance, tags) for _ in range(5)) for _ in range(4)]
    inside = "".join([parts[0], *(element("item", {}, part) for part in parts[1:])])
    root = chance.choice(["rss", "feed", "rdf:RDF", "x"])
    attributes = dict([chance.choice([*ATTRIBUTES, *[ATOM] * 20])])
    document = element(root, attributes, element(chance.choice(["channel", "y"]), {}, inside))
    if f'xmlns:{next(iter(attributes))[6:]}="' not in DECLARED:
        document = document.replace(f"<{root}", f"<{root}{DECLARED}", 1)
    whole = document.encode()
    return whole if chance.random() < 0.9 else whole[: chance.randrange(1, len(whole))]


def said(body: bytes, headers: dict[str, str]) -> str:
    try:
        result = feedparser.parse(
            BytesIO(body),
            response_headers={"content-type": "application/xml"} | headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:
        return repr(error)
    error = str(result.get("bozo_exception"))
    return repr((error, result.feed, result.entries, result.version, result.namespaces))


@contextmanager
def parsed_by(parser: type, *drivers: str) -> Iterator[None]:
    with (
        patch.object(feedparser.api, "StrictFeedParser", parser),
        patch.object(feedparser.api, "PREFERRED_XML_PARSERS", list(drivers)),
    ):
        yield


@contextmanager
def parsed_the_long_way() -> Iterator[None]:
    """With feedparser's own methods, on the standard library's driver."""
    names = xml_reader._read.__globals__  # of the one module that names them
    with patch.dict(names, StrictFeedParser=StrictInContext, PREFERRED_XML_PARSERS=[]):
        yield


def says_the_same(body: bytes) -> bool:
    for headers in ({}, {"content-location": URL, "content-language": "en_GB"}):
        with parsed_by(StrictParser, DRIVER):
            short = said(body, headers)
        with parsed_by(StrictInContext):
            if said(body, headers) != short:
                return False
    return True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_our_driver_serves_feedparsers_own_parser_too():
    for seed in range(20):
        with parsed_by(StrictParser, DRIVER):
            short = said(random_document(seed), {})
        with parsed_by(StrictInContext, DRIVER):
            assert said(random_document(seed), {}) == short


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "root",
    ["rss", pytest.param("feed xmlns='http://www.w3.org/2005/Atom'", marks=pytest.mark.slow)],
)
def test_each_element_says_what_it_says_to_feedparser_alone(root):
    different = []
    for tag in (*HANDLED, *ODD):
        alone = [element(tag, {name: value}, "a") for name, value in ATTRIBUTES]
        filled = [element(tag, {}, escape(value)) for value in TEXTS]
        items = "".join(element("item", {}, part) for part in (*alone, *filled))
        body = f"<{root}{DECLARED}><channel>{''.join(filled)}{items}</channel></{root[:4].strip()}>"
        if not says_the_same(body.encode()):
            different.append(tag)

    assert different == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.hypothesis
def test_random_elements_say_what_they_say_to_feedparser_alone():
    assert [seed for seed in seeds(300) if not says_the_same(random_document(seed))] == []
