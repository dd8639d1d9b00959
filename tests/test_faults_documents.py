"""Every fault that a document can have, through real polls and worker processes.

The rows of RELIABILITY.md: what can be read is read, the process lives, other entries are stored,
nothing is fetched or opened, and what we publish afterwards is well-formed.
"""

import asyncio
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.database.lists import read_lists
from aggregator.errors import ParseError
from aggregator.model import ListedEntry
from aggregator.poll import PollResult
from aggregator.publish import Document, Format, render
from aggregator.reading.parse import MAX_ENTRIES
from aggregator.runtime.worker_pool import Workers
from tests.cpu_time import cpu_limit
from tests.faults import HOUR, NOW, World, channel, hosts_of_their_own, item
from tests.feedserver import Canary, FeedServer
from tests.selection import slow_after
from tests.test_corpus import executable

TWO = item("two", "Entry two")
SECRET = "the-secret-in-a-file"


def titled(title: str) -> str:
    return item("one", title)


def described(html: str) -> str:
    return item("one", inside=f"<content><![CDATA[{html}]]></content>").replace(
        "Text of one, all of it.", f"<![CDATA[{html}]]>"
    )


def entities(levels: int, width: int) -> str:
    """Return a DOCTYPE with entities that stand for width ** levels characters."""
    lines = ['<!ENTITY e0 "lol">']
    lines += [
        f'<!ENTITY e{n} "{f"&e{n - 1};" * width}">' for n in range(1, levels + 1)
    ]  # fmt: skip
    return f"<?xml version='1.0'?><!DOCTYPE rss [{''.join(lines)}]>"


def external(kind: str, place: str) -> str:
    declarations = {
        "general": f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{place}">]>',
        "public": f'<!DOCTYPE rss [<!ENTITY x PUBLIC "-//x" "{place}">]>',
        "parameter": f'<!DOCTYPE rss [<!ENTITY % p SYSTEM "{place}"> %p;]>',
        "DTD": f'<!DOCTYPE rss SYSTEM "{place}">',
        "stylesheet": f'<?xml-stylesheet href="{place}" type="text/xsl"?>',
        "XInclude": "",
    }
    return f"<?xml version='1.0'?>{declarations[kind]}"


@dataclass(frozen=True)
class Read:
    result: PollResult
    entries: tuple[ListedEntry, ...]

    @property
    def titles(self) -> list[str]:
        return [entry.title for entry in self.entries]

    def titled(self, title: str) -> ListedEntry:
        return next(entry for entry in self.entries if entry.title == title)


