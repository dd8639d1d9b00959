"""References that XML does not know are read as their writers meant them, at no cost to safety."""

import pytest

from aggregator.reading.parse import parse, parse_prefiltered
from aggregator.reading.parse.entities import joined_halves, with_resolved_references
from aggregator.reading.worker_task import read_document
from tests.cpu_time import cpu_limit
from tests.selection import slow_after, slow_but

URL = "https://example.org/feed"
LETTERS = "M&uuml;ller &amp; S&ouml;hne&nbsp;&hellip;"
READ = "Müller & Söhne\xa0…"
NETSCAPE = (
    '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
    '"http://my.netscape.com/publish/formats/rss-0.91.dtd">'
)
LATIN = (
    '<!ENTITY % latin PUBLIC "-//W3C//ENTITIES Latin 1 for XHTML//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml-lat1.ent"> %latin;'
)


def feed(title: str, before: str = "", description: str = "") -> bytes:
    return (
        f"{before}<rss version='2.0'><channel><title>Lakes</title><item><title>{title}</title>"
        f"<guid>1</guid><description>{description}</description></item></channel></rss>"
    ).encode()


def entry_of(body: bytes):
    (entry,) = parse(body, headers={}, url=URL).entries
    return entry


def shown(body: bytes):
    document = read_document(body, {}, URL)
    assert document.feed is not None
    (entry,) = document.feed.entries
    return entry


@pytest.mark.parametrize(
    "before",
    [
        "",
        NETSCAPE,
        f"<?xml version='1.0'?>{NETSCAPE}",
        f"<?xml version='1.0'?>\n\n  {NETSCAPE}\n",
        f"<?xml version='1.0'?> <!-- it's <!DOCTYPE x> --> <?style a?>{NETSCAPE}<!-- \" -->",
        f"<?xml version='1.0'?><!DOCTYPE rss [{LATIN}]>",
        f"<?xml version='1.0'?>\n<!DOCTYPE rss [\n  {LATIN}\n  <!-- don't ]> -->\n] >\n",
        f"<!doctype\trss\n[{LATIN}<!ELEMENT rss ANY><!ATTLIST rss a CDATA '>'>]>",
        "<!DOCTYPE rss SYSTEM 'http://127.0.0.1:9/rss.dtd' [<!ENTITY nbsp '&#160;'>]>",
    ],
)
def test_names_of_html_are_read_whatever_doctype_there_is(before):
    feed_read = parse(feed(LETTERS, before), headers={}, url=URL)

    assert feed_read.entries[0].title == READ
    assert feed_read.head.note is None


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&Auml;&THORN;&Zcaron;", "ÄÞŽ"),
        ("&NotEqualTilde;", "≂̸"),
        ("&amp;&AMP;&lt;&LT;b&gt;", "&&<<b>"),
        ("&Tab;x", "x"),
        ("&nosuch; &Uuml;", "&nosuch; Ü"),
    ],
)
def test_every_name_of_html_counts_and_no_other(reference, text):
    title = entry_of(feed("x").replace(b"<title>x", f"<title type='text'>{reference}".encode()))

    assert title.title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_names_are_read_in_attributes_and_left_alone_in_cdata_and_comments():
    document = (
        b"<a b='&eacute;'>&eacute;<![CDATA[&eacute;<!--]]>&eacute;<!-- &eacute;<![CDATA[ -->"
        b"&eacute;<?x &eacute;?>&amp;eacute;<![CDATA[&eacute;"
    )

    assert with_resolved_references(document).decode() == (
        "<a b='é'>é<![CDATA[&eacute;<!--]]>é<!-- &eacute;<![CDATA[ -->é<?x &eacute;?>&amp;eacute;"
        "<![CDATA[&eacute;"
    )


@pytest.mark.parametrize(
    ("subset", "text"),
    [
        ('<!ENTITY lake "Big Lake">', "Big Lake"),
        ("<!ENTITY lake 'Big Lake'><!ENTITY lake 'another'>", "Big Lake"),
        ('<!ENTITY lake "Lake &#214;">', "Lake Ö"),
        ('<!ENTITY uuml "ue"><!ENTITY lake "x">', "x"),
        ('<!ENTITY b "ha"><!ENTITY lake "&b;&b;">', "&lake;"),
        ('<!ENTITY lake SYSTEM "file:///etc/hostname">', "&lake;"),
        ('<!ENTITY % p "x"><!ENTITY lake "%p;">', "&lake;"),
        ('<!ENTITY lake "' + "x" * 1001 + '">', "&lake;"),
        ('<!ENTITY amp "x"><!ENTITY lake "&#38;">', "&"),
    ],
)
def test_entities_of_the_document_are_replaced_where_they_are_plain_text(subset, text):
    title = entry_of(feed("&lake;", f"<!DOCTYPE rss [{subset}]>")).title

    assert title.replace("&amp;", "&") == text


