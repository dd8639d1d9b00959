"""Addresses of feeds as people and programs write them -> web addresses.  Pure.

Browsers hand feeds to readers as `feed://host/x`, `feed:https://host/x` or `web+feed:`, podcast
programs had schemes of their own, Google Reader and its heirs write `feed/https://host/x`, lists
are written by hand or lose a scheme on their way.  What is meant is plain in all of these cases.

Sources: WHATWG URL (what browsers repair), RFC 3987, 3.1 (letters), the `feed:` convention.
"""

import re
from urllib.parse import unquote

from aggregator.urls import syntax

_INVISIBLE = re.compile("[\t\r\n\x00\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LINE_BREAK = re.compile(r"\s{2,}")  # XML makes a space of each line end, and of its indentation
_SPACE = " \xa0\u3000"
_QUOTES = frozenset({"<>", '""', "''"})
_READERS = re.compile(
    r"(?:(?:web\+|ext\+)?(?:feed|itpc|pcast|podcast|rss)(s?):([/\\]{0,3})|feed/(?=https?:))",
    re.IGNORECASE,
)
_ENCODED = re.compile(r"https?%3a%2f%2f", re.IGNORECASE)
_WEB = re.compile(r"(https?)(?::([/\\]*)|//)(?=[^/\\\s])", re.IGNORECASE)
_HOST = re.compile(
    r"(?:(localhost|(?:\d{1,3}\.){3}\d{1,3})|(?:[\w-]{1,63}\.){1,20}[^\W\d_][\w-]{1,62}\.?)"
    r"(?::\d{1,5})?(?=[/?#]|$)",
    re.IGNORECASE,
)
_FILE_ENDS = (".xml", ".rss", ".atom", ".json", ".rdf", ".opml", ".htm", ".html", ".php", ".txt")
_MASK = re.compile(r"(?:\*|%2a){3}", re.IGNORECASE)


def meant(written: str) -> str | None:
    """Return the http(s) URL that is meant, in ASCII; None for what is not an address of the web.

    Hosts in letters are returned as DNS has them, other letters percent-encoded: both as browsers
    send them.
    """
    if syntax.is_plain(written):
        return written
    if len(written) > 2 * syntax.MAX_LENGTH:
        return None
    text = _INVISIBLE.sub("", written)
    text = _LINE_BREAK.sub("", text.strip(_SPACE)).replace("&amp;", "&")
    if text[:1] + text[1:][-1:] in _QUOTES:
        text = text[1:-1]
    if _ENCODED.match(text):
        text = unquote(text)
    absolute = syntax.absolute(_with_scheme(text), "")
    if absolute is None or not syntax.is_web(absolute):
        return None
    try:
        return syntax.in_ascii(absolute)
    except ValueError:
        return None


def of_reader(written: str) -> str | None:
    """Return the URL that is meant by an address with a reader's scheme (`feed:`); None for others.

    Unlike `meant` it takes nothing that may be relative, or a file, for an address.
    """
    return meant(written) if _READERS.match(written.strip()) else None


def is_masked(written: str) -> bool:
    """Whether `***` stands in an address for a secret, so that nobody can poll it."""
    return bool(_MASK.search(written))


def _with_scheme(text: str) -> str:
    if reader := _READERS.match(text):
        inner = text[reader.end() :]
        if not _WEB.match(inner):
            is_url = reader[2] == "//" or _HOST.match(inner)
            return f"http{reader[1].lower()}://{inner}" if is_url else text
        text = inner
    while web := _WEB.match(text):
        inner = text[web.end() :]
        if not _WEB.match(inner):  # else the scheme stands twice
            place, mark, query = inner.partition("?")
            place = place.replace("\\", "/")
            is_url = web[2] == "//" or _HOST.match(place)
            return f"{web[1].lower()}://{place}{mark}{query}" if is_url else text
        text = inner
    if text.startswith("//"):
        return f"https:{text}"
    host = _HOST.match(text)
    is_file = host is not None and host.end() == len(text) and text.lower().endswith(_FILE_ENDS)
    if host is None or is_file:
        return text
    return f"{'http' if host[1] else 'https'}://{text}"  # a machine nearby has no certificate