# Documents whose second entry has to be stored, whatever becomes of the first.
SECOND_ENTRY = {
    "undefined entities": titled("A &nbsp; B &eacute; C &nosuch; D") + TWO,
    "bare &": titled("Q & A, R&D, AT&T; a&b=c") + TWO,
    "bare <": titled("1 < 2 and 3 <4") + TWO,
    "an unclosed element": "<item><title>1</title><b>open" + TWO,
    "NUL": titled("a\0b") + TWO,
    "control characters": titled("a\x01\x08\x0b\x1f\x7fb") + TWO,
    "references to control characters": titled("a&#0;&#8;&#x1f;&#xFFFE;&#xD800;&#x110000;b") + TWO,
    "an unknown prefix": "<item><x:y>1</x:y><guid>one</guid><title>1</title></item>" + TWO,
    "two roots": item("one") + TWO + "</channel></rss><rss><channel>" + item("three"),
    "deep XML": "<item><title>1</title>" + "<a>" * 50_000 + "</a>" * 50_000 + "</item>" + TWO,
    "wide XML": "<item><title>1</title>" + "<a/>" * 100_000 + "</item>" + TWO,
    "many attributes": "<item " + " ".join(f"a{n}='x'" for n in range(40_000)) + ">"
    "<title>1</title></item>" + TWO,
    "many namespaces": "<item><title>1</title>"
    + "".join(f"<n{n}:a xmlns:n{n}='http://x.example/{n}'/>" for n in range(3000))
    + "</item>" + TWO,
    "many categories": item("one", inside="".join(f"<category>{n}</category>" for n in range(3000)))
    + TWO,
    "many enclosures": item("one", inside="<enclosure url='http://x.example/a'/>" * 9000) + TWO,
    "quadratic author (feedparser#562)": item("one", inside=f"<author>{'a-@a-' * 12_000}</author>")
    + TWO,
    "quadratic attribute": item("one", inside=f"<enclosure url='{'a-@a-' * 12_000}'/>") + TWO,
    "deep HTML": described("<div>" * 100_000) + TWO,
    "deep HTML, closed again": described("<div>" * 40_000 + "</div>" * 40_000) + TWO,
    "wide HTML": described("<p>" * 100_000) + TWO,
    "formatting that is never closed": described("".join(f"<b id={n}>" for n in range(400))
                                                 + "<p>x" * 90_000) + TWO,
    "tables in tables": described("<table><tr><td>" * 30_000) + TWO,
    "a title of 1 MB": titled("word " * 200_000) + TWO,
    "a title of 1 MB of markup": titled("&lt;b&gt;" * 100_000) + TWO,
    "an id of 1 MB": item("x" * 1_000_000, "one") + TWO,
    "a link of 1 MB": item("one").replace("https://example.org/one",
                                         "https://example.org/" + "x" * 1_000_000) + TWO,
    "nested CDATA (CVE-2009-5065)": described("<![CDATA[<script>alert(1)</script>]]") + TWO,
    "malformed comments (CVE-2011-1157)": described("<!-- --!><img src=x onerror=alert(1)>") + TWO,
    "odd URI schemes (CVE-2011-1158)": described(
        "<a href='jav&#10;ascript:alert(1)'>x</a><a href='\x01javascript:alert(1)'>y</a>") + TWO,
    "img src (CVE-2009-2937)": described("<img src='javascript:alert(1)'><img src=x onload=a()>")
    + TWO,
    "iframe srcdoc (CVE-2025-32015)": described("<iframe srcdoc='<script>alert(1)</script>'>")
    + TWO,
    "svg with a script (CVE-2025-31136)": described("<svg onload=alert(1)><script>a()</script>")
    + TWO,
    "mutation (CVE-2024-52595, CVE-2020-6816)": described(
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;<img src=1 onerror=a()>'>"
    ) + TWO,
    "noscript (CVE-2020-6802, CVE-2021-23980)": described(
        "<noscript><style></noscript><img src=x onerror=a()>") + TWO,
    "style (CVE-2020-6817)": described(f"<p style='{'(' * 50_000}a:'>x</p>") + TWO,
    "references in a URI (CVE-2018-7753)": described(
        "<a href='&#x6a;ava&Tab;script&colon;alert(1)'>x</a>") + TWO,
    "attribute values (CVE-2016-9909, CVE-2016-9910)": described(
        "<img alt='<script>alert(1)</script>' title='``onmouseover=alert(1)'>") + TWO,
    "javascript: as link (GHSA-44pq-9929-f8mq)": item("one").replace(
        "https://example.org/one", "javascript:alert(1)") + TWO,
    "a command as link (CVE-2023-1350)": item("one").replace(
        "https://example.org/one", "|date >/tmp/x") + TWO,
    "a command as link (CVE-2017-12904)": item("one", "$(touch /tmp/x)`id`").replace(
        "https://example.org/one", "http://x.example/';touch x;'") + TWO,
    "line breaks in fields (CVE-2017-7848)": item(
        "one&#13;&#10;two", "a&#13;&#10;Subject: b&#x85;c&#x2028;d",
        inside="<author>x&#13;&#10;Bcc: y</author><category>a&#10;b</category>") + TWO,
    "right-to-left overrides": titled("\u202eevil\u202c \u2066x") + TWO,
    "U+FFFE, U+FFFF": titled("a\ufffe\uffffb") + TWO,
    "lone surrogates in UTF-8": titled("a\ud800b") + TWO,
    "blank fields": "<item><guid/><link/><title/><pubDate/><description/></item>" + TWO,
}  # fmt: skip
# Whole documents: what stands before the entries, and what their entries are.
PROLOGUES = {
    "entity bomb, a billion laughs": (entities(9, 10), "<title>a&e9;</title>"),
    "entity bomb, quadratic": (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "{"x" * 50_000}">]>',
        f"<title>a{'&a;' * 50_000}</title>",
    ),
    "entity bomb, recursive": (
        "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a '&b;'><!ENTITY b '&a;'>]>",
        "<title>x&a;</title>",
    ),
    "entity bomb in an attribute": (entities(9, 10), "<enclosure url='http://x.example/&e9;'/>"),
    "ENTITY in a document that is not ASCII (CVE-2012-2921)": (
        entities(9, 10), "<title>Käse &e9;</title>",
    ),
    "DOCTYPE that never ends (CVE-2011-1156)": ("<!DOCTYPE " + "x" * 100_000 + ">", "<title/>"),
    "DOCTYPE with many declarations": (
        "<!DOCTYPE rss [" + "".join(f"<!ENTITY a{n} 'x'>" for n in range(20_000)) + "]>",
        "<title>&a7;</title>",
    ),
    "internal DTD with attributes": (
        "<!DOCTYPE rss [<!ATTLIST item " + " ".join(f"a{n} CDATA 'x'" for n in range(5000)) + ">]>",
        "<title>x</title>",
    ),
}  # fmt: skip
EXTERNAL = ["general", "public", "parameter", "DTD", "stylesheet", "XInclude"]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Read]]:
    """Poll all documents, each from a host of its own; `peeks` counts what was fetched besides."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "secret").write_text(SECRET)
    with (
        pytest.MonkeyPatch.context() as patch,
        hosts_of_their_own(),
        FeedServer() as server,
        Canary("127.0.0.1") as canary,
    ):
        # 9,000 categories take a second, and ten of them on a machine that does much else.
        patch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 60)
        documents = {name: channel(body) for name, body in SECOND_ENTRY.items()}
        for name, (prologue, inside) in PROLOGUES.items():
            documents[name] = channel(
                f"<item><guid>one</guid>{inside}</item>", TWO, before=prologue
            )
        for kind in EXTERNAL:
            for scheme in ("file", "http"):
                place = f"file://{folder}/secret"
                if scheme == "http":
                    place = f"http://127.0.0.1:{canary.port}/x"
                included = (
                    f"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{place}'/>"
                )
                first = f"<item><guid>one</guid><title>a&x;{included}</title></item>"
                documents[f"{kind}, {scheme}"] = channel(first, TWO, before=external(kind, place))
        world = World(folder, server, timeout=20)
        names = {name: f"d{number}" for number, name in enumerate(documents)}
        for name, document in documents.items():
            server.put(f"/{names[name]}", document.encode("utf-8", "surrogatepass"))
        world.subscribe(*names.values(), apart=True)
        results = world.poll()
        found = {
            name: Read(results[short], world.entries(short)) for name, short in names.items()
        }  # fmt: skip
        assert canary.connections == 0
        # Not the merged list: there a story that many feeds have stands once.
        everything = [entry for read in found.values() for entry in read.entries]
        found["everything"] = Read(results["d0"], everything)
        yield found
        world.database.dispose()


@pytest.mark.parametrize("name", SECOND_ENTRY)
def test_a_defect_of_one_entry_costs_no_other_entry(read, name):
    assert read[name].result.error is None
    assert "Entry two" in read[name].titles


@pytest.mark.parametrize("name", PROLOGUES)
def test_an_entity_bomb_is_bounded_and_appears_nowhere(read, name):
    for entry in read[name].entries:
        assert len(entry.title) <= 1000
        assert "lollol" not in repr(entry)
    assert read[name].result.error is None or read[name].result.error.isascii()


@pytest.mark.parametrize("kind", EXTERNAL)
def test_nothing_that_a_document_names_is_opened_or_fetched(read, kind):
    """Also feedparser#107: with another SAX driver it opened what a DOCTYPE names."""
    for scheme in ("file", "http"):
        found = read[f"{kind}, {scheme}"]
        assert SECRET not in repr(found)
        assert "Entry two" in found.titles


