"""Documents held to the musts of their formats, and the musts held to documents that break them."""

import re
from pathlib import Path
from typing import Any

import pytest

from aggregator.publish import Format, render
from tests.listed import DIFFICULT, document
from tests.musts import ATOM_MUSTS, JSON_MUSTS, RSS_MUSTS, broken

GOLDEN = Path(__file__).parent / "data" / "publish"
SCHEMA = "appendix B: the schema"
MEMBERS = "members: those of JSON Feed, of their kinds"
ARCHIVE = '<archive xmlns="http://purl.org/syndication/history/1.0"/><generator>'


@pytest.mark.parametrize("form", Format)
def test_a_document_of_difficult_entries_breaks_no_rule(form: Format) -> None:
    assert broken(form, render(DIFFICULT, form)) == []


@pytest.mark.parametrize("form", Format)
def test_a_document_without_entries_breaks_no_rule(form: Format) -> None:
    assert broken(form, render(document(), form)) == []


# What is replaced in the golden document, by what, and the rule that is broken then.
BROKEN_ATOM = [
    ("<id>.*?</id>", "", SCHEMA),
    ("<updated>.*?</updated>", "", SCHEMA),
    ("<title>.*?</title>", r"\g<0>\g<0>", SCHEMA),
    ("<subtitle>.*?</subtitle>", r"\g<0>\g<0>", SCHEMA),
    ("<generator>", "<entry/><generator>", SCHEMA),  # an entry before the end of the head
    ("<generator>", "<item/><generator>", SCHEMA),
    ("<generator>", "<generator name='x'>", SCHEMA),
    ('xml:lang="en-US"', 'xml:lang="en_US"', SCHEMA),
    ("2026-11-23T14:00:00Z", "23 Nov 2026", SCHEMA),
    ("2026-11-23T14:00:00Z", "2026-13-23T14:00:00Z", SCHEMA),
    ("<published>.*?</published>", r"\g<0>\g<0>", SCHEMA),
    ("(?s)<summary.*?</summary>", r"\g<0>\g<0>", SCHEMA),
    ("(?s)<content.*?</content>", r"\g<0>\g<0>", SCHEMA),
    ("(?s)<source.*?</source>", r"\g<0>\g<0>", SCHEMA),
    ('type="html"', 'type="markdown"', SCHEMA),
    ('<title type="html">', r'\g<0><b/>', SCHEMA),
    ("<name>Ada Quill</name>", "", SCHEMA),
    ("<name>Ada Quill</name>", r"\g<0>\g<0>", SCHEMA),
    ("<name>Ada Quill</name>", r"\g<0><email>nobody</email>", SCHEMA),
    ("category term=", "category label=", SCHEMA),
    ('<link rel="self" type="[^"]*" href="[^"]*"', '<link rel="self"', SCHEMA),
    ('type="audio/mpeg"', 'type="mp3"', SCHEMA),
    ("<generator>", "<x xmlns='urn:x'/><generator>",
     "4.1 nothing foreign but Media RSS, iTunes and history"),
    ('rel="self" type', 'rel="alternate" type', "4.1.1 feed: one self link (WebSub, 4)"),
    (r"(?s)(<author>.*?</author>\s*)+", "", "4.1.1 feed: an author, or every entry has one"),
    ("(?s)<content type=.text. />", "", "4.1.2 entry: content or an alternate link"),
    ('<link rel="alternate"[^>]*>', r"\g<0>\g<0>", "4.1.1, 4.1.2 at most one alternate link"),
    ("Ada Quill", " ", "3.2 person: a name that is not empty"),
    ("2026-11-23T14:00:00Z", "2026-11-23T15:00:00+01:00", "3.3 dates: RFC 3339, T and Z"),
    ("2026-11-23T14:00:00Z", "2026-11-23T14:00:00", "3.3 dates: RFC 3339, T and Z"),
    ('term="Light"', 'term=""', "4.2.2 category: a term that is not empty"),
    (r"https://lamp.example/\?p=2", "https://lamp.example/?p=3",
     "4.2.6 ids: absolute, and unique among entries"),
    ("<id>tag:posts", "<id>posts", "4.2.6 ids: absolute, and unique among entries"),
    ('href="https://posts.example/feed"', 'href="/feed"',
     "4.2.7 link: an address, a registered relation, length a number"),
    ("posts/1#comments", "{1}", "4.2.7 link: an address, a registered relation, length a number"),
    ('rel="replies"', 'rel="answers"',
     "4.2.7 link: an address, a registered relation, length a number"),
    ('length="48000000"', 'length="48 MB"',
     "4.2.7 link: an address, a registered relation, length a number"),
    ("<title>Recent posts", "<title>", "4.2.14 title: has a text in a feed and a source"),
    (">2026-11-23 09:00 UTC<", "><", "4.2.14 title: not empty in an entry"),
    ('thumbnail url="https:', 'thumbnail url="', "Media RSS: a thumbnail has an address"),
    ("<generator>", ARCHIVE, "RFC 5005, 4: an archive names the current document"),
    ("(?s)<source.*?</source>", "", "4.2.11 an entry has its source, with id, title, updated"),
    ("(?s)(<source.*?)<title>.*?</title>", r"\1",
     "4.2.11 an entry has its source, with id, title, updated"),
]  # fmt: skip
BROKEN_RSS = [
    ('version="2.0"', 'version="0.91"', "rss: version 2.0, one channel"),
    ("(?s)<channel>.*?</channel>", r"\g<0>\g<0>", "rss: version 2.0, one channel"),
    ("<generator>", "<updated/><generator>", "nothing of RSS that RSS does not know"),
    ("<pubDate>", "<summary/><pubDate>", "nothing of RSS that RSS does not know"),
    ("<guid ", "<guid rel='x' ", "nothing of RSS that RSS does not know"),
    ("<item>", "<item about='x'>", "nothing of RSS that RSS does not know"),
    ("<description>Lamps.*?</description>", "", "channel: one title, link, description"),
    ("<link>https://posts.*?</link>", "", "channel: one title, link, description"),
    ("<language>.*?</language>", r"\g<0>\g<0>",
     "channel: at most one language, lastBuildDate, generator"),
    ("en-US", "en_US", "language: a tag"),
    ("<link>https:", "<link>", "link, comments: addresses that can be followed"),
    ("<comments>https:", "<comments>javascript:",
     "link, comments: addresses that can be followed"),
    (">tag:brook.example,2020:5<", "><", "guid: not empty"),
    ("<category>Light", "<category>", "category: not empty"),
    ('thumbnail url="https:', 'thumbnail url="', "media:thumbnail: an address"),
    ('rel="self"', 'rel="next"', "channel: one atom:link to itself"),
    ("<title>Post 5</title>", "", None),  # one of the two is enough
    ("<description>Notes</description>", "", "item: a title or a description"),
    ("<pubDate>.*?</pubDate>", r"\g<0>\g<0>", "item: nothing twice but categories and creators"),
    ("<enclosure[^>]*>", r"\g<0>\g<0>", "item: nothing twice but categories and creators"),
    ("(?s)<content:encoded>.*?</content:encoded>", r"\g<0>\g<0>",
     "item: nothing twice but categories and creators"),
    ("<dc:creator>Notes</dc:creator>", "", "item: a creator"),
    ("On lamps &amp;amp;", "On &lt;b&gt;lamps",
     "titles and channel's description: the same as HTML"),
    ("Lamps, ledgers", "&lt;!-- Lamps", "titles and channel's description: the same as HTML"),
    ("<dc:creator>Bo Wick", "<dc:creator>", "dc:creator: not empty"),
    ("(?s)(<description>What.*?</description>)\n(<content:encoded>.*?</content:encoded>)", r"\2\1",
     "item: description before content:encoded"),
    ('length="48000000"', 'length="48 MB"', "enclosure: url, length in digits, type"),
    (' length="48000000"', "", "enclosure: url, length in digits, type"),
    ('type="audio/mpeg"', 'type="mp3"', "enclosure: url, length in digits, type"),
    (r"https://lamp.example/\?p=2", "https://lamp.example/?p=3",
     "guid: unique, not called an address"),
    ('isPermaLink="false"', 'isPermaLink="true"', "guid: unique, not called an address"),
    ("11:00:00 GMT", "11:00:00 +0000", "dates: RFC 822 with four digits of year, GMT"),
    ("23 Nov 2026", "23 Nov 26", "dates: RFC 822 with four digits of year, GMT"),
    ('source url="[^"]*"', 'source url="feed.xml"', "source: an absolute url and a title"),
    (">Notes</source>", "></source>", "source: an absolute url and a title"),
]  # fmt: skip
BROKEN_JSON = [
    ('"items":', '"entries":', MEMBERS),
    ('"id":"https://lamp.example/[?]p=3"', '"id":3', MEMBERS),
    ('"description":', '"subtitle":', MEMBERS),
    ('"type":"WebSub",', "", MEMBERS),
    ('"url":"https://lamp.example/posts/1"', '"url":"/posts/1"', MEMBERS),
    ('"summary":"What post 1 says."', '"summary":null', MEMBERS),
    ("2026-11-23T11:00:00Z", "Mon, 23 Nov 2026", MEMBERS),
    ('"language":"de-CH"', '"language":"de_CH"', MEMBERS),
    ('"tags":\\["Light"', '"tags":[{"term":"Light"}', MEMBERS),
    ('"authors":\\[\\{"name":"Ada Quill"\\}', '"authors":["Ada Quill"', MEMBERS),
    ('"mime_type":"audio/mpeg"', '"mime_type":"mp3"', MEMBERS),
    ('"mime_type":"audio/mpeg",', "", MEMBERS),
    ('"size_in_bytes":48000000', '"size_in_bytes":"48000000"', MEMBERS),
    ('"size_in_bytes":48000000', '"size_in_bytes":true', MEMBERS),
    ('"attachments":\\[', '"attachments":[[],', MEMBERS),
    ("version/1.1", "version/1", "version"),
    ('"title":"Recent posts"', '"title":""', "title: not empty"),
    ("[?]before=4194304&limit=4", "", "next_url is not feed_url"),
    (r"https://lamp.example/\?p=2", "https://lamp.example/?p=3",
     "items: ids that are unique"),
    ('"content_text":"",', "", "items: content_html or content_text"),
    ('"content_text":"",', '"content_text":"","content_html":"",',
     "items: content_html or content_text"),
    ('"name":"Bo Wick"', '"name":""', "items: authors, who have a name"),
    ('"_source":\\{.*?\\}', '"_source":"x"',
     "extensions: an object under _, with a title and addresses"),
    ('"feed_url":"https://lamp', '"feed_url":"lamp',
     "extensions: an object under _, with a title and addresses"),
]  # fmt: skip
CASES = [
    (form, *case)
    for form, cases in zip(Format, (BROKEN_ATOM, BROKEN_RSS, BROKEN_JSON), strict=True)
    for case in cases
]


