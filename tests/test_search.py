import re
import sys
import unicodedata
from datetime import date
from functools import partial

import pytest
from hypothesis import given, strategies

from aggregator import search
from aggregator.search import (
    Filter,
    FlatSearch,
    Kind,
    index_form,
    normalized,
    parse,
    spaced_cjk,
)
from aggregator.search.search_faults import SearchFault
from tests.cpu_time import cpu_seconds
from tests.selection import slow_after


@pytest.mark.parametrize(
    ("text", "required", "excluded"),
    [
        ("", (), ()),
        ("a b", ("a", "b"), ()),
        ('a "b c" -d -"e f" g-h', ("a", "b c", "g h"), ("d", "e f")),
        ("https://x.example/", ("https x example",), ()),
        ("title:x", ("title x",), ()),
        ("*** ( ^", (), ()),
        ("Ärger ＡＢＣ 東京", ("Ärger", "ABC", "東京"), ()),
        ("whal* -coa* a*b *c", ("whal*", "a b", "c"), ("coa*",)),
        ('"big wha*" wh* w* 東* ***', ("big wha*", "wh*", "w", "東"), ()),
        ("a " * 40, ("a",) * 16, ()),
    ],
)
def test_words_and_phrases(text, required, excluded):
    search = parse(text)

    assert (search.required, search.excluded) == (required, excluded)


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
    assert spaced_cjk(text) == apart


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("plain, naïve “words” – 4 °C …", None),
        ("Żółć, Ёлка, 서울, 東京、がぎぐ, العَرَبِيَّة", None),
        ("cre\u0300me fu\u0308r o\u0302\u0323", "crème für ộ"),
        ("x\u030c а\u0301", "x а"),  # no such letter: the mark goes
        ("Ｐｙｔｈｏｎ　２０２６（！）", "Python 2026(!)"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("o\ufb03ce \u017fea ĳs", "office sea ijs"),
        ("Do\u00adnau\u00addampf", "Donaudampf"),
        ("super\u200bcali\u200cfragi\u200dlistic\u2060ex\ufeffpi", "supercalifragilisticexpi"),
        ("\u202aabc\u202c \u2066def\u2069 \u200eghi\u200f", "abc def ghi"),
        ("葛\U000e0100城 ☎\ufe0f", "葛城 ☎"),
        ("ab\u034fc\u180bd", "abcd"),
        ("می\u200cخواهم", None),  # two parts of a word, as Persian writes them
        ("ភាសា\u200bខ្មែរ", None),  # the end of a word, where no space stands
        ("Python™ №5 ①②", "Python TM   No 5  1  2 "),
    ],
)
def test_what_is_not_seen_or_meant_makes_no_difference(text, form):
    assert normalized(text) == (text if form is None else form)
    assert normalized(normalized(text)) == normalized(text)


@pytest.mark.parametrize("step", slow_after(1, [7, 1]))
def test_letters_that_are_let_through_without_a_look_are_in_their_form_already(step):
    parts_words = re.compile(r"[^\w\ue000-\uf8ff]+")
    letters = [chr(code) for code in range(0, 0x110000, step) if not 0xD800 <= code < 0xE000]
    through = [letter for letter in letters if search._NORMALIZED.fullmatch(letter)]

    other = [
        letter
        for letter in through
        if parts_words.sub(" ", f"a{letter}b")
        != parts_words.sub(" ", unicodedata.ucd_3_2_0.normalize("NFKC", f"a{letter}b"))
        or search._INVISIBLE.match(f"{letter}b")
        or search._SYMBOL.match(letter)
        or search._MARKS.match(letter)
    ]

    assert len(through) > 30_000 / step
    assert other == []


@pytest.mark.parametrize("step", slow_after(1, [7, 1]))
def test_what_is_plain_is_its_own_form(step):
    every = (chr(number) for number in range(0, sys.maxunicode + 1, step))
    texts = [f"a{character}b" for character in every if search._IN_INDEX_FORM.fullmatch(character)]

    assert len(texts) > 10_000 / step
    assert [spaced_cjk(normalized(text)) for text in texts] == texts


_MARKS = (
    "\u0301\u0316\u0323\u0345\u0651\u064b\u05b0\u093c\u094d\u3099\u0f71\u0f73\u0344\uff9e\U0001d165"
)


@pytest.mark.parametrize(
    "part",
    slow_after(
        1,
        [
            *("\ufdfa", "\u200b", "①", "!", "\u0f73", "\u0344", "\uff9e\u0301"),
            *(
                "\u0301\u0316",
                "\u0345\u0301\u0316",
                "\u0651\u064b",
                "\u093c\u094d",
                "\u200d\u0301\u0323",
            ),
        ],
    ),
    ids=ascii,
)
def test_the_form_of_a_text_takes_time_in_proportion_to_its_length(part):
    count = 8_000 // len(part)
    quarter, whole = (
        cpu_seconds(partial(index_form, "a\u1e00" + part * number)) for number in (count, 4 * count)
    )

    assert whole < 8 * quarter + 0.003  # 16 times as much if it were quadratic


def test_every_text_of_a_document_has_a_form_within_bounds():
    assert len(index_form("\ufdfa" * 50_000)) <= 18 * 100_000


@given(
    strategies.text(alphabet=_MARKS, max_size=80), strategies.text(alphabet=f"{_MARKS}aé1e00 !ｶ가")
)
def test_many_marks_in_a_row_have_the_form_that_unicode_gives_them(row, text):
    text = f"\u1e00{row}{text}{row}b"
    seen = text.replace("\u200d", "")

    assert normalized(text) == re.sub(
        "[\u0300-\u036f]+", "", unicodedata.ucd_3_2_0.normalize("NFKC", seen)
    )


@pytest.mark.parametrize("step", slow_after(1, [7, 1]))
def test_no_mark_is_left_out_of_what_is_put_in_order(step):
    every = [chr(code) for code in range(0, 0x110000, step) if not 0xD800 <= code < 0xE000]
    marks = [
        character
        for character in every
        if unicodedata.combining(unicodedata.ucd_3_2_0.normalize("NFKD", character)[0])
    ]

    assert len(marks) > 500 / step
    assert [mark for mark in marks if not search._LONG_MARKS.fullmatch(mark * 31)] == []


def test_names_and_days_narrow_it():
    search = parse('source:lamp -Category:"the sea" author:"ada q" after:2026-11-02 before:2027 x')

    assert search == FlatSearch(
        required=("x",),
        filters=(
            Filter(Kind.SOURCE, "lamp"),
            Filter(Kind.CATEGORY, "the sea", is_required=False),
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
        ('energy "open end', SearchFault.OPEN_QUOTE, '"open end'),
        ("energy source:", SearchFault.NO_VALUE, "source:"),
        ('author:"" x', SearchFault.NO_VALUE, 'author:""'),
        ("after:tomorrow x", SearchFault.BAD_DAY, "after:tomorrow"),
        ("before:2026-02-30 x", SearchFault.BAD_DAY, "before:2026-02-30"),
        ("before:0000 x", SearchFault.BAD_DAY, "before:0000"),
        ("-coal", SearchFault.ONLY_EXCLUDED, "-coal"),
        ("-source:lamp", None, None),
    ],
)
def test_what_makes_no_sense_is_a_hint(text, fault, about):
    hints = [(hint.fault, hint.text) for hint in parse(text).hints]

    assert hints == ([] if fault is None else [(fault, about)])


@pytest.mark.parametrize("text", ["", "***", "-coal", "source:", "before:x"])
def test_a_search_for_nothing_is_empty(text):
    assert parse(text).is_empty
