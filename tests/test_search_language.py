"""The language of searches, rules and views: what a text means, and what is wrong with it."""

from datetime import date

import pytest
from hypothesis import assume, given, strategies

from aggregator.search import tree_facts
from aggregator.search.name_hints import unknown_name
from aggregator.search.search_faults import Hint, RuleError, SearchFault
from aggregator.search.search_lexer import in_ascii
from aggregator.search.search_parser import IN_BOX, parse, parse_rule, prefix_proposal, with_sources
from aggregator.search.syntax_tree import And, DayTest, NameField, NameTest, Not, Phrase, TextField
from aggregator.search.tree_facts import (
    is_always_true,
    is_never_true,
    keywords,
    name_tests,
)
from aggregator.search.word_forms import words
from tests.searches import written

DEEP = IN_BOX.depth + 1


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", ""),
        ("Big whales", "big whales"),
        ('a "b c" -d -"e f" g-h', 'a "b c" -d -"e f" "g h"'),
        ("https://x.example/", '"https x example"'),
        ("rock & roll :)", "rock roll"),
        ("Ärger ＡＢＣ 東京", 'arger abc "東 京"'),
        ("whal* -coa* a*b *c C++*", 'whal* -coa* "a b" c'),
        ('"big wha*" "big wha"* wh* w* 東* *** - --', '"big wha"* wh* w 東'),
        ("a a", "a"),
        # OR binds tighter than the space
        ("a b OR c d", "a (b OR c) d"),
        ("a | b|c OR(d e)", "a OR b OR c OR (d e)"),
        ("a or b", "a or b"),
        ("-a OR b", "-a OR b"),
        ('"a"OR"b"', "a OR b"),
        # brackets
        ("(a OR b) (c d)", "(a OR b) c d"),
        ("a -(b OR c)", "a -(b OR c)"),
        ("a -(b -(c d))", "a -(b -(c d))"),
        ("-(-a)", "a"),
        ("f(x) (g(x) OR h)", '"f x" ("g x" OR h)'),
        # fields
        ("title:x TAG:Y Author:z", "title:x tag:y author:z"),
        ('title:"Big Whales" tag:whal*', 'title:"big whales" tag:whal*'),
        ("title:(a OR b) -title:(c d)", "(title:a OR title:b) -(title:c title:d)"),
        ("title:(a tag:b)", "title:a tag:b"),
        ("source:lamp-post category:Web", 'source:"lamp-post" category:"Web"'),
        ('source:"The Lamp" link:/Blog/', 'source:"The Lamp" link:"/Blog/"'),
        ("source:a x source:b", '(source:"a" OR source:"b") x'),
        (
            "source:(a OR b) -source:c -source:d",
            '(source:"a" OR source:"b") -source:"c" -source:"d"',
        ),
        ("author:ada author:grace", "author:ada author:grace"),
        ("lang:de lang:PT_br", "lang:de lang:pt-br"),
        ("has:Audio has:(video OR picture)", "has:audio (has:video OR has:picture)"),
        ("after:2026-11-02 before:2027", "after:2026-11-02 before:2027-01-01"),
        ("-before:2026-11 -after:2026-12", "after:2026-11-01 before:2026-12-01"),
        # signs of double width, and of telephones
        ("（a ＯＲ b）　－c ｔｉｔｌｅ：“x y” 鯨＊", '(a OR b) -c title:"x y" 鯨'),
        # what makes no sense is left out
        ("OR a OR", "a"),
        ("a OR OR b", "a OR b"),
        ("a OR & c", "a c"),
        ("a ) b", "a b"),
        ("() a title:() ((", "a"),
        ("(a b", "a b"),
        ("source: author:'' has:movie lang:german after:noon a", "a"),
    ],
)
def test_a_text_means(text, meaning):
    assert written(parse(text).root) == meaning


@pytest.mark.parametrize("text", ["", "***", "-coal", "source:", "before:x", "-(a b)", "-a OR -b"])
def test_a_search_for_nothing_has_no_results(text):
    assert parse(text).root is None


def test_a_search_may_exclude_a_source_and_nothing_else():
    search = parse("-source:lamp")

    assert search.root == Not(NameTest(NameField.SOURCE, "lamp"))
    assert not search.hints


