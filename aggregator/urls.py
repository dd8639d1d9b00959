"""URLs: absolute, safe to show, fit for a log.  Pure.

Sources: RFC 3986 (generic syntax), RFC 6454 (origin), WHATWG URL (what browsers repair).
"""

import re
import unicodedata
import uuid
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from yarl import URL

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

WEB_SCHEMES = frozenset({"http", "https"})
LINK_SCHEMES = WEB_SCHEMES | {"mailto"}
MAX_LENGTH = 4096
_MAX_HOST = 253  # of any name in DNS; longer ones take IDNA 15 ms each

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
# Nearly all addresses of feeds are written like this: nothing in them to repair or to normalise.
# Taking a URL apart to find that out costs ten times as much, and a start does it 100,000 times.
_PLAIN = re.compile(
    r"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?:[\w~@-][\w~@.-]*)?)+(?:\?[\w~=&/.-]+)?",
    re.ASCII,
)
_ASCII_WORDS = {code: " " for code in range(128) if not chr(code).isalnum()}
_DEFAULT_PORTS = ("80", "443")


def is_plain(url: str) -> bool:
    """Whether `url` is a web address that every function here would leave as it is.

    Not all such addresses are found: False only says that one has to look closer.
    """
    return _plain(url) is not None


def _plain(url: str) -> re.Match[str] | None:
    match = _PLAIN.fullmatch(url)
    return match if match and match[2] not in _DEFAULT_PORTS and len(url) <= MAX_LENGTH else None


def is_web(url: str) -> bool:
    """Whether `url` is an absolute http or https URL with a host."""
    if _plain(url):
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in WEB_SCHEMES and bool(parts.hostname)
    except ValueError:  # an unclosed bracket, a port out of range
        return False


def is_absolute(uri: str) -> bool:
    """Whether `uri` is an absolute URI of any scheme, without spaces or control characters."""
    return bool(_SCHEME.match(uri)) and len(uri) <= MAX_LENGTH and not _UNSEEN.search(uri)


def absolute(url: str, base: str) -> str | None:
    """Return `url` as an absolute http, https or mailto URL, None if it can't be one.

    Leading and trailing white space and line breaks inside are dropped, as browsers do.
    """
    if is_plain(url):
        return url
    text = re.sub(r"[\t\r\n]", "", url).strip("\x00\x20\x0b\x0c\x1f\xa0")
    if not text or len(text) > MAX_LENGTH:
        return None
    resolved = joined(base, text)
    try:
        parts = urlsplit(resolved)
        scheme = parts.scheme.lower()
        if scheme == "mailto":
            return _visible(resolved) if "@" in parts.path else None
        if scheme not in WEB_SCHEMES or not parts.hostname:
            return None
        _ = parts.port  # raises ValueError where it is out of range
    except ValueError:
        return None
    return _visible(scheme + resolved[len(scheme) :])


def _visible(url: str) -> str:
    return _UNSEEN.sub("%20", _SURROGATE.sub("\ufffd", url))  # as the URL standard has it


def joined(base: str, reference: str) -> str:
    """Return `reference` resolved against `base`; as it is where that can't be done."""
    if is_plain(reference):
        return reference
    try:
        return urljoin(base, reference)
    except ValueError:  # an unclosed bracket
        return reference


def host_of(url: str) -> str:
    """Return the host in lower case without port, empty for a local path."""
    if plain := _plain(url):
        return plain[1]
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def port_of(url: str) -> int | None:
    """Return the port that stands in `url`, None for none."""
    if plain := _plain(url):
        return int(plain[2]) if plain[2] else None
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def site_of(url: str) -> str:
    """Return the name under which requests for `url` are counted, empty for a local path.

    The registrable domain: `www.example.org` and `feeds.example.org` are one site, but
    `a.github.io` and `b.github.io` are two (publicsuffix.org).  An address, a name without dots
    and a public suffix itself stand for themselves.
    """
    host = host_of(url)
    if "." not in host or ":" in host or host.rpartition(".")[2].isdecimal():
        return host
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # reads its list: 70 ms

    return PublicSuffixList()


def normal(url: str) -> str:
    """Return `url` in the form in which two spellings of one address are equal.

    Lower-case scheme and host, default ports and the fragment dropped, percent-encoding and dot
    segments normalised (RFC 3986, 6.2.2).  The path's and the query's meaning is untouched.
    """
    if is_plain(url) or not is_web(url) or len(host_of(url)) > _MAX_HOST:
        return url
    try:
        parsed = URL(url).with_fragment(None)
        return str(parsed if parsed.path != "/" else parsed.with_path("/", keep_query=True))
    except ValueError:
        return url


def masked(url: str) -> str:
    """Return `url` with user and password replaced, fit for logs, pages and feeds."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if "@" not in parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}"))


def feed_uri(feed_id: str | None, feed_url: str) -> str:
    """Return the URI that names a feed to others: its own id, else one as stable as its address.

    A feed that is read from a local file gets a name-based UUID (RFC 9562, 5.5): its path is
    no URI, and no business of the readers.
    """
    if feed_id and is_absolute(feed_id):
        return masked(feed_id)  # some use the very address that holds the password
    if is_web(feed_url):
        return masked(feed_url)
    path = feed_url.encode(errors="backslashreplace").decode()  # file names are bytes
    return uuid.uuid5(uuid.NAMESPACE_URL, path).urn


def slug(text: str) -> str:
    """Return `text` as lower-case words of any script joined by hyphens; empty if none is left."""
    if text.isascii():
        return "-".join(text.lower().translate(_ASCII_WORDS).split())
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(map(_word_character, folded)).split())


def _word_character(character: str) -> str:
    # Vowel signs are marks, not letters: without them Hindi and Arabic words fall apart.
    kept = character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}
    return character if kept else " "
