"""Points and spans of time as text and as numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import IDS_PER_MILLISECOND, EntryId
from aggregator.model.times import EPOCH, MILLISECOND, http_date, span_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "0.25s"), (1, "1s"), (90, "1m30s"), (3600, "1h"), (5400, "1h30m"),
     (86_400, "1d"), (90_061, "1d1h"), (3601, "1h1s"), (9.6, "10s")],
)  # fmt: skip
def test_a_span_is_said_in_its_two_largest_units(seconds, text):
    assert span_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Mon, 23 Nov 2026 14:33:00 GMT", datetime(2026, 11, 23, 14, 33, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 14:33:00 +0200", datetime(2026, 11, 23, 12, 33, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 14:33:00 -0000", datetime(2026, 11, 23, 14, 33, tzinfo=UTC)),
        ("Monday, 23-Nov-26 14:33:00 GMT", datetime(2026, 11, 23, 14, 33, tzinfo=UTC)),
        *(
            (text, None)
            for text in ("", None, "0", "-1", "soon", "Mon, 23 Nov 2026", ",", "9" * 99)
        ),
        ("Fri, 31 Dec 9999 23:59:59 -1400", None),
        ("Mon, 23 Nov 99999999999999999999 14:33:00 GMT", None),
    ],
)
def test_a_date_of_a_header_is_read_as_utc_or_not_at_all(text, at):
    read = http_date(text)

    assert read == at
    assert read is None or read.tzinfo is UTC


@pytest.mark.parametrize(
    "at",
    [
        EPOCH,
        datetime(2026, 11, 23, 14, 33, 0, 123_999, tzinfo=UTC),
        datetime(1950, 2, 3, 4, 5, 6, 7_001, tzinfo=UTC),
    ],
)
def test_an_id_has_the_millisecond_at_which_its_entry_is_listed(at):
    first = EntryId.first_at(at)

    assert first.at == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert EntryId(first + IDS_PER_MILLISECOND - 1).at == first.at
    assert EntryId(first - 1).at == first.at - MILLISECOND
    assert EntryId.first_at(first.at + MILLISECOND) == first + IDS_PER_MILLISECOND


def test_times_that_no_id_can_have_are_before_or_after_all_ids():
    low, high = (EntryId.first_at(datetime(year, 1, 1, tzinfo=UTC)) for year in (1, 9999))

    assert (low, high) == (-(2**63) + 1, 2**63 - 1)
