import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from aggregator.database import query
from aggregator.model import CleanEntry, Enclosure, FeedHead, Subscription
from tests.web_fixtures import EVIL, HtmlPage, Site, entry, full_site, words
from tests.worlds import only_sqlite
from web.pages import PAGE_SIZE
from web.sidebars import Sidebars

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
PAGES = [
    "/",
    "/?view=titles",
    "/?before=1",
    "/category/trade",
    "/category/the-sea?view=titles",
    "/source/lamp",
    "/source/tide",
    "/source/local",
    "/search",
    "/search?q=post",
    "/search?q=nothingofthekind",
    "/search?q=post+source:lamp+-category:sea",
    "/search?q=source:lamp+author:nobody",
    "/sources",
    "/status",
    "/about/robot",
]
FAULTS = [
    ("/?before=x", 400),
    ("/category/none", 404),
    ("/source/none", 404),
    ("/nothing/here", 404),
    ("/search?q=" + "x" * 201, 400),
]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site that nothing in the tests changes."""
    return full_site(tmp_path_factory.mktemp("full"))


@pytest.fixture
def site(tmp_path) -> Site:
    fresh = Site(tmp_path)
    fresh.subscribe()
    return fresh


# -------------------------------------------------------------------- every page


@pytest.mark.parametrize(("path", "status"), [*((path, 200) for path in PAGES), *FAULTS])
def test_every_page_is_well_formed_and_safe(full, path, status):
    page = full.page(path, status)
    answer = full.client.get(path)

    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    cookies = answer.headers.getlist("Set-Cookie")
    assert all(cookie.startswith("seen=") and "; HttpOnly; " in cookie for cookie in cookies)
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert all(script.get("src", "").startswith("/static/") for script in page.all("script"))
    assert not page.all("style")
    assert not any(
        name.startswith(("on", "style")) for each in page.root.iter() for name in each.attrib
    )
    assert not page.all("img")
    assert "secret" not in page.text
    ids = [each.get("id") for each in page.root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_another_host(full, path):
    page = full.page(path)
    loaded = [each.get("src") for each in page.all("script")]
    loaded += [each.get("href") for each in page.all("link")]

    assert all(url and url.startswith("/") and not url.startswith("//") for url in loaded)


def test_every_page_names_its_own_feeds_first(full):
    for path, prefix in [
        ("/", "/"),
        ("/category/trade", "/category/trade/"),
        ("/source/lamp", "/source/lamp/"),
    ]:
        feeds = [each for each in full.page(path).all("link") if each.get("rel") == "alternate"]

        assert [each.get("href") for each in feeds[:3]] == [
            f"{prefix}feed.{form}" for form in ("atom", "rss", "json")
        ]


@pytest.mark.parametrize("path", ["/", "/search", "/search?q=post", "/source/lamp", "/status"])
def test_the_feeds_that_a_page_names_are_there(full, path):
    links = [each for each in full.page(path).all("link") if each.get("rel") == "alternate"]

    assert len(links) >= 3
    for each in links:
        answer = full.client.get(str(each.get("href")))
        assert (answer.status_code, answer.mimetype) == (200, each.get("type"))


def test_the_navigation_shows_how_many_feeds_fail(full, site):
    assert words(full.page("/sources").one("span", "badge")).endswith("1")
    assert not site.page("/sources").all("span", "badge")


@only_sqlite  # what stands around the statements differs
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_one_transaction_and_at_most_three_statements(full, path):
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_more):
        asked.append(statement)

    event.listen(full.engine, "before_cursor_execute", note)
    try:
        full.page(f"{path}{'&' if '?' in path else '?'}not-kept")
    finally:
        event.remove(full.engine, "before_cursor_execute", note)

    assert sum(statement.startswith("BEGIN") for statement in asked) == 1
    assert 1 <= sum(statement.startswith("SELECT") for statement in asked) <= 3
    assert not [each for each in asked if "count(*)" in each.lower() and "entries" in each.lower()]


# ------------------------------------------------------------------------- lists


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
    chips = [words(each) for each in page.one("ul", "chips")]
    assert chips == ["All 3", "The Sea 1", "Trade 2"]
    assert words(site.page("/category/trade").one("p", "lede")).startswith("2 posts, checked")


def test_of_many_categories_a_row_has_the_fullest_and_the_one_being_read(tmp_path):
    names = [
        "Architecture",
        "Biology",
        "Chemistry",
        "Économie",
        "Film",
        "日本の音楽",
        *"GHIJKLMNOP",
    ]
    feeds = [
        {"name": f"f{n}", "url": f"https://f{n}.example/", "category": name * (1 + (n > 5))}
        for n, name in enumerate(names * 2)
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    for number in range(3):
        site.record("f3", entry(number))
    site.record("f0", entry(9, guid="other"))

    page = site.page("/")
    row, others = page.all("ul", "chips")

    first = [words(each) for each in row]
    assert first[:2] == ["All 4", "Architecture 1"]
    assert "Économie 3" in first
    assert words(page.one("summary")) == f"{len(others)} more"
    assert len(row) - 1 + len(others) == len({each["category"] for each in feeds})
    hidden = others[0].find("a")
    there = site.page(hidden.get("href")).all("ul", "chips")[0]
    here = [each for each in there.iter("a") if each.get("aria-current")]
    assert [each.get("href") for each in here] == [hidden.get("href")]


def test_a_few_categories_need_no_list_of_more(full):
    assert not full.page("/").all("details", "more")


def test_who_is_busiest_is_found_once_a_minute_and_all_else_each_time(site):
    minute, sidebars = datetime.now(UTC).replace(second=0), Sidebars()
    site.record("lamp", entry(1))

    def beside(seconds: int) -> tuple[list[int], list[int]]:
        with site.engine.connect() as connection:
            whole = query.overview(connection)
            found = sidebars.read(connection, whole, now=minute + timedelta(seconds=seconds))
        return [each.entries for each in found.categories], [number for _, number in found.busiest]

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
            found = sidebars.read(connection, query.overview(connection), now=now)
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


def test_an_entry_shows_time_source_author_title_and_excerpt(site):
    site.record("lamp", entry(19, authors=("Ada", "Grace"), summary="What it says."))

    page = site.page("/")

    time = page.one("time", "dt-published")
    assert words(time) == "19 minutes ago"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time.get("datetime", ""))
    assert time.get("title", "").endswith(" UTC")
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


def test_an_undated_entry_says_when_it_was_found(site):
    site.record("lamp", entry(1))
    site.record("lamp", entry(2, published_at=None), now=datetime.now(UTC) - timedelta(hours=9))

    time = site.page("/").all("time", "dt-published")[1]

    assert words(time) == "found 9 hours ago"
    assert time.get("data-say") == "found {time}"


def test_a_date_in_the_future_is_told_beside_the_place_by_arrival(site):
    at = datetime.now(UTC) + timedelta(days=7)
    site.record("lamp", entry(1, published_at=at))

    page = site.page("/")

    month = at.strftime("%B")
    assert words(page.one("p", "tags")).startswith(f"Dated {at.day} {month}")
    assert words(page.one("p", "tags")).endswith("by its publisher, listed by arrival")
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
    assert page.all("h3")[0].find("a") is None
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

    assert [len(each.findall("article")) for each in site.page("/").all("details")] == []


def test_where_one_source_is_asked_for_nothing_is_folded(site):
    site.record("lamp", *(quick(number) for number in range(9)))

    assert site.page("/").all("details")
    assert not site.page("/source/lamp").all("details")
    assert not site.page("/search?q=post").all("details")


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


# ------------------------------------------------------------------------ visits


def came_before(site: Site, *, hours: int) -> None:
    """Make the client a reader who saw all that there was so many hours ago."""
    at = int((datetime.now(UTC) - timedelta(hours=hours)).timestamp() * 1000)
    site.client.set_cookie("seen", f"{at}.{at}.{at}.{at}", domain="localhost")


def new_ones(page: HtmlPage) -> list[str]:
    return [
        words(each)
        for each in page.all("article")
        if each.find("h3/span[@class='new']") is not None
    ]


def test_what_came_since_the_last_visit_is_marked_and_counted(site):
    now = datetime.now(UTC)
    site.record("lamp", *(entry(n) for n in range(200, 203)), now=now - timedelta(hours=3))
    late = entry(203, published_at=entry(201).published_at)
    site.record("lamp", entry(2), entry(1), late, now=now - timedelta(hours=1))
    came_before(site, hours=2)

    page = site.page("/")

    assert words(page.one("p", "seen")) == "3 new since your last visit, 2 hours ago"
    assert len(new_ones(page)) == 3  # the late arrival is new in its old place, too
    order = [each.get("id") or each.get("class") for each in page.one("section", "day")]
    assert order.index("seen") == 3
    site.client.delete_cookie("seen")
    assert not new_ones(site.page("/"))


def test_the_boundary_stays_over_paging_and_reloading(site):
    now = datetime.now(UTC)
    site.record("lamp", *(entry(n) for n in range(60, 130)), now=now - timedelta(hours=3))
    site.record("lamp", *(entry(n) for n in range(50)), now=now - timedelta(hours=1))
    came_before(site, hours=2)

    first = HtmlPage(site.client.get("/?view=titles").text)
    second = HtmlPage(site.client.get(first.link("Older posts")).text)
    again = HtmlPage(site.client.get("/?view=titles").text)

    assert len(new_ones(first)) == len(new_ones(again)) == 40
    assert not first.all("p", "seen")
    assert len(new_ones(second)) == 10
    assert words(second.one("p", "seen")).startswith("New since your last visit, 2 hours ago")


def test_a_reader_s_page_is_no_answer_to_another(site):
    site.record("lamp", entry(1), now=datetime.now(UTC) - timedelta(hours=1))
    tag = site.client.get("/").headers["ETag"]
    came_before(site, hours=2)

    assert site.client.get("/", headers={"If-None-Match": tag}).status_code == 200


def test_the_cookie_is_for_lists_only_and_renewed_with_a_304(site):
    site.record("lamp", entry(1))
    answer = site.client.get("/")
    known = {"If-None-Match": answer.headers["ETag"]}

    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert "Set-Cookie" in site.client.get("/", headers=known).headers
    for path in ("/status", "/sources", "/feed.atom", "/updates.json?after=0", "/about/robot"):
        assert "Set-Cookie" not in site.client.get(path).headers


# ------------------------------------------------------------------------ paging


def walk(site: Site, path: str, step: str = "Older posts") -> list[HtmlPage]:
    pages = [site.page(path)]
    while any(words(each) == step for each in pages[-1].all("a")):
        pages.append(site.page(pages[-1].link(step)))
    return pages


@pytest.mark.parametrize("path", ["/", "/source/lamp", "/category/trade", "/search?q=text"])
def test_paging_shows_every_entry_once(full, path):
    pages = walk(full, path)

    titles = [title for page in pages for title in page.titles()]
    mine = [title for title in titles if title.startswith("Post ")]
    assert mine == [f"Post {number}" for number in range(1, 96)]
    assert len(pages) == 3
    assert [len(page.titles()) for page in pages[:2]] == [PAGE_SIZE, PAGE_SIZE]


def test_entries_that_arrive_meanwhile_move_no_page(site):
    site.record("lamp", *(entry(number) for number in range(10, 90)))
    first = site.page("/")

    site.record("lamp", *(entry(number) for number in range(5)))
    second = site.page(first.link("Older posts"))

    assert first.titles()[-1] == "Post 49"
    assert second.titles()[0] == "Post 50"


def test_a_page_that_is_exactly_full_has_no_further_one(site):
    site.record("lamp", *(entry(number) for number in range(PAGE_SIZE)))

    page = site.page("/")

    assert len(page.titles()) == PAGE_SIZE
    assert not page.all("nav", "pager")
    assert words(page.one("p", "end")) == "That is all there is."


def test_beyond_the_end_a_page_leads_back(full):
    page = full.page("/?before=1")

    assert page.titles() == []
    assert "Nothing is older than this." in words(page.one("nav", "pager"))
    assert page.link("Newest posts") == "/"
    assert page.one("main").get("data-poll") is None


def test_the_view_of_titles_is_kept_when_paging(full):
    pages = walk(full, "/?view=titles")

    assert len(pages) == 3
    assert all(page.one("html").get("data-view") == "titles" for page in pages)
    assert pages[1].link("Newest posts") == "/?view=titles"
    assert pages[1].link("Trade 95") == "/category/trade?view=titles"
    assert full.page("/?view=nonsense").one("html").get("data-view") is None


@pytest.mark.parametrize(
    "cursor", ["x", "1.5", "-", "9" * 30, "1%00", "1%0A", "%D9%A3", "0x10", "+1", "1;2"]
)
def test_a_bad_cursor_is_told_in_one_line(full, cursor):
    page = full.page(f"/?before={cursor}", 400)

    assert words(page.one("p", "lede")) == "before: not a cursor of this page"


# ------------------------------------------------------------------------ search


def test_a_search_marks_the_words_that_it_found(site):
    site.record(
        "lamp",
        entry(1, title="Energy & <mark>", summary="The energy of it, not energyless."),
        entry(2, title="Energy with coal"),
        entry(3, title="Energy", title_html="<b>Energy</b>"),
    )

    page = site.page('/search?q="energy" -coal')

    assert page.titles() == ["Energy & <mark>", "Energy"]
    assert [words(each) for each in page.all("mark")] == ["Energy", "energy", "Energy"]
    assert words(page.one("h1")) == 'Posts about “"energy" -coal”'
    assert page.all("input")[0].get("value") == '"energy" -coal'
    assert '<meta name="robots" content="noindex">' in page.text


@pytest.mark.parametrize(
    "query",
    [
        EVIL,
        "*",
        '"',
        '"""',
        "AND OR NOT",
        "NEAR(a b)",
        "a*b^c:d",
        "title:x",
        "-",
        "-coal",
        "(((",
        "\\",
        "%",
        "\ud7ff\U0001f600",
        "ﬁ",
        "a\x00b",
        "\x00",
        "\r\nSet-Cookie: a=b",
        "x" * 200,
        "a " * 100,
    ],
)
def test_no_search_breaks_the_page_or_its_feed(full, query):
    for path in ("/search", "/search/feed.atom"):
        answer = full.client.get(path, query_string={"q": query})

        assert answer.status_code == (400 if path != "/search" and query == "\x00" else 200)
        assert EVIL not in answer.text
        assert all(each.startswith("seen=") for each in answer.headers.getlist("Set-Cookie"))


