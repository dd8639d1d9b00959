"""`plan`: lists and rules before and after, from values."""

from datetime import UTC, datetime, timedelta
from itertools import count

from aggregator.model import (
    Backlog,
    CommonRules,
    EntryId,
    Exclusion,
    FeedRules,
    ListingRules,
    ListKind,
    View,
)
from aggregator.plan import Comparison, RecentEntry, StoredConfig, StoredFeed
from aggregator.search.syntax_tree import And, Not, Or, Phrase
from tests.stored import feed

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class World:
    """Stored feeds and entries, with the words of each entry."""

    def __init__(self, *subscriptions, **stored):
        self.feeds = {
            subscription.name: StoredFeed(number, subscription, subscribed=True)
            for number, subscription in enumerate(subscriptions, 1)
        }
        self.stored = stored
        self.entries = []
        self.words = {}
        self._sequence = count()

    def post(self, name, words="", *, ago=DAY, **values):
        """Add an entry of a feed; return the id."""
        at = NOW - ago
        entry_id = EntryId.first_at(at) + next(self._sequence)
        values = {"first_seen_at": at, **values}
        self.entries.append(RecentEntry(entry_id, self.feeds[name].id, **values))
        self.words[entry_id] = set(words.split())
        return entry_id

    def plan(self, *subscriptions, common=None, views=(), shows_stories=True):
        """Return the plan of a file with these feeds, by default the stored ones."""
        comparison = Comparison.of(
            StoredConfig(tuple(self.feeds.values()), **self.stored),
            subscriptions or [stored.subscription for stored in self.feeds.values()],
            ListingRules(common or CommonRules(), {}, views),
            shows_stories=shows_stories,
            now=NOW,
        )
        matches = {
            search: {
                entry.id
                for entry in self.entries
                if self._is_match(search.node, dict(search.names), entry)
            }
            for search in comparison.searches
        }
        return comparison.plan(self.entries, matches)

    def _is_match(self, node, names, entry):
        match node:
            case Phrase(words):
                return set(words) <= self.words[entry.id]
            case And(nodes):
                return all(self._is_match(part, names, entry) for part in nodes)
            case Or(nodes):
                return any(self._is_match(part, names, entry) for part in nodes)
            case Not(inner):
                return not self._is_match(inner, names, entry)
        return entry.feed_id in names[node]


def planned_list(plan, kind=ListKind.ALL, key=""):
    (planned,) = [
        planned
        for planned in plan.lists
        if (planned.definition.kind, planned.definition.key) == (kind, key)
    ]
    return planned


def planned_rule(plan, kind, name=None):
    (rule,) = [rule for rule in plan.rules if (rule.kind, rule.feed) == (kind, name)]
    return rule


def test_the_file_that_was_read_last_changes_nothing():
    view = View("energy", "Energy", "sun")
    common = CommonRules(hide="ad", per_hour=5)
    world = World(feed("a", categories=("C",), rules=FeedRules(keep="sun")),
                  common=common, views=(view,))  # fmt: skip
    world.post("a", "sun")
    world.post("a", "sun ad")

    plan = world.plan(common=common, views=(view,))

    assert plan.has_changes is False
    assert [changed for changed in plan.lists if changed.is_changed] == []
    assert [rule for rule in plan.rules if rule.is_changed] == []


def test_a_new_rule_takes_its_posts_out_of_all_lists():
    world = World(feed("a", categories=("C",)), feed("b"))
    ad, other = world.post("a", "ad"), world.post("a")

    plan = world.plan(common=CommonRules(hide="ad"))

    rule = planned_rule(plan, Exclusion.HIDE)
    assert (rule.before, rule.after, rule.is_redefined) == (None, "ad", True)
    assert (rule.effect_after.posts, rule.effect_after.ids) == (2, {ad})
    for planned in (planned_list(plan), planned_list(plan, ListKind.CATEGORY, "c")):
        assert (planned.added_ids, planned.removed_ids) == (set(), {ad})
        assert planned.content_after.shown_ids == {other}
        assert (planned.content_before.hidden, planned.content_after.hidden) == (0, 1)
        assert planned.is_redefined is False


