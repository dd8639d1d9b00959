"""How a fetch fails inside this package; `fetcher` adds the feed's URL.  Pure.

The reasons that several modules give are here.
"""

from datetime import timedelta

from aggregator.model import FailureKind, Proxy

CUT_SHORT = "the answer was cut short"
HEAD_TOO_LARGE = "the answer's headers are too large"
NOT_HTTP = "not an HTTP answer"


class FetchFailure(Exception):  # noqa: N818 - an outcome, not a defect; becomes a FetchError
    """A fetch ended without a usable response.

    Attributes:
        reason: In plain words, shown to people.
        retry_after: How long the server asked to be left alone; None if it did not say.
        unreachable: The network of this machine may be at fault instead of the server.
        service: As of `FeedError`.
    """

    def __init__(
        self,
        reason: str,
        kind: FailureKind = FailureKind.BROKEN,
        *,
        retry_after: timedelta | None = None,
        unreachable: bool = False,
        service: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.retry_after = retry_after
        self.unreachable = unreachable
        self.service = service


def too_large(max_size: int) -> FetchFailure:
    """Return the failure of a body of more than `max_size` bytes."""
    size = f"{max_size / 1e6:g} MB" if max_size >= 1e6 else f"{max_size / 1e3:g} kB"
    return FetchFailure(f"too large (limit {size})", FailureKind.TOO_LARGE)


def proxy_failure(proxy: Proxy, predicate: str, *, unreachable: bool = False) -> FetchFailure:
    """Return the failure of a proxy.

    Args:
        predicate: What the proxy did, as the end of a sentence.
        unreachable: As of `FetchFailure`.
    """
    reason = f"the proxy {proxy.name} {predicate}"
    return FetchFailure(reason, FailureKind.PROXY, unreachable=unreachable)


def login_failure(proxy: Proxy) -> FetchFailure:
    """Return the failure of a proxy that wants a user and password, or others."""
    refusal = "refuses the" if proxy.user else "asks for a"
    return proxy_failure(proxy, f"{refusal} user and password")


class AddressRefusedError(OSError):
    """The guard refused an address; raised where the socket would be made.

    An OSError, as aiohttp expects of a failed connection.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