def test_accents_case_and_markup_do_not_hide_what_was_found(site):
    site.record(
        "lamp",
        entry(
            1, title="Café au lait", title_html="<b>Café</b> au <i>lait</i>", summary="CAFE, &c."
        ),
        entry(2, title="Au café", summary="The café au lait of it."),
    )

    page = site.page('/search?q="cafe+au"+lait')

    assert [words(each) for each in page.all("mark")] == ["lait", "café au lait"]
    assert words(page.all("h3")[0].find("a/b")) == "Café"


def test_within_a_row_of_signs_what_was_found_is_marked(site):
    site.record("lamp", entry(1, title="東京大学の海", summary="海の音、iPhone発売。"))

    page = site.page("/search?q=大学+iphone+海")

    assert [words(each) for each in page.all("mark")] == ["大学", "海", "海", "iPhone"]


def test_a_search_that_was_not_understood_is_answered_with_a_hint(full):
    page = full.page('/search?q=post+after:soon+source:+"open')

    assert [words(each) for each in page.one("div", "hints")] == [
        "“after:soon” is not a day; write one like 2026-11-23.",
        "“source:” needs a value right behind the colon.",
        '“"open” has no closing quote; read to the end.',
    ]


def test_a_narrowed_search_has_its_own_feed(full):
    page = full.page("/search?q=post+source:lamp")
    path = page.all("link")[3].get("href", "")

    assert len(page.titles()) == PAGE_SIZE
    assert path == "/search/feed.atom?q=post+source:lamp"
    assert full.client.get(path).text.count("<entry>") == 50


def test_an_empty_search_says_what_to_do_and_one_without_hits_says_so(full):
    assert "Type what you look for" in full.page("/search?q=+").text
    assert "Nothing found." in full.page("/search?q=nothingofthekind").text
