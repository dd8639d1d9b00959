"""Links of entries: the canonical form of a page's addresses, and tracking parameters.  Pure.

docs/links.md lists for people what is dropped.
"""

import re
from urllib.parse import quote, unquote, urlsplit

from aggregator import urls

TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh li_fat_id "
    "mc_cid mc_eid mkt_tok vero_id oly_anon_id oly_enc_id _hsenc _hsmi __hssc __hstc hsctatracking "
    "at_medium at_campaign at_custom1 cmpid ncid smid sr_share s_cid wt_mc xtor _ga _gl "
    "action_object_map action_type_map action_ref_map".split()
)
"""Parameters, besides `TRACKING_PREFIXES`, that name the way of a reader to a page and never select
content.  `ref`, `source`, `from` and `via` are missing: some sites select content by them."""

TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "piwik_", "matomo_", "hmb_", "itm_")

_AMBIGUOUS_SESSIONS = frozenset(
    "sid session sessionid session_id".split()
)  # or the number of an article
_SESSION_VALUE = re.compile(r"(?=.*[0-9])[0-9a-zA-Z_-]{20,}")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)

_AMP_PARAMETERS = frozenset({"amp", "amp=1", "amp=true", "outputtype=amp"})
_TWIN_HOST = re.compile(r"^(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_MAY_DIFFER = re.compile(r"//(?:www\d?|m|mobile|amp)\.|[?;]|/index|[/.]amp(?:[/.]|$)")
_AMP_START = re.compile(r"^/amp(?=/.)")
_AMP_END = re.compile(r"(?:/amp|\.amp(?=\.html?$)|(?<=.)\.amp)/?$|\.amp(?=\.html?$)")
_INDEX = re.compile(r"/(?:index\.(?:html?|php))?$")
_SLASH = re.compile("%2f", re.IGNORECASE)
_IN_PATH = "/:@!$&'()*+,;=~"
_IN_QUERY = "/:@!$'()*,;=~?"


def canonical(url: str) -> str:
    """Return a text that is equal for all addresses of one page: to compare, not to request.

    Dropped are scheme, `www.`, the marks of AMP and mobile twins, default ports, a slash or index
    page at the end, fragments and tracking parameters.  The other parameters may select content
    and stay, sorted by name.  A text that is not an http(s) URL is returned unchanged.
    """
    if urls.is_plain(url) and not _MAY_DIFFER.search(url):
        return url.partition("://")[2].removesuffix("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in urls.WEB_SCHEMES or not host:
        return url
    host = _TWIN_HOST.sub("", _host_in_ascii(host.rstrip(".")))
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    query = _canonical_query(parts.query) if parts.query else ""
    # Only addresses of pages that a script draws mean something by what follows the `#`.
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    return f"{host}{_canonical_path(parts.path)}{query}{fragment}"


def without_tracking(url: str) -> str:
    """Return `url` as written, without session ids and tracking parameters."""
    if not ("?" in url or ";" in url or "#" in url):
        return url
    location, hash_sign, fragment = url.partition("#")
    if fragment and all(map(_is_tracking, fragment.split("&"))):
        hash_sign = fragment = ""
    page, question_mark, query = location.partition("?")
    page = _SESSION_IN_PATH.sub("", page)
    if query:
        query = "&".join(part for part in query.split("&") if not _is_tracking(part))
        question_mark = "?" if query else ""
    return f"{page}{question_mark}{query}{hash_sign}{fragment}"


def _canonical_path(path: str) -> str:
    path = _SESSION_IN_PATH.sub("", path)
    if "%" in path or not path.isascii():
        # An encoded slash is part of a name and stays encoded.
        path = "%2F".join(_recoded(part, _IN_PATH) for part in _SLASH.split(path))
    if "/." in path:
        path = _without_dot_segments(path)
    return _INDEX.sub("", _AMP_END.sub("", _AMP_START.sub("", path)))


def _host_in_ascii(host: str) -> str:
    if host.isascii() or len(host) > urls.MAX_HOST:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _recoded(text: str, safe: str) -> str:
    """Return a part of a URL with one encoding for each character."""
    return quote(unquote(text, errors="surrogateescape"), safe, errors="surrogateescape")


def _without_dot_segments(path: str) -> str:
    """Return a path without dot segments (RFC 3986, 5.2.4)."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[max(len(segments) - 1, 1) :]
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments)


def _parameters(query: str) -> list[str]:
    """Return the parameters of a query; a plus sign stands for a blank."""
    if "%" in query or not query.isascii():
        query = query.replace("+", " ")
        recoded = (_recoded(parameter, _IN_QUERY) for parameter in query.split("&"))
        return [parameter.replace("%20", "+") for parameter in recoded]
    return query.split("&")


def _canonical_query(query: str) -> str:
    """Return the parameters that may select content, with the question mark."""
    selecting = [
        parameter
        for parameter in _parameters(query)
        if parameter and not _is_tracking(parameter) and parameter.lower() not in _AMP_PARAMETERS
    ]
    return "?" + "&".join(sorted(selecting)) if selecting else ""


def _is_tracking(parameter: str) -> bool:
    """Whether `name=value` describes the reader, not the content."""
    name, _, value = parameter.partition("=")
    name = name.lower()
    if name in TRACKING or name in urls.SESSIONS or name.startswith(TRACKING_PREFIXES):
        return True
    return name in _AMBIGUOUS_SESSIONS and bool(_SESSION_VALUE.fullmatch(value))
