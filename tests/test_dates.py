"""Dates as publishers write them, the zones that they leave out, and places in the list."""

import itertools
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import feedparser
import pytest
from babel.dates import get_day_names, get_month_names
from hypothesis import given, strategies

from aggregator import dates
from aggregator.dates import Bounds, PlacementReason
from aggregator.model import Date, Order
from aggregator.reading.parse import parse
from tests.cpu_time import cpu_limit
from tests.selection import slow_after

TIMES = strategies.datetimes(timezones=strategies.just(UTC)).filter(
    lambda at: 1900 < at.year < 2199
)
NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)


def read(text: str) -> Date:
    """Read a date as it comes through the parser."""
    item = f"<item><title>a</title><pubDate>{text}</pubDate></item>"
    body = f"<rss version='2.0'><channel>{item}</channel></rss>".encode()
    (entry,) = parse(body, headers={}, url="https://example.org/").entries
    date = dates.read(entry.published, entry.published_at)
    assert date is not None
    assert date.text == text
    return date


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Tue, 08 Jul 2025 18:30:00 +0200", "16:30"),
        ("8 Jul 2025 18:30 GMT", "18:30"),
        ("2025-07-08T18:30:00Z", "18:30"),
        ("2025-07-08T18:30:00.123+02:00", "16:30"),
        ("2025-07-08 18:30:00 +0000", "18:30"),
        ("1751999400", "18:30"),
        ("1751999400000", "18:30"),
        ("1751999400.0", "18:30"),
        ("2025-W28-2T18:30:00Z", "18:30"),
        ("2025-189T18:30Z", "18:30"),
        ("20250708T183000Z", "18:30"),
        ("20250708T18:30:0+00:00", "18:30"),
        ("2025-07-08T183000Z", "18:30"),
        ("2025W282T1830Z", "18:30"),
        ("Tue Jul 08 18:30:00 +0000 2025", "18:30"),
        ("18:30 08.07.2025 GMT", "18:30"),
        ("2025-július-08 18:30 GMT", "18:30"),
        ("Τρι, 08 Ιουλ 2025 18:30:00 GMT", "18:30"),
        ("Tue, 08 Jul 25 18:30:00 GMT", "18:30"),
        ("Fri, 08 Jul 2025 18:30:00 GMT", "18:30"),
        ("Tue, 08 Jul 2025 18:30:00 CEST", "16:30"),
        ("Tue, 08 Jul 2025 18:30:00 EDT", "22:30"),
        ("Tue, 08 Jul 2025 18:30:00 JST", "09:30"),
        ("Tue, 08 Jul 2025 18:30:00 GMT+0200", "16:30"),
        ("Tue Jul  8 18:30:00 CEST 2025", "16:30"),
        ("Jul 8, 2025 6:30 PM EDT", "22:30"),
        ("Mon, 07 Jul 2025 24:00:00 GMT", "00:00"),
        ("2025-07-07T24:00:00Z", "00:00"),
        ("Mon, 07 Jul 2025 23:59:60 GMT", "00:00"),
        ("Di, 08 Juli 2025 18:30:00 +0200", "16:30"),
        ("mar., 08 juil. 2025 18:30:00 +0200", "16:30"),
        ("martes, 8 de julio de 2025 18:30 GMT", "18:30"),
        ("martedì 8 luglio 2025 18:30 CEST", "16:30"),
        ("terça-feira, 8 de julho de 2025 18:30 -0300", "21:30"),
        ("di 8 juli 2025 18:30 +0200", "16:30"),
        ("wt., 8 lipca 2025 18:30:00 +0200", "16:30"),
        ("Вт, 08 июл 2025 18:30:00 +0300", "15:30"),
        ("den 8 juli 2025 kl. 18:30 CEST", "16:30"),
        ("2025年7月8日 18:30 JST", "09:30"),
        ("2025年07月08日 18时30分 +0800", "10:30"),
        ("2025년 7월 8일 오후 6:30 KST", "09:30"),
    ],
)
def test_a_date_in_any_form_is_the_time_that_it_means(text, meant):
    date = read(text)

    assert date.at == datetime.fromisoformat(f"2025-07-08T{meant}:00Z")
    assert (date.is_certain, date.zoned) == (True, True)


