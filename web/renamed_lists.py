"""Lists whose name has changed: the former address answers 301 to the present one.

Bookmarks, links and readers of feeds keep the names that sources had.  A 301 tells readers to note
the new address; it may be kept for an hour only, as another source can get the name one day.
"""

from dataclasses import replace

from flask import abort, request
from flask import redirect as redirection

from aggregator.database import Connection
from aggregator.database.feeds import read_names
from aggregator.merged import ListRequest
from aggregator.model import Scope
from web.page_links import document_path, list_path

_KEPT_FOR = "public, max-age=3600"


def to_present(
    connection: Connection, scope: Scope, list_request: ListRequest | None = None
) -> None:
    """End the request with a redirect if the list that it asks for has another name now.

    Args:
        list_request: The document that was asked for; None: the page.
    """
    present = _present(connection, scope)
    if present is None:
        return
    if list_request is not None:
        path = document_path(replace(list_request, scope=present))
        extra = "raw" if "raw" in request.args else ""
    else:
        path, extra = list_path(present), _carried_over()
    if extra:
        path += ("&" if "?" in path else "?") + extra
    response = redirection(path, 301)
    response.headers["Cache-Control"] = _KEPT_FOR
    abort(response)


def _carried_over() -> str:
    """Return the parameters of a page that are not about its name, as they were sent."""
    parts = request.query_string.decode("ascii", "replace").split("&")
    return "&".join(part for part in parts if part.partition("=")[0] in {"before", "view"})


def _present(connection: Connection, scope: Scope) -> Scope | None:
    """Return the list under its present name, None if it has none but this one."""
    if scope.search is not None:
        text = read_names.present_search(connection, scope.search)
        return None if text is None else replace(scope, search=text)
    if scope.source is not None:
        name = read_names.present_name(connection, scope.source)
        return None if name is None else replace(scope, source=name)
    slug = read_names.present_slug(connection, scope.category or "")
    return None if slug is None else replace(scope, category=slug)