@pytest.mark.slow
@pytest.mark.parametrize("form", slow_after(1, Format))
def test_what_is_published_of_all_of_them_is_well_formed_and_harmless(read, form):
    entries = read["everything"].entries
    assert len(entries) > len(SECOND_ENTRY)

    rendered = render(
        Document(
            id="tag:x.example,2026:/",
            title="All",
            html_url="https://x.example/",
            self_url="https://x.example/feed",
            entries=tuple(entries),
        ),
        form,
    )

    if form is Format.JSON:
        json.loads(rendered)
    else:
        ET.fromstring(rendered)
    text = rendered.decode()
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", text)
    assert not any(executable(entry.title_html + (entry.content_html or "")) for entry in entries)


def test_links_of_other_kinds_are_dropped_and_no_field_has_two_lines(read):
    for name in ("javascript: as link (GHSA-44pq-9929-f8mq)", "a command as link (CVE-2023-1350)"):
        link = read[name].titled("Post one").url
        assert link is None or re.fullmatch(r"https?://[^\s<>]+", link.replace("|date%20>", ""))
    for entry in read["everything"].entries:
        fields = [entry.title, entry.summary, entry.public_id, *entry.authors, *entry.categories]
        assert not any(re.search(r"[\r\n\x85\u2028]", field) for field in fields)


