"""What an element says depends on where it stands, not on the order of the document."""

import html
import itertools
import json

import pytest

from aggregator.errors import ParseError
from aggregator.model import Enclosure
from aggregator.reading.parse import context, element_scopes, parse

URL = "https://served.example/dir/feed"
SITE = "https://boats.example/"
RSS = (
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:psc="http://podlove.org/simple-chapters" xmlns:georss="http://www.georss.org/georss" '
    'xmlns:gml="http://www.opengis.net/gml" xmlns:odd="urn:odd">'
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:odd="urn:odd" xml:lang="en">'
)
# What makes the loose parser read a document.
WELL_FORMED, BROKEN = "", "<odd:broken>a & b</odd:broken>"
both = pytest.mark.parametrize("parser", [WELL_FORMED, BROKEN], ids=["strict", "loose"])


def of_rss(item, parser=WELL_FORMED, head=f"<link>{SITE}</link>"):
    return parsed(f"{RSS}<channel>{parser}{head}<item>{item}</item></channel></rss>", parser)


def of_atom(entry, parser=WELL_FORMED, head=""):
    return parsed(f"{ATOM}{parser}{head}<entry>{entry}</entry></feed>", parser)


def parsed(document, parser):
    feed = parse(document.encode(), headers={}, url=URL)
    assert bool(feed.head.note) == bool(parser), "another parser read it"
    return feed


def entry_of_rss(item, parser=WELL_FORMED, **rest):
    (entry,) = of_rss(item, parser, **rest).entries
    return entry


def entry_of_atom(entry, parser=WELL_FORMED, **rest):
    (read,) = of_atom(entry, parser, **rest).entries
    return read


# ------------------------------------------------------------------------ texts

LONG = "A row of small boats on a grey beach, much longer than what was written about them"
OTHERS = {
    "picture": f'<media:content url="a.jpg" medium="image"><media:description>{LONG}'
    "</media:description></media:content>",
    "group": f"<media:group><media:description>{LONG}</media:description></media:group>",
    "directory": f"<itunes:summary>{LONG}</itunes:summary>",
    "record": f"<dc:description>{LONG}</dc:description>",
    "Atom": f"<atom:summary>{LONG}</atom:summary>",
}


@both
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("first", [True, False])
def test_the_description_is_an_items_text_whatever_stands_beside_it(other, first, parser):
    parts = ["<description>&lt;p&gt;Low tide&lt;/p&gt;</description>", OTHERS[other]]
    entry = entry_of_rss("".join(parts if first else reversed(parts)), parser)

    assert (entry.summary, entry.content) == ("<p>Low tide</p>", "")


@both
def test_the_encoded_content_comes_before_a_description_in_any_order(parser):
    parts = [
        "<content:encoded>Short</content:encoded>",
        f"<description>{LONG}</description>",
        *OTHERS.values(),
    ]
    for order in itertools.islice(itertools.permutations(parts), 0, None, 97):
        entry = entry_of_rss("".join(order), parser)
        assert (entry.content, entry.summary) == ("Short", LONG)


@both
def test_in_atom_the_content_comes_before_the_summary_and_that_before_all_others(parser):
    other = f"<media:group><media:description>{LONG}</media:description></media:group>"
    summary, content = "<summary>Low tide</summary>", '<content type="html">Sand</content>'

    for order in itertools.permutations((other, summary, content)):
        entry = entry_of_atom("".join(order), parser)
        assert (entry.content, entry.summary) == ("Sand", "<p>Low tide</p>")
    assert entry_of_atom(other + summary, parser).summary == "<p>Low tide</p>"


@both
@pytest.mark.parametrize("other", [name for name in OTHERS if name != "picture"])
def test_another_text_is_the_entrys_where_there_is_none(other, parser):
    html = LONG if other == "record" else f"<p>{LONG}</p>"
    assert entry_of_rss(OTHERS[other] + "<description> </description>", parser).summary == html


