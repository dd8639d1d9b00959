"""Two files of different contents on one database, noticed by the process that is not followed."""

import asyncio
import hashlib
import logging
import socket

from aggregator.config import Config
from aggregator.database import Connection
from aggregator.database.state import write_followed_file
from aggregator.database.state.write_followed_file import FollowedFile

from .present_poller import PresentPoller

log = logging.getLogger(__name__)

INTERVAL = 60
"""Seconds between two looks; a file that is being brought to all machines differs for a while."""


def followed_file_of(config: Config) -> FollowedFile:
    """Return place and digest of a configuration; feeds of OPML lists are not part of it."""
    contents = (
        [feed for feed in config.feeds if feed.opml_list is None],
        [opml_list.known_address for opml_list in config.opml_lists],
        config.listing_rules,
        config.stories.on,
    )
    digest = hashlib.blake2b(repr(contents).encode("utf-8", "replace"), digest_size=16)
    return FollowedFile(f"{socket.gethostname()}:{config.path.absolute()}", digest.hexdigest())


def note(connection: Connection, config: Config) -> None:
    """Write that the database follows a configuration."""
    write_followed_file.note_followed_file(connection, followed_file_of(config))


class OtherFileWatch:
    """Compares the file of this process with the followed file."""

    def __init__(self, present: PresentPoller) -> None:
        self._present = present
        self._digested: tuple[Config, FollowedFile] | None = None
        self._former_file: FollowedFile | None = None
        self._is_logged = False

    async def look(self, config: Config) -> None:
        """Log once that the database follows another file, if that is so at two looks.

        Args:
            config: The present configuration of this process.
        """
        followed = await self._present.transact(write_followed_file.followed_file)
        own_file = await self._file_of(config)
        if followed is None or followed.digest == own_file.digest:
            self._former_file, self._is_logged = None, False
            return
        if followed == self._former_file and not self._is_logged:
            self._is_logged = True
            log.warning(
                "%s: the database follows another file, %s, whose feeds, rules or views differ; "
                "bring the same file to all machines: the one that is saved last is followed",
                config.path,
                followed.place,
            )
        self._former_file = followed

    async def _file_of(self, config: Config) -> FollowedFile:
        """Return the digest of a configuration, made once: 100,000 feeds take a while."""
        if self._digested is None or self._digested[0] is not config:
            self._digested = config, await asyncio.to_thread(followed_file_of, config)
        return self._digested[1]
