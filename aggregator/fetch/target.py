"""A URL as requested, and the target of a redirect.  Pure.

Sources: RFC 3986 (syntax), RFC 9110, 10.2.2 (Location), RFC 7617 (Basic authentication).
"""

import base64
import re
import socket
from dataclasses import dataclass, replace
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
        authorization: Value of the Authorization header, None for none.
    """

    url: str
    request: URL
    authorization: str | None = None

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
        return cls(url, request, _basic(user_info[0][:-1]) if user_info else None)

    def follow(self, location: str) -> Self:
        """Return the target of a redirect from this target.

        User and password are sent to their own origin only.  User and password in the redirect's
        URL are not sent.

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
        target = self.parse(url)
        is_same_origin = target._origin == self._origin
        return replace(target, authorization=self.authorization if is_same_origin else None)

    @property
    def _origin(self) -> tuple[str, str | None, int | None]:
        """Scheme, host and port (RFC 6454, 5)."""
        return self.request.scheme, self.request.host, self.request.port


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


def _basic(user_info: str) -> str:
    user, _, password = user_info.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode("utf-8", "surrogatepass")
    return f"Basic {base64.b64encode(pair).decode()}"