@both
def test_what_describes_a_picture_is_its_alt(parser):
    entry = entry_of_rss(f"<title/>{OTHERS['picture']}", parser)

    assert (entry.summary, entry.content) == ("", f'<p><img src="a.jpg" alt="{LONG}"></p>')


@both
def test_the_feeds_own_title_and_description_come_before_those_of_extensions(parser):
    head = (
        "<dc:title>T2</dc:title><itunes:subtitle>S2</itunes:subtitle><title>T</title>"
        "<description>S</description><itunes:summary>S3</itunes:summary>"
        "<dc:description>S4</dc:description>"
    )
    read = of_rss("<title>A</title>", parser, head=head).head

    assert (read.title, read.subtitle) == ("T", "S")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('type="image/png">aGVsbG8=', ""),
        ('type="application/pdf">JVBERi0xLjQK', ""),
        ('type="application/octet-stream">aGVsbG8=', ""),
        ('type="image/svg+xml"><svg xmlns="http://www.w3.org/2000/svg"><text>x</text></svg>', ""),
        ('type="application/svg+xml"><svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', ""),
        ('type="audio/mpeg" src="a.mp3">', ""),
        ('type="text/markdown">a *b* &lt;c&gt;', "<p>a *b* &lt;c&gt;</p>"),
        ('type="application/xml"><note xmlns="urn:n">Words</note>', "<note>Words</note>"),
        ('type="html">&lt;b&gt;a&lt;/b&gt;', "<b>a</b>"),
        ('type="TEXT/HTML; charset=utf-8">&lt;b&gt;a&lt;/b&gt;', "<b>a</b>"),
    ],
)
def test_a_content_that_is_no_text_is_not_shown_as_text(content, expected):
    entry = entry_of_atom(f"<summary>S</summary><content {content}</content>")

    assert (entry.content, entry.summary) == (expected, "<p>S</p>")


@pytest.mark.parametrize(
    ("attribute", "escaped", "is_markup"),
    [
        ("", "<p>Ebb and <em>flow</em></p>", True),
        ("", "Ebb<br>and flow", True),
        ("", 'See <a href="https://boats.example/">boats</a> there', True),
        ("", "if a < b and b > c", False),
        ("", "The <b> element", False),
        ("", "AT&T", False),
        ("", "vector<int> and list<p>", False),
        ('type="text"', "<p>Ebb</p>", False),
    ],
)
def test_an_atom_text_without_a_type_that_is_markup_is_markup(attribute, escaped, is_markup):
    written = html.escape(escaped, quote=False)
    entry = entry_of_atom(f"<content {attribute}>{written}</content>")

    assert entry.content == (escaped if is_markup else f"<p>{written}</p>")


@both
@pytest.mark.parametrize("reverse", [False, True])
def test_of_alternatives_the_one_in_html_is_the_text(reverse, parser):
    parts = [
        '<content type="text/plain">Low tide</content>',
        '<content type="text/html" mode="escaped">&lt;b&gt;Low&lt;/b&gt; tide</content>',
    ]
    parts = parts[::-1] if reverse else parts
    entry = entry_of_atom(
        f'<content type="multipart/alternative">{"".join(parts)}</content>', parser
    )

    assert entry.content == "<b>Low</b> tide"


@both
def test_blocks_before_all_other_elements_of_a_text_stay_apart(parser):
    entry = entry_of_rss("<description>Low<div>tide</div><div>at noon</div></description>", parser)

    assert entry.summary == "Low<div>tide</div><div>at noon</div>"
    around = "<content:encoded><div>&lt;p&gt;Low &amp;amp; high&lt;/p&gt;</div></content:encoded>"
    assert entry_of_rss(around, parser).content == "<div><p>Low &amp; high</p></div>"


@both
@pytest.mark.parametrize("blank", ["<!-- tide -->", "<p>&nbsp;</p>", '<img src="a" width="1">'])
def test_a_text_with_nothing_to_see_does_not_hide_that_of_another_element(blank, parser):
    parts = f"<description>{html.escape(blank)}</description><dc:description>Low</dc:description>"
    title = "<title>&lt;i&gt;&lt;/i&gt;</title><itunes:title>Tides</itunes:title>"
    entry = entry_of_rss(title + parts, parser)

    assert (entry.title, entry.summary) == ("Tides", "Low")


