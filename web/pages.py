"""The pages as answers: views read the request, `page_contents` the database.

A page is one read transaction.  The validator is checked before a list is read; rendering comes
after the transaction, once for all requests for the same page in the same minute.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, abort, request, url_for

from aggregator.model import ListKind, ListScope, Overview
from web import (
    embedded_list,
    issue_page,
    page_contents,
    parameters,
    renamed_lists,
    site_pages,
)
from web.content_policy import POST_POLICY, frame_policy
from web.language import language, to_translate
from web.last_visit import COOKIE, MAX_AGE, LastVisit
from web.page_contents import ListPosition, Page, PageData
from web.page_links import RequestLinks, embed_path
from web.relative_time import Clock
from web.responses import page_body, send_page, unchanged_page
from web.site import present_overview, site

LINKS = RequestLinks()

bp = Blueprint("pages", __name__)
_UNKNOWN = {
    ListKind.CATEGORY: to_translate("There is no such category."),
    ListKind.VIEW: to_translate("There is no such view."),
    ListKind.SOURCE: to_translate("There is no such source."),
}
_WITH_TEXTS = {"pages.post", "pages.issue"}
_NEVER_LISTED = {"pages.search", "pages.embed", "pages.saved", *_WITH_TEXTS}
_OF_EMBED = ("limit", "excerpt", "theme")
_PARAMETERS = ("before", "view", "q", "skip", "hidden", "in", *_OF_EMBED)  # of all views

_Arguments = ParamSpec("_Arguments")


class Part(Enum):
    """Parts of some pages that their validators depend on."""

    VISIT = "what is new to this reader"
    CHECKS = "how the last polls went, and how far lists are worked over"
    FEEDS = "hundreds of feeds or texts: made for one reader at a time, the others get the same"


def request_clock() -> Clock:
    """Return the moment of this request, in the configured zone and the reader's language."""
    lang = language(parameters.language())
    return Clock(site().utc_now(), site().zone, site().config.timezone, lang)


def render(page: Page, *, clock: Clock, overview: Overview | None) -> str:
    """Return a page for an answer as HTML; `overview` is None for a page without database."""
    return page_contents.render(page, clock=clock, overview=overview, links=LINKS)


def _page(
    *parts: Part,
) -> Callable[[Callable[Concatenate[PageData, _Arguments], Page]], Callable[_Arguments, Response]]:
    """Decorate a view: answer with the page of the view, or with 304.

    Args:
        parts: Parts of the page that its validator depends on.
    """

    def decorate(
        view: Callable[Concatenate[PageData, _Arguments], Page],
    ) -> Callable[_Arguments, Response]:
        @wraps(view)
        def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Response:
            clock = request_clock()
            if Part.VISIT in parts and (since := parameters.since()) is not None:
                return _begin_visit(clock, since)
            with ExitStack() as locks, site().engine.connect() as connection:
                overview = present_overview(connection)
                visit = _visit(overview, clock) if Part.VISIT in parts else LastVisit()
                tag = _tag(overview, clock, visit, parts)
                if (unchanged := unchanged_page(tag)) is not None:
                    return _for_reader(unchanged, clock, visit)
                # Other parameters are left out: they must not make a page be rendered again.
                key = (request.path, *map(request.args.get, _PARAMETERS), tag)
                content = site().pages.get(key)
                if content is None and Part.FEEDS in parts:
                    locks.enter_context(site().feed_table_lock)
                    content = site().pages.get(key)
                if content is None:
                    data = PageData(connection, clock, overview, visit, LINKS)
                    page = view(data, *args, **kwargs)
                    connection.rollback()  # rendering needs no transaction
                    content = page_body(render(page, clock=clock, overview=overview))
                    site().pages.store(key, content)
            return _for_reader(send_page(content, tag), clock, visit)

        return answer

    return decorate


@bp.get("/")
@_page(Part.VISIT)
def recent(data: PageData) -> Page:
    """List all entries, newest first; `?before=` is the cursor of a further page."""
    return _list_page(data, ListScope())


@bp.get(f"/{parameters.MERGED_LIST}")
@_page(Part.VISIT)
def merged_list(data: PageData, kind: str, key: str) -> Page:
    """List the entries of one category or view."""
    return _list_page(data, parameters.list_scope(kind, key))


@bp.get("/source/<name>")
@_page(Part.VISIT, Part.CHECKS)
def source(data: PageData, name: str) -> Page:
    """List the entries of one source, with what is known about it."""
    scope = parameters.list_scope(ListKind.SOURCE, name)
    return _list_page(data, replace(scope, hidden=parameters.hidden()))


@bp.get("/search")
@_page(Part.VISIT)
def search(data: PageData) -> Page:
    """List the entries that a search finds."""
    scope = ListScope(
        ListKind.SEARCH, parameters.search(), zone=site().zone, hidden=parameters.hidden()
    )
    if data.overview.has_former_names:
        renamed_lists.redirect_if_renamed(data.connection, scope)
    with site().costly_searches.room_for(scope):
        return page_contents.search(data, scope, _position())


@bp.get("/post/<entry_id>")
@_page()
def post(data: PageData, entry_id: str) -> Page:
    """Show a post with its text; `?in=` is the list that the reader comes from."""
    origin = replace(parameters.origin(), zone=site().zone)
    if data.overview.has_former_names:
        origin = renamed_lists.in_present_names(data.connection, origin)
    page = page_contents.post(data, parameters.entry_id(entry_id), origin)
    return page or abort(404, to_translate("This post can’t be read here."))


