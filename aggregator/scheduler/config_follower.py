"""config.yaml, read again and followed while polls go on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from aggregator.config import Config, Stamp, Watched, load, present_stamps, save_times
from aggregator.database.feeds import write_subscriptions
from aggregator.errors import ConfigError
from aggregator.poll import PollSettings
from aggregator.runtime import service_manager
from aggregator.runtime.daemon_thread import in_daemon_thread

from . import config_sync
from .config_changes import config_changes, keys_for_restart
from .config_sync import FollowedConfig
from .poll_options import poll_settings
from .present_poller import PresentPoller

log = logging.getLogger(__name__)

_REPLACED_WITHIN = 0.5  # seconds between an editor's taking a file away and its putting one there

Apply = Callable[[FollowedConfig, PollSettings], Awaitable[None]]


class ConfigFollower:
    """Reads config.yaml again after each change, and makes database and process follow.

    Args:
        config: With which the database agrees already.
        amend: Puts the options of the command line into a configuration that is read again.
        apply: Makes the process follow, too.
        is_stopping: Once true, the database stays unchanged.

    Attributes:
        config: The present configuration.
        is_switching: The database follows a configuration that the poller does not follow yet.
    """

    def __init__(
        self,
        config: Config,
        present: PresentPoller,
        *,
        amend: Callable[[Config], Config],
        apply: Apply,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.config = self._started_with = config
        self._present = present
        self._amend, self._apply, self._is_stopping = amend, apply, is_stopping
        self._stamps: Mapping[Watched, Stamp | None] = {config.path: None, **config.stamps}
        self._reload_requests = self._answered_requests = 0  # counted, so that none is forgotten
        self._taking_over = asyncio.Lock()
        self.is_switching = False

    def reload_now(self) -> None:
        """Read config.yaml again at the next occasion, changed or not (SIGHUP)."""
        self._reload_requests += 1

    async def reload(self) -> None:
        """Take over what changed in config.yaml; a broken or missing file changes nothing."""
        request_count = self._reload_requests
        stamps = await self._present_stamps()
        if stamps != self._stamps or request_count != self._answered_requests:
            with service_manager.reloading():
                async with self._taking_over:
                    await self._read_again(stamps, request_count)

    async def follow_opml_lists(self) -> None:
        """Take over OPML lists with other feeds."""
        async with self._taking_over:
            if changes := await self._use(self.config):
                log.info("feeds of OPML lists: %s", changes)

    async def _read_again(self, stamps: Mapping[Watched, Stamp | None], request_count: int) -> None:
        """Read config.yaml again.

        Args:
            stamps: Of the files at this moment.
            request_count: Requests to read the file (SIGHUP) until now.
        """
        config_path = self.config.path
        try:
            config = await in_daemon_thread(partial(self._read, config_path))
        except ConfigError as error:
            for problem in error.problems:
                log.error("%s", problem)
            log.error("%s: not loaded; still using the last valid version", config_path)
            problem = error.problems[0].replace(str(config_path), config_path.name, 1)
            await self._present.transact(
                partial(write_subscriptions.note_config_problem, problem=problem)
            )
            beside = error.stamps
        else:
            former_config = self.config
            changes = await self._use(config)
            # Some file systems give a file another inode each time, though it was not saved.
            is_saved = save_times(stamps) != save_times(self._stamps)
            is_news = is_saved or request_count != self._answered_requests or changes
            level = logging.INFO if is_news or self.config != former_config else logging.DEBUG
            log.log(level, "%s: reloaded: %s", config_path, changes or "no feed changed")
            for key in keys_for_restart(self._started_with, config):
                log.warning("%s: `%s` takes effect after a restart", config_path, key)
            beside = config.stamps
        # Only now: a change that the database refused is tried again.
        self._stamps = {**beside, config_path: stamps[config_path]}
        self._answered_requests = request_count

    async def _present_stamps(self) -> Mapping[Watched, Stamp | None]:
        """Return the stamps of config.yaml and of the files beside it that were read."""
        stamps = present_stamps(self._stamps)
        if any(stamps[path] is None and stamp for path, stamp in self._stamps.items()):
            await asyncio.sleep(_REPLACED_WITHIN)
            stamps = present_stamps(self._stamps)
        return stamps

    async def _use(self, config: Config) -> str:
        """Poll by a configuration from now on, in the database, too; return the changes in words.

        Args:
            config: With or without the feeds of its OPML lists, which are taken from the database.
        """
        self.is_switching = True
        try:
            followed = await self._present.transact(
                partial(config_sync.follow, config=config), is_stopping=self._is_stopping
            )
            settings = await in_daemon_thread(partial(self._settings_of, followed.config))
            changes = config_changes(followed.changes, self.config, followed.config)
            self.config = followed.config
            await self._apply(followed, settings)
        finally:
            self.is_switching = False
        return changes

    def _read(self, path: Path) -> Config:
        """Read the file; 100,000 feeds take too long for the event loop, and for a stop."""
        with config_sync.uncollected():
            return self._amend(load(path))

    def _settings_of(self, config: Config) -> PollSettings:
        return poll_settings(replace(config, database=self._started_with.database))
