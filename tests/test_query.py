"""Reads: the list, its narrowings, search, health."""

from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from aggregator.database.feeds import read_health
from aggregator.database.lists import list_query, read_lists
from aggregator.database.state import read_overview
from aggregator.model import Cursor, FeedHead, HostPause, ListKind, ListScope, Outcome, Subscription
from aggregator.search.entry_words import searched_text
from tests.selection import slow_after
from tests.worlds import NOW, entry, new_database, only_sqlite, record, subscribe


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    engine = new_database(tmp_path_factory.mktemp("query"))
    subscribe(
        engine,
        Subscription("a", "https://a.example/feed", categories=("News",), name_given=True),
        Subscription("b", "https://b.example/feed", title="Given title", name_given=True),
        Subscription("c", "https://c.example/feed", name_given=True),
        Subscription("new", "https://new.example/feed", name_given=True),
    )
    record(engine, "a", [entry(number) for number in range(1, 11)])
    record(
        engine,
        "b",
        [
            entry(20, title="Café “Energy” crisis", authors=("Ada Quill",)),
            entry(21, summary="energy!"),
        ],
    )
    record(engine, "c", outcome=Outcome.FAILED, error="404", failures=1, head=FeedHead())
    yield engine
    engine.dispose()


def titles(database, **arguments):
    with database.connect() as connection:
        return [
            found.title
            for found in read_lists.entries_page(connection, **({"limit": 100} | arguments)).entries
        ]


SCRIPTS = "أخبار آخر مؤتمر ガイド がいど 東京 новый Việt 한국어 Ελλάδα ñandú".split()


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    engine = new_database(tmp_path_factory.mktemp("scripts"))
    subscribe(engine, Subscription("a", "https://a.example/feed", name_given=True))
    record(engine, "a", [entry(number, title=word) for number, word in enumerate(SCRIPTS)])
    yield engine
    engine.dispose()


@pytest.mark.parametrize("word", SCRIPTS)
def test_a_word_is_found_as_it_is_written_in_whatever_script(scripts, word):
    assert titles(scripts, scope=ListScope(ListKind.SEARCH, word)) == [word]


def test_pages_meet_without_gap_or_repeat(database):
    seen, before = [], None
    while True:
        with database.connect() as connection:
            page = read_lists.entries_page(connection, limit=3, before=before).entries
        if not page:
            break
        seen += [found.title for found in page]
        before = Cursor(page[-1].id)

    assert seen == titles(database)
    assert len(seen) == 12


def test_a_category_and_a_source_narrow_the_list(database):
    assert len(titles(database, scope=ListScope(ListKind.CATEGORY, "news"))) == 10
    assert len(titles(database, scope=ListScope(ListKind.SOURCE, "b"))) == 2
    assert titles(database, scope=ListScope(ListKind.CATEGORY, "none")) == []
    assert titles(database, scope=ListScope(ListKind.SOURCE, "none")) == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("energy", ["Café “Energy” crisis", "Post 21"]),
        ("cafe", ["Café “Energy” crisis"]),
        ('"energy crisis"', ["Café “Energy” crisis"]),
        ('"crisis energy"', []),
        ("energy -café", ["Post 21"]),
        ("", []),
        ("-energy", []),
        ("***", []),
        ('"', []),
        ("energy AND NEAR( OR", []),
        ("'; DROP TABLE entries; --", []),
        ("title:energy", ["Café “Energy” crisis"]),
    ],
)
def test_a_search_finds_words_and_phrases_and_never_fails(database, search, found):
    assert titles(database, scope=ListScope(ListKind.SEARCH, search)) == found


def test_the_text_that_is_indexed_stays_as_it_was_or_a_migration_fills_the_index_anew():
    html = '<p>A <a href="/x>y">l</a>i<em>n</em>k</p><img alt="b">&lt;i&gt; &amp;co'

    assert searched_text(html) == ' A y">link  <i> &co'
    assert len(searched_text("<b>x</b>" * 100_000)) == 100_000 // 8


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("source:b", 2),
        ('source:"given TITLE"', 2),
        ("source:a source:b", 12),
        ("-source:a", 2),
        ("source:none", 0),
        ("source:100%", 0),
        ("category:news", 10),
        ("category:NEWS post", 10),
        ("-category:news post", 2),
        ("category:none post", 0),
        ("author:ada", 1),
        ('author:"ada quill" energy', 1),
        ("author:ada source:a", 0),
        ("-author:ada energy", 1),
        ("source:b -crisis", 1),
        ("after:2026-11-23", 12),
        ("after:2026-11-24", 0),
        ("before:2026-11-23", 0),
        ("energy before:2027 after:2026-11", 2),
        ("-before:2026-11-23 energy", 2),
        ("before:yesterday energy", 2),
    ],
)
def test_a_search_is_narrowed_by_source_category_author_and_day(database, search, found):
    assert len(titles(database, scope=ListScope(ListKind.SEARCH, search))) == found


