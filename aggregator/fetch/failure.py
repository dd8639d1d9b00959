"""How a fetch ends inside this package, before `client` adds the feed's URL to it.  Pure."""

from datetime import timedelta


class Failure(Exception):  # noqa: N818 - an ending, not a defect; becomes a FetchError
    """The fetch ended without a usable answer, for a reason in plain words."""

    def __init__(
        self, reason: str, *, retry_after: timedelta | None = None, unreachable: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.unreachable = unreachable


class Refused(OSError):  # noqa: N818 - the same
    """The guard's no, raised where the socket would be made.

    An OSError, because that is what connecting may end with in everyone's eyes.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
