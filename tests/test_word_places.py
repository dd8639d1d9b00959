"""The places of words in a text, for marks."""

import time
import timeit

import pytest
from hypothesis import given, strategies

from aggregator.search.word_forms import words
from aggregator.search.word_places import word_places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Big, big!", ["Big", "big"]),
        ("“Crème” – naïve_straße", ["Crème", "naïve", "straße"]),
        ("iPhone発売、東京", ["iPhone", "発", "売", "東", "京"]),
        ("ｶﾞｷﾞ 한국", ["ｶﾞ", "ｷﾞ", "한", "국"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("Do\u00adnau Python™ ①②", ["Do\u00adnau", "Python", "™", "①", "②"]),
        ("cre\u0300me", ["cre\u0300me"]),
    ],
)
def test_each_word_has_its_place_in_the_text(text, places):
    assert [text[start:end] for _, start, end in word_places(text)] == places
    assert [word for word, _, _ in word_places(text)] == words(text)


@given(strategies.text(alphabet="aB1é è東か\u3099ｶﾞกำลัง한 हिन्\u200d\u00ad™①—“.,_ß"))
def test_the_words_with_places_are_those_of_the_index(text):
    places = word_places(text)

    assert [word for word, _, _ in places] == words(text)
    assert all(0 <= start < end <= len(text) for _, start, end in places)


def test_characters_of_scripts_without_spaces_are_not_folded_one_by_one():
    def seconds(function, text):
        return max(timeit.timeit(lambda: function(text), timer=time.process_time, number=5), 1e-4)

    for sentence in (
        "海边有一座灯塔，人们说那里的故事很长。",
        "ประภาคารริมทะเลมีเรื่องเล่า ",
        "등대가 있습니다. ",
    ):
        text = sentence * 60
        ratios = (seconds(word_places, text) / seconds(words, text) for _ in range(9))
        # Two measurements beside each other meet the same machine; one pair is enough.
        assert any(ratio < 25 for ratio in ratios)


@given(strategies.text())
def test_places_ascend_in_any_text(text):
    starts = [start for _, start, _ in word_places(text)]

    assert starts == sorted(starts)
