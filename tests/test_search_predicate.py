"""Searches as conditions on entries that are about to be stored."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies

from aggregator.model import CleanEntry, Enclosure, EntryId
from aggregator.search.predicate import SearchedEntry, compiled
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import (
    And,
    NameField,
    NameTest,
    Not,
    Or,
    Phrase,
    TextField,
)
from aggregator.search.word_forms import words

LISTED_AT = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
WHALES = CleanEntry(
    guid=None,
    url="https://lamp.example/Blog/whales?id=7",
    title="Big Whales Sold",
    title_html="",
    summary="Crème brûlée, 東京",
    content_html="<p>lighthouse <b>keep</b>ers</p>",
    content_hash=b"",
    authors=("Ada Lovelace", "Łukasz Q"),
    categories=("Deep Sea", "energy"),
    enclosures=(Enclosure("https://lamp.example/a.ogg", "Audio/Ogg"),),
    language="de-AT",
    image="https://lamp.example/a.png",
)
RESOLUTION = {NameTest(NameField.SOURCE, "lamp"): frozenset({3, 7})}


def is_match(text, entry=WHALES):
    place = EntryId.first_at(LISTED_AT)
    searched = SearchedEntry(entry, feed_id=7, place=place)
    zone = ZoneInfo("Europe/Berlin")
    return compiled(parse_rule(text), RESOLUTION, zone)(searched)


@pytest.mark.parametrize(
    "text",
    [
        "whales",
        "WHALES lighthouse creme",
        '"big whales" "creme brulee" 京',
        "whal* light*",
        '"big wha*"',
        "nothing OR keepers",
        "-nothing (whales OR nothing)",
        "-(whales nothing)",
        'title:whales title:"whales sold" title:sol*',
        'author:ada author:"lukasz q" author:love*',
        'tag:"deep sea" tag:ener*',
        "source:lamp -source:tide",
        "link:lamp.example/blog link:ID=7",
        "lang:de lang:de-at",
        "has:audio has:picture -has:video",
        "after:2026-11-03 before:2026-11-04",  # in Berlin
    ],
)
def test_an_entry_matches(text):
    assert is_match(text)


@pytest.mark.parametrize(
    "text",
    [
        "whale",  # a whole word
        '"whales big"',
        '"sold creme"',  # the end of the title, the beginning of the excerpt
        '"lovelace lukasz"',
        "title:creme",
        "title:keepers",
        "ada",  # authors and tags are not searched without a field
        "energy",
        'author:"lovelace lukasz"',
        'tag:"sea energy"',
        "tag:ad*",
        "source:tide",
        "category:lamp",
        "link:tide",
        "lang:at OR lang:de-at-1996 OR lang:deu",
        "has:video",
        "before:2026-11-03",
        "after:2026-11-04",
        "-whales",
        "whales nothing",
    ],
)
def test_an_entry_does_not_match(text):
    assert not is_match(text)


def test_an_entry_without_values_matches_what_it_has_not():
    empty = CleanEntry(
        guid=None, url=None, title="", title_html="", summary="", content_html="", content_hash=b""
    )

    assert is_match("-a -title:a -author:a -tag:a -link:a -lang:de -has:picture", empty)
    assert not is_match("link:https OR lang:de OR has:audio OR tag:ab*", empty)


def test_no_day_of_a_search_is_too_early_or_too_late():
    assert is_match("after:0001 before:9999")
    assert not is_match("after:9999 OR before:0001")


def test_letters_beyond_ascii_keep_their_case_in_links():
    entry = CleanEntry(
        guid=None, url="https://x.example/ÄB", title="", title_html="", summary="",
        content_html="", content_hash=b"",
    )  # fmt: skip

    assert is_match("link:Äb", entry)
    assert not is_match("link:äb", entry)


WORDS = ("ab", "abc", "b", "東", "京", "é")
TEXTS = strategies.lists(strategies.sampled_from(WORDS), max_size=5).map(" ".join)
PHRASES = strategies.builds(
    Phrase,
    strategies.lists(
        strategies.sampled_from(["ab", "abc", "b", "東", "京", "e"]), min_size=1, max_size=3
    ).map(tuple),
    strategies.booleans(),
    strategies.sampled_from(TextField),
)
TREES = strategies.recursive(
    PHRASES,
    lambda nodes: (
        strategies.builds(Not, nodes)
        | strategies.builds(And, strategies.tuples(nodes, nodes))
        | strategies.builds(Or, strategies.tuples(nodes, nodes, nodes))
    ),
    max_leaves=6,
)


def is_true(node, texts):
    """Return whether a search is true by its definition, word by word."""
    match node:
        case Not(inner):
            return not is_true(inner, texts)
        case And(nodes):
            return all(is_true(part, texts) for part in nodes)
        case Or(nodes):
            return any(is_true(part, texts) for part in nodes)
        case Phrase(phrase_words, is_prefix, field):
            *first, last = phrase_words
            rows = [
                text_words[start : start + len(phrase_words)]
                for text_words in map(words, texts[field])
                for start in range(len(text_words) - len(phrase_words) + 1)
            ]
            return any(
                row[:-1] == first and (row[-1].startswith(last) if is_prefix else row[-1] == last)
                for row in rows
            )


@given(TREES, TEXTS, TEXTS, TEXTS, strategies.lists(TEXTS), strategies.lists(TEXTS))
def test_the_condition_is_what_the_tree_says(node, title, summary, content, authors, tags):
    texts = {
        TextField.ANY: [title, summary, content],
        TextField.TITLE: [title],
        TextField.AUTHOR: authors,
        TextField.TAG: tags,
    }
    entry = replace(
        WHALES,
        title=title,
        summary=summary,
        content_html=content,
        authors=tuple(authors),
        categories=tuple(tags),
    )
    searched = SearchedEntry(entry, feed_id=1, place=0)

    assert compiled(node, {})(searched) is is_true(node, texts)
