"""The health feed: an entry for each episode, with the promises of all other feeds."""

import json
from datetime import UTC, datetime, timedelta

import atoma
import feedparser
import pytest
from sqlalchemy import update

from aggregator.database.episodes import read_episodes, write_episodes
from aggregator.database.schema import feeds, state
from aggregator.model import Failure, FailureKind
from aggregator.model.health_episodes import (
    EndedEpisode,
    EpisodeChanges,
    EpisodeEnd,
    EpisodeKind,
    Trouble,
)
from aggregator.publish import Format
from tests.musts import broken
from tests.web_fixtures import EVIL, HtmlPage, Site, entry, words
from web import create_app

BEGAN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
NOW = BEGAN + timedelta(days=2)
PAGE = Failure(FailureKind.WEB_PAGE, 200, "https://lamp.example/real.xml")
PATHS = [f"/status/feed.{form}" for form in Format]
FEEDS = [
    {"name": "lamp", "url": "https://lamp.example/feed.xml", "title": "Lamp"},
    {"name": "tide", "url": "https://user:secret@tide.example/rss", "title": EVIL},
    {"name": "circle", "url": "https://members.example/7hq", "title": "Circle", "private": "true"},
]


class Watched(Site):
    """A site with an episode of each kind."""

    def __init__(self, folder, **values) -> None:
        super().__init__(folder, feeds=FEEDS, **values)
        self.subscribe()
        self.record("lamp", entry(1))
        self.app = create_app(self.config, self.engine, utc_now=lambda: NOW)
        self.client = self.app.test_client()

    def tell(self, kind: EpisodeKind, name: str | None = "lamp", **values) -> None:
        feed_id = 0 if name is None else [feed["name"] for feed in FEEDS].index(name) + 1
        self.write(opened=(Trouble(kind, BEGAN, feed_id, **values),))

    def write(self, **changes) -> None:
        with self.engine.begin() as connection:
            write_episodes.write_changes(connection, EpisodeChanges(**changes), now=NOW)

    def end(self, end: EpisodeEnd = EpisodeEnd.MENDED, after=timedelta(days=3)) -> None:
        """End the episode with the last change."""
        with self.engine.begin() as connection:
            (last,) = read_episodes.newest(connection, limit=1)
            ended_at = last.episode.trouble.began_at + after
            ending = EndedEpisode(last.episode.id, ended_at, end)
            changes = EpisodeChanges(ended=(ending,))
            write_episodes.write_changes(connection, changes, now=NOW + timedelta(days=1))

    def items(self) -> list[dict]:
        return json.loads(self.client.get("/status/feed.json").text)["items"]


@pytest.fixture
def site(tmp_path):
    return Watched(tmp_path)


def test_an_episode_is_an_entry_that_says_what_is_wrong_and_what_to_write(site):
    site.tell(EpisodeKind.FAILING, failure=PAGE, detail="a web page, not a feed")
    site.tell(EpisodeKind.MOVED, detail="https://new.example/feed")
    site.tell(EpisodeKind.SILENT, gap=timedelta(days=2, hours=3))
    site.tell(EpisodeKind.CONFIG, None, detail="config.yaml:3: unknown key “fedes”")

    config, silent, moved, failing = site.items()

    assert failing["title"] == "Lamp cannot be read"
    assert failing["content_html"] == (
        "<p>This address has a web page, not a feed. The page names https://lamp.example/real.xml "
        "as its feed.</p><p>Failing since Friday 20 November 2026, 09:30 UTC.</p>"
        "<p>The line of config.yaml:</p><pre><code>url: https://lamp.example/real.xml</code></pre>"
    )
    assert failing["url"] == "https://posts.example/source/lamp"
    assert (failing["date_published"], failing.get("date_modified")) == (
        "2026-11-22T09:30:00Z", None
    )  # fmt: skip
    assert failing["id"] == "https://posts.example/status/1"
    assert (failing["tags"], failing["authors"]) == (["failing"], [{"name": "Daybook"}])
    assert failing["_source"]["feed_url"] == "https://lamp.example/feed.xml"
    assert moved["content_html"].endswith("<code>url: https://new.example/feed</code></pre>")
    assert silent["summary"] == (
        "Its last post came on Friday 20 November 2026, 09:30 UTC. "
        "Usually there is a post every 2 days."
    )
    assert config["content_html"].endswith('<p lang="en">config.yaml:3: unknown key “fedes”.</p>')
    assert config["url"] == "https://posts.example/status"
    assert config["_source"]["id"] == "https://posts.example/status"


