"""The lists as a reader sees them: days, entries, stories, what is folded."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.database.state import read_overview
from aggregator.model import (
    CleanEntry,
    Enclosure,
    FeedHead,
    ListKind,
    ListScope,
    NamedList,
    Sidebar,
    Subscription,
)
from tests.web_fixtures import Site, entry, words
from web.sidebars import Sidebars


def test_the_list_is_newest_first_in_groups_of_days(site):
    now = datetime.now(UTC)
    ages = [timedelta(seconds=1), timedelta(days=1), timedelta(days=3), timedelta(days=400)]
    site.record("lamp", *(entry(n, published_at=now - age) for n, age in enumerate(ages)))

    page = site.page("/")

    assert page.titles() == ["Post 0", "Post 1", "Post 2", "Post 3"]
    days = [words(each) for each in page.all("h2") if each.get("id", "").startswith("d")]
    assert days[0].startswith("Today ")
    assert days[1].startswith("Yesterday ")
    assert days[2].startswith(f"{now - ages[2]:%A} ")
    assert f"{(now - ages[3]).year} " in days[3]


def test_days_are_those_of_the_configured_zone(tmp_path):
    names = ["UTC", "Pacific/Kiritimati"]
    now = datetime.now(UTC)
    keys = []
    for name in names:
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        site = Site(folder, timezone=name)
        site.subscribe()
        site.record(
            "lamp", entry(1, published_at=now.replace(hour=0, minute=0) - timedelta(hours=8))
        )
        keys.append(site.page("/").one("section", "day").get("aria-labelledby"))

    assert keys[0] != keys[1]


def test_the_head_says_how_much_there_is_and_how_fresh_it_is(site):
    site.record("lamp", entry(1), entry(2))
    site.record("tide", entry(3, guid="other"))

    page = site.page("/")

    assert words(page.one("p", "lede")) == "3 posts from 3 sources, checked just now"
    chips = [words(each) for each in page.all("ul", "chips")[0]]
    assert chips == ["All 3", "The Sea 1", "Trade 2"]
    assert words(site.page("/category/trade").one("p", "lede")).startswith("2 posts, checked")


def test_of_many_categories_the_row_begins_with_the_one_being_read_and_the_fullest(tmp_path):
    names = [f"Category of things {number}" for number in range(20)]
    feeds = [
        {"name": f"f{n}", "url": f"https://f{n}.example/", "category": name}
        for n, name in enumerate(names)
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    for number in range(3):
        site.record("f3", entry(number))
    site.record("f7", entry(9, guid="other"))

    row, menu = site.page("/category/category-of-things-12").all("ul", "chips")

    texts = [words(each) for each in row]
    assert texts[:4] == [
        "All 4",
        "Category of things 12 0",
        "Category of things 3 3",
        "Category of things 7 1",
    ]
    assert len(texts) == 17
    in_menu = [words(each) for each in menu]
    assert in_menu[0] == "All 4"
    assert {text.rpartition(" ")[0] for text in in_menu[1:]} == set(names)
    for links in (row, menu):
        here = [each.get("href") for each in links.iter("a") if each.get("aria-current")]
        assert here == ["/category/category-of-things-12"]


def test_views_follow_the_categories_and_say_what_they_are(site, monkeypatch):
    view = NamedList(ListScope(ListKind.VIEW, "deep"), "Deep sea", 1204, "Whales & <waves>")
    categories = read_overview.sidebar

    def sidebar(*args: Any, **options: Any) -> Sidebar:
        found = categories(*args, **options)
        return replace(found, lists=(*found.lists, view))

    monkeypatch.setattr(read_overview, "sidebar", sidebar)
    site.record("lamp", entry(1))

    page = site.page("/view/deep")

    chips = page.all("ul", "chips")[0]
    assert [words(each) for each in chips] == [
        "All 1",
        "The Sea 0",
        "Trade 1",
        "View: Deep sea 1,204",
    ]
    (current,) = [a for a in chips.iter("a") if a.get("aria-current")]
    assert current.get("href") == "/view/deep"
    assert words(page.one("h1")) == "Deep sea"
    assert [words(each) for each in page.all("p", "lede")] == [
        "Whales & <waves>",
        "1,204 posts, checked just now",
    ]
    (description,) = [each for each in page.all("meta") if each.get("name") == "description"]
    assert description.get("content") == "Whales & <waves>"
    assert {each.get("href") for each in page.all("a") if each.get("type")} == {
        f"/view/deep/feed.{form}" for form in ("atom", "rss", "json")
    }


def test_a_row_with_room_for_all_categories_keeps_the_order_of_the_page(full):
    row, menu = full.page("/category/trade").all("ul", "chips")

    assert "few" in row.get("class", "").split()
    assert [words(each) for each in row] == [words(each) for each in menu]


def test_who_is_busiest_is_found_once_a_minute_and_all_else_each_time(site):
    minute, sidebars = datetime.now(UTC).replace(second=0), Sidebars()
    site.record("lamp", entry(1))

    def beside(seconds: int) -> tuple[list[int], list[int]]:
        with site.engine.connect() as connection:
            whole = read_overview.overview(connection)
            found = sidebars.read(connection, whole, now=minute + timedelta(seconds=seconds))
        return [each.posts for each in found.lists], [number for _, number in found.busiest]

    assert beside(0) == ([0, 1], [1])
    site.record("tide", entry(2, guid="other"))
    assert beside(59) == ([1, 1], [1])
    assert beside(60) == ([1, 1], [1, 1])


def test_a_source_that_gave_way_to_another_does_not_stay_among_the_busiest(site):
    minute, sidebars = datetime.now(UTC).replace(second=0), Sidebars()
    site.record("lamp", entry(1))
    site.record("tide", entry(2, guid="other"))

    def busiest(seconds: int) -> list[tuple[str, str]]:
        now = minute + timedelta(seconds=seconds)
        with site.engine.connect() as connection:
            found = sidebars.read(connection, read_overview.overview(connection), now=now)
        return [(source.name, source.title) for source, _ in found.busiest]

    before = busiest(0)
    tide = Subscription("tide", "https://tide.example/feed", title="The tide", name_given=True)
    others = [
        Subscription(f"new{n}", f"https://new.example/{n}", name_given=True)
        for n in range(len(site.config.feeds) - 1)
    ]
    site.subscribe(tide, *others)

    assert [name for name, _ in before] == ["lamp", "tide"]
    assert busiest(1) == [("tide", "The tide")]


def test_an_entry_shows_time_source_author_title_and_excerpt(midday):
    site = midday
    site.record("lamp", entry(19, authors=("Ada", "Grace"), summary="What it says."))

    page = site.page("/")

    time = page.one("time", "dt-published")
    assert words(time) == "19 minutes ago"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time.get("datetime", ""))
    assert re.search(r" \d{4}, \d\d:\d\d \S+$", time.get("title", ""))
    assert page.link("Post 19") == "https://example.org/post-19"
    assert words(page.one("a", "src")) == "LLamp"
    assert page.one("a", "src").get("href") == "/source/lamp"
    assert words(page.one("span", "p-author")) == "Ada, Grace"
    assert words(page.one("p", "sum")) == "What it says."
    assert not page.all("p", "tags")


def test_inline_markup_of_a_title_is_kept_and_text_is_escaped(site):
    site.record(
        "lamp",
        entry(1, title="A b", title_html="<b>A</b> b"),
        entry(2, title="<selectedoption> & more"),
    )

    page = site.page("/")

    assert page.titles() == ["A b", "<selectedoption> & more"]
    assert words(page.all("h3")[0].find("a/b")) == "A"
    assert "&lt;selectedoption&gt; &amp; more" in page.text


def test_an_undated_entry_says_when_it_was_first_seen(midday):
    site = midday
    site.record("lamp", entry(1))
    site.record("lamp", entry(2, published_at=None), now=datetime.now(UTC) - timedelta(hours=9))

    time = site.page("/").all("time", "dt-published")[1]

    assert words(time) == "first seen 9 hours ago (no date given)"
    assert time.get("data-say") == "first seen {time} (no date given)"


def test_a_date_in_the_future_is_told_beside_the_place_by_arrival(site):
    at = datetime.now(UTC) + timedelta(days=7)
    site.record("lamp", entry(1, published_at=at))

    page = site.page("/")

    month = at.strftime("%B")
    assert words(page.one("p", "tags")).startswith(f"Dated {at.day} {month}")
    assert words(page.one("p", "tags")).endswith("(in the future); listed when it arrived")
    assert words(page.one("time", "dt-published")) == "just now"


def test_a_changed_entry_says_when(site):
    first = entry(90)
    site.record("lamp", first)
    site.record("lamp", replace(first, content_html="New text.", content_hash=b"x" * 16))

    assert words(site.page("/").one("p", "tags")) == "Updated just now"


def test_what_an_entry_lacks_leaves_no_hole(site):
    site.record(
        "lamp",
        entry(1, title="", title_html="", summary="Word " * 40, url=None),
        entry(2, title="", title_html="", summary=""),
        entry(3, title="", title_html="", summary="Short."),
    )

    page = site.page("/")

    assert page.titles() == ["Word " * 15 + "Word…", "Untitled", "Short."]
    assert page.all("h3")[0].find("a").get("href", "").startswith("/post/")
    assert words(page.one("p", "sum")) == "… " + " ".join(["Word"] * 24)


def test_another_language_is_declared_and_our_words_in_it_too(site):
    site.record(
        "lamp",
        entry(1, language="de"),
        entry(2, language="en-GB"),
        entry(3, language='"><b>'),
        entry(
            4, enclosures=(Enclosure("https://lamp.example/a.mp3", "audio/mpeg"),), language="ar"
        ),
    )

    page = site.page("/")

    assert [each.get("lang") for each in page.all("article")] == ["de", None, None, "ar"]
    assert page.all("time", "dt-published")[0].get("lang") == "en"
    assert all(each.get("dir") == "auto" for each in page.all("h3"))
    assert words(page.one("p", "tags")) == "Audio"


def test_the_tile_of_a_source_is_its_initial_in_a_colour_that_stays(site):
    site.subscribe(
        *(
            Subscription(name, f"https://{name}.example/", title)
            for name, title in [("a", "The Lamp"), ("b", "«7 days»"), ("c", "☕"), ("d", "ßtraße")]
        )
    )

    tiles = site.page("/sources").all("span", "tile")

    assert sorted(words(each) for each in tiles) == ["#", "7", "L", "S"]
    assert [each.get("class") for each in tiles] == [
        each.get("class") for each in site.page("/status").all("span", "tile")
    ]
    assert all(re.fullmatch(r"tile c([0-9]|1[01])", each.get("class", "")) for each in tiles)


def test_a_category_and_a_source_show_their_own_entries(site):
    site.record("lamp", entry(1))
    site.record("tide", entry(2, guid="other"), head=FeedHead(title="Tide", subtitle="On water."))

    assert site.page("/category/trade").titles() == ["Post 1"]
    source = site.page("/source/tide")
    assert source.titles() == ["Post 2"]
    assert words(source.one("h1")) == "Tide"
    assert "On water." in words(source.one("p", "lede"))
    assert source.link("The Sea") == "/category/the-sea"


def quick(number: int, **changes: object) -> CleanEntry:
    """Return entry `number` of a burst: all within an hour, yet all today or all yesterday."""
    return entry(number, published_at=noon() - timedelta(minutes=number), **changes)


def noon() -> datetime:
    now = datetime.now(UTC)
    return now.replace(hour=12) if now.hour > 12 else now.replace(hour=12) - timedelta(days=1)


def test_a_run_of_one_loud_source_is_folded(site):
    site.record("lamp", *(quick(number) for number in range(10, 17)))
    site.record("tide", quick(5, guid="a"), quick(20, guid="b"))

    page = site.page("/")

    fold = page.one("details", "fold")
    assert words(fold.find("summary")) == "6 more from Lamp within an hour"
    assert len(fold.findall("article")) == 6
    assert page.titles() == ["Post 5", *(f"Post {n}" for n in range(10, 17)), "Post 20"]


def test_neither_a_short_run_nor_one_over_hours_is_folded(site):
    site.record("lamp", *(quick(number) for number in range(5)))
    site.record("tide", *(quick(n * 15, guid=f"t{n}") for n in range(2, 10)))

    assert [len(each.findall("article")) for each in site.page("/").all("details", "fold")] == []


def test_where_one_source_is_asked_for_nothing_is_folded(site):
    site.record("lamp", *(quick(number) for number in range(9)))

    assert site.page("/").all("details")
    assert not site.page("/source/lamp").all("details")
    assert not site.page("/search?q=post").all("details", "fold")


def test_an_entry_says_where_else_its_story_is(site):
    text = "A long and careful article about a ferry that runs on the wind of yesterday. " * 4
    story = {"title": "The ferry that runs on yesterday's wind", "content_html": f"<p>{text}</p>"}
    for name, head in [
        ("lamp", FeedHead()),
        ("tide", FeedHead(title="Tide & Co")),
        ("local", FeedHead(language="de")),
    ]:
        site.record(name, entry(1, guid=name, **story), head=head)

    page = site.page("/")

    assert words(page.one("p", "tags")) == "Also in Tide & Co, Local File"
    assert (page.link("Tide & Co"), page.link("Local File")) == ("/source/tide", "/source/local")
    (last,) = [each for each in page.one("p", "tags").iter("a") if each.get("lang")]
    assert (words(last), last.get("lang")) == ("Local File", "de")
