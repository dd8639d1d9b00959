"""The links of a page in a file: relative paths, so the folder works in any place."""

from collections.abc import Collection
from functools import lru_cache
from posixpath import dirname, relpath
from urllib.parse import quote, unquote

from aggregator import merged
from aggregator.dates import Week
from aggregator.merged import ListRequest
from aggregator.model import Cursor, ListScope
from aggregator.publish import Format
from web.page_links import WHOLE_LIST, PageLinks

ABOUT_FILE = "about.html"
SAVED_FILE = "saved.html"


class FileLinks(PageLinks):
    """The links of one page.

    Args:
        path: Path of the page's file, below the folder of the site.
        base_url: Begins the addresses of documents without a file.
        formats: Formats of the documents with files.
        assets: Collects the paths of assets, each with the name of the asset in static/.
        has_about: There is a page with the operator's text.
        has_posts: Posts have files.
        pictures: Collects the names of pictures.
    """

    static = True

    def __init__(
        self,
        path: str,
        *,
        base_url: str,
        formats: Collection[str],
        assets: dict[str, str],
        has_about: bool,
        has_posts: bool,
        pictures: set[str],
    ) -> None:
        self._folder = dirname(path) or "."
        self._base_url = base_url
        self._formats = formats
        self._assets = assets
        self._has_about = has_about
        self._has_posts = has_posts
        self._pictures = pictures

    def of_list(
        self, scope: ListScope, *, before: Cursor | None = None, view: str | None = None
    ) -> str:
        """Return the path to a list, or to the page with the list below `before`.

        Files have one view of each list, so `view` is ignored.
        """
        return self._relative(list_file(scope, before))

    def of_feed(self, scope: ListScope, form: Format) -> str:
        """Return the path to a list as a merged feed; a URL if the format is not written."""
        return self._document(merged.document_path(ListRequest(scope, form)), form.value)

    def of_post(self, entry_id: int, scope: ListScope = WHOLE_LIST) -> str | None:
        """Return the path to a post; None if posts are not written.

        Files have one page of each post, so `scope` is ignored.
        """
        return self._relative(post_file(entry_id)) if self._has_posts else None

    def of_sources(self, skipped: int = 0) -> str:
        """Return the path to the table of sources, to its page after `skipped` sources."""
        return self._relative(sources_file(skipped))

    def of_status(self) -> None:
        """Return None: the status page is not written."""

    def of_saved(self) -> str:
        """Return the path to the page of saved posts."""
        return self._relative(SAVED_FILE)

    def of_issue(self, week: Week | None = None) -> str:
        """Return the path to the issue of a week, or to the table of issues."""
        return self._relative(issue_file(week))

    def of_epub(self, week: Week) -> str:
        """Return the path to the issue of a week as a book."""
        return self._relative(merged.epub_path(week).lstrip("/"))

    def of_issue_feed(self) -> str:
        """Return the path to the issues as an Atom feed; a URL if Atom is not written."""
        return self._document(merged.issue_feed_path(Format.ATOM), Format.ATOM.value)

    def of_about(self) -> str | None:
        """Return the path to the operator's text on the site, None without such a text."""
        return self._relative(ABOUT_FILE) if self._has_about else None

    def of_subscriptions(self, scope: ListScope = WHOLE_LIST) -> str:
        """Return the path to the subscriptions, or to those of a category, as OPML.

        A URL if OPML is not written.
        """
        return self._document(merged.opml_path(scope), "opml")

    def of_asset(self, name: str) -> str:
        """Return the path to a file of static/."""
        return self._asset(f"static/{name}", name)

    def of_icon(self) -> str:
        """Return the path to the icon."""
        return self._asset("icon.svg", "icon.svg")

    def of_picture(self, name: str) -> str:
        """Return the path to a picture of a post."""
        self._pictures.add(name)
        return self._relative(picture_file(name))

    def _document(self, path: str, form: str) -> str:
        if form not in self._formats:
            return self._base_url + path
        return self._relative(unquote(path).lstrip("/"))

    def _asset(self, path: str, name: str) -> str:
        self._assets[path] = name
        return self._relative(path)

    def _relative(self, path: str) -> str:
        return _relative_path(path, self._folder)


@lru_cache(maxsize=4096)
def _relative_path(path: str, folder: str) -> str:
    """Return the link to a path from a folder: a page has most links more than once."""
    return quote(relpath(path, folder))


def list_file(scope: ListScope, cursor: Cursor | None = None) -> str:
    """Return the path of the file of a list, or of a page of the list below a cursor."""
    name = "index.html" if cursor is None else f"page/{cursor}.html"
    return f"{unquote(merged.list_path(scope))}/{name}".lstrip("/")


def post_file(entry_id: int) -> str:
    """Return the path of the file of a post."""
    return f"{merged.post_path(entry_id).lstrip('/')}.html"


def issue_file(week: Week | None = None) -> str:
    """Return the path of the file of the issue of a week, or of the table of issues."""
    name = "/index" if week is None else ""
    return f"{merged.issue_path(week).lstrip('/')}{name}.html"


def picture_file(name: str) -> str:
    """Return the path of the file of a picture."""
    return f"picture/{name}.webp"


def sources_file(skipped: int) -> str:
    """Return the path of the file of the table of sources, of its page after `skipped` sources."""
    return f"sources/{skipped}.html" if skipped else "sources.html"