@both
def test_the_title_of_a_feed_is_read_as_that_of_an_entry(parser):
    title = "<title>Low&lt;br&gt;tide &lt;wbr&gt; &lt;img src='a.png'&gt;</title>"
    feed = of_rss(title, parser, head=title)

    assert feed.head.title == feed.entries[0].title == "Low<br>tide <wbr> <img src='a.png'>"
    assert feed.entries[0].title_type == "text/html"


def test_a_title_that_is_a_picture_is_none():
    assert entry_of_atom('<title type="image/png">iVBORw0KGgo=</title>').title == ""


def test_a_title_that_speaks_of_elements_stays_text():
    for title, expected in (("The &lt;b> element</b>", "text/plain"), ("<b>Bo</b>", "text/html")):
        written = title.replace("<", "&lt;")
        assert entry_of_atom(f"<title>{written}</title>").title_type == expected


# ---------------------------------------------------------------------- markup

VOID = "area base br col embed hr img input link meta param source track wbr".split()


@both
@pytest.mark.parametrize("name", VOID)
def test_an_empty_element_of_html_is_written_once(name, parser):
    inside = f"a<{name}/>b<{name} class='x'></{name}>c"
    xhtml = f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'
    for entry in (
        entry_of_atom(f'<content type="xhtml">{xhtml}</content>', parser),
        entry_of_rss(f"<content:encoded>{inside}</content:encoded>", parser),
    ):
        assert entry.content == f'a<{name}>b<{name} class="x">c'


@both
def test_elements_of_a_text_that_are_called_like_those_of_feeds_are_markup(parser):
    inside = (
        "<details><summary>More</summary>and <title>t</title><rights>s</rights></details>"
        "<item>i</item> end"
    )
    entry = entry_of_rss(f"<description>{inside}</description><link>{SITE}a</link>", parser)

    assert (entry.summary, entry.link) == (inside, f"{SITE}a")


# ------------------------------------------------------------------- containers

STRANGE = (
    "<title>Other</title><link>https://other.example/</link><guid>other</guid>"
    "<description>Other words</description><pubDate>Wed, 01 Jan 2020 10:00:00 GMT</pubDate>"
    '<enclosure url="https://other.example/a.mp3" type="audio/mpeg" length="5"/>'
    "<category>other</category><dc:creator>Other</dc:creator><content:encoded>x</content:encoded>"
    '<media:thumbnail url="https://other.example/a.jpg"/><comments>https://other.example/c</comments>'
    "<itunes:duration>5</itunes:duration><language>fr</language>"
)
CONTAINERS = [
    "odd:related",
    "image",
    "textInput",
    "media:credit",
    "odd:live",
    "source",
    "enclosure",
]


@both
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("first", [True, False])
def test_what_stands_in_another_element_is_not_the_entrys(container, first, parser):
    own = (
        f"<title>Tide</title><link>{SITE}tide</link><guid>tide</guid><description>W</description>"
        "<pubDate>Wed, 01 May 2024 10:00:00 GMT</pubDate>"
    )
    strange = f"<{container}>{STRANGE}</{container}>"
    entry = entry_of_rss(strange + own if first else own + strange, parser)
    alone = entry_of_rss(own, parser)

    assert (entry.title, entry.link, entry.guid) == ("Tide", f"{SITE}tide", "tide")
    assert (entry.summary, entry.content, entry.image) == ("W", "", None)
    assert (entry.published_at, entry.updated_at) == (alone.published_at, None)
    assert (entry.enclosures, entry.categories) == ((), ())
    assert (entry.comments_url, entry.language) == (None, alone.language)
    assert entry.authors == ("Other",) * (container == "source")  # of the feed it was copied from


