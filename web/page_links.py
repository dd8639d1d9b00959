"""The links of pages: addresses of lists, merged feeds and files of the site.

A page in an answer has links to paths of the server (`RequestLinks`), a page in a file has links to
other files (`aggregator.cli.file_links`).
"""

from abc import ABC, abstractmethod
from urllib.parse import urlsplit

from flask import request, url_for

from aggregator import merged
from aggregator.dates import Week
from aggregator.merged import ListRequest
from aggregator.model import Cursor, ListKind, ListScope
from aggregator.publish import Format
from web.assets import version
from web.site import site

WHOLE_LIST = ListScope()
FORMAT_NAMES = {Format.ATOM: "Atom", Format.RSS: "RSS", Format.JSON: "JSON Feed"}


class PageLinks(ABC):
    """The links of one page.

    Attributes:
        static: The page is a file, so there is no search, no poll for new posts, no second view.
    """

    static: bool

    @abstractmethod
    def of_list(
        self, scope: ListScope, *, before: Cursor | None = None, view: str | None = None
    ) -> str:
        """Return the address of a list for people, or of its page below the place `before`."""

    @abstractmethod
    def of_feed(self, scope: ListScope, form: Format) -> str:
        """Return the address of a list as a merged feed."""

    @abstractmethod
    def of_post(self, entry_id: int, scope: ListScope = WHOLE_LIST) -> str | None:
        """Return the address of a post to be read here, None if posts have no pages.

        Args:
            scope: The list that has the link.
        """

    @abstractmethod
    def of_sources(self, skipped: int = 0) -> str:
        """Return the address of the table of sources, of its page after `skipped` sources."""

    @abstractmethod
    def of_status(self) -> str | None:
        """Return the address of the status of all feeds, None without such a page."""

    @abstractmethod
    def of_saved(self) -> str:
        """Return the address of the page of saved posts."""

    @abstractmethod
    def of_issue(self, week: Week | None = None) -> str:
        """Return the address of the issue of a week, or of the table of issues."""

    @abstractmethod
    def of_epub(self, week: Week) -> str:
        """Return the address of the issue of a week as a book."""

    @abstractmethod
    def of_issue_feed(self) -> str:
        """Return the address of the issues as an Atom feed."""

    @abstractmethod
    def of_about(self) -> str | None:
        """Return the address of the operator's text on the site, None without such a text."""

    @abstractmethod
    def of_subscriptions(self, scope: ListScope = WHOLE_LIST) -> str:
        """Return the address of all subscriptions, or of those of a category, as OPML."""

    @abstractmethod
    def of_asset(self, name: str) -> str:
        """Return the address of a file of the folder static/."""

    @abstractmethod
    def of_icon(self) -> str:
        """Return the address of the icon of the site."""

    @abstractmethod
    def of_picture(self, name: str) -> str:
        """Return the address of a picture of a post, by the name of its file."""

    def of_embed(self, scope: ListScope) -> str | None:
        """Return the URL of a list for frames of other sites; None where no site may have any."""
        if self.static or not site().config.page.embed:
            return None
        return site().config.base_url + merged.embed_path(scope)

    def of_health(self) -> list[tuple[str, str, str]]:
        """Return name, address and media type of each format of the health feed; none of a file."""
        if self.static or not site().config.page.status:
            return []
        return [
            (FORMAT_NAMES[form], health_path(form), form.content_type.partition(";")[0])
            for form in Format
        ]

    def of_source(self, name: str) -> str:
        """Return the address of a source's list."""
        return self.of_list(ListScope(ListKind.SOURCE, name))

    def of_feeds(self, scope: ListScope) -> list[tuple[str, str, str]]:
        """Return name, address and media type of each format of a list's merged feed."""
        return [
            (FORMAT_NAMES[form], self.of_feed(scope, form), form.content_type.partition(";")[0])
            for form in Format
        ]


class RequestLinks(PageLinks):
    """Paths on the server of the current request, below its prefix."""

    static = False

    def of_list(
        self, scope: ListScope, *, before: Cursor | None = None, view: str | None = None
    ) -> str:
        """Return the path of a list for people, or of its page below the place `before`."""
        return list_path(scope, before=before, view=view)

    def of_feed(self, scope: ListScope, form: Format) -> str:
        """Return the path of a list as a merged feed."""
        return document_path(ListRequest(scope, form))

    def of_post(self, entry_id: int, scope: ListScope = WHOLE_LIST) -> str:
        """Return the path of a post, with the list that the reader comes from."""
        return request.script_root + merged.post_path(entry_id, scope)

    def of_sources(self, skipped: int = 0) -> str:
        """Return the path of the table of sources, of its page after `skipped` sources."""
        return url_for("pages.sources", skip=skipped or None)

    def of_status(self) -> str | None:
        """Return the path of the status of all feeds, None where config.yaml hides the status."""
        return url_for("pages.status") if site().config.page.status else None

    def of_saved(self) -> str:
        """Return the path of the page of saved posts."""
        return url_for("pages.saved")

    def of_issue(self, week: Week | None = None) -> str:
        """Return the path of the issue of a week, or of the table of issues."""
        return request.script_root + merged.issue_path(week)

    def of_epub(self, week: Week) -> str:
        """Return the path of the issue of a week as a book."""
        return request.script_root + merged.epub_path(week)

    def of_issue_feed(self) -> str:
        """Return the path of the issues as an Atom feed."""
        return request.script_root + merged.issue_feed_path(Format.ATOM)

    def of_about(self) -> str | None:
        """Return the path of the operator's text on the site, None without such a text."""
        return url_for("pages.about") if site().branding.about else None

    def of_subscriptions(self, scope: ListScope = WHOLE_LIST) -> str:
        """Return the path of all subscriptions, or of those of a category, as OPML."""
        return opml_path(scope)

    def of_asset(self, name: str) -> str:
        """Return the path of a file of static/, with its version, so browsers may keep the file."""
        return url_for("machines.static", name=name, v=version(site().assets[name]))

    def of_icon(self) -> str:
        """Return the path of the icon, the same for every version."""
        return url_for("machines.icon")

    def of_picture(self, name: str) -> str:
        """Return the path of a picture of a post."""
        return url_for("machines.picture", name=name)


def list_path(scope: ListScope, *, before: Cursor | None = None, view: str | None = None) -> str:
    """Return the path of a list for people."""
    values = {"before": None if before is None else str(before), "view": view}
    parameters = {name: value for name, value in values.items() if value is not None}
    return request.script_root + merged.list_path(scope, parameters)


def document_path(list_request: ListRequest) -> str:
    """Return the path of a merged document."""
    return urlsplit(site().config.base_url).path + merged.document_path(list_request)


def health_path(form: Format) -> str:
    """Return the path of the health feed."""
    return urlsplit(site().config.base_url).path + merged.health_path(form)


def embed_path(scope: ListScope) -> str:
    """Return the path of a list for frames of other sites."""
    return request.script_root + merged.embed_path(scope)


def opml_path(scope: ListScope) -> str:
    """Return the path of all subscriptions, or of those of a category, as OPML."""
    return request.script_root + merged.opml_path(scope)


def updates_path(scope: ListScope, after: Cursor) -> str:
    """Return the path of the number of entries of a list above `after`, without hidden ones."""
    keys = {str(scope.kind): scope.key} if scope.kind.is_named else {"q": scope.search_text or None}
    return url_for("machines.updates", after=str(after), **keys)
