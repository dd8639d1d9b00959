"""What a client may ask of the database, and what it is told when that is too much."""

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from aggregator.database import deadline, open_database
from aggregator.database.deadline import attempt, within
from aggregator.database.lists import read_lists
from aggregator.database.lists.list_query import list_query
from aggregator.database.state import read_overview
from aggregator.errors import DeadlineError
from aggregator.model import ListKind, ListScope
from aggregator.search.search_parser import parse
from bench.pages import seed
from tests import worlds
from tests.running import MUCH_LONGER, eventually, get, running, slowest_usual
from tests.selection import slow_after
from tests.stored import statements
from tests.web_fixtures import Site, entry, words
from web import create_app, machine_views, server
from web.costly_searches import AT_ONCE

ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n")
AT_ONCE_OVER = timedelta(0)  # a statement may have the steps before the first look at the clock
EXCLUDING = "lamp " + " ".join(f"-word{number}" for number in range(15))
PHRASE = '"' + " ".join(f"word{number}" for number in range(20)) + '"'
COSTLY = ["link:nobody", EXCLUDING, PHRASE, "-coal -oil source:lamp", "whal* coa* oi*"]


@pytest.fixture
def reader():
    """Opens databases to read from, for as long as a test lasts."""
    with ExitStack() as opened:

        def reading(database, **options):
            address = database.url.render_as_string(hide_password=False)
            engine = open_database(address, read_only=True, **options)
            opened.callback(engine.dispose)
            return engine

        yield reading


@pytest.fixture(scope="module")
def lamps_database(tmp_path_factory):
    """A site with 400 posts, five of them below one address; nothing in the tests changes them."""
    site = Site(tmp_path_factory.mktemp("lamps"))
    site.subscribe()
    posts = [
        entry(
            n, url=f"https://lamp.example/{'ada' if n % 80 == 7 else 'nils'}/{n}", title=f"Lamp {n}"
        )
        for n in range(400)
    ]
    site.record("lamp", *posts, now=datetime.now(UTC) - timedelta(hours=1))
    return site


@pytest.fixture
def lamps(lamps_database):
    """The site with an application that has answered nothing yet."""
    site = copy(lamps_database)
    site.app = create_app(site.config, site.engine)
    site.client = site.app.test_client()
    return site


@pytest.fixture
def bounded(lamps, reader):
    """The same site, its statements with a deadline."""
    lamps.app = create_app(lamps.config, reader(lamps.engine, deadline=timedelta(seconds=30)))
    lamps.client = lamps.app.test_client()
    return lamps


# --------------------------------------------------------------------- deadline


def test_a_statement_ends_at_its_deadline_and_its_transaction_goes_on(reader, tmp_path):
    engine = reader(worlds.new_database(tmp_path), deadline=timedelta(milliseconds=20))
    with engine.connect() as connection:
        for _ in range(2):
            with pytest.raises(DeadlineError, match="took too long"), attempt(connection):
                connection.execute(ENDLESS)

        assert read_overview.version(connection) > 0


def test_rows_that_are_read_one_by_one_end_at_the_deadline_too(reader, tmp_path):
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n")
    engine = reader(worlds.sqlite_database(tmp_path), deadline=timedelta(milliseconds=20))
    with engine.connect() as connection, pytest.raises(DeadlineError):
        for _ in connection.execute(endless):
            pass


@pytest.mark.parametrize("options", [{}, {"deadline": AT_ONCE_OVER}])
def test_a_statement_has_no_deadline_or_a_longer_one_where_that_is_said(reader, tmp_path, options):
    engine = reader(worlds.sqlite_database(tmp_path), **options)
    many = text(ENDLESS.text.replace("SELECT i FROM n)", "SELECT i + 1 FROM n WHERE i < 50000)"))
    with engine.connect() as connection:
        longer = many.execution_options(**within(timedelta(minutes=1)))

        assert connection.scalar(longer) == 50_000


@pytest.mark.slow
@worlds.only_sqlite
def test_what_the_web_reads_with_has_the_deadline_and_what_commands_read_with_has_not(
    reader, tmp_path
):
    site = Site(tmp_path)
    # What both servers make; they themselves run until a signal.
    app = server._app(site.config, listens_on="127.0.0.1")
    with app.extensions["aggregator"].engine.connect() as connection:
        assert "deadline" in connection.info
    with reader(site.engine).connect() as connection:
        assert "deadline" not in connection.info


# ----------------------------------------------------------------------- search


@pytest.fixture
def short_searches(monkeypatch):
    """On any machine one statement does not suffice for a search; steps have 20 entries."""
    monkeypatch.setattr(read_lists, "SEARCHING", AT_ONCE_OVER)
    monkeypatch.setattr(read_lists, "_FIRST_STEP", 20)
    monkeypatch.setattr(read_lists, "_MAX_STEPPING", 0)


