"""Cutting known entries out of a document changes nothing about the others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from aggregator.errors import ParseError
from aggregator.model.seen_hashes import HASH_SIZE, ID_SIZE, seen_ids, with_ids
from aggregator.reading.parse import is_json, parse, parse_prefiltered
from aggregator.reading.prefilter import without_known_entries
from aggregator.reading.worker_task import read_document
from aggregator.text.encodings import in_utf8, plain_utf8
from tests.cpu_time import cpu_limit
from tests.running import rss
from tests.selection import examples, slow_after
from tests.worlds import NOW

FEEDS = Path(__file__).parent / "data" / "feeds"
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
URL = "https://example.org/dir/feed"
PREFIX = 2 * HASH_SIZE


def hashes(memory: bytes) -> list[bytes]:
    records = range(PREFIX, len(memory), HASH_SIZE + ID_SIZE)
    return [memory[at : at + HASH_SIZE] for at in records]


def subsets(count: int) -> Iterator[list[int]]:
    """The entries that are new: none, each single one, every other one, all but one, all."""
    yield []
    yield from ([number] for number in range(count))
    yield list(range(0, count, 2))
    yield list(range(1, count))
    yield list(range(count))


def check(body: bytes, choose: Callable[[int], Iterator[list[int]]] = subsets) -> int:
    """Compare prefilter and parse with a full parse; return how many entries were compared."""
    utf8 = in_utf8(body)
    whole = None if is_json(utf8) else without_known_entries(utf8)
    if whole is None:
        return 0
    full = parse(body, headers={}, url=URL)
    if len(full.entries) != len(whole.new_positions):
        return 0  # read_document parses the whole document then
    assert whole.document == utf8
    known = hashes(whole.seen_hashes)
    compared = 0
    for new in choose(len(known)):
        old = [digest for number, digest in enumerate(known) if number not in new]
        cut = without_known_entries(
            utf8, whole.seen_hashes[:PREFIX] + b"".join(digest + bytes(ID_SIZE) for digest in old)
        )
        assert cut is not None
        expected = [
            entry for entry, digest in zip(full.entries, known, strict=True) if digest not in old
        ]
        assert len(cut.new_positions) == len(expected)
        found = parse_prefiltered(cut.document, url=URL)
        assert list(found.entries) == expected
        assert found.head == full.head
        compared += len(expected)
    return compared


@pytest.mark.parametrize("path", sorted(FEEDS.iterdir()), ids=lambda path: path.name)
def test_our_own_feeds_read_the_same_with_and_without(path):
    compared = check(path.read_bytes())

    assert compared or path.name in {"broken.rss", "blog.json"}


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there")
@pytest.mark.parametrize("folder", ["real", "crawl2011", "conformance"])
def test_every_feed_of_the_corpus_reads_the_same_with_and_without(folder):
    compared, different = 0, []
    for path in sorted((CORPUS / folder).rglob("*")):
        if not path.is_file() or path.suffix in {".json", ".md"}:
            continue
        try:
            compared += check(path.read_bytes(), choose=_some)
        except ParseError:
            continue
        except AssertionError as error:
            different.append((path.name, str(error)[:300]))

    assert different == []
    assert compared > 500


def _some(count: int) -> Iterator[list[int]]:
    """All single entries of a short feed, of a long one a few: the corpus has 40,000."""
    step = max(1, count // 6)
    yield []
    yield from ([number] for number in range(0, count, step))
    yield list(range(0, count, 2))
    yield list(range(1, count))


PIECES = strategies.sampled_from(
    [
        "text",
        "<![CDATA[<b>&amp;</b> <item>]]>",
        "<!-- <item> -->",
        "<?pi <item> ?>",
        "&amp;",
        "&#228;",
        "é😀",
        "<x:y xmlns:x='urn:x' a='&gt;>'/>",
        "<media:content xmlns:media='http://search.yahoo.com/mrss/' url='a'/>",
        "\n  ",
    ]
)
ITEMS = strategies.one_of(
    strategies.just("<item/>"),
    strategies.just("<item a='>'  />"),
    strategies.builds(
        "<item><title>{}</title>{}<guid>{}</guid><description>{}</description></item>".format,
        PIECES,
        PIECES,
        strategies.uuids(),
        PIECES,
    ),
    strategies.just("<item><title>a</title><item><title>b</title></item></item>"),
    strategies.builds("<x:item xmlns:x='http://purl.org/rss/1.0/'>{}</x:item>".format, PIECES),
)


@settings(max_examples=examples(150), deadline=None)
@given(
    strategies.lists(ITEMS, max_size=6),
    PIECES,
    strategies.sampled_from(["", "encoding='iso-8859-15'", "encoding='utf-16'"]),
    strategies.sampled_from(["", " xml:lang='de'", " xml:base='http://b.example/c/'"]),
)
def test_generated_documents_read_the_same_with_and_without(items, head, encoding, attributes):
    text = (
        f"<?xml version='1.0' {encoding}?><rss version='2.0'{attributes}><channel>"
        f"<title>{head}</title>{''.join(items)}<link>/end</link></channel></rss>"
    )
    codec = encoding.partition("'")[2].rstrip("'") or "utf-8"

    check(text.encode(codec, "xmlcharrefreplace"))


def items(*numbers):
    return [(f"p{number}", f"Post {number}", NOW) for number in numbers]


@pytest.mark.parametrize(
    "parts", [("xmlns=''", "", ""), ("", "xmlns=''", ""), ("", "", "<p xmlns=''>low</p>")]
)
def test_a_document_without_a_namespace_that_says_so_is_cut_like_any_other(parts):
    root, item, text = parts
    body = (
        f"<rss version='2.0' {root}><channel><item {item}><title>Low</title><guid>1</guid>"
        f"<description>{text}</description></item></channel></rss>"
    ).encode()

    assert check(body) > 0
    document = read_document(body, {}, URL)
    assert document.feed is not None
    assert [entry.title for entry in document.feed.entries] == ["Low"]


def test_only_what_is_new_is_read():
    first = read_document(rss(items(1, 2)), {}, URL)
    second = read_document(rss(items(3, 1, 2)), {}, URL, first.seen_hashes)

    assert first.feed is not None
    assert second.feed is not None
    assert [entry.title for entry in second.feed.entries] == ["Post 3"]


def test_the_ids_of_stored_entries_go_from_one_document_to_the_next():
    first = without_known_entries(rss(items(1, 2)))
    assert first is not None
    assert seen_ids(first.seen_hashes) == set()
    second = without_known_entries(
        rss(items(3, 2)), with_ids(first.seen_hashes, first.new_positions, [-7, 8])
    )
    assert second is not None

    assert second.new_positions == (0,)
    assert seen_ids(second.seen_hashes) == {8}
    assert seen_ids(with_ids(second.seen_hashes, second.new_positions, [None])) == {8}
    assert seen_ids(with_ids(second.seen_hashes, second.new_positions, [9])) == {8, 9}


def test_a_document_that_can_not_be_cut_lists_entries_too():
    assert seen_ids(with_ids(b"", (), [1, 2])) == {1, 2}


def test_a_document_that_only_has_another_date_says_nothing_new():
    def dated(day: int) -> bytes:
        date = f"<lastBuildDate>Mon, {day} Nov 2026 10:00:00 GMT</lastBuildDate><item>"
        return rss(items(1, 2)).replace(b"<item>", date.encode(), 1)

    first = read_document(dated(1), {}, URL)
    second = read_document(dated(2), {}, URL, first.seen_hashes)
    third = read_document(dated(3).replace(b"Blog", b"Log"), {}, URL, second.seen_hashes)

    assert second.feed is None
    assert second.seen_hashes == first.seen_hashes
    assert third.feed is not None
    assert third.feed.head.title == "Log"
    assert third.feed.entries == ()


def test_an_entry_that_left_and_came_back_is_read_again():
    first = read_document(rss(items(1, 2)), {}, URL)
    second = read_document(rss(items(1)), {}, URL, first.seen_hashes)
    third = read_document(rss(items(1, 2)), {}, URL, second.seen_hashes)

    assert third.feed is not None
    assert [entry.title for entry in third.feed.entries] == ["Post 2"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<rss version='2.0'", b"<rss version='2.0' xml:lang='de'"),
        (b"<rss version='2.0'", b"<rss version='2.0' xml:base='http://b.example/'"),
        (b"<rss version='2.0'", b"<rss version='2.0' xmlns:x='urn:x'"),
        (b"<channel>", b"<channel><language>de</language>"),
    ],
)
def test_everything_is_read_again_when_what_entries_inherit_changes(old, new):
    first = read_document(rss(items(1, 2)), {}, URL)
    second = read_document(rss(items(1, 2)).replace(old, new), {}, URL, first.seen_hashes)

    assert second.feed is not None
    assert len(second.feed.entries) == 2


@pytest.mark.parametrize(
    "document",
    [
        b"<rss><channel><item><item/></item></channel></rss>",
        b"<rss><channel><item></channel></rss>",
        b"<!DOCTYPE rss [<!ENTITY a 'b'>]><rss><channel><item>&a;</item></channel></rss>",
        b"<rss><item><guid>1</guid></item><item><guid>1</guid></item></rss>",
        b"<rss><channel></channel></rss>",
        b"<a>" * 300 + b"</a>" * 300,
        b"<rss><item " + b" ".join(b"a%d='1'" % n for n in range(300)) + b"/></rss>",
        b"",
        b"\xff\xfe",
    ],
    ids=["nested", "broken", "doctype", "same id", "no entry", "deep", "wide", "empty", "binary"],
)
def test_what_can_not_be_cut_is_left_to_the_parser(document):
    assert without_known_entries(document) is None


_NAMESPACES = " ".join(f'xmlns:a{number}="u{number}"' for number in range(20_000))


@pytest.mark.parametrize(
    "document",
    slow_after(
        2,
        [
            f"<rss {_NAMESPACES}>{'<item/>' * 60_000}</rss>",
            f"<rss {_NAMESPACES}>{'<b><item/></b>' * 4_000}</rss>",
            f"<rss base='{'x' * 500_000}'>{'<b><item/></b>' * 4_000}</rss>",
            f"<?xml {'encoding= ' * 100_000}<rss/>",
            f"<?xml {'encoding=|a| ' * 80_000}<rss/>".replace("|", "'"),
            f"<rss>{'<pubDate/>' * 90_000}<item/></rss>",
        ],
    ),
    ids=["namespaces", "namespaces, apart", "base", "declaration", "encodings", "dates"],
)
def test_a_hostile_document_does_not_hold_up_the_event_loop(document):
    with cpu_limit(5):
        found = plain_utf8(document.encode(), "")
        if found is not None:
            without_known_entries(found)
