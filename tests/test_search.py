from datetime import date

import pytest

from aggregator.search import Fault, Filter, Kind, Search, parse, spaced


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("", (), ()),
        ("a b", ("a", "b"), ()),
        ('a "b c" -d -"e f" g-h', ("a", "b c", "g h"), ("d", "e f")),
        ("https://x.example/", ("https x example",), ()),
        ("title:x", ("title x",), ()),
        ("*** ( ^", (), ()),
        ("Ärger ＡＢＣ 東京", ("Ärger", "ＡＢＣ", "東京"), ()),
        ("a " * 40, ("a",) * 16, ()),
    ],
)
def test_words_and_phrases(text, wanted, unwanted):
    search = parse(text)

    assert (search.wanted, search.unwanted) == (wanted, unwanted)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("plain, naïve “words”", "plain, naïve “words”"),
        ("iPhone発売", "iPhone 発 売 "),
        ("東京、大阪", " 東 京 、 大 阪 "),
        ("서울 전자", "서울 전자"),  # written with spaces
    ],
)
def test_each_sign_of_a_script_without_spaces_is_a_word(text, apart):
    assert spaced(text) == apart


def test_names_and_days_narrow_it():
    search = parse('source:lamp -Category:"the sea" author:"ada q" after:2026-11-02 before:2027 x')

    assert search == Search(
        wanted=("x",),
        filters=(
            Filter(Kind.SOURCE, "lamp"),
            Filter(Kind.CATEGORY, "the sea", wanted=False),
            Filter(Kind.AUTHOR, "ada q"),
        ),
        since=date(2026, 11, 2),
        until=date(2027, 1, 1),
    )


def test_what_is_not_before_a_day_is_on_or_after_it():
    assert parse("-before:2026-11").since == date(2026, 11, 1)
    assert parse("-after:2026-11").until == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("text", "fault", "about"),
    [
        ('energy "open end', Fault.OPEN_QUOTE, '"open end'),
        ("energy source:", Fault.NO_VALUE, "source:"),
        ('author:"" x', Fault.NO_VALUE, 'author:""'),
        ("after:tomorrow x", Fault.BAD_DAY, "after:tomorrow"),
        ("before:2026-02-30 x", Fault.BAD_DAY, "before:2026-02-30"),
        ("before:0000 x", Fault.BAD_DAY, "before:0000"),
        ("-coal", Fault.ONLY_WITHOUT, "-coal"),
        ("-source:lamp", None, None),
    ],
)
def test_what_makes_no_sense_is_a_hint(text, fault, about):
    hints = [(hint.fault, hint.text) for hint in parse(text).hints]

    assert hints == ([] if fault is None else [(fault, about)])


@pytest.mark.parametrize("text", ["", "***", "-coal", "source:", "before:x"])
def test_a_search_for_nothing_is_empty(text):
    assert parse(text).is_empty
