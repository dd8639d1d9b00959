"""Entries as Atom, RSS and JSON Feed: golden files, other readers, hostile text."""

import html
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Enclosure, ListedEntry, Origin, Source
from aggregator.publish import Document, Format, last_modified_at, render, updated_at
from aggregator.reading.parse import parse
from tests.listed import (
    ATOM,
    CONTENT,
    COPIED,
    DIFFICULT,
    FULL,
    NOON,
    document,
    entry,
    links,
    source,
)
from tests.selection import examples

GOLDEN = Path(__file__).parent / "data" / "publish"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
XML = (Format.ATOM, Format.RSS)
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def atom(*entries: ListedEntry, **changes: Any) -> ET.Element:
    return ET.fromstring(render(document(*entries, **changes), Format.ATOM))


def atom_entry(only: ListedEntry) -> ET.Element:
    return atom(only).findall(f"{ATOM}entry")[0]


def rss_item(only: ListedEntry) -> ET.Element:
    return ET.fromstring(render(document(only), Format.RSS)).findall("channel/item")[0]


def json_item(only: ListedEntry) -> dict[str, Any]:
    item: dict[str, Any] = json.loads(render(document(only), Format.JSON))["items"][0]
    return item


def as_read(text: str) -> str:
    """What is left of `text` after a strict parser: no illegal characters, line ends as LF."""
    return ILLEGAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


# --------------------------------------------------------------------- bytes


@pytest.mark.parametrize("form", Format)
def test_a_document_is_written_as_the_golden_file_shows(form: Format) -> None:
    assert render(DIFFICULT, form) == (GOLDEN / f"difficult.{form.suffix}").read_bytes()


@pytest.mark.parametrize("form", Format)
def test_the_same_document_gives_the_same_bytes(form: Format) -> None:
    again = replace(DIFFICULT, entries=[replace(one) for one in DIFFICULT.entries])

    assert render(DIFFICULT, form) == render(again, form)


@pytest.mark.parametrize("form", Format)
def test_times_of_any_zone_are_written_in_utc(form: Format) -> None:
    tokyo = timezone(timedelta(hours=9))
    moved = replace(FULL, listed_at=FULL.listed_at.astimezone(tokyo))

    assert render(document(moved), form) == render(document(FULL), form)


@pytest.mark.parametrize("form", Format)
def test_an_entry_stays_the_same_when_its_source_has_news(form: Format) -> None:
    later = replace(FULL, source=replace(FULL.source, updated_at=NOON + timedelta(days=99)))

    assert render(document(later), form) == render(document(FULL), form)


def test_every_format_has_its_suffix_and_media_type() -> None:
    assert {form.suffix: form.content_type for form in Format} == {
        "atom": "application/atom+xml; charset=utf-8",
        "rss": "application/rss+xml; charset=utf-8",
        "json": "application/feed+json; charset=utf-8",
    }


def test_writing_leaves_the_prefixes_of_other_users_of_elementtree_alone() -> None:
    foreign = ET.Element(f"{ATOM}feed")
    before = ET.tostring(foreign)

    render(DIFFICULT, Format.ATOM)
    render(DIFFICULT, Format.RSS)

    assert ET.tostring(foreign) == before


@pytest.mark.parametrize("form", Format)
def test_a_password_in_a_feed_address_is_not_published(form: Format) -> None:
    assert b"secret" not in render(DIFFICULT, form)


def test_a_password_in_a_feed_id_is_not_published() -> None:
    private = source(feed_id="https://me:secret@lamp.example/feed")

    written = render(document(entry(source=private)), Format.ATOM)

    assert b"secret" not in written


@pytest.mark.parametrize("form", Format)
def test_the_path_of_a_local_feed_is_not_published(form: Format) -> None:
    assert b"samples/" not in render(DIFFICULT, form)


# --------------------------------------------------------------------- dates


def test_a_document_is_as_new_as_its_newest_entry() -> None:
    edited = entry(3, updated_at=NOON + timedelta(days=1))

    assert updated_at(document(entry(1), edited, entry(2))) == NOON + timedelta(days=1)


