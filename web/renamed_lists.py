"""Renamed lists: the former address of a list redirects to the present one (301).

Bookmarks, links and feed readers have former names of sources.  A 301 makes readers store the new
address; caches may store a 301 for an hour only, as another source can get the name one day.
"""

from dataclasses import replace

from flask import abort, redirect, request

from aggregator.database import Connection
from aggregator.database.feeds import read_names
from aggregator.merged import ListRequest
from aggregator.model import ListKind, ListScope
from web.page_links import document_path, list_path

_CACHE_CONTROL = "public, max-age=3600"
_PRESENT_KEYS = {
    ListKind.CATEGORY: read_names.present_slug,
    ListKind.SOURCE: read_names.present_name,
    ListKind.SEARCH: read_names.present_search,
}


def redirect_if_renamed(
    connection: Connection, scope: ListScope, list_request: ListRequest | None = None
) -> None:
    """End the request with a redirect if the requested list has another name now.

    Args:
        list_request: The requested document; None for a page.
    """
    present_scope = _present_scope(connection, scope)
    if present_scope is None:
        return
    if list_request is not None:
        path = document_path(replace(list_request, scope=present_scope))
        query = "raw" if "raw" in request.args else ""
    else:
        path, query = list_path(present_scope), _carried_over()
    if query:
        path += ("&" if "?" in path else "?") + query
    response = redirect(path, 301)
    response.headers["Cache-Control"] = _CACHE_CONTROL
    abort(response)


def _carried_over() -> str:
    """Return the parameters of a page besides the list, as in the request."""
    parts = request.query_string.decode("ascii", "replace").split("&")
    return "&".join(part for part in parts if part.partition("=")[0] in {"before", "view"})


def _present_scope(connection: Connection, scope: ListScope) -> ListScope | None:
    """Return the list under its present name, None if the name has not changed."""
    present_key = _PRESENT_KEYS.get(scope.kind)
    key = None if present_key is None else present_key(connection, scope.key)
    return None if key is None else scope.with_key(key)
