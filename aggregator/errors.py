"""Every error that the program raises on purpose.  Pure; imports nothing of ours.

AggregatorError
├── ConfigError        the file is missing or wrong: all its problems, exit status 2
├── DatabaseError      it can't be opened, is newer than the program, or stays locked
│   └── DeadlineError  a statement that answers a client took too long
├── OutputError        standard output can't be written any more
├── OpmlError          a subscription list that can't be read
├── UsageError         a command asks for something that is not there
└── FeedError          one feed's poll failed: recorded on the feed, the others go on
    ├── FetchError     no usable answer from the network (or the file)
    └── ParseError     an answer that is not a feed, or that could not be read in time
"""

from collections.abc import Sequence
from datetime import timedelta


class AggregatorError(Exception):
    """Something foreseen went wrong; `str()` is one line that says what to do."""


class ConfigError(AggregatorError):
    """The configuration can't be used.

    Attributes:
        problems: One line each, `config.yaml:12:5: feeds[3].interval: what is wrong`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DatabaseError(AggregatorError):
    """The database can't be used as it is; nothing in it was changed."""


class DeadlineError(DatabaseError):
    """A statement that answers a client took longer than it may; its transaction goes on."""


class OutputError(AggregatorError):
    """Standard output can't be written any more.

    Attributes:
        closed: Nobody reads it any more, as behind `| head`.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output: {error.strerror}; not all of it was written")
        self.closed = isinstance(error, BrokenPipeError)


class OpmlError(AggregatorError):
    """The document is not a subscription list that can be read."""


class UsageError(AggregatorError):
    """A command names something that does not exist, such as an unknown feed."""


class FeedError(AggregatorError):
    """One feed's poll failed: recorded on the feed, the other feeds go on."""

    def __init__(self, feed_url: str, reason: str) -> None:
        super().__init__(f"{feed_url}: {reason}")
        self.feed_url = feed_url
        self.reason = reason

    def __reduce__(self) -> tuple[type["FeedError"], tuple[str, str]]:
        """Pickle by the arguments: a worker process hands its errors back."""
        return type(self), (self.feed_url, self.reason)


class FetchError(FeedError):
    """No usable answer.

    Attributes:
        status: HTTP status of the answer, None if there was none.
        retry_after: How long the server asked us to stay away, None if it did not.
        size: Bytes of the body that were received before the failure.
        redirected: The answer came from an address that a redirect led to.
        unreachable: No server was reached, and it may be this machine's own network that failed.
    """

    def __init__(
        self,
        feed_url: str,
        reason: str,
        *,
        status: int | None = None,
        retry_after: timedelta | None = None,
        size: int = 0,
        redirected: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(feed_url, reason)
        self.status = status
        self.retry_after = retry_after
        self.size = size
        self.redirected = redirected
        self.unreachable = unreachable


class ParseError(FeedError):
    """The document is not a feed, or reading it took too much time or memory."""
