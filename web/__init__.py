"""The web process: pages and merged feeds.  Only a request to our own hub changes anything.

    pages            pages for people; page_contents says what they show     templates/, static/
    feed_views       merged feeds and subscriptions, for other programs
    machine_views    files, health, metrics, new posts for an open page; readiness says what is
                     not up to date
    hub_endpoint     requests of WebSub subscribers, which `hub_requests` stores for verification

A request first passes `host_check` (names of this server), `request_limits` (long headers),
`answer_cache` (repeated requests for feeds) and, below a prefix, `mount`.

`presentation`, `source_texts` and `status_texts` put entries and feeds into words, `relative_time`
`disclosure` leaves private addresses out.  `responses` is HTTP: validators, 304, compression.
`site` holds the values that all requests share.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from aggregator import urls
from aggregator.config import Config
from aggregator.database import DBAPIError, Engine, is_gone
from aggregator.errors import DeadlineError
from aggregator.merged import HUB_PATH
from aggregator.model import Overview
from web import feed_views, hub_endpoint, machine_views, pages
from web.answer_cache import AnswerCache
from web.content_policy import DOCUMENT_POLICY, PAGE_POLICY, PICTURE_POLICY
from web.host_check import HostCheck
from web.hub_requests import HubRequests
from web.language import SOURCE, to_translate
from web.mount import Mount
from web.page_contents import Page
from web.request_limits import MAX_BODY, RequestLimits
from web.responses import page_body, send_error_page
from web.site import present_overview, set_site, site
from web.status_texts import StatusText
from web.template_globals import register_globals

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["create_app"]

_MACHINE_PATHS = (".atom", ".epub", ".rss", ".json", ".opml", ".txt", HUB_PATH, "/metrics")
_MESSAGES = {
    404: to_translate("Nothing is published at this address."),
    405: to_translate("This address is read-only."),
    500: to_translate("The error is ours, and has been logged."),
    503: to_translate("The database cannot be read at the moment."),
}
_POLICIES = {"text/html": PAGE_POLICY, "image/svg+xml": PICTURE_POLICY}
_TOO_LONG = to_translate("This takes too long. Ask for less, or try again in a moment.")
_HEADINGS = {
    400: to_translate("This address has a mistake"),
    404: to_translate("Not found"),
    405: to_translate("Not allowed"),
    500: to_translate("Something went wrong"),
    503: to_translate("Back in a moment"),
}


def create_app(
    config: Config,
    engine: Engine,
    *,
    hub: HubRequests | None = None,
    listens_on: str | None = None,
    utc_now: Callable[[], datetime] | None = None,
) -> Flask:
    """Return the WSGI application on a database.

    Args:
        config: Title, base URL, time zone and subscriptions; fixed for the application's life.
        engine: A read-only engine is enough.
        hub: Takes requests of subscribers to our own WebSub hub; None without such a hub.
        listens_on: Address or name of the server's socket; None if unknown.
        utc_now: Returns the time of pages, aware; None: the clock of the database.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.merge_slashes = False  # its redirect would repeat the client's Host header
    set_site(app, config, engine, hub=hub, utc_now=utc_now)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    register_globals(app.jinja_env)
    for views in (pages, feed_views, machine_views, *([hub_endpoint] if hub else [])):
        app.register_blueprint(views.bp)
    app.register_error_handler(HTTPException, _error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(DeadlineError, _deadline_met)
    app.after_request(_protect)
    app.wsgi_app = _wrapped(app, config, engine, listens_on)  # type: ignore[assignment,method-assign]
    return app


def _wrapped(
    app: Flask, config: Config, engine: Engine, listens_on: str | None
) -> "WSGIApplication":
    """Return the application behind its middleware; the outermost is added last."""
    wrapped: WSGIApplication = app.wsgi_app
    prefix = urlsplit(config.base_url).path.rstrip("/")
    if prefix:
        wrapped = Mount(wrapped, prefix)
    if not config.publish.limit_clients:  # a limit has to see every request
        wrapped = AnswerCache(wrapped, engine, deltas=config.publish.deltas)
    wrapped = RequestLimits(wrapped)
    if listens_on is not None and urls.is_loopback(listens_on):
        wrapped = HostCheck(wrapped, base_url=config.base_url)
    return wrapped


def _protect(response: Response) -> Response:
    if response.status_code != 304:  # a stored response keeps the policy of its first answer
        policy = _POLICIES.get(response.mimetype or "", DOCUMENT_POLICY)
        response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Publishers learn nothing of their readers, nor the name of a private host.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _error(error: HTTPException) -> Response:
    """Answer an error in the form that fits the address: a page, or one line of text."""
    status = error.code or 500
    description = error.description or ""
    is_ours = description != type(error).description  # werkzeug's texts are written for developers
    message = description if is_ours else _MESSAGES.get(status, description)
    response = _error_answer(status, message)
    if status == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "GET, HEAD, OPTIONS")
    if isinstance(error, ServiceUnavailable) and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _deadline_met(_error: DeadlineError) -> Response:
    response = _error_answer(503, _TOO_LONG)
    response.headers["Retry-After"] = "10"
    return response


def _database_error(error: DBAPIError) -> Response:
    # The address of the database may hold a password: the client is not told.
    if not is_gone(error):  # a missing file is logged once, by `watch_file`
        site().database_log.note(error)
    response = _error_answer(503, _MESSAGES[503])
    response.headers["Retry-After"] = "10"
    return response


def _overview(status: int) -> Overview | None:
    """Return what the head of an error page tells; None where the database may be at fault."""
    if status >= 500:
        return None
    try:
        with site().engine.connect() as connection:
            return present_overview(connection)
    except (DBAPIError, DeadlineError):
        return None


def _error_answer(status: int, message: str) -> Response:
    if request.path.endswith(_MACHINE_PATHS):
        response = Response(f"{message}\n", status=status, mimetype="text/plain")
        response.headers["Cache-Control"] = "no-store"
        return response
    clock = pages.request_clock()
    translated = clock.lang.gettext(message)
    values: dict[str, object] = {
        "status": status,
        "heading": clock.lang.gettext(_HEADINGS.get(status, "Error {status}")).format(
            status=status
        ),
        # A message that names a parameter of the address has no translation.
        "message": StatusText(translated, SOURCE if translated == message else clock.lang.tag),
    }
    # A client that sends too many requests repeats them at once: a refusal must be cheap.
    key = ("error", status, message, clock.lang.tag, clock.now.replace(second=0, microsecond=0))
    content = site().pages.get(key)
    if content is None:
        page = Page("error.html", values, index=False)
        content = page_body(pages.render(page, clock=clock, overview=_overview(status)))
        site().pages.store(key, content)
    response = send_error_page(content, status)
    response.vary.add("Accept-Language")
    return response
