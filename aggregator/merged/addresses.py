"""Requests for documents, addresses of documents, and ids of lists.

Addresses are made from the configuration, never from the Host header of a request: clients choose
that header, and shared caches would store the address.

Source: WebSub, 4 (discovery).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlencode

from aggregator.config import Config, PageOptions
from aggregator.dates import Week
from aggregator.model import Cursor, ListKind, ListScope
from aggregator.publish import Format

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
HUB_PATH = "/hub"
STATUS_PATH = "/status"

_WHOLE_LIST = ListScope()
_NAMED = "|".join(kind for kind in ListKind if kind.is_named)
_TOPIC = re.compile(rf"(?:/({_NAMED})/([^/?#]+))?/feed\.(atom|rss|json)")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a document of a list; the database and the request decide all bytes.

    Attributes:
        before: Only entries below the place `before`; None for the top of the list.  With `week`
            and `after`: the entries without room in the document without `before`.
        week: An archive, as Atom, of a list of several sources; None for the list.
        after: Of an archive only entries above the place `after`; None for the oldest entries.
    """

    scope: ListScope
    form: Format = Format.ATOM
    limit: int = DEFAULT_LIMIT
    before: Cursor | None = None
    week: Week | None = None
    after: Cursor | None = None

    @property
    def is_topic(self) -> bool:
        """Whether changes are announced (WebSub): only of the first page of a list."""
        is_first_page = self.before is None and self.week is None and self.limit == DEFAULT_LIMIT
        return is_first_page and self.scope.kind is not ListKind.SEARCH


@dataclass(frozen=True, slots=True)
class Publication:
    """Common properties of all documents of an instance.

    Attributes:
        base_url: Without a slash at the end.
        id: URI, a prefix of the ids of all documents.
        description: What the instance is about, in one line; empty for none.
        icon, logo: Absolute addresses of the logo as a square and as it is, the same for every
            version; empty for none.
        hub: Address of the WebSub hub for changes, None without a hub.
        prefix_titles: Put each entry's source before its title.
        files: The documents are files: no address has a query.
    """

    title: str
    base_url: str
    id: str
    description: str = ""
    icon: str = ""
    logo: str = ""
    hub: str | None = None
    prefix_titles: bool = False
    files: bool = False

    @classmethod
    def of(cls, config: Config, *, own_hub: bool = False) -> "Publication":
        """Return the properties of documents by the configuration.

        Args:
            own_hub: Our own hub is running, where the configuration asks for one.
        """
        hub = config.websub.hub
        if hub == "self":
            hub = f"{config.base_url}{HUB_PATH}" if own_hub else None
        publication = cls(
            title=config.title,
            base_url=config.base_url,
            id=config.publish.id or f"{config.base_url}/",
            hub=hub,
            prefix_titles=config.publish.prefix_titles,
        )
        return publication.with_page(config.page)

    def with_page(self, page: PageOptions) -> "Publication":
        """Return the properties with those of the pages, which change without a restart."""
        files = f"{self.base_url}/static/"
        return replace(
            self,
            description=page.description or "",
            icon=f"{files}{page.icon_name}" if page.logo else "",
            logo=f"{files}{page.logo_name}" if page.logo else "",
        )

    def url(self, request: ListRequest) -> str:
        """Return the address of a document."""
        path = _file_path(request) if self.files else document_path(request)
        return f"{self.base_url}{path}"

    def health_url(self, form: Format) -> str:
        """Return the address of the health feed."""
        return f"{self.base_url}{health_path(form)}"

    @property
    def health_id(self) -> str:
        """The id of the health feed, the same for every format; a prefix of the ids of episodes."""
        return self.id.rstrip("/") + STATUS_PATH

    def list_url(self, scope: ListScope) -> str:
        """Return the address of a list for people."""
        return f"{self.base_url}{list_path(scope)}"

    def id_of(self, scope: ListScope) -> str:
        """Return the id of a list, the same for every format, page and archive."""
        if scope == _WHOLE_LIST:
            return self.id
        return self.id.rstrip("/") + list_path(scope)

    def request_for(self, url: str) -> ListRequest | None:
        """Return the request for a document by its announced address, None for other addresses."""
        match = _TOPIC.fullmatch(url.removeprefix(self.base_url))
        if match is None or not url.startswith(self.base_url):
            return None
        kind, name, form = match.groups()
        scope = ListScope(ListKind(kind or ListKind.ALL), unquote(name or ""))
        request = ListRequest(scope, Format(form))
        return request if self.url(request) == url else None

    def names(self, scopes: Sequence[ListScope]) -> tuple[str, ...]:
        """Return the ids and addresses of lists as merged feeds."""
        urls = (self.url(ListRequest(scope, form)) for scope in scopes for form in Format)
        return (*map(self.id_of, scopes), *urls)


