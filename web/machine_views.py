"""Small documents for programs: static files, counts for an open page, health, robots.txt."""

import json
from collections.abc import Mapping

from flask import Blueprint, Response, abort, request, url_for

from aggregator.database import DBAPIError
from aggregator.database.lists import read_lists
from aggregator.database.state import read_metrics, read_overview
from aggregator.errors import DeadlineError
from aggregator.model import ListKind, ListScope
from aggregator.pictures.picture_header import PictureFormat
from web import metrics_text, parameters, readiness
from web.assets import version
from web.branding import TOUCH_ICON
from web.host_check import FOREIGN_NAME
from web.responses import REVALIDATE, Body, body, send
from web.site import site

bp = Blueprint("machines", __name__)

_JSON = "application/json"
_WEBP = "image/webp"
_MANIFEST = "application/manifest+json"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_METRICS_KEPT = 10  # seconds; feeds get overdue without anything being written
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"
# The number of searches is endless, and each search is costly: no robot has to try them.
_ROBOTS = b"User-agent: *\nDisallow: /search\nDisallow: /updates.json\n"


@bp.get("/static/<name>")
def static(name: str) -> Response:
    """Send a file: immutable at the versioned address, to be revalidated at the plain address."""
    asset = site().assets.get(name) or abort(404)
    is_versioned = request.args.get("v") == version(asset)
    return send(asset, cache_control=_FOR_GOOD if is_versioned else REVALIDATE)


@bp.get("/picture/<name>")
def picture(name: str) -> Response:
    """Send a picture of a post, made small; the name is of the content, so it never changes."""
    content = site().pictures.read(name)
    if content is None:
        abort(404)
    return send(Body(content, _WEBP, name), cache_control=_FOR_GOOD)


@bp.get("/icon.svg")
def icon() -> Response:
    """Send the icon at a permanent address."""
    return send(site().assets["icon.svg"], cache_control=_FOR_A_DAY)


@bp.get("/manifest.webmanifest")
def manifest() -> Response:
    """Describe the page for an installation in a browser (W3C Web Application Manifest)."""
    described = {
        "name": site().config.title,
        "short_name": site().config.title,
        "id": url_for("pages.recent"),
        "start_url": url_for("pages.recent"),
        "scope": url_for("pages.recent"),
        "display": "minimal-ui",
        "background_color": "#faf9f6",
        "theme_color": "#faf9f6",
        "icons": _icons(),
    }
    return send(body(_json(described), _MANIFEST), cache_control=_FOR_A_DAY)


def _icons() -> list[dict[str, str]]:
    """Return the icons of the manifest: the raster ones of the logo, or the drawing."""
    brand = site().branding
    if brand.logo is None:
        return [_icon(url_for("machines.icon"), "any", "image/svg+xml")]
    if brand.logo.format is PictureFormat.SVG:
        return [_icon(_asset_path(brand.logo_name), "any", "image/svg+xml")]
    return [
        _icon(_asset_path(TOUCH_ICON), "180x180", "image/png"),
        _icon(_asset_path(site().config.page.icon_name), "512x512", "image/png"),
    ]


def _icon(path: str, sizes: str, media_type: str) -> dict[str, str]:
    return {"src": path, "sizes": sizes, "type": media_type, "purpose": "any"}


def _asset_path(name: str) -> str:
    return url_for("machines.static", name=name, v=version(site().assets[name]))


@bp.get("/robots.txt")
def robots() -> Response:
    """Keep crawlers off endless addresses (RFC 9309)."""
    return send(body(_ROBOTS, "text/plain; charset=utf-8"), cache_control=_FOR_A_DAY)


@bp.get("/updates.json")
def updates() -> Response:
    """Count the posts above the first post of an open page."""
    after, scope = parameters.after() or abort(400, "after: missing"), _scope()
    with site().costly_searches.room_for(scope), site().engine.connect() as connection:
        count = read_lists.count_newer(connection, after=after, scope=scope)
    return send(body(_json({"count": count}), _JSON), cache_control=REVALIDATE)


@bp.get("/healthz")
def health() -> Response:
    """Say whether the database can be read, and nothing else, as the address is public."""
    try:
        with site().engine.connect() as connection:
            read_overview.version(connection)
    except (DBAPIError, DeadlineError):
        answer = Response(_json({"status": "database unavailable"}), status=503, mimetype=_JSON)
    else:
        answer = Response(_json({"status": "ok"}), mimetype=_JSON)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.get("/readyz")
def ready() -> Response:
    """Say whether posts are up to date, or why not, without names, as the address is public."""
    problems = readiness.problems(site())
    answer = {"status": "not ready", "problems": problems} if problems else {"status": "ready"}
    response = Response(_json(answer), status=503 if problems else 200, mimetype=_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/metrics")
def metrics() -> Response:
    """Send numbers for monitoring (Prometheus text format 0.0.4)."""
    now = site().utc_now()
    names_feeds = site().config.page.status and FOREIGN_NAME not in request.environ
    with site().engine.connect() as connection:
        overview = read_overview.overview(connection)
        moment = int(now.timestamp()) // _METRICS_KEPT
        key = "metrics", names_feeds, overview.version, overview.checked_at, moment
        content = site().documents.get(key)
        if content is None:
            text = metrics_text.whole_program(read_metrics.metrics(connection, now=now))
            if names_feeds:
                text += metrics_text.each_feed(read_metrics.feed_metrics(connection))
            content = body(text.encode(), _METRICS)
            site().documents.store(key, content)
    return send(content, cache_control="no-store")


def _scope() -> ListScope:
    """Return the list of the parameters; of several parameters the narrowest list."""
    search = parameters.search()
    if search:
        return ListScope(ListKind.SEARCH, search, zone=site().zone)
    for kind in (ListKind.SOURCE, ListKind.VIEW, ListKind.CATEGORY):
        if text := request.args.get(kind):
            return parameters.list_scope(kind, text)
    return ListScope()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"
