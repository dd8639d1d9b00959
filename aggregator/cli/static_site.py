"""The whole site as files: list pages, feeds, archives, issues, OPML, and assets of the pages.

Files have the content of the web's answers, with two differences: links between pages are relative
paths, so that the site works in any place, and times are dates.  The same database gives the same
bytes.

`ListCuts` decides where a page ends, so that entries that come and go change few pages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aggregator import merged
from aggregator.cli.common import config_with_present_names
from aggregator.cli.document_files import ListFeeds
from aggregator.cli.file_links import (
    ABOUT_FILE,
    SAVED_FILE,
    FileLinks,
    issue_file,
    list_file,
    picture_file,
    post_file,
    sources_file,
)
from aggregator.cli.list_cuts import ListCuts
from aggregator.cli.moved_pages import moved_page
from aggregator.config import Config
from aggregator.database import Connection, Engine
from aggregator.database.feeds import read_names, read_sources
from aggregator.database.lists import read_lists
from aggregator.database.state import read_overview
from aggregator.errors import AggregatorError
from aggregator.merged import Publication
from aggregator.model import ListKind, ListScope
from aggregator.model.times import EPOCH
from aggregator.publish import Format, render, render_epub
from web import create_app, issue_page, page_contents, site_pages
from web.feed_views import opml_body
from web.issue_page import MAX_ISSUES
from web.language import language
from web.last_visit import LastVisit
from web.page_contents import PAGE_SIZE, ListPosition, Page, PageData
from web.relative_time import DateClock
from web.site import site

FORMATS = ("atom", "rss", "json", "opml", "html")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site; `path` is relative, with `/` between folders."""

    path: str
    data: bytes


def count_lists(config: Config, formats: frozenset[str]) -> int:
    """Return how often `files` calls `on_list`."""
    kinds = formats - {"opml"}
    return len(_scopes(config)) * len(kinds)


def files(
    config: Config,
    engine: Engine,
    formats: frozenset[str],
    *,
    posts: bool = False,
    on_list: Callable[[], None] = lambda: None,
) -> Iterator[File]:
    """Yield the files of one database, each before the files that it links to.

    Args:
        formats: Kinds of documents, of `FORMATS`; links to further formats lead to `base_url`.
        posts: Write the pages of posts; of "html".
        on_list: Called after each list of each format.

    Raises:
        AggregatorError: A list does not exist in the database.
    """
    with engine.connect() as connection:
        config = config_with_present_names(connection, config)
    app = create_app(config, engine)
    scopes = _scopes(config)
    if "html" in formats:
        with app.app_context():
            yield from _Pages(config, engine, formats, has_posts=posts).files(scopes, on_list)
    for scope in scopes:
        yield from _feeds_of_list(ListFeeds(config, engine, scope), formats, on_list)
    with app.app_context(), engine.connect() as connection:
        if "atom" in formats:
            yield _issue_feed(connection, config)
        if "opml" in formats:
            yield from _subscriptions(connection, scopes)


def _feeds_of_list(
    feeds: ListFeeds, formats: frozenset[str], on_list: Callable[[], None]
) -> Iterator[File]:
    for forms in feeds.forms_together(formats):
        for path, data in feeds.files(forms):
            yield File(path, data)
        for _ in forms:
            on_list()


def format_of(path: str) -> str:
    """Return the format of a file of the site, of `FORMATS`; assets belong to "html"."""
    ending = path.rpartition(".")[2]
    return ending if ending in FORMATS else "html"


def _scopes(config: Config) -> list[ListScope]:
    return [
        *merged.merged_lists(config),
        *(ListScope(ListKind.SOURCE, feed.name) for feed in config.feeds),
    ]


def _subscriptions(connection: Connection, scopes: Sequence[ListScope]) -> Iterator[File]:
    """Yield the subscriptions, and those of each category, as OPML."""
    for scope in scopes:
        if scope.kind in {ListKind.ALL, ListKind.CATEGORY}:
            content = opml_body(connection, scope)
            if content is None:
                raise AggregatorError(f"{merged.opml_path(scope)}: there is no such list")
            yield File(unquote(merged.opml_path(scope).lstrip("/")), content.data)


def _issue_feed(connection: Connection, config: Config) -> File:
    """Return the issues of weeks as a feed, as of the newest poll."""
    form = Format.ATOM
    document = merged.issues_document(
        connection,
        Publication.of(config),
        form,
        now=read_overview.overview(connection).checked_at or EPOCH,
        texts=config.page.read_here,
    )
    return File(merged.issue_feed_path(form).lstrip("/"), render(document, form))