def test_letters_are_right_around_what_is_repaired(read):
    assert read["bare &"].titled("Q & A, R&D, AT&T; a&b=c")
    assert read["undefined entities"].titled("A B é C &nosuch; D")
    assert read["NUL"].titled("ab")


# ------------------------------------------------------------------------- encodings

WORDS = {
    "utf-8": "Käse 日本 Привет", "utf-16": "Käse 日本", "utf-16-le": "Käse 日本",
    "utf-16-be": "Käse 日本", "utf-32": "Käse 日本", "iso-8859-1": "Käse é", "iso-8859-2": "Łódź",
    "iso-8859-15": "10 € Käse", "windows-1250": "Łódź", "windows-1251": "Привет",
    "windows-1252": "„Käse“ – €", "windows-1253": "Καλημέρα", "windows-1254": "İstanbul",
    "windows-1255": "שלום", "windows-1256": "سلام", "koi8-r": "Привет", "gb2312": "你好",
    "gbk": "你好", "gb18030": "你好", "big5": "繁體", "shift_jis": "日本", "euc-jp": "日本",
    "iso-2022-jp": "日本", "euc-kr": "한국",
}  # fmt: skip
ENCODED = [
    (encoding, way)
    for encoding in WORDS
    for way in ("declared", "header")
    if not (encoding.startswith("utf-16-") and way == "declared")
]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path_factory.mktemp("encodings"), server)
        names = {
            f"{encoding.replace('_', '-')}-{way}": (encoding, way) for encoding, way in ENCODED
        }
        for name, (encoding, way) in names.items():
            declaration = (
                f"<?xml version='1.0' encoding='{encoding}'?>" if way == "declared" else ""
            )
            document = channel(item("one", WORDS[encoding]), before=declaration)
            charset = f"; charset={encoding}" if way == "header" else ""
            server.put(f"/{name}", document.encode(encoding),
                       headers={"Content-Type": f"application/xml{charset}"})  # fmt: skip
        world.subscribe(*names, apart=True)
        world.poll()
        titles = world.all_titles()
        yield {pair: titles[name] for name, pair in names.items()}
        world.database.dispose()


@pytest.mark.parametrize(("encoding", "way"), ENCODED)
def test_letters_are_right_in_every_common_encoding_declared_or_in_the_header(
    encoded, encoding, way
):
    assert encoded[encoding, way] == [WORDS[encoding]]


@pytest.mark.parametrize(
    ("document", "content_type", "title"),
    [
        ("\ufeffKäse".encode(), "text/xml; charset=iso-8859-1", "Käse"),
        ("Käse".encode(), "text/xml", "Käse"),
        ("Käse".encode(), "text/xml; charset=us-ascii", "Käse"),
        ("Käse".encode("latin-1"), "application/xml; charset=utf-8", "Käse"),
        ("Käse".encode("latin-1"), "application/xml", "Käse"),
        ("„Käse“".encode("cp1252"), "application/xml; charset=iso-8859-1", "„Käse“"),
        (b"a\xff\xfe\xc3b", "application/xml; charset=utf-8", None),
        ("Käse".encode(), "application/xml; charset=x-unknown", "Käse"),
        ("Käse".encode(), "application/xml; charset=utf-7", "Käse"),
        ("Käse".encode(), "application/xml; charset=\"utf-8'", "Käse"),
        ("Käse".encode(), "application/xml; charset=" + "x" * 4000, "Käse"),
    ],
)
def test_a_lie_about_the_charset_is_seen_through(tmp_path, document, content_type, title):
    bom = b"\xef\xbb\xbf" if document.startswith(b"\xef\xbb\xbf") else b""
    body = document.removeprefix(bom)
    text = channel(item("one", "@")).encode().replace(b" encoding='utf-8'", b"").replace(b"@", body)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/a", bom + text, headers={"Content-Type": content_type})
        world.subscribe("a")

        assert world.poll()["a"].error is None
        (found,) = world.titles("a")
        assert found == title or (title is None and found.startswith("a") and found.endswith("b"))
        world.database.dispose()