@pytest.mark.parametrize(
    ("text", "fault", "about"),
    [
        ('energy "open end', SearchFault.OPEN_QUOTE, '"open end'),
        ("energy (open end ", SearchFault.OPEN_BRACKET, "(open end"),
        ("energy source:", SearchFault.NO_VALUE, "source:"),
        ('author:"" x', SearchFault.NO_VALUE, 'author:""'),
        ("title:( ) x", SearchFault.NO_VALUE, "title:( )"),
        ("after:tomorrow x", SearchFault.BAD_DAY, "after:tomorrow"),
        ("before:2026-02-30 x", SearchFault.BAD_DAY, "before:2026-02-30"),
        ("before:0000 x", SearchFault.BAD_DAY, "before:0000"),
        ("has:movie x", SearchFault.BAD_MEDIUM, "has:movie"),
        ("lang:german x", SearchFault.BAD_LANGUAGE, "lang:german"),
        ("OR x", SearchFault.OR_AT_EDGE, "OR"),
        ("x (y |) z", SearchFault.OR_AT_EDGE, "|"),
        ("x or y", SearchFault.OR_IN_LOWER_CASE, "or"),
        ("x AND y", SearchFault.AND_WORD, "AND"),
        ("NOT y", SearchFault.NOT_WORD, "NOT"),
        ("w* x", SearchFault.SHORT_PREFIX, "w*"),
        ("-coal", SearchFault.ONLY_EXCLUDED, "-coal"),
        ("x " + "(" * DEEP + "y" + ")" * DEEP, SearchFault.TOO_DEEP, "("),
    ],
)
def test_what_makes_no_sense_is_a_hint(text, fault, about):
    (hint,) = parse(text).hints

    assert (hint.fault, hint.text) == (fault, about)


@pytest.mark.parametrize(
    ("text", "proposal"),
    [
        ("titel:whales", "title:whales"),
        ("Authors:ada", "author:ada"),
        ("site:lamp", "source:lamp"),
        ("since:2026", "after:2026"),
    ],
)
def test_a_field_that_is_not_known_is_a_word_and_a_hint(text, proposal):
    search = parse(text)

    assert isinstance(search.root, Phrase)
    assert [hint.proposals for hint in search.hints] == [(proposal,)]


@pytest.mark.parametrize(
    "text",
    ["", "or", "this or", "AND", "a -source:lamp", "12:30 re:invent https://x.example/", ":)"],
)
def test_a_search_without_mistakes_has_no_hint(text):
    assert not parse(text).hints


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "the search is empty"),
        ("a (b OR c", 3, '"(" is never closed'),
        ("a title:(b", 9, '"(" is never closed'),
        ("a (b OR c)) d", 11, '")" is never opened'),
        ("a) d", 1, '")" is never opened'),
        ("foo(bar baz", 1, "foo(bar: a word with brackets needs quotes"),
        ('a -title:"b', 10, "'\"' is never closed"),
        ("has:movie", 1, "has:movie: write audio, video or picture"),
        ("a OR", 3, "OR needs a word on both sides"),
        ("a | | b", 5, "| needs a word on both sides"),
        ("a AND b", 3, 'AND is not needed, as all words must occur; write "and" for the word'),
        ("a NOT b", 3, 'NOT is written as a minus: -word; write "not" for the word'),
        ("source: x", 1, "source: needs a value directly after the colon"),
        (
            "a after:noon",
            3,
            "after:noon: write a day like 2026-11-23, a month like 2026-11, or a year",
        ),
        ("lang:german", 1, "lang:german: write the code of a language, such as de or pt-BR"),
        ("w*", 1, "w*: at least two letters are needed before *"),
        ("*ad", 1, "*ad: * stands at the end of a word only"),
        ("C++*", 1, "C++*: * stands at the end of a word only"),
        ("a & b", 3, "& has no letters or digits"),
        ("a - b", 3, "- has no letters or digits"),
        ("a () b", 3, "nothing stands between the brackets"),
        ("titel:ad", 1, "titel:ad: did you mean title:ad? Words with a colon need quotes"),
        ("a " * 201, 401, "a rule has 200 words and values at most"),
        ("a " * 60 + '"' + "b " * 60 + '"', 121, "a phrase has 50 words at most"),
        ("(" * 21 + "a" + ")" * 21, 21, "20 brackets at most may stand within each other"),
    ],
)
def test_the_file_refuses_what_makes_no_sense_with_its_column(text, column, message):
    with pytest.raises(RuleError) as refusal:
        parse_rule(text)

    assert (refusal.value.column, refusal.value.message) == (column, message)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('tag:sponsored OR title:"(ad)"', "tag:sponsored OR title:ad"),
        ("-source:vendor", '-source:"vendor"'),
        ("-coal", "-coal"),
        ('(cve OR "zero day") -source:vendor', '(cve OR "zero day") -source:"vendor"'),
        ("a or b 鯨* f(x)", 'a or b 鯨 "f x"'),
        (" ".join(f"w{n}" for n in range(200)), " ".join(f"w{n}" for n in range(200))),
    ],
)
def test_a_rule_may_only_exclude_and_have_many_words(text, meaning):
    assert written(parse_rule(text)) == meaning


