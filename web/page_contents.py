"""What each page shows: from one read transaction to a template and its values.

A function here reads the database and knows nothing of the request, so that a page can be an answer
(`web.pages`) or a file (`aggregator.cli.static_site`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import render_template

from aggregator.database import Connection
from aggregator.database.feeds import read_health, read_status
from aggregator.database.lists import read_lists
from aggregator.model import Cursor, EntryId, FeedOrder, Overview, Scope, Sidebar
from aggregator.publish import room_on_page
from aggregator.search import parse
from web import disclosure, presentation, status_texts
from web.last_visit import LastVisit
from web.page_links import PageLinks, updates_path
from web.relative_time import Clock
from web.site import site
from web.template_globals import translation_context

PAGE_SIZE = 40
PAGE_BUDGET = 1_000_000  # bytes of its entries; one of usual ones has a twentieth
FEEDS_A_PAGE = 500

_HALTED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PageData:
    """What a page is made from: one transaction, one moment, one reader."""

    connection: Connection
    clock: Clock
    overview: Overview
    visit: LastVisit
    links: PageLinks


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Which part of a list a page shows, and how.

    Attributes:
        before: The page begins below this place; None for the top of the list.
        view: "titles" for a list without excerpts, else None.
    """

    before: Cursor | None = None
    view: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A template and its values beside those that all pages have.

    Attributes:
        scope: The list whose feeds the page offers.
        here: Which item of the navigation it belongs to, empty for none.
        index: Whether search engines are to list it.
        following: The place that the next page of the same list begins below, None on the last one.
    """

    template: str
    values: dict[str, object] = field(default_factory=dict)
    scope: Scope = read_lists.EVERYTHING
    here: str = ""
    index: bool = True
    following: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of one list.

    Attributes:
        search: What the list was searched for, empty for other lists.
        older, newest: Addresses of other pages; None where there is none.
        back_to: When the last entry shown was listed, None if there is none.
        looked_back_to: Where a search gave up looking that found too little, else None.
        gave_up: A search took too long to look at anything.
        poll: Address that tells of new entries; None on all but the first page.
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
    news: presentation.NewPosts
    visit: LastVisit
    following: Cursor | None


def render(page: Page, *, clock: Clock, overview: Overview | None, links: PageLinks) -> str:
    """Return a page as HTML; without `overview` it needs no database."""
    return render_template(
        page.template,
        page=page,
        clock=clock,
        overview=overview,
        config=site().config,
        links=links,
        **translation_context(clock.words),
        **page.values,
    )


def recent_posts(data: PageData, position: ListPosition) -> Page:
    """Return a page of the list of everything; the page of a first run while that is empty."""
    listing = _listing(data, Scope(), position)
    if not listing.days and listing.newest is None:
        return _first_run(data)
    values = {"heading": data.clock.words.gettext("Recent posts"), "sidebar": _sidebar(data)}
    return _list_page("list.html", listing, values, here="recent")


def category(data: PageData, slug: str, position: ListPosition) -> Page | None:
    """Return a page of a category's list, None if there is no such category."""
    sidebar = _sidebar(data)
    count = next((count for count in sidebar.categories if count.slug == slug), None)
    if count is None:
        return None
    listing = _listing(data, Scope(category=slug), position)
    values = {"heading": count.name, "category": count, "sidebar": sidebar}
    return _list_page("list.html", listing, values, here="recent")


def source(data: PageData, name: str, position: ListPosition) -> Page | None:
    """Return a page of a source's list, with what is known of its feed; None if there is none."""
    feed = read_health.feed(data.connection, name, now=data.clock.now)
    if feed is None:
        return None
    listing = _listing(data, Scope(source=name), position)
    return _list_page("source.html", listing, {"feed": disclosure.public(feed)}, here="sources")


def search(data: PageData, scope: Scope, position: ListPosition) -> Page:
    """Return a page of what a search finds; without words only the help."""
    listing = _listing(data, scope, position)
    values = {"listing": listing, "hints": parse(listing.search).hints}
    feeds_of = scope if listing.search else Scope()  # a search without words has no feed
    return Page("search.html", values, scope=feeds_of, index=False)


