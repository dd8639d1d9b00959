"""The contents of each page: from one read transaction to a template and its values.

Functions here read the database and know nothing of the request, so a page can be an answer
(`web.pages`) or a file (`aggregator.cli.static_site`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from flask import render_template

from aggregator.database import Connection
from aggregator.database.feeds import read_health, read_sources, read_status
from aggregator.database.lists import read_lists, read_relisting, read_searches
from aggregator.database.notifications import read_notifications
from aggregator.database.opml_lists import read_opml_lists
from aggregator.database.pictures import read_pictures
from aggregator.database.state import read_overview
from aggregator.model import (
    Cursor,
    EntryId,
    FeedHealth,
    FeedOrder,
    ListedEntry,
    ListKind,
    ListPage,
    ListScope,
    Overview,
    StoredPicture,
)
from aggregator.publish import room_on_page
from aggregator.search.search_faults import Hint, names_unknown
from aggregator.search.search_parser import parse
from aggregator.search.tree_facts import keywords
from web import (
    disclosure,
    full_post,
    presentation,
    search_texts,
    source_groups,
    status_texts,
)
from web.full_post import PostPictures
from web.last_visit import LastVisit, milliseconds
from web.page_figures import ALL_FIGURES, PageFigures, figures_of_file
from web.page_links import PageLinks, updates_path
from web.relative_time import Clock
from web.search_marks import excerpt_around
from web.site import site
from web.template_globals import translation_context

_Key = TypeVar("_Key")
PAGE_SIZE = 40
PAGE_BUDGET = 1_000_000  # bytes of the entries of a page; usual pages have a twentieth
FEEDS_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class PageData:
    """The data of a page: one transaction, one moment, one reader."""

    connection: Connection
    clock: Clock
    overview: Overview
    visit: LastVisit
    links: PageLinks


@dataclass(frozen=True, slots=True)
class ListPosition:
    """The part of a list on a page, and its view.

    Attributes:
        before: The page begins below this place; None for the top of the list.
        view: "titles" for a list without excerpts, else None.
        limit: Number of entries on the page.
    """

    before: Cursor | None = None
    view: str | None = None
    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Page:
    """A template and its values, besides the values of all pages.

    Attributes:
        scope: The list whose feeds the page offers.
        section: Item of the navigation for the page, empty for none.
        index: Whether search engines may list the page.
        plays_media: Whether the page may have sound and video.
        following: Cursor of the next page of the same list, None on the last page.
        public_url: Address of the page for other sites to link to; empty where none is needed.
        following_row: Rows before the next page of the same table, None on the last page.
        figures: Which figures the page shows.
    """

    template: str
    values: dict[str, object] = field(default_factory=dict)
    scope: ListScope = read_lists.WHOLE_LIST
    section: str = ""
    index: bool = True
    plays_media: bool = False
    following: Cursor | None = None
    public_url: str = ""
    following_row: int | None = None
    figures: PageFigures = ALL_FIGURES


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of one list.

    Attributes:
        count: Number of entries on the page.
        search: Text of the search, empty for other lists.
        full, titles: Addresses of the same page in both views.
        older, newest: Addresses of other pages; None without such a page.
        back_to: When the last entry on the page was listed, None without entries.
        looked_back_to: Where a search ran out of time before the page was full, else None.
        gave_up: A search ran out of time before any entry was searched.
        poll: Address of the number of newer entries; None on all but the first page.
        stored_until: End of the newest poll, in milliseconds since 1970: entries of later polls are
            new in the visit that begins when a reader asks for them.
        total: Number of results of a search on all pages; None if unknown, and on later pages.
        hints: Advice about a search.
    """

    scope: ListScope
    days: list[presentation.Day]
    count: int
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
    stored_until: int
    news: presentation.NewPosts
    visit: LastVisit
    following: Cursor | None
    total: int | None
    hints: tuple[Hint, ...]