@pytest.mark.parametrize(
    "language", slow_after(4, "de pl ru el en fr es it pt nl sv da nb hu".split())
)
def test_every_name_of_a_month_and_a_weekday_that_a_language_has_is_read(language):
    def names(of, *widths):
        contexts = itertools.product(widths, ("format", "stand-alone"))
        return [pair for width, context in contexts
                for pair in of(width, context=context, locale=language).items()]  # fmt: skip

    days = [name for _, name in names(get_day_names, "wide", "abbreviated")]
    for number, name in names(get_month_names, "wide", "abbreviated"):
        for text in (f"{name} 8, 2025 18:30 GMT", *(f"{day}, 8 {name} 2025 18:30" for day in days)):
            date = dates.read(text, None)
            assert date is not None
            assert date.at == datetime(2025, number, 8, 18, 30, tzinfo=UTC), text


@pytest.mark.parametrize(
    "text",
    ["Invalid Date", "yesterday", "31 Feb 2025 10:00 GMT", "2025-13-01", "99 Foo 2025", "12:30",
     "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000", "0", "0001-01-01T00:00:00Z",
     "Thu, 01 Jan 1970 01:00:00 +0100", "2001-01-01T00:00:00Z", "Mon, 01 Jan 2001 00:00:00 GMT",
     "1900-01-01T00:00:00Z", "0000-00-00 00:00:00", "1899-12-30T00:00:00Z",
     "-62135596800", "9999-12-31", "1719-11-30", "2025-W60-1", "Tue, 08 Jul 2025 25:00:00 GMT"],
)  # fmt: skip
def test_what_can_not_be_meant_is_no_date(text):
    assert read(text).at is None


@pytest.mark.parametrize(
    "text", ["1970-01-02T00:00:00Z", "1969-12-31", "2150-01-01T00:00:00Z", "2001-01-01T00:00:01Z"]
)
def test_early_and_late_years_are_dates(text):
    assert read(text).at is not None


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 08 Jul 2025 18:30:00 EST",  # in summer
        "Tue, 08 Jul 2025 18:30:00 CET",
        "Wed, 08 Jan 2025 18:30:00 CEST",
        "2025-07-08 18:30:00",
        "Tue, 08 Jul 2025 18:30:00 +2500",
        "Tue, 08 Jul 2025 18:30:00 XYZ",
        "08/07/2025 18:30 GMT",  # or the 7th of August
    ],
)
def test_what_can_be_read_in_two_ways_is_not_sure(text):
    assert not read(text).is_certain


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Tue, 08 Jul 2025 18:30:00 EST", "23:30"),
        ("Tue, 08 Jul 2025 18:30:00 CET", "17:30"),
        ("Tue, 08 Jul 2025 18:30:00 PST", "02:30"),
    ],
)
def test_a_zones_name_is_taken_literally(text, at):
    assert f"{read(text).at:%H:%M}" == at


@pytest.mark.parametrize(
    "text",
    ["2025-07-08 18:30:00", "Tue, 08 Jul 2025 18:30:00 +2500", "Tue, 08 Jul 2025 18:30:00 -1300",
     "Tue, 08 Jul 2025 18:30:00 +0199", "8 июля 2025 г. 18:30", "08.07.2025 18:30",
     "Tue Jul  8 18:30:00 2025", "20250708183000"],
)  # fmt: skip
def test_a_time_without_a_zone_that_can_be_is_one_of_the_feeds_zone(text):
    date = read(text)
    assert (date.zoned, f"{date.at:%H:%M}") == (False, "18:30")

    summer = dates.in_zone(date, ZoneInfo("Europe/Berlin"))
    assert (summer.at, summer.zoned) == (datetime(2025, 7, 8, 16, 30, tzinfo=UTC), True)
    assert dates.in_zone(date, 480).at == datetime(2025, 7, 8, 10, 30, tzinfo=UTC)