@pytest.mark.parametrize(("form", "pattern", "replacement", "rule"), CASES)
def test_a_broken_document_is_seen(
    form: Format, pattern: str, replacement: str, rule: str | None
) -> None:
    whole = (GOLDEN / f"difficult.{form.suffix}").read_text("utf-8")
    spoilt = re.sub(pattern, replacement, whole, count=1)
    assert spoilt != whole

    found = broken(form, spoilt.encode())

    assert (rule in found) if rule else found == []


@pytest.mark.parametrize(
    ("musts", "cases"),
    [(ATOM_MUSTS, BROKEN_ATOM), (RSS_MUSTS, BROKEN_RSS), (JSON_MUSTS, BROKEN_JSON)],
    ids=[*Format],
)
def test_every_rule_is_broken_by_one_of_them(musts: dict[str, Any], cases: list[Any]) -> None:
    assert set(musts) == {rule for _, _, rule in cases if rule}


@pytest.mark.parametrize(
    "data", [b"<feed>", b"<feed>&nbsp;</feed>", b"<feed>\x00</feed>", b"\xff<feed/>"]
)
def test_what_is_not_well_formed_is_not_even_looked_at(data: bytes) -> None:
    with pytest.raises(SyntaxError):
        broken(Format.ATOM, data)


@pytest.mark.parametrize("data", [b"{", b'{"items":[NaN]}', b"\xff{}"])
def test_what_is_not_json_is_not_even_looked_at(data: bytes) -> None:
    with pytest.raises((ValueError, ZeroDivisionError)):
        broken(Format.JSON, data)