def test_days_of_a_search_begin_in_the_zone_of_the_page(database):
    evening = ListScope(
        ListKind.SEARCH, "post after:2026-11-24", zone=ZoneInfo("Pacific/Kiritimati")
    )

    assert len(titles(database, scope=evening)) == 12  # 14:33 UTC is after midnight there
    assert titles(database, scope=replace(evening, zone=UTC)) == []


@pytest.mark.parametrize(
    "search",
    [
        pytest.param("post link:post-2", marks=only_sqlite),  # elsewhere time is the bound
        *("link:post-20", "-source:a", "after:2026 link:example"),
    ],
)
def test_a_search_that_looks_at_entries_one_by_one_goes_on_where_it_stopped(
    database, search, monkeypatch
):
    scope = ListScope(ListKind.SEARCH, search)
    whole = titles(database, scope=scope)
    monkeypatch.setattr(list_query, "MAX_EXAMINED", 3)

    seen, before, pages = [], None, 0
    while pages == 0 or before:
        pages += 1
        with database.connect() as connection:
            page = read_lists.entries_page(connection, scope=scope, limit=100, before=before)
        seen += [each.title for each in page.entries]
        before = page.next
        assert page.ended_early is (before is not None)

    assert seen == whole != []
    assert pages > 3


def test_only_a_search_with_something_to_look_at_stops_early(database, monkeypatch):
    monkeypatch.setattr(list_query, "MAX_EXAMINED", 3)

    for scope in (
        ListScope(),
        ListScope(ListKind.SOURCE, "a"),
        ListScope(ListKind.SEARCH, "post"),
        ListScope(ListKind.SEARCH, "source:b"),
        ListScope(ListKind.SEARCH, "post source:b -author:ada"),
        ListScope(ListKind.SEARCH, "category:news OR author:ada"),
    ):
        with database.connect() as connection:
            assert read_lists.entries_page(connection, scope=scope, limit=100).next is None


def test_a_searchs_pages_are_seeks(database):
    first = titles(database, scope=ListScope(ListKind.SEARCH, "post"), limit=4)
    with database.connect() as connection:
        last = read_lists.entries_page(
            connection, limit=4, scope=ListScope(ListKind.SEARCH, "post")
        ).entries[-1]

    rest = titles(database, scope=ListScope(ListKind.SEARCH, "post"), before=Cursor(last.id))

    assert first + rest == titles(database, scope=ListScope(ListKind.SEARCH, "post"))


def test_problems_come_first(database):
    with database.connect() as connection:
        found = read_health.feeds_by_urgency(connection, now=NOW)

    assert [feed.source.name for feed in found] == ["c", "b", "new", "a"]
    assert [feed.source.title for feed in found] == ["c", "Given title", "new", "Title of a"]
    assert found[3].per_week == 10 * 7 * 8  # as many in the three hours that count at least
    assert found[3].first_entry_at == NOW - timedelta(minutes=10)


@pytest.mark.parametrize(
    ("seconds", "pace", "later", "reason", "weighed"),
    [
        (5, None, 0, "a pause between two requests", ["a.example"]),
        (5, None, 60, "the interval in config.yaml", []),
        (7200, None, 0, "a.example asked for fewer requests", ["a.example"]),
        (9, 9, 0, "a.example asked for fewer requests", ["9s between requests"]),
        (9, 9, 60, "the interval in config.yaml", ["9s between requests"]),
    ],
)
def test_only_what_a_site_asked_for_is_called_its_wish(
    tmp_path, seconds, pace, later, reason, weighed
):
    database = new_database(tmp_path)
    subscribe(database, Subscription("a", "https://a.example/1", name_given=True))
    free_at = NOW + timedelta(seconds=seconds)
    learned = (timedelta(seconds=pace), NOW) if pace else ()
    pause = HostPause("a.example", free_at, *learned)
    record(database, "a", next_poll_at=NOW, pauses=(pause,))

    with database.connect() as connection:
        found = read_health.feed(connection, "a", now=NOW + timedelta(seconds=later))
    database.dispose()

    assert found.next_reason == reason
    assert found.next_poll_at == (NOW if later else free_at)
    assert [one.value for one in found.constraints] == weighed


