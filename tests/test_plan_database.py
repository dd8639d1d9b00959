"""`plan` and what reading the file does to lists."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from aggregator.database import open_database
from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import read_plan, write_relisting
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.schema import list_members, lists
from aggregator.model import Backlog, CommonRules, FeedHead, FeedRules, ListingRules, View
from aggregator.plan import Comparison, Plan
from aggregator.search.syntax_tree import NameField, NameTest
from tests import quay
from tests.cpu_time import cpu_limit
from tests.running import command
from tests.selection import fuzz_examples
from tests.stored import feed, statements
from tests.worlds import NOW, entry, new_database, record

PLANET = Path(__file__).parents[1] / "docs" / "planet.md"

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WORDS = ("sun", "rain", "ad")
NO_LISTING = ListingRules()


def follow(engine, subscriptions, listing=NO_LISTING, *, stories=True):
    """Read a file, and list all entries anew that the changes concern."""
    with engine.begin() as connection:
        write_subscriptions.follow_config(
            connection, subscriptions, listing, stories=stories, now=NOW
        )
    write_relisting.relist_all(engine)


def plan_of(engine, subscriptions, listing=NO_LISTING, *, stories=True, now=NOW) -> Plan:
    with engine.connect() as connection:
        stored = read_plan.stored_config(connection)
        comparison = Comparison.of(stored, subscriptions, listing, shows_stories=stories, now=now)
        lowest = comparison.lowest_id
        matches = {
            search: read_plan.matching_ids(connection, search, lowest)
            for search in comparison.searches
        }
        return comparison.plan(read_plan.recent_entries(connection, lowest), matches)


def stored_lists(engine):
    """Return the members of all lists of the file, by kind and key."""
    statement = (
        select(lists.c.kind, lists.c.key, list_members.c.entry_id)
        .outerjoin_from(lists, list_members, list_members.c.list_id == lists.c.id)
        .where(lists.c.position.is_not(None))
    )
    members = {}
    with engine.connect() as connection:
        for kind, key, entry_id in connection.execute(statement):
            ids = members.setdefault((kind, key), set())
            if entry_id is not None:
                ids.add(entry_id)
    return members


def planned_lists(plan, side):
    return {
        (planned.definition.kind, planned.definition.key): set(
            getattr(planned, f"content_{side}").shown_ids
        )
        for planned in plan.lists
        if getattr(planned, side) is not None
    }


# ------------------------------------------------------------------- the command

BEFORE = """\
base_url: https://planet.example
feeds:
  - {url: https://ada.example/feed.xml, category: Berlin}
  - https://news.example/atom.xml
"""
AFTER = """\
base_url: https://planet.example
hide: 'tag:sponsored'
views:
  - {name: energy, title: Energy, search: 'sun OR wind'}
feeds:
  - {url: https://ada.example/feed.xml, category: Berlin}
  - {url: https://news.example/atom.xml, interval: 2h}
  - {url: https://ben.example/feed.xml, category: Berlin}
"""
POSTS_OF_NEWS = (
    ("Buy a lamp", ("sponsored",)),
    ("Wind in the harbour", ()),
    ("Buy two lamps", ("Sponsored",)),
    ("Tides of the week", ()),
    ("Lamps for less", ("sponsored",)),
    ("The last lamp", ("sponsored", "light")),
)


@pytest.fixture(scope="module")
def planet(tmp_path_factory):
    """A folder with a database of the file `BEFORE`, and with the file `AFTER`."""
    folder = tmp_path_factory.mktemp("planet")
    path = folder / "config.yaml"
    path.write_text(BEFORE)
    with quay.clock_at(NOW):
        command(folder, "feeds")
        engine = open_database(f"sqlite:///{folder}/aggregator.db")
        record(
            engine,
            "ada-example",
            [entry(1, title="Sun on the roof"), entry(2)],
            head=FeedHead(title="Ada Example"),
        )
        record(
            engine,
            "news-example",
            [
                entry(number, title=title, categories=tags, published_at=NOW - number * DAY)
                for number, (title, tags) in enumerate(POSTS_OF_NEWS, 10)
            ],
            head=FeedHead(title="News Example"),
        )
        engine.dispose()
    path.write_text(AFTER)
    return folder


def plan_lines(folder, *arguments):
    with quay.clock_at(NOW):
        done = command(folder, "plan", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_plan_names_the_posts_that_come_and_go(planet):
    documented = PLANET.read_text().partition("$ aggregator plan -c new.yaml\n")[2]

    assert plan_lines(planet) == documented.partition("```")[0].splitlines()


def test_plan_as_json_has_the_documented_keys(planet):
    values = json.loads("\n".join(plan_lines(planet, "--json")))
    section = PLANET.read_text().partition("### JSON")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(?:[\w\[\]]*\.)?(\w+)(?:\[\])?`", section))

    assert set(_keys(values)) - documented == set()


def _keys(value):
    match value:
        case dict():
            yield from value
            for inner in value.values():
                yield from _keys(inner)
        case list():
            for inner in value:
                yield from _keys(inner)


# ------------------------------------------------------------------ the database

TEXTS = st.sampled_from(
    [None, "ad", "title:rain", "-sun", "sun OR ad", "source:a", "category:c", "-category:d sun"]
)
BACKLOGS = st.sampled_from([None, Backlog(), Backlog(0), Backlog(1), Backlog(within=10 * HOUR)])
RULES = st.builds(
    FeedRules, keep=TEXTS, hide=TEXTS, per_day=st.sampled_from([None, 1, 2]), backlog=BACKLOGS
)
FEEDS = st.lists(
    st.builds(
        feed,
        st.sampled_from("abc"),
        categories=st.sampled_from([(), ("C",), ("D", "C")]),
        rules=RULES,
    ),
    max_size=3,
    unique_by=lambda subscription: subscription.name,
)
VIEWS = st.lists(
    st.builds(
        View, st.sampled_from("vw"), st.just("A view"), TEXTS.filter(lambda text: text is not None)
    ),
    max_size=2,
    unique_by=lambda view: view.name,
).map(tuple)
LISTINGS = st.builds(
    ListingRules,
    common=st.builds(
        CommonRules,
        hide=TEXTS,
        backlog=BACKLOGS,
        per_hour=st.sampled_from([None, 1]),
        timezone=st.sampled_from(["UTC", "Asia/Tokyo"]),
    ),
    views=VIEWS,
)
POSTS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(WORDS)), max_size=8)


@pytest.mark.slow
@settings(max_examples=fuzz_examples(40))
@given(data=st.data())
def test_lists_become_as_planned(tmp_path_factory, data):
    engine = new_database(tmp_path_factory.mktemp("plan"))
    number = 0
    for step in range(3):
        subscriptions, listing = data.draw(FEEDS), data.draw(LISTINGS)

        plan = plan_of(engine, subscriptions, listing)
        before = stored_lists(engine)
        follow(engine, subscriptions, listing)

        assert planned_lists(plan, "before") == before
        assert planned_lists(plan, "after") == stored_lists(engine)
        assert not plan_of(engine, subscriptions, listing).has_changes
        for subscription in subscriptions:
            posts = []
            for age, word in data.draw(POSTS):
                number += 1
                values = {"title": f"{word} {number}", "content_html": "", "summary": ""}
                posts.append(entry(number, published_at=NOW - age * HOUR, **values))
            record(engine, subscription.name, posts, now=NOW + step * HOUR)
    engine.dispose()


@pytest.mark.slow
def test_a_plan_of_thirty_thousand_posts_takes_seconds(tmp_path):
    engine = new_database(tmp_path)
    names = [f"f{number}" for number in range(100)]
    former = [feed(name, categories=(f"C{number % 9}",)) for number, name in enumerate(names)]
    changed = [
        replace(subscription, rules=FeedRules(hide="w1", per_day=20), categories=("C1", "C2"))
        for subscription in former
    ]
    listing = ListingRules(
        CommonRules(hide="w2 OR title:w3", backlog=Backlog(100)),
        views=tuple(View(f"v{number}", "A view", f"w{number} -w4") for number in range(50)),
    )
    follow(engine, former)
    with statements(engine) as of_no_posts:
        plan_of(engine, changed, listing)
    for number, name in enumerate(names):
        record(engine, name, [_post(number + 100 * count) for count in range(300)])

    with cpu_limit(3), statements(engine) as of_many_posts:
        plan = plan_of(engine, changed, listing)

    assert len(plan.lists[0].content_before.shown_ids) == 30_000
    assert len(of_many_posts) == len(of_no_posts)
    engine.dispose()


def _post(number):
    """Return an entry with five of 60 words, one of 30,000 of the last 29 days."""
    words = " ".join(f"w{number * factor % 60}" for factor in (1, 7, 11, 13, 17))
    at = NOW - number * timedelta(seconds=83)
    return entry(number, title=f"Post {number}", content_html=words, published_at=at)


NAMES_IN_SEARCHES = (
    *("a", "b", "A", "old", "title", "Title of", "c", "C", "c++", "c-plus-plus", "x"),
    *("Ärzte", "ärzte", "ÄRZTE", "arzte", "die arzte ｖ", "Öl", "ol", "ÖL & GAS", "rz", "ß", "SS"),
)


def test_names_mean_the_same_in_plans_and_in_the_database(tmp_path):
    engine = new_database(tmp_path)
    follow(engine, [feed("old", url="https://a.example/feed"), feed("b"), feed("gone")])
    former = [
        feed("a", categories=("C",)),
        feed("b", categories=("C++", "Cats")),
        feed("c"),
        feed("d", title="Die Ärzte V", categories=("Öl & Gas",)),
        feed("e", title="DIE ÄRZTE v", categories=("Straße",)),
    ]
    follow(engine, former)
    for name in "abc":
        record(engine, name)
    tests = [NameTest(field, value) for field in NameField for value in NAMES_IN_SEARCHES]

    with engine.connect() as connection:
        resolution = resolve_names(connection, tests)
        stored = read_plan.stored_config(connection)
    comparison = Comparison.of(stored, former, NO_LISTING, shows_stories=True, now=NOW)

    for side in (comparison.former, comparison.planned):
        searches = [side.search(f'{test.field}:"{test.value}"') for test in tests]
        assert dict(item for search in searches for item in search.names) == resolution
    assert len(set(resolution.values())) == 9
    meant = {(test.field, test.value): sorted(ids) for test, ids in resolution.items()}
    doctors = meant[NameField.SOURCE, "rz"]
    assert len(doctors) == 2
    for value in ("Ärzte", "ÄRZTE", "arzte", "die arzte ｖ"):
        assert meant[NameField.SOURCE, value] == doctors
    for value in ("Öl", "ol", "ÖL & GAS"):
        assert meant[NameField.CATEGORY, value] == doctors[:1]
    for value in ("ß", "SS"):
        assert meant[NameField.CATEGORY, value] == doctors[1:]
    engine.dispose()


def test_a_story_is_planned_as_lists_count_it(tmp_path):
    engine = new_database(tmp_path)
    both = [feed("a", categories=("C",)), feed("b", categories=("C",))]
    follow(engine, both)
    record(engine, "a", [entry(1), entry(2)])
    record(engine, "b", [entry(1, guid="other"), entry(3)])

    for subscriptions in (both, both[1:], both):
        plan = plan_of(engine, subscriptions)
        follow(engine, subscriptions)
        numbers = {key: len(ids) for key, ids in planned_lists(plan, "after").items()}
        with engine.connect() as connection:
            rows = connection.execute(select(lists.c.kind, lists.c.key, lists.c.stories)).all()
        assert numbers == {(row.kind, row.key): row.stories for row in rows}
    assert numbers == {("all", ""): 3, ("category", "c"): 3}
    engine.dispose()
