"""URLs: absolute, safe to show, fit for a log.  Pure.

Sources: RFC 3986 (generic syntax), RFC 6454 (origin), WHATWG URL (what browsers repair).
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit

from yarl import URL

from aggregator.urls.masking import SESSIONS
from aggregator.urls.masking import masked as masked
from aggregator.urls.masking import masked_input as masked_input
from aggregator.urls.masking import masked_text as masked_text

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

WEB_SCHEMES = frozenset({"http", "https"})
LINK_SCHEMES = WEB_SCHEMES | {"mailto"}
_NAME_SCHEMES = frozenset({"urn", "tag"})
MAX_LENGTH = 2048
"""Characters of an address, as it is written and as it is resolved; a longer one counts as none."""

_MAX_HOST = 253  # of any name in DNS; longer ones take IDNA 15 ms each

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PRIVATE_DOMAINS = frozenset(
    "localhost local internal lan home corp private intranet localdomain test invalid".split()
)

TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh li_fat_id "
    "mc_cid mc_eid mkt_tok vero_id oly_anon_id oly_enc_id _hsenc _hsmi __hssc __hstc hsctatracking "
    "at_medium at_campaign at_custom1 cmpid ncid smid sr_share s_cid wt_mc xtor _ga _gl "
    "action_object_map action_type_map action_ref_map".split()
)
"""Parameters that say how a reader came and never select what is shown, beside those that begin
with `TRACKING_PREFIXES`.  Not `ref`, `source`, `from`, `via`: some sites select content by them.
docs/links.md lists them for people."""

TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "piwik_", "matomo_", "hmb_", "itm_")

_MAYBE_SESSIONS = frozenset("sid session sessionid session_id".split())  # a story's number, too
_SESSION_VALUE = re.compile(r"(?=.*[0-9])[0-9a-zA-Z_-]{20,}")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)

_AMP_PARAMETERS = frozenset({"amp", "amp=1", "amp=true", "outputtype=amp"})
_TWIN = re.compile(r"^(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_MAY_DIFFER = re.compile(r"//(?:www\d?|m|mobile|amp)\.|[?;]|/index|[/.]amp(?:[/.]|$)")
_AMP_START = re.compile(r"^/amp(?=/.)")
_AMP_END = re.compile(r"(?:/amp|\.amp(?=\.html?$)|(?<=.)\.amp)/?$|\.amp(?=\.html?$)")
_INDEX = re.compile(r"/(?:index\.(?:html?|php))?$")
_SLASH = re.compile("%2f", re.IGNORECASE)
_IN_PATH = "/:@!$&'()*+,;=~"
_IN_QUERY = "/:@!$'()*,;=~?"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
# Nearly all addresses of feeds are written like this: nothing in them to repair or to normalise.
# Taking a URL apart to find that out costs ten times as much, and a start does it 100,000 times.
_PLAIN = re.compile(
    r"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?:[\w~@-][\w~@.-]*)?)+(?:\?[\w~=&/.-]+)?",
    re.ASCII,
)
_ASCII_WORDS = {code: " " for code in range(128) if not chr(code).isalnum()}
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])|\s+")
_SIGNS = re.compile(r"(?<=[^\W_])[+#]+(?![^\W_])")  # behind a word: C++, F#, but not A+B
_SIGN_WORDS = {"+": " plus ", "#": " sharp "}
_HASH_DIGITS = 6
_DEFAULT_PORTS = ("80", "443")
_WITH_PORT = re.compile(
    r"(?:\[(?P<inner>[^\[\]]{1,60})\]|(?P<host>[^:\[\]]{1,260}|[^/\[\]]{1,60}/\d{1,3}))"
    r":(?P<port>[0-9]{1,5})"
)


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


def is_name(uri: str) -> bool:
    """Whether `uri` only names something (urn, tag), so that nobody and nothing follows it."""
    return is_absolute(uri) and uri.partition(":")[0].lower() in _NAME_SCHEMES


def absolute(url: str, base: str) -> str | None:
    """Return `url` as an absolute http, https or mailto URL, None if it can't be one.

    Leading and trailing white space and line breaks inside are dropped, as browsers do.
    """
    if is_plain(url):
        return url
    text = re.sub(r"[\t\r\n]", "", url).strip("\x00\x20\x0b\x0c\x1f\xa0")
    if not text or len(text) > MAX_LENGTH:
        return None
    resolved = _visible(joined(base, text))
    if len(resolved) > MAX_LENGTH:
        return None
    try:
        parts = urlsplit(resolved)
        scheme = parts.scheme.lower()
        if scheme == "mailto":
            return resolved if "@" in parts.path else None
        if scheme not in WEB_SCHEMES or not parts.hostname:
            return None
        _ = parts.port  # raises ValueError where it is out of range
    except ValueError:
        return None
    return scheme + resolved[len(scheme) :]


def _visible(url: str) -> str:
    return _UNSEEN.sub("%20", _SURROGATE.sub("\ufffd", url))  # as the URL standard has it


def joined(base: str, reference: str) -> str:
    """Return `reference` resolved against `base`; as it is where that can't be done.

    It can't where the outcome would be longer than `MAX_LENGTH`.
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
    if plain := _plain(url):
        return plain[1]
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def is_private(url: str) -> bool:
    """Whether the host of `url` means something to one machine or network only.

    Sources: IANA's registries of special-purpose addresses and special-use domain names.
    """
    host = host_of(url)
    try:
        return not ip_address(host).is_global
    except ValueError:
        last = host.rpartition(".")[2]
        return "." not in host or last in _PRIVATE_DOMAINS or host.endswith(".home.arpa")


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine, and no other can reach it there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def port_of(url: str) -> int | None:
    """Return the port that stands in `url`, None for none."""
    if plain := _plain(url):
        return int(plain[2]) if plain[2] else None
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def host_and_port(text: str) -> tuple[str, int | None]:
    """Split an address that stands alone from the port behind it, None for none.

    The address is a name, an IP address or a network: `nas.local:8080`, `10.0.0.0/8:8080`,
    `[::1]:9000`, `fd00::/8:9000`.  Without brackets or a network, the colons of an IPv6 address
    are its own.  What is not of such a form is returned as it is.
    """
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        return match["inner"] or match["host"], int(match["port"])
    is_bracketed = text.startswith("[") and text.endswith("]")
    return text[1:-1] if is_bracketed else text, None


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


