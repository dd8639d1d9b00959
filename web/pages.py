"""The pages as answers: each view reads the request and names what the page shows.

A page is one read transaction.  Its validator is checked before its list is read; rendering comes
after the transaction has ended, and serves all who ask for the same page in the same minute.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import Enum
from functools import wraps
from typing import Concatenate, ParamSpec

from flask import Blueprint, Response, abort, request, url_for

from aggregator.database.state import read_overview
from aggregator.model import Overview, Scope
from web import page_contents, parameters, renamed_lists
from web.language import language, to_translate
from web.last_visit import COOKIE, MAX_AGE, LastVisit
from web.page_contents import ListPosition, Page, PageData
from web.page_links import RequestLinks
from web.relative_time import Clock
from web.responses import page_body, send_page, unchanged_page
from web.site import site

LINKS = RequestLinks()

bp = Blueprint("pages", __name__)
_PARAMETERS = ("before", "view", "q", "page")  # that any view reads

_Arguments = ParamSpec("_Arguments")


class Part(Enum):
    """What some pages show and their validators have to know."""

    VISIT = "what is new to this reader"
    CHECKS = "how the last polls went"
    FEEDS = "hundreds of feeds: made for one reader at a time, the others get the same"


def clock() -> Clock:
    """Return the moment of this request, in the configured zone and the reader's language."""
    words = language(parameters.language())
    return Clock(datetime.now(UTC), site().zone, site().config.timezone, words)


def render(page: Page, *, at: Clock, overview: Overview | None) -> str:
    """Return a page that answers this request as HTML; without `overview` no database is needed."""
    return page_contents.render(page, clock=at, overview=overview, links=LINKS)


def _page(
    *parts: Part,
) -> Callable[[Callable[Concatenate[PageData, _Arguments], Page]], Callable[_Arguments, Response]]:
    """Answer with the page that the view describes, or with 304; `parts` are what it shows."""

    def decorate(
        view: Callable[Concatenate[PageData, _Arguments], Page],
    ) -> Callable[_Arguments, Response]:
        @wraps(view)
        def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Response:
            now = clock()
            with ExitStack() as alone, site().engine.connect() as connection:
                overview = read_overview.overview(connection)
                visit = _visit(overview, now) if Part.VISIT in parts else LastVisit()
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
                    data = PageData(connection, now, overview, visit, LINKS)
                    page = view(data, *args, **kwargs)
                    connection.rollback()  # rendering needs no transaction
                    content = page_body(render(page, at=now, overview=overview))
                    site().pages.put(key, content)
            return _for_reader(send_page(content, tag), now, visit)

        return answer

    return decorate


@bp.get("/")
@_page(Part.VISIT)
def recent(data: PageData) -> Page:
    """List all entries, newest first; `?before=` is the cursor of a further page."""
    return page_contents.recent_posts(data, _position())


@bp.get("/category/<slug>")
@_page(Part.VISIT)
def category(data: PageData, slug: str) -> Page:
    """List the entries of one category."""
    page = page_contents.category(data, parameters.name(slug), _position())
    if page is None:
        renamed_lists.to_present(data.connection, Scope(category=slug))
        abort(404, to_translate("There is no such category."))
    return page


@bp.get("/source/<name>")
@_page(Part.VISIT, Part.CHECKS)
def source(data: PageData, name: str) -> Page:
    """List the entries of one source, with what is known about it."""
    page = page_contents.source(data, parameters.name(name), _position())
    if page is None:
        renamed_lists.to_present(data.connection, Scope(source=name))
        abort(404, to_translate("There is no such source."))
    return page


@bp.get("/search")
@_page(Part.VISIT)
def search(data: PageData) -> Page:
    """List the entries that a search finds."""
    scope = Scope(search=parameters.search(), zone=site().zone)
    if data.overview.has_former_names:
        renamed_lists.to_present(data.connection, scope)
    with site().costly.room_for(scope):
        return page_contents.search(data, scope, _position())


@bp.get("/sources")
@_page(Part.CHECKS, Part.FEEDS)
def sources(data: PageData) -> Page:
    """List the subscriptions by title; `?page=` counts from 1."""
    return page_contents.sources(data, parameters.page())


@bp.get("/status")
@_page(Part.CHECKS, Part.FEEDS)
def status(data: PageData) -> Page:
    """Show how every feed is doing, problems first; `?page=` counts from 1."""
    return page_contents.status(data, parameters.page(), _status_path)


@bp.get("/about/robot")
@_page()
def robot(data: PageData) -> Page:
    """Tell the owner of a server who asks for their feed, how often, and how to stop it."""
    return page_contents.robot(data)


@bp.after_request
def _keep_out_of_searches(response: Response) -> Response:
    """Tell search engines not to list what has no end: searches and the pages further down."""
    if request.endpoint == "pages.search" or "before" in request.args:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _position() -> ListPosition:
    return ListPosition(parameters.before(), parameters.view())


def _status_path(number: int) -> str:
    return url_for("pages.status", page=number if number > 1 else None)


def _visit(overview: Overview, at: Clock) -> LastVisit:
    """Return this reader's visit, which this page belongs to or begins."""
    cookie = LastVisit.parse(request.cookies.get(COOKIE, ""))
    return cookie.page(at.now, found_up_to=overview.checked_at)


def _for_reader(response: Response, at: Clock, visit: LastVisit) -> Response:
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


def _tag(overview: Overview, at: Clock, visit: LastVisit, parts: Sequence[Part]) -> str:
    """Return the validator of a page at this moment.

    The minute is in it because the page says how long ago things were; the last check, to the
    minute, because it says that, too.
    """
    checked = overview.checked_at
    new_since = f"{visit.before}.{visit.last}" if checked and visit.is_new(checked) else ""
    precision = "%Y%m%d%H%M%S%f" if Part.CHECKS in parts else "%Y%m%d%H%M"
    values = (
        site().build,
        at.words.tag,
        overview.version,
        overview.feeds,
        overview.unread_feeds,
        overview.failing,
        checked.strftime(precision) if checked else "never",
        new_since,
        at.now.strftime("%Y%m%d%H%M"),
    )
    return "-".join(map(str, values))