@pytest.mark.slow
@worlds.only_sqlite
@pytest.mark.parametrize("with_content", slow_after(1, [True, False]))
def test_a_search_that_meets_its_deadline_goes_on_page_by_page(
    reader, lamps, short_searches, with_content
):
    engine = reader(lamps.engine, deadline=timedelta(seconds=30))
    titles, before, pages = [], None, 0
    with engine.connect() as connection:
        while True:
            page = read_lists.entries_page(
                connection,
                scope=ListScope(ListKind.SEARCH, "link:/ada/"),
                limit=3,
                before=before,
                with_content=with_content,
            )
            titles += [each.title for each in page.entries]
            before, pages = page.next, pages + 1
            if before is None:
                break

    assert titles == [f"Lamp {n}" for n in range(7, 400, 80)]
    assert not page.ended_early
    assert pages > 2


@pytest.mark.parametrize(
    "search",
    slow_after(
        3, ["lamp link:/ada/", "link:/ada/ -7", "lamp -167 -247", "source:lamp", "lam* before:2100"]
    ),
)
def test_in_steps_a_search_finds_what_one_statement_finds(lamps, search, monkeypatch):
    monkeypatch.setattr(read_lists, "_FIRST_STEP", 20)
    monkeypatch.setattr(read_lists, "_MAX_STEPPING", 60)
    with lamps.engine.connect() as connection:
        whole = read_lists.entries_page(
            connection, scope=ListScope(ListKind.SEARCH, search), limit=30
        )
        found = list_query(connection, ListScope(ListKind.SEARCH, search))
        # Called by itself: where a deadline falls is up to the machine.
        request = read_lists._PageRequest(found, 30, lambda _: True, with_content=False)

        assert read_lists._page_by_steps(connection, request, None) == whole
        assert whole.entries


@worlds.only_sqlite
def test_a_page_of_a_costly_search_says_how_far_it_looked(bounded, short_searches):
    page = bounded.page("/search?q=link:nobody")

    assert "Searched back to" in page.text
    assert "before=" in page.link("Older posts")


@worlds.only_sqlite
def test_a_search_that_reaches_nothing_says_what_to_leave_out(bounded, short_searches, monkeypatch):
    monkeypatch.setattr(read_lists, "STEP", AT_ONCE_OVER)
    monkeypatch.setattr(read_lists, "_FIRST_STEP", 10_000)

    assert "This search takes too long" in words(bounded.page("/search?q=link:zz").one("p", "end"))
    feed = bounded.client.get("/search/feed.atom?q=link:zz")
    assert (feed.status_code, feed.headers["Retry-After"]) == (503, "10")
    assert feed.text.count("\n") == 1


@worlds.only_sqlite
def test_a_list_that_meets_its_deadline_while_it_is_read_leads_on(reader, lamps):
    engine = reader(lamps.engine, deadline=timedelta(seconds=30))
    with engine.connect() as connection:

        def is_read(_entry):
            connection.info["deadline"].start(AT_ONCE_OVER)  # all that comes is too late
            return True

        page = read_lists.entries_page(connection, limit=350, fits=is_read)
        following = read_lists.entries_page(connection, limit=1, before=page.next)

    assert 0 < len(page.entries) < 350
    assert following.entries[0].title == f"Lamp {len(page.entries)}"


@worlds.only_sqlite
@pytest.mark.parametrize("path", slow_after(1, ["/", "/feed.atom", "/status"]))
def test_any_other_page_that_takes_too_long_is_a_503(reader, lamps, path, monkeypatch):
    monkeypatch.setattr(deadline, "_STEPS", 1)
    lamps.app = create_app(lamps.config, reader(lamps.engine, deadline=AT_ONCE_OVER))

    answer = lamps.app.test_client().get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "This takes too long" in answer.text


# ----------------------------------------------------------------------- bounds


@pytest.mark.parametrize("search", [EXCLUDING, PHRASE, "w " * 17])
def test_the_page_says_what_was_left_out_of_a_search(tmp_path, search):
    page = Site(tmp_path).page(f"/search?q={search}")

    assert page.all("div", "hints")


# ------------------------------------------------------------------ at one time


@pytest.mark.parametrize("search", COSTLY)
def test_searches_that_cost_much_are_told_from_others(search):
    assert parse(search).is_costly


@pytest.mark.parametrize(
    "search",
    [
        "",
        "whale",
        "big whales",
        '"big whales sold" -coal',
        "whal* source:lamp",
        "source:lamp",
        "海の音",
        "after:2026-01-01 tide",
        "category:web -coal tide",
    ],
)
def test_usual_searches_do_not_count_as_costly(search):
    assert not parse(search).is_costly


