"""Names of feeds without `name:` in the file: made from the host, then from the first title."""

import pytest

from aggregator import urls
from aggregator.database.feeds import read_differences, read_names, write_subscriptions
from aggregator.database.lists import write_relisting
from aggregator.model import (
    FeedHead,
    ListingRules,
    ListKind,
    ListScope,
    Outcome,
    Subscription,
    View,
)
from aggregator.plan import with_present_names
from tests.stored import titles
from tests.worlds import NOW, entry, poll_of, record, store_poll, subscribe

ADDRESS = "https://blog.example/feed"


def unnamed(name="blog-example", url=ADDRESS, **values):
    """Return a subscription as config.yaml without `name` and `title` makes it."""
    return Subscription(name, url, named_by_title=True, **values)


def given(name, url=ADDRESS):
    return Subscription(name, url, name_given=True)


def polled(database, name, title, **values):
    """Store a good poll with a title; return the name of the feed after it."""
    return record(database, name, [entry(1)], head=FeedHead(title=title), **values).feed.name


def names_of(database, *subscriptions):
    with database.connect() as connection:
        return [
            feed.name
            for feed in read_differences.named_subscriptions(connection, list(subscriptions))
        ]


def present_name(database, name):
    with database.connect() as connection:
        return read_names.present_name(connection, name)


def test_a_feed_without_a_name_is_called_after_its_title_from_its_first_good_poll_on(database):
    subscribe(database, unnamed())
    record(database, "blog-example", error="404", outcome=Outcome.FAILED)
    assert titles(database, scope=ListScope(ListKind.SOURCE, "blog-example")) == []

    assert polled(database, "blog-example", "The Blog: Größe") == "the-blog-grösse"

    assert present_name(database, "blog-example") == "the-blog-grösse"
    assert titles(database, scope=ListScope(ListKind.SOURCE, "the-blog-grösse")) == ["Post 1"]


def test_reading_the_file_again_keeps_the_name_and_changes_nothing(database):
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")
    with database.begin() as connection:
        before = read_differences.differences(connection, [unnamed()], {}, {})

    subscribe(database, unnamed())

    assert before.is_empty
    assert names_of(database, unnamed()) == ["the-blog"]


def test_a_later_title_does_not_change_the_name(database):
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")

    assert polled(database, "the-blog", "The Journal") == "the-blog"


@pytest.mark.parametrize("subscription", [given("blog"), Subscription("blog", ADDRESS, "Blog")])
def test_a_name_or_title_in_the_file_decides_whatever_the_document_says(database, subscription):
    subscribe(database, subscription)

    assert polled(database, "blog", "Another title") == "blog"


@pytest.mark.parametrize(
    "title", ["", "!!!", "Blog Example", "https://blog.example/feed?token=abc", "feed of ${TOKEN}"]
)
def test_a_title_that_makes_no_name_leaves_the_name_of_the_host(database, title):
    subscribe(database, unnamed())

    assert polled(database, "blog-example", title) == "blog-example"
    assert polled(database, "blog-example", "Too late") == "blog-example"


def test_a_title_with_a_secret_of_the_file_makes_no_name(database):
    urls.remember_secrets(["kw82-secret"])
    subscribe(database, unnamed())

    assert polled(database, "blog-example", "Feed of kw82-secret") == "blog-example"


def test_two_feeds_with_one_title_get_two_names(database):
    other = unnamed("b-example", "https://b.example/")
    subscribe(database, unnamed(), other)
    polls = [
        poll_of(database, name, head=FeedHead(title="Blog"))
        for name in ("blog-example", "b-example")
    ]
    reports = [store_poll(database, poll) for poll in polls]

    assert [report.feed.name for report in reports if report] == ["blog", "blog-1e5a8d"]
    assert names_of(database, unnamed(), other) == ["blog", "blog-1e5a8d"]
    assert names_of(database, other, unnamed()) == ["blog-1e5a8d", "blog"]


def test_a_title_takes_no_former_name_of_another_feed(database):
    subscribe(database, given("blog"), unnamed("b-example", "https://b.example/"))
    subscribe(database, given("journal"), unnamed("b-example", "https://b.example/"))

    assert polled(database, "b-example", "Blog") == "blog-1e5a8d"
    assert present_name(database, "blog") == "journal"


def test_a_new_feed_of_the_host_does_not_take_the_former_name_either(database):
    second = unnamed("blog-example", "https://blog.example/second")
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")

    subscribe(database, second, unnamed("blog-example-123456"))

    assert present_name(database, "blog-example") == "the-blog"
    assert names_of(database, second, unnamed("blog-example-123456"))[1] == "the-blog"


