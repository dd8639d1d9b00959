"""One entry costs its feed no more than itself, whatever is written in it."""

import json

import pytest

from aggregator.opml import outlines
from aggregator.reading.autodiscovery import advertised_feeds
from aggregator.reading.parse import parse
from aggregator.reading.worker_task import read_document
from aggregator.text.references import attribute_value, unescape
from tests.cpu_time import cpu_limit
from tests.selection import slow_after

URL = "https://example.org/feed"
DIGITS = "9" * 5000
REFERENCES = [f"&#{DIGITS};", f"&#{DIGITS}", f"&#x{DIGITS};", f"&#{'0' * 5000}65;", "&#55357;",
              "&#1114112;", "&#xffffffff;", "&#0;", "&#;", "&#x;", f"&{'n' * 5000};"]  # fmt: skip
ODD = ["http://[::1", "http://a:99999/", "٣" * 5000, DIGITS, f"-{DIGITS}", f"{DIGITS}.{DIGITS}",
       f"{DIGITS}:{DIGITS}", f"1e{DIGITS}", f"Mon, {DIGITS} Jan {DIGITS} {DIGITS}:00:00 GMT",
       f"{DIGITS}-01-01T00:00:00Z", "\ufffe", "²", "a@b@c", f"PT{DIGITS}S"]  # fmt: skip
RSS = [
    "<title>{}</title>",
    "<guid>{}</guid>",
    "<link>{}</link>",
    "<description>{}</description>",
    pytest.param("<author>{}</author>", marks=pytest.mark.slow),
    "<category>{}</category>",
    "<category domain='{}'>a</category>",
    "<pubDate>{}</pubDate>",
    "<comments>{}</comments>",
    "<enclosure url='https://example.org/1.mp3' length='{}' type='audio/mpeg'/>",
    "<enclosure url='{}' length='1' type='{}'/>",
    "<source url='{}'>{}</source>",
    "<i:duration xmlns:i='http://www.itunes.com/dtds/podcast-1.0.dtd'>{}</i:duration>",
    "<m:content xmlns:m='http://search.yahoo.com/mrss/' url='{}' width='{}' duration='{}'/>",
    "<m:content xmlns:m='http://search.yahoo.com/mrss/' url='a.mp3' fileSize='{}' medium='{}'/>",
    "<geo:lat xmlns:geo='http://www.w3.org/2003/01/geo/wgs84_pos#'>{}</geo:lat>",
    "<georss:point xmlns:georss='http://www.georss.org/georss'>{}</georss:point>",
    "<psc:chapter xmlns:psc='http://podlove.org/simple-chapters' start='{}'/>",
]
ATOM = [
    "<title type='html'>{}</title>",
    "<id>{}</id>",
    "<updated>{}</updated>",
    "<content type='html'>{}</content>",
    "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>{}</div></content>",
    "<link href='{}' length='{}' rel='enclosure'/>",
    "<source><id>{}</id><title type='html'>{}</title></source>",
    "<author><name>{}</name><uri>{}</uri><email>{}</email></author>",
]
JSON = ["id", "title", "url", "image", "content_html", "content_text", "summary", "language",
        "date_published", "authors", "tags", "attachments", "_source"]  # fmt: skip


def titles(body: str, content_type: str = "") -> list[str]:
    document = read_document(body.encode(), {"content-type": content_type}, URL)
    assert document.feed is not None
    return [entry.title for entry in document.feed.entries]


def written(text: str) -> list[str]:
    """Return a text as it may stand in XML: escaped once and twice, and not well-formed."""
    escaped = text.replace("&", "&amp;")
    return [escaped, escaped.replace("&", "&amp;"), text]


VALUES = [value for text in (*REFERENCES, *ODD) for value in written(text)]


@pytest.mark.parametrize("element", slow_after(4, RSS))
def test_an_item_of_rss_costs_no_other_item(element):
    for value in VALUES:
        odd = f"<item>{element.replace('{}', value)}</item>"
        body = f"<rss version='2.0'><channel><title>{value}</title>{odd}<item><title>Fine</title>"

        assert titles(f"{body}</item></channel></rss>")[-1:] == ["Fine"]