def test_an_update_dated_before_the_entry_does_not_make_the_document_older() -> None:
    assert updated_at(document(entry(1, updated_at=NOON - timedelta(days=9)))) == (
        NOON - timedelta(hours=1)
    )


def test_a_document_without_entries_has_no_date_of_today() -> None:
    assert updated_at(document()) == datetime(1970, 1, 1, tzinfo=UTC)


def test_last_modified_is_the_newest_change_of_what_is_published() -> None:
    assert last_modified_at([entry(2), entry(5), entry(1)]) == NOON + timedelta(minutes=5)
    assert last_modified_at([]) is None


# ------------------------------------------------------------- read by others


@pytest.mark.parametrize("form", XML)
def test_feedparser_reads_ids_dates_sources_and_authors_without_complaint(form: Format) -> None:
    feed = feedparser.parse(render(DIFFICULT, form))
    first = feed.entries[0]

    assert not feed.bozo
    assert [one.id for one in feed.entries] == [one.public_id for one in DIFFICULT.entries]
    assert first.published_parsed[:6] == (2026, 11, 23, 11, 0, 0)
    assert first.source.title == "Lamp & Ledger"
    assert [author.name for author in first.authors] == ["Ada Quill", "Bo Wick"]
    assert [tag.term for tag in first.tags] == ["Light", "Öl & Wachs"]
    assert first.enclosures[0].href == "https://lamp.example/1.mp3?a=1&b=2"
    assert (first.enclosures[0].type, first.enclosures[0].length) == ("audio/mpeg", "48000000")
    assert first.content[0].value == "<p>All of post 1.</p>"
    assert first.summary == "What post 1 says."
    assert first.link == "https://lamp.example/posts/1"
    assert feed.feed.updated_parsed[:6] == (2026, 11, 23, 14, 0, 0)
    assert {link.rel for link in feed.feed.links} == {"self", "alternate", "next", "hub"}


def test_feedparser_reads_the_markup_of_an_atom_title_and_the_update() -> None:
    first = feedparser.parse(render(DIFFICULT, Format.ATOM)).entries[0]

    assert first.title == "On <em>lamps</em> &amp; &lt;ledgers&gt;"
    assert first.updated_parsed[:6] == (2026, 11, 23, 14, 0, 0)
    assert first.source.id == "tag:lamp.example,2001:feed"


# ---------------------------------------------------------------- single points


def test_a_title_without_markup_is_text_even_if_it_holds_references() -> None:
    title = atom_entry(entry(title="R&D", title_html="R&amp;D")).find(f"{ATOM}title")

    assert title is not None
    assert (title.get("type"), title.text) == ("text", "R&D")


def test_an_entry_without_authors_gets_its_sources_author_else_its_name() -> None:
    name = f"{ATOM}author/{ATOM}name"
    anonymous, signed = source(), source(author="Ada Quill")

    assert atom_entry(entry(source=signed, authors=(" ",))).findtext(name) == "Ada Quill"
    assert atom_entry(entry(source=anonymous)).findtext(name) == "Lamp & Ledger"
    assert rss_item(entry(source=signed)).findtext(f"{DUBLIN_CORE}creator") == "Ada Quill"
    assert rss_item(entry(source=anonymous)).findtext(f"{DUBLIN_CORE}creator") == "Lamp & Ledger"
    assert json_item(entry(source=signed))["authors"] == [{"name": "Ada Quill"}]
    assert json_item(entry(source=anonymous))["authors"] == [{"name": "Lamp & Ledger"}]


LONG = "The lamps of the harbour were lit an hour early, as the fog had come in from the sea; " * 3


@pytest.mark.parametrize(
    ("summary", "title"),
    [
        ("What the post says.", "What the post says."),
        (
            LONG,
            "The lamps of the harbour were lit an hour early, as the fog had come in from…",
        ),
        ("x" * 200, "x" * 80 + "…"),
        (" ", "2026-11-23 11:00 UTC"),
        ("", "2026-11-23 11:00 UTC"),
    ],
)
def test_an_atom_title_is_made_of_the_excerpt_or_the_date_where_there_is_none(
    summary: str, title: str
) -> None:
    untitled = entry(1, title="", title_html="", summary=summary)

    written = atom_entry(untitled).find(f"{ATOM}title")

    assert written is not None
    assert (written.get("type"), written.text) == ("text", title)
    assert rss_item(untitled).find("title") is None  # what RSS and JSON Feed allow, and mean
    assert "title" not in json_item(untitled)