def merged_lists(config: Config) -> list[ListScope]:
    """Return the lists of several sources: the whole list, then categories, then views."""
    slugs = sorted(set(config.category_slugs.values()))
    return [
        _WHOLE_LIST,
        *(ListScope(ListKind.CATEGORY, slug) for slug in slugs),
        *(ListScope(ListKind.VIEW, view.name) for view in config.views),
    ]


def list_path(scope: ListScope, parameters: Mapping[str, str] | None = None) -> str:
    """Return the path of a list for people, below the base URL.

    Args:
        parameters: Of the address besides the list.
    """
    hidden = {"hidden": "1"} if scope.hidden else {}
    encoded = _encoded(dict(parameters or {}) | _search_parameter(scope) | hidden)
    return (_folder(scope) or "/") + (f"?{encoded}" if encoded else "")


def post_path(entry_id: int, scope: ListScope = _WHOLE_LIST) -> str:
    """Return the path of the page of a post, below the base URL.

    Args:
        scope: The list that the reader comes from, for the way on to its other posts.
    """
    origin = {} if scope.kind is ListKind.ALL else {"in": f"{scope.kind}/{scope.key}"}
    return f"/post/{entry_id}" + (f"?{_encoded(origin)}" if origin else "")


def opml_path(scope: ListScope) -> str:
    """Return the path of the subscriptions, or of those of a category, below the base URL."""
    return f"{_folder(scope)}/sources.opml"


def health_path(form: Format) -> str:
    """Return the path of the health feed, below the base URL."""
    return f"{STATUS_PATH}/feed.{form.suffix}"


def embed_path(scope: ListScope) -> str:
    """Return the path of a list for frames of other sites, below the base URL."""
    return f"{_folder(scope)}/embed"


def document_path(request: ListRequest) -> str:
    """Return the path of a document, below the base URL."""
    scope, parameters = request.scope, _search_parameter(request.scope)
    if request.before is not None:
        parameters["before"] = str(request.before)
    if request.after is not None:
        parameters["after"] = str(request.after)
    if request.limit != DEFAULT_LIMIT:
        parameters["limit"] = str(request.limit)
    name = f"feed.{request.form.suffix}" if request.week is None else f"archive/{request.week}.atom"
    return f"{_folder(scope)}/{name}" + (f"?{_encoded(parameters)}" if parameters else "")


def _file_path(request: ListRequest) -> str:
    """Return the path of a document as a file."""
    if request.after is not None:
        end = "" if request.before is None else f"-{request.before}"
        return f"{_folder(request.scope)}/archive/{request.week}-after-{request.after}{end}.atom"
    if request.before is None:
        return document_path(request)
    if request.week is not None:
        return f"{_folder(request.scope)}/archive/{request.week}-{request.before}.atom"
    return f"{_folder(request.scope)}/page/{request.before}.{request.form.suffix}"


def _encoded(parameters: Mapping[str, str]) -> str:
    return urlencode(parameters, safe="!$'()*,/:;?@")  # as Flask writes the same addresses


def _search_parameter(scope: ListScope) -> dict[str, str]:
    return {"q": scope.key} if scope.kind is ListKind.SEARCH else {}


def _folder(scope: ListScope) -> str:
    if scope.kind is ListKind.ALL:
        return ""
    return f"/{scope.kind}/{quote(scope.key, safe='')}" if scope.kind.is_named else f"/{scope.kind}"
