"""Subscription lists of other programs, as they really are; and ours for them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.errors import OpmlError
from aggregator.model import OpmlOutline, Subscription
from aggregator.opml import extras
from aggregator.opml import outlines as opml
from aggregator.opml.outlines import OmissionReason
from tests.cpu_time import cpu_limit
from tests.selection import examples, slow_after

DATA = Path(__file__).parent / "data" / "opml"
CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus" / "opml"


def lists() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.suffix in {".opml", ".xml"})


def in_opml(outlines: str) -> bytes:
    return f'<opml version="2.0"><head/><body>{outlines}</body></opml>'.encode()


def feeds_of(document: bytes) -> list[OpmlOutline]:
    return opml.read(document).feeds


# --------------------------------------------------------------------- reading


def test_a_list_is_read_with_the_outermost_folder_as_category():
    found = feeds_of((DATA / "nested.opml").read_bytes())

    assert found == [
        OpmlOutline("https://cafe.example/feed", "Le Café", ("News",), "https://cafe.example/"),
        OpmlOutline("https://second.example/feed", "Second", ("News",)),
        OpmlOutline("http://third.example/feed", "Third", ("Tech",)),
        OpmlOutline("https://fourth.example/feed", "Fourth", ("Science", "x")),
        OpmlOutline("https://fifth.example/feed", None, ()),
        OpmlOutline("https://sixth.example/feed", "Old style", ()),
    ]


def test_a_list_that_is_no_xml_is_read_all_the_same():
    found = feeds_of((DATA / "broken.opml").read_bytes())

    assert found == [
        OpmlOutline("https://a.example/feed?x=1&y=2", "Café & more", ("R & D",)),
        OpmlOutline("https://b.example/", 'The "quoted" one', ("R & D",)),
        OpmlOutline("https://c.example/", "Said", ("R & D",)),
        OpmlOutline("https://d.example/", "5 < 6", ("R & D",)),
        OpmlOutline("https://e.example/", "Outside", ()),
    ]


def test_a_folder_that_is_a_feed_itself_is_no_category():
    found = feeds_of(
        in_opml(
            '<outline text="A" xmlUrl="https://a.example/">'
            '<outline text="B" xmlUrl="https://b.example/"/></outline>'
        )
    )

    assert [(feed.title, feed.categories) for feed in found] == [("A", ()), ("B", ())]


def test_namespaces_and_a_document_type_do_not_matter():
    document = (
        b'<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/opml.dtd">'
        b'<o:opml xmlns:o="http://opml.org/spec2" version="2.0"><o:body>'
        b'<o:outline text="A" xmlUrl="https://a.example/"/></o:body></o:opml>'
    )

    assert feeds_of(document) == [OpmlOutline("https://a.example/", "A")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "iso-8859-15"]
)
def test_a_list_is_read_in_the_encoding_that_it_declares(encoding):
    document = (
        f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><opml><body>'
        '<outline text="Café" xmlUrl="https://a.example/"/></body></opml>'
    )

    assert feeds_of(document.encode(encoding))[0].title == "Café"


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-16", "Seen – größer".encode()),
        ("utf-8", "Seen – größer".encode("cp1252")),
        ("iso-8859-1", "Seen – größer".encode("cp1252")),
        ("utf-8", b"Seen \xe2\x80\x93 gr\xc3\xb6\xc3\x9fer \xc3"),
        ("gb2312", "朱镕基".encode("gbk")),
        ("ks_c_5601-1987", "똠방".encode("cp949")),
        ("Shift_JIS", "①湖".encode("cp932")),
        ("euc-jp", b"\xad\xa1\xb8\xd0"),
        ("x-gbk", "花园".encode("gbk")),
    ],
)
def test_a_list_is_read_by_the_rules_of_feeds(declared, written):
    document = (
        b'<?xml version="1.0" encoding="%b"?><opml><body><outline text="%b" '
        b'xmlUrl="https://a.example/"/></body></opml>' % (declared.encode(), written)
    )

    title = feeds_of(document)[0].title or ""

    assert title.rstrip("\ufffd ") in {"Seen – größer", "朱镕基", "똠방", "①湖", "花园"}


@pytest.mark.parametrize(
    "doctype", ["", "<!DOCTYPE opml>", '<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/opml.dtd">']
)
def test_names_of_html_are_read_with_and_without_a_doctype(doctype):
    document = (
        f'<?xml version="1.0"?>{doctype}<opml><body><outline text="M&uuml;ller &amp; S&#246;hne" '
        'xmlUrl="https://a.example/?a=1&amp;b=2"/></body></opml>'
    )

    assert feeds_of(document.encode()) == [
        OpmlOutline("https://a.example/?a=1&b=2", "Müller & Söhne")
    ]


@pytest.mark.parametrize("encoding", ["punycode", "zlib", "no-such", "utf-99", "gbnone", "rot13"])
def test_an_encoding_that_is_none_is_taken_for_utf_8(encoding):
    document = (
        f'\n<?xml version="1.0" encoding="{encoding}"?><opml><body>'
        '<outline text="Café" xmlUrl="https://a.example/"/></body></opml>'
    )

    assert feeds_of(document.encode())[0].title == "Café"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "the list is empty"),
        (b" \n\t", "the list is empty"),
        (b'<rss version="2.0"><channel/></rss>', "this is a feed, not a list of feeds"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "this is a feed, not a list of feeds"),
        (b"<!DOCTYPE html><html><body><p>No</html>", "this is not OPML"),
        (b"https://example.org/list.opml", "this is not OPML"),
        (b"/etc/passwd", "this is not OPML"),
        (bytes(range(256)) * 10, "this is not OPML"),
        (b"[]", "this is not OPML"),
        (b"<opml" + b" " * opml.MAX_SIZE, "more than 20,000,000 bytes"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(document, said):
    with pytest.raises(OpmlError, match=re.escape(said)) as caught:
        feeds_of(document)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;',
    ],
)
def test_entities_are_neither_expanded_nor_fetched(declared):
    document = (
        f"<!DOCTYPE opml [{declared}]><opml><body>"
        '<outline text="&b;" xmlUrl="https://a.example/"/></body></opml>'
    )

    with pytest.raises(OpmlError, match="declares entities"):
        feeds_of(document.encode())


@pytest.mark.parametrize(
    "repeated",
    [
        *slow_after(
            2, ["<!--", "<![CDATA[", "<!DOCTYPE ", "</outline>", "<x:", "<?", " ", "=", "&"]
        ),
        *slow_after(0, ["<outline ", "<", "<outline text='", "a='", '<outline text="a">', "<a "]),
        pytest.param('<outline xmlUrl="x', marks=pytest.mark.slow),
    ],
)
def test_a_hostile_list_takes_no_more_time_than_its_size_deserves(repeated):
    document = b"<opml>" + repeated.encode() * (500_000 // len(repeated))
    with cpu_limit(4):  # 0.4 s at most; html.parser takes minutes for some
        assert feeds_of(document) == []


def test_an_endless_title_is_clipped():
    (feed,) = feeds_of(in_opml(f'<outline text="{"x" * 9999}" xmlUrl="https://a.example/"/>'))

    assert feed.title == "x" * opml.MAX_TITLE


def test_addresses_with_bare_ampersands_stay_what_they_are():
    feeds = feeds_of(
        in_opml('<outline text="A & B" xmlUrl="https://a.example/?x=1&region=eu&copy=2&amp;y=3"/>')
    )

    assert [feed.url for feed in feeds] == ["https://a.example/?x=1&region=eu&copy=2&y=3"]


@pytest.mark.parametrize("name", ["xmlUrl", "xmlurl", "XMLURL", "xmlURL"])
def test_the_address_is_found_however_its_attribute_is_written(name):
    assert [
        feed.url for feed in feeds_of(in_opml(f'<outline {name}="feed://a.example/rss"/>'))
    ] == ["http://a.example/rss"]


def test_a_feed_without_a_usable_address_is_left_out_with_the_reason():
    subscriptions = opml.read(
        in_opml(
            '<outline text="Mail" xmlUrl="newsletter:me@a.example"/>'
            '<outline text="Shut" xmlUrl="https://***@b.example/feed"/>'
            '<outline text="Token" xmlUrl="https://c.example/feed?token=***&amp;x=1"/>'
            '<outline type="rss" text="Nothing" xmlUrl=""/>'
            '<outline type="HTML+XPath" text="Page" xmlUrl="https://d.example/"/>'
            '<outline type="JSON+DotNotation" text="API" xmlUrl="https://e.example/"/>'
            '<outline type="JSONFeed" text="Real" xmlUrl="https://f.example/"/>'
        )
    )

    assert [feed.title for feed in subscriptions.feeds] == ["Real"]
    assert [(feed.title, feed.reason) for feed in subscriptions.left_out] == [
        ("Mail", OmissionReason.NOT_AN_ADDRESS),
        ("Shut", OmissionReason.MASKED),
        ("Token", OmissionReason.MASKED),
        ("Nothing", OmissionReason.NOT_AN_ADDRESS),
        ("Page", OmissionReason.SCRAPED),
        ("API", OmissionReason.SCRAPED),
    ]


@pytest.mark.parametrize(
    ("attributes", "category"),
    [
        ('text="🎮"', "🎮"),
        ('text="!?"', "!?"),
        ('text="AI/ML"', "AI/ML"),
        ('text="a&#9;b&#10;c"', "a b c"),
        ('text="" title="News"', "News"),
        ('text="&#x200b;" title="News"', "News"),
        ('text="News" xmlUrl=""', "News"),
        ('text="News" type="rss"', "News"),
        ('text=""', None),
        ("", None),
    ],
)
def test_folders_with_odd_names_are_kept(attributes, category):
    subscriptions = opml.read(
        in_opml(f'<outline {attributes}><outline xmlUrl="https://a.example/"/></outline>')
    )

    assert first_categories(subscriptions.feeds) == [category]
    assert (subscriptions.left_out, subscriptions.not_taken_over) == ([], {})
    appended = config.append("title: x\n", subscriptions.feeds, path=Path("config.yaml"))
    assert first_categories(appended.feeds) == [category]


def first_categories(feeds: Sequence[OpmlOutline | Subscription]) -> list[str | None]:
    return [next(iter(feed.categories), None) for feed in feeds]


def folder(name: str, *inside: str) -> str:
    return f'<outline text="{name}">{"".join(inside)}</outline>'


def feed(name: str, attributes: str = "") -> str:
    return f'<outline text="{name}" xmlUrl="https://{name}.example/" {attributes}/>'


@pytest.mark.parametrize(
    ("outlines", "categories", "kind", "names"),
    [
        (
            folder("Tech", folder("Python", feed("a")), feed("b")) + feed("c"),
            ["Tech", "Tech", None],
            extras.INNER_FOLDERS,
            ["Tech / Python"],
        ),
        (
            folder("News", feed("a")) + folder("NEWS", feed("b")),
            ["News", "News"],
            extras.SPELLINGS,
            ["NEWS (now News)"],
        ),
        (
            "".join(folder(f"C{n}", feed("a")) for n in range(12)),
            ["C0"],
            extras.MANY_CATEGORIES,
            ["a (C10)", "a (C11)"],
        ),
        (
            folder("x" * 300, feed("a")),
            ["x" * opml.MAX_TITLE],
            extras.LONG_NAMES,
            ["x" * opml.MAX_TITLE],
        ),
    ],
)
def test_what_folders_lose_is_told(outlines, categories, kind, names):
    subscriptions = opml.read(in_opml(outlines))

    assert first_categories(subscriptions.feeds) == categories
    assert subscriptions.not_taken_over == {kind: names}


@pytest.mark.parametrize(
    ("outlines", "categories"),
    [
        (folder("News", feed("a")) + folder("Best", feed("a")), ("News", "Best")),
        (feed("a") + folder("Best", feed("a")), ("Best",)),
        (folder("News", feed("a")) + folder("NEWS", feed("a")), ("News",)),
        (folder("News", feed("a"), feed("a")) + folder("Sea", feed("b")), ("News",)),
        (folder("All", folder("News", feed("a")), folder("Sea", feed("a"))), ("News", "Sea")),
        (feed("a", 'category="/News/Local,/Best"'), ("News", "Best")),
        (folder("Sea", feed("a", 'category="/News,/Best"')), ("Sea",)),
        (
            "".join(folder(name, feed("a", 'category="/Sea,/Best"')) for name in ("Best", "Sea")),
            ("Sea", "Best"),
        ),
    ],
)
def test_a_feed_in_several_folders_has_several_categories(outlines, categories):
    read = feeds_of(in_opml(outlines))

    assert read[0].categories == categories
    appended = config.append("title: x\n", read, path=Path("config.yaml"))
    assert appended.feeds[0].categories == categories


CATEGORY = st.sampled_from(["Sea", "Öl & Wachs", "R, D", "A/B", "[1]", "no", "Trade: today"])


@given(st.lists(st.lists(CATEGORY, max_size=3, unique=True), min_size=1, max_size=3))
def test_several_categories_come_back_from_opml_and_from_the_file(categories):
    outlines = [
        OpmlOutline(f"https://{number}.example/", categories=tuple(names))
        for number, names in enumerate(categories)
    ]

    read = {feed.url: feed for feed in feeds_of(opml.write("x", outlines))}
    appended = config.append("feeds: []\n", outlines, path=Path("config.yaml"))
    in_braces = config.append("{feeds: []}\n", outlines, path=Path("config.yaml"))

    assert [set(read[feed.url].categories) for feed in outlines] == list(map(set, categories))
    assert [feed.categories for feed in appended.feeds] == list(map(tuple, categories))
    assert [feed.categories for feed in in_braces.feeds] == list(map(tuple, categories))
    for names, feed in zip(categories, outlines, strict=True):
        if not {"R, D", "A/B"} & set(names):
            assert read[feed.url].categories == tuple(names)


def test_a_folder_around_all_other_folders_is_not_a_category():
    inside = folder("News", feed("a")) + folder("Tech", folder("Python", feed("b")))

    wrapped = feeds_of(in_opml(folder("All", folder("Mine", inside))))

    assert first_categories(wrapped) == ["News", "Tech"]
    only = feeds_of(in_opml(folder("Tech", folder("Python", feed("a")))))
    assert first_categories(only) == ["Tech"]


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ('frss:filtersActionRead="intitle:ad"', "filters"),
        ('frss:filtersActionStar="x"', "filters"),
        ('frss:cssFullContent="article"', "full texts from the pages of posts"),
        ('frss:cssContentFilter=".ad"', "full texts from the pages of posts"),
        ('frss:CURLOPT_COOKIE="a=b"', "headers, cookies, proxies and passwords of requests"),
        ('frss:ttl="900"', "intervals of updates"),
        ('frss:priority="hidden"', "priorities, and what is hidden or muted"),
        ('frss:unicityCriteria="link"', "how posts are told apart"),
        ('frss:opmlUrl="https://l.example/x.opml"', extras.LISTS),
        ('ttrssUpdateInterval="60"', "intervals of updates"),
        ('ttrssPurgeInterval="60"', "how long and how many posts are kept"),
        ('rssguard:postProcess="clean.py"', "scripts that make or change a feed"),
        ('filtercmd="clean.py"', "filters"),
        ('userAgent="x"', "headers, cookies, proxies and passwords of requests"),
    ],
)
def test_settings_of_other_readers_are_told_by_kind(attributes, kind):
    spaces = 'xmlns:frss="https://freshrss.org/opml" xmlns:rssguard="urn:x"'

    subscriptions = opml.read(in_opml(feed("a", f"{spaces} {attributes}") + feed("b", spaces)))

    assert len(subscriptions.feeds) == 2
    if kind != extras.LISTS:  # of folders
        assert subscriptions.not_taken_over == {kind: ["a"]}


def test_an_unknown_setting_is_told_by_its_name_and_what_means_nothing_is_not():
    subscriptions = opml.read(
        in_opml(
            feed("a", 'gizmo="x" sortOrder="3" favicon="f.png" frss:priority="main" frss:ttl="0"')
            + feed("b", 'gizmo="y" numericId="3" description="d" language="en" version="RSS2"')
        )
    )

    assert subscriptions.not_taken_over == {extras.UNKNOWN: ["gizmo"]}


def test_lists_filters_and_labels_outside_of_feeds_are_told_too():
    subscriptions = opml.read(
        in_opml(
            '<outline type="include" text="More" url="https://l.example/more.opml"/>'
            '<outline type="link" text="Page" url="https://l.example/"/>'
            '<outline text="Planet" frss:opmlUrl="https://l.example/planet.opml"/>'
            + folder("filters", '<outline filter-type="2">{}</outline>')
            + folder("labels", '<outline label-name="Later"/>')
            + folder("prefs", '<outline pref-name="THEME" value="night"/>')
        )
    )

    assert subscriptions.feeds == []
    assert set(subscriptions.not_taken_over) == {
        *(extras.LISTS, "filters", "labels and tags", "preferences of the program"),
    }
    assert subscriptions.not_taken_over[extras.LISTS] == ["More", "Planet"]


# --------------------------------------------------------------------- writing

FEEDS = [
    OpmlOutline("https://a.example/?x=1&y=<2>", 'A "quoted" & <b>bold</b> one', ("News & more",)),
    OpmlOutline("https://b.example/", None, (), "https://b.example/home"),
    OpmlOutline("https://c.example/", "C", ("News & more",)),
    OpmlOutline("https://d.example/", "日本語 🎉", ("Жизнь",)),
]


def test_a_list_is_written_as_opml_2_with_a_folder_for_each_category():
    document = opml.write("My feeds", FEEDS, created_at=datetime(2026, 11, 23, 8, 41, tzinfo=UTC))

    assert document.decode() == (
        """\