EXCLUDING = "lamp " + " ".join(f"-word{number}" for number in range(15))


def test_a_search_excludes_a_few_words_and_says_which_one_was_too_many():
    search = parse(EXCLUDING)

    assert written(search.root) == "lamp -word0 -word1 -word2 -word3 -word4"
    (hint,) = search.hints
    assert (hint.fault, hint.text) == (SearchFault.TOO_MANY_EXCLUDED, f"-word{IN_BOX.excluded}")
    assert written(parse("lamp -(a b c d e f -g)").root) == "lamp -(a b c d e -g)"


@pytest.mark.parametrize(
    ("phrase", "compared"),
    [
        ("a b c d e f g h", None),
        ("a b c d e f g h i j", "a b c d e f g h"),
        ("a b c d e f g h ij*", "a b c d e f g h"),
        ("海" * 24, None),
        ("海" * 30, "海" * 24),
        ("海" * 20 + " " + "音" * 20, "海" * 20 + " " + "音" * 4),
        ("東京 a b c d e f g h", "東京 a b c d e f g"),
    ],
)
def test_of_a_long_phrase_the_beginning_is_looked_for(phrase, compared):
    search = parse(f'"{phrase}"')

    assert search.root == Phrase(tuple(words(compared or phrase)))
    assert [hint.fault for hint in search.hints] == ([SearchFault.LONG_PHRASE] if compared else [])


def test_terms_that_are_too_many_are_told():
    search = parse("w " * IN_BOX.terms + "author:x y")

    assert search.root == Phrase(("w",))
    assert [(hint.fault, hint.text, hint.bound) for hint in search.hints] == [
        (SearchFault.TOO_MANY_TERMS, "author:x", IN_BOX.terms)
    ]


SIGNS = [*"ab1é東สक *-:|()\"“”\n", *("OR", "or", "NOT", "title:", "source:", "after:", "２０２６"),
         "has:", "audio", "lang:", "de", "link:", "  "]  # fmt: skip


@given(strategies.lists(strategies.sampled_from(SIGNS)).map("".join) | strategies.text())
def test_any_text_is_a_search(text):
    search = parse(text)

    assert all(hint.text in text and hint.start <= len(text) for hint in search.hints)
    assert isinstance(search.is_costly, bool)


@given(strategies.lists(strategies.sampled_from(SIGNS), max_size=15).map("".join))
def test_what_a_search_means_means_the_same_again(text):
    root = parse(text).root
    values = [getattr(test, "value", "") for test, _ in tree_facts.tests_of(root)] if root else []
    assume(not any('"' in in_ascii(value) for value in values))  # such a value has no other text

    assert root is None or parse_rule(written(root)) == root


@given(strategies.lists(strategies.sampled_from(SIGNS)).map("".join) | strategies.text())
def test_a_rule_without_mistakes_means_what_the_box_makes_of_it(text):
    try:
        root = parse_rule(text)
    except RuleError as error:
        assert 1 <= error.column <= len(text) + 1
        assert error.message
    else:
        assert parse(text).root in {root, None} or parse(text).hints


@pytest.mark.slow
def test_thousands_of_brackets_are_no_danger():
    for text in ("(" * 20_000, "-(" * 10_000 + "a", "title:(" * 5_000 + ")" * 5_000):
        assert parse(text).root is None
        with pytest.raises(RuleError):
            parse_rule(text)


def test_keywords_are_what_a_search_looks_for():
    search = parse('a OR "b c" -d title:ef* -(f -g) source:h')

    assert keywords(search.root) == (
        Phrase(("a",)),
        Phrase(("b", "c")),
        Phrase(("ef",), is_prefix=True, field=TextField.TITLE),
        Phrase(("g",)),
    )
    assert keywords(None) == ()


