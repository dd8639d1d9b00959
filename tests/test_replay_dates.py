"""What publishers give as dates, and where entries stand: replayed on the real pipeline."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from aggregator.database.lists import read_lists
from tests.replay import HOUR, LONG, NOW, Post, Step, feed, posts, replay
from tests.running import command
from tests.worlds import only_sqlite

DAY = timedelta(days=1)


def dating(world):

    with world.database.connect() as connection:
        return [read_lists.dating(connection, entry.id) for entry in world.entries()]


def test_what_was_published_as_a_date_is_kept_with_how_it_was_read(tmp_path):
    dated = Post("A", guid="1", at="Di, 08 Juli 2025 18:30:00 +0200")
    updated = "<atom:updated>2025-07-07T10:00:00</atom:updated>"

    world = replay(
        tmp_path,
        Step(
            feed(dated, Post("B", guid="2", more=updated), Post("C", guid="3", at="Invalid Date"))
        ),
    )

    a, b, c = dating(world)
    assert (a.text, a.field, a.form) == (dated.at, "published", "a month's name")
    assert (a.reason, a.is_certain) == ("published then", True)
    assert (b.text, b.field, b.is_certain) == ("2025-07-07T10:00:00", "updated", False)
    assert (c.text, c.form) == ("Invalid Date", "")
    assert c.reason == "no date: below the dated ones of the first poll"


@only_sqlite
def test_explain_story_says_how_an_entry_was_dated(tmp_path):
    world = replay(
        tmp_path,
        feed(
            Post("A", guid="1", at="Tue, 08 Jul 2025 18:30:00"),
            Post("B", guid="2", at="Invalid Date"),
            Post("C", guid="3"),
        ),
    )
    said = {}
    for one in world.entries():
        done = command(tmp_path, "explain-story", str(one.id))
        said[one.title] = done.stdout.splitlines()[2].partition(" UTC; ")[2]
        assert done.stdout.splitlines()[4] == "in no story; nothing was found to be the same"

    below = "no date: below the dated ones of the first poll"
    assert said == {
        "A": 'published then ("Tue, 08 Jul 2025 18:30:00" in `published`, '
        "read as a month's name, not surely)",
        "B": f'{below} ("Invalid Date" in `published`, not read as a date)',
        "C": below,
    }


def test_a_post_from_the_future_stands_where_it_came_and_says_so(tmp_path):
    world = replay(
        tmp_path,
        feed(Post("A", guid="1", at=NOW - HOUR)),
        Step(feed(Post("F", guid="2", at=NOW + 9 * DAY), Post("A", guid="1", at=NOW - HOUR)),
             shows="F A"),
        Step(feed(Post("N", guid="3", at=datetime.now(UTC)), Post("F", guid="2", at=NOW + 9 * DAY)),
             shows="F N A"),
    )  # fmt: skip

    assert "(in the future); listed when it arrived" in world.client.get("/").text
    assert dating(world)[0].reason == "dated in the future: first seen"


def test_a_calendar_stands_where_it_came_in_its_own_order(tmp_path):
    def event(name, days):
        return Post(name, guid=name, at=NOW + days * DAY)

    first = [event("A", 3), event("B", 9), event("C", 20)]
    replay(
        tmp_path,
        Step(feed(*first), shows="A B C", new=3),
        Step(feed(*first[1:], event("D", 31)), shows="D A B C", new=1),
        Step(feed(*reversed(first)), shows="D A B C", new=0),
    )


def test_a_date_that_moves_with_each_edit_moves_nothing_and_the_feeds_own_date_is_nobodys(tmp_path):
    head = "<pubDate>Mon, 23 Nov 2026 01:00:00 GMT</pubDate><lastBuildDate>{}</lastBuildDate>"
    steps = []
    for number in range(4):
        at = NOW - (5 - number) * HOUR
        edited = Post("A", guid="1", text=f"{LONG} {'very ' * number}", at=at)
        others = [Post("B", guid="2", at=NOW - 4 * HOUR), Post("C", guid="3")]
        document = feed(edited, *others, head=head.format(format_datetime(at)))
        steps.append(Step(document, shows="B A C", new=3 if number == 0 else 0))

    world = replay(tmp_path, *steps)

    assert [entry.published_at for entry in world.entries()][2] is None


def test_posts_of_nothing_but_a_text_are_known_by_it(tmp_path):
    one = [Post("", text=f"<p>Note {name}.</p>") for name in "AB"]

    replay(
        tmp_path,
        Step(feed(*one), new=2),
        *[Step(feed(*one[::-1]), new=0), Step(feed(*one[:1]), new=0)] * 2,
        Step(feed(Post("", text="<p>Note C.</p>"), *one), new=1),
    )


def test_an_undated_backlog_keeps_its_order_and_what_is_new_comes_on_top(tmp_path):
    def undated(names):
        return feed(*(Post(name, guid=name) for name in names.split()))

    replay(
        tmp_path,
        Step(undated("A B C"), shows="A B C"),
        Step(undated("N A B C"), shows="N A B C"),
        Step(undated("C N B"), shows="N A B C"),
    )


@pytest.mark.parametrize("at", [1751999400, 1751999400000])
def test_numbers_are_unix_times(tmp_path, at):
    world = replay(tmp_path, feed(Post("A", guid="1", at=str(at))))

    assert world.entries()[0].listed_at.isoformat() == "2025-07-08T18:30:00+00:00"


def naive(at, zone):
    return f"{at + zone:%Y-%m-%d %H:%M:%S}"


def test_a_feed_of_the_east_without_a_zone_is_not_in_the_future(tmp_path):
    east = 8 * HOUR
    times = [NOW - n * HOUR - timedelta(minutes=20) for n in range(3)]
    old = [Post(name, guid=name, at=naive(at, east)) for name, at in zip("ABC", times, strict=True)]

    world = replay(tmp_path, Step(feed(*old), shows="A B C"))

    assert [entry.listed_at for entry in world.entries()] == times


def test_the_zone_in_the_file_is_that_of_times_without_one(tmp_path):
    post = Post("A", guid="1", at="2026-07-08 18:30:00")

    world = replay(tmp_path, feed(post), feed={"timezone": "America/New_York"})

    assert world.entries()[0].published_at.isoformat() == "2026-07-08T22:30:00+00:00"


def test_a_post_dated_by_day_stands_above_what_came_earlier_that_day(tmp_path):
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    early = Post("A", guid="1", at=datetime.now(UTC) - timedelta(seconds=1))

    replay(tmp_path, feed(early), Step(feed(Post("B", guid="2", at=today), early), shows="B A"))


def updated(name, at):
    return Post(name, guid=name, more=f"<atom:updated>{at.isoformat()}</atom:updated>")


def test_a_last_change_that_all_entries_share_is_no_date(tmp_path):
    built = NOW - HOUR

    world = replay(tmp_path, Step(feed(*(updated(name, built) for name in "ABC")), shows="A B C"))

    assert not any(entry.dated for entry in world.entries())


def test_a_last_change_that_moves_on_each_poll_is_no_date(tmp_path):
    def version(names, number):
        moment = NOW - 2 * DAY + number * HOUR
        return feed(*(updated(name, moment - n * HOUR) for n, name in enumerate(names)))

    world = replay(
        tmp_path,
        Step(version("ABC", 1), shows="A B C"),
        Step(version("ABC", 2), shows="A B C"),
        Step(version("NABC", 3), shows="N A B C", new=1),
        Step(version("MNABC", 4), shows="M N A B C", new=1),
    )

    assert [entry.dated for entry in world.entries()] == [False, False, True, True, True]


def test_by_arrival_a_late_post_of_a_known_feed_is_on_top(tmp_path):
    late = Post("L", guid="l", at=NOW - 40 * DAY)
    old = posts("A B", guid="{}")

    replay(
        tmp_path,
        Step(feed(*old), shows="A B"),
        Step(feed(*old, late), shows="L A B"),
        order="arrival",
    )


def test_by_publication_a_late_post_stands_in_the_past(tmp_path):
    late = Post("L", guid="l", at=NOW - 40 * DAY)
    old = posts("A B", guid="{}")

    replay(tmp_path, feed(*old), Step(feed(*old, late), shows="A B L"))
