import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from aggregator.database.columns import UtcDateTime
from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import write_relisting
from aggregator.model import Failure, FailureKind, FeedHead, HostPause, Outcome
from tests.selection import slow_but
from tests.web_fixtures import EVIL, FEEDS, Site, entry, full_site, words
from web import page_contents


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site that nothing in the tests changes."""
    return full_site(tmp_path_factory.mktemp("full"))


@pytest.fixture
def site(tmp_path) -> Site:
    fresh = Site(tmp_path)
    fresh.subscribe()
    return fresh


# ------------------------------------------------------------ sources and status


def test_sources_lists_every_subscription(full):
    page = full.page("/sources")

    groups = [[[words(cell) for cell in row] for row in group] for group in page.all("tbody")]
    assert [group[0] for group in groups] == [["The Sea"], ["Trade"], ["Without category"]]
    assert [[row[:4] for row in group[1:]] for group in groups] == [
        [[f"TTide {EVIL}{EVIL}", "tide.example", "–", "1"]],
        [["LLamp", "example.org", groups[1][1][2], "95"]],
        [["LLocal File", "samples/local.xml", "–", "0"]],
    ]
    assert groups[1][1][4].endswith("ago")
    assert page.link("LLamp") == "/source/lamp"


def test_a_source_with_several_categories_names_all_of_them_in_the_order_of_the_file(tmp_path):
    feed = {"name": "lamp", "url": "https://lamp.example/", "category": ["Öl", "Berlin", "C & D"]}
    site = Site(tmp_path, feeds=[feed, *FEEDS[1:]])  # type: ignore[list-item]
    site.subscribe()
    links = [
        ("Öl", "/category/%C3%B6l"),
        ("Berlin", "/category/berlin"),
        ("C & D", "/category/c-d"),
    ]

    page, others = site.page("/source/lamp"), site.page("/source/tide")

    (section,) = [s for s in page.all("section") if s.get("aria-labelledby") == "s-c"]
    assert words(section) == "CategoriesÖl, Berlin, C & D"
    assert [(words(link), link.get("href")) for link in section.iter("a")] == links
    (section,) = [s for s in others.all("section") if s.get("aria-labelledby") == "s-c"]
    assert words(section) == "CategoryThe Sea"
    assert not [
        s for s in site.page("/source/local").all("section") if s.get("aria-labelledby") == "s-c"
    ]
    (cell,) = [cell for cell in site.page("/sources").all("th") if words(cell).startswith("Llamp")]
    assert words(cell).endswith("Also in Berlin, C & D")


def test_a_source_in_the_table_has_two_links(full):
    page = full.page("/sources")

    for row in page.all("tr")[1:]:
        links = [each.get("href") for each in row.iter("a")]
        assert len(links) <= 2
    assert page.link("Feed") == "/source/tide/feed.atom"


def test_the_sources_of_a_category_are_one_click_away_on_any_page(tmp_path, monkeypatch):
    feeds = [
        {"name": f"f{n}", "url": f"https://f{n}.example/", "category": f"Category {n % 3}"}
        for n in range(9)
    ]
    site = Site(tmp_path, feeds=[*feeds, {"name": "bare", "url": "https://bare.example/"}])
    site.subscribe()

    def jumps(path: str) -> list[tuple[str, str | None]]:
        (menu,) = site.page(path).all("ul", "chips")
        return [(words(link), link.get("href")) for link in menu.iter("a")]

    assert jumps("/sources") == [
        ("Category 0 3", "#category-category-0"),
        ("Category 1 3", "#category-category-1"),
        ("Category 2 3", "#category-category-2"),
        ("Without category 1", "#no-category"),
    ]
    monkeypatch.setattr(page_contents, "FEEDS_A_PAGE", 4)
    assert jumps("/sources?skip=4") == [
        ("Category 0 3", "/sources#category-category-0"),
        ("Category 1 3", "/sources?skip=3#category-category-1"),
        ("Category 2 3", "#category-category-2"),
        ("Without category 1", "/sources?skip=9#no-category"),
    ]
    for _, path in jumps("/sources?skip=4")[:2]:
        address, _, anchor = (path or "").partition("#")
        assert anchor in {each.get("id") for each in site.page(address).all("tbody")}


def test_a_pause_between_two_requests_is_not_given_as_the_reason_of_a_failure(site):
    now = datetime.now(UTC)
    pause = HostPause("tide.example", now + timedelta(seconds=30))
    site.record(
        "tide", now=now, next_poll_at=now, pauses=(pause,),
        outcome=Outcome.FAILED, status=404, error="404", failures=1,
    )  # fmt: skip

    said = site.page("/status").rows()[1][0]

    assert said.startswith("404. Checked less often after 1 failure. Failing since ")


def test_the_status_page_has_problems_first_and_says_what_happened(site):
    now = datetime.now(UTC)
    site.record("lamp", entry(1), now=now - timedelta(hours=2))
    site.record("lamp", now=now - timedelta(minutes=12), status=304, size=210)
    for hours in (5, 1):
        site.record(
            "tide",
            now=now - timedelta(hours=hours),
            outcome=Outcome.FAILED,
            status=None,
            error="DNS name not found",
            failure=Failure(FailureKind.UNKNOWN_HOST),
            failures=2,
            next_reason="asked less often after 2 failures",
            next_poll_at=now + timedelta(hours=6, minutes=1),
        )
    site.record("local", outcome=Outcome.GONE, status=410, error="410 Gone", next_poll_at=None)

    page = site.page("/status")

    rows = page.rows()
    assert rows[0][1:6] == ["Failing", "never", "in 6 hours", "none", "–"]
    assert rows[1][0].startswith(
        "There is no host of this name. The address may be misspelled, or the domain expired. "
        "Checked less often after 2 failures. Failing since "
    )
    assert rows[2][1:5] == ["Gone", "never", "never", "410 Gone"]
    assert "safe to delete" in rows[3][0]
    assert rows[4][1:3] == ["Fine", "12 minutes ago"]
    assert rows[4][4:6] == ["304, 0.2 kB", "–"]
    assert rows[4][6].endswith("50% unchanged")
    sparks = [each.get("aria-label") for each in page.all("svg", "spark")]
    assert sparks[2] == "Posts in the last 26 weeks, at most 1 a week"
    strips = [each.get("aria-label") for each in page.all("svg", "strip")]
    assert strips == ["2 failed", "1 gone", "1 with new posts, 1 unchanged"]
    assert page.all("path", "k-n")[0].get("d") == "M90 1v13"
    assert words(page.one("dl", "stats")).startswith("Feeds3Fine1With problems1Waiting0Gone1")


def test_a_pause_that_a_server_asked_for_is_no_failure(site):
    site.record(
        "lamp",
        outcome=Outcome.POSTPONED,
        status=429,
        error="429 Too Many Requests",
        failures=1,
        not_before=datetime.now(UTC) + timedelta(hours=4),
        next_reason="the server asked for a pause",
    )

    page = site.page("/status")

    assert words(page.all("span", "state")[0]) == "Waiting"
    assert words(page.one("tr", "det")) == "The server asked for a pause."


def test_a_failing_feed_keeps_its_posts_and_one_never_read_shows_its_address(site):
    failed = {"outcome": Outcome.FAILED, "status": 404, "error": "404 Not Found", "failures": 1}
    failed["failure"] = Failure(FailureKind.NOT_FOUND, 404)
    site.record("lamp", entry(1))
    site.record("lamp", **failed)
    site.record("tide", **failed)

    said = [words(each) for each in site.page("/status").all("tr", "det")]

    assert said[0].endswith("Posts already collected stay in the list.")
    assert said[1].endswith("never worked. Is https://***@tide.example/rss the right address?")
    trouble = words(site.page("/source/tide").one("p", "trouble"))
    assert trouble.startswith("Failing There is nothing at this address (404). The feed may have")


def test_the_status_page_is_never_behind_the_last_poll(site):
    now = datetime.now(UTC)
    states = []
    for milliseconds, error in [(1, None), (2, "500 Oh no"), (3, None)]:
        report = {"outcome": Outcome.FAILED, "failures": 1} if error else {}
        at = now + timedelta(milliseconds=milliseconds)
        site.record("lamp", now=at, error=error, **report)
        states += [row[1] for row in site.page("/status").rows() if row[0] == "LLamp"]

    assert states == ["Fine", "Failing", "Fine"]


def test_the_status_page_says_how_far_a_changed_rule_is_worked_over(site):
    site.record("lamp", *(entry(number) for number in range(7)))
    rules = replace(site.config, hide="title:2").listing_rules
    with site.engine.begin() as connection:
        write_subscriptions.follow_config(
            connection, site.config.feeds, rules, stories=True, now=datetime.now(UTC)
        )

    def ledes() -> list[str]:
        return [words(each) for each in site.page("/status").all("p", "lede")][1:]

    assert ledes() == ["Lists are being updated: 0 of 7 posts."]
    with site.engine.begin() as connection:
        write_relisting.relist_batch(connection, 3, now=datetime.now(UTC))
    assert ledes() == ["Lists are being updated: 3 of 7 posts."]
    write_relisting.relist_all(site.engine)
    assert ledes() == []
    assert "Post 2" not in site.page("/").titles()


def test_what_servers_say_is_text_on_the_page_and_passwords_are_masked(full):
    for path in ("/status", "/source/local", "/source/tide"):
        page = full.page(path)

        assert EVIL not in page.text
        assert "&lt;script&gt;" in page.text
    assert "https://***@new.example/" in full.page("/status").text
    assert full.page("/source/tide").link("Address") == "https://***@tide.example/rss"


def test_a_long_list_of_feeds_has_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(page_contents, "FEEDS_A_PAGE", 2)
    site = Site(tmp_path)
    site.subscribe()
    site.record("tide", outcome=Outcome.FAILED, status=500, error="500 Oh no", failures=1)

    first, second = site.page("/status"), site.page("/status?skip=2")

    assert [row[0] for row in first.rows() if len(row) > 1] == ["TTitle of tide", "LLamp"]
    assert [row[0] for row in second.rows() if len(row) > 1] == ["LLocal File"]
    assert (first.link("More feeds"), second.link("Previous feeds")) == (
        "/status?skip=2",
        "/status",
    )
    assert words(second.one("dl", "stats")).startswith(
        "Feeds3Fine0With problems1Reading2Waiting0Gone0"
    )
    assert len(site.page("/sources?skip=2").rows()) == 2  # with the heading of its category
    assert site.page("/status?skip=9").all("a") != []
    assert len(site.page("/status?skip=x").rows()) == 3


def test_the_status_page_begins_with_the_mistake_of_a_config_that_is_not_in_use(site):
    problem = "config.yaml:12:5: feeds[3].interval: https://me:secret@x.example/ is not a span"
    with site.engine.begin() as connection:
        write_subscriptions.note_config_problem(connection, problem)
    before = site.client.get("/status").headers["ETag"]

    alert = site.page("/status").one("p", "halted")
    with site.engine.begin() as connection:
        write_subscriptions.follow_config(
            connection, site.config.feeds, site.config.listing_rules, stories=True,
            now=datetime.now(UTC),
        )  # fmt: skip

    assert words(alert) == (
        "config.yaml has a mistake and was not loaded; the last valid version is still in use. "
        "config.yaml:12:5: feeds[3].interval: https://***@x.example/ is not a span"
    )
    assert not site.page("/status").all("p", "halted")
    assert site.client.get("/status").headers["ETag"] != before


# --------------------------------------------------------------------- first run


def test_without_feeds_the_page_says_what_to_write(tmp_path):
    page = Site(tmp_path, feeds=()).page("/")

    assert words(page.one("h1")) == "Nothing to read yet"
    assert words(page.all("code")[1]).startswith("feeds: -")


def test_the_first_reading_shows_how_far_it_is(site):
    assert "Reading feeds for the first time: 0 of 3 done" in site.page("/").text

    site.record("lamp")
    site.record("tide", outcome=Outcome.FAILED, status=500, error="500 Oh no", failures=1)
    page = site.page("/")

    assert page.one("progress").get("value") == "2"
    rows = [words(each) for each in page.all("li")]
    assert rows == [
        "Fine Lamp 0 posts",
        "Reading Local File samples/local.xml",
        "Failing Title of tide 500 Oh no",
    ]
    assert page.one("main").get("data-poll") == "/updates.json?after=0"


def test_a_server_that_starts_before_the_scheduler_counts_the_configured_feeds(tmp_path):
    assert "Reading feeds for the first time: 0 of 3 done" in Site(tmp_path).page("/").text


def test_feeds_without_posts_are_no_fault(site):
    for name in ("lamp", "tide", "local"):
        site.record(name)

    assert words(site.page("/").one("h1")) == "No posts yet"
    assert words(site.page("/").one("p", "lede")) == "All feeds were read; none has any posts yet."
    assert "This source has no posts." in site.page("/source/lamp").text
    assert "No posts in this category." in site.page("/category/trade").text


def test_feeds_that_can_not_be_read_are_not_called_read(site):
    failed = {"outcome": Outcome.FAILED, "status": None, "error": "name not found", "failures": 1}
    site.record("lamp")
    site.record("tide", **failed)
    site.record("local", **failed)
    assert "2 feeds could not be read" in words(site.page("/").one("p", "lede"))
    assert words(site.page("/").all("h2")[0]) == "3 feeds checked, 2 failed"

    site.record("lamp", **failed)

    assert words(site.page("/").one("p", "lede")).startswith("None of the feeds could be read")


def test_the_status_page_says_when_nothing_is_stored_any_more(tmp_path):
    """A full disk can't be noted in the database; that feeds are due and nothing came, is there."""
    site = Site(tmp_path)
    now = datetime.now(UTC)
    said = "Feeds are due, but nothing is being saved"
    with site.engine.begin() as connection:
        write_subscriptions.sync_subscriptions(
            connection, site.config.feeds, now=now - timedelta(minutes=6)
        )
    assert said in site.page("/status").text

    minutes = {"lamp": 1, "tide": 2, "local": 3}
    for name, ago in minutes.items():  # polled lately, and due again: a long queue is no halt
        site.record(name, now=now - timedelta(minutes=ago), next_poll_at=now - timedelta(hours=1))
    assert said not in site.page("/status").text

    pause = HostPause("lamp.example", now + timedelta(hours=1))
    for name in minutes:  # nothing came for ten minutes: of one the host rests, others aren't due
        due_at = now + timedelta(minutes=30 if name != "lamp" else -30)
        at = now - timedelta(minutes=10)
        site.record(name, now=at, next_poll_at=due_at, pauses=(pause,))
    with site.engine.begin() as connection:
        checked_at = now - timedelta(minutes=10)
        connection.execute(text("UPDATE state SET checked_at = :at"),
                           {"at": UtcDateTime.encode(checked_at)})  # fmt: skip
    assert said not in site.page("/status").text
    site.record("tide", now=now - timedelta(minutes=9), next_poll_at=now - timedelta(minutes=6))
    assert said in site.page("/status").text
    site.engine.dispose()