def render(page: Page, *, clock: Clock, overview: Overview | None, links: PageLinks) -> str:
    """Return a page as HTML.

    Args:
        overview: None for a page that needs no database.
    """
    return render_template(
        page.template,
        page=page,
        clock=clock,
        overview=overview,
        config=site().config,
        branding=site().branding,
        links=links,
        **translation_context(clock.lang),
        **page.values,
    )


def list_page(data: PageData, scope: ListScope, position: ListPosition) -> Page | None:
    """Return a page of a list, None without such a list; not for searches."""
    if scope.kind is ListKind.SOURCE:
        return _source(data, scope, position)
    sidebar = site().sidebars.read(data.connection, data.overview, now=data.clock.now)
    if scope.kind is ListKind.ALL:
        named_list = None
    else:
        named_list = next((each for each in sidebar.lists if each.scope == scope), None)
        if named_list is None:
            return None
    listing = _listing(data, scope, position)
    if named_list is None and not listing.days and listing.newest is None:
        return _first_run(data)
    values: dict[str, object] = {"named_list": named_list, "sidebar": sidebar}
    return _list_page(data, "list.html", listing, values, section="recent")


def search(data: PageData, scope: ListScope, position: ListPosition) -> Page:
    """Return a page of search results; for an empty search the help alone."""
    listing = _listing(data, scope, position)
    search_text, hints, hidden = listing.search, listing.hints, 0
    if listing.total == 0 and not names_unknown(hints):
        if not scope.hidden:
            hidden = read_searches.count_hidden(data.connection, scope, search_texts.MOST_COUNTED)
        prefix_hint = None if hidden else read_searches.prefix_hint(data.connection, scope)
        hints += () if prefix_hint is None else (prefix_hint,)
    values = {
        "listing": listing,
        "hints": hints,
        "results": listing.total,
        "hidden": hidden,
        "view_lines": search_texts.view_lines(search_text) if listing.count else None,
    }
    # An empty search has no feed, and no feed has hidden entries.
    page_scope = replace(scope, hidden=False) if listing.search else ListScope()
    return Page("search.html", values, scope=page_scope, index=False)


def sources(data: PageData, skipped: int = 0, *, previous: int | None = None) -> Page:
    """Return a page of the subscriptions, by category and title.

    Args:
        skipped: How many subscriptions precede the page.
        previous: The same for the page before; None: that page has `FEEDS_A_PAGE`.
    """
    path_of, now = data.links.of_sources, data.clock.now
    categories = read_sources.shown_categories(data.connection)
    healths = read_health.feeds_page_by_category(
        data.connection, categories, now=now, limit=FEEDS_A_PAGE, offset=skipped
    )
    values = _feeds_page(data, healths, skipped, path_of, previous=previous)
    shown_count = len(values["feeds"])
    groups = source_groups.groups(values["feeds"])
    first_place = skipped
    if data.links.static:  # a file has no address for any place in the table
        categories, first_place = [group.category for group in groups], 0
    jumps = source_groups.jumps(
        categories, skipped=first_place, shown_count=shown_count, path_of=path_of
    )
    values |= {"groups": groups, "jumps": jumps}
    following_row = skipped + shown_count if values["after"] else None
    return Page("sources.html", values, section="sources", following_row=following_row)


def status(data: PageData, skipped: int, path_of: Callable[[int], str]) -> Page:
    """Return a page of the health of all feeds, problems first.

    Args:
        skipped: How many feeds precede the page.
        path_of: Returns the address of the page after a number of feeds.
    """
    values = _feeds(data, FeedOrder.URGENCY, skipped, path_of)
    counts = read_status.count_by_status(data.connection)
    totals = status_texts.totals(counts, data.overview, values["feeds"])
    problem = read_overview.config_problem(data.connection)
    values |= {
        "totals": totals,
        "opml_lists": map(disclosure.public_list, read_opml_lists.healths(data.connection)),
        "halted": _has_halted(data),
        "failing_targets": read_notifications.failing_targets(data.connection),
        "problem": disclosure.public_problem(problem) if problem else None,
    }
    if data.overview.relisted_entries is not None:
        values["relisting"] = read_relisting.relisting_progress(data.connection)
    return Page("status.html", values, section="status", index=False)


