"""A URL as requested, and the target of a redirect.  Pure.

Sources: RFC 3986 (syntax), RFC 9110, 10.2.2 (Location), RFC 7617 (Basic authentication).
"""

import base64
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from typing import Self
from urllib.parse import unquote

from yarl import URL

from aggregator import urls
from aggregator.model import FailureKind

from .failure import FetchFailure

# Such a URL is sent byte for byte: quoting the characters again would break a signed URL.
_LEGAL = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_USER = re.compile(r"(?<=://)[^/?#]*@")
_HOST = re.compile(r"[A-Za-z0-9._\-]+")
# Notations that sockets accept as an IPv4 address besides a.b.c.d: 2130706433, 0x7f.1, 0177.0.0.1
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+))*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """The URL of one request.

    Attributes:
        url: Without user, password and fragment; validators belong to this URL, and relative
            links resolve against this URL.
        request: The URL as sent.
        own_headers: Names and values of headers for the URL's scheme, host and port alone.
    """

    url: str
    request: URL
    own_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL from config.yaml or a document.

        Raises:
            FetchFailure: The URL can't be requested.
        """
        if not text.lower().startswith(("http://", "https://")):
            raise FetchFailure("only http and https addresses are polled", FailureKind.BAD_ADDRESS)
        bare = text.partition("#")[0]
        user_info = _USER.search(bare)
        if user_info:
            bare = bare[: user_info.start()] + bare[user_info.end() :]
        request = _parse_url(bare)
        url = bare if _LEGAL.fullmatch(bare) else str(request)
        return cls(url, request, (_authorization(user_info[0][:-1]),) if user_info else ())

    def with_headers(self, headers: Iterable[tuple[str, str]], origin: Self) -> Self:
        """Return the target with headers for the scheme, host and port of `origin`.

        The headers replace headers of the target; a target of another origin stays as before.
        """
        if self._origin != origin._origin:
            return self
        fields = {name.lower(): (name, value) for name, value in (*self.own_headers, *headers)}
        return replace(self, own_headers=tuple(fields.values()))

    def follow(self, location: str) -> Self:
        """Return the target of a redirect from this target.

        Headers stay with the origin: nobody else gets the headers, nor the origin itself after a
        redirect back from elsewhere.  User and password in the redirect's URL are not sent.

        Args:
            location: Value of the Location field; empty without the field.

        Raises:
            FetchFailure: The redirect leads nowhere.
        """
        if not location:
            raise FetchFailure("a redirect that does not say where to", FailureKind.REDIRECTS)
        url = urls.absolute(location, self.url)
        if url is None or not urls.is_web(url):
            raise FetchFailure(
                "a redirect to something that is not an http or https address",
                FailureKind.REDIRECTS,
            )
        return replace(self.parse(url), own_headers=()).with_headers(self.own_headers, self)

    @property
    def _origin(self) -> tuple[str, str | None, int | None]:
        """Scheme, host and port (RFC 6454, 5)."""
        return self.request.scheme, self.request.raw_host, self.request.port


def is_path(text: str) -> bool:
    """Whether a subscription is a path beside config.yaml instead of a URL."""
    return not _SCHEME.match(text)


def _parse_url(text: str) -> URL:
    try:
        url = URL(text, encoded=_LEGAL.fullmatch(text) is not None)
        host = url.raw_host or ""
        if ":" in host and "%" not in host:  # a zone would name an interface of this machine
            IPv6Address(host)
            return url
        if _NUMBERS.fullmatch(host):
            address = socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
            return url if address == host else url.with_host(address)
    except (ValueError, OSError) as error:
        raise FetchFailure("not a valid address", FailureKind.BAD_ADDRESS) from error
    if not _HOST.fullmatch(host):
        raise FetchFailure("not a valid address", FailureKind.BAD_ADDRESS)
    return url


def basic_credentials(user: str, password: str) -> str:
    """Return the value of an Authorization header for a user and password."""
    pair = f"{user}:{password}".encode("utf-8", "surrogatepass")
    return f"Basic {base64.b64encode(pair).decode()}"


def _authorization(user_info: str) -> tuple[str, str]:
    user, _, password = user_info.partition(":")
    return "Authorization", basic_credentials(unquote(user), unquote(password))
