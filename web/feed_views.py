"""Merged feeds and the list of subscriptions, for other programs.

Rendered documents are cached by the version of the database, so rendering costs once for each
change and not once for each client: a repeated request reads one number from the database.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address

from flask import Blueprint, Response, abort, request

from aggregator import dates, merged, urls
from aggregator.database import Connection
from aggregator.database.feeds import read_health, read_sources
from aggregator.database.lists import read_archives
from aggregator.database.state import read_overview
from aggregator.dates import Week
from aggregator.merged import ListRequest
from aggregator.model import ListKind, ListScope, OpmlOutline, Overview, Source
from aggregator.opml import outlines as opml
from aggregator.publish import (
    EPUB_TYPE,
    Document,
    Format,
    last_modified_at,
    links,
    render,
    render_epub,
)
from web import (
    health_feed,
    page_links,
    pages,
    parameters,
    presentation,
    renamed_lists,
    source_texts,
)
from web.page_contents import Page
from web.responses import (
    Body,
    body,
    client_etags,
    is_current,
    page_body,
    send,
    send_delta,
    send_private,
    wants_delta,
)
from web.site import present_overview, site

bp = Blueprint("feeds", __name__)

_FORM = "<any(atom, rss, json):form>"
_OPML_TYPE = "text/x-opml; charset=utf-8"
_MIN_AGE = timedelta(minutes=5)
_MAX_AGE = timedelta(hours=1)
_FOR_GOOD = f"public, max-age={365 * 86400}, immutable"
_PREVIEWED = 10  # entries on the page about a feed


@bp.get(f"/feed.{_FORM}")
@bp.get(f"/{parameters.NAMED_LIST}/feed.{_FORM}")
def feed(form: str, kind: str = ListKind.ALL, key: str = "") -> Response:
    """Publish a list: all, one category, one view or one source."""
    return _answer(parameters.list_scope(kind, key), Format(form))


@bp.get(f"/search/feed.{_FORM}")
def search(form: str) -> Response:
    """Publish the results of a search."""
    text = parameters.search() or abort(400, "q: missing; what is to be searched for?")
    return _answer(ListScope(ListKind.SEARCH, text, zone=site().zone), Format(form))


@bp.get(f"/status/feed.{_FORM}")
def health(form: str) -> Response:
    """Publish the episodes of feeds and of the program."""
    if not site().config.page.status:
        abort(404)
    now = site().utc_now()
    if _is_for_a_person():
        with site().engine.connect() as connection:
            document = health_feed.document(connection, Format(form), now=now, outage=None)
            overview = present_overview(connection)
        return _explanation(document, Format(form), pages.status_path(), overview)
    content = _health_content(Format(form), now)
    if (wait := _seconds_to_wait(content)) is not None:
        return _too_often(wait)
    return send(content, cache_control=_cache_control(None, now))


@bp.get("/archive/<week>.atom")
@bp.get(f"/{parameters.MERGED_LIST}/archive/<week>.atom")
def archive(week: str, kind: str = ListKind.ALL, key: str = "") -> Response:
    """Publish the entries of one week in a list of several sources."""
    return _answer(parameters.list_scope(kind, key), Format.ATOM, parameters.week(week))


@bp.get(f"/issue/feed.{_FORM}")
def issues(form: str) -> Response:
    """Publish the newest issues of weeks, each as an entry."""
    return send(_issues(Format(form)), cache_control=_cache_control(None, site().utc_now()))


@bp.get("/issue/<week>.epub")
def epub(week: str) -> Response:
    """Send the issue of a week as a book."""
    return send(_book(parameters.week(week)), cache_control=_FOR_GOOD)


@bp.get("/sources.opml")
@bp.get("/category/<slug>/sources.opml")
def subscriptions(slug: str | None = None) -> Response:
    """Publish all subscriptions, or those of one category, as OPML 2.0."""
    scope = ListScope() if slug is None else parameters.list_scope(ListKind.CATEGORY, slug)
    with site().engine.connect() as connection:
        key = read_overview.version(connection), "subscriptions", scope
        content = site().documents.get(key)
        if content is None:
            content = opml_body(connection, scope)
            if content is None:
                renamed_lists.redirect_if_renamed(connection, scope, page_links.opml_path, ())
                abort(404, "No such category.")
            site().documents.store(key, content)
    return send(content, cache_control=_cache_control(None, site().utc_now()))


def opml_body(connection: Connection, scope: ListScope) -> Body | None:
    """Return subscriptions as OPML 2.0, private feeds and files of this machine left out.

    A feed stands in the folder of each of its categories; in the list of one category, there alone.
    For a page without a feed stands the merged feed of the page's posts.

    Args:
        scope: All subscriptions, or those of one category.

    Returns:
        None without such a category.
    """
    now = site().utc_now()
    head = merged.document_head(connection, scope, site().publication, now=now)
    if head is None:
        return None
    sources = [
        source
        for source in read_sources.subscriptions(connection, scope)
        if urls.is_web(source.feed_url) and not source.private
    ]
    sources.sort(key=lambda source: (source.title.casefold(), source.name))
    categories = read_sources.categories_of_feeds(connection)
    outlines = [
        OpmlOutline(
            _published_feed(source),
            source.title,
            tuple(
                name
                for slug, name in categories.get(source.id, {}).items()
                if scope.kind is ListKind.ALL or scope.key == slug
            ),
            urls.masked(link) if (link := source_texts.web_link(source.site_url)) else None,
        )
        for source in sources
    ]
    # Without a date: the same subscriptions give the same document.
    return body(opml.write(head.title, outlines), _OPML_TYPE)


def _published_feed(source: Source) -> str:
    """Return the address of a source's feed for feed readers."""
    if not source.is_page:
        return urls.masked(source.feed_url)
    return site().publication.url(ListRequest(ListScope(ListKind.SOURCE, source.name)))


