"""Dates as people write them on pages, and when a later sight of one may correct the first."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta

from aggregator.dates import corrected, written_date
from tests.cpu_time import cpu_limit
from tests.selection import slow_after

NOW = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)
SPANS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY,
         "month": 30.44 * DAY, "year": 365.24 * DAY}  # fmt: skip
PRECISIONS = SPANS | {"month": 31 * DAY, "year": 366 * DAY}
LANGUAGES = "de en ar zh es fr he it ja nl pl pt ru sv nb da hu el ko".split()


def cases() -> list[list[str]]:
    lines = (Path(__file__).parent / "data/dates/written.txt").read_text("utf-8").splitlines()
    return [line.split(" | ") for line in lines if not line.startswith("#")]


def test_a_date_as_people_write_it_is_the_time_that_it_means():
    for language, text, meant, *precision in cases():
        written = written_date(text, NOW, language=language)

        if meant == "none":
            assert written is None, (language, text)
            continue
        assert written is not None, (language, text)
        assert written.at.replace(second=written.at.second) - _at(meant) < MINUTE, (language, text)
        assert written.at >= _at(meant), (language, text)
        spans = {span[precision[0]] for span in (SPANS, PRECISIONS)}
        assert written.precision in spans, (language, text)


def test_most_dates_are_read_in_whatever_language_the_page_says_it_has():
    for language, text, meant, *_ in cases():
        if meant == "none" or any(form in text for form in ("/", "-03-2026", " 14.05")):
            continue
        written = written_date(text, NOW, language=None)
        assert written is not None, (language, text)
        assert written.at - _at(meant) < MINUTE, (language, text)


def _at(meant: str) -> datetime:
    return datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize("language", slow_after(3, LANGUAGES))
def test_every_span_that_babel_writes_is_read_back(language):
    for unit, span in SPANS.items():
        for count in (1, 2, 3, 5, 11, 25):
            for width in ("long", "short", "narrow"):
                text = format_timedelta(
                    -count * span, unit, threshold=1e9, add_direction=True, format=width,
                    locale=language,
                )  # fmt: skip
                if "خلال" in text:  # CLDR has "within" for some months ago
                    continue
                written = written_date(text, NOW, language=language)
                assert written is not None, text
                assert abs(NOW - written.at - count * span) <= SECOND, text
                assert written.precision == span, text


@pytest.mark.parametrize("language", slow_after(3, LANGUAGES))
def test_every_date_that_babel_writes_is_read_back(language):
    for day in (date(2025, month, number) for month in range(1, 13) for number in (1, 12)):
        for width in ("short", "medium", "long", "full"):
            if width == "short" and language in ("en", "ko"):  # 3/12/26, 26. 3. 12.
                continue
            text = format_date(day, width, locale=language)
            written = written_date(text, NOW, language=language)
            assert written is not None, text
            assert (written.at.date(), written.precision) == (day, DAY), text
        for skeleton in ("MMMd", "MMMMd", "MMMEd"):
            text = format_skeleton(skeleton, day, locale=language)
            written = written_date(text, datetime(2025, 12, 30, tzinfo=UTC), language=language)
            assert written is not None, text
            assert (written.at.date(), written.precision) == (day, DAY), text
    at = datetime(2025, 7, 14, 14, 5, tzinfo=UTC)
    for width in ("medium", "long"):
        written = written_date(format_datetime(at, width, locale=language), NOW, language=language)
        assert written is not None
        assert written.at == at


def test_a_time_without_a_zone_is_in_the_zone_of_the_feed():
    tokyo = ZoneInfo("Asia/Tokyo")
    evening = datetime(2026, 3, 12, 20, 0, tzinfo=UTC)  # there the 13th begins

    assert written_date("昨日 14:05", evening, tokyo).at == datetime(2026, 3, 12, 5, 5, tzinfo=UTC)
    assert written_date("2026年3月12日", NOW, tokyo).at == datetime(2026, 3, 11, 15, tzinfo=UTC)
    assert written_date("12 Mar 2026 14:05 GMT", NOW, tokyo).at.hour == 14
    assert written_date("3 hours ago", NOW, tokyo) == written_date("3 hours ago", NOW)
    assert written_date("12 March 2026 14:05", NOW, tokyo).zoned
    assert not written_date("12 March 2026 14:05", NOW).zoned
    assert written_date("3 hours ago", NOW).zoned


def test_a_date_without_a_year_is_the_latest_such_day():
    new_year = datetime(2026, 1, 2, tzinfo=UTC)

    assert written_date("31 December", new_year).at.year == 2025
    assert written_date("1 January", new_year).at.year == 2026
    assert written_date("3 January", new_year).at.year == 2026  # in an eastern zone
    assert written_date("4 January", new_year).at.year == 2025
    assert written_date("29 February", new_year).at.year == 2024


def test_hostile_texts_take_no_time_and_have_no_date():
    pieces = ("9 ", "a", "1 a ", "12/", "一", "vor ", "2 d 3 h ", "12 mar ", "1:00 ", "יום ", "٣ ",
              "mar. ", "12h", "2026-", "(", "·3h", "\u0301", "1 hour, ")  # fmt: skip
    texts = [piece * (200 // len(piece)) for piece in pieces] + ["12 March 2026 " * 1000]
    with cpu_limit(1):
        for text in texts:
            written_date(text, NOW)
    assert written_date(f"12 March 2026 {'x' * 200}", NOW) is None
    assert written_date("9999 years ago", NOW) is None
    assert written_date("1 January 0001", NOW) is None
    assert written_date("", NOW) is None
    for year in (1, 9999):  # by the clock of a server
        assert written_date("yesterday", datetime(year, 1, 1, tzinfo=UTC)) is None
        assert (
            written_date("1 January", datetime(year, 12, 31, tzinfo=UTC), ZoneInfo("Japan")) is None
        )


@pytest.mark.parametrize(
    ("first", "later", "kept"),
    [
        ("3 hours ago", "12 March 2026 12:05 GMT", "later"),  # finer, and within an hour
        ("3 hours ago", "12 March 2026 09:05 GMT", "first"),  # another time
        ("19 minutes ago", "an hour ago", "first"),  # coarser
        ("19 minutes ago", "20 minutes ago", "first"),  # as exact as the first
        ("yesterday", "11 March 2026 14:05 GMT", "later"),
        ("11 March 2026", "2 days ago", "first"),
        ("2 weeks ago", "26 February 2026", "later"),
        ("March 2026", "3 days ago", "later"),
        ("2 days ago", "3 hours ago", "first"),
    ],
)
def test_a_later_date_corrects_the_first_within_its_precision_alone(first, later, kept):
    dates = {"first": written_date(first, NOW), "later": written_date(later, NOW)}
    pairs = {name: (written.at, written.precision) for name, written in dates.items()}

    assert corrected(*pairs["first"], *pairs["later"]) == pairs[kept]