@both
@pytest.mark.parametrize("container", ["odd:live", "image", "textInput"])
def test_what_stands_in_another_element_is_not_the_feeds(container, parser):
    own = f"<title>Boats</title><link>{SITE}</link><description>W</description>"
    for head in (
        f"<{container}>{STRANGE}</{container}>{own}",
        f"{own}<{container}>{STRANGE}</{container}>",
    ):
        read = of_rss("<title>A</title>", parser, head=head).head
        assert (read.title, read.site_url, read.subtitle) == ("Boats", SITE, "W")


@both
def test_an_activitys_object_is_not_the_entry(parser):
    strange = (
        '<odd:object><id>urn:2</id><title>Note</title><content type="html">Longer than all else'
        '</content><published>2020-01-01T10:00:00Z</published><link href="https://other.example/"/>'
        "<author><name>Bo</name></author></odd:object>"
    )
    own = (
        f'<id>urn:1</id><title>Tide</title><link href="{SITE}tide"/><content>W</content>'
        "<published>2024-05-01T10:00:00Z</published>"
        f'<author><name>Ann</name><uri>{SITE}ann</uri><link href="{SITE}ann"/></author>'
    )
    for inside in (own + strange, strange + own):
        entry = entry_of_atom(inside, parser)
        assert (entry.guid, entry.title, entry.content) == ("urn:1", "Tide", "<p>W</p>")
        assert (entry.link, entry.authors) == (f"{SITE}tide", ("Ann",))
        assert entry.published == "2024-05-01T10:00:00Z"


def test_an_entry_within_another_element_of_an_entry_is_none():
    item = "<title>Now</title><odd:conflict><item><title>Before</title></item></odd:conflict>"

    assert [entry.title for entry in of_rss(item).entries] == ["Now"]


def test_entries_in_a_wrapper_of_the_feed_are_its_entries():
    head = "<odd:list><item><title>In</title></item></odd:list>"

    assert [entry.title for entry in of_rss("<title>Out</title>", head=head).entries] == [
        "In",
        "Out",
    ]


def test_a_feed_in_the_body_of_a_page_is_read():
    page = f"<html><body>{ATOM}<entry><title>A</title></entry></feed></body></html>"

    assert [entry.title for entry in parse(page.encode(), headers={}, url=URL).entries] == ["A"]


def test_an_element_without_an_end_ends_with_its_entry():
    items = (
        f"<item><title>One<link>{SITE}1</link></item>"
        f"<item><title>Two</title><odd:open><link>{SITE}2</link></item>"
        f"<item><title>Three</title><link>{SITE}3</link></item>"
    )
    feed = parse(f"{RSS}<channel>{items}</channel></rss>".encode(), headers={}, url=URL)

    assert [entry.title for entry in feed.entries][1:] == ["Two", "Three"]
    assert feed.entries[2].link == f"{SITE}3"


# ----------------------------------------------------------------------- faults

FAULTY = {
    "a chapter without a start": '<psc:chapters><psc:chapter title="A"/></psc:chapters>',
    "a text input": "<textInput><title>Find</title><name>q</name></textInput>",
    "a place without numbers": "<georss:point>here</georss:point><gml:pos>x</gml:pos>",
    "a licence": '<media:rating scheme="x"/><media:restriction/>',
    "a namespace with blanks": '<x:y xmlns:x="urn:a&#9;b&#9;c" x:z="1">t</x:y>',
    "names of our own fields": '<links>a</links><authors a="b"/><tags>c</tags><content_detail>d'
    '</content_detail><dates>e</dates><media_content f="g"/><image>h</image><extension/>',
}


@both
@pytest.mark.parametrize("kind", FAULTY)
def test_an_odd_element_costs_itself_and_no_more(kind, parser):
    odd = FAULTY[kind]
    item = f"{odd}<title>A</title><link>{SITE}a</link>{odd}<dc:creator>Ann</dc:creator>{odd}"
    feed = of_rss(f"{item}</item><item><title>B</title>", parser, head=odd)

    assert [(entry.title, entry.link, entry.authors) for entry in feed.entries] == [
        ("A", f"{SITE}a", ("Ann",)),
        ("B", None, ()),
    ]