def test_a_rule_that_leaves_the_file_gives_its_posts_back():
    world = World(feed("a", rules=FeedRules(keep="sun")))
    rain = world.post("a", "rain")
    world.post("a", "sun")

    plan = world.plan(feed("a"))

    rule = planned_rule(plan, Exclusion.KEEP, "a")
    assert (rule.before, rule.after) == ("sun", None)
    assert (rule.effect_before.ids, rule.effect_after.ids) == ({rain}, set())
    assert planned_list(plan).added_ids == {rain}


def test_a_post_that_two_rules_hide_counts_for_both():
    world = World(feed("a"), feed("b"))
    post = world.post("a", "ad")

    plan = world.plan(
        feed("a", rules=FeedRules(hide="ad")), feed("b"), common=CommonRules(hide="ad")
    )

    assert planned_rule(plan, Exclusion.HIDE).effect_after.ids == {post}
    assert planned_rule(plan, Exclusion.HIDE, "a").effect_after.ids == {post}


def test_a_rule_of_a_feed_is_about_the_posts_of_the_feed_alone():
    world = World(feed("a"), feed("b"))
    post, other = world.post("a", "ad"), world.post("b", "ad")

    plan = world.plan(feed("a", rules=FeedRules(hide="ad")), feed("b"))

    rule = planned_rule(plan, Exclusion.HIDE, "a")
    assert (rule.effect_after.posts, rule.effect_after.ids) == (1, {post})
    assert planned_list(plan).content_after.shown_ids == {other}


def test_per_day_leaves_out_what_arrives_later_on_a_day_of_the_page():
    world = World(feed("a"), common=CommonRules(timezone="Asia/Tokyo"))
    first = world.post("a", ago=DAY + 2 * HOUR)
    second = world.post("a", ago=DAY + HOUR)
    next_day = world.post("a", ago=21 * HOUR)  # midnight in Tokyo

    rules = FeedRules(per_day=1)
    plan = world.plan(feed("a", rules=rules), common=CommonRules(timezone="Asia/Tokyo"))

    assert planned_rule(plan, Exclusion.PER_DAY, "a").effect_after.ids == {second}
    assert planned_list(plan).content_after.shown_ids == {first, next_day}


def test_a_backlog_leaves_out_older_posts_of_the_first_poll():
    world = World(feed("a"))
    posts = [world.post("a", ago=age * DAY, first_seen_at=NOW) for age in (1, 2, 3)]

    plan = world.plan(common=CommonRules(backlog=Backlog(newest=1)))

    rule = planned_rule(plan, Exclusion.BACKLOG)
    assert (rule.before, rule.after, rule.effect_after.ids) == (None, "1", set(posts[1:]))
    planned = planned_list(plan)
    assert (planned.content_after.shown_ids, planned.content_after.hidden) == ({posts[0]}, 0)


def test_the_limit_of_an_hour_is_no_change_where_a_second_feed_brings_it():
    world = World(feed("a"))

    plan = world.plan(feed("a"), feed("b"), common=CommonRules(per_hour=500))

    assert planned_rule(plan, Exclusion.PER_HOUR).is_changed is False


def test_the_limit_of_an_hour_is_a_change_among_several_feeds():
    world = World(feed("a"), feed("b"), common=CommonRules(per_hour=500))
    first = world.post("a", ago=DAY)
    world.post("a", ago=DAY - timedelta(minutes=1))

    plan = world.plan(common=CommonRules(per_hour=1))
    without = world.plan(common=CommonRules())

    rule = planned_rule(plan, Exclusion.PER_HOUR)
    assert (rule.before, rule.after, len(rule.effect_after.ids)) == ("500", "1", 1)
    assert planned_list(plan).content_after.shown_ids == {first}
    assert planned_rule(without, Exclusion.PER_HOUR).after == "off"


def test_a_new_view_lists_what_its_search_finds_and_no_rule_hides():
    world = World(feed("a"), common=CommonRules(hide="ad"))
    sun = world.post("a", "sun")
    world.post("a", "sun ad")
    world.post("a", "rain")

    plan = world.plan(common=CommonRules(hide="ad"), views=[View("energy", "Energy", "sun")])

    view = planned_list(plan, ListKind.VIEW, "energy")
    assert view.before is None
    assert (view.content_after.shown_ids, view.content_after.hidden) == ({sun}, 1)
    assert plan.has_changes


