"""The pages: each view reads the request, asks the database, and names a template.

A page is one read transaction.  Its validator is checked before its list is read; rendering comes
after the transaction has ended, and serves all who ask for the same page in the same minute.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from flask import Blueprint, Response, abort, render_template, request, url_for

from aggregator.database import Connection
from aggregator.database.feeds import read_health, read_status
from aggregator.database.lists import read_lists
from aggregator.database.state import read_overview
from aggregator.model import Cursor, EntryId, FeedOrder, ListedEntry, Overview, Scope, Sidebar
from aggregator.publish import room_on_page
from aggregator.search import parse
from web import disclosure, parameters, presentation, renamed_lists, status_texts
from web.addresses import list_path, updates_path
from web.language import language, to_translate
from web.last_visit import COOKIE, MAX_AGE, Visit
from web.relative_time import Clock
from web.responses import page_body, send_page, unchanged_page
from web.site import site
from web.template_globals import spoken

PAGE_SIZE = 40
PAGE_BUDGET = 1_000_000  # bytes of its entries; one of usual ones has a twentieth
FEEDS_A_PAGE = 500

bp = Blueprint("pages", __name__)
_PARAMETERS = ("before", "view", "q", "page")  # that any view reads
_HALTED_AFTER = timedelta(minutes=5)

_Arguments = ParamSpec("_Arguments")


class Part(Enum):
    """What some pages show and their validators have to know."""

    VISIT = "what is new to this reader"
    CHECKS = "how the last polls went"
    FEEDS = "hundreds of feeds: made for one reader at a time, the others get the same"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view has to work with: one transaction, one moment, one reader."""

    connection: Connection
    clock: Clock
    overview: Overview
    visit: Visit


@dataclass(frozen=True, slots=True)
class Page:
    """What a view answers: a template and what stands in it beside the common parts.

    Attributes:
        scope: The list whose feeds the page offers.
        here: Which item of the navigation it belongs to, empty for none.
        index: Whether search engines are to list it.
    """

    template: str
    values: dict[str, object] = field(default_factory=dict)
    scope: Scope = read_lists.EVERYTHING
    here: str = ""
    index: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of one list.

    Attributes:
        search: What the list was searched for, empty for other lists.
        older, newest: Paths of other pages; None where there is none.
        back_to: When the last entry shown was listed, None if there is none.
        looked_back_to: Where a search gave up looking that found too little, else None.
        gave_up: A search took too long to look at anything.
        poll: Path that tells of new entries; None on all but the first page.
    """

    scope: Scope
    days: list[presentation.Day]
    shown: int
    view: str | None
    search: str
    full: str
    titles: str
    older: str | None
    newest: str | None
    back_to: datetime | None
    looked_back_to: datetime | None
    gave_up: bool
    poll: str | None
    news: presentation.News
    visit: Visit


def clock() -> Clock:
    """Return the moment of this request, in the configured zone and the reader's language."""
    words = language(parameters.language())
    return Clock(site().as_of or datetime.now(UTC), site().zone, site().config.timezone, words)


def render(page: Page, *, at: Clock, overview: Overview | None) -> str:
    """Return a page as HTML; without `overview` it needs no database."""
    return render_template(
        page.template,
        page=page,
        clock=at,
        overview=overview,
        config=site().config,
        **spoken(at.words),
        **page.values,
    )


def _page(
    *parts: Part,
) -> Callable[[Callable[Concatenate[Reading, _Arguments], Page]], Callable[_Arguments, Response]]:
    """Answer with the page that the view describes, or with 304; `parts` are what it shows."""

    def decorate(
        view: Callable[Concatenate[Reading, _Arguments], Page],
    ) -> Callable[_Arguments, Response]:
        @wraps(view)
        def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Response:
            now = clock()
            with ExitStack() as alone, site().engine.connect() as connection:
                overview = read_overview.overview(connection)
                visit = _visit(overview, now) if Part.VISIT in parts else Visit()
                tag = _tag(overview, now, visit, parts)
                if (unchanged := unchanged_page(tag)) is not None:
                    return _for_reader(unchanged, now, visit)
                # Whatever else an address has: nobody gets a page made anew by adding to it.
                key = (request.path, *map(request.args.get, _PARAMETERS), tag)
                content = site().pages.get(key)
                if content is None and Part.FEEDS in parts:
                    alone.enter_context(site().making)
                    content = site().pages.get(key)
                if content is None:
                    page = view(Reading(connection, now, overview, visit), *args, **kwargs)
                    connection.rollback()  # rendering needs no transaction
                    content = page_body(render(page, at=now, overview=overview))
                    site().pages.put(key, content)
            return _for_reader(send_page(content, tag), now, visit)

        return answer

    return decorate