def test_a_name_that_the_file_gives_takes_the_former_name_of_another_feed(database):
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")

    in_file = [unnamed("blog-example-123456"), given("blog-example", "https://new.example/")]
    subscribe(database, *in_file)

    assert present_name(database, "blog-example") is None
    assert names_of(database, *in_file) == ["the-blog", "blog-example"]


def test_a_name_that_the_file_gives_to_another_feed_takes_the_name_but_not_the_posts(database):
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")

    subscribe(database, unnamed(), given("the-blog", "https://new.example/"))

    assert titles(database, scope=ListScope(ListKind.SOURCE, "the-blog")) == []
    assert titles(database, scope=ListScope(ListKind.SOURCE, "blog-example")) == ["Post 1"]


def test_feeds_that_swap_their_names_in_the_file_keep_their_posts(database):
    a, b = "https://a.example/", "https://b.example/"
    subscribe(database, given("a", a), given("b", b))
    record(database, "a", [entry(1)])

    subscribe(database, given("a", b), given("b", a))

    assert titles(database, scope=ListScope(ListKind.SOURCE, "b")) == ["Post 1"]
    assert (present_name(database, "a"), present_name(database, "b")) == (None, None)


def test_a_feed_that_gives_its_name_to_a_new_one_keeps_its_posts(database):
    subscribe(database, given("a"))
    record(database, "a", [entry(1)])

    subscribe(database, given("b"), given("a", "https://new.example/"))

    assert titles(database, scope=ListScope(ListKind.SOURCE, "b")) == ["Post 1"]
    assert titles(database, scope=ListScope(ListKind.SOURCE, "a")) == []


def test_a_name_that_leaves_the_file_stays_the_name_of_the_feed(database):
    subscribe(database, given("short"))
    record(database, "short", [entry(1)], head=FeedHead(title="A long title"))

    subscribe(database, unnamed())

    assert names_of(database, unnamed()) == ["short"]
    assert polled(database, "short", "A long title") == "short"


def test_the_name_of_a_feed_that_left_the_file_is_free_and_returns_with_the_feed(database):
    subscribe(database, unnamed())
    polled(database, "blog-example", "The Blog")
    other = unnamed("b-example", "https://b.example/")
    subscribe(database, other)
    assert present_name(database, "blog-example") is None
    subscribe(database, unnamed(), other)
    assert names_of(database, unnamed(), other) == ["the-blog", "b-example"]

    subscribe(database, other)
    assert polled(database, "b-example", "The Blog") == "the-blog"
    subscribe(database, unnamed(), other)
    assert names_of(database, unnamed(), other) == ["blog-example", "the-blog"]


def test_a_feed_that_left_the_file_during_its_first_poll_gets_no_name(database):
    subscribe(database, unnamed())
    poll = poll_of(database, "blog-example", head=FeedHead(title="The Blog"))
    subscribe(database, unnamed("b-example", "https://b.example/"))

    report = store_poll(database, poll)

    assert report is not None
    assert report.feed.name == "blog-example"


def test_a_name_between_two_readings_of_the_file_is_no_other_feed(database):
    """A poll of another process names the feed after the file was compared, before the lock."""
    subscribe(database, unnamed())
    with database.connect() as connection:
        compared = read_differences.differences(connection, [unnamed()], {}, {})
    polled(database, "blog-example", "The Blog")

    subscribe(database, unnamed(paused=True))

    assert compared.is_empty
    assert titles(database, scope=ListScope(ListKind.SOURCE, "the-blog")) == ["Post 1"]


def test_views_with_the_former_and_with_the_new_name_have_the_posts(database):
    searches = {"former": "source:blog-example", "present": "source:the-blog"}
    views = tuple(View(name, name, search) for name, search in searches.items())
    with database.begin() as connection:
        write_subscriptions.follow_config(
            connection, [unnamed()], ListingRules(views=views), stories=True, now=NOW
        )
    polled(database, "blog-example", "The Blog")
    write_relisting.relist_all(database, now=NOW)

    for name in searches:
        assert titles(database, scope=ListScope(ListKind.VIEW, name)) == ["Post 1"]


def test_an_unused_name_is_as_long_as_a_name_may_be():
    long_name = urls.unused_name("word-" * 40, ADDRESS, lambda name: not name[-1].isdigit())

    assert len(long_name) <= urls.MAX_NAME


def test_made_names_do_not_depend_on_the_order_of_the_file():
    feeds = [unnamed("x", f"https://x.example/{n}") for n in range(3)]
    in_file = [feeds[0], *(unnamed(f"x-{n}", feed.url) for n, feed in enumerate(feeds[1:]))]

    assert len({feed.name for feed in with_present_names(in_file, [], {})}) == 3