@both
@pytest.mark.parametrize("when", ["start", "end"])
@pytest.mark.parametrize("error", [ValueError, KeyError, AttributeError, RecursionError])
def test_any_fault_of_a_handler_is_contained(when, error, parser, monkeypatch):
    def fails(self, *_):
        self.push("dc_language", 1)
        self.incontent += 1
        raise error

    monkeypatch.setattr(context.InContext, f"_{when}_dc_language", fails)
    item = "<title>A</title><dc:language>de</dc:language><description>W</description>"
    entry = entry_of_rss(item, parser)

    assert (entry.title, entry.summary) == ("A", "W")


def test_a_lack_of_memory_is_not_contained(monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(context.InContext, "_end_dc_language", fails)
    with pytest.raises(MemoryError):
        entry_of_rss("<title>A</title><dc:language>de</dc:language>")


# ------------------------------------------------------------------------ links


@both
@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ('<link href="P"/><link rel="enclosure" type="image/jpeg">O</link>', "P"),
        ('<link rel="alternate" href="gemini://a.example/b"/><link href="P"/>', "P"),
        ('<link href="P"/><link hreflang="fr" href="O"/>', "P"),
        ('<link hreflang="fr" href="O"/><link hreflang="en-GB" href="P"/>', "P"),
        ('<link hreflang="fr" href="O"/><link href="P"/>', "P"),
        ('<link type="application/json" href="O"/><link type="text/html" href="P"/>', "P"),
        ('<link type="application/pdf" href="P"/>', "P"),
        ('<link href="P"/><link href="O"/>', "P"),
        ('<link rel="self" href="O"/><link rel="related" href="O"/>', None),
        ('<link rel="http://www.iana.org/assignments/relation/alternate" href="P"/>', "P"),
        ('<link/><link href=""/><id>https://boats.example/p</id>', "P"),
        ('<content type="text/html" src="P"/>', "P"),
    ],
)
def test_the_page_of_an_entry_is_the_first_alternate_that_one_can_open(links, expected, parser):
    page, other = f"{SITE}p", "https://other.example/"
    written = (
        links.replace('"P"', f'"{page}"').replace("O<", f"{other}<").replace('"O"', f'"{other}"')
    )

    assert entry_of_atom(written, parser).link == (page if expected else None)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<guid>158</guid>", None),
        ("<guid>/158</guid>", None),
        ("<guid>https://boats.example/p</guid>", f"{SITE}p"),
        ('<guid isPermaLink="False">https://boats.example/p</guid>', None),
        ("<link></link><guid>https://boats.example/p</guid>", f"{SITE}p"),
        ("<link/><guid>https://boats.example/p</guid>", f"{SITE}p"),
        ("<link>mailto:a@boats.example</link><guid>https://boats.example/p</guid>", f"{SITE}p"),
        ("<link>p</link><guid>https://boats.example/q</guid>", f"{SITE}p"),
        ('<link>/p</link><atom:link href="https://other.example/"/>', f"{SITE}p"),
        ('<atom:link href="https://other.example/"/><link>/p</link>', f"{SITE}p"),
    ],
)
def test_an_id_is_a_link_where_it_is_a_web_address(item, expected):
    assert entry_of_rss(item).link == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("<id>3</id>", None),
        (f"<id>{SITE}</id>", SITE),
        (f"<id>{URL}</id>", None),
        (f'<id>{SITE}feed</id><link rel="self" href="{SITE}feed"/>', None),
        (f'<link rel="self" href="{SITE}feed"/><link href="{SITE}"/>', SITE),
    ],
)
def test_the_site_of_a_feed_is_no_id_and_no_feed(head, expected):
    assert of_atom("<title>A</title>", head=head).head.site_url == expected


def test_the_site_of_a_channel_is_its_link_and_not_one_of_atom():
    link, other = f"<link>{SITE}</link>", f'<atom:link href="{SITE}feed"/>'
    for head in (link + other, other + link):
        assert of_rss("<title>A</title>", head=head).head.site_url == SITE