def _issues(form: Format) -> Body:
    now = site().utc_now()
    with site().engine.connect() as connection:
        key = read_overview.version(connection), "issues", form, dates.open_since(now)
        if (content := site().documents.get(key)) is not None:
            return content
        document = merged.issues_document(
            connection, site().publication, form, now=now, texts=site().config.page.read_here
        )
    content = _body(document, form)
    site().documents.store(key, content)
    return content


def _book(week: Week) -> Body:
    now = site().utc_now()
    with site().engine.connect() as connection:
        key = read_overview.version(connection), "book", week
        if (content := site().documents.get(key)) is not None:
            return content
        issue = merged.issue(
            connection, week, site().publication, now=now, texts=site().config.page.read_here
        )
    if issue is None:
        abort(404, "There is no issue of this week, or not yet.")
    content = body(render_epub(issue), EPUB_TYPE, modified_at=last_modified_at(issue.entries))
    site().documents.store(key, content)
    return content


@bp.after_request
def _open_to_all(response: Response) -> Response:
    """Let scripts of other sites read public feeds (CORS), and keep feeds out of search engines.

    Feeds at an address of one machine or network are not for scripts: the browser of anybody on
    that network would fetch the feeds for any site.
    """
    is_page = "Sec-Fetch-Dest" in response.vary  # about a feed
    if not urls.is_private(site().config.base_url):
        if not is_page:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = "ETag, IM, Link, Retry-After"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Headers"] = (
                "A-IM, If-None-Match, If-Modified-Since"
            )
            response.headers["Access-Control-Max-Age"] = "86400"
    if site().config.publish.noindex:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


# ---------------------------------------------------------------------- one document


def _answer(scope: ListScope, form: Format, week: Week | None = None) -> Response:
    limit = parameters.limit() if week is None else merged.DEFAULT_LIMIT
    after = None if week is None else parameters.after()
    list_request = ListRequest(scope, form, limit, parameters.before(), week, after)
    now = site().utc_now()
    if _is_for_a_person():
        return _explanation_of_list(list_request, now)
    content = _content(list_request, now)
    if (wait := _seconds_to_wait(content)) is not None:
        return _too_often(wait)
    if not is_current(content) and (delta := _delta(list_request, now)) is not None:
        return send_delta(delta, content)
    return send(content, cache_control=_cache_control(list_request, now))


def _is_for_a_person() -> bool:
    """Whether somebody followed a link to a feed in a browser; feed readers send no such header."""
    return request.headers.get("Sec-Fetch-Dest") == "document" and "raw" not in request.args


def _health_content(form: Format, now: datetime) -> Body:
    with site().engine.connect() as connection:
        outage = health_feed.outage_since(connection, now)
        key = (read_overview.version(connection), "health", form, outage)
        if (cached := site().documents.get(key)) is not None:
            return cached
        document = health_feed.document(connection, form, now=now, outage=outage)
    content = _body(document, form)
    site().documents.store(key, content)
    return content


def _body(document: Document, form: Format) -> Body:
    return body(
        render(document, form),
        form.content_type,
        modified_at=last_modified_at(document.entries),
        links=_links(document, form),
    )


def _content(list_request: ListRequest, now: datetime) -> Body:
    with site().engine.connect() as connection:
        # The week is in the key because an archive closes without anything being written.
        key = (read_overview.version(connection), list_request, dates.open_since(now))
        if (cached := site().documents.get(key)) is not None:
            return cached
        document = _document(connection, list_request, now)
    content = _body(document, list_request.form)
    if site().config.publish.deltas:
        changes: dict[int, datetime] = {entry.id: entry.changed_at for entry in document.entries}
        site().versions.note(list_request, content.etag, changes)
    site().documents.store(key, content)
    return content