@bp.get("/")
@_page(Part.VISIT)
def recent(reading: Reading) -> Page:
    """List all entries, newest first; `?before=` is the cursor of a further page."""
    listing = _listing(reading, Scope())
    if not listing.days and listing.newest is None:
        return _first_run(reading)
    values = {
        "heading": reading.clock.words.gettext("Recent posts"),
        "sidebar": _sidebar(reading),
    }
    return _list_page("list.html", listing, values, here="recent")


@bp.get("/category/<slug>")
@_page(Part.VISIT)
def category(reading: Reading, slug: str) -> Page:
    """List the entries of one category."""
    scope = Scope(category=parameters.name(slug))
    sidebar = _sidebar(reading)
    found = next((each for each in sidebar.categories if each.slug == slug), None)
    if found is None:
        renamed_lists.to_present(reading.connection, scope)
        abort(404, to_translate("There is no such category."))
    values = {"heading": found.name, "category": found, "sidebar": sidebar}
    return _list_page("list.html", _listing(reading, scope), values, here="recent")


@bp.get("/source/<name>")
@_page(Part.VISIT, Part.CHECKS)
def source(reading: Reading, name: str) -> Page:
    """List the entries of one source, with what is known about it."""
    scope = Scope(source=parameters.name(name))
    feed = read_health.feed(reading.connection, name, now=reading.clock.now)
    if feed is None:
        renamed_lists.to_present(reading.connection, scope)
        abort(404, to_translate("There is no such source."))
    values: dict[str, object] = {"feed": disclosure.public(feed)}
    return _list_page("source.html", _listing(reading, scope), values, here="sources")


@bp.get("/search")
@_page(Part.VISIT)
def search(reading: Reading) -> Page:
    """List the entries that a search finds."""
    asked = Scope(search=parameters.search(), zone=site().zone)
    if reading.overview.has_former_names:
        renamed_lists.to_present(reading.connection, asked)
    with site().costly.room_for(asked):
        listing = _listing(reading, asked)
    values = {"listing": listing, "hints": parse(listing.search).hints}
    scope = listing.scope if listing.search else Scope()  # no question has no feed
    return Page("search.html", values, scope=scope, index=False)


@bp.get("/sources")
@_page(Part.CHECKS, Part.FEEDS)
def sources(reading: Reading) -> Page:
    """List the subscriptions by title; `?page=` counts from 1."""
    return Page("sources.html", _feeds(reading, FeedOrder.TITLE), here="sources")


@bp.get("/status")
@_page(Part.CHECKS, Part.FEEDS)
def status(reading: Reading) -> Page:
    """Show how every feed is doing, problems first; `?page=` counts from 1."""
    values = _feeds(reading, FeedOrder.URGENCY)
    counts = read_status.count_by_status(reading.connection)
    totals = status_texts.totals(counts, reading.overview, values["feeds"])
    values |= {"totals": totals, "halted": _has_halted(reading)}
    return Page("status.html", values, here="status", index=False)


def _has_halted(reading: Reading) -> bool:
    """Whether nothing is stored although feeds are due: a full disk, a lock, no scheduler."""
    late, checked_at = reading.clock.now - _HALTED_AFTER, reading.overview.checked_at
    if checked_at is not None and checked_at > late:
        return False
    return read_health.is_anything_due_since(reading.connection, late)


@bp.get("/about/robot")
@_page()
def robot(reading: Reading) -> Page:
    """Tell the owner of a server who asks for their feed, how often, and how to stop it."""
    fastest = read_health.shortest_interval(reading.connection)
    return Page("robot.html", {"fastest": fastest or site().config.poll.interval})


@bp.after_request
def _keep_out_of_searches(response: Response) -> Response:
    """Tell search engines not to list what has no end: searches and the pages further down."""
    if request.endpoint == "pages.search" or "before" in request.args:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _first_run(reading: Reading) -> Page:
    """Return the page for a list without entries: what to write, or how far the reading is."""
    values = {
        "feeds": _feeds(reading, FeedOrder.TITLE)["feeds"],
        # Before the first poll the database may not have met the configuration yet.
        "configured": len(site().config.feeds) if reading.overview.checked_at is None else 0,
        "poll": updates_path(Scope(), Cursor(0)),
    }
    return Page("welcome.html", values, here="recent")


