"""The keys of `network`, `hosts` and `request`: types, defaults and bounds."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, PlainValidator

from aggregator.config import option_readers
from aggregator.config.header_parsers import header_fields, header_value
from aggregator.config.option_readers import (
    SECTION,
    AllowedAddresses,
    parsed_or_none,
    whole_number,
)

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Which private addresses may be polled.

    Attributes:
        allow: IP addresses, networks and host names in lower case, each with `:port` or for any
            port.
    """

    __pydantic_config__ = _STRICT

    allow: AllowedAddresses = ()


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a feed, or each feed of a host, is requested; see `FeedRequest`."""

    __pydantic_config__ = _STRICT

    headers: Annotated[tuple[tuple[str, str], ...], PlainValidator(header_fields)] = field(
        default=(), repr=False
    )
    user_agent: Annotated[str | None, parsed_or_none(header_value)] = None


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Limits of the requests to a site, and the requests to a host of the site.

    Attributes:
        delay: Pause between two requests; None for `poll.host_delay`.
        concurrency: Most requests at a time.
        request: Of the feeds at the host and below.
    """

    __pydantic_config__ = _STRICT

    delay: Annotated[timedelta | None, parsed_or_none(option_readers.delay)] = None
    concurrency: Annotated[int, whole_number(1, 100)] = 1
    request: Annotated[RequestOptions, SECTION] = RequestOptions()
