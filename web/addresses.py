"""The addresses of lists and their feeds: one place that knows which scope lives where."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import request, url_for

from aggregator import merged
from aggregator.model import Cursor, Scope
from aggregator.publish import Format
from web.site import site

FORMAT_NAMES = {Format.ATOM: "Atom", Format.RSS: "RSS", Format.JSON: "JSON Feed"}


def list_path(scope: Scope, *, before: Cursor | None = None, view: str | None = None) -> str:
    """Return the path of a list for people."""
    if before is None and scope.search is None:  # a page has dozens of them
        return _short_path(request.script_root, scope, view)
    return _path("pages.recent", scope, before=before, view=view)


def source_path(name: str) -> str:
    """Return the path of a source's list."""
    return list_path(Scope(source=name))


def feed_path(
    scope: Scope, form: Format, *, before: Cursor | None = None, limit: int | None = None
) -> str:
    """Return the path of a list as a merged feed."""
    return document_path(merged.Wish(scope, form, limit or merged.DEFAULT_LIMIT, before))


def document_path(wish: merged.Wish) -> str:
    """Return the path of a merged document."""
    return urlsplit(site().config.base_url).path + merged.path(wish)


def updates_path(scope: Scope, after: Cursor) -> str:
    """Return the path that tells how many entries of a list stand above `after`."""
    return url_for(
        "machines.updates",
        after=str(after),
        category=scope.category,
        source=scope.source,
        q=scope.search,
    )


@lru_cache(maxsize=4096)
def _short_path(_script_root: str, scope: Scope, view: str | None) -> str:
    return _path("pages.recent", scope, view=view)


def _path(whole: str, scope: Scope, **query: object) -> str:
    """Return the path of a list; `whole` is the endpoint of the list of everything."""
    blueprint, endpoint = whole.split(".")
    values: dict[str, Any] = {key: str(value) for key, value in query.items() if value is not None}
    if scope.category is not None:
        endpoint, values["slug"] = "category", scope.category
    elif scope.source is not None:
        endpoint, values["name"] = "source", scope.source
    elif scope.search is not None:
        endpoint, values["q"] = "search", scope.search
    return url_for(f"{blueprint}.{endpoint}", **values)
