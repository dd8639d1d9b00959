"""Dates that can be meant, and places in the list."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator import dates

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "parsed", "expected"),
    [
        ("Mon, 23 Nov 2026 14:33:00 GMT", NOW, NOW),
        (None, None, None),
        ("Invalid Date", None, None),
        ("1763908380", datetime(1719, 11, 30, tzinfo=UTC), datetime.fromtimestamp(1763908380, UTC)),
        ("1763908380000", None, datetime.fromtimestamp(1763908380, UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC), None),
        ("1970-01-02", datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC), None),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC), None),
    ],
)
def test_what_can_not_be_meant_counts_as_missing(text, parsed, expected):
    assert dates.read(text, parsed) == expected


def places(*published, first_poll=False):
    return dates.places(published, first_seen_at=NOW, first_poll=first_poll)


def test_a_future_date_is_brought_back_to_first_seen():
    assert places(NOW + HOUR, NOW - HOUR) == [NOW, NOW - HOUR]


def test_undated_entries_stand_where_they_were_first_seen():
    assert places(None, NOW - HOUR, None) == [NOW, NOW - HOUR, NOW]


def test_undated_entries_of_a_first_poll_stand_below_the_oldest_dated_one_in_feed_order():
    oldest = NOW - 5 * HOUR

    assert places(None, oldest, None, NOW, first_poll=True) == [
        oldest - SECOND,
        oldest,
        oldest - 2 * SECOND,
        NOW,
    ]


def test_an_undated_backlog_stands_from_first_seen_downwards():
    assert places(None, None, None, first_poll=True) == [NOW, NOW - SECOND, NOW - 2 * SECOND]
