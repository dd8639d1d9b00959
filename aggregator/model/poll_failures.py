"""Why a poll failed, as a code: the log has a reason in words, pages have a sentence each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """The kind of a failure; stored, so a value never changes its meaning."""

    UNAUTHORIZED = "unauthorized"
    """401."""
    FORBIDDEN = "forbidden"
    """403."""
    BOT_CHECK = "bot-check"
    """A check for people in browsers, in place of the feed."""
    FIREWALL = "firewall"
    """A service in front of the site refuses the request."""
    CONSENT_PAGE = "consent-page"
    """A page that asks for consent, in place of the feed."""
    LOGIN_PAGE = "login-page"
    PARKED_DOMAIN = "parked-domain"
    DEFAULT_PAGE = "default-page"
    """The page of a web server without a site."""
    SUSPENDED = "suspended"
    """The page of a provider that has suspended the site."""
    MAINTENANCE = "maintenance"
    NOT_FOUND = "not-found"
    """404."""
    REMOVED = "gone"
    """410."""
    THROTTLED = "throttled"
    """429."""
    SERVER_ERROR = "server-error"
    """5xx."""
    HTTP_ERROR = "http-error"
    """Another status without a document."""
    TIMEOUT = "timeout"
    UNKNOWN_HOST = "unknown-host"
    NO_NAME_SERVER = "no-name-server"
    REFUSED = "refused"
    """No program listens at the port."""
    UNREACHABLE = "unreachable"
    """No way to the host, or a connection that ended before an answer."""
    PROXY = "proxy"
    """The proxy in config.yaml failed, or refused the server."""
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NAME = "certificate-name"
    """The certificate is for another host."""
    CERTIFICATE = "certificate"
    """A certificate that nobody vouches for, or that is revoked or not valid yet."""
    TLS = "tls"
    REDIRECTS = "redirects"
    NOT_PUBLIC = "not-public"
    """An address or a port that is refused (`network.allow`)."""
    BAD_ADDRESS = "bad-address"
    FILE = "file"
    """A file beside config.yaml that can't be read."""
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    BROKEN = "broken"
    """An answer that is cut short, damaged, or against the protocol."""
    WEB_PAGE = "web-page"
    NOT_A_FEED = "not-a-feed"
    PAGE_CHANGED = "page-changed"
    """A page without the posts that `select` in config.yaml promises."""
    UNREADABLE = "unreadable"
    """A document that takes too much time or memory, or meets a fault of this program."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a poll failed.

    Attributes:
        status: HTTP status, None without an answer.
        named_feed: Address of the feed that a web page in place of the feed names, masked.
        service: Name of the service or program whose page stands in place of the feed.
    """

    kind: FailureKind
    status: int | None = None
    named_feed: str | None = None
    service: str | None = None


_KINDS = {
    401: FailureKind.UNAUTHORIZED,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NOT_FOUND,
    410: FailureKind.REMOVED,
    429: FailureKind.THROTTLED,
}
_EMPTY = frozenset({204, 205})


def kind_of_status(status: int) -> FailureKind:
    """Return the kind of an answer without a document."""
    if status in _EMPTY:
        return FailureKind.EMPTY
    if 500 <= status <= 599:
        return FailureKind.SERVER_ERROR
    return _KINDS.get(status, FailureKind.HTTP_ERROR)