def test_entities_of_the_document_let_it_grow_by_a_million_bytes_at_most():
    before = f"<!DOCTYPE rss [<!ENTITY a '{'x' * 1000}'>]>"

    document = with_resolved_references(feed("&a;" * 100_000, before))

    assert len(document) < 1_000_000 + 3 * 100_000 + 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    slow_after(
        5,
        [
            " ",
            "<!--",
            "<!-- -->",
            "<?",
            "<![CDATA[",
            "<!DOCTYPE ",
            "<!DOCTYPE x ['",
            "<!ENTITY a '",
            "&a",
            "&a;",
            "&#55357;",
            "&amp;#55357",
            "&#0000",
            '"',
        ],
    ),
)
@pytest.mark.parametrize(
    "before", slow_but([""], ["", "<!DOCTYPE x [", "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;&uuml;"])
)
def test_no_document_takes_long_to_resolve(before, piece):
    document = (before + piece * (1_000_000 // len(piece))).encode()
    with cpu_limit(3):
        with_resolved_references(document)


# ------------------------------------------------------------------------- halves of characters


@pytest.mark.parametrize(
    "halves",
    [
        "&#55358;&#56740;",
        "&#xD83E;&#xDDA4;",
        "&#Xd83e;&#56740;".replace("X", "x"),
        "&#055358;&#x0ddA4;",
        "&#55358&#56740;",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["{0}", "<![CDATA[{0}]]>", "{1}", "a {0}{0} b {1}", "<![CDATA[a]]>{0}<![CDATA[{0}]]>"],
)
def test_two_halves_are_one_character_at_each_level_of_escaping(halves, text):
    text = text.format(halves, halves.replace("&", "&amp;"))

    entry = shown(feed(text, description=text))

    plain = text.replace("<![CDATA[", "").replace("]]>", "").replace("&amp;", "&")
    assert entry.title == plain.replace(halves, "🦤")
    assert "🦤" in entry.content_html
    assert "\ufffd" not in entry.title + entry.content_html


@pytest.mark.parametrize("half", ["&#55358;", "&#xDDA4;", "&#56740;&#55358;", "&#55358; &#56740;"])
def test_a_lone_half_is_lost_and_nothing_else(half):
    entry = shown(feed(f"a {half} b", description=f"c {half.replace('&', '&amp;')} d"))

    assert entry.title.strip("\ufffd ab") == ""
    assert (entry.title[:2], entry.title[-2:]) == ("a ", " b")
    assert entry.content_html.replace("\ufffd", "").split() == ["c", "d"]


def test_references_to_whole_characters_stay_as_they_are():
    document = feed("&#129444;&#xFFFD;&#55295;&#57344;&amp;#129444; &#10000;&#55358;&#56740;")

    assert with_resolved_references(document) == document.replace(b"&#55358;&#56740;", b"&#129444;")


def test_halves_shown_as_code_stay_as_they_are():
    text = "&lt;code&gt;&amp;amp;#55358;&amp;amp;#56740;&lt;/code&gt;"

    assert "#55358;" in shown(feed("x", description=text)).content_html
    assert (
        "#55358;"
        in shown(
            feed("x", description="<![CDATA[<code>&amp;#55358;&amp;#56740;</code>]]>")
        ).content_html
    )


def test_halves_are_joined_in_json_too():
    body = (
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1,'
        b'"title": "\\ud83e\\udda4 \\ud83e x", '
        b'"content_html": "<p>&#55358;&#56740; \\u0026#xD83E;&#xDDA4;"}]}'
    )

    entry = shown(body)

    assert entry.title == "🦤 \ufffd x"
    assert entry.content_html.count("🦤") == 2


def test_halves_are_joined_in_what_the_prefilter_has_left():
    document = feed("x", description="&amp;#55358;&amp;#56740;")

    (entry,) = parse_prefiltered(document, url=URL).entries

    assert entry.summary == "&#129444;"
    assert joined_halves("&#55358;&#56740;") == "&#129444;"


BROKEN = "<odd>&undeclared; & </odd>"  # makes a document not well-formed


@pytest.mark.parametrize(
    "query", ["a=1&region=eu&copy=2", "a=1&amp;region=eu&amp;copy=2", "&lt=3&deg=4"]
)
@pytest.mark.parametrize(
    "field",
    [
        "<link>{}</link>",
        "<guid>{}</guid>",
        "<atom:link xmlns:atom='http://www.w3.org/2005/Atom' href='{}'/>",
        "<link><![CDATA[{}]]></link>",
    ],
)
def test_an_ampersand_of_an_address_is_no_entity_in_a_document_that_is_not_well_formed(
    field, query
):
    address = f"https://example.org/boat?{query}"
    if "CDATA" in field:
        address = address.replace("&amp;", "&")
    item = f"<title>Boat</title>{field.format(address)}<comments>{address}</comments>"
    body = (
        f"<rss version='2.0'><channel><link>{address}</link><item>{item}</item>"
        f"{BROKEN}</channel></rss>"
    ).encode()

    document = read_document(body, {}, URL)

    meant = address.replace("&amp;", "&")
    assert document.feed is not None
    assert document.feed.head.site_url == meant
    assert [(entry.url, entry.comments_url) for entry in document.feed.entries] == [(meant, meant)]


def test_a_name_without_its_semicolon_is_a_letter_in_the_text_of_a_broken_document():
    body = feed("&copy 2024, AT&T & &unknown &lt b", description=f"x{BROKEN}")

    assert shown(body).title == "© 2024, AT&T & &unknown < b"


def test_names_are_decoded_alike_in_documents_that_are_well_formed_and_not():
    author = "<author>Sand &amp;amp;amp; Sea</author><category>Sand &amp;amp; Sea</category>"
    bodies = [
        f"<rss version='2.0'><channel><item><title>A</title>{author}</item>{end}</channel></rss>"
        for end in ("", BROKEN)
    ]

    for entry in map(shown, map(str.encode, bodies)):
        assert (entry.authors, entry.categories) == (("Sand & Sea",), ("Sand & Sea",))