@pytest.mark.parametrize(
    ("title", "in_rss"),
    [
        ("How <script> loads", "How &lt;script&gt; loads"),
        ("Use <b>x</b> & <i>", "Use &lt;b&gt;x&lt;/b&gt; &amp; &lt;i&gt;"),
        ("What &copy; and &lt; mean", "What &amp;copy; and &amp;lt; mean"),
        ("<!-- a comment -->", "&lt;!-- a comment --&gt;"),
        ("The </end>", "The &lt;/end&gt;"),
        ("&#60;b>", "&amp;#60;b&gt;"),
        ("&copy2026", "&amp;copy2026"),  # HTML knows some without the semicolon
        ("<\x00b>bold", "&lt;b&gt;bold"),
        ("AT&T", "AT&T"),
        ("R&D; 1 < 2, a <3 b, 3 > 2", "R&D; 1 < 2, a <3 b, 3 > 2"),
    ],
)
def test_an_rss_title_is_the_same_for_readers_that_take_it_for_html(
    title: str, in_rss: str
) -> None:
    said = title.replace("\x00", "")
    channel = ET.fromstring(
        render(document(entry(title=title, title_html=""), title=title), Format.RSS)
    )[0]

    assert channel.findtext("title") == channel.findtext("item/title") == in_rss
    assert html.unescape(in_rss) == said
    read = feedparser.parse(render(document(entry(title=title, title_html="")), Format.RSS))
    shown = read.entries[0].title_detail
    assert (html.unescape(shown.value) if shown.type == "text/html" else shown.value) == said


def test_the_description_of_an_rss_channel_is_html() -> None:
    written = render(document(subtitle="On <script> & <b>"), Format.RSS)

    assert ET.fromstring(written)[0].findtext("description") == "On &lt;script&gt; &amp; &lt;b&gt;"
    assert html.unescape(feedparser.parse(written).feed.subtitle) == "On <script> & <b>"


@pytest.mark.parametrize(
    ("entry_language", "source_language", "said"),
    [
        ("de", None, "de"),
        (None, "pt_BR", "pt-BR"),
        ("en", None, None),
        ("EN", "de", None),
        (None, None, None),
        ("<x>", "not a tag", None),
    ],
)
def test_an_entry_says_its_language_where_it_differs_from_the_documents(
    entry_language: str | None, source_language: str | None, said: str | None
) -> None:
    foreign = entry(language=entry_language, source=source(language=source_language))

    written = atom(foreign, language="en").find(f"{ATOM}entry")

    assert written is not None
    assert written.get(LANG) == said


def test_only_an_address_that_can_be_followed_becomes_a_link() -> None:
    strange = entry(url="mailto:ada@lamp.example", comments_url="javascript:alert(1)")

    assert links(atom_entry(strange)) == {}
    assert rss_item(strange).find("link") is None
    assert rss_item(strange).find("comments") is None
    assert "url" not in json_item(strange)


SCRIPTS = [
    "javascript:alert(1)", "JaVaScript:alert(1)", "vbscript:x", "data:text/html,<b>", "blob:x",
    "file:///etc/passwd", "mailto:ada@lamp.example", "//lamp.example/feed", "feed:x", "x", "",
]  # fmt: skip
FOLLOWED = re.compile(r"https?://|(?:urn|tag):")


