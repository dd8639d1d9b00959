"""What polling needs to know of config.yaml."""

from dataclasses import dataclass
from datetime import timedelta

from aggregator.fetch import FetchSettings


@dataclass(frozen=True, slots=True)
class PollSettings:
    """What polling needs to know of config.yaml.

    Attributes:
        authority: Host that stands in the `tag:` URIs of entries without an id of their own.
        workers: Processes that read documents.
        keep: Entries older than this are not stored, but for the newest `min_entries` of a feed:
            they would only be deleted again, and be new once more when their feed changes.
    """

    fetch: FetchSettings
    authority: str
    concurrency: int = 32
    host_delay: timedelta = timedelta(seconds=5)
    workers: int = 1
    keep: timedelta = timedelta.max
    min_entries: int = 0
