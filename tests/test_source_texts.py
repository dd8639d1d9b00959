"""Texts about a source: how often a source posts."""

import pytest

from tests.web_fixtures import entry, words
from web.language import language
from web.source_texts import rate, rhythm

ENGLISH = language("en")


@pytest.mark.parametrize(
    ("per_week", "text"),
    [
        (None, ""),
        (0, "nothing in four weeks"),
        (0.75, "less than one post a week"),
        (1, "about 1 post a week"),
        (20, "about 20 posts a week"),
        (21, "about 3 posts a day"),
        (24 * 60 / 25 * 7, "about 58 posts a day"),
    ],
)
def test_a_frequency_is_told_in_the_unit_that_fits(per_week, text):
    assert rhythm(per_week, ENGLISH) == text


def test_an_unknown_frequency_is_a_dash_in_a_table():
    assert [rate(value, ENGLISH) for value in (None, 0.25, 21.4)] == ["–", "0.2", "21"]


def test_a_feed_with_a_post_every_25_minutes_has_58_a_day(site):
    site.record("lamp", *(entry(n * 25) for n in range(1, 21)))

    facts = site.page("/source/lamp").one("dl", "facts")

    assert "about 58 posts a day" in words(facts)


def test_two_posts_tell_no_frequency(site):
    site.record("lamp", entry(20), entry(40))

    assert "Frequency" not in words(site.page("/source/lamp").one("dl", "facts"))
