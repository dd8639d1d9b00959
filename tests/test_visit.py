from datetime import UTC, datetime, timedelta

import pytest

from web.last_visit import LastVisit

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def after(*minutes: int) -> LastVisit:
    """Return the visit after pages at these minutes, each of which shows all that was found."""
    visit = LastVisit()
    for minute in minutes:
        visit = LastVisit.parse(str(visit)).page(
            NOW + minute * MINUTE, stored_until=NOW + minute * MINUTE
        )
    return visit


def new(visit: LastVisit, minute: float) -> bool:
    return visit.is_new(NOW + minute * MINUTE)


def test_on_a_first_visit_nothing_is_new():
    visit = after(0, 5)

    assert visit.is_first
    assert not new(visit, 4)


def test_what_was_found_after_the_last_visit_is_new():
    visit = after(0, 120)

    assert not visit.is_first
    assert visit.last_at == NOW
    assert (new(visit, 0), new(visit, 1), new(visit, 119)) == (False, True, True)


def test_the_boundary_stays_while_pages_follow_each_other():
    visit = after(0, 120, 121, 149, 170, 199)

    assert visit.last_at == NOW
    assert new(visit, 1)


def test_after_half_an_hour_without_a_page_a_visit_has_ended():
    visit = after(0, 120, 121, 151)

    assert visit.last_at == NOW + 121 * MINUTE
    assert (new(visit, 121), new(visit, 122)) == (False, True)


def test_what_was_not_in_the_database_yet_stays_new():
    visit = LastVisit().page(NOW, stored_until=NOW - 10 * MINUTE)
    visit = visit.page(NOW + 60 * MINUTE, stored_until=NOW)

    assert (new(visit, -10), new(visit, -9)) == (False, True)


def test_a_page_of_an_empty_database_begins_a_visit():
    visit = LastVisit().page(NOW, stored_until=None).page(NOW + 60 * MINUTE, stored_until=NOW)

    assert new(visit, 0)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2.3", "a.b.c.d", "1.2.3.4.5", "-1.2.3.4", "9" * 60, "1.2.3." + "9" * 20]
)
def test_any_other_cookie_is_a_first_visit(text):
    assert LastVisit.parse(text) == LastVisit()


def test_asking_for_new_posts_begins_a_visit_in_which_these_are_new():
    first = after(0)
    visit = LastVisit.begun(NOW + 5 * MINUTE, since=first.seen_until)
    visit = LastVisit.parse(str(visit)).page(NOW + 6 * MINUTE, stored_until=NOW + 5 * MINUTE)

    assert (first.is_first, visit.is_first) == (True, False)
    assert (new(visit, 0), new(visit, 1)) == (False, True)
    assert visit.last_at == NOW


def test_nobody_asks_for_posts_of_the_future():
    assert LastVisit.begun(NOW, since=9_999_999_999_999).last_at == NOW


def test_the_latest_time_that_a_cookie_can_hold_is_a_time():
    assert (
        LastVisit.parse(".".join(["9" * 13] * 4)).page(NOW, stored_until=NOW).last_at.year == 2286
    )
