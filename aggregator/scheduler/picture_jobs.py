"""The pictures of entries, while polls go on: fetched by a job, deleted with their entries."""

from collections.abc import Callable

from aggregator.database import Transact
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll import PollerFactory, PollSettings
from aggregator.poll.picture_stage import PictureStage, forget_pictures


class PictureJobs:
    """Keeps the stage that fetches pictures, as long as config.yaml asks for pictures.

    Args:
        transact: Runs a function in one transaction that may write.
    """

    def __init__(self, pollers: PollerFactory, transact: Transact) -> None:
        self._pollers = pollers
        self._transact = transact
        self._stage: PictureStage | None = None
        self._settings: PollSettings | None = None

    async def fetch(
        self, settings_now: Callable[[], PollSettings], is_stopping: Callable[[], bool]
    ) -> None:
        """Fetch the pictures that are due, until `is_stopping` or until the settings change.

        Args:
            settings_now: Returns the present settings.
        """
        settings = settings_now()
        if settings != self._settings:
            await self.close()
            self._settings = settings
        if settings.pictures is None:
            return
        if self._stage is None:
            stage = self._pollers.picture_stage(settings, settings.pictures, self._transact)
            self._stage = await stage.__aenter__()
        await self._stage.work(lambda: is_stopping() or settings_now() is not settings)

    async def retain(self, files: PictureFiles, settings: PollSettings) -> None:
        """Delete the pictures that no entry has any more, and those beyond the limit."""
        pictures = settings.pictures
        max_stored = None if pictures is None else pictures.max_stored
        await forget_pictures(self._transact, files, max_stored=max_stored)

    async def close(self) -> None:
        """End the worker process and the connections."""
        if self._stage is not None:
            stage, self._stage = self._stage, None
            await stage.__aexit__(None, None, None)