def test_the_day_before_the_month_and_the_month_before_the_day():
    days = {"08.07.2025": 8, "25/07/2025": 25, "07/25/2025": 25, "07/08/2025 06:30 PM": 8}

    assert {text: read(text).at.day for text in days} == days


@pytest.mark.parametrize(
    ("text", "whole"),
    [("2025-07-08", True), ("July 8th, 2025", True), ("2025-07-08T00:00:00Z", True),
     ("Tue, 08 Jul 2025 00:00:00 +0200", True), ("2025-07-08T10:00:00Z", False),
     ("2025-07-08T00:00:01Z", False), ("2025-07-07T24:00:00Z", False)],
)  # fmt: skip
def test_a_day_without_a_time_and_midnight_stand_for_the_day(text, whole):
    assert read(text).whole_day is whole


def test_a_time_without_a_zone_takes_it_from_the_other_date():
    published = dates.read("2026-11-23 16:00:00", None)
    updated = dates.read("2026-11-23T08:00:00Z", NOW.replace(hour=8, minute=0), field="updated")

    date = dates.entry_date(published, updated)

    assert date.at == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert (date.field, date.text, date.is_certain) == ("published", "2026-11-23 16:00:00", False)


def test_the_date_of_an_entry_is_when_it_was_published_if_that_can_be_read():
    good, bad = dates.read("2026-11-23T08:00:00Z", NOW), dates.read("Invalid Date", None)

    assert dates.entry_date(good, bad) is good
    assert dates.entry_date(bad, good) is good
    assert dates.entry_date(bad, None) is bad
    assert dates.entry_date(None, None) is None


@given(
    TIMES,
    strategies.sampled_from(
        ["%a, %d %b %Y %H:%M:%S GMT", "%d %b %Y %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%SZ",
         "%Y-%m-%dT%H:%M:%S+00:00", "%Y%m%dT%H%M%SZ", "%B %d, %Y %I:%M:%S %p UTC",
         "%G-W%V-%uT%H:%M:%SZ", "%Y年%m月%d日 %H:%M:%S UTC"]
    ),
)  # fmt: skip
def test_any_time_is_read_back_from_any_form(at, form):
    at = at.replace(microsecond=0)

    assert dates.read(at.strftime(form), None).at == (at if at.timestamp() else None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Fri, 05/03/2019 - 15:21", "2019-05-03"),  # Drupal
        ("Tue, 05/03/2019 - 15:21", "2019-03-05"),
        ("Freitag, 03.05.2019", "2019-05-03"),
        ("Fr 3.5.19 10:00", "2019-05-03"),
        ("viernes 03/05/2019 10:00", "2019-05-03"),
        ("ven. 03/05/2019 10:00", "2019-05-03"),
        ("Sun, 1/2/2026 3:04 PM", "2026-02-01"),  # the weekday is surer than the clock's form
        ("Wed, 05/03/2019 3:21 PM", "2019-05-03"),  # neither is a Wednesday
        ("Mon, 05/03/2019", "2019-03-05"),
        ("Thu, 12/13/2019", "2019-12-13"),
        ("05/03/2019", "2019-03-05"),
    ],
)
def test_a_named_weekday_tells_the_month_from_the_day(text, day):
    assert read(text).at.date().isoformat() == day


