"""The page of a post: the text, what stands around it, and which posts have none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import Enclosure, Subscription
from tests.stored import statements
from tests.test_web import POLICY
from tests.web_fixtures import EVIL, HtmlPage, Site, entry, post_path, words

RICH = (
    '<p>Spring tides, <a href="https://moon.example/">twice a month</a>.</p>'
    '<img src="https://cdn.example/a.png" alt="Quay">'
)


@pytest.fixture
def site(tmp_path) -> Site:
    site = Site(tmp_path)
    site.subscribe()
    return site


def test_a_post_stands_on_a_page_with_its_text(site):
    changed = entry(90, title="Tides &amp; <quays>", authors=("Ada", "Ines"), content_html=RICH)
    before = replace(changed, content_html="<p>Soon.</p>", content_hash=b"before".ljust(16))
    site.record("lamp", before, now=datetime.now(UTC) - timedelta(hours=1))
    site.record("lamp", changed)

    page = site.page(post_path(site))

    assert words(page.one("h1")) == "Tides &amp; <quays>"
    assert words(page.one("title")) == "Tides &amp; <quays> · Daybook"
    assert words(page.one("div", "text")) == "Spring tides, twice a month.Picture: Quay"
    assert words(page.one("p", "by")) == "LLamp Ada, Ines"
    published, updated = page.one("ul", "when").iter("time")
    assert published.get("datetime") == f"{changed.published_at:%Y-%m-%dT%H:%M:%SZ}"
    assert str(changed.published_at.year) in words(published)
    assert "dt-updated" in updated.get("class", "")
    assert page.link("LLamp") == "/source/lamp"
    assert page.link("Picture: Quay") == "https://cdn.example/a.png"


def test_the_way_to_the_publisher_is_first_and_last(site):
    site.record("lamp", entry(1, url="https://www.tides.example/1?a=1&b=2"))
    page = site.page(post_path(site))
    (article,) = page.all("article")

    links = [each for each in article.iter("a") if words(each) == "Read at tides.example"]
    head, _text, foot = article
    assert [each.get("href") for each in links] == ["https://www.tides.example/1?a=1&b=2"] * 2
    assert [links[0] in part.iter() for part in (head, foot)] == [True, False]
    assert [links[1] in part.iter() for part in (head, foot)] == [False, True]


def test_search_engines_are_sent_to_the_publisher(site):
    site.record("lamp", entry(1))
    path = post_path(site)
    page = site.page(path)

    assert site.client.get(path).headers["X-Robots-Tag"] == "noindex"
    (canonical,) = [each for each in page.all("link") if each.get("rel") == "canonical"]
    assert canonical.get("href") == "https://example.org/post-1"
    assert [each.get("content") for each in page.all("meta") if each.get("name") == "robots"]


def test_only_the_page_of_a_post_plays_sound_and_video(site):
    site.record("lamp", entry(1))
    path = post_path(site)

    assert site.client.get(path).headers["Content-Security-Policy"] == f"{POLICY}; media-src https:"
    for other in ("/", "/post/1", "/post/x"):
        assert site.client.get(other).headers["Content-Security-Policy"] == POLICY


def test_a_hostile_post_is_text(site):
    evil = entry(1, title=EVIL, summary=EVIL, authors=(EVIL,), content_html="", url=None)
    site.record("tide", evil)
    page = site.page(post_path(site))

    assert words(page.one("h1")) == words(page.one("div", "text")) == EVIL
    assert not page.all("img") and len(page.all("script")) == 1
    assert not [each for each in page.all("link") if each.get("rel") == "canonical"]
    assert "Read at" not in page.text


def test_a_post_without_a_date_says_when_it_was_first_seen(site):
    site.record("lamp", entry(1, published_at=None))

    page = site.page(post_path(site))

    assert words(page.one("ul", "when")).startswith("first seen ")


def test_a_post_names_the_other_sources_of_its_story(site):
    text = "<p>" + " ".join(f"word{n} of the same article" for n in range(60)) + "</p>"
    for name in ("lamp", "tide"):
        site.record(name, entry(1, title="The ferry runs again after the storm", content_html=text))

    page = site.page(post_path(site))

    assert words(page.one("ul", "when")).endswith("Also in Lamp")
    other = site.page(page.link("Lamp"))
    assert words(other.one("p", "by")) == "LLamp"
    (link,) = other.one("ul", "when").iter("a")
    assert link.get("href") == post_path(site)


def test_the_post_of_another_source_that_is_not_read_here_is_a_link_to_its_page(tmp_path):
    feeds = [
        {"name": "lamp", "url": "https://lamp.example/", "title": "Lamp", "read_here": "off"},
        {"name": "tide", "url": "https://tide.example/", "title": "Tide"},
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    text = "<p>" + " ".join(f"word{n} of the same article" for n in range(60)) + "</p>"
    for name, url in (("lamp", "https://lamp.example/ferry"), ("tide", None)):
        title = "The ferry runs again after the storm"
        site.record(name, entry(1, title=title, content_html=text, url=url))

    page = site.page(post_path(site))

    assert words(page.one("p", "by")) == "TTide"
    assert page.link("Lamp") == "https://lamp.example/ferry"


def test_a_date_in_the_future_is_told_once(site):
    later = datetime.now(UTC) + timedelta(days=9)
    site.record("lamp", entry(1, published_at=later))

    dates = site.page(post_path(site)).one("ul", "when")

    assert [each.get("class") for each in dates.iter("time")] == ["dt-published"]
    assert words(dates).startswith("Dated ")
    assert words(dates).endswith(" UTC (in the future); listed when it arrived")


@pytest.mark.parametrize(
    "path", ["/post/1", "/post/x", "/post/" + "9" * 30, "/post/-", "/post/1/x"]
)
def test_an_address_without_a_post_leads_back(site, path):
    page = site.page(path, 404)

    assert page.link("Recent posts") == "/"


def test_a_post_that_no_list_of_its_source_shows_cannot_be_read(tmp_path):
    feeds = [{"name": "lamp", "url": "https://lamp.example/", "hide": "secret"}]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    site.record(
        "lamp", entry(1, title="Secret", summary="Cut…", url=None), entry(2, guid="b", title="Open")
    )
    hidden, shown = post_path(site, "Secret"), post_path(site, "Open")

    assert "/post/" not in site.page("/source/lamp?hidden=1").text
    site.page(hidden, 404)
    site.page(shown)
    site.subscribe(Subscription("other", "https://other.example/"))
    page = site.page(shown, 404)
    assert words(page.one("h1")) == "Not found"


def test_read_here_off_leaves_the_pages_of_posts_out(tmp_path):
    feeds = [
        {"name": "lamp", "url": "https://lamp.example/"},
        {"name": "tide", "url": "https://tide.example/", "read_here": "on"},
    ]
    site = Site(tmp_path, feeds=feeds, page={"read_here": "off"})
    site.subscribe()
    site.record("lamp", entry(1, title="Excerpt only"))
    site.record("tide", entry(2, title="Whole"))

    site.page(post_path(site, "Excerpt only"), 404)
    site.page(post_path(site, "Whole"))
    site.subscribe(*(replace(feed, read_here=True) for feed in site.config.feeds))
    site.page(post_path(site, "Excerpt only"))


def test_the_page_of_a_post_takes_three_statements(site):
    site.record("lamp", entry(1))
    path = post_path(site)

    with statements(site.engine) as executed:
        site.page(path)

    assert sum(statement.startswith("SELECT") for statement in executed) == 3


def test_a_page_that_the_reader_has_is_not_sent_again(site):
    site.record("lamp", entry(1))
    path = post_path(site)
    etag = site.client.get(path).headers["ETag"]

    assert site.client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_dates_of_a_post_are_those_of_its_publisher(site):
    later = datetime.now(UTC) + timedelta(days=300)
    site.record("lamp", entry(1, published_at=later))
    page = site.page(post_path(site))

    assert isinstance(page, HtmlPage)
    assert "(in the future); listed when it arrived" in words(page.one("ul", "when"))


# ------------------------------------------------------------------- files


EPISODE = Enclosure("https://cdn.example/ep%201.mp3", "audio/mpeg", 38_400_000, 2520)


def test_sound_and_video_of_a_post_can_be_played_and_downloaded(site):
    files = (
        EPISODE,
        Enclosure("https://cdn.example/talk.mp4"),
        Enclosure("http://old.example/b.ogg", "audio/ogg"),
        Enclosure("https://cdn.example/notes.pdf", "application/pdf", 900),
    )
    site.record("lamp", entry(1, enclosures=files))

    page = site.page(post_path(site))

    assert [
        (each.tag, each.get("src"), each.get("preload"), each.get("controls"))
        for each in [*page.all("audio"), *page.all("video")]
    ] == [
        ("audio", "https://cdn.example/ep%201.mp3", "none", ""),
        ("video", "https://cdn.example/talk.mp4", "none", ""),
    ]
    assert [words(each) for each in page.one("ul", "files")] == [
        "Download ep 1.mp3 42 min, 38 MB",
        "Download talk.mp4",
        "b.ogg",
        "notes.pdf 0.9 kB",
    ]
    assert page.link("b.ogg") == "http://old.example/b.ogg"


def test_a_file_that_the_text_plays_is_not_offered_twice(site):
    text = '<p>Listen</p><audio src="https://cdn.example/ep%201.mp3"></audio>'
    site.record("lamp", entry(1, enclosures=(EPISODE,), content_html=text))

    page = site.page(post_path(site))

    assert len(page.all("audio")) == 1
    assert not page.all("ul", "files")


def test_a_file_to_which_the_text_only_leads_can_still_be_played(site):
    text = f'<p><a href="{EPISODE.url}">Listen</a></p>'
    site.record("lamp", entry(1, enclosures=(EPISODE,), content_html=text))

    (audio,) = site.page(post_path(site)).all("audio")

    assert audio.get("src") == EPISODE.url


def test_a_file_whose_address_begins_another_address_of_the_text_is_offered(site):
    notes = Enclosure("https://cdn.example/notes", "application/pdf")
    text = (
        '<p><a href="https://cdn.example/notes/2">Other notes</a> at https://cdn.example/notes</p>'
    )
    site.record("lamp", entry(1, enclosures=(notes,), content_html=text))

    assert site.page(post_path(site)).link("notes") == "https://cdn.example/notes"


def test_the_comments_of_a_post_are_a_link(site):
    site.record("lamp", entry(1, comments_url="https://talk.example/1"), entry(2, guid="b"))

    for path in ("/", post_path(site)):
        assert site.page(path).link("Comments") == "https://talk.example/1"


# -------------------------------------------------------- from a list and back


def titles_of_ways(page: HtmlPage) -> list[str]:
    return [words(each) for each in page.one("nav", "ways")][:-1]


def test_a_post_leads_to_the_newer_and_the_older_one_of_its_list(site):
    site.record("lamp", entry(1), entry(2), entry(5))
    site.record("tide", entry(3, guid="c"), entry(4, guid="d", title="<b>"))
    path = post_path(site, "Post 3")

    assert titles_of_ways(site.page(path)) == ["Newer Post 2", "Older <b>"]
    assert titles_of_ways(site.page(f"{path}?in=source/tide")) == ["Older <b>"]
    page = site.page(f"{path}?in=category/the-sea")
    assert titles_of_ways(page) == ["Older <b>"]
    assert page.link("Back to the list") == "/category/the-sea"
    older = page.link("Older <b>")
    assert older == f"{post_path(site, '<b>')}?in=category/the-sea"
    assert titles_of_ways(site.page(older)) == ["Newer Post 3"]


def test_a_post_leads_on_through_the_results_of_a_search(site):
    site.record("lamp", *(entry(n, title=f"Tide {n}" if n % 2 else f"Wind {n}") for n in range(6)))
    path = post_path(site, "Tide 3")

    assert titles_of_ways(site.page(f"{path}?in=search/tide")) == ["Newer Tide 1", "Older Tide 5"]
    (link,) = [
        each for each in site.page(f"{path}?in=search/tide").all("a") if each.get("rel") == "next"
    ]
    assert link.get("href") == f"{post_path(site, 'Tide 5')}?in=search/tide"
    assert titles_of_ways(site.page(f"{path}?in=search/t* -w* link:example")) == []


@pytest.mark.parametrize(
    "origin", ["category/none", "all/", "search/ferry", "source/tide", "x", "%00/%00", "a/b"]
)
def test_an_unknown_list_in_the_address_does_no_harm(site, origin):
    site.record("lamp", entry(1), entry(2))

    page = site.page(f"{post_path(site)}?in={origin}")

    assert titles_of_ways(page) == ["Older Post 2"]
    assert page.link("Back to the list") == "/"
    assert page.link("Older Post 2") == post_path(site, "Post 2")


def test_the_way_on_passes_over_posts_that_cannot_be_read_here(tmp_path):
    feeds = [
        {"name": "lamp", "url": "https://lamp.example/"},
        {"name": "tide", "url": "https://tide.example/", "read_here": "off"},
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    site.record("lamp", entry(1), entry(4))
    site.record("tide", entry(2, guid="b"), entry(3, guid="c"))

    assert titles_of_ways(site.page(post_path(site))) == ["Older Post 4"]


def test_a_list_offers_to_read_what_goes_beyond_the_excerpt(site):
    site.record(
        "lamp",
        entry(1, title="Cut", summary="The beginning of it…"),
        entry(2, title="Long", summary="What it is about.", content_html=f"<p>{'word ' * 300}</p>"),
        entry(3, title="Short"),
        entry(4, title="Empty", summary="All there is.", content_html=""),
    )

    page = site.page("/category/trade")

    offers = {
        words(article.find("h3")): [
            each.get("href") for each in article.iter("a") if words(each) == "Read here"
        ]
        for article in page.all("article")
    }
    assert offers == {
        "Cut": [f"{post_path(site, 'Cut')}?in=category/trade"],
        "Long": [f"{post_path(site, 'Long')}?in=category/trade"],
        "Short": [],
        "Empty": [],
    }


def test_a_list_leads_to_what_a_post_has_besides_words(tmp_path):
    feeds = [
        {"name": "here", "url": "https://here.example/"},
        {"name": "away", "url": "https://away.example/", "read_here": "off"},
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    pictures = tuple(Enclosure(f"https://cdn.example/{n}.jpg", "image/jpeg") for n in range(3))
    text = '<img src="https://cdn.example/a.png">'
    site.record("here", entry(1, enclosures=(EPISODE,)))
    site.record("here", entry(2, guid="b", enclosures=pictures))
    site.record("here", entry(3, guid="c", summary="", content_html=text * 2))
    site.record("here", entry(4, guid="d", summary="", content_html=text))
    site.record("away", entry(5, guid="e", enclosures=(EPISODE,)))
    site.record("away", entry(6, guid="f", summary="", content_html=text))

    articles = site.page("/").all("article")

    notes = [
        (words(note), *(link.get("href") for link in note))
        for article in articles
        for note in article.iter("span")
        if "tag" in note.get("class", "").split()
    ]
    posts = [post_path(site, f"Post {number}") for number in range(1, 5)]
    assert notes == [
        ("Audio, 42 min", posts[0]),
        ("3 pictures", posts[1]),
        ("2 pictures", posts[2]),
        ("1 picture", posts[3]),
        ("Audio, 42 min", "https://cdn.example/ep%201.mp3"),
        ("1 picture",),
    ]


def test_a_post_without_a_link_is_read_here(site):
    site.record("lamp", entry(1, url=None))

    assert site.page("/").link("Post 1") == post_path(site)
