"""The pictures of stored entries: chosen, fetched a few at a time, stored, forgotten.

Everything that is still to be done is in the database, so a stop or a kill costs nothing but the
requests under way.  No transaction is open during a request.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Self

from aggregator import urls
from aggregator.database import Connection, DBAPIError, Transact, database_time
from aggregator.database.pictures import read_pictures, write_choices, write_pictures
from aggregator.model import DuePicture, FetchedPicture, PictureMode
from aggregator.pictures.picture_choice import chosen_pictures
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll.picture_fetcher import AT_ONCE, PictureFetcher, PictureSettings
from aggregator.poll.poll_clock import PollClock

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=5)
"""For which a process has a picture to itself; longer than waiting, request and worker take."""

_CHOSEN_AT_ONCE = 50  # entries in a transaction
_STEP = 1.0  # seconds between two transactions while requests are under way
_DELETED_AT_ONCE = 500


class PictureStage:
    """Fetches the pictures of stored entries.  Use with `async with`.

    Args:
        transact: Runs a function in one transaction that may write.
    """

    def __init__(
        self,
        settings: PictureSettings,
        fetcher: PictureFetcher,
        transact: Transact,
        clock: PollClock,
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._files = PictureFiles(settings.folder)
        self._transact = transact
        self._clock = clock

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._fetcher.__aexit__(None, None, None)

    async def work(self, is_stopping: Callable[[], bool]) -> None:
        """Choose and fetch pictures until none is due, or until `is_stopping`.

        What was fetched by then is stored.
        """
        running: dict[asyncio.Task[FetchedPicture], DuePicture] = {}
        outcomes: list[FetchedPicture] = []
        try:
            while not is_stopping():
                busy_sites = [due.site for due in running.values()]
                claimed, has_unchosen = await self._step(outcomes, busy_sites)
                running |= {asyncio.create_task(self._fetcher.fetch(due)): due for due in claimed}
                outcomes = []
                if running:
                    ended, _ = await asyncio.wait(running, timeout=_STEP)
                    outcomes = [_outcome(task, running.pop(task)) for task in ended]
                elif not has_unchosen:
                    return
            if outcomes:
                now = self._clock.now()
                await self._transact(
                    partial(write_pictures.store_outcomes, outcomes=outcomes, now=now)
                )
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _step(
        self, outcomes: Sequence[FetchedPicture], busy_sites: Sequence[str]
    ) -> tuple[list[DuePicture], bool]:
        """Store outcomes, choose pictures of a few entries, and claim the next pictures.

        Returns:
            The claimed pictures, and whether there are further entries to choose pictures of.
        """

        waiting_sites = self._fetcher.waiting_sites()

        def step(connection: Connection) -> tuple[list[DuePicture], bool, list[str]]:
            now = self._clock.now()
            write_pictures.store_outcomes(connection, outcomes, now=now)
            doomed: list[str] = []
            if outcomes:
                doomed = write_pictures.evict(connection, max_size=self._settings.max_stored)
            for entry in write_choices.unchosen_entries(connection, _CHOSEN_AT_ONCE):
                whole_text = entry.mode is PictureMode.ALL
                choice = chosen_pictures(
                    entry.image, entry.enclosures, entry.html, whole_text=whole_text
                )
                write_choices.store_choice(connection, entry, choice, now)
            claimed = write_pictures.claim_due(
                connection,
                now=now,
                until=now + CLAIM,
                limit=AT_ONCE - len(busy_sites),
                busy=[site for site in busy_sites if site],
                waiting=waiting_sites,
                max_size=self._settings.max_stored,
            )
            return claimed, write_choices.has_unchosen(connection), doomed

        claimed, has_unchosen, doomed = await self._transact(step)
        if doomed:
            await asyncio.to_thread(self._files.delete, doomed)
        return claimed, has_unchosen


def _outcome(task: asyncio.Task[FetchedPicture], due: DuePicture) -> FetchedPicture:
    """Return what became of a picture; a fault of ours costs one picture.

    Raises:
        DBAPIError: The database refused something.
    """
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, DBAPIError):
        raise error
    log.error("%s: could not be fetched", urls.masked(due.url), exc_info=error)
    return FetchedPicture(due, failure="could not be fetched; the log says why")


async def forget_pictures(
    transact: Transact, files: PictureFiles, *, max_stored: int | None = None
) -> None:
    """Delete the pictures that no entry has, and whatever else lies in their folder.

    A picture whose files are missing is fetched again, and so is one that had to make room for
    newer ones where there is room again.

    Args:
        max_stored: Bytes of all files together, of which config.yaml may allow less or more than
            before; None for no limit.
    """
    deleted = _DELETED_AT_ONCE
    while deleted == _DELETED_AT_ONCE:
        deleted, unused = await transact(
            lambda connection: write_pictures.delete_unused(connection, limit=_DELETED_AT_ONCE)
        )
        await asyncio.to_thread(files.delete, unused)
        if deleted:
            log.info("retention: %d pictures deleted", deleted)
    if max_stored is not None:
        await _fill(transact, files, max_stored)
    stored = await transact(read_pictures.file_keys)  # first: files are written before rows
    present = await asyncio.to_thread(files.keys)
    if missing := stored - present:
        log.warning("pictures: %d files are missing; they are fetched again", len(missing))
        await transact(
            lambda connection: write_pictures.fetch_again(
                connection, missing, now=database_time(connection)
            )
        )
    await asyncio.to_thread(files.delete_others, stored)


async def _fill(transact: Transact, files: PictureFiles, max_stored: int) -> None:
    """Delete the oldest pictures beyond the limit, or have some fetched that made room before."""
    evict = partial(write_pictures.evict, max_size=max_stored)
    while doomed := await transact(evict):
        await asyncio.to_thread(files.delete, doomed)

    def readmit(connection: Connection) -> int:
        return write_pictures.readmit(
            connection, max_size=max_stored, now=database_time(connection)
        )

    if count := await transact(readmit):
        log.info("pictures: there is room for %d again; they are fetched", count)
