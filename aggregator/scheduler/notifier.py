"""The job of messages: due targets are taken, messages sent, results stored."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from aggregator.config import Config
from aggregator.database import Connection, Transact
from aggregator.database.episodes import read_episodes
from aggregator.database.notifications import read_notifications, write_notifications
from aggregator.database.notifications.write_notifications import TakenTarget
from aggregator.database.state import read_overview
from aggregator.merged import Publication
from aggregator.model import ListedEntry, ListKind, ListScope
from aggregator.model.notification_targets import scope_of
from aggregator.notifications.message_text import (
    Message,
    episodes_message,
    most_told,
    posts_message,
)
from aggregator.runtime import process_identity
from aggregator.scheduler import message_process
from aggregator.scheduler.message_process import DueMessage

log = logging.getLogger(__name__)

_LOOK_INTERVAL = 0.1  # seconds
_MAX_EPISODES = 100
_STATUS_PATH = "/status"

Send = Callable[[str, str, Sequence[DueMessage]], Awaitable[None]]
"""Sends messages, by the URL of the database and the name of the taking process."""


@dataclass(frozen=True, slots=True)
class _TakenMessage:
    """A message of a target; None where lists show no queued entry any more.

    Attributes:
        position: Of the last episode in the message.
    """

    target: TakenTarget
    message: Message | None
    position: int


async def send_in_own_process(database: str, owner: str, messages: Sequence[DueMessage]) -> None:
    """Send messages in a process, which goes on where this call is cancelled."""
    process = await asyncio.to_thread(message_process.start, database, owner, messages)
    while process.poll() is None:
        await asyncio.sleep(_LOOK_INTERVAL)


class Notifier:
    """Sends due messages.

    Args:
        owner: Name of this process.
        transact: Runs a function in a transaction with writes.
        config: Returns the configuration in force.
        send: Returns after the results are stored.
    """

    def __init__(
        self,
        owner: str,
        transact: Transact,
        config: Callable[[], Config],
        *,
        send: Send = send_in_own_process,
    ) -> None:
        self._owner = owner
        self._transact = transact
        self._config = config
        self._send = send

    async def work(self) -> None:
        """Send due messages; return after the end of all attempts."""
        config = self._config()
        if not config.notify:
            return
        taken_messages = await self._transact(partial(_take, owner=self._owner, config=config))
        addresses = {target.name: target.address for target in config.targets}
        due_messages = []
        for taken_message in taken_messages:
            target = taken_message.target
            if taken_message.message is None:
                note = partial(
                    write_notifications.note_sent, target=target, position=taken_message.position
                )
                await self._transact(note)
            else:
                due_messages.append(
                    DueMessage(
                        target,
                        addresses[target.name],
                        taken_message.message,
                        taken_message.position,
                    )
                )
        if due_messages:
            await self._send(config.database, self._owner, due_messages)
            await self._log_failures({message.target.name for message in due_messages})

    async def _log_failures(self, names: Collection[str]) -> None:
        for failing in await self._transact(read_notifications.failing_targets):
            if failing.name in names:
                until = "" if failing.retry_at is None else f"{failing.retry_at:%Y-%m-%d %H:%M} UTC"
                log.warning(
                    "notify: %s: not sent: %s; next attempt at %s",
                    failing.name,
                    failing.reason,
                    until,
                )


def _take(connection: Connection, *, owner: str, config: Config) -> list[_TakenMessage]:
    """Take the due targets, with the messages."""
    windows = {target.name: target.every for target in config.targets}
    targets = write_notifications.take_due(
        connection, owner, windows, has_ended=process_identity.has_ended
    )
    return [
        _message_of(connection, target, windows[target.name], Publication.of(config))
        for target in targets
    ]


def _message_of(
    connection: Connection, target: TakenTarget, every: timedelta, publication: Publication
) -> _TakenMessage:
    scope = scope_of(target.kind, target.key)
    if scope is None:
        episodes = read_episodes.since(connection, target.position, limit=_MAX_EPISODES)
        position = max([target.position, *(sourced.episode.position for sourced in episodes)])
        address = f"{publication.base_url}{_STATUS_PATH}"
        message = (
            episodes_message(publication.title, episodes, list_url=address) if episodes else None
        )
        return _TakenMessage(target, message, position)
    ids = read_notifications.shown_ids(connection, scope, target.entry_ids)
    if not ids:
        return _TakenMessage(target, None, target.position)
    entries = read_notifications.told_entries(connection, ids[: most_told(every)])
    message = posts_message(
        _title(connection, scope, entries, publication),
        entries,
        len(ids),
        list_url=publication.list_url(scope),
        every=every,
    )
    return _TakenMessage(target, message, target.position)


def _title(
    connection: Connection,
    scope: ListScope,
    entries: list[ListedEntry],
    publication: Publication,
) -> str:
    """Return the title of a list."""
    if scope.kind is ListKind.SOURCE:
        return entries[0].source.title
    named_list = None
    if scope.kind is not ListKind.ALL:
        named_list = read_overview.named_list(connection, scope)
    return publication.title if named_list is None else named_list.title
