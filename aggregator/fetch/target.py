"""A URL as it is requested, and where a redirect leads from there.  Pure.

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

from .failure import Failure

# Such a URL goes out byte for byte; re-quoting it would break one that is signed.
_LEGAL = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_USER = re.compile(r"(?<=://)[^/?#]*@")
_HOST = re.compile(r"[A-Za-z0-9._\-]+")
# What sockets take for an IPv4 address besides a.b.c.d: 2130706433, 0x7f.1, 0177.0.0.1
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+))*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """One request's address.

    Attributes:
        url: Without user, password and fragment: what validators belong to and links resolve
            against.
        request: The same, as it is sent.
        authorization: Value of the header of that name, None for none.
    """

    url: str
    request: URL
    authorization: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL as someone wrote it.

        Raises:
            Failure: It is not one that can be requested.
        """
        if not text.lower().startswith(("http://", "https://")):
            raise Failure("only http and https addresses are polled")
        bare = text.partition("#")[0]
        found = _USER.search(bare)
        if found:
            bare = bare[: found.start()] + bare[found.end() :]
        request = _parsed(bare)
        url = bare if _LEGAL.fullmatch(bare) else str(request)
        return cls(url, request, _basic(found[0][:-1]) if found else None)

    def follow(self, location: str | None) -> Self:
        """Return where a redirect leads.

        User and password stay with the origin that they were written for, and those that a
        redirect brings are not ours to send.

        Raises:
            Failure: There is no way from here.
        """
        if not location:
            raise Failure("a redirect that does not say where to")
        url = urls.absolute(location, self.url)
        if url is None or not urls.is_web(url):
            raise Failure("a redirect to something that is not an http or https address")
        there = replace(self.parse(url), authorization=None)
        return replace(there, authorization=self.authorization) if self._shares(there) else there

    def _shares(self, other: "Target") -> bool:
        """Whether both are of one origin (RFC 6454, 5)."""
        ours, theirs = self.request, other.request
        return (ours.scheme, ours.host, ours.port) == (theirs.scheme, theirs.host, theirs.port)


def is_path(text: str) -> bool:
    """Whether a subscription's address is a path beside config.yaml."""
    return not _SCHEME.match(text)


def _parsed(text: str) -> URL:
    try:
        url = URL(text, encoded=_LEGAL.fullmatch(text) is not None)
        host = url.raw_host or ""
        if ":" in host and "%" not in host:  # no zones: they name our own interfaces
            IPv6Address(host)
            return url
        if _NUMBERS.fullmatch(host):
            address = socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
            return url if address == host else url.with_host(address)
    except (ValueError, OSError) as error:
        raise Failure("not a valid address") from error
    if not _HOST.fullmatch(host):
        raise Failure("not a valid address")
    return url


def _basic(user_info: str) -> str:
    user, _, password = user_info.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode("utf-8", "surrogatepass")
    return f"Basic {base64.b64encode(pair).decode()}"
