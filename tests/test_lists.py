"""Which lists have an entry: the same whether it came before or after what config.yaml says."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from aggregator import rules, urls
from aggregator.database import Engine
from aggregator.database.entries import write_retention
from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import (
    read_lists,
    read_relisting,
    rule_matching,
    write_relisting,
)
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.schema import (
    contents,
    entries,
    feed_categories,
    feeds,
    list_members,
    lists,
    state,
)
from aggregator.database.websub import write_unannounced
from aggregator.model import (
    Backlog,
    CleanEntry,
    CommonRules,
    Cursor,
    Exclusion,
    FeedHead,
    FeedRules,
    ListingRules,
    ListKind,
    ListScope,
    Subscription,
    View,
)
from aggregator.rules import Arrival, Limits
from aggregator.search.predicate import SearchedEntry, compiled
from aggregator.search.search_parser import parse_rule
from aggregator.search.tree_facts import name_tests
from aggregator.stories.representatives import StoryMember, shown_entries
from tests import worlds
from tests.selection import fuzz_examples
from tests.stored import statements
from tests.test_counters import hold
from tests.worlds import NOW, entry, new_database, only_sqlite, record

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = "abc"
WORDS = ("rust", "ferry", "sale", "storm")
TEXT = " ".join(f"word{number}" for number in range(60))  # long enough for a story


@dataclass(frozen=True)
class File:
    """What a config.yaml says about lists."""

    names: str = NAMES
    categories: tuple[tuple[str, ...], ...] = ((), (), ())
    rules: tuple[FeedRules, ...] = (FeedRules(), FeedRules(), FeedRules())
    without_stories: str = ""
    listing: ListingRules = field(default_factory=ListingRules)

    def subscriptions(self) -> list[Subscription]:
        return [
            Subscription(
                name,
                f"https://{name}.example/feed",
                name_given=True,
                categories=self.categories[NAMES.index(name)],
                rules=self.rules[NAMES.index(name)],
                stories=name not in self.without_stories,
            )
            for name in self.names
        ]


@dataclass
class Lists:
    """A database that follows a file."""

    database: Engine
    now: datetime = NOW
    numbers: dict[str, int] = field(default_factory=dict)

    def follow(self, file: File) -> None:
        with self.database.begin() as connection:
            write_subscriptions.follow_config(
                connection, file.subscriptions(), file.listing, stories=True, now=self.now
            )

    def relist(self, batches: int | None = None, size: int = 3) -> None:
        """Work over stored entries, in so many batches or until nothing remains."""
        while batches is None or batches > 0:
            with self.database.begin() as connection:
                if write_relisting.relist_batch(connection, size, now=self.now) is None:
                    return
            batches = None if batches is None else batches - 1

    def poll(self, name: str, *posts: CleanEntry, hours: float = 1) -> None:
        self.now += hours * HOUR
        with self.database.connect() as connection:
            of_name = select(feeds.c.subscribed).where(feeds.c.name == name)
            if not connection.scalar(of_name):
                return
        record(self.database, name, posts, now=self.now)

    def members(self) -> dict[str, dict[int, bool]]:
        """Return which entries each list has, and whether it shows them."""
        found: dict[str, dict[int, bool]] = {}
        with self.database.connect() as connection:
            statement = select(lists.c.kind, lists.c.key, list_members).join(
                lists, lists.c.id == list_members.c.list_id
            )
            for row in connection.execute(statement):
                of_list = found.setdefault(f"{row.kind}:{row.key}", {})
                of_list[row.entry_id] = row.is_representative
        return found

    def exclusions(self) -> dict[int, Exclusion | None]:
        with self.database.connect() as connection:
            rows = connection.execute(select(entries.c.id, entries.c.exclusion))
            return {row.id: row.exclusion for row in rows}

    def titles(self, name: str = "all:") -> list[str]:
        """Return the titles of the entries that a list shows, the newest first."""
        shown = [key for key, is_shown in self.members().get(name, {}).items() if is_shown]
        with self.database.connect() as connection:
            statement = select(entries.c.title).where(entries.c.id.in_(shown))
            return list(connection.scalars(statement.order_by(entries.c.id.desc())))


# ----------------------------------------------------------------- what should be in lists


@dataclass(frozen=True)
class Stored:
    """The entries and the file, as one transaction reads them."""

    connection: Connection
    common: CommonRules
    feeds: dict[int, Any]
    entries: dict[int, Any]

    def matching(self, rule: str | None) -> set[int]:
        """Return the ids of the entries that match a rule, each tested in memory."""
        if rule is None:
            return set()
        node = parse_rule(rule)
        names = resolve_names(self.connection, name_tests(node))
        condition = compiled(node, names, ZoneInfo(self.common.timezone))
        return {key for key, row in self.entries.items() if condition(searched(row))}


def expected(database: Engine) -> tuple[dict[int, Exclusion | None], dict[str, dict[int, bool]]]:
    """Return the exclusions and the members of lists, from the entries and the file alone."""
    with database.connect() as connection:
        listing = connection.scalar(select(state.c.listing))
        rows = select(entries, func.coalesce(contents.c.html, "").label("html")).outerjoin(
            contents, contents.c.entry_id == entries.c.id
        )
        stored = Stored(
            connection,
            rules.common_rules(listing) if listing else CommonRules(),
            {row.id: row for row in connection.execute(select(feeds))},
            {row.id: row for row in connection.execute(rows)},
        )
        exclusions: dict[int, Exclusion | None] = {}
        for feed in stored.feeds.values():
            exclusions |= expected_exclusions(stored, feed)
        listed = {key for key, exclusion in exclusions.items() if exclusion is None}
        return exclusions, expected_members(stored, listed)


def expected_exclusions(stored: Stored, feed: Any) -> dict[int, Exclusion | None]:
    """Return the exclusions of a feed's entries."""
    common = stored.common
    own = rules.feed_rules(feed.listing) if feed.listing else FeedRules()
    hidden_ids = stored.matching(common.hide) | stored.matching(own.hide)
    kept_ids = stored.matching(own.keep) if own.keep else set(stored.entries)
    arrivals = [
        Arrival(
            row.id,
            row.first_seen_at,
            rules.own_exclusion(
                is_subscribed=feed.subscribed,
                is_copy=row.copied,
                matches_hide=row.id in hidden_ids,
                matches_keep=row.id in kept_ids,
            ),
        )
        for row in stored.entries.values()
        if row.feed_id == feed.id
    ]
    if not feed.subscribed:
        return {arrival.id: arrival.exclusion for arrival in arrivals}
    limits = Limits(
        own.per_day,
        common.per_hour,
        rules.backlog_of(common, own, is_initial=feed.is_initial),
        feed.first_read_at,
        ZoneInfo(common.timezone),
    )
    return rules.exclusions(arrivals, limits)