@both
@pytest.mark.parametrize(
    ("item", "head", "expected"),
    [
        (f"<link>{SITE}a/b</link>", "<link>https://other.example/</link>", f"{SITE}a/b"),
        ("<link>/a/b</link>", f"<link>{SITE}</link>", f"{SITE}a/b"),
        ("", f"<link>{SITE}</link>", SITE),
        ("<guid>urn:a</guid>", "", URL),
        (f"<link>{SITE}a/b</link><description xml:base='https://base.example/'>x</description>",
         "", "https://base.example/"),
    ],
)  # fmt: skip
def test_relative_addresses_of_an_item_start_from_its_page(item, head, expected, parser):
    assert entry_of_rss(f"{item}<description>x</description>", parser, head=head).base == expected


def test_a_base_in_another_entry_changes_nothing():
    items = (
        "<item xml:base='https://base.example/'><link>a</link></item><item><link>b</link></item>"
    )
    document = f"{RSS}<channel><link>{SITE}</link>{items}</channel></rss>"
    first, second = parse(document.encode(), headers={}, url=URL).entries

    assert (first.link, second.link) == ("https://base.example/a", f"{SITE}b")


def test_relative_addresses_of_atom_start_from_the_document_or_its_base():
    entry = f'<link href="{SITE}a/b"/><content type="html">x</content>'

    assert entry_of_atom(entry).base == URL
    based = entry.replace("<content", '<content xml:base="../c/"')
    assert entry_of_atom(based).base == "https://served.example/c/"


def test_the_page_of_a_json_item_is_the_first_web_address():
    items = [
        {"id": f"{SITE}a"},
        {"id": "7"},
        {"id": f"{SITE}a", "url": "gemini://boats.example/", "external_url": f"{SITE}b"},
        {"id": f"{SITE}a", "url": f"{SITE}c"},
    ]
    document = {"version": "https://jsonfeed.org/version/1.1", "items": items}
    feed = parse(json.dumps(document).encode(), headers={}, url=URL)

    assert [entry.link for entry in feed.entries] == [f"{SITE}a", None, f"{SITE}b", f"{SITE}c"]


# ------------------------------------------------------------------------- files

MP3 = "https://boats.example/1.mp3"


def files(item, parser=WELL_FORMED):
    return [
        (file.url.removeprefix(SITE), file.type, file.length, file.duration)
        for file in entry_of_rss(item, parser).enclosures
    ]


@both
@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (f'<media:content url="{MP3}" type="audio/mpeg" fileSize="12" duration="90"/>',
         [("1.mp3", "audio/mpeg", 12, 90)]),
        (f'<media:content url="{MP3}?a=1"/>', [("1.mp3?a=1", None, None, None)]),
        (f'<media:content url="{SITE}play" medium="video"/>', [("play", None, None, None)]),
        (f'<media:content url="{SITE}a.mp4" medium="image"/>', []),
        (f'<media:content url="{SITE}v/x" type="application/x-shockwave-flash"/>', []),
        (f'<media:content url="{SITE}play" type="text/html" medium="video"/>', []),
        ('<media:content medium="video"/>', []),
        (f'<enclosure>{MP3}</enclosure>', [("1.mp3", None, None, None)]),
        ('<enclosure url="1.mp3" length="x"/>', [("1.mp3", None, None, None)]),
        ((f'<enclosure url="{MP3}" type="audio/mpeg"/><itunes:duration>1:01:02</itunes:duration>'
          f'<media:content url="{MP3}" fileSize="12"/>'), [("1.mp3", "audio/mpeg", 12, 3662)]),
        ((f'<enclosure url="{SITE}a.jpg" type="image/jpeg"/><enclosure url="{MP3}"/>'
          "<itunes:duration>95</itunes:duration>"),
         [("a.jpg", "image/jpeg", None, None), ("1.mp3", None, None, 95)]),
    ],
)  # fmt: skip
def test_sound_and_video_are_files_of_the_entry(item, expected, parser):
    assert files(item, parser) == expected


