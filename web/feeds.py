"""Merged feeds and the subscription list, for other programs.

Rendering is kept per version of the database, so what costs is paid once for each change and
not once for each client: a repeated request reads one number from the database.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort

from aggregator import __version__, opml, urls
from aggregator.database import Connection, query
from aggregator.model import Cursor, OpmlOutline, Scope
from aggregator.publish import Document, Format, last_modified_at, render
from web import parameters
from web.addresses import absolute, feed_path, list_path
from web.answers import Body, body, send
from web.site import site

bp = Blueprint("feeds", __name__)

_FORM = "<any(atom, rss, json):form>"
_OPML_TYPE = "text/x-opml; charset=utf-8"
_MIN_AGE = timedelta(minutes=5)
_MAX_AGE = timedelta(hours=1)
_GENERATOR = f"aggregator {__version__}"


@bp.get(f"/feed.{_FORM}")
def merged(form: str) -> Response:
    """Publish the whole list."""
    return _answer(Scope(), Format(form))


@bp.get(f"/category/<slug>/feed.{_FORM}")
def category(slug: str, form: str) -> Response:
    """Publish one category."""
    return _answer(Scope(category=parameters.name(slug)), Format(form))


@bp.get(f"/source/<name>/feed.{_FORM}")
def source(name: str, form: str) -> Response:
    """Publish one source."""
    return _answer(Scope(source=parameters.name(name)), Format(form))


@bp.get(f"/search/feed.{_FORM}")
def search(form: str) -> Response:
    """Publish what a search finds."""
    wanted = parameters.search() or abort(400, "q: missing; what is to be searched for?")
    return _answer(Scope(search=wanted, zone=site().zone), Format(form))


@bp.get("/sources.opml")
def subscriptions() -> Response:
    """Publish the subscriptions as OPML 2.0."""
    with site().engine.connect() as connection:
        found = query.feeds_by_health(connection, now=datetime.now(UTC))
    sources = [feed.source for feed in found if urls.is_web(feed.source.feed_url)]
    sources.sort(key=lambda source: ((source.category or "").casefold(), source.title.casefold()))
    outlines = [
        OpmlOutline(urls.masked(each.feed_url), each.title, each.category, each.site_url)
        for each in sources
    ]
    # Not the time of this request: the same subscriptions are the same document.
    changed_at = max((each.updated_at for each in sources if each.updated_at), default=None)
    data = opml.write(site().config.title, outlines, created_at=changed_at)
    return send(body(data, _OPML_TYPE), cache_control=_cache_control())


@bp.after_request
def _open_to_all(response: Response) -> Response:
    """Let scripts of other sites read the feeds, and keep them out of search results."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# ---------------------------------------------------------------------- one document


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which document: all that decides its bytes, beside the database."""

    scope: Scope
    form: Format
    limit: int
    before: Cursor | None

    def path(self, *, form: Format | None = None, before: Cursor | None = None) -> str:
        limit = None if self.limit == parameters.DEFAULT_LIMIT else self.limit
        return feed_path(self.scope, form or self.form, before=before, limit=limit)


def _answer(scope: Scope, form: Format) -> Response:
    wish = _Wish(scope, form, parameters.limit(), parameters.before())
    response = send(_content(wish), cache_control=_cache_control())
    _add_links(response, wish)
    return response


def _content(wish: _Wish) -> Body:
    with site().engine.connect() as connection:
        key = (query.version(connection), wish)
        if (kept := site().rendered.get(key)) is not None:
            return kept
        document = _document(connection, wish)
    modified_at = last_modified_at(document.entries)
    content = body(render(document, wish.form), wish.form.content_type, modified_at=modified_at)
    site().rendered.put(key, content)
    return content


def _document(connection: Connection, wish: _Wish) -> Document:
    shown = _titled(connection, wish.scope)
    found = query.latest_entries(
        connection, scope=wish.scope, limit=wish.limit + 1, before=wish.before, with_content=True
    )
    entries = found[: wish.limit]
    older = len(found) > wish.limit
    return replace(
        shown,
        self_url=absolute(wish.path(before=wish.before)),
        next_url=absolute(wish.path(before=Cursor(entries[-1].id))) if older else None,
        entries=entries,
    )


def _titled(connection: Connection, scope: Scope) -> Document:
    """Return the document of a list without its entries; 404 if there is no such list.

    Its id is the address of the list for people: an absolute URI that the operator controls, the
    same for each format and page.  A `tag:` URI would need a date that is fixed somewhere.
    """
    title = site().config.title
    subtitle, language = "", None
    if scope.category is not None:
        found = query.category(connection, scope.category) or abort(404, "No such category.")
        title = f"{title}: {found.name}"
    elif scope.source is not None:
        feed = query.feed(connection, scope.source, now=datetime.now(UTC))
        feed = feed or abort(404, "No such source.")
        title, subtitle, language = feed.source.title, feed.subtitle, feed.source.language
    elif scope.search is not None:
        title = f"{title}: posts about “{scope.search}”"
    address = absolute(list_path(scope))
    return Document(
        id=address,
        title=title,
        html_url=address,
        self_url=address,
        subtitle=subtitle,
        language=language,
        generator=_GENERATOR,
    )


def _add_links(response: Response, wish: _Wish) -> None:
    """Say in headers what the document says inside (RFC 8288): cheap to read, also on a 304."""
    links = [
        (absolute(wish.path(before=wish.before)), "self", wish.form.content_type),
        (absolute(list_path(wish.scope)), "alternate", "text/html"),
    ]
    for url, relation, media_type in links:
        plain_type = media_type.partition(";")[0]
        response.headers.add("Link", f'<{url}>; rel="{relation}"; type="{plain_type}"')


def _cache_control() -> str:
    """Return how long an answer may be kept: as long as nobody asks the fastest feed."""
    age = min(max(site().fastest, _MIN_AGE), _MAX_AGE)
    return f"public, max-age={int(age.total_seconds())}, stale-if-error=86400"