def expected_members(stored: Stored, listed: set[int]) -> dict[str, dict[int, bool]]:
    """Return the members of lists among the entries without exclusion, and which are shown."""
    in_category: dict[int, set[int]] = {}
    for row in stored.connection.execute(select(feed_categories)):
        in_category.setdefault(row.list_id, set()).add(row.feed_id)
    members: dict[str, dict[int, bool]] = {}
    for row in stored.connection.execute(select(lists).where(lists.c.position.is_not(None))):
        ids = listed
        if row.kind == "view":
            ids = listed & stored.matching(row.search)
        if row.kind == "category":
            of_feeds = in_category.get(row.id, set())
            ids = {key for key in listed if stored.entries[key].feed_id in of_feeds}
        if ids:
            members[f"{row.kind}:{row.key}"] = shown(ids, stored.entries, stored.feeds)
    return members


def searched(row: Any) -> SearchedEntry:
    clean = CleanEntry(
        row.guid, row.url, row.title, "", row.summary, row.html, b"", row.authors, row.categories,
        row.enclosures, row.language, image=row.image,
    )  # fmt: skip
    return SearchedEntry(clean, feed_id=row.feed_id, place=row.id)


def shown(ids: set[int], stored: dict[int, Any], feed_of: dict[int, Any]) -> dict[int, bool]:
    """Return whether a list shows each of its members."""
    stories: dict[int, list[StoryMember]] = {}
    for key in ids:
        row, feed = stored[key], feed_of[stored[key].feed_id]
        sites = [urls.site_of(address or "") for address in (row.url, feed.url, feed.site_url)]
        member = StoryMember(key, row.first_seen_at, feed.stories, *sites, rank=feed.rank)
        stories.setdefault(row.story_id or key, []).append(member)
    representatives = {key for story in stories.values() for key in shown_entries(story)}
    return {key: key in representatives for key in ids}


