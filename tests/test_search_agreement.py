"""A search means the same in the database and in memory, on SQLite and on PostgreSQL."""

import random
from datetime import UTC, date
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import assume, given, settings, strategies
from sqlalchemy import Connection, func, select

from aggregator.database.lists.list_query import search_query
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.lists.search_query import SearchCompiler
from aggregator.database.schema import contents, entries
from aggregator.errors import ParseError
from aggregator.model import CleanEntry, Enclosure, Subscription
from aggregator.reading.clean import clean
from aggregator.reading.parse import parse
from aggregator.search.predicate import SearchedEntry, compiled
from aggregator.search.syntax_tree import (
    And,
    DayTest,
    LanguageTest,
    LinkTest,
    MediaTest,
    Medium,
    NameField,
    NameTest,
    Node,
    Not,
    Or,
    Phrase,
    TextField,
)
from aggregator.search.tree_facts import is_always_true, is_never_true, name_tests
from aggregator.search.word_forms import words
from tests.selection import fuzz_examples
from tests.worlds import NOW, entry, new_database, record, subscribe

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
TEXTS = (
    "whale whales whaling Crème brûlée Łódź ёлка й 東京 大学 京 ที่ ไทย 선거는 선거 हिन्दी العَرَبِيَّة "
    "ﬁn f1 f2 a b c ¶ § © ® ¤1 1 2026 it’s C++ x.y _z \n & < ' \" \\ : * % | !"
).split(" ")
WORDS = sorted({word for text in TEXTS for word in words(text)} | {"absent", "wha", "w"})
TYPES = ("audio/mpeg", "Video/mp4", "image/png", "text/audio/", None)
LANGUAGES = ("de", "de-AT", "DEU", "pt-BR", None)
LINKS = ("https://a.example/Blog/Ä?q=100%25_", "https://b.example/%C3%A4", None)
FEEDS = ("lamp", "lamp-two", "tide")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A database of 150 entries of three feeds, with texts of few words in any combination."""
    engine = new_database(tmp_path_factory.mktemp("agreement"))
    chance = random.Random(5)
    subscribe(
        engine,
        *(
            Subscription(name, f"https://{name}.example/", name_given=True, stories=False,
                         title=name.title(), categories=("Sea & C++",) if name != "tide" else ())
            for name in FEEDS
        ),
    )  # fmt: skip
    for place, name in enumerate(FEEDS):
        new = [_random_entry(number, chance) for number in range(place * 50, place * 50 + 50)]
        record(engine, name, new)
    yield engine
    engine.dispose()


def _random_entry(number: int, chance: random.Random) -> CleanEntry:
    def text(most: int) -> str:
        return chance.choice(" \t-").join(chance.choices(TEXTS, k=chance.randrange(most)))

    def names() -> tuple[str, ...]:
        return tuple(name for _ in range(chance.randrange(3)) if (name := text(3).strip()))

    types = chance.choices(TYPES, k=chance.randrange(3))
    return entry(
        number * 60,
        title=text(4),
        summary=text(6),
        content_html=f"<p>{text(20)}</p> {text(3)} <b>wh</b>ale",
        authors=names(),
        categories=names(),
        enclosures=tuple(Enclosure("https://a.example/x", kind) for kind in types),
        language=chance.choice(LANGUAGES),
        url=chance.choice(LINKS),
        image=chance.choice((None, None, "https://a.example/x.png")),
    )


PHRASES = strategies.builds(
    Phrase,
    strategies.lists(strategies.sampled_from(WORDS), min_size=1, max_size=3).map(tuple),
    strategies.booleans(),
    strategies.sampled_from(TextField),
)
TESTS = strategies.one_of(
    PHRASES,
    PHRASES,
    strategies.builds(
        NameTest,
        strategies.sampled_from(NameField),
        strategies.sampled_from(["lamp", "Tide", "two", "sea", "sea & c++", "nothing", "a"]),
    ),
    strategies.builds(LinkTest, strategies.sampled_from(["blog", "Ä", "ä", "%", "_", "E/%c3"])),
    strategies.builds(LanguageTest, strategies.sampled_from(["de", "de-at", "pt", "deu", "br"])),
    strategies.builds(MediaTest, strategies.sampled_from(Medium)),
    strategies.builds(
        DayTest, strategies.dates(date(2026, 11, 15), date(2026, 11, 25)), strategies.booleans()
    ),
)
NODES: strategies.SearchStrategy[Node] = strategies.recursive(
    TESTS,
    lambda parts: strategies.one_of(
        parts.map(Not),
        strategies.lists(parts, min_size=2, max_size=4).map(tuple).map(And),
        strategies.lists(parts, min_size=2, max_size=4).map(tuple).map(Or),
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=fuzz_examples(150))
@given(NODES)
def test_the_database_finds_what_matches_in_memory(library, node):
    with library.connect() as connection:
        stored = stored_entries(connection)
        matching_ids = agree(connection, node, stored)

    assert not (is_never_true(node) and matching_ids)
    assert not (is_always_true(node) and matching_ids != stored.keys())


SIMILAR_PHRASES = strategies.builds(
    Phrase,
    strategies.lists(strategies.sampled_from(["wha", "whale"]), min_size=1, max_size=2).map(tuple),
    strategies.booleans(),
    strategies.sampled_from([TextField.ANY, TextField.TITLE]),
)


@given(SIMILAR_PHRASES, SIMILAR_PHRASES)
def test_a_text_with_a_phrase_has_the_phrases_that_follow_from_it(first, second):
    assume(is_never_true(And((first, Not(second)))))
    text = " ".join(first.words)
    post = entry(1, title=text, authors=(text,), categories=(text,))
    searched = SearchedEntry(post, feed_id=1, place=1)

    assert compiled(first, {})(searched)
    assert compiled(second, {})(searched)


def test_names_mean_the_feeds_that_they_name(library):
    tests = {
        (NameField.SOURCE, "lamp"): 1,
        (NameField.SOURCE, "LAMP"): 1,  # as the name is written in addresses
        (NameField.SOURCE, "amp"): 2,
        (NameField.SOURCE, "nothing"): 0,
        (NameField.CATEGORY, "sea & c++"): 2,
        (NameField.CATEGORY, "sea"): 2,
        (NameField.CATEGORY, "tide"): 0,
    }

    with library.connect() as connection:
        meant = resolve_names(connection, [NameTest(*name) for name in tests])

    assert {(test.field, test.value): len(ids) for test, ids in meant.items()} == tests


def agree(connection: Connection, node: Node, stored: dict[int, SearchedEntry]) -> set[int]:
    """Compare all ways to search stored entries; return the ids of those that match."""
    resolution = resolve_names(connection, name_tests(node))
    is_match = compiled(node, resolution)
    expected = {entry_id for entry_id, searched in stored.items() if is_match(searched)}
    low, high = min(stored), max(stored)

    compiler = SearchCompiler(connection, resolution, UTC)
    assert compiler.matching_ids(node, low=low, high=high) == expected
    some = sorted(stored)[10:-10]
    within = compiler.matching_ids(node, low=some[0], high=some[-1])
    assert within == expected.intersection(some)

    query = search_query(connection, node, UTC)
    parts = (part.add_columns(entries.c.id) for part in query.parts(connection, None))
    found = list(chain.from_iterable(connection.scalars(part) for part in parts))
    listed = set(connection.scalars(select(entries.c.id).where(entries.c.exclusion.is_(None))))
    assert found == sorted(expected & listed, reverse=True)
    return expected


def stored_entries(connection: Connection) -> dict[int, SearchedEntry]:
    """Return all stored entries by id, as searches compare them."""
    columns = ("url", "title", "summary", "authors", "categories", "enclosures", "language")
    rows = connection.execute(
        select(
            entries.c.id,
            entries.c.feed_id,
            func.coalesce(contents.c.html, ""),
            entries.c.image,
            *(entries.c[name] for name in columns),
        ).outerjoin_from(entries, contents, contents.c.entry_id == entries.c.id)
    )
    return {
        row[0]: SearchedEntry(
            CleanEntry(
                guid=None,
                title_html="",
                content_html=row[2],
                content_hash=b"",
                image=row.image,
                **{name: getattr(row, name) for name in columns},
            ),
            feed_id=row.feed_id,
            place=row.id,
        )
        for row in rows
    }


# ----------------------------------------------------------------------- corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A database of the entries of every fourth feed of the corpus: to store all takes a minute."""
    engine = new_database(tmp_path_factory.mktemp("corpus"))
    subscriptions, documents = [], []
    for number, path in enumerate(sorted(CORPUS.rglob("*"))[::4]):
        if not path.is_file() or path.suffix in {".md", ".tsv", ".opml", ".json"}:
            continue
        url = f"https://f{number}.example/"
        try:
            feed = clean(parse(path.read_bytes(), headers={}, url=url), url=url)
        except ParseError:
            continue
        if feed.entries:
            subscriptions.append(Subscription(f"f{number}", url, name_given=True, stories=False))
            documents.append(feed.entries)
    subscribe(engine, *subscriptions)
    for subscription, new in zip(subscriptions, documents, strict=True):
        record(engine, subscription.name, new, now=NOW)
    yield engine
    engine.dispose()


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there")
def test_in_real_feeds_the_database_finds_what_matches_in_memory(corpus):
    chance = random.Random(3)
    with corpus.connect() as connection:
        stored = stored_entries(connection)
        assert len(stored) > 1500
        for searched in chance.sample(list(stored.values()), 200):
            node = _search_for(searched, chance)
            assert searched.place in agree(connection, node, stored)


def _search_for(searched: SearchedEntry, chance: random.Random) -> Node:
    """Return a search of words of an entry, which the entry matches."""
    texts = {
        TextField.ANY: [
            text.split()
            for text in (searched.title_words, searched.summary_words, searched.content_words)
        ],
        TextField.TITLE: [searched.title_words.split()],
        TextField.AUTHOR: searched.author_words,
        TextField.TAG: searched.tag_words,
    }
    phrases = []
    for field, text_words in texts.items():
        for each in filter(None, text_words):
            start = chance.randrange(len(each))
            part = each[start : start + chance.choice((1, 1, 2, 4, 8))]
            is_prefix = chance.random() < 0.3 and len(part[-1]) > 2
            last = part[-1][:-1] if is_prefix else part[-1]
            phrases.append(Phrase((*part[:-1], last), is_prefix, field))
    chosen = chance.sample(phrases, min(len(phrases), 3))
    return And((Not(Phrase(("absent", "phrase"))), *chosen, *chosen[:1]))
