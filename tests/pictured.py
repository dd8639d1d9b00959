"""A feed whose entries have pictures, a server with the pictures, and the stage between them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from aggregator.database import DatabaseWriter, Engine
from aggregator.database.feeds import write_polls
from aggregator.database.picture_tables import entry_pictures, pictures
from aggregator.database.pictures import read_pictures
from aggregator.fetch import FetchSettings
from aggregator.model import CleanEntry, PictureMode, StoredPicture, Subscription
from aggregator.pictures.picture_choice import address_hash
from aggregator.pictures.picture_files import PictureFiles
from aggregator.pictures.raster import shrink
from aggregator.poll import PollSettings, recording
from aggregator.poll.picture_fetcher import PictureSettings
from aggregator.poll.poll_clock import PollClock
from tests.feedserver import FeedServer
from tests.pollers import pollers
from tests.worlds import NOW, entry, poll_of, subscribe

GIGABYTE = 10**9

shrunk = lru_cache(50)(shrink)  # many tests have the same pictures


class SetClock(PollClock):
    """A clock whose time of day a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, span: timedelta) -> None:
        self.at += span


def settings_of(folder: Path, **changes: Any) -> PollSettings:
    """Return settings with pictures in `folder`, for pictures on loopback."""
    fetch = FetchSettings("test", allow=("127.0.0.1",), proxy_allow=("127.0.0.1",))
    pictures = PictureSettings(fetch, folder / "pictures", changes.pop("max_stored", GIGABYTE))
    return PollSettings(
        fetch,
        "example.org",
        pictures=pictures,
        **({"host_delay": timedelta(0)} | changes),
    )


class Pictured:
    """A database with one feed on `server`, whose entries have pictures."""

    def __init__(
        self, database: Engine, server: FeedServer, folder: Path, mode: PictureMode
    ) -> None:
        self.database = database
        self.server = server
        self.folder = folder / "pictures"
        self.settings = settings_of(folder)
        self.clock = PollClock()
        self.subscribe(mode)

    def subscribe(self, mode: PictureMode) -> None:
        feed = Subscription("blog", self.server.url("/feed"), name_given=True, pictures=mode)
        subscribe(self.database, feed)

    def store(self, *entries: CleanEntry, now: datetime = NOW) -> None:
        """Store a poll that brought entries."""
        poll = poll_of(self.database, "blog", entries, now=now)
        with self.database.begin() as connection:
            recording.record(connection, [poll], self.settings, now=now)

    def entry(self, number: int, *paths: str, **values: Any) -> CleanEntry:
        """Return an entry whose text has the pictures of some paths."""
        html = "".join(f'<p><img src="{self.server.url(path)}" alt="{path}"></p>' for path in paths)
        return entry(number, **({"content_html": html} | values))

    def fetch(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Let the stage work until nothing is due, or until it is to stop."""

        async def work() -> None:
            writer = DatabaseWriter(self.database)
            factory = pollers(self.database, clock=self.clock)
            assert self.settings.pictures is not None
            stage = factory.picture_stage(self.settings, self.settings.pictures, writer.transact)
            try:
                async with stage:
                    await stage.work(is_stopping)
            finally:
                await factory.close()
                writer.stop()

        asyncio.run(work())

    def paths(self) -> list[str]:
        """Return what the server was asked for."""
        return [request.path for request in self.server.requests]

    def ids(self) -> list[int]:
        """Return the ids of all entries, newest first."""
        return self.rows("SELECT id FROM entries ORDER BY id DESC")

    def leads(self) -> list[StoredPicture | None]:
        """Return the picture that leads each entry, newest first."""
        ids = self.ids()
        with self.database.connect() as connection:
            pictures = read_pictures.lead_pictures(connection, ids)
        return [pictures.get(entry_id) for entry_id in ids]

    def failures(self) -> list[str]:
        """Return why pictures are not there."""
        return self.rows("SELECT failure FROM pictures WHERE failure IS NOT NULL ORDER BY id")

    def files(self) -> Sequence[Path]:
        """Return the files that the folder has."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def rows(self, statement: str) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.exec_driver_sql(statement).scalars())

    def limit(self, max_stored: int) -> None:
        """Have no more than so many bytes of files from now on."""
        assert self.settings.pictures is not None
        pictures = replace(self.settings.pictures, max_stored=max_stored)
        self.settings = replace(self.settings, pictures=pictures)


def add_picture(
    engine: Engine, folder: Path, entry_id: int, url: str, body: bytes, *, position: int = 0
) -> StoredPicture:
    """Give a stored entry a picture, as if fetched from `url`."""
    small = shrunk(body, url)
    key = PictureFiles(folder).store(small.for_post, small.for_list)
    with engine.begin() as connection:
        row = {"address_hash": address_hash(url), "url": url, "site": "", "feed_id": 1}
        row |= {"place": entry_id, "file_key": key, "width": small.width, "height": small.height}
        picture_id = connection.execute(insert(pictures).values(row)).inserted_primary_key[0]
        values = {"entry_id": entry_id, "position": position, "picture_id": picture_id}
        connection.execute(insert(entry_pictures).values(values | {"may_lead": True}))
        write_polls.note_change(connection)
    return StoredPicture(key, small.width, small.height)