def test_costly_searches_are_few_at_a_time_and_nothing_else_waits_for_them(lamps):
    costly = lamps.app.extensions["aggregator"].costly_searches
    asked = ListScope(ListKind.SEARCH, "link:/ada/")
    paths = [
        "/search?q=link:/nils/",
        "/search/feed.json?q=link:/nils/",
        "/updates.json?q=link:/nils/&after=0",
    ]
    with ExitStack() as running:
        for _ in range(AT_ONCE):
            running.enter_context(costly.room_for(asked))
        for path in paths:
            answer = lamps.client.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), path
            assert "Too many searches are running" in answer.text
        for path in ("/", "/search?q=lamp", "/status", "/feed.atom"):
            assert lamps.client.get(path).status_code == 200

    assert [lamps.client.get(path).status_code for path in paths] == [200, 200, 200]


def test_threads_are_left_for_pages_while_costly_searches_run():
    assert AT_ONCE <= server.THREADS // 2


# ------------------------------------------------------------------ heavy pages


def stopped_clock() -> Callable[[], datetime]:
    """Return a clock that stays at this moment: pages change with the minute."""
    now = datetime.now(UTC)
    return lambda: now


def asked_twice(site, *paths):
    """Return the statements that the second of these requests needs."""
    app = create_app(site.config, site.engine, utc_now=stopped_clock())
    bodies = []
    for path in paths:
        with statements(site.engine) as executed:
            answer = app.test_client().get(path)
            bodies.append(answer.data)
        assert answer.status_code == 200
    assert bodies[0] == bodies[1]
    return [each for each in executed if each.startswith("SELECT")]


@pytest.mark.parametrize(
    "path", slow_after(1, ["/status", "/sources", "/", "/source/lamp", "/search?q=lamp"])
)
def test_a_page_is_not_made_anew_for_what_is_added_to_its_address(lamps, path):
    again = path + ("&" if "?" in path else "?") + "x=1"

    assert len(asked_twice(lamps, path, again)) == 1


@pytest.mark.parametrize(("path", "most"), [("/sources.opml", 2), ("/metrics", 1)])
def test_what_is_made_of_all_feeds_is_not_made_anew_while_nothing_changes(
    lamps, path, most, monkeypatch
):
    monkeypatch.setattr(machine_views, "_METRICS_KEPT", 10**10)

    assert len(asked_twice(lamps, path, f"{path}?x=1")) <= most


def test_a_page_of_all_feeds_is_made_once_for_those_who_ask_at_the_same_time(lamps):
    app = create_app(lamps.config, lamps.engine, utc_now=stopped_clock())
    ask = partial(app.test_client().get, "/status")
    with ThreadPoolExecutor(4) as readers, statements(lamps.engine) as executed:
        with app.extensions["aggregator"].feed_table_lock:
            answers = [readers.submit(ask) for _ in range(4)]
        assert {answer.result(30).status_code for answer in answers} == {200}

    assert sum("FROM polls" in each for each in executed) <= 2  # counts, and the page


CLIENTS = """
import itertools, sys, threading, urllib.error, urllib.parse, urllib.request

def ask(number, path, kind):
    for n in itertools.count():
        query = urllib.parse.quote(kind.replace("#", f"{number}x{n}"))
        try:
            urllib.request.urlopen(f"{sys.argv[1]}/{path}?q={query}", timeout=30).read()
        except urllib.error.HTTPError as refusal:
            refusal.read()

kinds = sys.argv[2:]
for number in range(20):
    kind, path = kinds[number % len(kinds)], ("search", "search/feed.atom")[number % 2]
    threading.Thread(target=ask, args=(number, path, kind), daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return the folder of a database of 60,000 entries, which takes long to fill."""
    folder = tmp_path_factory.mktemp("large")
    with seed(folder, 60_000, 200).open("a") as file:
        file.write("web: {port: 0}\n")
    return folder


@pytest.mark.slow
def test_the_page_answers_while_twenty_clients_ask_for_costly_searches(large):
    words = [f"{a}{b}" for a in "etaoins" for b in "etaoin"]  # the shortest are the most frequent
    kinds = [
        "harbour -# " + " ".join(f"-{word}" for word in words[:14]),
        f'"{" ".join(words[:20])} #"',
        "link:#",
        "-# -oil source:f7 link:a",
        " ".join(f"{word}*" for word in words[:15]) + " -#",
    ]

    numbers = itertools.count()

    def look() -> None:
        assert get(f"{url}/?before={(2**62) - next(numbers)}")[0] == 200  # rendered anew each time

    with running(large, "serve") as (_, url):
        eventually(lambda: get(f"{url}/healthz")[0] == 200)
        alone = slowest_usual(look)
        arguments = [sys.executable, "-c", CLIENTS, url, *kinds]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE) as clients:
            try:
                time.sleep(1)
                assert slowest_usual(look, count=30) < MUCH_LONGER * alone
                assert clients.poll() is None
            finally:
                clients.kill()