def test_of_one_recording_in_a_group_each_kind_is_named_once():
    formats = [("hd.mp4", "video/mp4", ""), ("sd.mp4", "video/mp4", ' isDefault="true"'),
               ("a.webm", "video/webm", ""), ("b.webm", "video/webm", "")]  # fmt: skip
    contents = "".join(
        f'<media:content url="{SITE}{name}" type="{kind}"{default}/>'
        for name, kind, default in formats
    )

    assert [name for name, *_ in files(f"<media:group>{contents}</media:group>")] == [
        "sd.mp4",
        "a.webm",
    ]
    assert len(files(contents)) == 4


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("95", 95), ("95.7", 95), (" 1:35 ", 95), ("01:01:35", 3695), ("125:30", 7530),
        ("1:02:03.5", 3723), ("PT1H2M3S", 3723), ("PT95S", 95), ("0", None), ("-5", None),
        ("", None), ("an hour", None), ("1:2:3:4", None), ("9" * 400, None), ("PT", None),
    ],
)  # fmt: skip
def test_the_length_of_an_episode_is_read_in_seconds(text, seconds):
    item = f'<enclosure url="{MP3}" type="audio/mpeg"/><itunes:duration>{text}</itunes:duration>'

    assert [duration for *_, duration in files(item)] == [seconds]


def test_the_length_of_an_attachment_is_read():
    attachment = {"url": MP3, "mime_type": "audio/mpeg", "duration_in_seconds": 61.5}
    items = [{"id": "1", "attachments": [attachment, attachment | {"duration_in_seconds": "x"}]}]
    document = {"version": "https://jsonfeed.org/version/1.1", "items": items}
    (entry,) = parse(json.dumps(document).encode(), headers={}, url=URL).entries

    assert entry.enclosures == (
        Enclosure(MP3, "audio/mpeg", None, 61),
        Enclosure(MP3, "audio/mpeg", None, None),
    )


# ------------------------------------------------------------------------- dates

READABLE, UNREADABLE = "Wed, 01 May 2024 10:00:00 GMT", "Spring 2024, no. 3"


@both
@pytest.mark.parametrize("element", ["pubDate", "dcterms:issued", "atom:published", "atom:issued"])
@pytest.mark.parametrize("first", [True, False])
def test_of_several_dates_the_first_that_can_be_read_counts(element, first, parser):
    dates = [
        f"<pubDate>{READABLE}</pubDate>",
        f"<{element}>{UNREADABLE}</{element}>",
        "<pubDate>Thu, 02 May 2024 10:00:00 GMT</pubDate>",
    ]
    if not first:
        dates[0], dates[1] = dates[1], dates[0]

    assert entry_of_rss("".join(dates), parser).published == READABLE


@both
def test_the_time_in_an_element_of_html_is_the_date(parser):
    item = '<pubDate><time datetime="2024-05-03T19:21:28Z">Fri, 05/03/2024 - 15:21</time></pubDate>'

    assert entry_of_rss(item, parser).published == "2024-05-03T19:21:28Z"
    assert entry_of_rss(item.replace("datetime", "class"), parser).published == (
        "Fri, 05/03/2024 - 15:21"
    )


def test_what_stands_beside_a_feeds_elements_never_breaks_the_parser():
    document = f"{RSS}<channel><item><title>A</title></item></channel></rss>"
    for name in dir(context.InContext):
        if name.startswith(("_start_", "_end_")):
            field = name.split("_", 2)[2]
            odd = f'<{field} a="b">{field}<{field}/></{field}>'
            for place in ("<item>", "<channel>"):
                body = document.replace(place, f"{place}{odd}").encode()
                try:
                    feed = parse(body, headers={}, url=URL)
                except ParseError as error:
                    raise AssertionError(field) from error
                assert "A" in {entry.title for entry in feed.entries} or field in (
                    *element_scopes.ENTRIES,
                    "title",
                )