def test_the_overview_counts(database):
    with database.connect() as connection:
        found = read_overview.overview(connection)
        busiest = read_overview.sidebar(connection, now=NOW).busiest

    assert (found.posts, found.feeds, found.failing, found.unpolled_feeds) == (12, 4, 1, 1)
    assert found.checked_at == NOW
    assert [(source.name, count) for source, count in busiest] == [("a", 10), ("b", 2)]


def test_news_of_a_narrow_search_are_counted_as_far_as_a_page_looks(database, monkeypatch):
    scope = ListScope(ListKind.SEARCH, "link:post-2")
    counts = []
    for walk in (list_query.MAX_EXAMINED, 3):
        monkeypatch.setattr(list_query, "MAX_EXAMINED", walk)
        with database.connect() as connection:
            counts.append(read_lists.count_newer(connection, after=Cursor(0), scope=scope))

    assert counts == [3, 1]


def test_newer_entries_are_counted_from_a_cursor(database):
    with database.connect() as connection:
        page = read_lists.entries_page(connection, limit=4).entries
        counts = [read_lists.count_newer(connection, after=Cursor(found.id)) for found in page]

    assert counts == [0, 1, 2, 3]


def plans(database, ask):
    """Return SQLite's plans of the statements that `ask` runs on a connection."""
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    with database.connect() as connection:
        event.listen(database, "before_cursor_execute", note)
        try:
            ask(connection)
        finally:
            event.remove(database, "before_cursor_execute", note)
        return [
            str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in asked
            if statement.startswith("SELECT")
        ]


@only_sqlite
@pytest.mark.parametrize(
    "scope",
    [
        *(ListScope(), ListScope(ListKind.CATEGORY, "news"), ListScope(ListKind.SOURCE, "a")),
        *(
            ListScope(ListKind.SEARCH, "post -nothing"),
            ListScope(ListKind.SEARCH, "post after:2020 source:a"),
        ),
        *(
            ListScope(ListKind.SEARCH, "source:a"),
            ListScope(ListKind.SEARCH, "category:news before:2027"),
        ),
    ],
)
@pytest.mark.parametrize("before", [None, Cursor(2**62)])
def test_a_page_is_a_walk_of_an_index(database, scope, before):
    *_, plan = plans(
        database, lambda c: read_lists.entries_page(c, limit=40, scope=scope, before=before)
    )

    assert "USE TEMP B-TREE" not in plan


@only_sqlite
def test_what_stands_beside_a_list_reads_no_index_as_a_whole(database):
    found = plans(database, lambda c: read_overview.overview(c))
    found += plans(database, lambda c: read_overview.sidebar(c, now=NOW))
    found += plans(database, lambda c: read_health.feeds_by_urgency(c, now=NOW))

    assert not [plan for plan in found if "SCAN entries" in plan]


@only_sqlite
@pytest.mark.parametrize(
    ("search", "found"),
    slow_after(
        6,
        [
            ("東京", True),
            ("大学", True),
            ("学", True),
            ("新製品", True),
            ("iphone発売", True),
            ("海底 -京都", True),
            ("京都", False),
            ("海底 -東京", False),
            ("学大", False),
            ("source:a -大学", False),
        ],
    ),
)
def test_a_word_is_found_within_a_row_of_signs(tmp_path, search, found):
    fresh = new_database(tmp_path)
    subscribe(fresh, Subscription("a", "https://a.example/feed", name_given=True))
    text = "海底の音とiPhone発売、新製品の話。"
    there = entry(1, title="東京大学の研究者", content_html=f"<p>{text}</p>")
    record(fresh, "a", [there])

    assert titles(fresh, scope=ListScope(ListKind.SEARCH, search)) == ["東京大学の研究者"] * found

    record(fresh, "a", [replace(there, title="京都", content_hash=b"x" * 16)])
    assert titles(fresh, scope=ListScope(ListKind.SEARCH, "京都")) == ["京都"]
    assert titles(fresh, scope=ListScope(ListKind.SEARCH, "東京")) == []
    fresh.dispose()