def test_letters_that_a_publisher_spoils_later_stay_as_they_were_stored(tmp_path):
    titles = {
        "well": "Frühstück – 日本 „süß“",
        "bytes lost": "Fr\ufffdhst\ufffdck – 日本 „süß“",
        "question marks": "Fr?hst?ck ? ?? ?s???",
        "decoded twice": "Frühstück – 日本 „süß“".encode().decode("cp1252", "ignore"),
        "an edit": "Frühstück – 日本 „süß“, mit Käse",
    }
    with FeedServer() as server:
        world = World(tmp_path, server)
        world.subscribe("a")
        read = {}
        for name, title in titles.items():
            server.put("/a", channel(item("one", title)).encode())
            result = world.poll()["a"]
            read[name] = (world.titles("a"), result.updated)
        world.database.dispose()

    assert read.pop("an edit") == ([titles["an edit"]], 1)
    assert list(read.values()) == [([titles["well"]], 0)] * 4


# ------------------------------------------------------------------------- identity


def polled_ten_times(tmp_path: Path, document) -> list[str]:
    """Return the titles that ten polls of `document(number)` have brought together."""
    with FeedServer() as server:
        world = World(tmp_path, server)
        world.subscribe("a")
        world.poll(times=10, before=lambda number: server.put("/a", document(number)))
        assert world.health("a").failures == 0
        titles = world.titles("a")
        world.database.dispose()
    return sorted(titles)


FIVE = [f"Post {n}" for n in range(5)]


def plain(number: int, *, guid: str = "", link: str = "") -> str:
    """Return entry `number` with a date of its own, with what else is given."""
    return (
        f"<item>{guid}{link}<title>Post {number}</title><description>Text {number}</description>"
        f"<pubDate>{NOW - number * HOUR:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
    )


OPAQUE = "<guid isPermaLink='false'>"


@pytest.mark.parametrize(
    "churn",
    slow_after(3, [
        pytest.param(lambda _, n: plain(n, guid=f"{OPAQUE}same</guid>"), id="duplicate GUIDs"),
        pytest.param(lambda _, n: plain(n), id="no GUID"),
        pytest.param(
            lambda poll, n: plain(n, guid=f"{OPAQUE}{poll}-{n}</guid>", link=f"<link>/{n}</link>"),
            id="GUID churn",
        ),
        pytest.param(
            lambda poll, n: plain(n, guid=f"{OPAQUE}{poll}-{n}</guid>"),
            id="GUID churn without links",
        ),
        pytest.param(
            lambda poll, n: plain(n, link=f"<link>/{n}?PHPSESSID={poll}</link>"),
            id="session links",
        ),
    ]),
)  # fmt: skip
def test_ten_polls_of_five_entries_are_five_entries(tmp_path, churn):
    def document(poll: int) -> str:
        order = range(5) if poll % 2 else reversed(range(5))
        return channel(*(churn(poll, n) for n in order))

    assert polled_ten_times(tmp_path, document) == FIVE


def test_guid_case_and_unicode_forms_tell_entries_apart(tmp_path):
    ids = ["abc", "ABC", "caf\u00e9", "cafe\u0301"]

    def document(_: int) -> str:
        return channel(*(item(guid).replace(f"/{guid}", f"/{n}") for n, guid in enumerate(ids)))

    assert len(polled_ten_times(tmp_path, document)) == 4


def test_the_same_guid_in_another_feed_is_another_entry(tmp_path):
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/a", channel(item("one", "Mine")))
        server.put("/thief", channel(item("one", "Stolen")))
        world.subscribe("a", "thief")

        world.poll()

        assert (world.titles("a"), world.titles("thief")) == (["Mine"], ["Stolen"])
        world.database.dispose()


