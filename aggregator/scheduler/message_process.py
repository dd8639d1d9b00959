"""Messages sent by a process of their own, which outlives the death of the scheduler.

A message must be neither lost nor doubled where the scheduler is killed between the answer of a
service and the next transaction, so the sending process stores the result itself.  Only the death
of the sending process, in milliseconds, may double a message.  Apprise, and its memory, stay out of
the scheduler.

    python -m aggregator.scheduler.message_process < batch
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from aggregator.database import Engine, open_database
from aggregator.database.notifications import write_notifications
from aggregator.database.notifications.write_notifications import TakenTarget
from aggregator.database.writer import run_after_reading
from aggregator.model.notification_targets import NewsKind
from aggregator.notifications import apprise_services
from aggregator.notifications.apprise_services import NotSentError
from aggregator.notifications.message_text import Message
from aggregator.runtime import process_identity

RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440))
"""Before each further attempt of a message; the last one before all attempts that follow."""

_CONCURRENT = 8


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message of a target that this process has taken.

    Attributes:
        address: Of the service; a secret.
        position: Of the last episode in the message.
    """

    target: TakenTarget
    address: str
    message: Message
    position: int


def start(database: str, owner: str, messages: Sequence[DueMessage]) -> "subprocess.Popen[bytes]":
    """Start a process that sends messages; return when the process has them.

    Args:
        database: URL.
        owner: Name of the process that has taken the targets.
    """
    batch = {"database": database, "owner": owner, "messages": [asdict(item) for item in messages]}
    process = subprocess.Popen(  # noqa: S603 - nothing of a feed is in the command
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        start_new_session=True,  # neither Ctrl-C nor the end of a terminal reaches it
    )
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it has ended: the messages stay due
            process.stdin.write(json.dumps(batch).encode())  # by a pipe: addresses are secrets
            process.stdin.close()
    return process


def send_messages(
    engine: Engine,
    owner: str,
    messages: Sequence[DueMessage],
    *,
    retry_waits: Sequence[timedelta] = RETRY_WAITS,
) -> None:
    """Send messages, each taken over from `owner` by this process, and store the results."""
    with ThreadPoolExecutor(_CONCURRENT) as pool:
        list(pool.map(partial(_send, engine, owner, retry_waits), messages))


def _send(engine: Engine, owner: str, retry_waits: Sequence[timedelta], due: DueMessage) -> None:
    target = due.target
    take = partial(
        write_notifications.take_over,
        target=target,
        former=owner,
        owner=process_identity.own_name(),
    )
    if not run_after_reading(engine, take):  # the scheduler died, and another one was sooner
        return
    try:
        apprise_services.send(due.address, due.message)
    except NotSentError as error:
        wait = retry_waits[min(target.failures, len(retry_waits) - 1)]
        note = partial(write_notifications.note_failed, target=target, reason=str(error), wait=wait)
    else:
        note = partial(write_notifications.note_sent, target=target, position=due.position)
    run_after_reading(engine, note)


def _message(values: dict[str, Any]) -> DueMessage:
    target = values["target"]
    kind, ids = NewsKind(target["kind"]), tuple(target["entry_ids"])
    return DueMessage(
        TakenTarget(**target | {"kind": kind, "entry_ids": ids}),
        values["address"],
        Message(**values["message"]),
        values["position"],
    )


def _main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a message under way ends within half a minute
    try:
        batch = json.loads(sys.stdin.buffer.read())
    except ValueError:  # the scheduler died while it wrote
        return
    engine = open_database(batch["database"], upgrades=False)
    try:
        send_messages(engine, batch["owner"], list(map(_message, batch["messages"])))
    finally:
        engine.dispose()


if __name__ == "__main__":
    _main()
