"""Every entry once, at its place, whatever a publisher does: replayed on the real pipeline."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from aggregator.database.entries import write_retention
from aggregator.dedup import keys_of
from aggregator.reading.clean import clean
from aggregator.reading.parse import parse
from tests.replay import HOUR, LONG, NOW, Post, Step, feed, posts, replay
from tests.selection import examples, slow_after, slow_but

DAY = timedelta(days=1)


def renamed(old, new, *, after=()):
    """Ten polls of the new document, and one of the old again, add nothing."""
    before, now = feed(*old), feed(*after, *new)
    shows = " ".join(post.title for post in (*after, *new))
    return [
        before,
        Step(now, shows=shows, new=len(after)),
        *[Step(now, shows=shows, new=0)] * 2,
        Step(before, shows=shows, new=0),
        Step(now, shows=shows, new=0),
    ]


# ------------------------------------------------------------------ other guids


@pytest.mark.parametrize(
    ("old", "new"),
    slow_after(3, [
        ({"guid": "http://blog.example/{}"}, {"guid": "https://blog.example/{}"}),
        ({"guid": "http://www.blog.example/{}"}, {"guid": "http://blog.example/{}"}),
        (
            {"guid": "http://old.example/?p={}", "link": "http://old.example/{}"},
            {"guid": "https://new.example/?p={}", "link": "https://new.example/{}"},
        ),
        ({"guid": "{} at http://x", "link": "/{}"}, {"guid": "urn:uuid:{}", "link": "/{}"}),
        ({"guid": "1-{}", "text": LONG}, {"guid": "2-{}", "text": LONG}),
        ({"guid": "1-{}", "link": "/?p={}"}, {"guid": "2-{}", "link": "/2026/{}"}),
        ({"guid": "1-{}"}, {"link": "/{}"}),
        ({"link": "/{}"}, {"guid": "1-{}", "link": "/{}"}),
        ({"link": "/{}?PHPSESSID=1"}, {"link": "/{}?PHPSESSID=2"}),
        ({"link": "/{}?sessiontoken=1"}, {"link": "/{}?sessiontoken=2"}),
        ({"link": "/{}?utm_source=a"}, {"link": "/{}/?utm_source=b&fbclid=c"}),
        ({"link": "http://m.blog.example/{}"}, {"link": "https://www.blog.example/{}/amp/"}),
    ]),
    ids=[
        "https", "www", "moved domain", "new software", "guid only", "guid and link", "guid left",
        "guid came", "session", "unknown session", "tracking", "mobile and AMP",
    ],
)  # fmt: skip
def test_entries_that_get_another_name_stay_what_they_are(tmp_path, old, new):
    replay(
        tmp_path,
        *renamed(posts("A B C D", **old), posts("A B C D", **new)),
    )


@pytest.mark.slow
def test_what_is_new_beside_renamed_entries_is_new(tmp_path):
    old = posts("A B C", guid="http://old.example/{}", link="http://old.example/{}")
    new = posts("A B C", guid="https://new.example/{}", link="https://new.example/{}")
    fresh = Post("N", guid="https://new.example/N", link="https://new.example/N", at=NOW)

    replay(tmp_path, *renamed(old, new, after=[fresh]))


def test_a_moved_site_that_edits_while_it_moves_stays_the_same(tmp_path):
    old = posts("A B C D", guid="http://old.example/{}")
    new = posts("A B C D", guid="https://new.example/{}")
    edited = [replace(new[0], title="A2", at=NOW), *new[1:]]

    replay(tmp_path, feed(*old), Step(feed(*edited), shows="A2 B C D", new=0, updated="A2"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "dated"),
    slow_but([("A B", False)], [("A", True), ("A B", False), ("A B C D", True)]),
)
@pytest.mark.parametrize(
    "values",
    slow_after(
        1,
        [
            {"guid": "{}-%d", "link": "/{}?r=%d"},
            {"guid": "{}-%d", "link": "/{}"},
            {"guid": "https://blog.example/{}?r=%d", "link": "/{}"},
            {"guid": "{}-%d", "text": LONG},
            {"link": "/{}?r=%d", "text": LONG + "%d"},
            {"guid": "{}-%d", "link": "/same", "text": LONG},
        ],
    ),
    ids=["guid and link", "guid", "guid is URL", "no link", "link and text", "one link for all"],
)
def test_ten_polls_of_a_feed_that_renames_everything_add_nothing(tmp_path, values, names, dated):
    def version(number):
        changed = {key: value.replace("%d", str(number)) for key, value in values.items()}
        found = posts(names, **changed)
        return feed(*(found if dated else [replace(post, at=None) for post in found]))

    later = [Step(version(number), shows=names, new=0) for number in range(2, 12)]

    world = replay(tmp_path, version(1), *later)

    with world.database.connect() as connection:
        keys = connection.exec_driver_sql("SELECT count(*) FROM entry_keys").scalar()
    assert keys <= 20 * len(names.split())


@pytest.mark.slow
def test_a_feed_that_dates_and_names_everything_anew_adds_nothing(tmp_path):
    def version(number):
        at = NOW - DAY + number * HOUR
        return feed(*(Post(name, guid=f"{name}{number}", text=name, at=at) for name in "ABC"))

    later = [Step(version(number), shows="A B C", new=0) for number in range(1, 11)]

    replay(tmp_path, version(0), *later)


# -------------------------------------------------- what looks alike and is not


def test_a_series_with_one_title_is_many_posts(tmp_path):
    week = [
        Post("Links", guid=f"g{n}", link=f"/{n}", text=f"<p>{LONG} {n}</p>", at=NOW - n * DAY)
        for n in range(6)
    ]

    replay(
        tmp_path,
        feed(week[5]),
        *(Step(feed(week[n]), shows=" ".join(["Links"] * (6 - n)), new=1) for n in (4, 3, 2, 1, 0)),
    )


def test_a_title_alone_names_no_post_even_where_there_is_nothing_else(tmp_path):
    days = [Post("Notice", text=f"<p>{letter * 40} {letter * 30}</p>") for letter in "abc"]

    replay(
        tmp_path,
        feed(days[0]),
        Step(feed(days[1]), shows="Notice Notice", new=1),
        Step(feed(days[2]), shows="Notice Notice Notice", new=1),
    )


def test_short_posts_with_the_same_words_are_many_posts(tmp_path):
    days = [Post("", guid=f"g{n}", link=f"/{n}", text="Good morning", at=NOW - n * DAY)
            for n in range(3)]  # fmt: skip

    world = replay(tmp_path, *(Step(feed(*days[n : n + 1]), new=1) for n in (2, 1, 0)))

    assert len(world.entries()) == 3


def test_posts_that_all_link_to_one_page_are_many_posts(tmp_path):
    all_of_them = posts("A B C D", guid="{}", link="https://blog.example/")

    replay(
        tmp_path,
        Step(feed(*all_of_them[2:]), shows="C D"),
        Step(feed(*all_of_them[1:3]), shows="B C D", new=1),
        Step(feed(all_of_them[0]), shows="A B C D", new=1),
    )


@pytest.mark.parametrize("guid", [{"guid": "{}"}, {}], ids=["guid", "no guid"])
def test_an_undated_post_with_the_link_of_the_front_page_is_not_the_one_that_left(tmp_path, guid):
    def post(name):
        named = {key: value.replace("{}", name) for key, value in guid.items()}
        return Post(name, link="https://blog.example/", text=f"{LONG} {name}", **named)

    replay(
        tmp_path,
        Step(feed(post("A")), shows="A"),
        Step(feed(post("B")), shows="B A", new=1),
        Step(feed(replace(post("B"), text=f"{LONG} B2")), shows="B A", new=0),
        Step(feed(post("A")), shows="B A", new=0),
    )


def test_a_post_with_the_link_of_one_that_is_still_listed_is_another_one(tmp_path):
    first, second, third = posts("A B C", guid="{}", link="/changes")

    replay(
        tmp_path,
        feed(third),
        Step(feed(second, third), shows="B C", new=1),
        Step(feed(first, second, third), shows="A B C", new=1),
    )


def test_anchors_on_one_page_are_many_posts(tmp_path):
    first, second = posts("A B", guid="https://blog.example/log#{}")

    replay(tmp_path, feed(second), Step(feed(first), shows="A B", new=1))


def test_guids_are_opaque_and_differ_by_case(tmp_path):
    upper = Post("A", guid="http://x/ID", at=NOW - HOUR)
    lower = Post("a", guid="http://x/id", at=NOW - 2 * HOUR)

    replay(tmp_path, Step(feed(upper, lower), shows="A a"), Step(feed(lower, upper), shows="A a"))


def test_posts_of_a_planet_with_equal_paths_are_many_posts(tmp_path):
    here = Post("A", guid="https://a.example/?p=5", link="https://a.example/?p=5", at=NOW)
    there = Post("B", guid="https://b.example/?p=5", link="https://b.example/?p=5", at=NOW - HOUR)

    replay(tmp_path, feed(there), Step(feed(here), shows="A B", new=1))


# --------------------------------------------------------------- useless guids


@pytest.mark.parametrize("guid", slow_after(1, ["1", "", "https://blog.example/feed.xml"]))
@pytest.mark.parametrize("link", slow_but(["/{}"], ["/{}", "https://blog.example/", None]))
def test_guids_that_repeat_say_nothing_for_ever(tmp_path, guid, link):
    every = [
        replace(post, guid=guid, link=link and link.replace("{}", post.title))
        for post in posts("A B C D", text=f"{LONG} {{}}")
    ]

    replay(
        tmp_path,
        Step(feed(*every[2:]), shows="C D", new=2),
        Step(feed(every[1]), shows="B C D", new=1),
        Step(feed(*every[1:]), shows="B C D", new=0),
        Step(feed(every[3], every[0]), shows="A B C D", new=1),
        Step(feed(*every[::-1]), shows="A B C D", new=0),
        Step(feed(every[2]), shows="A B C D", new=0),
    )


def test_a_guid_that_turns_out_to_be_everybodys_doubles_nothing(tmp_path):
    first, second = (replace(post, guid="x") for post in posts("A B", link="/{}", text=LONG))

    replay(
        tmp_path,
        feed(second),
        Step(feed(first, second), shows="A B", new=1),
        *[Step(feed(first), shows="A B", new=0), Step(feed(second), shows="A B", new=0)] * 2,
    )


def test_an_entry_twice_in_one_document_counts_once(tmp_path):
    (one,) = posts("A", guid="1", link="/a")
    again = replace(one, guid="2")

    replay(
        tmp_path,
        Step(feed(one, one, again), shows="A", new=1),
        Step(feed(one, again), shows="A", new=0, updated=""),
        Step(feed(again, one), shows="A", new=0, updated=""),
    )


# ------------------------------------------------------------------------ edits


@pytest.mark.parametrize(
    ("before", "after"),
    slow_after(3, [
        ("<p>Some  text</p>", "<p>Some\n text</p>"),
        ("Text 35 views", "Text 1,204 views"),
        ("Text (Comments: 3)", "Text (Comments: 12)"),
        ("Text. Updated 23 Nov 2026 10:00", "Text. Updated 24 Nov 2026 11:30"),
        ("Text. 2026-11-23T10:00:00Z", "Text. 2026-11-24T11:00:00Z"),
        ("Text, 3 hours ago", "Text, 4 hours ago"),
        ("Text, vor 3 Stunden", "Text, vor 2 Tagen"),
        ('<a href="https://x.example/?utm_id=1">x</a>', '<a href="https://x.example/">x</a>'),
        ('<a href="https://x.example/?a=1&amp;fbclid=2">x</a>',
         '<a href="https://x.example/?a=1&amp;fbclid=3">x</a>'),
        ("<p>Some text</p>", "<div><b>Some</b> text</div>"),
    ]),
)  # fmt: skip
def test_a_version_that_says_the_same_is_not_called_an_update(tmp_path, before, after):
    one, other = Post("A", guid="1", text=before), Post("A", guid="1", text=after)

    replay(tmp_path, feed(one), Step(feed(other), shows="A", new=0, updated=""))


@pytest.mark.parametrize(
    ("before", "after"),
    slow_after(2, [
        ("5 people", "7 people"),
        ("The views differ", "The 3 views differ"),
        ("Some text", "Some other text"),
        ("Version 1.2.3", "Version 1.2.4"),
    ]),
)  # fmt: skip
def test_a_version_that_says_something_else_is_an_update_in_its_old_place(tmp_path, before, after):
    old = [Post("N", guid="0", at=NOW), Post("A", guid="1", text=before, at=NOW - HOUR)]
    new = [replace(old[1], text=after, at=NOW), old[0]]

    world = replay(tmp_path, feed(*old), Step(feed(*new), shows="N A", new=0, updated="A"))

    assert after in world.entries()[1].content_html


def test_a_version_that_only_counts_on_is_no_change_that_readers_see(tmp_path):
    old = posts("A B C", guid="{}", text="Text 1 views")
    new = posts("A B C", guid="{}", text="Text 2 views")

    world = replay(tmp_path, feed(*old), Step(feed(*new), updated=""))

    assert all(entry.changed_at == entry.first_seen_at for entry in world.entries())
    assert "2 views" in world.entries()[0].content_html


@pytest.mark.slow
def test_the_edits_of_a_feed_that_edits_everything_on_each_poll_stop_counting(tmp_path):
    def version(number):
        return feed(*posts("A B C", guid="{}", text=f"{LONG} Advertisement {chr(number + 97)}."))

    restless = [Step(version(number), shows="A B C", new=0, updated="") for number in range(3, 10)]

    replay(tmp_path, version(0), version(1), Step(version(2), updated="A B C"), *restless)


@pytest.mark.slow
def test_the_edits_of_a_feed_that_comes_to_rest_count_again(tmp_path):
    def version(number):
        return posts("A B C D E", guid="{}", text=f"{LONG} Advertisement {chr(number + 97)}.")

    calm = version(5)
    edited = [replace(calm[0], text="Something else"), *calm[1:]]

    replay(
        tmp_path,
        *(feed(*version(number)) for number in range(6)),
        Step(feed(*calm), updated=""),
        Step(feed(*edited), updated="A"),
    )


# ------------------------------------------------------------- what documents do


def test_entries_that_vanish_and_return_are_neither_deleted_nor_new(tmp_path):
    every = posts("A B C D E", guid="{}")
    window = [feed(*every[n : n + 2]) for n in (3, 2, 1, 0, 1, 2, 3)]
    shows = ["D E", "C D E", "B C D E", "A B C D E", *["A B C D E"] * 3]

    replay(tmp_path, *map(Step, window, shows))


@pytest.mark.parametrize("dated", [True, False])
def test_an_empty_or_shuffled_document_changes_nothing(tmp_path, dated):
    every = posts("A B C D", guid="{}")
    if not dated:
        every = [replace(post, at=None) for post in every]

    replay(
        tmp_path,
        Step(feed(*every), shows="A B C D"),
        Step(feed(), shows="A B C D", new=0),
        Step(feed(*every[::-1]), shows="A B C D", new=0),
        Step(feed(every[2], every[0]), shows="A B C D", new=0),
        Step(feed(), shows="A B C D", new=0),
        Step(feed(*every), shows="A B C D", new=0),
    )


@pytest.mark.parametrize(
    ("values", "later"),
    slow_after(
        2,
        [
            ({"guid": "{}"}, {"guid": "{}"}),
            ({"link": "/{}"}, {"link": "/{}"}),
            ({"text": LONG + "{}"}, {"text": LONG + "{}"}),
            ({"guid": "1{}", "link": "/{}"}, {"guid": "2{}", "link": "/{}"}),
        ],
    ),
    ids=["guid", "link", "text", "other guids"],
)
def test_what_retention_removed_does_not_come_back_while_the_feed_lists_it(tmp_path, values, later):
    def undated(some, **how):
        return [replace(post, at=None) for post in posts(some, **how)]

    old = feed(*undated("A B C", **values))
    fresh = Post("N", guid="N", link="/N", text="New")
    new = feed(fresh, *undated("A B C", **later), head="<language>de</language>")
    none = timedelta(0)

    replay(
        tmp_path,
        Step(old, shows="A B C"),
        Step(new, shows="N", new=1, retain=none),
        Step(feed(), shows="N", new=0),
        Step(old, shows="N", new=0),
        Step(new, shows="N", new=0),
    )


def test_what_retention_removed_is_forgotten_when_the_feed_lists_it_no_more(tmp_path):
    every = [replace(post, at=None) for post in posts("A B C", guid="{}")]

    world = replay(
        tmp_path,
        feed(*every),
        Step(feed(every[0]), shows="", new=0, retain=timedelta(0)),
        Step(feed(every[0], Post("N", guid="N")), shows="N", retain=timedelta(days=-40)),
    )

    assert keys_of_deleted(world) == 3  # guid, text and title of A


def keys_of_deleted(world):

    with world.database.begin() as connection:
        write_retention.delete_old(connection, before=NOW - 400 * DAY, min_entries=0)
        return connection.exec_driver_sql(
            "SELECT count(*) FROM entry_keys WHERE gone_before IS NOT NULL"
        ).scalar()


# ------------------------------------------------------------------------ links


def test_a_link_is_shown_as_published_less_the_tracking(tmp_path):
    links = {
        "A": "https://WWW.Example.org/a?b=1&utm_source=rss#c",
        "B": "https://example.org/article?sid=7&ref=x",
    }
    origin = "<feedburner:origLink>https://example.org/c?utm_medium=y</feedburner:origLink>"
    document = feed(
        *(Post(title, link=link, at=NOW - HOUR) for title, link in links.items()),
        Post("C", link="https://feeds.example/~r/x/3", more=origin, at=NOW - 2 * HOUR),
    ).replace(b"<rss ", b"<rss xmlns:feedburner='http://rssnamespace.org/feedburner/ext/1.0' ")

    world = replay(tmp_path, Step(document, shows="A B C"))

    assert [entry.url for entry in world.entries()] == [
        "https://WWW.Example.org/a?b=1#c",
        "https://example.org/article?sid=7&ref=x",
        "https://example.org/c",
    ]


def test_the_names_of_entries_are_those_that_older_databases_hold():
    """Else all that has neither guid nor link is new after an update of the program."""
    document = feed(Post("A", guid="http://www.blog.example/?p=1", link="/a/", text="<p>B</p>"))
    (one,) = clean(parse(document, headers={}, url="https://x/"), url="https://x/").entries

    assert [key and key.hex()[:16] for key in keys_of(one)] == [
        "4d794005d28e2a55",
        "0a221aa42ec0d3eb",
        "e9f95202a525e711",
        "b414ac403be2dca0",
        "f4059172f0973e53",
    ]


# -------------------------------------------------------------------- any order

POSTS = tuple(
    Post(
        f"T{number}",
        guid=(f"g{number}", "same", None, "same")[number % 4],
        link=(f"/{number}", "https://blog.example/", f"/{number}?utm_source=x")[number % 3],
        text=f"{LONG} {number}",
        at=(NOW - number * DAY, None)[number % 5 == 4],
    )
    for number in range(8)
)
DOCUMENTS = strategies.lists(
    strategies.lists(strategies.sampled_from(POSTS), min_size=3, max_size=8, unique=True).filter(
        lambda some: sum(post.guid == "same" for post in some) != 1
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(DOCUMENTS, strategies.randoms(use_true_random=False))
def test_any_order_of_polls_of_the_same_documents_gives_the_same_entries(
    tmp_path_factory, some, random
):
    """Each once, as far as its documents tell it from others; and no place ever changes."""
    other = random.sample(some, len(some))
    one = replay(tmp_path_factory.mktemp("one"), *(feed(*each) for each in some))
    two = replay(tmp_path_factory.mktemp("two"), *(feed(*each) for each in other))

    expected = sorted({post.title for each in some for post in each})
    assert sorted(entry.title for entry in one.entries()) == expected
    assert sorted(entry.title for entry in two.entries()) == expected
