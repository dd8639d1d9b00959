"""Every error that the program raises on purpose.  Pure; imports nothing of ours.

AggregatorError
├── ConfigError        the file is missing or wrong: all its problems, exit status 2
├── DatabaseError      the database can't be opened, is newer than the program, or stays locked
│   └── DeadlineError  a statement for a web client took too long
├── OutputError        standard output can't be written any more
├── OpmlError          a subscription list can't be read
├── UsageError         a command names something that does not exist
├── NoWorkerError      this machine can't start a process to read documents
└── FeedError          the poll of one feed failed: recorded on the feed, other feeds go on
    ├── FetchError     no usable response from the network, or no readable file
    └── ParseError     a document that is not a feed, or that could not be read in time
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any


class AggregatorError(Exception):
    """A foreseen error; `str()` is one line that says what to do."""


class ConfigError(AggregatorError):
    """The configuration can't be used.

    Attributes:
        problems: One line each, `config.yaml:12:5: feeds[3].interval: what is wrong`.
        stamps: Of the files beside the configuration that were read, by path, and of patterns of
            paths; None for a missing file.  A change of a file may solve a problem.
    """

    def __init__(
        self,
        problems: Sequence[str],
        stamps: Mapping[Any, tuple[int, ...] | None] | None = None,
    ) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.stamps: Mapping[Any, tuple[int, ...] | None] = dict(stamps or {})


class DatabaseError(AggregatorError):
    """The database can't be used; no data was changed."""


class DeadlineError(DatabaseError):
    """A statement for a web client exceeded its deadline; its transaction goes on."""


class OutputError(AggregatorError):
    """Standard output can't be written any more.

    Attributes:
        closed: The reader of the output has closed it, as in `| head`.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output: {error.strerror}; not all of it was written")
        self.closed = isinstance(error, BrokenPipeError)


class OpmlError(AggregatorError):
    """The document is not a readable subscription list."""


class UsageError(AggregatorError):
    """A command names something that does not exist, such as an unknown feed."""


class NoWorkerError(AggregatorError):
    """This machine can't start a process to read a document, whatever the document."""


class FeedError(AggregatorError):
    """One feed's poll failed: recorded on the feed, the other feeds go on.

    Attributes:
        kind: Value of a `model.FailureKind`.
        named_feed: Address of the feed that a web page in place of the feed names, masked.
        service: Name of the service or program whose page stands in place of the feed.
    """

    def __init__(
        self,
        feed_url: str,
        reason: str,
        kind: str = "unreadable",
        named_feed: str | None = None,
        service: str | None = None,
    ) -> None:
        super().__init__(f"{feed_url}: {reason}")
        self.feed_url = feed_url
        self.reason = reason
        self.kind = kind
        self.named_feed = named_feed
        self.service = service

    def __reduce__(self) -> tuple[type["FeedError"], tuple[str, str, str, str | None, str | None]]:
        """Pickle the arguments: worker processes return errors."""
        arguments = (self.feed_url, self.reason, self.kind, self.named_feed, self.service)
        return type(self), arguments


class FetchError(FeedError):
    """No usable response.

    Attributes:
        status: HTTP status of the response, None without a response.
        retry_after: The pause that the server asked for, None if it asked for none.
        size: Bytes of the body that were received before the failure.
        redirected: The response came from the target of a redirect.
        unreachable: No server was reached; the network of this machine may have failed.
    """

    def __init__(
        self,
        feed_url: str,
        reason: str,
        kind: str = "broken",
        *,
        status: int | None = None,
        retry_after: timedelta | None = None,
        size: int = 0,
        redirected: bool = False,
        unreachable: bool = False,
        service: str | None = None,
    ) -> None:
        super().__init__(feed_url, reason, kind, service=service)
        self.status = status
        self.retry_after = retry_after
        self.size = size
        self.redirected = redirected
        self.unreachable = unreachable


class ParseError(FeedError):
    """The document is not a feed, or took too much time or memory to read."""