def sources(data: PageData, number: int = 1) -> Page:
    """Return a page of the subscriptions, by title; pages are counted from 1."""
    values = _feeds(data, FeedOrder.TITLE, number, data.links.of_sources)
    return Page("sources.html", values, here="sources")


def status(data: PageData, number: int, path_of: Callable[[int], str]) -> Page:
    """Return a page of how every feed is doing, problems first.

    Args:
        number: Which page, counted from 1.
        path_of: Returns the address of such a page.
    """
    values = _feeds(data, FeedOrder.URGENCY, number, path_of)
    counts = read_status.count_by_status(data.connection)
    totals = status_texts.totals(counts, data.overview, values["feeds"])
    values |= {"totals": totals, "halted": _has_halted(data)}
    return Page("status.html", values, here="status", index=False)


def robot(data: PageData) -> Page:
    """Return what the owner of a server may want to know: who asks, how often, how to stop it."""
    fastest = read_health.shortest_interval(data.connection)
    return Page("robot.html", {"fastest": fastest or site().config.poll.interval})


def _has_halted(data: PageData) -> bool:
    """Whether nothing is stored although feeds are due: a full disk, a lock, no scheduler."""
    due_since, checked_at = data.clock.now - _HALTED_AFTER, data.overview.checked_at
    if checked_at is not None and checked_at > due_since:
        return False
    return read_health.is_anything_due_since(data.connection, due_since)


def _first_run(data: PageData) -> Page:
    """Return the page for a list without entries: what to write, or how many feeds were read."""
    values = {
        "feeds": _feeds(data, FeedOrder.TITLE, 1, data.links.of_sources)["feeds"],
        # Before the first poll the database may not have met the configuration yet.
        "configured": len(site().config.feeds) if data.overview.checked_at is None else 0,
        "poll": None if data.links.static else updates_path(Scope(), Cursor(0)),
    }
    return Page("welcome.html", values, here="recent")


def _feeds(
    data: PageData, order: FeedOrder, number: int, path_of: Callable[[int], str]
) -> dict[str, Any]:
    """Return one page of the subscriptions, and the addresses of the pages beside it."""
    feeds = read_health.page_of_feeds(
        data.connection,
        now=data.clock.now,
        order=order,
        limit=FEEDS_A_PAGE,
        offset=(number - 1) * FEEDS_A_PAGE,
    )
    is_last = number * FEEDS_A_PAGE >= data.overview.feeds
    return {
        "feeds": [disclosure.public(feed) for feed in feeds],
        "before": path_of(number - 1) if number > 1 else None,
        "after": None if is_last else path_of(number + 1),
    }


def _list_page(template: str, listing: Listing, values: dict[str, object], *, here: str) -> Page:
    return Page(
        template,
        values | {"listing": listing},
        scope=listing.scope,
        here=here,
        index=listing.newest is None,
        following=listing.following,
    )


def _listing(data: PageData, scope: Scope, position: ListPosition) -> Listing:
    before, view = position.before, position.view
    rows = read_lists.page(
        data.connection,
        scope=scope,
        limit=PAGE_SIZE,
        before=before,
        takes=room_on_page(PAGE_BUDGET).takes,
    )
    entries, following, path_of = rows.entries, rows.next, data.links.of_list
    news = presentation.new_posts(entries, data.visit)
    is_live_top = before is None and not data.links.static
    return Listing(
        scope=scope,
        days=presentation.days(
            entries,
            data.clock,
            news=news,
            phrases=parse(scope.search).wanted if scope.search else (),
            fold=not (scope.search or scope.source),
        ),
        shown=len(entries),
        view=view,
        search=scope.search or "",
        full=path_of(scope, before=before),
        titles=path_of(scope, before=before, view="titles"),
        older=None if following is None else path_of(scope, before=following, view=view),
        newest=None if before is None else path_of(scope, view=view),
        back_to=entries[-1].listed_at if entries else None,
        looked_back_to=EntryId(following.id).at if following and rows.ended_early else None,
        gave_up=rows.ended_early and following is None,
        poll=updates_path(scope, Cursor(entries[0].id if entries else 0)) if is_live_top else None,
        news=news,
        visit=data.visit,
        following=following,
    )


def _sidebar(data: PageData) -> Sidebar:
    return site().sidebars.read(data.connection, data.overview, now=data.clock.now)
