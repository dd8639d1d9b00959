"""Cookies that the redirects of one poll set, for the rest of that poll.

Some sites answer a visitor without their cookie with a redirect that sets it, and lead to the feed
only who brings it along.  Nothing is kept for the next poll.

Source: RFC 6265, 5 (what user agents do); publicsuffix.org.
"""

from collections.abc import Iterable

import aiohttp
from yarl import URL

from aggregator import urls

from .answer import is_sendable

_LONG_AGO = " Expires=Fri, 02 Jan 1970 00:00:00 GMT"


class Cookies:
    """The cookies of one poll; create it inside of the event loop."""

    def __init__(self) -> None:
        # Servers on addresses without a name are polled, too; their cookies stay with the address.
        self._jar = aiohttp.CookieJar(unsafe=True)

    def take(self, fields: Iterable[str], url: URL) -> None:
        """Take what an answer from `url` sets, a `Set-Cookie` field each."""
        allowed = (_of_site(field, url.raw_host or "") for field in fields)
        self._jar.update_cookies_from_headers([field for field in allowed if field], url)

    def header(self, url: URL) -> str:
        """Return the `Cookie` field of a request for `url`, empty if there is none to send."""
        morsels = self._jar.filter_cookies(url).values()
        pairs = (f"{morsel.key}={morsel.coded_value}" for morsel in morsels)
        return "; ".join(pair for pair in pairs if is_sendable(pair))


def _of_site(field: str, host: str) -> str | None:
    """Return a cookie that is for no more than the host's own site; None if it is for more.

    A domain that anybody can have names under, such as `co.uk`, is nobody's to set cookies for,
    except for the host of that very name (RFC 6265, 5.3).
    """
    pair, *attributes = field.split(";")
    domain = ""
    others = []
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        name = name.strip().lower()
        if name == "domain":
            domain = value.strip().removeprefix(".").lower()
        elif name == "expires" and "1970" in value:  # aiohttp takes the very epoch for no date
            others.append(_LONG_AGO)
        else:
            others.append(attribute)
    if domain and _is_public_suffix(domain):
        if domain != host.lower():
            return None
        domain = ""
    return ";".join([pair, *others, f" Domain={domain}"] if domain else [pair, *others])


def _is_public_suffix(domain: str) -> bool:
    return urls.site_of(f"http://x.{domain}/") != urls.site_of(f"http://{domain}/")