@pytest.mark.parametrize(
    ("text", "searches"),
    slow_after(
        5,
        [
            (
                "Une cre\u0300me bru\u0302le\u0301e",
                ["crème brûlée", "cre\u0300me", "creme", "BRÛLÉE"],
            ),
            ("Crème fraîche", ["cre\u0300me", "creme frai\u0302che"]),
            ("Ｒｕｓｔ １.８５", ["rust", "85", "ｒｕｓｔ"]),
            ("Rust 185", ["ｒｕｓｔ", "１８５"]),
            ("The o\ufb03ce", ["office", "o\ufb03ce"]),
            ("Kraft\u00adwerks\u00adturm", ["Kraftwerksturm", "kraft\u00adwerksturm"]),
            ("\u2066dam\u2069 we\u200bir we\u2060b", ["dam", "weir", "web", "we\u200bb"]),
            ("ﾗｼﾞｵ体操", ["ラジオ", "体操"]),
            ("The Lighthouse™", ["lighthouse", "lighth*", '"the lighth*"', "-harb* lighth*"]),
        ],
    ),
)
def test_what_is_written_in_another_form_is_found_and_taken_out_of_the_index_again(
    tmp_path, text, searches
):
    fresh = new_database(tmp_path)
    subscribe(fresh, Subscription("a", "https://a.example/feed", name_given=True))
    there = entry(1, title="Post about", summary=text, content_html=f"<p>{text}</p>")
    record(fresh, "a", [there])

    if fresh.dialect.name == "postgresql" and "体" in text:
        searches = ["ラジオ体操"]  # rows of signs are one word there
    for search in searches:
        assert titles(fresh, scope=ListScope(ListKind.SEARCH, search)) == ["Post about"], search
    assert titles(fresh, scope=ListScope(ListKind.SEARCH, "lightho")) == []
    record(fresh, "a", [replace(there, summary="", content_html="", content_hash=b"x" * 16)])
    for search in searches:
        assert titles(fresh, scope=ListScope(ListKind.SEARCH, search)) == [], search
    fresh.dispose()


def test_a_search_finds_the_words_of_full_texts_but_not_their_markup(tmp_path):
    database = new_database(tmp_path)
    subscribe(database, Subscription("a", "https://a.example/feed", name_given=True))
    html = (
        '<p class="lead">A li<b>ght</b>house</p><p>keeper’s log é &amp; co, '
        "see example.org/ever-after.html, 3.5 km, 한국어</p>"
    )
    record(database, "a", [entry(31, content_html=html, summary="Café by-line, 3.5 km.")])

    for search in ("lighthouse", '"keeper s log"', "post lighthouse", "log é", "cafe -tea"):
        assert titles(database, scope=ListScope(ListKind.SEARCH, search)) == ["Post 31"], search
    for search in ("example", "after html", '"3 5"', "한국어", "line 5", "E", "CAFÉ"):
        assert titles(database, scope=ListScope(ListKind.SEARCH, search)) == ["Post 31"], search
    for search in ("lead", "class", "amp", '"lighthousekeeper"', "post -cafe"):
        assert titles(database, scope=ListScope(ListKind.SEARCH, search)) == [], search
    database.dispose()


@pytest.mark.parametrize(
    ("configured", "own", "title"),
    [("Given", "Own", "Given"), (None, "Own", "Own"), ("", "Own", "Own"), (None, "", "harbour")],
)
def test_a_source_has_one_title_wherever_it_is_named(tmp_path, configured, own, title):
    database = new_database(tmp_path)
    subscribe(database, Subscription("harbour", "https://harbour.example/", configured))
    record(database, "harbour", [entry(1)], head=FeedHead(title=own))

    with database.connect() as connection:
        (listed,) = read_lists.entries_page(connection, limit=9).entries
        found = read_lists.entries_page(
            connection, scope=ListScope(ListKind.SEARCH, f"source:{title[1:4]}"), limit=9
        )
        ((busiest, _),) = read_overview.sidebar(connection, now=NOW).busiest
        (health,) = read_health.feeds_by_urgency(connection, now=NOW)

    assert listed.source.title == busiest.title == health.source.title == title
    assert [each.id for each in found.entries] == [listed.id]
    database.dispose()
