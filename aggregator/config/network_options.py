"""The keys of `network`, `hosts` and `request`: types, defaults and bounds."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, PlainValidator

from aggregator.config import address_parsers, option_readers
from aggregator.config.header_parsers import header_fields, header_value
from aggregator.config.option_readers import (
    SECTION,
    AllowedAddresses,
    parsed_or_none,
    whole_number,
)
from aggregator.model import Proxy

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Which private addresses may be polled, and the way to all servers.

    Attributes:
        allow: IP addresses, networks and host names in lower case, each with `:port` or for any
            port.
        proxy: Of all requests without a nearer proxy; None for direct requests.
    """

    __pydantic_config__ = _STRICT

    allow: AllowedAddresses = ()
    proxy: Annotated[Proxy | None, parsed_or_none(address_parsers.network_proxy)] = None


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a feed, or each feed of a host, is requested; see `FeedRequest`.

    Attributes:
        proxy: None for the proxy of a wider section.
    """

    __pydantic_config__ = _STRICT

    headers: Annotated[tuple[tuple[str, str], ...], PlainValidator(header_fields)] = field(
        default=(), repr=False
    )
    user_agent: Annotated[str | None, parsed_or_none(header_value)] = None
    proxy: Annotated[Proxy | None, parsed_or_none(address_parsers.proxy)] = None


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
