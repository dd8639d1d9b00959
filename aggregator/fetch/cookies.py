"""Cookies that redirects set, for the following requests of one poll.

Some sites redirect a client without their cookie to set the cookie, and send the feed only to a
client with the cookie.  No cookie outlives the poll.

A cookie is sent back byte for byte, as by browsers.  aiohttp and the standard library write values
with `/`, `,` or `{` in quotation marks, which sites do not recognise.

Source: RFC 6265, 5 (what user agents do); publicsuffix.org.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from yarl import URL

from aggregator import urls
from aggregator.model.times import http_date

from .response_headers import is_sendable

MAX_COOKIES = 50
"""Cookies of one poll; further cookies are ignored."""

MAX_HEADER = 8000
"""Characters of a `Cookie` field; many servers refuse a line of 8 KB."""

_MAX_PAIR = 4096


@dataclass(frozen=True, slots=True)
class _Cookie:
    """A cookie.

    Attributes:
        pair: `name=value` as received.
        domain: In lower case.
        is_host_only: Hosts below `domain` do not get the cookie.
        path: Prefix of the paths that get the cookie.
        is_secure: Only https gets the cookie.
    """

    pair: str
    domain: str
    is_host_only: bool
    path: str
    is_secure: bool

    def is_for(self, url: URL) -> bool:
        host, path = (url.raw_host or "").lower(), url.raw_path or "/"
        below = self.path if self.path.endswith("/") else f"{self.path}/"
        return (
            (host == self.domain or (not self.is_host_only and _is_below(host, self.domain)))
            and (path == self.path or path.startswith(below))
            and (url.scheme == "https" or not self.is_secure)
        )


class Cookies:
    """The cookies of one poll."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, fields: Iterable[str], url: URL, *, now: datetime) -> None:
        """Take the cookies that a response from `url` sets.

        Args:
            fields: Values of the `Set-Cookie` fields.
            url: Of the request.
            now: Aware; an expired cookie deletes the cookie of the same name.
        """
        for field in fields:
            pair, *attributes = field.split(";")
            name, equals, value = (part.strip(" \t") for part in pair.partition("="))
            settings = _settings(attributes)
            cookie = _cookie(f"{name}={value}", settings, url) if name and equals else None
            if cookie is None:
                continue
            key = name, cookie.domain, cookie.path
            if _is_expired(settings, now):
                self._cookies.pop(key, None)
            elif key in self._cookies or len(self._cookies) < MAX_COOKIES:
                self._cookies[key] = cookie

    def header(self, url: URL) -> str:
        """Return the value of the `Cookie` field for `url`, empty without cookies."""
        cookies = [cookie for cookie in self._cookies.values() if cookie.is_for(url)]
        header = ""
        for cookie in sorted(cookies, key=lambda cookie: -len(cookie.path)):
            longer = f"{header}; {cookie.pair}" if header else cookie.pair
            header = longer if len(longer.encode()) <= MAX_HEADER else header
        return header


def _settings(attributes: Iterable[str]) -> dict[str, str]:
    """Return attributes by lower-case name; the last of a name counts (RFC 6265, 5.3)."""
    pairs = (attribute.partition("=") for attribute in attributes)
    return {name.strip(" \t").lower(): value.strip(" \t") for name, _, value in pairs}


def _cookie(pair: str, settings: Mapping[str, str], url: URL) -> _Cookie | None:
    """Return a cookie, None for a cookie of another site or one that can't be sent.

    No site can set cookies for a public suffix such as `co.uk`, except the host of that very name
    (RFC 6265, 5.3).
    """
    if len(pair) > _MAX_PAIR or not is_sendable(pair):
        return None
    host = (url.raw_host or "").lower()
    domain = settings.get("domain", "").removeprefix(".").lower()
    if domain == host or not domain:
        is_host_only = not domain or _is_public_suffix(domain)
        domain = host
    elif not _is_below(host, domain) or _is_public_suffix(domain):
        return None
    else:
        is_host_only = False
    path = settings.get("path", "")
    if not path.startswith("/"):
        path = (url.raw_path or "/").rpartition("/")[0] or "/"
    return _Cookie(pair, domain, is_host_only, path, "secure" in settings)


def _is_expired(settings: Mapping[str, str], now: datetime) -> bool:
    age = settings.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return age.startswith("-") or not age.strip("0")
    expires = http_date(settings.get("expires"))
    return expires is not None and expires <= now


def _is_below(host: str, domain: str) -> bool:
    """Whether a host name is below a domain (RFC 6265, 5.1.3); an address never is."""
    if not host.endswith(f".{domain}"):
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _is_public_suffix(domain: str) -> bool:
    return urls.site_of(f"http://x.{domain}/") != urls.site_of(f"http://{domain}/")
