"""Documents to values: every format, well-formed or not."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies

from aggregator.errors import ParseError
from aggregator.model import Enclosure, PublisherHints
from aggregator.publish import Format, render
from aggregator.reading.parse import MAX_ENTRIES, parse, parsers
from tests.faults import channel, item
from tests.listed import COPIED, document

FEEDS = Path(__file__).parent / "data" / "feeds"
URL = "https://served.example/dir/feed"


def read(name, **headers):
    return parse((FEEDS / name).read_bytes(), headers=headers, url=URL)


def test_rss_is_read_with_everything_that_it_says():
    feed = read("blog.rss")
    first, second = feed.entries

    assert feed.head.format == "RSS 2.0"
    assert feed.head.site_url == "https://harbour.example/"
    assert (feed.head.rights, feed.head.hints.ttl) == ("CC BY 4.0", timedelta(minutes=90))
    assert feed.head.note is None
    assert (first.guid, first.link) == (
        "harbour-17",
        "https://harbour.example/2026/ferries?utm=1#top",
    )
    assert first.authors == ("Marit Solheim", "Night Desk")
    assert first.categories == ("Ferries", "R&D")
    assert first.enclosures == (
        Enclosure("https://harbour.example/audio/17.mp3", "audio/mpeg", 4321),
    )
    assert first.comments_url == "https://harbour.example/2026/ferries#comments"
    assert first.published_at == datetime(2026, 11, 23, 13, 12, tzinfo=UTC)
    assert "onclick" in first.content
    assert "appeared first" in first.summary
    assert (second.title, second.title_type) == (
        "How should <selectedoption> work?",
        "text/plain",
    )
    assert second.updated == "2026-11-22"


def test_atom_is_read_with_its_types_bases_and_languages():
    feed = read("blog.atom")
    first, second = feed.entries

    assert feed.head.format == "Atom 1.0"
    assert feed.head.feed_id == "tag:lattice.example,2020:feed"
    assert feed.head.site_url == "https://lattice.example/notes/"
    assert (feed.head.author, feed.head.language) == ("A. Mbeki", "de")
    assert (first.title, first.title_type) == ("1 < 2 & <b>not bold</b>", "text/plain")
    assert first.link == "https://lattice.example/notes/one"
    assert first.base == "https://lattice.example/notes/"
    assert first.summary == "<p>Kürzer &lt; länger</p>"
    assert first.content == "<p>Un <em>deux</em></p>"
    assert first.language == "fr"
    assert first.categories == ("Mathematics",)
    assert first.enclosures[0].length is None
    assert first.published_at == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    assert "<sup>2</sup>" in second.title


def test_rdf_is_read():
    feed = read("blog.rdf")

    assert feed.head.format == "RSS 1.0"
    assert [entry.guid for entry in feed.entries] == [
        "https://old.example/1",
        "https://old.example/2",
    ]


def test_json_feed_is_read_and_what_is_no_item_left_out():
    feed = read("blog.json")
    first, second, third = feed.entries

    assert feed.head.format == "JSON Feed 1.1"
    assert feed.head.title == "Field &lt;Recordings&gt;"
    assert (first.guid, first.link) == ("7", "https://served.example/7")
    assert first.title_type == "text/plain"
    assert first.published_at == datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert first.updated_at == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert first.categories == ("rain",)
    assert first.enclosures == (Enclosure("https://field.example/7.mp3", "audio/mpeg", 99),)
    assert second.content == "<p>One.</p>\n<p>Two &lt; three.</p>"
    assert second.authors == ("Old style",)
    assert second.link == "https://other.example/"
    assert (third.guid, third.title, third.categories) == (None, "", ())


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1", "JSON Feed 1.0"),
        ("1.1", "JSON Feed 1.1"),
        ("1.1/", "JSON Feed 1.1"),
        ("x" * 5000, "JSON Feed"),
        ("\\ud800", "JSON Feed"),
    ],
)
def test_the_format_of_a_json_feed_is_told_in_a_few_words(version, expected):
    body = f'{{"version": "https://jsonfeed.org/version/{version}", "items": []}}'

    assert parse(body.encode(), headers={}, url=URL).head.format == expected


def test_a_document_that_is_not_well_formed_is_read_and_the_defect_named():
    feed = read("broken.rss")

    assert [entry.title for entry in feed.entries] == ["Tea & cake", "Two"]
    assert feed.head.note == "XML not well-formed in line 2: not well-formed (invalid token)"


def test_elements_beyond_the_limit_of_open_ones_leave_their_text(monkeypatch):
    monkeypatch.setattr(parsers, "MAX_OPEN", 10)
    title = "".join(f"<i>{n} " for n in range(50))
    document = channel(f"<item><title>a & b {title}</title></item>", item("two", "Two"))

    first, second = parse(document.encode(), headers={}, url=URL).entries

    assert re.sub("<[^>]*>", "", first.title).split() == ["a", "&", "b", *map(str, range(50))]
    assert second.title == "Two"


@pytest.mark.parametrize("junk", [b"\n \n", b"\xef\xbb\xbf", b"PHP Warning: x\n"])
def test_junk_before_the_declaration_costs_no_entry(junk):
    body = junk + (FEEDS / "blog.rss").read_bytes()

    assert len(parse(body, headers={}, url=URL).entries) == 2


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("utf-8", True, "application/xml"),
        ("utf-16", True, "application/xml"),
        ("iso-8859-1", True, "application/xml"),
        ("windows-1252", False, "application/rss+xml; charset=windows-1252"),
        ("koi8-r", False, "text/xml; charset=koi8-r"),
        ("gb18030", True, "application/xml"),
        ("shift_jis", False, "text/xml; charset=shift_jis"),
    ],
)
def test_letters_are_right_in_every_encoding(encoding, declared, content_type):
    word = {"koi8-r": "Привет", "gb18030": "你好", "shift_jis": "日本"}.get(encoding, "Käse")
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>' if declared else ""
    item = f"<item><title>{word}</title></item>"
    text = f"{declaration}<rss version='2.0'><channel>{item}</channel></rss>"

    feed = parse(text.encode(encoding), headers={"content-type": content_type}, url=URL)

    assert feed.entries[0].title == word


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!doctype html><html><title>Login</title></html>", "a web page"),
        (b"<?xml version='1.0'?><opml></opml>", "XML of another kind"),
        (
            b"<?xml version='1.0'?><urlset></urlset>",
            "a sitemap; to read it, write `select: sitemap`",
        ),
        (b'{"error": 1}', "JSON of another kind"),
        (b'{"version": 5}', "JSON of another kind"),
        (b"{" * 200_000, "JSON that can't be read"),
        (b'{"a":' * 200_000, "JSON that can't be read"),
        (b'{"version": ' + b"9" * 5000 + b"}", "JSON of another kind"),
        (b"\x89PNG\r\n\x1a\n", "not a feed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not a feed"),
        (b"/etc/passwd", "not a feed"),
    ],
)
def test_what_is_no_feed_is_named(body, reason):
    with pytest.raises(ParseError, match=reason):
        parse(body, headers={}, url=URL)


@pytest.mark.slow
def test_a_document_with_too_many_entries_is_cut_at_the_limit():
    items = b"<item><title>x</title></item>" * (MAX_ENTRIES + 1)

    feed = parse(b"<rss version='2.0'><channel>" + items + b"</channel></rss>", headers={}, url=URL)

    assert len(feed.entries) == MAX_ENTRIES


def test_entities_are_not_expanded_and_nothing_is_opened(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the-secret")
    body = f"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
        <!ENTITY x SYSTEM "file://{secret}">]>
        <rss version="2.0"><channel><item><title>&b;&x;</title></item></channel></rss>"""

    feed = parse(body.encode(), headers={}, url=URL)

    assert "the-secret" not in repr(feed)