def post(data: PageData, entry_id: int, origin: ListScope = read_lists.WHOLE_LIST) -> Page | None:
    """Return the page of a post with its text; None without such a post to read here.

    Args:
        origin: The list of the newer and the older post that the page leads to; the whole list
            takes the place of a list without the post.
    """
    entry = read_lists.post(data.connection, entry_id)
    if entry is None or not entry.source.read_here:
        return None
    neighbours = read_lists.neighbours(data.connection, origin, entry_id)
    if neighbours is None:
        return post(data, entry_id)
    values: dict[str, object] = {
        "post": full_post.full_post(entry, data.clock, _pictures_of_post(data, entry)),
        "origin": origin,
        "newer": full_post.neighbour(neighbours.above, data.clock.lang),
        "older": full_post.neighbour(neighbours.below, data.clock.lang),
    }
    return Page("post.html", values, index=False, plays_media=True)


def _source(data: PageData, scope: ListScope, position: ListPosition) -> Page | None:
    """Return a page of a source's list, with the health of its feed; None without such a source."""
    feed = read_health.feed(data.connection, scope.key, now=data.clock.now)
    if feed is None:
        return None
    listing = _listing(data, scope, position)
    values: dict[str, object] = {"feed": disclosure.public(feed)}
    return _list_page(data, "source.html", listing, values, section="sources")


def _has_halted(data: PageData) -> bool:
    """Whether nothing is stored although feeds are due: a full disk, a lock, no scheduler."""
    due_since, checked_at = data.clock.now - read_health.OVERDUE_AFTER, data.overview.checked_at
    if checked_at is not None and checked_at > due_since:
        return False
    return read_health.has_overdue_feed(data.connection, now=data.clock.now)


def _first_run(data: PageData) -> Page:
    """Return the page for an empty list: how to subscribe, or the progress of the first polls."""
    values = {
        "feeds": _feeds(data, FeedOrder.TITLE, 0, data.links.of_sources)["feeds"],
        # Before the first poll the database may not have met the configuration yet.
        "configured": len(site().config.feeds) if data.overview.checked_at is None else 0,
        "poll": None if data.links.static else updates_path(ListScope(), Cursor(0)),
    }
    return Page("welcome.html", values, section="recent")


def _feeds(
    data: PageData, order: FeedOrder, skipped: int, path_of: Callable[[int], str]
) -> dict[str, Any]:
    """Return `_feeds_page` of the subscriptions in an order."""
    healths = read_health.feeds_page(
        data.connection, now=data.clock.now, order=order, limit=FEEDS_A_PAGE, offset=skipped
    )
    return _feeds_page(data, healths, skipped, path_of)


def _feeds_page(
    data: PageData,
    healths: Sequence[FeedHealth],
    skipped: int,
    path_of: Callable[[int], str],
    *,
    previous: int | None = None,
) -> dict[str, Any]:
    """Return one page of the subscriptions, and the addresses of the pages before and after.

    The page ends before the first feed beyond `PAGE_BUDGET`, so the page after it begins there.
    """
    feeds = [disclosure.public(feed) for feed in healths]
    feeds = feeds[: status_texts.fitting_count(feeds, PAGE_BUDGET)]
    end, total = skipped + len(feeds), data.overview.feeds
    if previous is None:
        previous = max(0, min(skipped, total) - FEEDS_A_PAGE)
    return {
        "feeds": feeds,
        "before": path_of(previous) if skipped else None,
        "after": path_of(end) if feeds and end < total else None,
    }


def _list_page(
    data: PageData, template: str, listing: Listing, values: dict[str, object], *, section: str
) -> Page:
    is_first = listing.newest is None
    is_file = data.links.static
    return Page(
        template,
        values | {"listing": listing},
        scope=replace(listing.scope, hidden=False),  # no feed has hidden entries
        section=section,
        index=is_first and not listing.scope.hidden,
        following=listing.following,
        public_url=site().publication.list_url(listing.scope),
        figures=figures_of_file(listing.scope, is_first=is_first) if is_file else ALL_FIGURES,
    )