def test_of_a_page_that_changed_the_selector_is_told(site):
    failure = Failure(FailureKind.PAGE_CHANGED, 200)
    site.tell(EpisodeKind.FAILING, failure=failure, detail="`.recent li` matches nothing")

    assert '<p lang="en">`.recent li` matches nothing.</p>' in site.items()[0]["content_html"]


def test_the_end_of_an_episode_moves_updated_once_and_says_how_long_it_lasted(site):
    site.tell(EpisodeKind.FAILING, failure=PAGE)
    (opened,) = site.items()
    site.end()

    (ended,) = site.items()

    assert ended["id"] == opened["id"]
    assert ended["date_published"] == opened["date_published"]
    assert ended["date_modified"] == "2026-11-23T09:30:00Z"
    assert ended["title"] == "Over: Lamp cannot be read"
    assert ended["summary"].startswith(
        "This ended on Monday 23 November 2026, 09:30 UTC; it lasted 3 days. This address has"
    )


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (EpisodeEnd.UNSUBSCRIBED, "The feed left config.yaml on Friday 20 November"),
        (EpisodeEnd.PAUSED, "The feed has been paused in config.yaml since Friday 20 November"),
        (EpisodeEnd.SUPERSEDED, "Another problem has taken the place of this one."),
    ],
)
def test_other_ends_are_told_too(site, end, text):
    site.tell(EpisodeKind.REMOVED)
    site.end(end, after=timedelta(hours=1))

    assert site.items()[0]["summary"].startswith(text)


def test_polls_do_not_change_a_byte_and_a_reader_with_the_feed_gets_304(site):
    site.tell(EpisodeKind.FAILING, failure=PAGE)
    for path in PATHS:
        first = site.client.get(path)
        site.record("lamp", entry(2), entry(3))
        again = site.client.get(path)
        assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])
        assert "max-age=" in first.headers["Cache-Control"]
        assert f'<https://posts.example{path}>; rel="self"' in str(first.headers)
        asked = site.client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (asked.status_code, asked.data) == (304, b"")
        dated = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert site.client.get(path, headers=dated).status_code == 304
        assert first.headers["Access-Control-Allow-Origin"] == "*"

    site.end()
    assert site.client.get(path, headers={"If-None-Match": first.headers["ETag"]}).data


def test_every_format_keeps_its_rules_with_hostile_texts_and_without_entries(site):
    for path, form in zip(PATHS, Format, strict=True):
        assert broken(form, site.client.get(path).data) == []
    hostile = "https://evil.example/?\"><script>'&x"
    site.tell(EpisodeKind.MOVED, "tide", detail=hostile)
    site.tell(EpisodeKind.CONFIG, None, detail=EVIL)
    site.tell(EpisodeKind.FAILING, "tide", detail=EVIL)
    site.tell(EpisodeKind.NOT_STORED, None)
    for path, form in zip(PATHS, Format, strict=True):
        data = site.client.get(path).data
        assert broken(form, data) == []
        if form is not Format.JSON:
            read = feedparser.parse(data)
            assert not read.bozo and len(read.entries) == 4
            assert b"<script" not in data
    for item in site.items():
        assert "<script" not in item["content_html"] and "<img" not in item["content_html"]


def test_it_speaks_the_language_of_the_configuration(tmp_path):
    site = Watched(tmp_path, language="de")
    site.tell(EpisodeKind.FAILING, failure=PAGE)
    site.end()

    feed = json.loads(site.client.get("/status/feed.json", headers={"Accept-Language": "fr"}).text)

    assert (feed["language"], feed["items"][0]["title"]) == (
        "de", "Vorbei: Lamp kann nicht gelesen werden"
    )  # fmt: skip
    assert "Dauer: 3 Tage." in feed["items"][0]["summary"]