<?xml version='1.0' encoding='UTF-8'?>
<opml version="2.0">
  <head>
    <title>My feeds</title>
    <dateCreated>Mon, 23 Nov 2026 08:41:00 GMT</dateCreated>
  </head>
  <body>
    <outline type="rss" text="https://b.example/" title="https://b.example/" \
xmlUrl="https://b.example/" htmlUrl="https://b.example/home" />
    <outline text="News &amp; more" title="News &amp; more">
      <outline type="rss" text="A &quot;quoted&quot; &amp; &lt;b&gt;bold&lt;/b&gt; one" \
title="A &quot;quoted&quot; &amp; &lt;b&gt;bold&lt;/b&gt; one" \
xmlUrl="https://a.example/?x=1&amp;y=&lt;2&gt;" />
      <outline type="rss" text="C" title="C" xmlUrl="https://c.example/" />
    </outline>
    <outline text="Жизнь" title="Жизнь">
      <outline type="rss" text="日本語 🎉" title="日本語 🎉" xmlUrl="https://d.example/" />
    </outline>
  </body>
</opml>
"""
    )


def test_what_was_written_reads_as_the_same_subscriptions():
    found = feeds_of(opml.write("x", FEEDS))

    assert sorted(found, key=lambda feed: feed.url) == FEEDS


def test_the_same_feeds_are_the_same_bytes_whatever_the_zone_of_the_clock():
    at = datetime(2026, 11, 23, 8, 41, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=9)))

    assert opml.write("x", FEEDS, created_at=at) == opml.write("x", FEEDS, created_at=elsewhere)
    assert b"dateCreated" not in opml.write("x", FEEDS)


def test_characters_that_xml_can_not_hold_are_left_out():
    document = opml.write(
        "a\x00b\ud800", [OpmlOutline("https://a.example/\x01x", "c\x0bd\ufffe\n e", ("\x1b[2J",))]
    )

    assert ElementTree.fromstring(document).findtext("head/title") == "a b"
    assert feeds_of(document) == [OpmlOutline("https://a.example/x", "c d e", ("[2J",))]


def test_a_list_without_feeds_is_a_list():
    assert feeds_of(opml.write("Nothing yet", [])) == []


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_whatever_the_titles_the_list_is_xml_and_complete(texts):
    feeds = [
        OpmlOutline(f"https://h{n}.example/", title, category)
        for n, (title, category) in enumerate(texts)
    ]

    document = opml.write("x", feeds)

    ElementTree.fromstring(document)
    assert {feed.url for feed in feeds_of(document)} == {feed.url for feed in feeds}


@pytest.mark.slow
@pytest.mark.parametrize("count", slow_after(1, [2_000, 10_000]))
def test_a_list_of_thousands_of_feeds_is_read_and_added_to_the_file_in_seconds(count):
    feeds = [
        OpmlOutline(f"https://h{n}.example/", f"Feed: {n}", f"C {n % 9}") for n in range(count)
    ]
    with cpu_limit(count / 1_000):
        found = feeds_of(opml.write("x", feeds))
        appended = config.append("title: x\n", found, path=Path("config.yaml"))

    assert len(appended.feeds) == count


# --------------------------------------------------------------------- lists of the world


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no ../shared/corpus/opml")
def test_every_list_of_the_corpus_is_read_completely():
    for path in lists():
        document = path.read_bytes()
        text = document.decode(errors="replace")
        addresses = re.findall(r"""\sxmlUrl=["']\s*(https?://[^"'\s]+)""", text, re.IGNORECASE)

        found = feeds_of(document)

        assert len(found) == len(set(addresses)), path
        titled = sum(feed.title is not None for feed in found)
        assert titled >= 0.9 * len(found), path
        assert all("" not in feed.categories for feed in found), path


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no ../shared/corpus/opml")
def test_every_list_of_the_corpus_can_be_imported():
    found = [outline for path in lists() for outline in feeds_of(path.read_bytes())]

    appended = config.append("title: x\n", found, path=Path("config.yaml"))

    assert len(appended.feeds) > 1000
    assert len(appended.feeds) + len(appended.duplicates) == len(found)
