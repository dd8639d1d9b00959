"""Which entries no list has: rules, the limits of days and hours, and the backlog."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import rules
from aggregator.model import Backlog, CommonRules, EntryId, Exclusion, FeedRules
from aggregator.rules import Arrival, Limits
from tests.selection import examples

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def arrival(listed, seen=None, exclusion=None, sequence=0):
    """Return an entry that is listed, and was stored, so many hours after Monday began."""
    seen = listed if seen is None else seen
    at = EntryId.first_at(MONDAY + listed * HOUR)
    return Arrival(at + sequence, MONDAY + seen * HOUR, exclusion)


def reasons(arrivals, limits):
    """Return the reasons in the order of the entries."""
    by_id = rules.exclusions(arrivals, limits)
    return [by_id[entry.id] for entry in arrivals]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"is_subscribed": False, "is_copy": True, "matches_hide": True}, "unsubscribed"),
        ({"is_copy": True, "matches_hide": True}, "copy"),
        ({"matches_hide": True, "matches_keep": False}, "hide"),
        ({"matches_keep": False}, "keep"),
    ],
)
def test_the_first_reason_in_the_entry_itself_counts(facts, reason):
    usual = {"is_subscribed": True, "is_copy": False, "matches_hide": False, "matches_keep": True}

    assert rules.own_exclusion(**{**usual, **facts}) == reason


def test_the_first_posts_of_a_day_to_arrive_are_listed():
    first, second, third = arrival(9, seen=9), arrival(8, seen=10), arrival(10, seen=11)

    assert reasons([third, first, second], Limits(per_day=2)) == ["per_day", None, None]


def test_of_posts_that_arrive_together_the_newest_are_listed():
    posts = [arrival(listed, seen=20) for listed in (1, 2, 3)]

    assert reasons(posts, Limits(per_day=2)) == ["per_day", None, None]


def test_a_day_is_one_of_the_page():
    late, early = arrival(22, seen=30), arrival(25, seen=31)  # Monday and Tuesday in UTC
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")

    assert reasons([late, early], Limits(per_day=1)) == [None, None]
    assert reasons([late, early], Limits(per_day=1, zone=UTC)) == [None, None]
    late = arrival(23.5, seen=30)  # half past midnight in Berlin
    assert reasons([late, early], Limits(per_day=1, zone=berlin)) == [None, "per_day"]


def test_a_hidden_post_does_not_count():
    posts = [arrival(1, exclusion=Exclusion.HIDE), arrival(2), arrival(3)]

    assert reasons(posts, Limits(per_day=1)) == ["hide", None, "per_day"]


@pytest.mark.parametrize(
    ("backlog", "listed"),
    [
        (Backlog(), [1, 2, 3, 4]),
        (Backlog(newest=2), [3, 4]),
        (Backlog(newest=0), []),
        (Backlog(within=2 * HOUR), [3, 4]),
        (Backlog(newest=1, within=2 * HOUR), [4]),
    ],
)
def test_the_backlog_is_of_the_first_poll_alone(backlog, listed):
    first_poll = [arrival(hours, seen=5) for hours in (1, 2, 3, 4)]
    later = [arrival(2, seen=6, sequence=1), arrival(6)]
    limits = Limits(backlog=backlog, first_read_at=MONDAY + 5 * HOUR)

    by_id = rules.exclusions([*first_poll, *later], limits)

    assert [by_id[post.id] for post in later] == [None, None]
    assert [hours for hours, post in zip((1, 2, 3, 4), first_poll, strict=True)
            if by_id[post.id] is None] == listed  # fmt: skip


def test_all_entries_of_a_feed_that_was_not_read_whole_are_its_backlog():
    posts = [arrival(1, seen=5), arrival(2, seen=6)]

    assert reasons(posts, Limits(backlog=Backlog(newest=1))) == ["backlog", None]


def test_each_limit_counts_what_the_limits_before_have_left():
    posts = [arrival(1, seen=5), arrival(2, seen=5), arrival(3, seen=5), arrival(3.5, seen=6)]
    limits = Limits(
        per_day=3, per_hour=1, backlog=Backlog(newest=1), first_read_at=MONDAY + 5 * HOUR
    )

    # The day has the three that were stored first; the backlog one of these, and so has its hour.
    assert reasons(posts, limits) == ["backlog", "backlog", None, "per_day"]


@pytest.mark.parametrize(
    ("common", "feed", "is_initial", "backlog"),
    [
        (None, None, True, rules.WHOLE_BACKLOG),
        (None, None, False, rules.LATER_BACKLOG),
        (Backlog(newest=3), None, True, Backlog(newest=3)),
        (Backlog(newest=3), Backlog(newest=4), True, Backlog(newest=4)),
        (Backlog(newest=0), Backlog(), False, rules.WHOLE_BACKLOG),
        (None, Backlog(newest=0), True, Backlog(newest=0)),
    ],
)
def test_the_backlog_of_a_feed_is_its_own_or_that_of_all_feeds(common, feed, is_initial, backlog):
    actual = rules.backlog_of(
        CommonRules(backlog=common), FeedRules(backlog=feed), is_initial=is_initial
    )

    assert actual == backlog


ZONES = [
    "UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo", "America/Havana",
    "Pacific/Apia", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Casablanca",
]  # fmt: skip


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES).map(zoneinfo.ZoneInfo),
)
def test_a_day_has_the_entries_of_one_date(at, zone):
    entry_id = EntryId.first_at(at)
    begin, end = rules.day_span(entry_id, zone)
    dates = [EntryId(number).at.astimezone(zone).date() for number in (begin, end - 1)]

    assert begin <= entry_id < end
    assert dates == [entry_id.at.astimezone(zone).date()] * 2
    assert rules.hour_span(entry_id)[0] <= entry_id < rules.hour_span(entry_id)[1]


ARRIVALS = st.lists(
    st.builds(
        arrival,
        st.integers(0, 72).map(lambda quarters: quarters / 4),
        st.integers(18, 22),
        st.sampled_from([None, None, None, Exclusion.HIDE, Exclusion.COPY]),
        st.integers(0, 3),
    ),
    max_size=40,
    unique_by=lambda entry: entry.id,
)
BACKLOGS = st.builds(
    Backlog,
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 20).map(lambda hours: hours * HOUR),
)
LIMITS = st.builds(
    Limits,
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 3),
    BACKLOGS,
    st.none() | st.integers(17, 21).map(lambda hours: MONDAY + hours * HOUR),
    st.sampled_from(ZONES).map(zoneinfo.ZoneInfo),
)


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(ARRIVALS, LIMITS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_makes_no_difference(arrivals, limits, random):
    shuffled = random.sample(arrivals, len(arrivals))

    assert rules.exclusions(arrivals, limits) == rules.exclusions(shuffled, limits)


@settings(max_examples=examples(200))
@given(ARRIVALS, LIMITS)
def test_no_limit_is_passed_and_none_leaves_room(arrivals, limits):
    by_id = rules.exclusions(arrivals, limits)
    members = [entry.id for entry in arrivals if by_id[entry.id] is None]
    days, hours = (
        [[key(other) for other in members].count(key(member)) for member in members]
        for key in (lambda number: rules.day_span(number, limits.zone), rules.hour_span)
    )

    assert not limits.per_day or all(count <= limits.per_day for count in days)
    assert not limits.per_hour or all(count <= limits.per_hour for count in hours)
    for entry in arrivals:
        if by_id[entry.id] is Exclusion.PER_HOUR:
            mates = [
                other for other in members if rules.hour_span(other) == rules.hour_span(entry.id)
            ]
            assert len(mates) == limits.per_hour


@settings(max_examples=examples(200))
@given(ARRIVALS, LIMITS)
def test_what_arrives_later_takes_no_place_from_earlier_posts(arrivals, limits):
    """But a first poll that is stored in parts: its newest posts may come last."""
    if limits.first_read_at is None:
        return
    ends = sorted({entry.first_seen_at for entry in arrivals})
    final = rules.exclusions(arrivals, limits)
    for end in ends:
        if end < limits.first_read_at:
            continue
        stored = [entry for entry in arrivals if entry.first_seen_at <= end]
        assert rules.exclusions(stored, limits).items() <= final.items()


TEXTS = st.none() | st.text(min_size=1, max_size=5)


@given(st.builds(FeedRules, TEXTS, TEXTS, st.none() | st.integers(1, 9), st.none() | BACKLOGS))
def test_the_rules_of_a_feed_come_back_from_their_canonical_form(feed):
    assert rules.feed_rules(rules.as_json(feed)) == feed


@given(st.builds(CommonRules, TEXTS, st.none() | BACKLOGS, st.none() | st.integers(1, 9)))
def test_the_rules_of_all_feeds_come_back_from_their_canonical_form(common):
    assert rules.common_rules(rules.as_json(common)) == common


def test_the_canonical_form_has_only_what_the_file_says():
    assert rules.as_json(FeedRules()) == "{}"
    assert rules.as_json(FeedRules(hide="jobs", per_day=5)) == ('{"hide":"jobs","per_day":5}')
