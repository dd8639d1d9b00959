from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from tests.web_fixtures import EVIL, HtmlPage, Site, entry, words
from tests.worlds import only_sqlite
from web.page_contents import PAGE_SIZE

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
    "/saved",
    "/about/robot",
]
FAULTS = [
    ("/?before=x", 400),
    ("/category/none", 404),
    ("/source/none", 404),
    ("/nothing/here", 404),
    ("/search?q=" + "x" * 201, 400),
]


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
    for path, status in (("/sources", 200), ("/nothing", 404), ("/?before=x", 400)):
        assert words(full.page(path, status).one("span", "badge")).endswith("1")
    assert not site.page("/sources").all("span", "badge")


@only_sqlite  # what stands around the statements differs
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_one_transaction_and_at_most_three_statements(full, path):
    """Three more for a search: its number of results, full texts, and hints about names."""
    asked, most = [], 6 if path.startswith("/search") else 3

    def note(_connection, _cursor, statement, *_more):
        asked.append(statement)

    event.listen(full.engine, "before_cursor_execute", note)
    try:
        full.page(f"{path}{'&' if '?' in path else '?'}not-kept")
    finally:
        event.remove(full.engine, "before_cursor_execute", note)

    assert sum(statement.startswith("BEGIN") for statement in asked) == 1
    assert 1 <= sum(statement.startswith("SELECT") for statement in asked) <= most
    counts = [each for each in asked if "count(*)" in each.lower() and "entries" in each.lower()]
    assert all("LIMIT" in count for count in counts)


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
    days = page.all("section", "day")  # two of them shortly after midnight
    order = [
        each.get("id") or each.get("class") for day in days for each in day if each.tag != "h2"
    ]
    assert order.index("seen") == 2
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
    assert words(second.one("p", "seen")).startswith(
        "Everything above is new since your last visit, 2 hours ago"
    )


def test_a_page_that_is_open_all_day_shows_what_came_since_it_was_made(site):
    now = datetime.now(UTC)
    site.record("lamp", *(entry(n) for n in range(300, 303)), now=now - timedelta(hours=4))
    morning = site.page("/").one("main").get("data-since")
    site.record("lamp", *(entry(n) for n in range(100, 103)), now=now - timedelta(hours=2))
    site.page("/")  # in another tab
    site.record("lamp", entry(1))

    answer = site.client.get(f"/?view=titles&since={morning}")
    page = site.page(answer.headers["Location"])

    assert (answer.status_code, answer.headers["Location"]) == (303, "/?view=titles")
    assert words(page.one("p", "seen")) == "4 new since your last visit, 4 hours ago"
    assert len(new_ones(page)) == 4


@pytest.mark.parametrize("since", ["", "x", "-1", "1" * 14, "%F0%9F"])
def test_any_other_time_since_which_posts_are_new_is_ignored(site, since):
    assert site.client.get(f"/?since={since}").status_code == 200


def test_a_visit_that_begins_keeps_the_search_and_its_letters(site):
    answer = site.client.get("/search?q=%C3%A9t%C3%A9+%26+b&since=1")

    assert answer.headers["Location"] == "/search?q=%C3%A9t%C3%A9+%26+b"


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
    assert words(page.one("p", "end")) == "No older posts."


def test_beyond_the_end_a_page_leads_back(full):
    page = full.page("/?before=1")

    assert page.titles() == []
    assert "No older posts." in words(page.one("nav", "pager"))
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
    assert words(page.one("h1")) == 'Search: "energy" -coal'
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


def test_what_is_written_in_another_form_is_marked_as_a_whole(site):
    site.record(
        "lamp",
        entry(
            1,
            title="Une cre\u0300me",
            summary="Leucht\u00adturm am Meer, ＬＩＣＨＴ und Leuchte, leicht.",
        ),
    )

    page = site.page("/search?q=crème+leucht*+licht")

    marks = [words(each) for each in page.all("mark")]
    assert marks == ["cre\u0300me", "Leucht\u00adturm", "ＬＩＣＨＴ", "Leuchte"]


def test_a_search_that_was_not_understood_is_answered_with_a_hint(full):
    page = full.page('/search?q=post+after:soon+source:+"open')

    assert [words(each) for each in page.one("div", "hints")] == [
        "“after:soon” is not a day; write one like 2026-11-23.",
        "“source:” needs a value directly after the colon.",
        '“"open” has no closing quote; the phrase ends with the search.',
    ]


def test_a_narrowed_search_has_its_own_feed(full):
    page = full.page("/search?q=post+source:lamp")
    path = page.all("link")[3].get("href", "")

    assert len(page.titles()) == PAGE_SIZE
    assert path == "/search/feed.atom?q=post+source:lamp"
    assert full.client.get(path).text.count("<entry>") == 50


def test_an_empty_search_says_what_to_do_and_one_without_hits_says_so(full):
    assert "Type your search above" in full.page("/search?q=+").text
    assert "No posts match." in full.page("/search?q=nothingofthekind").text
