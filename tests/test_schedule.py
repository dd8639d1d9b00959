"""When a feed is polled next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import schedule
from aggregator.model import BECAUSE_NO_VALIDATORS, BY_INTERVAL, BY_RHYTHM, Pacing, PublisherHints

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
HALF_HOUR = timedelta(minutes=30)


NO_HINTS = PublisherHints()


def after_success(
    *, feed="a", interval=HOUR, interval_given=True, at=NOW, hints=NO_HINTS, gap=None, **response
):
    pacing = Pacing(interval, interval_given, hints, gap=gap)
    return schedule.after_success(
        at, feed=feed, pacing=pacing, response=schedule.PollResponse(**response)
    )


def after_failure(*, interval=HALF_HOUR, failures=1, hints=NO_HINTS, **response):
    pacing = Pacing(interval, hints=hints)
    return schedule.after_failure(NOW, pacing=pacing, failures=failures, **response)


FRESH = "the server calls its answer fresh"


@pytest.mark.parametrize(
    ("asked", "wait", "reason"),
    [
        ({}, HOUR, BY_INTERVAL),
        ({"freshness": 2 * HOUR}, 2 * HOUR, FRESH),
        ({"freshness": HALF_HOUR}, HOUR, BY_INTERVAL),
        ({"freshness": 90 * DAY}, 7 * DAY, FRESH),
        ({"hints": PublisherHints(ttl=3 * HOUR)}, 3 * HOUR, "the feed's own ttl"),
        ({"hints": PublisherHints(ttl=90 * DAY)}, DAY, "the feed's own ttl"),
        ({"retry_after": 9 * HOUR}, 9 * HOUR, "the server asked for a pause"),
        ({"retry_after": 90 * DAY}, 30 * DAY, "the server asked for a pause"),
        (
            {"freshness": 2 * HOUR, "hints": PublisherHints(ttl=3 * HOUR)},
            3 * HOUR,
            "the feed's own ttl",
        ),
    ],
)
def test_the_longest_wait_that_anybody_asks_for_wins(asked, wait, reason):
    decided = after_success(**asked)

    assert decided.at is not None
    assert wait <= decided.at - NOW <= wait + min(wait / 10, HOUR)
    assert decided.reason == reason


@pytest.mark.parametrize(
    ("gap", "wait"),
    [
        (None, 1),
        (MINUTE, 1),
        (4 * HOUR, 1),
        (DAY, 6),
        (3 * DAY, 18),
        (9 * DAY, 24),
        (999 * DAY, 24),
    ],
)
def test_a_quiet_feed_is_asked_less_often_unless_the_file_says_how_often(gap, wait):
    slowed = after_success(gap=gap, interval_given=False)
    obeyed = after_success(gap=gap)

    assert wait * HOUR <= slowed.at - NOW <= wait * HOUR * 1.1
    assert slowed.reason == (BY_INTERVAL if wait == 1 else BY_RHYTHM)
    assert obeyed.at - NOW <= HOUR * 1.1


@pytest.mark.parametrize(("period", "wait"), [(12 * HOUR, 12 * HOUR), (30 * DAY, DAY)])
def test_an_update_period_counts_where_the_file_has_no_interval(period, wait):
    slowed = after_success(hints=PublisherHints(update_every=period), interval_given=False)

    assert wait <= slowed.at - NOW <= wait + HOUR
    assert slowed.reason == "the feed's own updatePeriod"
    # Most blogs say "hourly" without anybody having chosen it.
    assert after_success(hints=PublisherHints(update_every=period)).reason == BY_INTERVAL


def test_an_unchanged_feed_without_validators_is_asked_once_a_day():
    decided = after_success(unconditional=True, interval_given=False)

    assert DAY <= decided.at - NOW <= 25 * HOUR
    assert decided.reason == BECAUSE_NO_VALIDATORS
    assert after_success(unconditional=True).reason == BY_INTERVAL


@pytest.mark.parametrize(
    ("hints", "earliest"),
    [
        (PublisherHints(skip_hours=(15,)), NOW.replace(hour=16, minute=0)),
        (PublisherHints(skip_hours=(15, 16, 17)), NOW.replace(hour=18, minute=0)),
        (PublisherHints(skip_hours=tuple(range(15, 24))), (NOW + DAY).replace(hour=0, minute=0)),
        (PublisherHints(skip_hours=(3, 4)), NOW + HOUR),
        (PublisherHints(skip_hours=tuple(range(24))), NOW + HOUR),
        (PublisherHints(skip_days=(0,)), (NOW + DAY).replace(hour=0, minute=0)),  # a Monday
        (PublisherHints(skip_days=(0, 1)), (NOW + 2 * DAY).replace(hour=0, minute=0)),
        (PublisherHints(skip_days=tuple(range(7))), NOW + HOUR),
        (PublisherHints(skip_days=(0,), skip_hours=(0, 1)), (NOW + DAY).replace(hour=2, minute=0)),
    ],
)
def test_hours_and_days_that_a_feed_rules_out_are_stepped_over(hints, earliest):
    decided = [after_success(feed=f"feed-{n}", hints=hints) for n in range(50)]

    for one in decided:
        assert earliest <= one.at <= earliest + 11 * MINUTE
        assert (one.reason == BY_INTERVAL) == (earliest == NOW + HOUR)
    assert len({one.at for one in decided}) > 40


def test_a_failure_keeps_out_of_those_hours_too():
    assert after_failure(hints=PublisherHints(skip_hours=(15,))).at == NOW.replace(
        hour=16, minute=0
    )


def test_everything_that_was_weighed_is_told_with_its_value_and_time():
    decided = after_success(
        freshness=90 * MINUTE, hints=PublisherHints(ttl=HALF_HOUR, skip_days=(5, 6)), gap=DAY
    )

    told = {one.name: (one.value, one.until) for one in decided.constraints}
    assert told["interval"] == ("1h", NOW + HOUR)
    assert told["freshness"] == ("1h30m", NOW + 90 * MINUTE)
    assert told["ttl"] == ("30m", NOW + HALF_HOUR)
    assert told["skipDays"] == ("Saturday Sunday", None)
    assert "rhythm" not in told  # the interval is in the file
    assert [one.name for one in decided.constraints if one.reason == decided.reason] == [
        "freshness"
    ]


@settings(deadline=None)
@given(
    interval=st.timedeltas(timedelta(seconds=1), 365 * DAY),
    freshness=st.none() | st.timedeltas(timedelta(0), 400 * DAY),
    ttl=st.none() | st.timedeltas(timedelta(0), 400 * DAY),
    retry_after=st.none() | st.timedeltas(timedelta(0), 60 * DAY),
    hours=st.sets(st.integers(0, 23)),
    days=st.sets(st.integers(0, 6)),
    gap=st.none() | st.timedeltas(timedelta(0), 4000 * DAY),
    given=st.booleans(),
    later=st.timedeltas(timedelta(0), 4000 * DAY),
)
def test_no_poll_is_earlier_than_anything_that_was_asked_for(
    interval, freshness, ttl, retry_after, hours, days, gap, given, later
):
    at = NOW + later
    hints = PublisherHints(ttl, None, tuple(sorted(hours)), tuple(sorted(days)))
    decided = after_success(
        at=at, interval=interval, interval_given=given, freshness=freshness, hints=hints,
        retry_after=retry_after, gap=gap,
    )  # fmt: skip

    assert decided.at >= at + interval
    assert decided.at >= at + min(freshness or timedelta(0), 7 * DAY)
    assert decided.at >= at + min(ttl or timedelta(0), DAY)
    assert decided.at >= at + min(retry_after or timedelta(0), 30 * DAY)
    assert len(hours) == 24 or len(days) == 7 or decided.at.hour not in hours
    assert len(hours) == 24 or len(days) == 7 or decided.at.weekday() not in days
    assert any(one.reason == decided.reason for one in decided.constraints)


def test_polls_are_spread_the_same_way_every_time_and_never_early():
    times = [after_success(feed=f"feed-{number}").at for number in range(200)]

    assert times == [after_success(feed=f"feed-{number}").at for number in range(200)]
    assert len(set(times)) > 190
    assert min(times) >= NOW + HOUR


@pytest.mark.parametrize(
    ("failures", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (99, 24)]
)
def test_each_failure_doubles_the_wait_up_to_a_day(failures, hours):
    assert after_failure(failures=failures).at == NOW + hours * HOUR


def test_a_long_interval_is_never_shortened_by_a_failure():
    assert after_failure(interval=3 * DAY).at == NOW + 3 * DAY


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (429, 2 * HOUR, 2 * HOUR),
        (429, None, 4 * HOUR),
        (503, 2 * HOUR, 2 * HOUR),
        (503, timedelta(0), HALF_HOUR),
        (500, 5 * HOUR, 5 * HOUR),
        (500, timedelta(minutes=1), HOUR),
        (404, DAY, DAY),
        (None, None, HOUR),
        (429, 90 * DAY, 30 * DAY),
        (429, timedelta(0), HALF_HOUR),
    ],
)
def test_a_server_that_asks_for_a_pause_gets_it(status, retry_after, wait):
    decided = after_failure(status=status, retry_after=retry_after)

    assert decided.at == NOW + wait
    assert (decided.not_before is not None) == (status == 429 or retry_after is not None)


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (2, 2), (3, 4), (9, 24)])
def test_a_503_without_a_time_is_a_failure_like_any_other(failures, hours):
    decided = after_failure(status=503, failures=failures)

    assert decided.at == NOW + hours * HOUR
    assert decided.not_before is None
    assert decided.reason.startswith("asked less often")


def test_429_without_a_time_doubles_to_a_day():
    waits = [after_failure(status=429, failures=failures).at for failures in (1, 2, 3, 4)]

    assert waits == [NOW + hours * HOUR for hours in (4, 8, 16, 24)]


def test_a_feed_that_is_gone_is_never_polled_again():
    assert after_failure(status=410).at is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, MAX-AGE = 600"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "s-maxage=900, max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=60", "age": "100"}, 0),
        ({"cache-control": "max-age=99999999999999999999"}, 7 * 86400),
        ({"cache-control": "max-age=-5"}, None),
        ({"cache-control": "no-cache, max-age=600"}, None),
        ({"cache-control": "no-store"}, None),
        (
            {
                "expires": "Mon, 23 Nov 2026 16:00:00 GMT",
                "date": "Mon, 23 Nov 2026 15:00:00 GMT",
            },
            3600,
        ),
        ({"expires": "Mon, 23 Nov 2026 16:00:00 GMT"}, None),
        ({"expires": "0", "date": "Mon, 23 Nov 2026 15:00:00 GMT"}, None),
        ({"expires": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"}, None),
        ({"expires": f"Mon, 01 Jan 2024 00:00:00 +{'9' * 14}"}, None),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT", "date": "Mon, 23 Nov 2026 15:00:00 GMT"}, 0),
    ],
)
def test_freshness_is_what_the_answer_says(headers, seconds):
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert schedule.freshness(headers) == expected


@pytest.mark.parametrize(
    ("headers", "known", "hours"),
    [
        ({}, 3, 3),
        ({"age": "3600"}, 3, 2),
        ({"cache-control": "max-age=3600"}, 3, 1),
        ({"cache-control": "no-cache"}, 3, None),
        ({}, None, None),
    ],
)
def test_a_304_that_says_nothing_renews_what_its_document_said(headers, known, hours):
    lifetime = None if known is None else known * HOUR

    expected = None if hours is None else hours * HOUR
    assert schedule.freshness(headers, stored_lifetime=lifetime) == expected