def _document(connection: Connection, list_request: ListRequest, now: datetime) -> Document:
    if list_request.scope.kind is ListKind.SEARCH:
        _redirect_if_renamed(connection, list_request)
    with site().costly_searches.room_for(list_request.scope):
        document = merged.document(connection, list_request, site().publication, now=now)
    if document is None:
        _redirect_if_renamed(connection, list_request)
        abort(404, f"No such {'archive' if list_request.week else list_request.scope.kind}.")
    return document


def _redirect_if_renamed(connection: Connection, list_request: ListRequest) -> None:
    def path_of(scope: ListScope) -> str:
        return page_links.document_path(replace(list_request, scope=scope))

    renamed_lists.redirect_if_renamed(connection, list_request.scope, path_of, ("raw",))


def _links(document: Document, form: Format) -> list[tuple[str, str, str | None]]:
    """Return the links of a document for headers (RFC 8288), which even a 304 carries."""
    media_type = form.content_type.partition(";")[0]
    return [
        ("self", document.self_url, media_type),
        ("alternate", document.html_url, "text/html"),
        *((name, url, None if name == "hub" else media_type) for name, url in links(document)),
    ]


def _delta(list_request: ListRequest, now: datetime) -> Body | None:
    """Return the document with only the entries that are new since the client's version.

    None if no entry or every entry is new, if the client's version is unknown, and unless
    config.yaml turns deltas on: feedparser asks for deltas on every request, and programs with
    feedparser take a 226 for a failure.
    """
    if not (site().config.publish.deltas and wants_delta()):
        return None
    new_ids = site().versions.entries_since(list_request, client_etags())
    if not new_ids:
        return None
    with site().engine.connect() as connection:
        document = _document(connection, list_request, now)
    entries = [entry for entry in document.entries if entry.id in new_ids]
    if not entries or len(entries) == len(document.entries):
        return None
    return body(
        render(replace(document, entries=entries), list_request.form),
        list_request.form.content_type,
    )


def _seconds_to_wait(content: Body) -> int | None:
    if not site().config.publish.limit_clients or request.method != "GET":
        return None
    client = f"{_client_address()} {request.headers.get('User-Agent', '')}"
    return site().client_limiter.wait(client, request.full_path, content.etag)


def _client_address() -> str:
    """Return the client's address; behind a proxy on a private address, the address it forwards."""
    address = request.remote_addr or ""
    try:
        is_proxy = ip_address(address).is_private
    except ValueError:  # a Unix socket
        is_proxy = True
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if is_proxy and forwarded else address


def _too_often(seconds: int) -> Response:
    text = f"You have this already; nothing has changed. Ask again in {seconds} seconds.\n"
    response = Response(text, status=429, mimetype="text/plain")
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def _explanation_of_list(list_request: ListRequest, now: datetime) -> Response:
    with site().engine.connect() as connection:
        document = _document(connection, list_request, now)
        overview = present_overview(connection)
    path, form = page_links.list_path(list_request.scope), list_request.form
    return _explanation(document, form, path, overview, scope=list_request.scope)


def _explanation(
    document: Document,
    form: Format,
    list_path: str,
    overview: Overview,
    *,
    scope: ListScope | None = None,
) -> Response:
    """Answer a person with a page about feeds.

    Args:
        list_path: Of the page for people.
        scope: The list of the feed, of which the page shows posts; None for another feed.
    """
    raw = request.full_path.rstrip("?") + ("&raw" if request.args else "?raw")
    clock, no_news = pages.request_clock(), presentation.NewPosts()
    posts = document.entries[:_PREVIEWED] if scope else ()
    values = {
        "document": document,
        "format": page_links.FORMAT_NAMES[form],
        "list_path": list_path,
        "raw": f"{request.script_root}{raw}",
        "days": presentation.days(posts, clock, news=no_news, fold=False),
        "posts": {"news": no_news},
    }
    page = Page("feed.html", values, scope=scope or ListScope(), index=False)
    response = send_private(page_body(pages.render(page, clock=clock, overview=overview)))
    response.vary.add("Accept-Language")
    response.headers["Content-Language"] = clock.lang.tag
    return response


def _cache_control(list_request: ListRequest | None, now: datetime) -> str:
    """Return how long a document may be cached: as long as the shortest interval of a feed."""
    with site().engine.connect() as connection:
        if list_request is not None and list_request.week is not None:
            scope, week = list_request.scope, list_request.week
            if read_archives.is_closed(connection, scope, week, now=now):
                return _FOR_GOOD
        fastest = read_health.shortest_interval(connection) or site().config.poll.interval
    age = min(max(fastest, _MIN_AGE), _MAX_AGE)
    return f"public, max-age={int(age.total_seconds())}, stale-if-error=86400"
