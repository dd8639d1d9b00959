"""The whole site as files: list pages, feeds, archives, OPML, and what the pages need.

Every file is what the web answers at its address, with two differences: pages link to each other by
relative paths, so that they work from any place, and nothing in them says how long ago something
was.  The same database gives the same bytes.

Older pages are cut from the oldest entry upwards, so that new entries change the first pages and
leave all others as they were; the first page overlaps the second one.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from posixpath import dirname, relpath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from flask.testing import FlaskClient

from aggregator import merged, publish
from aggregator.config import Config
from aggregator.database import Engine
from aggregator.database.lists import read_lists
from aggregator.database.state import read_overview
from aggregator.dates import Week
from aggregator.errors import AggregatorError
from aggregator.merged import Publication, Wish
from aggregator.model import Cursor, Scope
from aggregator.model.times import EPOCH
from aggregator.text.references import unescape
from web import create_app
from web.pages import PAGE_SIZE

FORMATS = ("atom", "rss", "json", "opml", "html")

_FILES = ("/static/", "/icon")
_ONLY_LIVE = frozenset({"/status", "/about/robot"})
_NEXT = re.compile(r'<link rel="next" href="[^"]*[?;]before=(-?[0-9]+)')
_CHARSET = '<meta charset="utf-8">'
_ONLY_IN_HEADERS = ("frame-ancestors", "report-uri", "sandbox")
# As `Publication.url` writes them; places below 1970 are negative.
_ARCHIVE = re.compile(r"([0-9]{4}-W[0-9]{2})(?:-after-(-?[0-9]+))?(?:-(-?[0-9]+))?")
_TAG = re.compile(r"<[a-z][^<>]*>")
_LINK = re.compile(r'(?<= )(href|src|action)="([^"]*)"')
_ANCHOR = re.compile(r'<a [^<>]*href="([^"]*)"[^<>]*>(.*?)</a>', re.DOTALL)
_BARS = re.compile(r"<(nav|footer)\b.*?</\1>", re.DOTALL)
# What only the running program answers: search, the two views, news, the manifest of an app.
_LIVE = re.compile(
    r'<search>.*?</search>\n?|<p class="view">.*?</p>\n?|<link rel="manifest"[^<>]*>\n?'
    r'| data-(?:now|poll)="[^"]*"',
    re.DOTALL,
)
_TIME = re.compile(r'(<time[^<>]* datetime="[^"]*T[^"]*" title="([^",]*)[^<>]*>)[^<]*(</time>)')
_DAY = re.compile(r'(<h2 id="d[0-9-]+">)[^<0-9]*(<time)')


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site; its path is relative, with `/` between folders."""

    path: str
    data: bytes


def files(config: Config, engine: Engine, formats: frozenset[str]) -> Iterator[File]:
    """Yield the files of one database, each before those that it leads to.

    Args:
        formats: Which kinds of documents, of `FORMATS`; links to others lead to `base_url`.

    Raises:
        AggregatorError: A document could not be made.
    """
    with engine.connect() as connection:
        as_of = read_overview.overview(connection).checked_at
    app = create_app(config, engine, as_of=as_of or EPOCH)
    client = app.test_client(use_cookies=False)  # no page knows of another one
    scopes = _scopes(config)
    if "html" in formats:
        yield from _Pages(config, engine, client, formats).files(scopes)
    for scope in scopes:
        for form in publish.Format:
            if form.value in formats:
                yield from _feed(config, engine, scope, form)
    if "opml" in formats:
        yield File("sources.opml", _body(client, "/sources.opml"))


def format_of(path: str) -> str:
    """Return which of `FORMATS` a file of the site belongs to; what pages need belongs to them."""
    ending = path.rpartition(".")[2]
    return ending if ending in FORMATS else "html"


def _scopes(config: Config) -> list[Scope]:
    return [
        Scope(),
        *(Scope(category=slug) for slug in sorted(set(config.category_slugs.values()))),
        *(Scope(source=feed.name) for feed in config.feeds),
    ]


def _feed(config: Config, engine: Engine, scope: Scope, form: publish.Format) -> Iterator[File]:
    """Yield the feed of a list, and its archives or older pages."""
    publication = replace(Publication.of(config), files=True)
    now, wish = datetime.now(UTC), Wish(scope, form)
    while True:
        with engine.connect() as connection:
            document = merged.document(connection, wish, publication, now=now)
        if document is None:
            raise AggregatorError(f"{merged.path(wish)}: there is no such list")
        yield File(_place_of(document.self_url, config), publish.render(document, form))
        older = document.prev_archive_url or document.next_url
        if older is None:
            return
        wish = _older_at(wish, _place_of(older, config))


def _place_of(url: str, config: Config) -> str:
    return unquote(url.removeprefix(f"{config.base_url}/"))


def _older_at(wish: Wish, path: str) -> Wish:
    """Return which archive, or older page, of the same list a path of `Publication.url` is of."""
    folder, _, file = path.rpartition("/")
    name = file.removesuffix(f".{wish.form.suffix}")
    if folder.endswith("page"):
        return replace(wish, before=Cursor.parse(name))
    found = _ARCHIVE.fullmatch(name)
    if found is None:
        raise AggregatorError(f"{path}: not the name of an archive")
    after, before = (Cursor.parse(text) if text else None for text in found.groups()[1:])
    return replace(wish, week=Week.parse(found[1]), before=before, after=after)