@pytest.mark.parametrize("address", SCRIPTS)
def test_every_address_that_is_published_is_one_of_the_web(address: str) -> None:
    strange = entry(
        url=address,
        comments_url=address,
        image=address,
        enclosures=(Enclosure(address, "audio/mpeg"),),
        source=source(feed_url=address, site_url=address, feed_id=address),
    )
    copied = replace(strange, origin=Origin("", address, address, address))
    for each in (strange, copied):
        item = rss_item(each)
        addresses = [value for part in item.iter() for value in (part.get("url"),) if value]
        addresses += [each.get("href", "") for each in atom_entry(each).iter(f"{ATOM}link")]
        as_json = json_item(each)
        named = as_json["_source"]
        addresses += [each["url"] for each in as_json.get("attachments", [])]
        addresses += [named[key] for key in ("url", "feed_url") if key in named]
        addresses += [as_json[key] for key in ("url", "image") if key in as_json]

        assert item.find("source") is not None
        assert [url for url in addresses if not FOLLOWED.match(url)] == []
        assert "alert(1)" not in str(named.get("id")) or each.origin is None


def test_the_name_of_a_first_source_stays_what_it_was() -> None:
    for name in ("urn:uuid:1", "tag:lamp.example,2026:/", "https://lamp.example/feed"):
        copied = entry(origin=Origin("Lamp", name, None, None))

        assert rss_item(copied).find("source").get("url") == name
        assert json_item(copied)["_source"]["id"] == name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"summary": "An excerpt.", "title": "A title"}, "An excerpt."),
        ({"summary": "", "title": "A title"}, "A title"),
        ({"summary": "", "title": ""}, ""),
    ],
)
def test_an_entry_without_link_and_content_has_its_excerpt_or_title_as_content(
    fields: dict[str, Any], said: str
) -> None:
    bare = entry(url=None, content_html=None, title_html="", **fields)

    content = atom_entry(bare).find(f"{ATOM}content")

    assert content is not None
    assert (content.get("type"), content.text or "") == ("text", said)
    assert json_item(bare)["content_text"] == said


def test_an_entry_with_a_link_but_no_content_has_no_content_element() -> None:
    assert atom_entry(entry(content_html="")).find(f"{ATOM}content") is None
    assert rss_item(entry(content_html=None)).find(f"{CONTENT}encoded") is None


def test_an_rss_description_is_the_excerpt_as_html() -> None:
    item = rss_item(entry(summary="1 < 2 & 3 > 2"))

    assert item.findtext("description") == "1 &lt; 2 &amp; 3 &gt; 2"


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        (
            {"content_html": "<img src='https://lamp.example/a'>"},
            "<img src='https://lamp.example/a'>",
        ),
        ({"content_html": None}, "https://lamp.example/posts/1"),
        ({"content_html": None, "url": None}, "Lamp &amp; Ledger"),
    ],
)
def test_an_rss_item_without_title_and_excerpt_describes_itself_with_what_there_is(
    fields: dict[str, Any], description: str
) -> None:
    item = rss_item(entry(title="", title_html="", summary="", **fields))

    assert item.find("title") is None
    assert item.findtext("description") == description
    assert item.find(f"{CONTENT}encoded") is None


def test_rss_carries_the_first_enclosure_and_the_others_all() -> None:
    both = (Enclosure("https://lamp.example/a"), Enclosure("https://lamp.example/b", "x/y", 7))
    written = entry(enclosures=both)

    enclosures = rss_item(written).findall("enclosure")

    assert [one.attrib for one in enclosures] == [
        {"url": "https://lamp.example/a", "length": "0", "type": "application/octet-stream"}
    ]
    assert [
        link.attrib for link in atom_entry(written).findall(f"{ATOM}link[@rel='enclosure']")
    ] == [
        {"rel": "enclosure", "href": "https://lamp.example/a"},
        {"rel": "enclosure", "href": "https://lamp.example/b", "type": "x/y", "length": "7"},
    ]
    assert json_item(written)["attachments"] == [
        {"url": "https://lamp.example/a", "mime_type": "application/octet-stream"},
        {"url": "https://lamp.example/b", "mime_type": "x/y", "size_in_bytes": 7},
    ]


