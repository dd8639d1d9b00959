"""config.yaml -> Config, or every problem in it with line and column; and new feeds into it.

    text -> document (values with places) -> schema (types, bounds) -> feeds (names) -> Config

`values` says what a person may write for each kind of value, docs/config.md says it to people.
"""

from aggregator.config.appending import Appended, append, has_feed
from aggregator.config.atomic_write import clear_leftovers, write
from aggregator.config.file import load, parse, reached_at_port, read, stamp_of
from aggregator.config.options import (
    Config,
    HostOptions,
    NetworkOptions,
    PollOptions,
    PublishOptions,
    RetentionOptions,
    StoriesOptions,
    WebOptions,
    WebSubOptions,
)
from aggregator.config.remarks import notes

__all__ = [
    "Appended",
    "Config",
    "HostOptions",
    "NetworkOptions",
    "PollOptions",
    "PublishOptions",
    "RetentionOptions",
    "StoriesOptions",
    "WebOptions",
    "WebSubOptions",
    "append",
    "clear_leftovers",
    "has_feed",
    "load",
    "notes",
    "parse",
    "reached_at_port",
    "read",
    "stamp_of",
    "write",
]