class _Pages:
    """The pages, each fetched from the application and written for its place."""

    def __init__(
        self, config: Config, engine: Engine, client: FlaskClient, formats: frozenset[str]
    ) -> None:
        self._engine = engine
        self._client = client
        self._formats = formats
        self._base_url = config.base_url
        self._prefix = urlsplit(config.base_url).path
        self._ids: list[int] = []  # of the list whose pages are being written, oldest first
        self._cut_at: list[int] = []  # last entries of its pages that had no room for more
        self._assets: dict[str, str] = {}

    def files(self, scopes: Sequence[Scope]) -> Iterator[File]:
        for scope in scopes:
            with self._engine.connect() as connection:
                self._ids = read_lists.ids_of(connection, scope)[::-1]
            place = merged.list_path(scope)
            self._cut_at.clear()
            for cursor in (None, *self._ids[PAGE_SIZE::PAGE_SIZE]):
                yield from self._list_page(place, cursor)
        yield self._page("/sources", "sources.html")
        for path, address in sorted(self._assets.items()):
            yield File(path, _body(self._client, address))

    def _list_page(self, place: str, cursor: int | None) -> Iterator[File]:
        """Yield a page of a list, and the rest of it where one had no room for all its entries."""
        while True:
            known = len(self._cut_at)
            address = place if cursor is None else f"{place}?before={cursor}"
            yield self._page(address, _file_of(place, cursor), cursor)
            if len(self._cut_at) == known:
                return
            cursor = self._cut_at[-1]

    def _page(self, address: str, path: str, cursor: int | None = None) -> File:
        body, policy = _answer(self._client, address)
        html = _with_policy(_LIVE.sub("", body.decode()), policy)
        if (following := _NEXT.search(html)) is not None:
            self._note_cut(int(following[1]), cursor)
        html = _TIME.sub(r"\1\2\3", _DAY.sub(r"\1\2", html))
        html = _BARS.sub(lambda bar: self._without_dead_links(bar[0], keep_text=False), html)
        html = self._without_dead_links(html, keep_text=True)

        def placed(link: re.Match[str]) -> str:
            return f'{link[1]}="{self._target(link[2], path)}"'

        html = _TAG.sub(lambda tag: _LINK.sub(placed, tag[0]), html)
        return File(path, html.encode())

    def _note_cut(self, last: int, cursor: int | None) -> None:
        """Note that a list goes on below the last entry of a page, if no usual page goes on."""
        aligned = self._aligned(last)
        if aligned is None or (cursor is not None and aligned >= cursor):
            self._cut_at.append(last)

    def _without_dead_links(self, html: str, *, keep_text: bool) -> str:
        """Take out links to what only the running program answers."""

        def judged(anchor: re.Match[str]) -> str:
            if unescape(anchor[1]).removeprefix(self._prefix) in _ONLY_LIVE:
                return anchor[2] if keep_text else ""
            return anchor[0]

        return _ANCHOR.sub(judged, html)

    def _target(self, address: str, path: str) -> str:
        """Return an address of ours as a path relative to the file `path`; others as they are."""
        if not address.startswith("/"):
            return address
        address = unescape(address)
        parts = urlsplit(address)
        place = unquote(parts.path.removeprefix(self._prefix)) or "/"
        before = parse_qs(parts.query).get("before")
        target = self._file_at(place, int(before[0]) if before else None)
        if target is None:
            return escape(f"{self._base_url}{address.removeprefix(self._prefix)}")
        if place.startswith(_FILES):
            self._assets[target] = address
        return quote(relpath(target, dirname(path) or "."))

    def _file_at(self, place: str, before: int | None) -> str | None:
        """Return the file for an address, None where there is none."""
        if place.startswith(_FILES):
            return place[1:]
        if place.endswith((".atom", ".rss", ".json", ".opml")):
            return place[1:] if place.rpartition(".")[2] in self._formats else None
        if place == "/sources":
            return "sources.html"
        if place == "/" or place.startswith(("/category/", "/source/")):
            return _file_of(place, None if before is None else self._cursor(before))
        return None

    def _cursor(self, before: int) -> int:
        """Return the cursor of the page that goes on below a place."""
        aligned = self._aligned(before)
        return before if aligned is None or before in self._cut_at else aligned

    def _aligned(self, before: int) -> int | None:
        """Return the cursor of the usual page with the entry below a place, None if none has it."""
        below = bisect_left(self._ids, before) - 1
        end = (below // PAGE_SIZE + 1) * PAGE_SIZE
        return self._ids[end] if end < len(self._ids) else None


def _file_of(place: str, cursor: int | None = None) -> str:
    """Return the file of a page of a list."""
    name = "index.html" if cursor is None else f"page/{cursor}.html"
    return f"{unquote(place)}/{name}".lstrip("/")


def _with_policy(html: str, policy: str) -> str:
    """Return a page that carries its policy itself, less what only a header can say.

    Source: HTML, 4.2.5.3 (pragma directives: Content security policy state).
    """
    directives = (directive.strip() for directive in policy.split(";"))
    said = "; ".join(each for each in directives if not each.startswith(_ONLY_IN_HEADERS))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(said)}">'
    return html.replace(_CHARSET, f"{_CHARSET}\n{meta}", 1)


def _body(client: FlaskClient, address: str) -> bytes:
    return _answer(client, address)[0]


def _answer(client: FlaskClient, address: str) -> tuple[bytes, str]:
    """Return the body of an answer, and its policy."""
    answer = client.get(address)
    if answer.status_code != 200:
        raise AggregatorError(f"{address}: could not be made (status {answer.status_code})")
    return answer.data, answer.headers["Content-Security-Policy"]