def test_a_view_that_leaves_the_file_is_planned_after_all_others():
    world = World(feed("a"), views=(View("energy", "Energy", "sun"),))
    sun = world.post("a", "sun")

    plan = world.plan()

    assert plan.lists[-1].after is None
    assert plan.lists[-1].removed_ids == {sun}


def test_names_in_searches_mean_the_feeds_of_their_file():
    world = World(feed("a", categories=("Berlin",)), feed("b"),
                  views=(View("berlin", "Berlin", "category:berlin"),))  # fmt: skip
    first, second = world.post("a"), world.post("b")

    plan = world.plan(
        feed("a"),
        feed("b", categories=("Berlin",)),
        views=(View("berlin", "Berlin", "category:berlin"),),
    )

    view = planned_list(plan, ListKind.VIEW, "berlin")
    assert (view.added_ids, view.removed_ids, view.is_redefined) == ({second}, {first}, False)


def test_a_rule_names_the_feed_that_its_text_says_whatever_the_number_of_its_own_feed():
    world = World(feed("a"), feed("b"))
    world.post("a")

    plan = world.plan(feed("a", rules=FeedRules(hide='source:"=1"')), feed("b"))

    assert planned_rule(plan, Exclusion.HIDE, "a").effect_after.ids == set()


def test_posts_of_a_removed_feed_leave_all_lists():
    world = World(feed("a", categories=("C",)), feed("b"))
    post, other = world.post("a"), world.post("b")

    plan = world.plan(feed("b"))

    assert planned_list(plan).removed_ids == {post}
    assert planned_list(plan).content_after.shown_ids == {other}
    category = planned_list(plan, ListKind.CATEGORY, "c")
    assert (category.after, category.removed_ids) == (None, {post})


def test_another_spelling_of_a_category_is_another_title():
    world = World(feed("a", categories=("news",)))

    plan = world.plan(feed("a", categories=("News",)))

    category = planned_list(plan, ListKind.CATEGORY, "news")
    assert (category.before.title, category.after.title) == ("news", "News")
    assert (category.is_redefined, plan.feeds.changed_feeds) == (True, ())


def test_a_story_counts_once_in_a_list():
    world = World(feed("a"), feed("b"), feed("c", stories=False))
    first = world.post("a", ago=3 * DAY, story_id=1)
    second = world.post("b", ago=2 * DAY, story_id=1)
    third = world.post("c", story_id=1)

    planned = planned_list(world.plan(feed("b"), feed("c", stories=False)))

    assert planned.content_before.shown_ids == {first, third}
    assert planned.content_after.shown_ids == {second, third}


def test_without_stories_all_posts_are_shown():
    world = World(feed("a"), feed("b"))
    world.post("a", ago=3 * DAY, story_id=1)
    second = world.post("b", ago=2 * DAY, story_id=1)

    plan = world.plan(shows_stories=False)

    assert planned_list(plan).added_ids == {second}
    assert [(change.key, change.before, change.after) for change in plan.settings] == [
        ("stories", True, False)
    ]


def test_posts_from_before_the_last_thirty_days_do_not_count():
    world = World(feed("a"))
    world.post("a", "ad", ago=31 * DAY)
    post = world.post("a", "ad", ago=30 * DAY)

    plan = world.plan(common=CommonRules(hide="ad"))

    assert planned_rule(plan, Exclusion.HIDE).effect_after.ids == {post}


def test_copies_are_in_no_list_and_no_rule_is_about_them():
    world = World(feed("a"))
    world.post("a", "ad", is_copy=True)

    plan = world.plan(common=CommonRules(hide="ad"))

    assert planned_rule(plan, Exclusion.HIDE).effect_after.posts == 0
    assert planned_list(plan).content_after.shown_ids == set()


def test_another_order_of_views_is_a_change():
    views = (View("a", "A", "sun"), View("b", "B", "rain"))
    world = World(feed("a"), views=views)

    plan = world.plan(views=views[::-1])

    assert (plan.is_reordered, plan.has_changes) == (True, True)