def test_names_are_told_once_each():
    search = parse("source:a OR -source:a category:b c")

    assert name_tests(search.root) == (
        NameTest(NameField.SOURCE, "a"),
        NameTest(NameField.CATEGORY, "b"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "a -a",
        "(a b) -a",
        "a -(a OR b)",
        "after:2026-11 before:2026-10",
        "after:2026-11 before:2026-11",
        "source:a -source:a",
        "(a -a) OR (b -b)",
        " ".join(f"w{n}" for n in range(20)) + " (a -a)",
        "title:a -a",
        "title:abc -title:ab*",
        '"a bcd" -a',
        '"a bcd" -bc*',
        "bcd* -bc*",
        "(title:ab OR title:abc) -ab*",
        "tag:a -(tag:a OR b)",
        "link:Example.org/a -link:example.ORG",
        "lang:de-AT -lang:DE",
    ],
)
def test_a_search_that_nothing_can_match_is_noticed(text):
    node = parse_rule(text)

    assert is_never_true(node)
    assert not is_always_true(node)
    assert is_always_true(parse_rule(f"-({text})"))


@pytest.mark.parametrize(
    "text",
    [
        "a OR -a",
        "-(a -a)",
        "a OR -title:a",
        "-lang:de-AT OR ab OR lang:de",
        "before:2026-11 OR after:2026-10",
        " OR ".join(f"w{n}" for n in range(20)) + " OR (a OR -a)",
    ],
)
def test_a_search_that_everything_matches_is_noticed(text):
    node = parse_rule(text)

    assert is_always_true(node)
    assert not is_never_true(node)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "-a",
        "a OR b",
        "a -b",
        "after:2026-10 before:2026-11",
        "before:2026-10 OR after:2026-11",
        'a -"a b"',
        "a -title:a",
        "tag:a -a",
        "author:a -tag:a",
        "ab* -ab",
        '"a b" -"b a"',
        "lang:de -lang:de-AT",
        "lang:deu -lang:de",
        "source:a -source:ab",
        "title:a OR -a",
    ],
)
def test_most_searches_are_true_for_some_entries(text):
    node = parse_rule(text)

    assert not is_never_true(node)
    assert not is_always_true(node)


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("tides source:old", "tides source:new"),
        ('tides -source:"old one" x', "tides -source:newer x"),
        ("source:(old OR tide) old", "source:(new OR tide) old"),
        ("SOURCE:old|source:old", "SOURCE:new|source:new"),
        ("source:older title:old", "source:older title:old"),
        ("(source:old", "(source:new"),
    ],
)
def test_sources_of_a_search_are_renamed(text, renamed):
    assert with_sources(text, {"old": "new", "old one": "newer"}) == renamed


def test_hints_stand_in_the_order_of_the_text_each_once():
    search = parse("w* has:x w* after:y")

    assert [hint.text for hint in search.hints] == ["w*", "has:x", "after:y"]
    assert search.hints[1] == Hint(SearchFault.BAD_MEDIUM, "has:x", start=3)


def test_days_bound_a_search_from_both_sides():
    assert parse("after:2026 before:2026-03-05").root == And(
        (DayTest(date(2026, 1, 1)), DayTest(date(2026, 3, 5), is_before=True))
    )


@pytest.mark.parametrize(
    ("typed", "proposals"),
    [
        ("lampp", ("lamp",)),
        ("Harbor & Tide", ("tide",)),
        ("Harbuor", ("tide",)),
        ("nonexistent", ()),
    ],
)
def test_the_nearest_names_are_proposed_for_an_unknown_one(typed, proposals):
    titles = {"lamp": "The Lamp", "tide": "Harbour & Tide", "x": "y"}

    hint = unknown_name(NameTest(NameField.SOURCE, typed), titles)

    assert hint == Hint(SearchFault.UNKNOWN_SOURCE, typed, proposals=proposals)


@given(strategies.text(), strategies.sampled_from(["", "title:", "(a OR "]))
def test_a_proposed_asterisk_makes_the_last_word_a_prefix(text, before):
    search = f"{before}{text}".rstrip()
    hint = prefix_proposal(search)
    assume(hint is not None)

    (proposal,) = hint.proposals

    assert search.endswith(hint.text)
    assert proposal == f"{hint.text}*"
    assert any(phrase.is_prefix for phrase in keywords(parse(f"{search}*").root))
