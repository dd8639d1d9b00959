"""URLs as text: absolute, resolved, normalized.  Pure.

Sources: RFC 3986 (generic syntax), WHATWG URL (what browsers repair).
"""

import re
from urllib.parse import quote, urljoin, urlsplit

from yarl import URL

from aggregator.urls.masking import BLANKED

WEB_SCHEMES = frozenset({"http", "https"})
MAX_LENGTH = 2048
"""Characters of an address, as written and as resolved; a longer text counts as no address."""

MAX_HOST = 253
"""Characters of a name in DNS; IDNA is slow with longer names."""

# Nearly all addresses of feeds match, and need neither repair nor normalization.  A match is much
# cheaper than splitting a URL, and every start examines the addresses of all subscriptions.
PLAIN_URL = re.compile(
    r"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?:[\w~@-][\w~@.-]*)?)+(?:\?[\w~=&/.-]+)?",
    re.ASCII,
)
_DEFAULT_PORTS = ("80", "443")
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def is_plain(url: str) -> bool:
    """Whether `url` is a web address that every function here returns unchanged.

    True is certain; False only says that the address has to be examined.
    """
    return _plain_match(url) is not None


def _plain_match(url: str) -> re.Match[str] | None:
    match = PLAIN_URL.fullmatch(url)
    return match if match and match[2] not in _DEFAULT_PORTS and len(url) <= MAX_LENGTH else None


def is_web(url: str) -> bool:
    """Whether `url` is an absolute http or https URL with a host."""
    if is_plain(url):
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in WEB_SCHEMES and bool(parts.hostname)
    except ValueError:  # an unclosed bracket, a port out of range
        return False


def is_absolute(uri: str) -> bool:
    """Whether `uri` is an absolute URI of any scheme, without spaces or control characters."""
    if not _SCHEME.match(uri) or len(uri) > MAX_LENGTH:
        return False
    return not _BLANK_OR_CONTROL.search(uri)


def absolute(url: str, base: str) -> str | None:
    """Return `url` as an absolute http, https or mailto URL, None if that is impossible.

    A URL with a hidden secret of `base` (`masking.base_without_secrets`) is impossible, too.
    White space around the address and line breaks inside are dropped, as browsers do.
    """
    if is_plain(url):
        return url
    text = re.sub(r"[\t\r\n]", "", url).strip("\x00\x20\x0b\x0c\x1f\xa0")
    if not text or len(text) > MAX_LENGTH:
        return None
    resolved = _encoded_blanks(joined(base, text))
    if len(resolved) > MAX_LENGTH or BLANKED in resolved:
        return None
    try:
        parts = urlsplit(resolved)
        scheme = parts.scheme.lower()
        if scheme == "mailto":
            return resolved if "@" in parts.path else None
        if scheme not in WEB_SCHEMES or not parts.hostname:
            return None
        _ = parts.port  # raises ValueError if the port is out of range
    except ValueError:
        return None
    return scheme + resolved[len(scheme) :]


def _encoded_blanks(url: str) -> str:
    return _BLANK_OR_CONTROL.sub("%20", _SURROGATE.sub("\ufffd", url))  # as WHATWG URL says


def joined(base: str, reference: str) -> str:
    """Return `reference` resolved against `base`.

    A reference that can't be resolved, or only to more than `MAX_LENGTH` characters, is returned
    unchanged.
    """
    if is_plain(reference) or len(reference) > MAX_LENGTH:
        return reference
    try:
        resolved = urljoin(base, reference)
    except ValueError:  # an unclosed bracket
        return reference
    return resolved if len(resolved) <= MAX_LENGTH else reference


def host_of(url: str) -> str:
    """Return the host in lower case without port, empty for a local path."""
    if match := _plain_match(url):
        return match[1]
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def port_of(url: str) -> int | None:
    """Return the port that `url` names, None if `url` names no port."""
    if match := _plain_match(url):
        return int(match[2]) if match[2] else None
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def normalized(url: str) -> str:
    """Return `url` in the form in which two spellings of one address are equal.

    Lower-case scheme and host, default ports and the fragment dropped, percent-encoding and dot
    segments normalized (RFC 3986, 6.2.2).  The meaning of path and query stays.
    """
    if is_plain(url) or not is_web(url) or len(host_of(url)) > MAX_HOST:
        return url
    try:
        parsed = URL(url).with_fragment(None)
        return str(parsed if parsed.path != "/" else parsed.with_path("/", keep_query=True))
    except ValueError:
        return url


def in_ascii(url: str) -> str:
    """Return a web URL as headers may carry it: the host for DNS, letters percent-encoded.

    ASCII characters stay as written.

    Raises:
        ValueError: The host is not valid.

    Sources: RFC 3987, 3.1 (mapping of IRIs), UTS #46 (hosts).
    """
    if url.isascii():
        return url
    scheme, _, behind_scheme = url.partition("://")
    ends = (at for at in map(behind_scheme.find, "/?#") if at >= 0)
    end = min(ends, default=len(behind_scheme))
    user, at_sign, host_port = behind_scheme[:end].rpartition("@")
    host, colon, port = host_port.partition(":")
    if not host.isascii():
        host = URL.build(scheme="http", host=host).raw_host or ""
    path = quote(behind_scheme[end:], _PRINTABLE)
    encoded = f"{quote(user, _PRINTABLE)}{at_sign}{host}{colon}{port}{path}"
    if not host or not encoded.isascii():
        raise ValueError(f"not a host: {host_port}")
    return f"{scheme}://{encoded}"