@given(strategies.binary(max_size=300))
def test_any_bytes_are_a_feed_or_a_parse_error(body):
    for start in (b"", b"<rss version='2.0'><channel><item>", b"<feed><entry>", b"{"):
        try:
            parse(start + body, headers={"content-type": "text/xml"}, url=URL)
        except ParseError as error:
            assert error.reason


@pytest.mark.parametrize("label", ["caf\xe9", "undefined", "", "punycode", "x" * 5000])
def test_a_declaration_that_names_no_encoding_is_not_believed(label):
    document = f"<?xml version='1.0' encoding='{label}'?><rss version='2.0'><channel><item>"
    document += "<title>Stör</title></item></channel></rss>"

    assert parse(document.encode(), headers={}, url=URL).entries[0].title == "Stör"


def test_what_a_feed_says_about_being_polled_is_read():
    body = b"""<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>
    <title>T</title><ttl>30</ttl>
    <skipHours><hour>0</hour><hour> 24 </hour><hour>7</hour><hour>99</hour>
    <hour>x</hour></skipHours>
    <skipDays><day>Sunday</day><day>saturday</day><day>Someday</day></skipDays>
    <sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>
    <item><title>A</title></item></channel></rss>"""

    hints = parse(body, headers={}, url="https://example.org/").head.hints

    assert hints == PublisherHints(timedelta(minutes=30), timedelta(hours=6), (0, 7), (5, 6))


