"""Polls of the OPML lists of config.yaml."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from aggregator import urls
from aggregator.config import Config, OpmlList, is_allowed
from aggregator.database import Connection, database_time
from aggregator.database.feeds.write_leases import LEASE
from aggregator.database.opml_lists import read_opml_lists, write_opml_lists
from aggregator.model import DueOpmlList, OpmlPoll
from aggregator.poll import Poller
from aggregator.poll.opml_poll import poll_opml_list

log = logging.getLogger(__name__)


async def poll_opml_lists(
    poller: Poller,
    config: Config,
    *,
    owner: str,
    addresses: Collection[str] | None = None,
    only_due: bool = True,
) -> list[OpmlPoll]:
    """Poll lists without a lease of another process; store and log the polls.

    Called within `leases.held_leases`, which gives leases back after a cancellation.

    Args:
        owner: Name of the present process.
        addresses: Known addresses, at a person's request; None: all lists.
        only_due: Only due lists.
    """
    lists = {opml_list.known_address: opml_list for opml_list in config.opml_lists}
    requested = lists.keys() if addresses is None else lists.keys() & set(addresses)
    if not requested:
        return []

    def lease(connection: Connection) -> list[DueOpmlList]:
        now = database_time(connection)
        return write_opml_lists.lease_lists(
            connection,
            owner=owner,
            now=now,
            until=now + config.poll.timeout + LEASE,
            addresses=requested,
            only_due=only_due,
            also_gone=addresses is not None,
        )

    async def poll(due: DueOpmlList) -> OpmlPoll:
        opml_list = lists[due.address]
        result = await poll_opml_list(
            poller,
            due,
            opml_list.address,
            interval=opml_list.options.interval or config.poll.interval,
            now=poller.now(),
            is_requested=addresses is not None,
        )
        await poller.transact(partial(write_opml_lists.record, poll=result, owner=owner))
        _log(result, opml_list, config)
        return result

    tasks = [asyncio.create_task(poll(due)) for due in await poller.transact(lease)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:  # after the error of one poll, the others end before the poller does
        await asyncio.gather(*tasks, return_exceptions=True)


def _log(poll: OpmlPoll, opml_list: OpmlList, config: Config) -> None:
    name = urls.masked(opml_list.known_address)
    for note in poll.notes:
        log.log(logging.DEBUG if poll.outlines is None else logging.WARNING, "%s: %s", name, note)
    if poll.failure is not None:
        at = poll.next_poll.at
        next_poll = "no next poll" if at is None else f"next poll {at:%Y-%m-%d %H:%M} UTC"
        level = logging.DEBUG if poll.is_offline else logging.WARNING
        log.log(level, "%s: %s; its feeds stay as they are; %s", name, poll.failure, next_poll)
    elif poll.outlines is not None:
        log.info("%s: feeds in the list: %d", name, len(poll.outlines))
        refused = sum(not is_allowed(outline, opml_list, config) for outline in poll.outlines)
        if refused:
            log.warning(
                "%s: feeds left out, as the list may not name them: %d "
                "(private addresses, or feeds without a title in a private list)",
                name,
                refused,
            )
    else:
        log.debug("%s: unchanged", name)


class OpmlListFollower:
    """Polls the lists of a running scheduler, and follows lists that any process has read.

    Args:
        owner: Name of the present process.
        poller: Returns the present poller.
        config: Returns the present configuration.
        use: Makes scheduler and database follow the configuration, with lists.
    """

    def __init__(
        self,
        owner: str,
        *,
        poller: Callable[[], Poller],
        config: Callable[[], Config],
        use: Callable[[], Awaitable[None]],
    ) -> None:
        self._owner, self._poller, self._config, self._use = owner, poller, config, use
        self._polling: asyncio.Task[list[OpmlPoll]] | None = None
        self.versions: dict[str, int] = {}

    @property
    def under_way(self) -> list[asyncio.Task[list[OpmlPoll]]]:
        """The polls under way, which need their poller until they end."""
        return [] if self._polling is None or self._polling.done() else [self._polling]

    async def follow(self) -> None:
        """Poll due lists; then take over lists with other feeds.

        Lists of a config.yaml that only another process has read so far are left to that process.
        """
        config = self._config()
        if not config.opml_lists:
            return
        polls = poll_opml_lists(self._poller(), config, owner=self._owner)
        self._polling = asyncio.create_task(polls)
        await self._polling
        versions = await self._poller().transact(read_opml_lists.versions)
        addresses = {opml_list.known_address for opml_list in self._config().opml_lists}
        if any(versions[key] != self.versions.get(key) for key in addresses & versions.keys()):
            await self._use()
