"""Views of config.yaml as lists: page, feeds, archives, topics; and feeds in several categories."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.config import load
from aggregator.database.websub import write_unannounced
from aggregator.dates import Week
from aggregator.merged import ListRequest, Publication
from aggregator.model import ListKind, ListScope
from aggregator.poll import recording
from tests import worlds
from tests.web_fixtures import Site, entry, words
from web import create_app

VIEWS = (
    {"name": "whales", "title": "Whales & co", "search": "whale", "description": "Big <ones>"},
    {"name": "no-land", "search": "-(gull OR trade)"},
)
FEEDS: tuple[dict[str, Any], ...] = (
    {
        "name": "lamp",
        "url": "https://lamp.example/feed.xml",
        "category": ["Trade", "The Sea"],
        "title": "Lamp",
    },
    {"name": "tide", "url": "https://tide.example/rss", "category": "The Sea", "title": "Tide"},
)


class Viewed(Site):
    """A site with two views and a feed in two categories."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FEEDS, views=[dict(view) for view in VIEWS])
        self.subscribe()
        self.record("lamp", entry(1, title="A whale"), entry(2, title="A gull"))
        self.record("tide", entry(3, title="Whale", guid="t3"), entry(4, title="Eel", guid="t4"))

    def configure(self, **values: Any) -> None:
        """Change keys of config.yaml, as a person does, and serve what the file says then."""
        path = Path(self.config.path)
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))
        self.config = load(path)
        self.subscribe()
        self.app = create_app(self.config, self.engine)
        self.client = self.app.test_client()


@pytest.fixture
def site(tmp_path) -> Viewed:
    return Viewed(tmp_path)


def test_the_page_of_a_view_has_what_matches_below_its_title_and_description(site):
    page = site.page("/view/whales")

    assert page.titles() == ["A whale", "Whale"]
    assert words(page.one("h1")) == "Whales & co"
    assert [words(each) for each in page.all("p", "lede")] == [
        "Big <ones>",
        "2 posts, checked just now",
    ]
    (description,) = [each for each in page.all("meta") if each.get("name") == "description"]
    assert description.get("content") == "Big <ones>"
    assert words(page.one("title")) == "Whales & co · Daybook"


def test_views_follow_the_categories_in_the_order_of_the_file_and_say_what_they_are(site):
    chips = site.page("/view/no-land").all("ul", "chips")[0]

    assert [words(each) for each in chips] == [
        "All 4",
        "The Sea 4",
        "Trade 2",
        "View: Whales & co 2",
        "View: no-land 3",
    ]
    (current,) = [a for a in chips.iter("a") if a.get("aria-current")]
    assert current.get("href") == "/view/no-land"


def test_numbers_beside_lists_count_a_story_once(site):
    text = "The ferry to the island of the whale runs again on all days of the week from May on."
    same = {"title": "The ferry runs again", "summary": text, "content_html": f"<p>{text}</p>"}
    site.record("lamp", entry(5, guid="l5", **same))
    site.record("tide", entry(5, guid="t5", **same))

    chips = site.page("/").all("ul", "chips")[0]

    assert [words(each) for each in chips] == [
        "All 5",
        "The Sea 5",
        "Trade 3",
        "View: Whales & co 3",
        "View: no-land 4",
    ]
    for chip in chips:
        (link,) = chip.iter("a")
        assert int(words(chip).split()[-1]) == len(site.page(link.get("href", "")).titles())


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_the_feeds_of_a_view_have_its_title_its_description_and_what_matches(site, form):
    page = site.page("/view/whales")
    (path,) = {a.get("href") for a in page.all("a") if a.get("href", "").endswith(form)} & {
        f"/view/whales/feed.{form}"
    }

    answer = site.client.get(path)

    if form == "json":
        feed = answer.json
        assert (feed["title"], feed["description"]) == ("Daybook: Whales & co", "Big <ones>")
        assert feed["home_page_url"] == "https://posts.example/view/whales"
        assert [item["title"] for item in feed["items"]] == ["A whale", "Whale"]
        return
    texts = [
        words(each) for each in ET.fromstring(answer.data).iter() if each.tag.endswith("title")
    ]
    assert texts[0] == "Daybook: Whales & co"
    assert {"A whale", "Whale"} <= set(texts) and "Eel" not in texts
    assert "Big &lt;ones&gt;" in answer.text or "Big &amp;lt;ones&amp;gt;" in answer.text


def test_the_documents_of_a_view_have_one_id_and_lead_to_its_archives(site):
    root = ET.fromstring(site.client.get("/view/whales/feed.atom").data)
    archive = site.client.get(f"/view/whales/archive/{Week.of(datetime.now(UTC))}.atom")

    atom = "{http://www.w3.org/2005/Atom}"
    assert root.findtext(f"{atom}id") == "https://posts.example/view/whales"
    assert archive.status_code == 200
    assert ET.fromstring(archive.data).findtext(f"{atom}id") == root.findtext(f"{atom}id")


def test_new_posts_of_a_view_are_counted_for_an_open_page(site):
    poll = site.page("/view/whales").one("main").get("data-poll", "")
    site.record("tide", entry(0, title="New whale", guid="n1"), entry(0, title="Eel", guid="n2"))

    assert "view=whales" in poll
    assert site.client.get(poll).json == {"count": 1}


def test_a_poll_announces_the_views_that_have_its_new_posts(site):
    now = datetime.now(UTC)
    poll = worlds.poll_of(site.engine, "tide", [entry(0, title="New whale", guid="n")], now=now)
    with site.engine.begin() as connection:
        recording.record(connection, [poll], replace(worlds.SETTINGS, announced=True), now=now)
        changes = write_unannounced.waiting_changes(
            connection, now=now + timedelta(minutes=1), debounce=timedelta(seconds=30)
        )

    assert {change.scope for change in changes} == {
        ListScope(),
        ListScope(ListKind.CATEGORY, "the-sea"),
        ListScope(ListKind.VIEW, "whales"),
        ListScope(ListKind.VIEW, "no-land"),
        ListScope(ListKind.SOURCE, "tide"),
    }
    for change in changes:
        request = ListRequest(change.scope)
        publication = Publication.of(site.config)
        assert publication.request_for(publication.url(request)) == request


@pytest.mark.parametrize(
    "path",
    ["/view/whales", "/view/whales/feed.atom", "/view/whales/archive/2026-W01.atom"],
)
def test_a_view_that_left_the_file_is_not_found(site, path):
    site.configure(views=[dict(VIEWS[1])])

    assert site.client.get(path).status_code == 404
    assert "Whales" not in site.page("/").text


def test_a_changed_view_shows_what_matches_now(site):
    site.configure(views=[{"name": "whales", "title": "Fish", "search": "eel"}])

    page = site.page("/view/whales")

    assert (words(page.one("h1")), page.titles()) == ("Fish", ["Eel"])
    assert site.client.get("/view/whales/feed.json").json["title"] == "Daybook: Fish"


def test_a_feed_of_two_categories_is_in_both_lists_and_its_page_names_both(site):
    assert site.page("/category/trade").titles() == ["A whale", "A gull"]
    assert site.page("/category/the-sea").titles() == ["A whale", "A gull", "Whale", "Eel"]
    beside = [a for a in site.page("/source/lamp").all("a") if "/category/" in a.get("href", "")]
    assert [words(a) for a in beside] == ["Trade", "The Sea"]
