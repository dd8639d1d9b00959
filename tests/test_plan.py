"""`plan`: what config.yaml would change in the database."""

import json
import sqlite3
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.database import open_database
from aggregator.database.feeds import read_differences, read_subscriptions, write_subscriptions
from aggregator.model import PageKind, PageSelectors, PictureMode, Subscription
from aggregator.plan import FeedChanges, SettingChange, feed_changes
from tests import quay
from tests.running import command, one_line
from tests.selection import fuzz_examples
from tests.stored import feed
from tests.worlds import NOW, entry, record, sqlite_database, subscribe

HOUR = timedelta(hours=1)


def configure(folder, *feeds, **others):
    """Write a config.yaml with these feeds, each a mapping or an address."""
    path = folder / "config.yaml"
    path.write_text(json.dumps({"feeds": list(feeds), **others}))  # JSON is YAML
    return path


def planned(folder):
    """Return the output of `plan`, and its JSON."""
    done, as_json = command(folder, "plan"), command(folder, "plan", "--json")
    assert (done.returncode, as_json.returncode) == (0, 0)
    assert done.stderr + as_json.stderr == ""
    return done.stdout, json.loads(as_json.stdout)


def changes_of(database, *subscriptions):
    with database.connect() as connection:
        named_feeds = read_differences.named_subscriptions(connection, subscriptions)
        return feed_changes(named_feeds, read_subscriptions.stored_feeds(connection))


# ------------------------------------------------------------------------- feeds


def test_a_feed_that_only_the_file_has_is_added(database):
    subscribe(database, feed("a"))

    (added,) = changes_of(database, feed("a"), feed("b")).added_feeds

    assert added.subscription == feed("b")
    assert added.returning is None


def test_a_feed_that_only_the_database_has_is_removed(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1), entry(2)])

    (removed,) = changes_of(database, feed("b")).removed_feeds

    assert (removed.name, removed.url, removed.entries) == ("a", feed("a").url, 2)


def test_a_feed_that_was_in_the_file_before_is_added_with_its_posts(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1), entry(2)])
    subscribe(database, feed("b"))

    (added,) = changes_of(database, feed("a"), feed("b")).added_feeds

    assert added.returning is not None
    assert added.returning.entries == 2


def test_another_address_under_one_name_is_a_move(database):
    subscribe(database, feed("a"))

    (changed,) = changes_of(database, feed("a", "https://new.example/")).changed_feeds

    assert (changed.is_moved, changed.is_renamed, changed.settings) == (True, False, ())


def test_another_name_of_one_address_is_a_new_name(database):
    subscribe(database, feed("a"))

    (changed,) = changes_of(database, feed("b", feed("a").url)).changed_feeds

    assert (changed.is_moved, changed.is_renamed, changed.settings) == (False, True, ())


def test_a_feed_in_other_categories_has_another_setting(database):
    subscribe(database, feed("a", categories=("News",)))

    (changed,) = changes_of(database, feed("a", categories=("Berlin", "News"))).changed_feeds

    assert changed.settings == (SettingChange("category", ("News",), ("Berlin", "News")),)


def test_another_spelling_of_a_category_changes_no_feed(database):
    subscribe(database, feed("a", categories=("news",)))

    assert changes_of(database, feed("a", categories=("NEWS",))).changed_feeds == ()


def test_every_setting_of_a_feed_is_compared(database):
    subscribe(database, feed("a", interval=HOUR))
    values = {"title": "A", "categories": ("C",), "interval": 2 * HOUR, "interval_given": True,
              "distrust_304": True, "timezone": "Europe/Berlin", "private": True,
              "stories": False, "paused": True, "read_here": False,
              "pictures": PictureMode.ALL, "request_digest": "1", "by_proxy": True,
              "selectors": PageSelectors(PageKind.HTML, ".recent li", title="h3")}  # fmt: skip

    (changed,) = changes_of(database, feed("a", **values)).changed_feeds

    assert [(change.key, change.after) for change in changed.settings] == [
        ("title", "A"), ("category", ("C",)), ("interval", "2h"), ("timezone", "Europe/Berlin"),
        ("distrust_304", True), ("private", True), ("stories", False), ("paused", True),
        ("read_here", False),
        ("pictures", "all"), ("select", "item: .recent li, title: h3"), ("request", "***"),
    ]  # fmt: skip
    apart = {"name", "url", "written_url", "name_given", "named_by_title", "rules", "opml_list"}
    assert apart | set(values) == set(Subscription.__match_args__)


def test_only_another_order_of_the_same_feeds_counts(database):
    subscribe(database, feed("a"), feed("b"), feed("c"))

    assert changes_of(database, feed("a"), feed("new"), feed("c")).is_reordered is False
    assert changes_of(database, feed("c"), feed("b"), feed("a")) == FeedChanges(is_reordered=True)


NAMES = st.sampled_from("abcd")
FEEDS = st.builds(
    Subscription,
    name=NAMES,
    url=NAMES.map("https://{}.example/feed".format),
    name_given=st.booleans(),
    categories=st.sampled_from([(), ("C",), ("c",), ("C", "D")]),
    interval=st.sampled_from([HOUR, 2 * HOUR]),
)
FILES = st.lists(FEEDS, max_size=4, unique_by=(lambda one: one.name, lambda one: one.url))


@settings(max_examples=fuzz_examples(80))
@given(files=st.lists(FILES, min_size=1, max_size=4))
def test_the_plan_is_what_reading_the_file_does(tmp_path_factory, files):
    engine = sqlite_database(tmp_path_factory.mktemp("plan"))
    for subscriptions in files:
        plan = changes_of(engine, *subscriptions)
        with engine.begin() as connection:
            result = write_subscriptions.sync_subscriptions(connection, subscriptions, now=NOW)

        changed = [feed.subscription.name for feed in plan.changed_feeds]
        added = [feed.subscription.name for feed in plan.added_feeds]
        assert sorted(changed) == sorted(result.changed_feeds)
        assert sorted(added) == sorted(result.added_feeds)
        assert sorted(feed.name for feed in plan.removed_feeds) == sorted(result.removed_feeds)
        assert changes_of(engine, *subscriptions) == FeedChanges()
    engine.dispose()