class _Pages:
    """The pages, each rendered for its file."""

    def __init__(
        self, config: Config, engine: Engine, formats: frozenset[str], *, has_posts: bool
    ) -> None:
        self._has_posts = has_posts
        self._listed_ids: set[int] = set()
        self._config = config
        self._engine = engine
        self._formats = formats
        with engine.connect() as connection:
            self._overview = read_overview.overview(connection)
        now = self._overview.checked_at or EPOCH
        self._clock = DateClock(now, site().zone, config.timezone, language())
        self._assets: dict[str, str] = {}  # files that pages need, and their names in static/
        self._pictures: set[str] = set()

    def files(self, scopes: Sequence[ListScope], on_list: Callable[[], None]) -> Iterator[File]:
        for scope in scopes:
            with self._engine.connect() as connection:
                yield from self._list_pages(connection, scope)
            on_list()
        with self._engine.connect() as connection:
            yield from self._moved_pages(connection)
            yield from self._sources_pages(connection)
            data = self._data(connection, ABOUT_FILE)
            if (about := site_pages.about(data)) is not None:
                yield _file(ABOUT_FILE, about, data)
            data = self._data(connection, SAVED_FILE)
            yield _file(SAVED_FILE, site_pages.saved(), data)
        with self._engine.connect() as connection:
            yield from self._issues(connection)
        if self._has_posts:
            with self._engine.connect() as connection:
                yield from self._post_pages(connection)
        if icon := self._config.page.icon_name:  # only feeds and previews lead there
            self._assets[f"static/{icon}"] = icon
        for path, name in sorted(self._assets.items()):
            yield File(path, site().assets[name].data)
        for name in sorted(self._pictures):
            content = site().pictures.read(name)
            if content is not None:  # deleted meanwhile
                yield File(picture_file(name), content)

    def _list_pages(self, connection: Connection, scope: ListScope) -> Iterator[File]:
        """Yield the pages of a list, newest first."""
        ids = read_lists.entry_ids(connection, scope)[::-1]
        self._listed_ids.update(ids)
        cuts, cursor = ListCuts(ids, PAGE_SIZE), None
        while True:
            path = list_file(scope, cursor)
            data = self._data(connection, path)
            position = ListPosition(before=cursor, limit=cuts.length(cursor))
            page = page_contents.list_page(data, scope, position)
            if page is None:
                raise AggregatorError(f"{merged.list_path(scope)}: there is no such list")
            yield _file(path, page, data)
            if page.following is None:
                return
            cursor = page.following

    def _moved_pages(self, connection: Connection) -> Iterator[File]:
        """Yield a page for each former name of a source."""
        sources = read_sources.subscriptions(connection, ListScope())
        titles = {source.name: source.title for source in sources}
        for former, present in read_names.names_by_former_names(connection).items():
            path = list_file(ListScope(ListKind.SOURCE, former))
            scope = ListScope(ListKind.SOURCE, present)
            links = self._data(connection, path).links
            page = moved_page(
                titles[present], links.of_list(scope), site().publication.list_url(scope)
            )
            yield File(path, page.encode())

    def _sources_pages(self, connection: Connection) -> Iterator[File]:
        """Yield the pages of the table of sources; a page links to the exact one before."""
        skipped, previous = 0, None
        while True:
            path = sources_file(skipped)
            data = self._data(connection, path)
            page = page_contents.sources(data, skipped, previous=previous)
            yield _file(path, page, data)
            if page.following_row is None:
                return
            skipped, previous = page.following_row, skipped

    def _issues(self, connection: Connection) -> Iterator[File]:
        """Yield the table of the issues of weeks; then each issue as a page and as a book."""
        data = self._data(connection, issue_file())
        yield _file(issue_file(), issue_page.issues_page(data), data)
        for week in merged.issue_weeks(connection, now=self._clock.now, limit=MAX_ISSUES):
            data = self._data(connection, issue_file(week))
            issue, page = issue_page.issue_of(data, week), issue_page.issue_page(data, week)
            if issue is not None and page is not None:
                yield _file(issue_file(week), page, data)
                yield File(merged.epub_path(week).lstrip("/"), render_epub(issue))

    def _post_pages(self, connection: Connection) -> Iterator[File]:
        """Yield the pages of the posts of all lists that can be read here, oldest first."""
        for entry_id in sorted(self._listed_ids):
            data = self._data(connection, post_file(entry_id))
            page = page_contents.post(data, entry_id)
            if page is not None:
                yield _file(post_file(entry_id), page, data)

    def _data(self, connection: Connection, path: str) -> PageData:
        links = FileLinks(
            path,
            base_url=self._config.base_url,
            formats=self._formats,
            assets=self._assets,
            has_about=site().branding.about is not None,
            has_posts=self._has_posts,
            pictures=self._pictures,
        )
        return PageData(connection, self._clock, self._overview, LastVisit(), links)


def _file(path: str, page: Page, data: PageData) -> File:
    html = page_contents.render(page, clock=data.clock, overview=data.overview, links=data.links)
    return File(path, html.encode())
