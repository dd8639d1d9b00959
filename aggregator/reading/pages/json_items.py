"""The items of a JSON document, by the paths of config.yaml."""

import re
from html import escape
from typing import Any

from jsonpath import JSONPath

from aggregator import urls
from aggregator.model import FeedHead, PageSelectors
from aggregator.reading.document_limits import MAX_ENTRIES
from aggregator.reading.pages.json_paths import path, values
from aggregator.reading.pages.page_items import PageDocument, PageItem, UnfitDocumentError
from aggregator.text.encodings import in_utf8
from aggregator.text.hypertext import from_plain, has_markup
from aggregator.text.json_values import json_value

FORMAT = "JSON"

KEYS = {
    "title": ("title", "headline", "name"),
    "link": ("url", "link", "permalink", "href"),
    "excerpt": ("excerpt", "summary", "description"),
    "date": ("published_at", "published", "date", "created_at"),
}
"""Where the parts of an item are without selectors: the first key that has something."""

_MAX_TEXT = 200_000  # characters of a part
_MAX_LINE = 1000  # of an author, date or address
_NO_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_REFERENCE = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,6}|[a-z]{2,8});", re.IGNORECASE)


def read_json(
    body: bytes, *, content_type: str, url: str, selectors: PageSelectors
) -> PageDocument:
    """Return the items of a document, at most `MAX_ENTRIES`.

    Args:
        body: In UTF-8, UTF-16 or UTF-32.
        content_type: The header's value, "" for none.
        url: Address of the document; relative addresses resolve against the URL.
        selectors: Right ones, see `selector_syntax`.

    Raises:
        UnfitDocumentError: The document is not JSON.
    """
    document = in_utf8(body, content_type)
    try:
        data = json_value(document.decode())
        items = list(values(path(selectors.item), data, limit=MAX_ENTRIES))
    except RecursionError as error:
        raise UnfitDocumentError("JSON nested too deeply for ..") from error
    except ValueError as error:
        raise UnfitDocumentError("not JSON") from error
    parts = {
        name: tuple(
            map(path, (text,) if (text := getattr(selectors, name)) else KEYS.get(name, ()))
        )
        for name in ("title", "link", "excerpt", "author", "date", "image")
    }
    return PageDocument(
        FeedHead(site_url=url, format=FORMAT),
        tuple(_item(item, parts, url) for item in items),
        len(document),
    )


def _item(item: Any, parts: dict[str, tuple[JSONPath, ...]], url: str) -> PageItem:
    title, excerpt = (_first_text(item, parts[name])[:_MAX_TEXT] for name in ("title", "excerpt"))
    author, date = (_first_text(item, parts[name])[:_MAX_LINE] for name in ("author", "date"))
    return PageItem(
        title=title if _is_html(title) else escape(" ".join(title.split()), quote=False),
        link=_address(_first_text(item, parts["link"]), url),
        excerpt=excerpt if _is_html(excerpt) else from_plain(excerpt),
        author=author,
        dates=(date,) if date else (),
        image=_address(_first_text(item, parts["image"]), url),
        base=url,
    )


def _first_text(item: Any, paths: tuple[JSONPath, ...]) -> str:
    """Return the first text or number at some paths, empty without one."""
    for part in paths:
        for value in values(part, item, limit=10):
            if text := _text(value):
                return text
    return ""


def _text(value: Any) -> str:
    """Return a text, or a number without its fraction as text; empty for any other value."""
    if isinstance(value, str):
        return _NO_CHARACTER.sub("", value).strip()
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e17:
        return ""
    return str(int(value))


def _is_html(text: str) -> bool:
    """Whether a text has elements or character references, as those of many interfaces."""
    return has_markup(text) or bool(_REFERENCE.search(text))


def _address(text: str, url: str) -> str | None:
    address = urls.absolute(text, url) if text and len(text) <= urls.MAX_LENGTH else None
    return address if address and urls.is_web(address) else None
