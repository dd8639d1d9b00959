"""When a feed is polled next."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator import cadence

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HALF_HOUR = timedelta(minutes=30)


def after_success(**values):
    return cadence.after_success(NOW, **({"feed": "a", "interval": HOUR} | values))


def after_failure(**values):
    return cadence.after_failure(NOW, **({"interval": HALF_HOUR, "failures": 1} | values))


@pytest.mark.parametrize(
    ("asked", "wait", "reason"),
    [
        ({}, HOUR, "the interval in config.yaml"),
        ({"freshness": 2 * HOUR}, 2 * HOUR, "the server calls its answer fresh"),
        ({"freshness": HALF_HOUR}, HOUR, "the interval in config.yaml"),
        ({"freshness": 90 * DAY}, 7 * DAY, "the server calls its answer fresh"),
        ({"ttl": 3 * HOUR}, 3 * HOUR, "the feed's own ttl"),
        ({"ttl": 90 * DAY}, DAY, "the feed's own ttl"),
    ],
)
def test_the_longest_wait_that_anybody_asks_for_wins(asked, wait, reason):
    decided = after_success(**asked)

    assert decided.at is not None
    assert wait <= decided.at - NOW <= wait + min(wait / 10, HOUR)
    assert decided.reason == reason


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
        (503, None, 4 * HOUR),
        (500, 5 * HOUR, 5 * HOUR),
        (429, 90 * DAY, 30 * DAY),
        (429, timedelta(0), HALF_HOUR),
    ],
)
def test_a_server_that_asks_for_a_pause_gets_it(status, retry_after, wait):
    decided = after_failure(status=status, retry_after=retry_after)

    assert decided.at == NOW + wait
    assert decided.not_before is not None


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

    assert cadence.freshness(headers) == expected
