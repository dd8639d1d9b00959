"""Query parameters and path parts: a usable value, or an answer with an error in one line."""

import re
from dataclasses import dataclass

from flask import abort, request

from aggregator.dates import Week
from aggregator.merged import DEFAULT_LIMIT, MAX_LIMIT
from aggregator.model import Cursor, ListKind, ListScope
from web.language import SOURCE, available
from web.language_tags import LanguageMatcher

_LANGUAGES = LanguageMatcher(available())
MAX_SEARCH = 200  # characters; the search field takes no more either
NAMED_LIST = f"<any({', '.join(kind for kind in ListKind if kind.is_named)}):kind>/<key>"
MERGED_LIST = (
    f"<any({', '.join(kind for kind in ListKind if kind.is_named and kind.is_merged)}):kind>/<key>"
)
"""Rules of paths to lists with names, to those of several sources, for `list_scope`."""
MAX_EMBEDDED = 20  # posts
_THEMES = ("", "light", "dark")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_NUMBER = re.compile(r"[0-9]{1,6}")
_MILLISECONDS = re.compile(r"[0-9]{1,13}")


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How an embedded list looks.

    Attributes:
        limit: Most posts.
        excerpt: Show the excerpt of each post.
        theme: "light" or "dark"; empty for the reader's.
    """

    limit: int = 5
    excerpt: bool = False
    theme: str = ""


def before() -> Cursor | None:
    """Return the place that the page begins below, None for the top of the list."""
    return _cursor("before", "not a cursor of this page")


def after() -> Cursor | None:
    """Return the place that entries have to be above, None without the parameter."""
    return _cursor("after", "not a cursor of a page")


def since() -> int | None:
    """Return the time after which posts are new, in milliseconds since 1970; None for no visit."""
    text = request.args.get("since", "")
    return int(text) if _MILLISECONDS.fullmatch(text) else None


def view() -> str | None:
    """Return "titles" for the list without excerpts, else None."""
    return "titles" if request.args.get("view") == "titles" else None


def hidden() -> bool:
    """Whether the list of a source or a search has the entries that config.yaml hides."""
    return request.args.get("hidden") == "1"


def search() -> str:
    """Return the text of a search, without control characters; empty without the parameter."""
    text = _CONTROL.sub(" ", request.args.get("q", "")).strip()
    if len(text) > MAX_SEARCH:
        abort(400, f"q: at most {MAX_SEARCH} characters")
    return text


def language() -> str:
    """Return the available language that a browser prefers, English if there is none.

    `q=0` refuses a language (RFC 9110, 12.5.4).
    """
    requested_tags = [tag for tag, quality in request.accept_languages if quality > 0]
    return _LANGUAGES.best(requested_tags) or SOURCE


def limit() -> int:
    """Return the requested number of entries of a merged feed."""
    text = request.args.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        abort(400, f"limit: a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def embed() -> EmbedOptions:
    """Return how an embedded list is to look."""
    options = EmbedOptions()
    text = request.args.get("limit", str(options.limit))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_EMBEDDED:
        abort(400, f"limit: a whole number from 1 to {MAX_EMBEDDED}")
    theme = request.args.get("theme", "")
    if theme not in _THEMES:
        abort(400, f"theme: {' or '.join(filter(None, _THEMES))}")
    return EmbedOptions(int(text), request.args.get("excerpt") == "1", theme)


def skip() -> int:
    """Return how many rows of a table precede the page; 0 if the parameter is malformed."""
    text = request.args.get("skip", "0")
    return int(text) if _NUMBER.fullmatch(text) else 0


def list_scope(kind: str, key: str) -> ListScope:
    """Return a list from a path; 404 for an impossible slug or name."""
    if _CONTROL.search(key):  # PostgreSQL refuses to compare text with a NUL in it
        abort(404)
    return ListScope(ListKind(kind), key)


def entry_id(text: str) -> int:
    """Return the id of an entry from a path; 404 for a text that is not an id."""
    try:
        return Cursor.parse(text).id
    except ValueError:
        abort(404)


def origin() -> ListScope:
    """Return the list that the reader of a post comes from; the whole list if unknown."""
    kind, _, key = _CONTROL.sub(" ", request.args.get("in", "")).partition("/")
    if kind not in set(ListKind) - {ListKind.ALL} or not 0 < len(key) <= MAX_SEARCH:
        return ListScope()
    return ListScope(ListKind(kind), key)


def week(text: str) -> Week:
    """Return a week from a path; 404 for an impossible week."""
    try:
        return Week.parse(text)
    except ValueError:
        abort(404)


def _cursor(parameter: str, complaint: str) -> Cursor | None:
    text = request.args.get(parameter)
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError:
        abort(400, f"{parameter}: {complaint}")