@pytest.mark.parametrize("element", slow_after(4, ATOM))
def test_an_entry_of_atom_costs_no_other_entry(element):
    for value in VALUES:
        odd = f"<entry>{element.replace('{}', value)}</entry>"
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'>{odd}<entry><title>Fine</title>"

        assert titles(f"{body}</entry></feed>")[-1:] == ["Fine"]


@pytest.mark.parametrize("key", JSON)
def test_an_item_of_json_costs_no_other_item(key):
    texts = [json.dumps(text) for text in (*REFERENCES, *ODD)]
    objects = [
        dict.fromkeys(("url", "name", "mime_type", "size_in_bytes", "id", "title"), text)
        for text in (*REFERENCES, *ODD)
    ]
    numbers = [DIGITS, f"-{DIGITS}", f"1e{DIGITS}", "NaN", "Infinity", "-0", "true", "null"]
    values = [*texts, *numbers, json.dumps([*REFERENCES, *ODD]), json.dumps(objects), "{}"]
    items = ",".join(f'{{"id":"{n}","{key}":{value}}}' for n, value in enumerate(values))

    body = f'{{"version":"https://jsonfeed.org/version/1.1","items":[{items},{{"title":"Fine"}}]}}'

    assert titles(body)[-1] == "Fine"


@pytest.mark.parametrize("inside", ["[", '{"a":', '[{"b":'])
@pytest.mark.parametrize("depth", slow_after(2, [40, 5000, 200_000]))
def test_json_that_is_nested_deeply_costs_no_other_item(inside, depth):
    closing = "".join("]" if sign == "[" else "}" for sign in reversed(inside) if sign in "[{")
    deep = f'{inside * depth}"[{{"{closing * depth}'
    body = (
        f'{{"version":"https://jsonfeed.org/version/1.1","title":"}}","items":'
        f'[{{"title":"Odd","_x":{deep}}},{{"title":"Fine","tags":["a"]}}]}}'
    )

    assert titles(body) == ["Odd", "Fine"]


def test_json_that_is_nested_without_an_end_is_refused_in_linear_time():
    body = '{"version":"https://jsonfeed.org/version/1.1","items":' + "[" * 5000 + '\\"' * 500_000

    with cpu_limit(2), pytest.raises(Exception, match="JSON"):
        parse(body.encode(), headers={}, url=URL)


def test_a_long_integer_is_the_id_that_it_was_written_as():
    body = f'{{"version":"https://jsonfeed.org/version/1.1","items":[{{"id":{"7" * 2000}}}]}}'

    assert parse(body.encode(), headers={}, url=URL).entries[0].guid == "7" * 2000


@pytest.mark.parametrize("text", [*REFERENCES, *ODD], ids=lambda text: text[:12])
def test_pages_and_subscription_lists_are_read_whatever_their_attributes_say(text):
    page = f"<title>{text}</title><link rel=alternate title='{text}' type='application/rss+xml'"
    found = advertised_feeds(f"{page} href='/feed'>".encode(), URL)
    lists = [
        f"<opml><body><outline text='{value}' xmlUrl='{URL}'/></body></opml>"
        for value in written(text)
    ]

    assert [feed.url for feed in found] == [URL]
    assert [[feed.url for feed in outlines.read(one.encode()).feeds] for one in lists] == [
        [URL]
    ] * 3


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&#65;", "A"),
        ("&#65", "A"),
        ("&#x41;", "A"),
        ("&#0000000000065;", "A"),
        ("&#0000000000065abc", "Aabc"),
        ("&#X000000000041g", "Ag"),
        ("&#x0000000000041", "A"),
        ("&#0000000000128;", "\u20ac"),
        ("&#128;", "\u20ac"),
        (f"&#{'9' * 500_000};x", "\ufffdx"),
        (f"&#x{'f' * 500_000};x", "\ufffdx"),
        ("&#55357;", "\ufffd"),
        ("&#00000055357;", "\ufffd"),
        ("&#;", "&#;"),
        ("&amp;#65;", "&#65;"),
        ("&uuml;&notit;", "ü¬it;"),
    ],
    ids=lambda text: text[:20],
)
def test_a_reference_is_read_as_browsers_do_whatever_its_length(reference, text):
    with cpu_limit(0.5):
        assert unescape(reference) == text
    if "notit" not in reference:
        assert attribute_value(reference) == text
