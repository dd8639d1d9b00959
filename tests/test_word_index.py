"""The index of words: whatever the number, the age or the size of texts."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from aggregator.database.lists import read_lists, search_query
from aggregator.database.word_index import fts5_index, tsvector_index, word_index
from aggregator.model import ListKind, ListScope, Subscription
from aggregator.search.entry_words import EntryWords
from aggregator.search.syntax_tree import Phrase
from tests.worlds import NOW, entry, new_database, only_sqlite, record, subscribe

YEAR = timedelta(days=365)


def pages_of(database, search, limit):
    """Return the titles on all pages of a search."""
    found, before = [], None
    with database.connect() as connection:
        while True:
            page = read_lists.entries_page(
                connection, scope=ListScope(ListKind.SEARCH, search), limit=limit, before=before
            )
            found += [listed.title for listed in page.entries]
            before = page.next
            if before is None:
                return found


@pytest.fixture
def database(tmp_path):
    engine = new_database(tmp_path)
    subscribe(engine, Subscription("a", "https://a.example/", name_given=True, stories=False))
    yield engine
    engine.dispose()


def titles(database, search):
    with database.connect() as connection:
        page = read_lists.entries_page(
            connection, scope=ListScope(ListKind.SEARCH, search), limit=1000
        )
    return [listed.title for listed in page.entries]


def test_years_between_posts_hide_none_from_a_search(database):
    chance = random.Random(5)
    times = sorted(
        NOW - chance.randrange(1, 7) * 3 * YEAR - timedelta(hours=chance.randrange(300))
        for _ in range(500)
    )
    record(
        database,
        "a",
        [
            entry(
                number,
                published_at=at,
                content_html="<p>" + "the sea " * 60 + "the keeper " * (number % 20 == 0) + "</p>",
            )
            for number, at in enumerate(times)
        ],
    )

    oldest_first = [f"Post {number}" for number in range(0, 500, 20)]
    assert titles(database, '"the keeper"') == oldest_first[::-1]
    assert pages_of(database, '"the keeper"', 4) == oldest_first[::-1]


@pytest.mark.parametrize(
    "search", ["wha*", '"white wha*"', "wha* -whale", "wha* OR sea", "title:wha*"]
)
def test_a_prefix_finds_the_same_however_many_words_it_stands_for(database, search, monkeypatch):
    texts = ["white whale", "whales", "whaling, white", "what", "a narwhal", "sea", "white sea wha"]
    record(database, "a", [entry(number, title=text) for number, text in enumerate(texts)])
    found = titles(database, search)

    monkeypatch.setattr(fts5_index, "_MAX_ENDINGS", 2)

    assert titles(database, search) == found
    assert found


def test_a_prefix_of_no_word_finds_nothing(database):
    record(database, "a", [entry(1, title="whale")])

    assert titles(database, "zebr*") == []
    assert titles(database, "whal* zebr*") == []


def test_names_of_many_sources_find_what_names_of_few_find(database, monkeypatch):
    names = [f"lamp{number}" for number in range(5)]
    subscribe(
        database,
        *(Subscription(name, f"https://{name}.example/", name_given=True) for name in names),
    )
    for number, name in enumerate(names):
        record(database, name, [entry(number, title=f"Whale {number}", content_html="")])
    found = [titles(database, search) for search in ("source:lamp", "whale source:lamp -3")]

    monkeypatch.setattr(search_query, "_MAX_FEEDS", 2)

    assert found == [titles(database, search) for search in ("source:lamp", "whale source:lamp -3")]
    assert [len(each) for each in found] == [5, 4]


def test_words_of_any_length_are_found(database):
    long_word = "ab" * 20_000
    record(database, "a", [entry(1, title=long_word[:900], content_html=f"<p>x{long_word}</p>")])

    assert titles(database, long_word[:900]) == [long_word[:900]]
    assert titles(database, f"xab* {long_word[:899]}*") == [long_word[:900]]
    assert titles(database, long_word[:898]) == []


def test_an_entry_with_more_words_than_an_index_takes_is_stored(database):
    chance = random.Random(1)
    words = ("".join(chance.choices("āłßﷺ東ü", k=5)) for _ in range(16_000))
    record(database, "a", [entry(1, content_html=f"<p>{' '.join(words)}</p>")])

    assert titles(database, "post") == ["Post 1"]


def test_a_search_that_the_database_expects_to_be_long_finds_the_same(database, monkeypatch):
    record(database, "a", [entry(number, title=f"Whale {number % 3}") for number in range(9)])
    found = [titles(database, search) for search in ("whale 2", '"whale 1"', "whale -1", "tide")]

    monkeypatch.setattr(tsvector_index, "_LONG_SEARCH", 0)

    assert found == [
        titles(database, search) for search in ("whale 2", '"whale 1"', "whale -1", "tide")
    ]
    assert [len(each) for each in found] == [3, 3, 6, 0]
    assert pages_of(database, "whale -1", 4) == found[2]


def test_what_is_removed_is_not_found(database):
    record(database, "a", [entry(1, title="whale"), entry(2, title="sea")])
    with database.begin() as connection:
        index = word_index(connection)
        phrase = index.phrase(connection, Phrase(("whale",)))
        ids = list(connection.scalars(select(index.order.ids).where(index.matches(phrase))))
        (entry_id,) = ids
        index.remove(connection, [EntryWords(entry_id, 1, "whale", "", "", (), ())])
        assert not list(connection.scalars(select(index.order.ids).where(index.matches(phrase))))


@only_sqlite
def test_a_search_is_one_walk_of_the_index_from_the_newest_entry(database):
    record(database, "a", [entry(number) for number in range(3)])
    with database.connect() as connection:
        index = word_index(connection)
        expression = index.all_of([index.phrase(connection, Phrase(("post",))), index.feeds([1])])
        statement = select(index.order.ids).where(index.matches(expression))
        ordered = statement.order_by(index.order.newest_first)
        text = str(ordered.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]

    assert len(plan) == 1  # nothing is sorted
    assert "VIRTUAL TABLE INDEX" in plan[0]