def test_the_length_of_a_recording_is_published_in_every_format() -> None:
    written = entry(
        enclosures=(Enclosure("https://lamp.example/a.mp3", "audio/mpeg", 7, duration=3661),)
    )

    assert rss_item(written).findtext(f"{ITUNES}duration") == "3661"
    assert atom_entry(written).findtext(f"{ITUNES}duration") == "3661"
    assert json_item(written)["attachments"][0]["duration_in_seconds"] == 3661
    for form in Format:
        (read,) = parse(
            render(document(written), form), headers={}, url="https://a.example/"
        ).entries
        assert read.enclosures == written.enclosures


@pytest.mark.parametrize("nonsense", ["mp3", "", "audio/", "a b/c", "audio/mpeg\x00", None])
def test_a_type_that_is_none_is_not_passed_on(nonsense: str | None) -> None:
    written = entry(enclosures=(Enclosure("https://lamp.example/a", nonsense, 7),))

    (link,) = atom_entry(written).findall(f"{ATOM}link[@rel='enclosure']")
    (enclosure,) = rss_item(written).findall("enclosure")

    assert link.get("type") is None
    assert enclosure.get("type") == "application/octet-stream"
    assert json_item(written)["attachments"][0]["mime_type"] == "application/octet-stream"


def test_a_source_is_named_by_its_own_id_else_by_its_address() -> None:
    def source_id(written: Source) -> str | None:
        return atom_entry(entry(source=written)).findtext(f"{ATOM}source/{ATOM}id")

    assert source_id(source(feed_id="urn:lamp")) == "urn:lamp"
    assert source_id(source(feed_id="not absolute")) == "https://lamp.example/feed.xml"
    assert source_id(source()) == "https://lamp.example/feed.xml"


def test_an_entry_of_an_aggregate_keeps_the_source_that_it_came_with() -> None:
    copied = atom_entry(COPIED).find(f"{ATOM}source")
    item = rss_item(COPIED).find("source")

    assert copied is not None and item is not None
    assert copied.findtext(f"{ATOM}id") == "tag:brook.example,2020:/"
    assert links(copied) == {
        "self": "https://brook.example/feed",
        "alternate": "https://brook.example/",
    }
    assert copied.findtext(f"{ATOM}rights") == "CC0"
    assert (item.get("url"), item.text) == ("https://brook.example/feed", "Brook <&> Notes")
    assert json_item(COPIED)["_source"] == {
        "title": "Brook <&> Notes",
        "url": "https://brook.example/",
        "feed_url": "https://brook.example/feed",
        "id": "tag:brook.example,2020:/",
    }


def test_the_author_of_an_aggregate_is_not_the_author_of_what_it_copies() -> None:
    assert atom_entry(COPIED).findtext(f"{ATOM}author/{ATOM}name") == "Brook <&> Notes"
    assert rss_item(COPIED).findtext(f"{DUBLIN_CORE}creator") == "Brook <&> Notes"
    assert json_item(COPIED)["authors"] == [{"name": "Brook <&> Notes"}]


def test_a_picture_is_a_thumbnail_of_media_rss_and_an_image_of_json_feed() -> None:
    media = "{http://search.yahoo.com/mrss/}thumbnail"

    for element in (atom_entry(COPIED), rss_item(COPIED)):
        assert [one.get("url") for one in element.findall(media)] == [
            "https://brook.example/5.jpg?a&b"
        ]
    assert json_item(COPIED)["image"] == "https://brook.example/5.jpg?a&b"
    assert b"mrss" not in render(document(FULL), Format.RSS)


@pytest.mark.parametrize("path", ["samples/a.xml", "/srv/a.xml", "C:\\a.xml", "file:///srv/a.xml"])
def test_a_local_source_has_a_stable_uri_and_no_self_link(path: str) -> None:
    written = [
        atom_entry(entry(source=source(feed_url=path))).find(f"{ATOM}source") for _ in range(2)
    ]

    assert written[0] is not None and written[1] is not None
    first = written[0].findtext(f"{ATOM}id") or ""
    assert first.startswith("urn:uuid:")
    assert first == written[1].findtext(f"{ATOM}id")
    assert links(written[0]) == {"alternate": "https://lamp.example/"}
    assert "feed_url" not in json_item(entry(source=source(feed_url=path)))["_source"]