@bp.get("/issue")
@_page()
def issues(data: PageData) -> Page:
    """List the issues of weeks."""
    return issue_page.issues_page(data)


@bp.get("/issue/<week>")
@_page(Part.FEEDS)
def issue(data: PageData, week: str) -> Page:
    """Show the issue of a week."""
    page = issue_page.issue_page(data, parameters.week(week))
    return page or abort(404, to_translate("There is no issue of this week, or not yet."))


@bp.get("/sources")
@_page(Part.CHECKS, Part.FEEDS)
def sources(data: PageData) -> Page:
    """List the subscriptions by title; `?skip=` is the number of those before."""
    return page_contents.sources(data, parameters.skip())


@bp.get("/status")
@_page(Part.CHECKS, Part.FEEDS)
def status(data: PageData) -> Page:
    """Show how every feed is doing, problems first; `?skip=` is the number of those before."""
    if not site().config.page.status:
        abort(404)
    return page_contents.status(data, parameters.skip(), status_path)


@bp.get("/embed")
@bp.get(f"/{parameters.NAMED_LIST}/embed")
@_page()
def embed(data: PageData, kind: str = ListKind.ALL, key: str = "") -> Page:
    """Show the newest posts of a list in a frame of another site."""
    if not site().config.page.embed:
        abort(404)
    scope = parameters.list_scope(kind, key)
    page = embedded_list.embedded(data, scope, parameters.embed())
    if page is None:
        renamed_lists.redirect_if_renamed(data.connection, scope, embed_path, _OF_EMBED)
        abort(404, _UNKNOWN[scope.kind])
    return page


@bp.get("/saved")
@_page()
def saved(_data: PageData) -> Page:
    """Show the page of saved posts; the reader's browser adds the posts."""
    return site_pages.saved()


@bp.get("/about")
@_page()
def about(data: PageData) -> Page:
    """Show the operator's text on the site."""
    return site_pages.about(data) or abort(404)


@bp.get("/about/robot")
@_page()
def robot(data: PageData) -> Page:
    """Tell owners of servers about our crawler: who, how often, and how to stop it."""
    return site_pages.robot(data)


@bp.after_request
def _let_media_play(response: Response) -> Response:
    """Let a reader of texts play sound and video from the publisher's host."""
    if request.endpoint in _WITH_TEXTS and response.status_code == 200:
        response.headers["Content-Security-Policy"] = POST_POLICY
    return response


@bp.after_request
def _keep_out_of_searches(response: Response) -> Response:
    """Keep searches, older pages, hidden or saved posts, posts and frames out of searches."""
    if request.endpoint in _NEVER_LISTED or {"before", "hidden"} & set(request.args):
        response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.after_request
def _let_sites_frame(response: Response) -> Response:
    """Let the sites of config.yaml have lists in frames; no site may have any other page.

    The readers of these sites ask once a minute, which is how often the times on a list change.
    """
    if request.endpoint == "pages.embed" and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = "public, max-age=60"
        if response.status_code == 200:
            policy = frame_policy(site().config.page.embed)
            response.headers["Content-Security-Policy"] = policy
    return response


def _list_page(data: PageData, scope: ListScope) -> Page:
    """Return a page of a list; 301 for a former name, 404 for a name that no list has."""
    page = page_contents.list_page(data, scope, _position())
    if page is None:
        renamed_lists.redirect_if_renamed(data.connection, scope)
        abort(404, _UNKNOWN[scope.kind])
    return page


def _position() -> ListPosition:
    return ListPosition(parameters.before(), parameters.view())


def status_path(skipped: int = 0) -> str:
    """Return the path of the status of all feeds, of its page after `skipped` feeds."""
    return url_for("pages.status", skip=skipped or None)


def _visit(overview: Overview, clock: Clock) -> LastVisit:
    """Return the reader's visit, which the page continues or begins."""
    cookie = LastVisit.parse(request.cookies.get(COOKIE, ""))
    return cookie.page(clock.now, stored_until=overview.checked_at)


def _begin_visit(clock: Clock, since: int) -> Response:
    """Send a reader who asked for new posts to the same page, with the cookie of a new visit."""
    query = {name: text for name, text in request.args.items() if name != "since"}
    path = request.script_root + quote(request.path)
    response = Response(status=303)
    response.headers["Location"] = f"{path}?{urlencode(query)}" if query else path
    return _for_reader(response, clock, LastVisit.begun(clock.now, since=since))


def _for_reader(response: Response, clock: Clock, visit: LastVisit) -> Response:
    """Add the headers for the language of the page and the cookie of the visit."""
    response.vary.add("Accept-Language")
    response.headers["Content-Language"] = clock.lang.tag
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


def _tag(overview: Overview, clock: Clock, visit: LastVisit, parts: Sequence[Part]) -> str:
    """Return the validator of a page at this moment.

    It changes with the minute because a page has relative times, among them the time of the last
    check.
    """
    checked, outdated = overview.checked_at, overview.outdated_since
    new_since = f"{visit.new_since}.{visit.last}" if checked and visit.is_new(checked) else ""
    is_exact = Part.CHECKS in parts
    precision = "%Y%m%d%H%M%S%f" if is_exact else "%Y%m%d%H%M"
    values = (
        site().build,
        clock.lang.tag,
        overview.version,
        overview.feeds,
        overview.unpolled_feeds,
        overview.failing,
        checked.strftime(precision) if checked else "never",
        overview.relisted_entries if is_exact else "",
        outdated.strftime("%Y%m%d%H%M") if outdated else "",
        new_since,
        clock.now.strftime("%Y%m%d%H%M"),
    )
    return "-".join(map(str, values))
