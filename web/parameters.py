"""Query parameters and path parts: a value that can be used, or an answer in one line."""

import re

from flask import abort, request

from aggregator.model import Cursor

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_SEARCH = 200  # characters; the search field takes no more either
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_NUMBER = re.compile(r"[0-9]{1,6}")


def before() -> Cursor | None:
    """Return the place that the page asked for starts below, None for the top."""
    return _cursor("before", "not a cursor of this page")


def after() -> Cursor:
    """Return the place above which to count."""
    return _cursor("after", "not a cursor of a page") or abort(400, "after: missing")


def view() -> str | None:
    """Return "titles" for the list without excerpts, else None."""
    return "titles" if request.args.get("view") == "titles" else None


def search() -> str:
    """Return what to search for, without control characters; empty if nothing was given."""
    text = _CONTROL.sub(" ", request.args.get("q", "")).strip()
    if len(text) > MAX_SEARCH:
        abort(400, f"q: at most {MAX_SEARCH} characters")
    return text


def limit() -> int:
    """Return how many entries a merged feed is to have."""
    text = request.args.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        abort(400, f"limit: a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def name(text: str) -> str:
    """Return a source's name or a category's slug from a path; 404 for one that can't exist."""
    if _CONTROL.search(text):  # PostgreSQL refuses to compare text with a NUL in it
        abort(404)
    return text


def _cursor(parameter: str, complaint: str) -> Cursor | None:
    text = request.args.get(parameter)
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError:
        abort(400, f"{parameter}: {complaint}")