@pytest.mark.parametrize(
    ("period", "frequency", "expected"),
    [
        ("hourly", "", timedelta(hours=1)),
        ("weekly", "1", timedelta(weeks=1)),
        ("daily", "0", timedelta(days=1)),
        ("daily", "-2", None),
        ("daily", "9" * 20, None),
        ("sometimes", "1", None),
    ],
)
def test_an_update_period_is_divided_by_its_frequency(period, frequency, expected):
    body = (
        '<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>'
        f"<title>T</title><sy:updatePeriod>{period}</sy:updatePeriod>"
        f"<sy:updateFrequency>{frequency}</sy:updateFrequency></channel></rss>"
    )

    hints = parse(body.encode(), headers={}, url="https://example.org/").head.hints

    assert hints.update_every == expected


def test_the_picture_of_an_entry_is_found_in_media_rss_itunes_and_json_feed():
    found = parse(
        b"""<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
        xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>t</title>
        <item><guid>1</guid><media:group><media:content url="/v.mp4" type="video/mp4">
          <media:thumbnail url="/1.jpg"/></media:content></media:group></item>
        <item><guid>2</guid><itunes:image href="/2.jpg"/></item>
        <item><guid>3</guid><media:content url="/3.jpg" medium="image"/></item>
        <item><guid>4</guid><media:content url="/4.mp3" type="audio/mpeg"/></item>
        </channel></rss>""",
        headers={},
        url=URL,
    )
    items = [{"id": "1", "image": "/1.png"}, {"id": "2", "banner_image": "/2.png"}, {"id": "3"}]
    document = {"version": "https://jsonfeed.org/version/1.1", "items": items}

    assert [entry.image for entry in found.entries] == ["/1.jpg", "/2.jpg", "/3.jpg", None]
    assert [
        entry.image for entry in parse(json.dumps(document).encode(), headers={}, url=URL).entries
    ] == [
        "https://served.example/1.png",
        "https://served.example/2.png",
        None,
    ]


@pytest.mark.parametrize("form", Format)
def test_the_source_of_a_copied_entry_is_read_from_what_we_publish_ourselves(form):
    (entry,) = parse(render(document(COPIED), form), headers={}, url=URL).entries

    assert entry.guid == COPIED.public_id
    assert entry.origin is not None
    assert (entry.origin.feed_url, html.unescape(entry.origin.title)) == (
        COPIED.origin.feed_url,
        COPIED.origin.title,
    )
    if form is not Format.RSS:  # which has no more than an address
        assert (entry.origin.id, entry.origin.site_url) == (
            COPIED.origin.id,
            COPIED.origin.site_url,
        )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"content_text": "a\r\nb\r\n\r\nc < d"}, ("", "<p>a<br>b</p>\n<p>c &lt; d</p>")),
        ({"content_html": "<b>a</b>", "content_text": "a"}, ("", "<b>a</b>")),
        ({"content_html": "<!-- a --> ", "content_text": "a"}, ("", "<p>a</p>")),
        ({"content_html": "<script>a()</script>", "content_text": "a"}, ("", "<p>a</p>")),
        ({"summary": "a\nb", "content_html": "c"}, ("<p>a<br>b</p>", "c")),
    ],
)
def test_plain_text_of_json_is_html_with_its_lines(item, expected):
    document = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", **item}]}
    (entry,) = parse(json.dumps(document).encode(), headers={}, url=URL).entries

    assert (entry.summary, entry.content) == expected


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("<content type='text'>a\nb\n\n&lt;i&gt;</content>", "<p>a<br>b</p>\n<p>&lt;i&gt;</p>"),
        ("<m:group><m:description>a\nb</m:description></m:group>", "<p>a<br>b</p>"),
        ("<m:description type='html'>a\n&lt;i&gt;b&lt;/i&gt;</m:description>", "a\n<i>b</i>"),
        ("<content type='html'>a\nb</content>", "a\nb"),
    ],
)
def test_plain_text_of_atom_is_html_with_its_lines(element, expected):
    document = (
        "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:m='http://search.yahoo.com/mrss/'>"
        f"<entry><id>1</id>{element}</entry></feed>"
    )
    (entry,) = parse(document.encode(), headers={}, url=URL).entries

    assert entry.content or entry.summary == expected


@pytest.mark.parametrize("mark", ["<br>", "<br/>", "<BR />", "<img src='a.png'>"])
def test_a_title_of_rss_with_a_break_or_picture_is_html(mark):
    document = f"<rss version='2.0'><channel><item><title><![CDATA[a{mark}b]]></title></item>"
    (entry,) = parse(f"{document}</channel></rss>".encode(), headers={}, url=URL).entries

    assert entry.title_type == "text/html"
