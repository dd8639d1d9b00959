"""Addresses of feeds as people and programs write them -> web URLs.  Pure.

Browsers hand feeds to readers as `feed://host/x`, `feed:https://host/x` or `web+feed:`, podcast
programs had schemes of their own, Google Reader and its successors write `feed/https://host/x`,
and addresses in lists lack a scheme.  The web URL is certain in all cases.

Sources: WHATWG URL (what browsers repair), RFC 3987, 3.1 (letters), the `feed:` convention.
"""

import re
from urllib.parse import unquote

from aggregator.urls import syntax

_INVISIBLE = re.compile("[\t\r\n\x00\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LINE_BREAK = re.compile(r"\s{2,}")  # XML turns line ends and indentation into spaces
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


def web_url(address: str) -> str | None:
    """Return the http(s) URL of an address in any spelling, None for an address of another kind.

    The URL is in ASCII as browsers send URLs: the host in the form of DNS, other letters
    percent-encoded.
    """
    if syntax.is_plain(address):
        return address
    if len(address) > 2 * syntax.MAX_LENGTH:
        return None
    text = _INVISIBLE.sub("", address)
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


def web_url_of_reader_scheme(address: str) -> str | None:
    """Return the URL of an address with a feed reader's scheme (`feed:`), None for any other.

    Unlike in `web_url`, a text that may be a relative reference or a file has no URL.
    """
    return web_url(address) if _READERS.match(address.strip()) else None


def is_masked(address: str) -> bool:
    """Whether an address has `***` in place of a secret: such an address can't be polled."""
    return bool(_MASK.search(address))


def _with_scheme(text: str) -> str:
    if reader := _READERS.match(text):
        inner = text[reader.end() :]
        if not _WEB.match(inner):
            is_url = reader[2] == "//" or _HOST.match(inner)
            return f"http{reader[1].lower()}://{inner}" if is_url else text
        text = inner
    while web := _WEB.match(text):
        inner = text[web.end() :]
        if not _WEB.match(inner):  # else the address has a scheme twice
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
    # A machine in the local network has no certificate.
    return f"{'http' if host[1] else 'https'}://{text}"