def _rows(data: PageData, scope: ListScope, position: ListPosition) -> ListPage:
    """Return the entries of a page; of the first page of a search also the number of results."""
    is_search = scope.kind is ListKind.SEARCH
    return read_lists.entries_page(
        data.connection,
        scope=scope,
        limit=position.limit,
        before=position.before,
        fits=room_on_page(PAGE_BUDGET).takes,
        count_up_to=search_texts.MOST_COUNTED + 1
        if is_search and position.before is None
        else None,
    )


def _listing(data: PageData, scope: ListScope, position: ListPosition) -> Listing:
    before, view = position.before, position.view
    rows = _rows(data, scope, position)
    entries, following, path_of = rows.entries, rows.next, data.links.of_list
    news = presentation.new_posts(entries, data.visit)
    is_live_top = before is None and not data.links.static
    return Listing(
        scope=scope,
        days=presentation.days(
            entries,
            data.clock,
            news=news,
            keywords=_keywords(data, scope, entries, view),
            pictures=_pictures(data, entries, view),
            fold=scope.kind not in {ListKind.SEARCH, ListKind.SOURCE},
            headed=not scope.search_text,
        ),
        count=len(entries),
        view=view,
        search=scope.search_text,
        full=path_of(scope, before=before),
        titles=path_of(scope, before=before, view="titles"),
        older=None if following is None else path_of(scope, before=following, view=view),
        newest=None if before is None else path_of(scope, view=view),
        back_to=entries[-1].listed_at if entries else None,
        looked_back_to=EntryId(following.id).at if following and rows.ended_early else None,
        gave_up=rows.ended_early and following is None,
        poll=updates_path(scope, Cursor(entries[0].id if entries else 0)) if is_live_top else None,
        stored_until=milliseconds(data.overview.checked_at),
        news=news,
        visit=data.visit,
        following=following,
        total=rows.total,
        hints=_hints(data, scope.search_text, rows),
    )


def _pictures_of_post(data: PageData, entry: ListedEntry) -> PostPictures:
    by_address: Mapping[bytes, StoredPicture] = {}
    leads = _pictures(data, [entry], view=None)
    if data.overview.has_pictures:
        by_address = _present(read_pictures.pictures_of_entry(data.connection, entry.id))
    return PostPictures(by_address, leads.get(entry.id), data.links.of_picture)


def _pictures(
    data: PageData, entries: Sequence[ListedEntry], view: str | None
) -> Mapping[int, StoredPicture]:
    """Return the pictures that lead entries; none of a list of titles."""
    if view == "titles" or not data.overview.has_pictures:
        return presentation.NO_PICTURES
    return _present(read_pictures.lead_pictures(data.connection, [entry.id for entry in entries]))


def _present(pictures: Mapping[_Key, StoredPicture]) -> dict[_Key, StoredPicture]:
    """Return the pictures without those whose files are lost."""
    files = site().pictures
    return {key: picture for key, picture in pictures.items() if files.has(picture.key)}


def _hints(data: PageData, search_text: str, rows: ListPage) -> tuple[Hint, ...]:
    """Return advice about a search: about its text, then about names that nothing has."""
    return parse(search_text).hints + read_searches.name_hints(data.connection, rows)


def _keywords(
    data: PageData, scope: ListScope, entries: Sequence[ListedEntry], view: str | None
) -> presentation.Keywords:
    """Return what to mark in entries; with parts of full texts, where all hits are in these."""
    phrases = keywords(parse(scope.search_text).root)
    marks = presentation.Keywords(phrases)
    if not phrases or view == "titles":
        return marks
    missing = [(int(entry.id), marks.missing_in(entry)) for entry in entries]
    hidden = {entry_id: phrases for entry_id, phrases in missing if phrases}
    texts = read_searches.full_texts(data.connection, list(hidden))
    excerpts = {
        entry_id: excerpt_around(text, hidden[entry_id]) for entry_id, text in texts.items()
    }
    return presentation.Keywords(phrases, excerpts)
