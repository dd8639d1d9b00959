"""One fetch from a test, with 127.0.0.1 allowed."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.model import Fetched, Validators

LIMITS = dict.fromkeys(("timeout", "connect_timeout", "read_timeout"), 60)
AGENT = "reader/1.0 (+https://reader.example/about)"


def settings(**changes: Any) -> FetchSettings:
    """Return settings for loopback; numbers stand for seconds where a time is asked for.

    The limits are long: on a busy machine an answer of this machine may take seconds.
    """
    values: dict[str, Any] = {"allow": ("127.0.0.1",), **LIMITS, **changes}
    values.setdefault("proxy_allow", values["allow"])
    for name in ("timeout", "connect_timeout", "read_timeout"):
        if name in values:
            values[name] = timedelta(seconds=values[name])
    return FetchSettings(AGENT, **values)


def fetch(
    url: str,
    validators: Validators | None = None,
    *,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **changes: Any,
) -> Fetched:
    async def run() -> Fetched:
        async with Fetcher(settings(**changes)) as fetcher:
            if validators is None:
                return await fetcher.fetch(url)
            return await fetcher.fetch(url, validators)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


def failure(url: str, validators: Validators | None = None, **changes: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(url, validators, **changes)
    return caught.value


def reason(url: str, **changes: Any) -> str:
    return failure(url, **changes).reason
