"""Links as revisions 0004, 0006 and 0007 compare them.  Frozen: this must never be changed.

Sources: RFC 3986 (generic syntax), publicsuffix.org (sites).
"""

import re
from functools import cache
from urllib.parse import quote, unquote, urlsplit

from publicsuffixlist import PublicSuffixList

_WEB_SCHEMES = frozenset({"http", "https"})
_MAX_HOST = 253

_TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh li_fat_id "
    "mc_cid mc_eid mkt_tok vero_id oly_anon_id oly_enc_id _hsenc _hsmi __hssc __hstc hsctatracking "
    "at_medium at_campaign at_custom1 cmpid ncid smid sr_share s_cid wt_mc xtor _ga _gl "
    "action_object_map action_type_map action_ref_map "
    "phpsessid jsessionid aspsessionid cfid cftoken oscsid zenid".split()
)
_TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "piwik_", "matomo_", "hmb_", "itm_")
_MAYBE_SESSIONS = frozenset("sid session sessionid session_id".split())  # a story's number, too
_SESSION_VALUE = re.compile(r"(?=.*[0-9])[0-9a-zA-Z_-]{20,}")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)

_AMP_PARAMETERS = frozenset({"amp", "amp=1", "amp=true", "outputtype=amp"})
_TWIN = re.compile(r"^(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_AMP_START = re.compile(r"^/amp(?=/.)")
_AMP_END = re.compile(r"(?:/amp|\.amp(?=\.html?$)|(?<=.)\.amp)/?$|\.amp(?=\.html?$)")
_INDEX = re.compile(r"/(?:index\.(?:html?|php))?$")
_SLASH = re.compile("%2f", re.IGNORECASE)
_IN_PATH = "/:@!$&'()*+,;=~"
_IN_QUERY = "/:@!$'()*,;=~?"


def is_web(url: str) -> bool:
    """Whether `url` is an absolute http or https URL with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in _WEB_SCHEMES and bool(parts.hostname)
    except ValueError:  # an unclosed bracket, a port out of range
        return False


def site_of(url: str) -> str:
    """Return the name under which requests for `url` are counted, empty for a local path.

    The registrable domain, by the list of the installed library: which site a host belongs to is
    the registries' decision, not one of this program.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""
    if "." not in host or ":" in host or host.rpartition(".")[2].isdecimal():
        return host
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def canonical(url: str) -> str:
    """Return a text that is equal for the addresses of one page; `url` itself if it is not http(s).

    Without scheme, `www.`, the marks of AMP and mobile twins, default ports, a slash or index page
    at the end, fragments and tracking parameters.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in _WEB_SCHEMES or not host:
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
    if host.isascii() or len(host) > _MAX_HOST:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _recoded(text: str, safe: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), safe, errors="surrogateescape")


def _without_dots(path: str) -> str:
    """Return a path without dot segments (RFC 3986, 5.2.4)."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[max(len(segments) - 1, 1) :]
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments)


def _parameters(query: str) -> list[str]:
    """Return the parameters of a query; a plus sign is a blank there."""
    if "%" in query or not query.isascii():
        query = query.replace("+", " ")
        return [_recoded(part, _IN_QUERY).replace("%20", "+") for part in query.split("&")]
    return query.split("&")


def _selecting(query: str) -> str:
    """Return the part of a query that may select content, with its question mark."""
    selecting = [
        parameter
        for parameter in _parameters(query)
        if parameter and not _tracks(parameter) and parameter.lower() not in _AMP_PARAMETERS
    ]
    return "?" + "&".join(sorted(selecting)) if selecting else ""


def _tracks(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    name = name.lower()
    if name in _TRACKING or name.startswith(_TRACKING_PREFIXES):
        return True
    return name in _MAYBE_SESSIONS and bool(_SESSION_VALUE.fullmatch(value))
