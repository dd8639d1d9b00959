"""Long work in a thread of its own."""

import asyncio

import pytest

from aggregator.runtime.daemon_thread import in_daemon_thread


@pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit(3)])
def test_whoever_awaits_the_result_gets_the_error_of_any_kind(error):
    def work():
        raise error

    async def run():
        async with asyncio.timeout(60):
            await in_daemon_thread(work)

    with pytest.raises(type(error)) as raised:
        asyncio.run(run())
    assert raised.value is error
