"""Stories from the feeds to the lists: replayed on the real pipeline, and in any order."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from aggregator import urls
from aggregator.config import load
from aggregator.database.entries import write_entries, write_retention
from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import read_lists, write_relisting
from aggregator.database.schema import (
    contents,
    entries,
    feeds,
    list_members,
    story_candidates,
    story_keys,
    story_links,
)
from aggregator.database.state import read_overview
from aggregator.database.stories import read_stories, write_candidates, write_stories
from aggregator.dedup import NewEntry
from aggregator.model import Cursor, Subscription
from aggregator.poll import recording, storage_queue, story_matching
from aggregator.stories.grouping import stories_of
from aggregator.stories.similarity import StoryLink, StoryRule
from aggregator.stories.story_keys import story_keys as keys_of_story
from tests.feedserver import FeedServer
from tests.running import command
from tests.selection import examples
from tests.stored import list_scope
from tests.test_poll import World
from tests.test_stories import TEXT
from tests.worlds import entry, new_database, only_sqlite, subscribe
from web import create_app

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
FERRY = "Ferry terminal reopens after two years of repairs"


@dataclass(frozen=True)
class Post:
    """An item of a feed."""

    title: str
    link: str
    text: str
    at: datetime = NOW - HOUR


def document(site: str, *posts: Post) -> str:
    items = "".join(
        f"<item><title>{escape(post.title)}</title><link>{escape(post.link)}</link>"
        f"<guid>{escape(post.link)}</guid><pubDate>{format_datetime(post.at)}</pubDate>"
        f"<description>{escape(f'<p>{post.text}</p>')}</description></item>"
        for post in posts
    )
    return (
        f'<rss version="2.0"><channel><title>{site}</title><link>https://{site}/</link>'
        f"<description/>{items}</channel></rss>"
    )


def ferry(site: str, hours: int = 1, **changes: str) -> Post:
    post = Post(FERRY, f"https://{site}/news/ferry-terminal-reopens", TEXT, NOW - hours * HOUR)
    return replace(post, **changes)


def other(site: str, number: int) -> Post:
    return Post(f"Report {number} of {site}", f"https://{site}/r/{number}", f"Only {site} {number}")


class StoryWorld(World):
    """Feeds that carry the same stories."""

    def publish(self, name: str, *posts: Post) -> None:
        self.server.put(f"/{name}", document(f"{name}.example", *posts))

    def follow(self, *, off_in: Sequence[str] = (), **categories: str | None) -> None:
        """Make these the subscriptions, each in its category, without stories in some."""
        self.followed = categories
        keys = {urls.category_key(category) for category in off_in}
        subscriptions = [
            Subscription(
                name,
                self.server.url(f"/{name}"),
                categories=(category,) if category else (),
                name_given=True,
                stories=urls.category_key(category or "") not in keys,
            )
            for name, category in categories.items()
        ]
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, subscriptions, now=NOW)
        write_relisting.relist_all(self.database)

    def switch(self, *, on: bool = True, off_in: Sequence[str] = ()) -> None:
        with self.database.begin() as connection:
            write_stories.switch(connection, on=on)
        self.follow(off_in=off_in, **self.followed)

    def shown(self, **scope: str) -> list[tuple[str, list[str]]]:
        """Return the source of each entry of a list, and where else its story stands."""
        with self.database.connect() as connection:
            found = read_lists.entries_page(
                connection, scope=list_scope(**scope), limit=100
            ).entries
        return [(one.source.name, [other.source.name for other in one.also_in]) for one in found]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoryWorld]:
    with FeedServer() as server:
        made = StoryWorld(tmp_path, server)
        yield made
        made.database.dispose()


def test_a_story_of_two_feeds_stands_once_in_the_list_and_says_where_else_it_is(world):
    world.publish("a", ferry("a.example", 2))
    world.publish("b", ferry("b.example", 1), other("b.example", 1))
    world.follow(a=None)
    world.poll()
    world.follow(a=None, b=None)
    world.poll()

    assert world.shown() == [("b", []), ("a", ["b"])]


def test_a_sources_own_page_and_feed_show_its_own_entry(world):
    world.publish("a", ferry("a.example"))
    world.publish("b", ferry("b.example"))
    world.follow(a=None, b=None)
    world.poll()

    assert len(world.shown()) == 1
    assert world.shown(source="a") == [("a", ["b"])]
    assert world.shown(source="b") == [("b", ["a"])]


def test_a_category_shows_a_story_once_also_if_the_first_entry_is_in_another(world):
    for name in "abc":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a="News")
    world.poll()
    world.follow(a="News", b="Sea", c="Sea")
    world.poll()

    assert world.shown() == [("a", ["b", "c"])]
    assert [name for name, _ in world.shown(category="news")] == ["a"]
    ((name, also_in),) = world.shown(category="sea")
    assert {name, *also_in} == {"a", "b", "c"}
    assert name != "a"


def test_a_search_shows_a_story_once_by_the_first_entry_that_has_the_words(world):
    world.publish("a", ferry("a.example", text=" ".join(TEXT.split()[:40])))
    world.publish("b", ferry("b.example"))
    world.follow(a=None)
    world.poll()
    world.follow(a=None, b=None)
    world.poll()

    assert world.shown() == [("a", ["b"])]
    assert world.shown(search="ferry") == [("a", ["b"])]
    assert world.shown(search="lighting finished") == [("b", ["a"])]  # a lacks these words
    assert world.shown(search="ferry -lighting") == [("a", ["b"])]
    assert world.shown(search="-coal after:2020") == [("a", ["b"])]
    assert world.shown(search="-source:a ferry") == [("b", ["a"])]
    assert world.shown(search="source:b ferry") == [("b", ["a"])]
    assert sorted(world.shown(search="source:a source:b")) == [("a", ["b"]), ("b", ["a"])]
    world.switch(on=False)
    assert sorted(world.shown(search="ferry")) == [("a", []), ("b", [])]


def test_a_search_in_a_category_shows_a_story_once_and_one_without_stories_all_of_it(world):
    for name in "abcd":
        world.publish(name, ferry(f"{name}.example"))
        world.follow(
            **{each: "News" if each == "a" else "Sea" for each in "abcd"[: ord(name) - 96]}
        )
        world.poll()

    assert [name for name, _ in world.shown(search="ferry")] == ["a"]
    assert [name for name, _ in world.shown(search="ferry category:sea")] == ["b"]
    assert [name for name, _ in world.shown(search="category:sea")] == ["b"]
    assert [name for name, _ in world.shown(search="-category:news")] == ["b"]

    world.switch(off_in=["sea"])
    assert sorted(name for name, _ in world.shown(search="ferry")) == ["a", "b", "c", "d"]


@only_sqlite
def test_a_search_looks_at_others_of_a_story_by_index(world):
    world.publish("a", ferry("a.example"))
    world.follow(a=None)
    world.poll()
    plans = []

    def explain(_connection, cursor, statement, parameters, *_):
        if "member" in statement:
            plans.append(
                [
                    row[3]
                    for row in cursor.connection.execute(
                        f"EXPLAIN QUERY PLAN {statement}", parameters
                    )
                ]
            )

    event.listen(world.database, "before_cursor_execute", explain)
    for search in ("ferry", "ferry -coal", "-coal after:2020", "author:x ferry"):
        world.shown(search=search)

    assert len(plans) == 4
    for plan in plans:
        (line,) = [line for line in plan if " member " in line]
        assert line.startswith("SEARCH member USING INDEX ix_entries_story (story_id=?")


def test_turning_stories_off_and_on_changes_lists_at_once_without_a_poll(world):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a=None, b=None)
    world.poll()
    with world.database.connect() as connection:
        version = read_overview.version(connection)

    world.switch(on=False)
    off = world.shown()
    with world.database.connect() as connection:
        assert read_overview.version(connection) > version
    world.switch(on=True)

    assert sorted(off) == [("a", []), ("b", [])]
    assert len(world.shown()) == 1


def test_entries_that_came_while_stories_were_off_are_stories_once_they_are_on(world):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a=None, b=None)
    world.switch(on=False)
    world.poll()
    assert sorted(world.shown()) == [("a", []), ("b", [])]

    world.switch(on=True)

    assert len(world.shown()) == 1


def test_entries_of_a_category_with_stories_off_stand_for_themselves_in_every_list(world):
    for name in "abc":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a="Jobs")
    world.poll()
    world.follow(a="Jobs", b="Sea", c="Sea")
    world.poll()
    assert world.shown() == [("a", ["b", "c"])]

    world.switch(off_in=["jobs"])
    off = sorted(world.shown())

    assert ("a", []) in off
    assert len(off) == 2
    assert len(off[1][1]) == 1
    assert world.shown(category="jobs") == [("a", [])]
    world.switch()
    assert world.shown() == [("a", ["b", "c"])]


def test_switching_to_what_is_already_so_changes_nothing(world):
    world.follow(a="Jobs")
    world.switch(off_in=["JOBS"])
    with world.database.connect() as connection:
        version = read_overview.version(connection)

    world.switch(off_in=["Jobs"])

    with world.database.connect() as connection:
        assert read_overview.version(connection) == version


def test_a_late_copy_with_an_earlier_date_does_not_move_the_story(world):
    world.publish("a", ferry("a.example", 2))
    world.follow(a=None)
    world.poll()
    world.publish("b", ferry("b.example", 30))
    world.follow(a=None, b=None)
    world.poll()

    assert world.shown() == [("a", ["b"])]


def test_when_the_first_feed_leaves_the_next_entry_stands_for_the_story_and_back_again(world):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a=None)
    world.poll()
    world.follow(a=None, b=None)
    world.poll()

    world.follow(b=None)
    without = world.shown()
    world.follow(a=None, b=None)

    assert without == [("b", [])]
    assert world.shown() == [("a", ["b"])]


def test_moving_a_feed_to_another_category_changes_what_leads_there(world):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a="News")
    world.poll()
    world.follow(a="News", b="Sea")
    world.poll()
    assert len(world.shown(category="sea")) == 1

    world.follow(a="News", b="News")

    assert world.shown(category="news") == [("a", ["b"])]


def test_when_retention_deletes_the_first_entry_the_next_one_stands_for_the_story(world):
    world.publish("a", ferry("a.example", 50))
    world.publish("b", ferry("b.example", 2))
    world.follow(a=None)
    world.poll()
    world.follow(a=None, b=None)
    world.poll()
    assert world.shown() == [("a", ["b"])]

    with world.database.begin() as connection:
        assert write_retention.delete_old(connection, before=NOW - 10 * HOUR, min_entries=0) == 1

    assert world.shown() == [("b", [])]
    with world.database.begin() as connection:
        kept = set(connection.scalars(select(entries.c.id)))
        assert set(connection.scalars(select(story_keys.c.entry_id))) == kept
        assert connection.scalars(select(story_links.c.older_id)).all() == []
        assert connection.scalars(select(entries.c.story_id)).all() == [None]


def test_two_entries_of_one_feed_are_never_one_story_though_both_are_like_a_third(world):
    again = ferry("a.example", 3, link="https://a.example/archive/ferry-terminal-reopens-again")
    world.publish("a", ferry("a.example", 1), again)
    world.publish("b", ferry("b.example", 1))
    world.follow(a=None, b=None)
    world.poll()

    shown = world.shown()

    assert len(shown) == 2
    assert world.shown(source="a").count(("a", [])) == 1


def test_a_link_post_and_the_article_stay_two_posts(world):
    comment = "The kiosk has no licence, but the boat has a bell, and that is what matters to me."
    world.publish("a", ferry("a.example"))
    world.publish("b", ferry("a.example", text=comment))
    world.follow(a=None, b=None)
    world.poll()

    assert sorted(world.shown()) == [("a", []), ("b", [])]


def test_paging_walks_over_stories_without_gap_or_repeat(world):
    posts = [Post(f"No. {n} is out", f"https://x.example/{n}", "") for n in range(20)]
    world.publish("a", *(replace(post, at=NOW - n * HOUR) for n, post in enumerate(posts)))
    world.publish("b", *(replace(post, at=NOW - n * HOUR) for n, post in enumerate(posts[:10])))
    world.follow(a=None, b=None)
    world.poll()

    found = []
    with world.database.connect() as connection:
        before = None
        while page := read_lists.entries_page(connection, limit=3, before=before).entries:
            found += [one.title for one in page]
            before = Cursor(page[-1].id)

    assert found == [post.title for post in posts]


@only_sqlite
def test_explain_story_prints_the_entries_and_the_rule_and_score_of_every_link(world, tmp_path):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a=None, b=None)
    world.poll()
    with world.database.connect() as connection:
        one, two = connection.scalars(select(entries.c.id).order_by(entries.c.id)).all()
    lines = [f"- {{url: '{world.server.url(f'/{name}')}', name: {name}}}" for name in "ab"]
    (tmp_path / "config.yaml").write_text("feeds:\n" + "\n".join(lines))

    done = command(tmp_path, "explain-story", str(one))
    unknown = command(tmp_path, "explain-story", "5")
    odd = [command(tmp_path, "explain-story", text) for text in ("abc", f"{2**63}", "e")]

    assert done.returncode == 0
    *lines, why = done.stdout.splitlines()
    assert [line.endswith("(shown in the list)") for line in lines[::4]] == [True, False]
    assert {str(one), str(two)} == {line.split(",")[0].strip() for line in lines[1::4]}
    assert why in {"1 = 2: text, 100 %", "2 = 1: text, 100 %"}
    assert unknown.returncode == 1
    assert unknown.stderr == "5: there is no such entry; an id is in the page's source\n"
    assert command(tmp_path, "explain-story", f"e{one}") == done
    advice = "an id is in the page's source, such as e1866547893248000"
    assert {(each.returncode, each.stderr.partition(": ")[2]) for each in odd} == {
        (2, f"neither an address nor an id; {advice}\n")
    }


def test_the_page_says_also_in_with_links_and_the_merged_feed_has_the_story_once(world, tmp_path):
    for name in "ab":
        world.publish(name, ferry(f"{name}.example"))
    world.follow(a=None)
    world.poll()
    world.follow(a=None, b=None)
    world.poll()
    (tmp_path / "config.yaml").write_text("title: Mine")
    client = create_app(load(tmp_path / "config.yaml"), world.database).test_client()

    page, feed = client.get("/").text, client.get("/feed.atom").text

    assert page.count("<article") == 1
    assert 'Also in <a href="/source/b"><bdi>b.example</bdi></a>' in page
    assert feed.count("<entry>") == 1
    assert client.get("/source/b/feed.atom").text.count("<entry>") == 1
    world.switch(on=False)
    assert client.get("/").text.count("<article") == 2
    assert client.get("/feed.atom").text.count("<entry>") == 2


# ------------------------------------------------------------------ any order of arrival


def arrive(
    database, order: Sequence[tuple[int, Post]], *, at_once: bool = False
) -> set[frozenset[str]]:
    """Let entries come, each in a transaction of its own or all in one; return the stories."""
    with database.begin() as connection:
        for table in (story_candidates, story_keys, story_links, list_members, contents, entries):
            connection.execute(table.delete())
        ids = {row.name: row.id for row in connection.execute(select(feeds.c.id, feeds.c.name))}
    arrivals = []
    for number, (feed, post) in enumerate(order):
        made = entry(0, guid=post.link, url=post.link, title=post.title, content_html=post.text)
        placed = write_entries.PlacedEntry(
            ids[f"f{feed}"],
            NewEntry(post.link.encode(), b"", made, by_guid=True),
            post.at,
            post.link,
            NOW + timedelta(seconds=number),
            keys_of_story(made.url, made.title, made.content_html),
        )
        arrivals.append(placed)
    for together in [arrivals] if at_once else [[placed] for placed in arrivals]:
        with database.begin() as connection:
            story_matching.match_stories(
                connection, together, write_entries.add_entries(connection, together), now=NOW
            )
    return found_stories(database)


def found_stories(database) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    with database.begin() as connection:
        for row in connection.execute(select(entries.c.story_id, entries.c.guid)):
            if row.story_id is not None:
                found.setdefault(row.story_id, set()).add(row.guid)
        groups = {frozenset(story) for story in found.values()}
        assert_one_leads_each(connection, groups)
    return groups


def assert_one_leads_each(connection, groups) -> None:
    is_shown = list_members.c.list_id == 1, list_members.c.is_representative
    leads = set(
        connection.scalars(
            select(entries.c.guid)
            .join(list_members, list_members.c.entry_id == entries.c.id)
            .where(*is_shown)
        )
    )
    everything = set(connection.scalars(select(entries.c.guid)))
    alone = everything - {guid for group in groups for guid in group}

    assert alone <= leads
    assert all(len(group & leads) == 1 for group in groups)


WORDS = TEXT.split()
TEXTS = [TEXT, " ".join(WORDS[:45]), f"WIRE — {TEXT}", f"{TEXT} More on Sunday.", "Quite other."]
TITLES = [
    FERRY,
    f"{FERRY} | The Paper",
    "Ferry terminal reopens",
    "Commuters back at the ferry pier",
]
arrivals = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.builds(
            Post,
            title=st.sampled_from(TITLES),
            link=st.just(""),
            text=st.sampled_from(TEXTS),
            at=st.integers(0, 9).map(lambda days: NOW - timedelta(days=days)),
        ),
    ),
    min_size=2,
    max_size=6,
).map(
    lambda some: [
        (
            feed,
            replace(
                post,
                link=f"https://f{feed}.example/{number}-ferry-a-b",
                at=post.at - timedelta(minutes=number),
            ),
        )
        for number, (feed, post) in enumerate(some)
    ]
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    database = new_database(tmp_path_factory.mktemp("bare"))
    subscribe(
        database,
        *(
            Subscription(f"f{n}", f"https://f{n}.example/feed", name_given=True)
            for n in range(1, 9)
        ),
    )
    yield database
    database.dispose()


@pytest.mark.slow
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals, st.randoms(use_true_random=False))
def test_any_order_of_arrival_makes_the_same_stories(bare, order, random):
    shuffled = list(order)
    random.shuffle(shuffled)

    assert arrive(bare, shuffled) == arrive(bare, order)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals)
def test_when_an_entry_goes_the_stories_are_as_if_it_had_never_come(bare, order):
    *rest, oldest = sorted(order, key=lambda one: one[1].at, reverse=True)
    arrive(bare, order)

    with bare.begin() as connection:
        connection.execute(feeds.update().values(subscribed=False))  # nothing spares its entries
        assert write_retention.delete_old(connection, before=rest[-1][1].at, min_entries=0) == 1
        connection.execute(feeds.update().values(subscribed=True))
    left = found_stories(bare)

    assert oldest[1].link not in {link for story in left for link in story}
    assert left == arrive(bare, rest)


def test_entries_that_come_in_one_transaction_are_compared_with_each_other(bare):
    posts = [(n, ferry(f"f{n}.example")) for n in (1, 2, 3)]

    assert len(arrive(bare, posts)) == 1


def test_entries_that_a_transaction_has_no_time_for_are_compared_in_later_ones(bare, monkeypatch):
    posts = [(n, other(f"f{n}.example", k)) for n in (1, 2, 3) for k in range(5)]
    posts += [(n, ferry(f"f{n}.example")) for n in (1, 2, 3, 4)]
    whole = arrive(bare, posts, at_once=True)
    monkeypatch.setattr(story_matching, "MATCH_SECONDS", 0)
    monkeypatch.setattr(story_matching, "_BATCH", 1)
    monkeypatch.setattr(story_matching, "_MAX_PAIRS", 2)

    assert arrive(bare, posts, at_once=True) != whole
    transactions = 1
    with bare.connect() as connection:
        while story_matching.match_postponed(connection):
            connection.commit()
            transactions += 1
        connection.commit()
        assert connection.scalar(select(func.count()).select_from(story_candidates)) == 0

    assert transactions > 2
    assert found_stories(bare) == whole


def test_a_poll_compares_what_an_earlier_process_left_over(world, monkeypatch):
    world.publish("a", ferry("a.example"))
    world.publish("b", ferry("b.example"))
    world.publish("c", ferry("c.example"))
    world.follow(a=None, b=None, c=None)
    with monkeypatch.context() as patch:
        patch.setattr(
            recording, "match_stories",
            lambda connection, new, ids, *, now: story_matching.postpone_matching(
                connection, new, ids
            ),
        )  # fmt: skip
        patch.setattr(storage_queue, "match_postponed", lambda _connection: False)
        world.poll()
    assert len(world.shown()) == 3

    world.poll()

    assert [(name, len(copies)) for name, copies in world.shown()] == [("a", 2)]


def test_what_many_entries_share_is_no_key_and_keeps_the_table_small(bare):
    posts = [
        (1 + n % 8, Post("Photo of the day", f"https://f.example/{n}/a-b-c", f"No. {n}"))
        for n in range(60)
    ]
    arrive(bare, posts)

    with bare.connect() as connection:
        held = connection.execute(select(story_keys.c.key, story_keys.c.feed_id)).all()
    (title_key,) = keys_of_story(None, "Photo of the day", "")
    of_title = [feed for key, feed in held if key == title_key]
    assert len(of_title) == 32
    assert max(of_title.count(feed) for feed in set(of_title)) <= 8


def test_a_key_of_an_entry_that_is_gone_is_passed_over(bare):
    arrive(bare, [(1, ferry("f1.example"))])
    key = keys_of_story(None, FERRY, "")[0]
    with bare.begin() as connection:
        connection.execute(story_keys.insert().values(key=key, entry_id=5, feed_id=2))
        pairs = write_candidates.candidates(connection, {6: write_candidates.KeyedEntry(3, [key])})

        assert write_candidates.articles(connection, [pair for pair in pairs if 5 in pair]) == []


def test_an_entry_that_hangs_between_two_stories_joins_the_one_it_is_surest_of():
    def link(one: int, other: int, rule: StoryRule, score: int) -> StoryLink:
        return StoryLink(one, other, rule, score)

    links = [link(1, 2, StoryRule.NEAR_COPY, 88), link(2, 3, StoryRule.LINK, 100)]
    feed_of = {1: 7, 2: 8, 3: 7}

    for order in itertools.permutations(links):
        assert stories_of(order, feed_of) == [frozenset({2, 3})]
    assert stories_of(links[:1], feed_of) == [frozenset({1, 2})]


def test_a_story_can_be_asked_for_by_any_of_its_entries(bare):
    arrive(bare, [(n, ferry(f"f{n}.example")) for n in (1, 2, 3)])

    with bare.connect() as connection:
        ids = connection.scalars(select(entries.c.id)).all()
        found = [read_stories.story(connection, entry_id) for entry_id in ids]

    assert all(one == found[0] for one in found)
    assert found[0] is not None
    assert len(found[0].entries) == 3
    assert len(found[0].reasons) == 3