@pytest.mark.parametrize(
    ("text", "is_date"),
    [
        ("1970-01-01T00:00:00", False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Thu, 01 Jan 1970 00:00:00 +0100", False),
        ("Thu, 01 Jan 1970 01:00:00 +0100", False),
        ("0", False),
        ("Thu, 01 Jan 1970 12:00:00 GMT", True),
        ("Fri, 02 Jan 1970 00:00:00 GMT", True),
        ("1970-07-14", True),
    ],
)
def test_the_first_moment_of_1970_is_no_date_and_another_one_is(text, is_date):
    assert (read(text).at is not None) == is_date


def test_a_date_is_sure_where_its_weekday_tells_the_month_from_the_day():
    assert read("Fri, 05/03/2019 15:21 UTC").is_certain
    assert not read("05/03/2019 15:21 UTC").is_certain


@given(TIMES)
def test_plain_dates_are_read_as_feedparser_reads_them(at):
    text = at.strftime("%a, %d %b %Y %H:%M:%S +0130")
    document = BytesIO(f"<rss><item><pubDate>{text}</pubDate></item></rss>".encode())
    (entry,) = feedparser.parse(document).entries

    assert read(text).at.timetuple()[:6] == entry.published_parsed[:6] or read(text).at is None


@given(strategies.text() | strategies.text("0123456789:-/. TZ+WJanUhrde年月日午後,"))
def test_any_text_is_read_and_never_takes_long(text):
    with cpu_limit(0.2):
        date = dates.read(text, None)

    assert date is None or date.at is None or date.at.tzinfo is UTC


def test_a_date_is_kept_without_what_no_database_takes():
    date = dates.read("2025-07-08\x00\ud800T18:30:00Z\t!", None)

    assert date is not None
    assert date.text == "2025-07-08  T18:30:00Z !"


# ------------------------------------------------------------------------ zones


def bounds(*polls: tuple[list[datetime], datetime | None]) -> Bounds | None:
    """Return what is known after polls: times of new entries, and when it was read before."""
    known = None
    for times, since in polls:
        known = dates.narrow_bounds(known, times, seen_at=NOW, since=since)
    return known


def test_a_time_in_the_future_is_one_of_a_zone_in_the_east():
    assert dates.likely_offset(bounds(([NOW + 8 * HOUR - 7 * MINUTE], None))) == 480
    assert dates.likely_offset(bounds(([NOW + 5.5 * HOUR, NOW], None))) == 360


@pytest.mark.parametrize("minutes", [330, 345, 570, 210, 765])
def test_zones_of_half_and_quarter_hours_are_found_when_no_whole_hour_fits(minutes):
    polls = [([NOW + minutes * MINUTE - late * MINUTE], NOW - HOUR) for late in (12, 48, 2, 58, 30)]

    assert dates.likely_offset(bounds(*polls)) == minutes


def test_nothing_speaks_against_utc_until_something_does():
    assert dates.likely_offset(None) == 0
    assert dates.likely_offset(bounds(([NOW - 9 * HOUR, NOW - 99 * HOUR], None))) == 0
    assert dates.likely_offset(bounds(([NOW - 5 * HOUR], NOW - HOUR))) == 0


def test_new_entries_that_agree_tell_a_zone_in_the_west():
    late = [NOW - 5 * HOUR - 20 * MINUTE]

    assert dates.likely_offset(bounds(*[(late, NOW - HOUR)] * 3)) == -300


def test_entries_of_long_ago_and_of_a_far_future_say_nothing_about_the_zone():
    assert bounds(([NOW - 900 * HOUR, NOW + 900 * HOUR], NOW - HOUR)) is None


def test_a_calendar_that_lists_what_is_to_come_says_nothing_about_the_zone():
    assert bounds(([NOW + 5 * HOUR, NOW + 29 * HOUR, NOW + 900 * HOUR], None)) is None


def test_what_contradicts_begins_anew():
    known = bounds(*[([NOW + 9 * HOUR - 20 * MINUTE], NOW - HOUR)] * 3)
    assert dates.likely_offset(known) == 540

    moved = dates.narrow_bounds(known, [NOW - 20 * MINUTE], seen_at=NOW, since=NOW - HOUR)
    assert moved.votes == 1
    assert dates.likely_offset(moved) == 0


@given(strategies.integers(-12, 14), strategies.lists(strategies.integers(12, 48), min_size=3))
def test_the_zone_of_a_publisher_who_does_not_wait_is_found(zone, minutes):
    polls = [([NOW + zone * HOUR - minute * MINUTE], NOW - HOUR) for minute in minutes]

    assert dates.likely_offset(bounds(*polls)) == 60 * zone


# ----------------------------------------------------------------------- places


def places(
    *times, first_poll=False, order=Order.PUBLISHED, whole_day=False, latest=(), keep=10_000 * DAY
):
    found = dates.placements(
        [dates.PublishedTime(at, whole_day) for at in times],
        first_seen_at=NOW,
        first_poll=first_poll,
        order=order,
        latest=latest,
        keep=keep,
    )
    return [tuple(one) for one in found]


def test_a_future_date_is_brought_back_to_first_seen():
    assert places(NOW + HOUR, NOW - HOUR) == [
        (NOW, PlacementReason.FUTURE),
        (NOW - HOUR, PlacementReason.PUBLISHED),
    ]


def test_undated_entries_stand_where_they_were_first_seen():
    assert places(None, NOW - HOUR, None) == [
        (NOW, PlacementReason.UNDATED),
        (NOW - HOUR, PlacementReason.PUBLISHED),
        (NOW, PlacementReason.UNDATED),
    ]


def test_undated_entries_of_a_first_poll_stand_below_the_oldest_dated_one_in_feed_order():
    oldest = NOW - 5 * HOUR

    assert places(None, oldest, None, NOW, first_poll=True) == [
        (oldest - SECOND, PlacementReason.SPREAD),
        (oldest, PlacementReason.PUBLISHED),
        (oldest - 2 * SECOND, PlacementReason.SPREAD),
        (NOW, PlacementReason.PUBLISHED),
    ]


@pytest.mark.parametrize(
    ("latest", "days"),
    [
        ([None, None, None], [0, 1, 2]),
        ([NOW - 5 * DAY] * 3, [5, 6, 7]),
        ([NOW + DAY] * 3, [0, 1, 2]),
        ([NOW - DAY, NOW - 9 * DAY, NOW - DAY], [1, 9, 10]),
    ],
    ids=["nothing known", "Last-Modified", "in the future", "each its own"],
)
def test_a_backlog_without_any_date_is_spread_over_days_in_feed_order(latest, days):
    found = places(None, None, None, first_poll=True, latest=latest)

    assert found == [(NOW - day * DAY, PlacementReason.BACKLOG) for day in days]


def test_a_backlog_without_any_date_is_not_spread_beyond_what_is_kept():
    found = [at for at, _ in places(*[None] * 40, first_poll=True, keep=30 * DAY)]

    assert found == sorted(set(found), reverse=True)
    assert found[0] - found[-1] < 30 * DAY


def test_an_entry_dated_by_day_does_not_stand_below_the_others_of_the_day_that_it_came():
    midnight = NOW.replace(hour=0, minute=0)

    assert places(midnight, whole_day=True) == [(NOW, PlacementReason.THAT_DAY)]
    assert places(midnight - HOUR, whole_day=True) == [
        (NOW, PlacementReason.THAT_DAY)
    ]  # in another zone
    assert places(midnight - 24 * HOUR, whole_day=True) == [
        (midnight - 24 * HOUR, PlacementReason.PUBLISHED)
    ]
    assert places(midnight, whole_day=True, first_poll=True) == [
        (midnight, PlacementReason.PUBLISHED)
    ]


def test_by_arrival_new_entries_of_a_known_feed_stand_where_they_came():
    assert places(NOW - HOUR, order=Order.ARRIVAL) == [(NOW, PlacementReason.ARRIVAL)]
    assert places(NOW - HOUR, order=Order.ARRIVAL, first_poll=True) == [
        (NOW - HOUR, PlacementReason.PUBLISHED)
    ]


@given(
    strategies.lists(strategies.none() | strategies.datetimes(timezones=strategies.just(UTC))),
    strategies.booleans(),
    strategies.sampled_from(Order),
)
def test_nothing_ever_stands_in_the_future(times, first_poll, order):
    times = [at if at is None or at.year > 1 else None for at in times]

    assert all(at <= NOW for at, _ in places(*times, first_poll=first_poll, order=order))