PRIVATE = [
    "10.1.2.3 is a private address; to poll it add it to network.allow",
    "fd00::7 is a private address; to poll it add it to network.allow",
    "connection to [fe80::1]:8080 refused",
    "redirected to http://db.internal:5432/x, which is not a feed",
    "redirected to http://172.16.0.9/x, which is not a feed",
    "127.0.0.1: connection refused",
    "::ffff:192.168.0.1 does not answer",
]
PUBLIC = [
    "404 Not Found",
    "no answer within 30 s",
    "redirected to https://lamp.example/new, which is not a feed",
    "certificate: expired on 2026-11-23 10:00:00",
    "port 22 is not one of 80, 443",
    "version 1.2.3.4.5",
]


@pytest.mark.parametrize("error", [*slow_but(PRIVATE[2:4], PRIVATE), *slow_but(PUBLIC[:2], PUBLIC)])
def test_no_page_tells_what_a_name_of_the_private_network_leads_to(tmp_path, error):
    site = Site(tmp_path)
    site.subscribe()
    failed = {"outcome": Outcome.FAILED, "status": None, "failures": 1, "head": FeedHead()}
    site.record(
        "tide", **failed, error=error, next_reason=f"because of {error}", moved_to="http://10.1.2.3"
    )
    private = error in PRIVATE

    for path in ("/", "/status", "/source/tide", "/sources", "/metrics", "/sources.opml"):
        said = site.client.get(path).text

        assert "10.1.2.3" not in said
        if private:
            assert not re.search(
                r"db\.internal|127\.0\.0\.1|network\.allow|fd00|fe80|172\.16", said
            )
        elif path in {"/", "/status", "/source/tide"}:
            assert error.lower() in said.lower()
        if private and path in {"/", "/status", "/source/tide"}:
            assert "eads to an address that is not public" in said


def test_the_status_page_says_once_that_this_machine_seems_to_be_offline(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    offline = "This machine seems to be offline."
    assert offline not in site.page("/status").text
    for name in ("lamp", "tide", "local"):
        site.record(name, error="name not found", outcome=Outcome.FAILED, failures=0)

    assert site.page("/status").text.count(offline) == 1
    assert site.page("/source/lamp").text.count(offline) == 1


def test_the_first_page_of_an_offline_machine_blames_no_feed(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    unknown_host = Failure(FailureKind.UNKNOWN_HOST)
    for name in ("lamp", "tide", "local"):
        site.record(name, error="x", failure=unknown_host, outcome=Outcome.FAILED, failures=0,
                    head=FeedHead())  # fmt: skip

    page = site.page("/")

    assert words(page.one("p", "lede")) == (
        "This machine seems to be offline. None of the feeds could be read. They will be tried "
        "again automatically."
    )
    assert "There is no host of this name" not in page.text
    assert "3 feeds read" not in page.text
    assert page.all("progress") == []