def _feeds(reading: Reading, order: FeedOrder) -> dict[str, Any]:
    """Return one page of the subscriptions, and where the others are."""
    number, there = parameters.page(), reading.overview.feeds
    shown = read_health.page_of_feeds(
        reading.connection,
        now=reading.clock.now,
        order=order,
        limit=FEEDS_A_PAGE,
        offset=(number - 1) * FEEDS_A_PAGE,
    )
    endpoint = request.endpoint or ""
    return {
        "feeds": [disclosure.public(feed) for feed in shown],
        "before": url_for(endpoint, page=number - 1 if number > 2 else None)
        if number > 1
        else None,
        "after": url_for(endpoint, page=number + 1) if number * FEEDS_A_PAGE < there else None,
    }


def _list_page(template: str, listing: Listing, values: dict[str, object], *, here: str) -> Page:
    return Page(
        template,
        values | {"listing": listing},
        scope=listing.scope,
        here=here,
        index=listing.newest is None,
    )


def _listing(reading: Reading, scope: Scope) -> Listing:
    before, view = parameters.before(), parameters.view()
    room = room_on_page(PAGE_BUDGET)
    found = read_lists.page(
        reading.connection, scope=scope, limit=PAGE_SIZE, before=before, takes=room.takes
    )
    shown, following = found.entries, found.next
    news = presentation.news(shown, reading.visit)
    phrases = parse(scope.search).wanted if scope.search else ()
    return Listing(
        scope=scope,
        days=presentation.days(
            shown,
            reading.clock,
            news=news,
            phrases=phrases,
            fold=not (scope.search or scope.source),
        ),
        shown=len(shown),
        view=view,
        search=scope.search or "",
        full=list_path(scope, before=before),
        titles=list_path(scope, before=before, view="titles"),
        older=None if following is None else list_path(scope, before=following, view=view),
        newest=None if before is None else list_path(scope, view=view),
        back_to=shown[-1].listed_at if shown else None,
        looked_back_to=EntryId(following.id).at if following and found.ended_early else None,
        gave_up=found.ended_early and following is None,
        poll=_poll_path(scope, shown) if before is None else None,
        news=news,
        visit=reading.visit,
    )


def _sidebar(reading: Reading) -> Sidebar:
    return site().sidebars.read(reading.connection, reading.overview, now=reading.clock.now)


def _poll_path(scope: Scope, shown: Sequence[ListedEntry]) -> str:
    return updates_path(scope, Cursor(shown[0].id if shown else 0))


def _visit(overview: Overview, at: Clock) -> Visit:
    """Return this reader's visit, which this page belongs to or begins."""
    cookie = Visit.parse(request.cookies.get(COOKIE, ""))
    return cookie.page(at.now, found_up_to=overview.checked_at)


def _for_reader(response: Response, at: Clock, visit: Visit) -> Response:
    """Say in headers what of the request decided about the page, and remember the visit."""
    response.vary.add("Accept-Language")
    response.headers["Content-Language"] = at.words.tag
    if visit.at:
        response.vary.add("Cookie")
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_cookie(
            COOKIE,
            str(visit),
            max_age=MAX_AGE,
            path=url_for("pages.recent"),
            secure=site().config.base_url.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
    return response


def _tag(overview: Overview, at: Clock, visit: Visit, parts: Sequence[Part]) -> str:
    """Return the validator of a page at this moment.

    The minute is in it because the page says how long ago things were; the last check, to the
    minute, because it says that, too.
    """
    checked = overview.checked_at
    seen = f"{visit.before}.{visit.last}" if checked and visit.is_new(checked) else ""
    precision = "%Y%m%d%H%M%S%f" if Part.CHECKS in parts else "%Y%m%d%H%M"
    shown = (
        site().build,
        at.words.tag,
        overview.version,
        overview.feeds,
        overview.unread_feeds,
        overview.failing,
        checked.strftime(precision) if checked else "never",
        seen,
        at.now.strftime("%Y%m%d%H%M"),
    )
    return "-".join(map(str, shown))