# ------------------------------------------------------------------- the command


def test_plan_of_a_file_that_was_read_says_nothing_to_change(tmp_path):
    configure(tmp_path, "https://a.example/feed", {"url": "https://b.example/", "category": "B"})
    command(tmp_path, "feeds")

    text, values = planned(tmp_path)

    assert text == "config.yaml: nothing to change\n"
    assert values["changes"] is False


def test_plan_lists_the_changes_of_feeds_under_headings(tmp_path):
    configure(tmp_path, "https://left.example/feed",
              {"url": "https://old.example/feed", "name": "moved"},
              {"url": "https://named.example/feed", "name": "before"},
              {"url": "https://set.example/feed", "name": "set", "interval": "1h"})  # fmt: skip
    command(tmp_path, "feeds")
    engine = open_database(f"sqlite:///{tmp_path}/aggregator.db")
    record(engine, "left-example", [entry(1)])
    engine.dispose()

    configure(tmp_path, {"url": "https://me:secret@new.example/feed", "name": "moved"},
              {"url": "https://named.example/feed", "name": "after"},
              {"url": "https://set.example/feed", "name": "set", "interval": "30m",
               "category": "Berlin"},
              {"url": "https://added.example/feed", "category": "Berlin"})  # fmt: skip
    with quay.clock_at(NOW):
        text, values = planned(tmp_path)

    assert text.splitlines() == [
        "Feeds added: 1",
        "  added-example: https://added.example/feed (Berlin)",
        "Feeds removed: 1",
        "  title-of-left-example: https://left.example/feed; lists lose its 1 post",
        "Feeds with another address: 1",
        "  moved: https://old.example/feed -> https://***@new.example/feed",
        "Feeds with another name: 1",
        "  before -> after",
        "Feeds in other categories: 1",
        "  set: not set -> Berlin",
        "Settings: 1",
        "  interval: 1h -> 30m (set)",
        "Lists (posts of the last 30 days): 2",
        "  all posts: no posts (1 now)",
        '    - "Post 1" (title-of-left-example, 2026-11-23)',
        "  category Berlin: new, with no posts",
    ]
    assert values["changes"] is True
    assert values["feeds"] == {
            "added": [
                {"feed": "added-example", "url": "https://added.example/feed",
                 "categories": ["Berlin"], "posts": 0},
            ],
            "removed": [
                {"feed": "title-of-left-example", "url": "https://left.example/feed", "posts": 1},
            ],
            "moved": [
                {"feed": "moved", "from": "https://old.example/feed",
                 "to": "https://***@new.example/feed"},
            ],
            "renamed": [{"from": "before", "to": "after"}],
            "settings": [
                {"feed": "set", "key": "category", "from": [], "to": ["Berlin"]},
                {"feed": "set", "key": "interval", "from": "1h", "to": "30m"},
            ],
            "reordered": False,
    }  # fmt: skip


def test_plan_changes_nothing(tmp_path):
    configure(tmp_path, "https://a.example/feed")
    command(tmp_path, "feeds")
    before = (tmp_path / "aggregator.db").read_bytes()

    configure(tmp_path, "https://b.example/feed")
    planned(tmp_path)

    assert (tmp_path / "aggregator.db").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aggregator.db", "config.yaml"]


def test_plan_without_a_database_adds_all_feeds_and_makes_none(tmp_path):
    configure(tmp_path, "https://a.example/feed")

    text, values = planned(tmp_path)

    assert text.splitlines() == [
        "config.yaml: the database has no feeds yet, so all feeds are new",
        "Feeds added: 1",
        "  a-example: https://a.example/feed",
    ]
    assert values["new_database"] is True
    assert not (tmp_path / "aggregator.db").exists()


@pytest.mark.slow
def test_plan_does_not_update_a_database_of_an_older_version(tmp_path):
    configure(tmp_path, "https://a.example/feed")
    command(tmp_path, "feeds")
    with sqlite3.connect(tmp_path / "aggregator.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0019'")
    connection.close()

    line = one_line(command(tmp_path, "plan"), 1)

    assert "aggregator.db: was written by an older version of this program (schema 0019" in line
    assert "`aggregator poll`" in line


def test_a_faulty_file_has_no_plan(tmp_path):
    configure(tmp_path, "https://a.example/feed", titel="x")

    assert one_line(command(tmp_path, "plan"), 2).startswith("config.yaml:1:")


def test_a_setting_of_all_feeds_takes_one_line(tmp_path):
    urls = [f"https://f{number}.example/feed" for number in range(30)]
    configure(tmp_path, *urls)
    command(tmp_path, "feeds")

    configure(tmp_path, *urls, poll={"interval": "2h"})
    names = [f"f{number}-example" for number in range(8)]
    text, values = planned(tmp_path)

    assert text.splitlines() == [
        "Settings: 1",
        f"  interval: not set -> 2h ({', '.join(names)} and 22 more)",
    ]
    assert len(values["feeds"]["settings"]) == 30


def test_of_many_feeds_the_first_are_listed_and_the_others_counted(tmp_path):
    configure(tmp_path, *(f"https://f{number}.example/feed" for number in range(1030)))

    text, values = planned(tmp_path)

    assert len(text.splitlines()) == 23
    assert text.endswith("  and 1,010 more; --json lists all\n")
    assert len(values["feeds"]["added"]) == 1030