def in_ascii(url: str) -> str:
    """Return a web URL as headers may have it: the host as DNS has it, letters percent-encoded.

    What is ASCII stays as it was written.

    Raises:
        ValueError: The host is not one.

    Sources: RFC 3987, 3.1 (mapping of IRIs), UTS #46 (hosts).
    """
    if url.isascii():
        return url
    scheme, _, rest = url.partition("://")
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    user, at, place = rest[:end].rpartition("@")
    host, colon, port = place.partition(":")
    if not host.isascii():
        host = URL.build(scheme="http", host=host).raw_host or ""
    written = f"{quote(user, _PRINTABLE)}{at}{host}{colon}{port}{quote(rest[end:], _PRINTABLE)}"
    if not host or not written.isascii():
        raise ValueError(f"not a host: {place}")
    return f"{scheme}://{written}"


def canonical(url: str) -> str:
    """Return a text that is equal for the addresses of one page; to compare, not to follow.

    Without scheme, `www.`, the marks of AMP and mobile twins, default ports, a slash or index page
    at the end, fragments and tracking parameters; what else the query says is kept, in order of
    names, as it may select what is shown.  What is no http(s) URL is returned as it is.
    """
    if _plain(url) and not _MAY_DIFFER.search(url):
        return url.partition("://")[2].removesuffix("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in WEB_SCHEMES or not host:
        return url
    host = _TWIN.sub("", _ascii(host.rstrip(".")))
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    path = _SESSION_IN_PATH.sub("", parts.path)
    if "%" in path or not path.isascii():
        # An encoded slash is part of a name, so it stays one.
        path = "%2F".join(_recoded(part, _IN_PATH) for part in _SLASH.split(path))
    if "/." in path:
        path = _without_dots(path)
    path = _INDEX.sub("", _AMP_END.sub("", _AMP_START.sub("", path)))
    query = _selecting(parts.query) if parts.query else ""
    # Only addresses of pages that a script draws mean something by what follows the `#`.
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    return f"{host}{path}{query}{fragment}"


def _ascii(host: str) -> str:
    """Return a host as DNS has it."""
    if host.isascii() or len(host) > _MAX_HOST:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _recoded(text: str, safe: str) -> str:
    """Return a part of a URL in which each character is encoded in one way."""
    return quote(unquote(text, errors="surrogateescape"), safe, errors="surrogateescape")


def _without_dots(path: str) -> str:
    """Return a path without dot segments (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(len(kept) - 1, 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _parameters(query: str) -> list[str]:
    """Return the parameters of a query; a plus sign is a blank there."""
    if "%" in query or not query.isascii():
        query = query.replace("+", " ")
        return [_recoded(one, _IN_QUERY).replace("%20", "+") for one in query.split("&")]
    return query.split("&")


def _selecting(query: str) -> str:
    """Return the part of a query that may select content, with its question mark."""
    kept = [
        parameter
        for parameter in _parameters(query)
        if parameter and not _tracks(parameter) and parameter.lower() not in _AMP_PARAMETERS
    ]
    return "?" + "&".join(sorted(kept)) if kept else ""


def _tracks(parameter: str) -> bool:
    """Whether `name=value` tells about the reader, not about what is read."""
    name, _, value = parameter.partition("=")
    name = name.lower()
    if name in TRACKING or name in SESSIONS or name.startswith(TRACKING_PREFIXES):
        return True
    return name in _MAYBE_SESSIONS and bool(_SESSION_VALUE.fullmatch(value))


def untracked(url: str) -> str:
    """Return `url` as it was written, less what only tells about the reader."""
    if not ("?" in url or ";" in url or "#" in url):
        return url
    rest, mark, fragment = url.partition("#")
    if fragment and all(map(_tracks, fragment.split("&"))):
        mark = fragment = ""
    place, question, query = rest.partition("?")
    place = _SESSION_IN_PATH.sub("", place)
    if query:
        kept = [part for part in query.split("&") if not _tracks(part)]
        query = "&".join(kept)
        question = "?" if query else ""
    return f"{place}{question}{query}{mark}{fragment}"


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


def category_slugs(names: Iterable[str]) -> dict[str, str]:
    """Return the slug of each category, so that no two of them share one.

    C++ and C# are words of their own (`c-plus-plus`, `c-sharp`), names without letter and digit
    keep their symbols.  Of several categories whose names make the same slug the plainest has it,
    the others a hash of their names behind it.  The order of `names` does not matter; those that
    differ by capitals and spaces alone are one category.
    """
    keys = {name: category_key(name) for name in dict.fromkeys(names)}
    rivals: dict[str, list[str]] = {}
    for key in sorted(set(keys.values()), key=_oddness):
        rivals.setdefault(_category_slug(key), []).append(key)
    slugs = {keys[0]: slug for slug, keys in rivals.items() if slug}
    taken = set(slugs.values())
    for slug, (first, *others) in rivals.items():
        for key in others if slug else (first, *others):
            slugs[key] = _hashed(slug, key, taken)
            taken.add(slugs[key])
    return {name: slugs[key] for name, key in keys.items()}


def named_categories(text: str, slugs: Mapping[str, str]) -> list[str]:
    """Return the names of the categories that a person means by a name or a slug.

    Args:
        slugs: By the name of each category there is.
    """
    key, words = category_key(text), slug(text)
    same_name = [name for name in slugs if category_key(name) == key]
    return same_name or [name for name in slugs if slugs[name] in {text, words}]


def category_key(name: str) -> str:
    """Return a text that is equal for two spellings of one category."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _BETWEEN_WORDS.sub(" ", folded).strip()


def _oddness(key: str) -> tuple[int, str]:
    return sum(not (character.isalnum() or character == " ") for character in key), key


def _category_slug(key: str) -> str:
    words = _SIGNS.sub(lambda signs: "".join(map(_SIGN_WORDS.__getitem__, signs[0])), key)
    return slug(words) or "".join(filter(_is_symbol, key))


def _is_symbol(character: str) -> bool:
    """Whether a character is an emoji or the like, which addresses can hold."""
    return not character.isascii() and unicodedata.category(character) in {"So", "Sm", "Sk"}


def _hashed(slug: str, key: str, taken: Collection[str]) -> str:
    digest = hashlib.blake2b(key.encode(errors="surrogatepass")).hexdigest()
    lengths = range(_HASH_DIGITS, len(digest))
    candidates = (f"{slug}-{digest[:length]}".lstrip("-") for length in lengths)
    return next(candidate for candidate in candidates if candidate not in taken)


def _word_character(character: str) -> str:
    # Vowel signs are marks, not letters: without them Hindi and Arabic words fall apart.
    kept = character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}
    return character if kept else " "