@pytest.mark.parametrize("form", Format)
def test_a_document_without_entries_and_extras_is_still_one(form: Format) -> None:
    written = render(document(), form)

    if form is Format.JSON:
        assert json.loads(written) == {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Recent posts",
            "home_page_url": "https://posts.example/",
            "feed_url": "https://posts.example/feed",
            "items": [],
        }
    else:
        feed = feedparser.parse(written)
        assert not feed.bozo
        assert feed.feed.title == "Recent posts"
        assert feed.entries == []


def test_an_rss_channel_without_entries_claims_no_date() -> None:
    channel = ET.fromstring(render(document(), Format.RSS))[0]

    assert channel.find("lastBuildDate") is None


def test_a_text_that_looks_like_a_member_of_the_document_is_a_text() -> None:
    trap = '"content_html":""'
    written = entry(title=trap, title_html="", summary=trap, authors=(trap,), content_html=trap)

    item = json_item(written)

    assert (item["title"], item["summary"], item["content_html"]) == (trap, trap, trap)
    assert item["authors"] == [{"name": trap}]


# ---------------------------------------------------------------------- any text


def with_text_everywhere(text: str) -> Document:
    """A document with `text` in every field that a publisher or the configuration fills."""
    strange = entry(
        public_id=f"urn:x:{text}",
        url=f"https://lamp.example/{text}",
        title=text,
        title_html="",
        summary=text,
        content_html=text,
        authors=(text,),
        categories=(text,),
        enclosures=(Enclosure(text, text, 1),),
        language=text,
        comments_url=f"https://lamp.example/{text}",
        source=source(
            title=text, feed_url=text, site_url=text, feed_id=text, rights=text, author=text
        ),
    )
    return document(
        strange,
        id=text,
        title=text,
        html_url=text,
        self_url=text,
        next_url=text,
        subtitle=text,
        language=text,
        hubs=(text,),
        generator=text,
    )


any_text = st.one_of(
    st.text(st.characters()),  # with lone surrogates, which st.text() leaves out
    st.text(st.sampled_from("<>&;'\"]-! \t\r\n\x00\x1f\x7f\x85\ud83d\ude00\ufffe#xam")),
)


@given(any_text)
@settings(max_examples=examples(150), deadline=None)
def test_any_text_in_any_field_gives_atom_that_says_the_same(text: str) -> None:
    feed = ET.fromstring(render(with_text_everywhere(text), Format.ATOM))
    written = feed.findall(f"{ATOM}entry")[0]

    for element, name in [(feed, "title"), (written, "summary")]:
        assert (element.findtext(f"{ATOM}{name}") or "") == as_read(text)
    if as_read(text).strip():  # else it is made of something else
        assert written.findtext(f"{ATOM}title") == as_read(text)
    category = written.find(f"{ATOM}category")
    assert category is not None
    assert category.get("term") == ILLEGAL.sub("", text)


@given(any_text)
@settings(max_examples=examples(150), deadline=None)
def test_any_text_in_any_field_gives_rss_that_says_the_same(text: str) -> None:
    channel = ET.fromstring(render(with_text_everywhere(text), Format.RSS))[0]
    item = channel.findall("item")[0]

    for element, name in [(channel, "title"), (item, "title"), (channel, "description")]:
        written = element.findtext(name) or ""
        assert not re.search(r"<[a-zA-Z/!?]", written)
        assert html.unescape(written) == as_read(text)
    if text:  # else the description is what else there is
        assert html.unescape(item.findtext("description") or "") == as_read(text)


@given(any_text)
@settings(max_examples=examples(150), deadline=None)
def test_any_text_in_any_field_gives_json_that_says_the_same(text: str) -> None:
    feed = json.loads(render(with_text_everywhere(text), Format.JSON))

    assert feed["title"] == ILLEGAL.sub("", text)
    assert feed["items"][0].get("summary", "") == ILLEGAL.sub("", text)
    assert feed["items"][0].get("title", "") == ILLEGAL.sub("", text)
    assert feed["items"][0].get("content_html", "") == ILLEGAL.sub("", text)