def agree(world: Lists) -> None:
    """Check exclusions, members and counters against the entries and the file."""
    exclusions, members = expected(world.database)
    assert world.exclusions() == exclusions
    assert world.members() == members
    hold(world.database)


# ------------------------------------------------------------------------- any series


searches = st.sampled_from(
    ["rust", "ferry OR sale", "-storm", 'title:"post 1"', "source:a", "category:sea -rust",
     "tag:tag2", "rust sale", "after:2026-11-22", "source:title"]
)  # fmt: skip
rule_texts = st.none() | searches
backlogs = st.none() | st.sampled_from([Backlog(), Backlog(0), Backlog(2), Backlog(None, DAY)])
feed_rules = st.builds(
    FeedRules,
    keep=rule_texts,
    hide=rule_texts,
    per_day=st.none() | st.integers(1, 3),
    backlog=backlogs,
)
views = st.lists(searches, max_size=3).map(
    lambda texts: tuple(
        View(f"v{number}", f"View {number}", text) for number, text in enumerate(texts)
    )
)
files = st.builds(
    File,
    names=st.sampled_from(["abc", "abc", "ab", "b", "cba"]),
    categories=st.tuples(
        *[st.sampled_from([(), ("Sea",), ("Land",), ("Sea", "Land"), ("Land", "Sea")])] * 3
    ),
    rules=st.tuples(*[st.just(FeedRules()) | feed_rules] * 3),
    without_stories=st.sampled_from(["", "", "b"]),
    listing=st.builds(
        ListingRules,
        st.builds(
            CommonRules,
            hide=rule_texts,
            backlog=backlogs,
            per_hour=st.none() | st.integers(1, 4),
            timezone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
        ),
        views=views,
    ),
)
posts = st.builds(
    lambda number, words, hours, is_story: post(number, *words, hours=hours, is_story=is_story),
    st.integers(0, 12),
    st.lists(st.sampled_from(WORDS), max_size=2),
    st.sampled_from([0, 0, 1, 5, 30, 200]),
    st.booleans(),
)
steps = st.lists(
    st.tuples(st.just("file"), files)
    | st.tuples(st.just("poll"), st.sampled_from(NAMES), st.lists(posts, max_size=6))
    | st.tuples(st.just("relist"), st.integers(0, 3)),
    max_size=10,
)


def post(number: int, *words: str, hours: float = 0, is_story: bool = False) -> CleanEntry:
    """Return a post with some words that was published so many hours before `NOW`."""
    made = entry(
        number,
        title=f"Post {number} {' '.join(words)}",
        published_at=NOW - hours * HOUR - number * timedelta(minutes=7),
        categories=(f"tag{number % 4}",),
    )
    if is_story:
        text = f"<p>{TEXT} {' '.join(words)}</p>"
        made = replace(made, content_html=text, content_hash=text.encode()[-16:])
    return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Lists]:
    made = Lists(new_database(tmp_path))
    yield made
    made.database.dispose()


