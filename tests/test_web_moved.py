"""Former addresses of lists lead to the present ones."""

from pathlib import Path

import pytest

from aggregator.model import Subscription
from tests.web_fixtures import Site, entry, post_path
from tests.worlds import NOW
from web import create_app


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> Site:
    """A site whose source `old` is called `neu-ä` now, below a path; nothing changes it."""
    return moved_site(tmp_path_factory.mktemp("moved"))


def moved_site(folder: Path) -> Site:
    site = Site(folder, base_url="https://posts.example/reader")
    url = "https://blog.example/feed"
    site.subscribe(Subscription("old", url, categories=("C++",)))
    site.record("old", entry(1))
    site.subscribe(Subscription("neu-ä", url, categories=("C++",)))
    return site


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("/source/old", "/reader/source/neu-%C3%A4"),
        ("/source/old?view=titles&x=1", "/reader/source/neu-%C3%A4?view=titles"),
        ("/source/old/feed.atom", "/reader/source/neu-%C3%A4/feed.atom"),
        ("/source/old/feed.json?limit=5", "/reader/source/neu-%C3%A4/feed.json?limit=5"),
        (
            "/source/old?before=1867000000000000",
            "/reader/source/neu-%C3%A4?before=1867000000000000",
        ),
        ("/source/OLD", "/reader/source/neu-%C3%A4"),
        ("/source/Neu-%C3%84", "/reader/source/neu-%C3%A4"),
        ("/source/neu-a%CC%88/feed.rss", "/reader/source/neu-%C3%A4/feed.rss"),
        ("/search?q=source:old", "/reader/search?q=source:neu-%C3%A4"),
        ("/search/feed.rss?q=source:old", "/reader/search/feed.rss?q=source:neu-%C3%A4"),
        ("/category/c", "/reader/category/c-plus-plus"),
        ("/category/c/feed.atom", "/reader/category/c-plus-plus/feed.atom"),
        ("/category/c/sources.opml?x=1", "/reader/category/c-plus-plus/sources.opml"),
    ],
)
def test_a_former_address_answers_301_to_the_present_one(moved, former, present):
    answer = moved.client.get(f"/reader{former}", headers={"Host": "evil.example"})

    assert (answer.status_code, answer.headers["Location"]) == (301, present)
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert moved.client.get(present).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/source/none",
        "/source/none/feed.atom",
        "/category/d",
        "/category/d/sources.opml",
        "/view/none",
        "/view/none/feed.json",
        "/view/none/archive/2026-W47.atom",
        "/view/old/sources.opml",
    ],
)
def test_an_address_that_nothing_ever_had_is_404(moved, path):
    assert moved.client.get(f"/reader{path}").status_code == 404


def test_the_feed_of_a_former_address_opened_in_a_browser_is_explained_at_the_present_one(moved):
    answer = moved.client.get(
        "/reader/source/old/feed.atom", headers={"Sec-Fetch-Dest": "document"}
    )

    assert answer.status_code == 301
    assert answer.headers["Location"].endswith("/source/neu-%C3%A4/feed.atom")


def test_a_post_that_was_opened_from_the_former_list_leads_to_its_neighbours(tmp_path):
    moved = moved_site(tmp_path)
    moved.record("neu-ä", entry(2, guid="2"), entry(3, guid="3"))
    moved.app = create_app(moved.config, moved.engine, utc_now=lambda: NOW)
    paths = [f"{post_path(moved, 'Post 2')}?in=source/{name}" for name in ("old", "neu-ä")]

    former, present = (moved.app.test_client().get(f"/reader{path}").text for path in paths)

    assert former == present


def test_a_name_that_is_in_use_again_answers_itself(tmp_path):
    moved = moved_site(tmp_path)
    url = "https://blog.example/feed"
    moved.subscribe(
        Subscription("neu-ä", url), Subscription("old", "https://other.example/", name_given=True)
    )

    assert moved.client.get("/reader/source/old").status_code == 200
    assert moved.client.get("/reader/search?q=source:old").status_code == 200