def test_edited_reordered_vanishing_and_rolling_entries_are_one_each_and_stay(tmp_path):
    def document(poll: int) -> str:
        window = range(poll, poll + 5)
        edited = (item(f"g{n}", f"Post {n}", inside=f"<!-- {poll} -->") for n in reversed(window))
        return channel(*edited)

    assert len(polled_ten_times(tmp_path, document)) == 14


# ------------------------------------------------------------------------------ many


@pytest.mark.slow
@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_as_many_entries_as_the_limit_are_stored_and_the_rest_is_left_out(tmp_path, count):
    entries = "".join(f"<item><title>{n}</title><guid>{n}</guid></item>" for n in range(count))
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/a", channel(entries))
        world.subscribe("a")

        result = world.poll()["a"]

        assert (result.error, result.new) == (None, MAX_ENTRIES)
        with world.database.connect() as connection, cpu_limit(1):
            page = read_lists.entries_page(connection, limit=40).entries
        assert page[0].title == "0"
        world.database.dispose()


@pytest.mark.slow
def test_a_document_that_takes_too_long_costs_its_feed_one_poll_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 1)
    slow = "&broken;" + "".join(f"<item><a b='{n}'/></item>" for n in range(200_000))
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/slow", channel(slow))
        for name in "abc":
            server.put(f"/{name}", channel(item(name)))
        world.subscribe("slow", "a", "b", "c", apart=True)

        results = world.poll()

        assert results["slow"].error == "could not be read in 1s"
        assert [results[name].new for name in "abc"] == [1, 1, 1]
        server.put("/slow", channel(item("fast")))
        assert world.poll("slow")["slow"].new == 1
        world.database.dispose()


def test_a_document_that_needs_too_much_memory_costs_its_feed_one_poll():
    async def run() -> None:
        workers = Workers(1)
        try:
            assert len(await workers.run("u", bytes, 40_000_000)) == 40_000_000
            with pytest.raises(ParseError, match="takes too much memory"):
                await workers.run("u", bytes, 110_000_000)
            assert await workers.run("u", len, b"abc") == 3
        finally:
            workers.stop()

    asyncio.run(run())


@pytest.mark.slow
def test_a_json_feed_that_is_hostile_is_read_or_refused(tmp_path):
    version = '"version": "https://jsonfeed.org/version/1.1"'
    many = ",".join(f'{{"id": {n}}}' for n in range(9000))
    documents = {
        "deep": "[" * 200_000,
        "digits": f'{{{version}, "items": [{{"id": {"9" * 5000}}}]}}',
        "surrogates": f'{{{version}, "items": [{{"id": "\\ud800", "title": "a\\u0000\\udfffb"}}]}}',
        "types": f'{{{version}, "items": [1, null, [], {{"id": [], "title": {{}}, "url": 5}}]}}',
        "many": f'{{{version}, "items": [{many}]}}',
    }
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        for name, document in documents.items():
            server.put(f"/{name}", document)
        world.subscribe(*documents, apart=True)

        results = world.poll()

        assert results["deep"].error == "not a feed: JSON that can't be read" or (
            results["deep"].error == "not a feed"
        )
        assert (results["digits"].error, results["digits"].new) == (None, 1)
        assert world.titles("surrogates") == ["a\ufffdb"] or world.titles("surrogates") == ["ab"]
        assert (results["types"].error, results["many"].error) == (None, None)
        world.database.dispose()


@pytest.mark.parametrize(
    "date",
    slow_after(
        8,
        [
            "",
            "now",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "2099-01-01T00:00:00Z",
            "Mon, 23 Nov 2026 10:00",
            "lundi 23 novembre 2026",
            "31 Feb 2026",
            "99999-99-99",
            "0000-00-00T00:00:00Z",
            "1e999",
            "Mon, 23 Nov 2026 10:00:00 +9999",
            "-1",
            "2026-W48",
            "\u0661\u0662",
            "9" * 5000,
        ],
    ),
)
def test_no_date_is_an_exception_and_none_is_in_the_future(tmp_path, date):
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/a", channel(f"<item><title>x</title><pubDate>{date}</pubDate></item>"))
        world.subscribe("a")

        assert world.poll()["a"].error is None
        (entry,) = world.entries("a")
        first = entry.listed_at
        assert first <= datetime.now(UTC)
        world.poll()
        assert [entry.listed_at for entry in world.entries("a")] == [first]
        world.database.dispose()
