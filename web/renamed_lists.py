"""Renamed lists: the former address of a list redirects to the present one (301).

Bookmarks, links and feed readers have former names of sources.  A 301 makes readers store the new
address; caches may store a 301 for an hour only, as another source can get the name one day.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from flask import abort, redirect, request

from aggregator.database import Connection
from aggregator.database.feeds import read_names
from aggregator.model import ListKind, ListScope
from web.page_links import list_path

_CACHE_CONTROL = "public, max-age=3600"
_PRESENT_KEYS = {
    ListKind.CATEGORY: read_names.present_slug,
    ListKind.SOURCE: read_names.present_name,
    ListKind.SEARCH: read_names.present_search,
}


def redirect_if_renamed(
    connection: Connection,
    scope: ListScope,
    path_of: Callable[[ListScope], str] = list_path,
    parameters: Collection[str] = ("before", "view"),
) -> None:
    """End the request with a redirect if the requested list has another name now.

    Args:
        path_of: Returns the path of the requested page or document for a list.
        parameters: Names of the parameters that the new address has as the request has them.
    """
    present_scope = in_present_names(connection, scope)
    if present_scope == scope:
        return
    path = path_of(present_scope)
    parts = request.query_string.decode("ascii", "replace").split("&")
    query = "&".join(part for part in parts if part.partition("=")[0] in parameters)
    if query:
        path += ("&" if "?" in path else "?") + query
    response = redirect(path, 301)
    response.headers["Cache-Control"] = _CACHE_CONTROL
    abort(response)


def in_present_names(connection: Connection, scope: ListScope) -> ListScope:
    """Return the list under its present name, which is mostly the name that `scope` has."""
    present_key = _PRESENT_KEYS.get(scope.kind)
    key = None if present_key is None else present_key(connection, scope.key)
    return scope if key is None else replace(scope, key=key)