def test_other_readers_read_it(site):
    site.tell(EpisodeKind.FAILING, failure=PAGE)
    site.end()

    atom = atoma.parse_atom_bytes(site.client.get("/status/feed.atom").data)
    rss = atoma.parse_rss_bytes(site.client.get("/status/feed.rss").data)

    assert atom.title.value == "Daybook: Feed status"
    assert [each.title.value for each in atom.entries] == ["Over: Lamp cannot be read"]
    assert atom.updated == NOW + timedelta(days=1) == atom.entries[0].updated
    assert atom.entries[0].id_ == rss.items[0].guid


def test_addresses_of_private_feeds_and_networks_and_secrets_stand_nowhere(site):
    site.tell(EpisodeKind.MOVED, "circle", detail="https://members.example/new")
    failure = Failure(FailureKind.WEB_PAGE, 200, "https://members.example/x")
    error = "redirected to https://members.example/y"
    site.tell(EpisodeKind.FAILING, "circle", failure=failure, detail=error)
    site.tell(EpisodeKind.SILENT, "circle")
    site.tell(EpisodeKind.MOVED, "lamp", detail="https://10.1.2.3/feed")
    site.tell(EpisodeKind.FAILING, "lamp", detail="10.1.2.3: connection refused")
    site.tell(EpisodeKind.MOVED, "tide", detail="https://me:pass@new.example/?token=s3cret-s3cret")
    site.tell(EpisodeKind.CONFIG, None, detail="config.yaml:9: https://me:pass@10.1.2.3/ twice")

    for path in PATHS:
        data = site.client.get(path).text
        for place in ("members.example", "7hq", "10.1.2.3", "pass", "s3cret", "secret"):
            assert place not in data, (path, place)
    assert "It has another address now, which `aggregator check` names." in data
    assert "url: " not in data  # no line with a secret to fill in


def test_status_off_hides_the_feed(tmp_path):
    site = Watched(tmp_path, page={"status": "off"})

    assert [site.client.get(path).status_code for path in PATHS] == [404] * 3
    assert "/status" not in site.client.get("/").text


def test_the_page_leads_readers_to_the_feed_and_people_who_open_it_to_the_page(site):
    page = site.page("/status")
    found = [
        (each.get("type"), each.get("href"))
        for each in page.all("link")
        if "status" in (each.get("title") or "")
    ]
    assert [path for _, path in found] == PATHS
    assert found[0][0] == "application/atom+xml"
    assert page.link("JSON Feed") == "/status/feed.json"

    answer = site.client.get("/status/feed.rss", headers={"Sec-Fetch-Dest": "document"})
    person = HtmlPage(answer.text)
    assert "Daybook: Feed status, as RSS" in words(person.one("main"))
    assert person.link("Read the list here") == "/status"
    assert person.link("View the raw feed") == "/status/feed.rss?raw"


def test_an_outage_is_told_while_nothing_can_be_stored_and_keeps_its_id(site):
    until = NOW - timedelta(minutes=30)
    with site.engine.begin() as connection:
        connection.execute(update(state).values(checked_at=until))
        connection.execute(update(feeds).values(next_poll_at=until))

    (told,) = site.items()
    assert told["title"] == "Nothing is being saved"
    assert "The last check was saved on Sunday 22 November 2026, 09:00 UTC." in told["summary"]
    trouble = Trouble(EpisodeKind.NOT_STORED, until)
    site.write(opened=(trouble,))
    assert site.items() == [told]

    with site.engine.begin() as connection:
        connection.execute(update(state).values(checked_at=NOW))
    site.end(after=timedelta(minutes=45))
    (over,) = site.items()
    assert over["id"] == told["id"]
    assert "it lasted 45 minutes" in over["summary"]


@pytest.mark.slow
def test_the_newest_fifty_episodes_are_told(site):
    for _ in range(52):
        site.tell(EpisodeKind.FAILING, failure=PAGE)
        site.end()

    items = site.items()
    assert len(items) == 50
    assert items[0]["date_modified"] >= items[-1]["date_modified"]
    assert len({item["id"] for item in items}) == 50
