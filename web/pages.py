"""The pages: each view reads the request, asks the database, and names a template.

A page is one read transaction.  Its validator is checked before its list is read; rendering comes
after the transaction has ended, and serves all who ask for the same page in the same minute.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from flask import Blueprint, Response, abort, render_template, request

from aggregator.database import Connection, query
from aggregator.model import Cursor, FeedHealth, ListedEntry, Overview, Scope
from web import health, parameters, wording
from web.addresses import list_path, updates_path
from web.answers import page_body, send_page, unchanged_page
from web.relative_time import Clock
from web.site import site

PAGE_SIZE = 40

bp = Blueprint("pages", __name__)
_Arguments = ParamSpec("_Arguments")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view has to work with: one transaction, one moment."""

    connection: Connection
    clock: Clock
    overview: Overview


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
    scope: Scope = query.EVERYTHING
    here: str = ""
    index: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of one list.

    Attributes:
        search: What the list was searched for, empty for other lists.
        older, newest: Paths of other pages; None where there is none.
        back_to: When the last entry shown was listed, None if there is none.
        poll: Path that tells of new entries; None on all but the first page.
    """

    scope: Scope
    days: list[wording.Day]
    shown: int
    view: str | None
    search: str
    full: str
    titles: str
    older: str | None
    newest: str | None
    back_to: datetime | None
    poll: str | None

    @property
    def kind(self) -> str:
        """Which list the page's script sees: "all" for the top of the whole one."""
        return "all" if self.scope == Scope() and self.newest is None else "part"


def clock() -> Clock:
    """Return the moment of this request, in the zone of the configuration."""
    return Clock(datetime.now(UTC), site().zone, site().config.timezone)


def render(page: Page, *, at: Clock, overview: Overview | None) -> str:
    """Return a page as HTML; without `overview` it needs no database."""
    return render_template(
        page.template,
        page=page,
        clock=at,
        overview=overview,
        config=site().config,
        **page.values,
    )


def _page(
    view: Callable[Concatenate[Reading, _Arguments], Page],
) -> Callable[_Arguments, Response]:
    """Answer with the page that `view` describes, or with 304."""

    @wraps(view)
    def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Response:
        now = clock()
        with site().engine.connect() as connection:
            overview = query.overview(connection, now=now.now)
            tag = _tag(overview, now)
            if (unchanged := unchanged_page(tag)) is not None:
                return unchanged
            key = (request.full_path, tag)
            if (kept := site().pages.get(key)) is not None:
                return send_page(kept, tag)
            page = view(Reading(connection, now, overview), *args, **kwargs)
        content = page_body(render(page, at=now, overview=overview))
        site().pages.put(key, content)
        return send_page(content, tag)

    return answer


@bp.get("/")
@_page
def recent(reading: Reading) -> Page:
    """List all entries, newest first; `?before=` is the cursor of a further page."""
    listing = _listing(reading, Scope())
    if not listing.days and listing.newest is None:
        return _first_run(reading)
    return _list_page("list.html", listing, {"heading": "Recent posts"}, here="recent")


@bp.get("/category/<slug>")
@_page
def category(reading: Reading, slug: str) -> Page:
    """List the entries of one category."""
    scope = Scope(category=parameters.name(slug))
    found = query.category(reading.connection, slug) or abort(404, "There is no such category.")
    values = {"heading": found.name, "category": found}
    return _list_page("list.html", _listing(reading, scope), values, here="recent")


@bp.get("/source/<name>")
@_page
def source(reading: Reading, name: str) -> Page:
    """List the entries of one source, with what is known about it."""
    scope = Scope(source=parameters.name(name))
    feed = query.feed(reading.connection, name, now=reading.clock.now)
    feed = feed or abort(404, "There is no such source.")
    return _list_page("source.html", _listing(reading, scope), {"feed": feed}, here="sources")


@bp.get("/search")
@_page
def search(reading: Reading) -> Page:
    """List the entries in whose title or excerpt all words occur."""
    listing = _listing(reading, Scope(search=parameters.search()))
    return Page("search.html", {"listing": listing}, scope=listing.scope, index=False)


@bp.get("/sources")
@_page
def sources(reading: Reading) -> Page:
    """List the subscriptions by title."""
    return Page("sources.html", {"feeds": _by_title(reading)}, here="sources")


@bp.get("/status")
@_page
def status(reading: Reading) -> Page:
    """Show how every feed is doing, problems first."""
    feeds = query.feeds_by_health(reading.connection, now=reading.clock.now)
    values = {"feeds": feeds, "totals": health.totals(feeds)}
    return Page("status.html", values, here="status", index=False)


@bp.get("/about/robot")
@_page
def robot(_reading: Reading) -> Page:
    """Tell the owner of a server who asks for their feed, how often, and how to stop it."""
    return Page("robot.html", {"fastest": site().fastest})


@bp.after_request
def _keep_out_of_searches(response: Response) -> Response:
    """Tell search engines not to list what has no end: searches and the pages further down."""
    if request.endpoint == "pages.search" or "before" in request.args:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _first_run(reading: Reading) -> Page:
    """Return the page for a list without entries: what to write, or how far the reading is."""
    feeds = _by_title(reading)
    values = {
        "feeds": feeds,
        # Before the first poll the database may not have met the configuration yet.
        "configured": len(site().config.feeds) if reading.overview.checked_at is None else 0,
        "poll": updates_path(Scope(), Cursor(0)),
    }
    return Page("welcome.html", values, here="recent")


def _by_title(reading: Reading) -> list[FeedHealth]:
    feeds = query.feeds_by_health(reading.connection, now=reading.clock.now)
    return sorted(feeds, key=lambda feed: feed.source.title.casefold())


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
    found = query.latest_entries(
        reading.connection, scope=scope, limit=PAGE_SIZE + 1, before=before
    )
    shown = found[:PAGE_SIZE]  # the one more only tells that there is a further page
    more = len(found) > PAGE_SIZE
    return Listing(
        scope=scope,
        days=wording.days(shown, reading.clock),
        shown=len(shown),
        view=view,
        search=scope.search or "",
        full=list_path(scope, before=before),
        titles=list_path(scope, before=before, view="titles"),
        older=list_path(scope, before=Cursor(shown[-1].id), view=view) if more else None,
        newest=None if before is None else list_path(scope, view=view),
        back_to=shown[-1].listed_at if shown else None,
        poll=_poll_path(scope, shown) if before is None else None,
    )


def _poll_path(scope: Scope, shown: list[ListedEntry]) -> str:
    return updates_path(scope, Cursor(shown[0].id if shown else 0))


def _tag(overview: Overview, at: Clock) -> str:
    """Return the validator of every page at this moment.

    The minute is in it because the page says how long ago things were, and the last check because
    it says that, too.
    """
    checked = f"{overview.checked_at:%Y%m%d%H%M%S%f}" if overview.checked_at else "never"
    return f"{site().build}-{overview.version}-{checked}-{at.now:%Y%m%d%H%M}"
