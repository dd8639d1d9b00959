"""What pictures cost: CPU of the worker, bytes of the files, CPU of the database and of a page.

The originals are noise with the detail of photos, so that no encoder has an easy time.
"""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image

from aggregator.config import load
from aggregator.database import Engine, open_database
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.pictures import write_choices, write_pictures
from aggregator.model import FetchedPicture, StoredPicture
from aggregator.pictures.picture_choice import chosen_pictures
from aggregator.pictures.raster import SmallPicture, shrink
from aggregator.poll import recording
from aggregator.scheduler import poll_settings
from bench import publishing

ROUNDS = 5
FEEDS = 10
SIZES = {
    "JPEG, 1,200 x 800": (1200, 800, "JPEG"),
    "JPEG, 4,000 x 3,000": (4000, 3000, "JPEG"),
    "PNG, 1,200 x 800": (1200, 800, "PNG"),
    "WebP, 1,200 x 800": (1200, 800, "WEBP"),
    "AVIF, 1,200 x 800": (1200, 800, "AVIF"),
}


@dataclass(frozen=True)
class PictureCost:
    """Of one picture: bytes as sent, milliseconds of a worker, bytes of both files."""

    sent: int
    milliseconds: float
    small: SmallPicture


def photo(width: int, height: int, file_format: str) -> bytes:
    """Return a picture that is as hard to encode as a photo."""
    detail = Image.effect_noise((width // 4, height // 4), 60).convert("RGB")
    file = BytesIO()
    detail.resize((width, height), Image.Resampling.BICUBIC).save(file, file_format, quality=85)
    return file.getvalue()


def best(work: Callable[[], object]) -> float:
    """Return milliseconds of CPU of the fastest of several rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(1000 * (time.process_time() - started))
    return min(times)


def cost(width: int, height: int, file_format: str) -> PictureCost:
    """Measure one kind of picture."""
    body = photo(width, height, file_format)
    return PictureCost(len(body), best(lambda: shrink(body, "bench")), shrink(body, "bench"))


def database_cost() -> float:
    """Return milliseconds of CPU of the database for one picture, from its choice to its row."""
    with tempfile.TemporaryDirectory(prefix="bench-pictures-") as folder:
        engine = _with_entries(Path(folder))
        started, count, now = time.process_time(), 0, datetime.now(UTC)
        until = now + timedelta(minutes=5)
        while True:
            with engine.begin() as connection:
                for entry in write_choices.unchosen_entries(connection, 50):
                    url = f"https://p{entry.id % 9}.example/{entry.id}.jpg"
                    choice = chosen_pictures(url, (), entry.html, whole_text=False)
                    write_choices.store_choice(connection, entry, choice, now)
                due = write_pictures.claim_due(
                    connection, now=now, until=until, limit=4, busy=[], max_size=10**9
                )
            if not due:
                break
            outcomes = [
                FetchedPicture(picture, StoredPicture(f"{picture.id:020x}", 1200, 800), size=9)
                for picture in due
            ]
            with engine.begin() as connection:
                write_pictures.store_outcomes(connection, outcomes, now=now)
            count += len(due)
        milliseconds = 1000 * (time.process_time() - started) / count
        engine.dispose()
        return milliseconds


def _with_entries(folder: Path) -> Engine:
    """Return a database with entries whose pictures are to be chosen."""
    urls = [f"https://f{number}.example/feed" for number in range(FEEDS)]
    (folder / "config.yaml").write_text(f"page: {{pictures: lead}}\nfeeds: {json.dumps(urls)}\n")
    config = load(folder / "config.yaml")
    engine, now = open_database(config.database), datetime.now(UTC)
    with engine.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, config.feeds, now=now)
        due = write_leases.lease_named(
            connection, owner="bench", now=now, until=now + timedelta(minutes=1), names=None
        )
        polls = [publishing.completed_poll(feed, number, now) for number, feed in enumerate(due)]
        recording.record(connection, polls, poll_settings(config), now=now)
    return engine


def table() -> list[str]:
    """Return the costs as lines of Markdown."""
    lines = [
        "## Pictures",
        "",
        "CPU of a worker for both sizes, the best of several rounds; kB as sent, and of the files.",
        "",
        "| picture | CPU ms | kB sent | kB for posts | kB for lists |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (width, height, file_format) in SIZES.items():
        measured = cost(width, height, file_format)
        kilobytes = (measured.sent, len(measured.small.for_post), len(measured.small.for_list))
        columns = " | ".join(f"{size / 1000:,.1f}" for size in kilobytes)
        lines.append(f"| {name} | {measured.milliseconds:.0f} | {columns} |")
    return [
        *lines,
        "",
        f"The database takes {database_cost():.2f} ms of CPU for a picture, from choice to row.",
        "",
    ]