@pytest.mark.slow
@given(st.data())
@settings(
    max_examples=fuzz_examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_after_any_series_of_files_polls_and_kills_lists_follow_from_the_last_file(
    tmp_path_factory, data
):
    world = Lists(new_database(tmp_path_factory.mktemp("lists")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_relisting, "_MAX_ROWS", data.draw(st.sampled_from([1, 4, 800])))
        patch.setattr(write_relisting, "_SPARED", 1)
        # Rules are compared with texts, or looked for in the index.
        patch.setattr(rule_matching, "_ENTRIES_PER_STATEMENT", data.draw(st.sampled_from([0, 8])))
        world.follow(data.draw(files))
        for kind, *values in data.draw(steps):
            if kind == "file":
                world.follow(values[0])
            elif kind == "poll":
                unique = {made.guid: made for made in values[1]}
                world.poll(values[0], *unique.values())
            else:
                world.relist(values[0])
        world.relist()

    agree(world)
    world.database.dispose()


# ------------------------------------------------------------------------- one by one


def only(*own_rules: FeedRules, **common: Any) -> File:
    """Return a file with rules of feeds, and with rules of all feeds."""
    given_rules = (*own_rules, *[FeedRules()] * (3 - len(own_rules)))
    return File(rules=given_rules, listing=ListingRules(CommonRules(**common)))


def with_views(**searches: str) -> File:
    views = tuple(View(name, name.title(), search) for name, search in searches.items())
    return File(listing=ListingRules(views=views))


def follow(world: Lists, file: File) -> None:
    world.follow(file)
    world.relist()
    agree(world)


def test_a_post_that_a_rule_hides_comes_back_at_its_place_and_is_not_new(world):
    world.follow(File())
    world.poll("a", post(1, "rust", hours=3), post(2), post(3, "sale"))
    with world.database.connect() as connection:
        before = connection.execute(select(entries).order_by(entries.c.id)).all()

    follow(world, only(hide="rust OR sale"))
    hidden = world.titles()
    follow(world, File())

    assert hidden == ["Post 2 "]
    assert world.titles() == ["Post 2 ", "Post 3 sale", "Post 1 rust"]
    with world.database.connect() as connection:
        assert connection.execute(select(entries).order_by(entries.c.id)).all() == before


def test_a_rule_holds_for_posts_that_come_and_for_edits(world):
    follow(world, only(FeedRules(keep="rust OR ferry", hide="sale")))

    world.poll("a", post(1, "rust"), post(2, "storm"), post(3, "rust", "sale"))
    assert world.titles() == ["Post 1 rust"]
    world.poll("a", post(1, "storm"), post(2, "ferry"), post(3, "rust", "sale"))

    assert world.titles() == ["Post 2 ferry"]
    assert sorted(filter(None, world.exclusions().values())) == [Exclusion.HIDE, Exclusion.KEEP]
    agree(world)


def test_another_post_takes_the_place_of_one_that_a_rule_hides_in_the_limit_of_a_day(world):
    follow(world, only(FeedRules(per_day=2)))
    world.poll("a", post(1))
    world.poll("a", post(1), post(2, "sale"))
    world.poll("a", post(1), post(2, "sale"), post(3))
    assert world.titles() == ["Post 1 ", "Post 2 sale"]

    follow(world, only(FeedRules(per_day=2), hide="sale"))
    assert world.titles() == ["Post 1 ", "Post 3 "]
    world.poll("a", post(1, "sale"), post(2, "sale"), post(3), post(4))

    assert world.titles() == ["Post 3 ", "Post 4 "]
    agree(world)


def test_of_the_first_poll_of_a_feed_that_is_added_later_the_ten_newest_are_listed(world):
    follow(world, File(names="a"))
    world.poll("a", *map(post, range(20)))
    follow(world, File(names="ab"))

    world.poll("b", *map(post, range(20)))
    world.poll("b", *map(post, range(25)))

    assert len(world.members()["all:"]) == 20 + 10 + 5
    agree(world)
    follow(world, only(backlog=Backlog(3)))
    assert len(world.members()["all:"]) == 3 + 3 + 5


def test_a_post_that_the_backlog_left_out_stays_out_when_its_day_gets_more_posts(world):
    follow(world, only(FeedRules(per_day=1), backlog=Backlog(1)))
    world.poll("a", post(1), post(2, hours=30))

    world.poll("a", post(3, hours=30), post(4, hours=30))

    assert world.titles() == ["Post 1 "]
    agree(world)


def test_a_view_has_the_posts_that_match_before_and_after_it_is_defined(world):
    world.follow(File())
    world.poll("a", post(1, "rust"), post(2))

    follow(world, with_views(oxide="rust", rest="-rust"))
    world.poll("b", post(3, "rust"), post(4))

    assert world.titles("view:oxide") == ["Post 1 rust", "Post 3 rust"]
    assert world.titles("view:rest") == ["Post 2 ", "Post 4 "]
    agree(world)
    follow(world, with_views(oxide="rust -source:b"))
    assert world.titles("view:oxide") == ["Post 1 rust"]
    assert world.titles("view:rest") == []


@pytest.mark.parametrize(
    ("name", "title"),
    [("harbour", "The Harbour"), ("ärzte", "Die ÄRZTE"), ("strasse", "Straße")],
)
def test_the_source_that_a_rule_names_is_the_one_whose_title_says_so_now(world, name, title):
    follow(world, with_views(sea=f"source:{name}"))
    world.poll("a", post(1))
    assert world.titles("view:sea") == []

    record(world.database, "a", [post(1)], head=FeedHead(title=title), now=world.now)
    world.relist()
    now_named = world.titles("view:sea")
    record(world.database, "a", [post(1)], head=FeedHead(title="The Quay"), now=world.now)
    world.relist()

    assert now_named == ["Post 1 "]
    assert world.titles("view:sea") == []
    agree(world)


def test_a_relisting_goes_on_where_a_killed_process_left_it(world):
    world.follow(File())
    world.poll("a", *(post(number, "sale") for number in range(9)))

    world.follow(only(hide="sale"))
    world.relist(batches=2, size=2)
    newest_are_hidden = world.titles()
    with world.database.connect() as connection:
        progress = read_relisting.relisting_progress(connection)
    world.relist()

    assert newest_are_hidden == [f"Post {number} sale" for number in range(4, 9)]
    assert progress == read_relisting.RelistingProgress(4, 9)
    assert world.titles() == []
    with world.database.connect() as connection:
        assert read_relisting.relisting_progress(connection) is None
    agree(world)


def test_another_change_begins_a_relisting_at_the_top_again(world):
    world.follow(File())
    world.poll("a", *(post(number, "sale") for number in range(9)))

    world.follow(only(hide="sale"))
    world.relist(batches=2, size=2)
    world.follow(File())
    world.relist()

    assert len(world.titles()) == 9
    agree(world)


def test_a_batch_writes_no_more_rows_than_others_wait_for(world, monkeypatch):
    monkeypatch.setattr(write_relisting, "_MAX_ROWS", 5)
    follow(world, with_views(v="sale"))
    world.poll("a", *(post(number, "sale") for number in range(9)))
    world.follow(only(hide="sale"))

    world.relist(batches=1, size=100)  # three rows for each post: the reason and two lists
    left_in_list = len(world.titles())
    world.relist()

    assert left_in_list == 8
    agree(world)


def test_batches_grow_while_they_are_quick_and_are_as_large_as_what_one_may_write():
    size = write_relisting.BatchSize()
    sizes = []
    for seconds, share in [(0.02, 1), (0.02, 1), (0.05, 0.5), (0.05, 1), (0.2, 1), (9, 1)]:
        size.learn(seconds, share)
        sizes.append(size.entries)

    assert sizes == [400, 800, 500, 1000, 500, 200]


def test_a_batch_compares_posts_with_rules_before_its_first_write(world):
    world.follow(with_views(v="sale"))
    world.poll("a", *(post(number, "sale") for number in range(20)))
    world.follow(replace(with_views(v="rust OR sale"), rules=(FeedRules(hide="1"),) * 3))

    with statements(world.database) as seen:
        world.relist(batches=1, size=100)
    world.relist()

    writing = [statement.startswith(("INSERT", "UPDATE", "DELETE")) for statement in seen]
    reading_rules = ["word_index" in statement for statement in seen]
    assert any(reading_rules)
    assert not any(reading_rules[writing.index(True) :])
    agree(world)


@only_sqlite
def test_others_write_while_posts_are_compared_with_a_changed_rule(world, monkeypatch):
    world.follow(File())
    world.poll("a", *(post(number, "sale") for number in range(20)))
    world.follow(only(hide="sale"))
    matches, calls = rule_matching.RuleMatcher.matches, []

    def writes_meanwhile(matcher: Any, texts: Any, ids: Any) -> Any:
        calls.append(texts)
        if len(calls) == 1:  # waits for nobody
            world.poll("b", post(30, "sale"), post(31))
        return matches(matcher, texts, ids)

    monkeypatch.setattr(rule_matching.RuleMatcher, "matches", writes_meanwhile)
    write_relisting.relist_all(world.database)

    assert world.titles() == ["Post 31 "]
    agree(world)


def test_a_view_is_made_changed_and_left_without_a_decision_about_other_lists(world, monkeypatch):
    follow(world, only(FeedRules(per_day=2), hide="storm"))
    words = ["rust", "storm", "sale"]
    world.poll("a", *(post(number, words[number % 3], is_story=True) for number in range(9)))
    world.poll("b", *(post(number, words[number % 3], is_story=True) for number in range(6)))
    file = only(FeedRules(per_day=2), hide="storm")
    monkeypatch.setattr(write_relisting, "member_changes", None)

    for views in [{"v": "rust OR storm"}, {"v": "sale", "w": "link:example"}, {"w": "-rust"}, {}]:
        listing = replace(file.listing, views=with_views(**views).listing.views)
        follow(world, replace(file, listing=listing))


def test_posts_that_stay_in_lists_are_compared_with_changed_views_alone(world, monkeypatch):
    follow(world, with_views(same="rust", other="ferry"))
    world.poll("a", *(post(number, "rust", "sale") for number in range(3)))
    compared: list[str] = []
    matches = rule_matching.RuleMatcher.matches

    def notes(matcher: Any, texts: Any, ids: Any) -> Any:
        compared.extend(texts if ids else ())
        return matches(matcher, texts, ids)

    monkeypatch.setattr(rule_matching.RuleMatcher, "matches", notes)
    file = with_views(same="rust", other="sale")
    follow(world, replace(file, listing=replace(file.listing, common=CommonRules(hide="storm"))))

    assert sorted(compared) == ["sale", "storm"]
    assert len(world.titles("view:other")) == 3


def test_a_file_that_says_the_same_relists_nothing_and_changes_no_version(world):
    file = replace(with_views(v="rust"), categories=(("Sea",), ("Sea", "Land"), ()))
    world.follow(file)
    world.poll("a", post(1, "rust"))
    world.relist()
    with world.database.connect() as connection:
        version = connection.scalar(select(state.c.version))

    world.follow(file)

    with world.database.connect() as connection:
        assert read_relisting.relisting_progress(connection) is None
        assert connection.scalar(select(state.c.version)) == version


def test_retention_lists_others_of_a_busy_day_in_place_of_deleted_posts(world):
    follow(world, only(FeedRules(per_day=2)))
    world.poll("a", *(post(number) for number in range(3, 9)))
    world.poll("a", post(0), post(1), post(2))
    assert world.titles() == ["Post 3 ", "Post 4 "]

    with world.database.begin() as connection:
        before = NOW - 18 * timedelta(minutes=1)
        write_retention.delete_old(connection, before=before, min_entries=0)
    world.relist()

    assert world.titles() == ["Post 0 ", "Post 1 "]
    agree(world)


def test_retention_lists_others_of_a_busy_hour_that_reaches_into_the_next_day(world):
    in_kolkata = {"per_hour": 2, "timezone": "Asia/Kolkata"}  # midnight there is 18:30 here
    follow(world, only(FeedRules(), **in_kolkata))
    evening = [entry(n, published_at=NOW.replace(hour=18, minute=n)) for n in (5, 15, 35, 45)]
    world.now += DAY
    world.poll("a", *evening[:2])
    world.poll("a", *evening[2:])
    assert world.titles() == ["Post 15", "Post 5"]

    with world.database.begin() as connection:
        midnight = NOW.replace(hour=18, minute=30)
        write_retention.delete_old(connection, before=midnight, min_entries=0)
    world.relist()

    assert world.titles() == ["Post 45", "Post 35"]
    agree(world)


@pytest.fixture
def story(world: Lists) -> Lists:
    """Return lists with a story of two feeds, each with a site of its own, like the links."""
    follow(world, File(names="ab"))
    for name in "ab":
        head = FeedHead(title=name, site_url=f"https://{name}.example/")
        record(world.database, name, [post(1, is_story=True)], head=head, now=world.now)
    agree(world)
    return world


def shown_feeds(world: Lists) -> list[str]:
    """Return the names of the feeds whose entries the whole list shows."""
    shown_ids = [key for key, is_shown in world.members()["all:"].items() if is_shown]
    with world.database.connect() as connection:
        names = select(feeds.c.name).join(entries, entries.c.feed_id == feeds.c.id)
        return list(connection.scalars(names.where(entries.c.id.in_(shown_ids))))


def test_a_feed_that_moves_to_the_site_of_the_links_stands_for_the_story(story):
    assert shown_feeds(story) == ["a"]
    moved = [
        replace(subscription, url="https://example.org/feed")
        if subscription.name == "b"
        else subscription
        for subscription in File(names="ab").subscriptions()
    ]
    with story.database.begin() as connection:
        write_subscriptions.follow_config(
            connection, moved, ListingRules(), stories=True, now=story.now
        )
    story.relist()

    assert shown_feeds(story) == ["b"]
    agree(story)


def test_a_feed_that_names_the_site_of_the_links_stands_for_the_story_from_then_on(story):
    head = FeedHead(title="b", site_url="https://example.org/blog")
    record(story.database, "b", [post(1, is_story=True)], head=head, now=story.now)
    story.relist()

    assert shown_feeds(story) == ["b"]
    agree(story)


def test_a_post_that_links_elsewhere_after_an_edit_may_give_another_feed_the_story(story):
    edited = replace(post(1, "edited", is_story=True), url="https://b.example/post-1")
    record(story.database, "a", [edited], head=FeedHead(site_url="https://a.example/"))

    assert shown_feeds(story) == ["b"]
    agree(story)


def test_only_lists_that_show_a_change_are_announced(world, monkeypatch):
    monkeypatch.setattr(worlds, "SETTINGS", replace(worlds.SETTINGS, announced=True))
    listing = ListingRules(CommonRules(hide="sale"), views=(View("oxide", "Oxide", "rust"),))
    follow(world, File(names="a", categories=(("Sea",), (), ()), listing=listing))

    def announced() -> set[ListScope]:
        with world.database.begin() as connection:
            changes = write_unannounced.waiting_changes(
                connection, now=world.now, debounce=timedelta(0)
            )
            if changes:
                write_unannounced.note_announced(connection, changes)
        return {change.scope for change in changes}

    world.poll("a", post(1))
    of_a_post = announced()
    world.poll("a", post(1), post(2, "rust"))
    of_a_match = announced()
    world.poll("a", post(1), post(3, "sale"))
    of_a_hidden_post = announced()
    follow(world, File(names="ab", listing=ListingRules(CommonRules(backlog=Backlog(0)))))
    world.poll("b", post(4))

    assert of_a_post == {
        ListScope(),
        ListScope(ListKind.CATEGORY, "sea"),
        ListScope(ListKind.SOURCE, "a"),
    }
    assert of_a_match == of_a_post | {ListScope(ListKind.VIEW, "oxide")}
    assert of_a_hidden_post == set()
    assert announced() == {ListScope(ListKind.SOURCE, "b")}


@only_sqlite
def test_each_list_is_one_walk_of_one_index(world):
    file = with_views(v="rust")
    follow(world, replace(file, categories=(("Sea",), (), ())))
    world.poll("a", *map(post, range(9)))
    scopes = [
        ListScope(),
        ListScope(ListKind.CATEGORY, "sea"),
        ListScope(ListKind.VIEW, "v"),
        ListScope(ListKind.SOURCE, "a"),
        ListScope(ListKind.SOURCE, "a", hidden=True),
    ]

    plans = {}
    for scope in scopes:
        with world.database.connect() as connection, statements(world.database) as asked:
            read_lists.entries_page(connection, scope=scope, limit=3, before=Cursor(1 << 62))
        (statement,) = [each for each in asked if each.startswith("SELECT")]
        with world.database.connect() as connection:
            values = ("0",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans[scope] = [step.detail for step in plan]

    for scope, plan in plans.items():
        index = "entries USING INDEX ix_entries_feed (feed_id=? AND id<?)"
        if scope.kind is not ListKind.SOURCE:
            index = "list_members USING PRIMARY KEY (list_id=? AND entry_id<?)"
        assert f"SEARCH {index}" in plan
        assert not any("TEMP B-TREE" in step for step in plan)
        assert not any(step.startswith("SCAN") and step != "SCAN state" for step in plan)
