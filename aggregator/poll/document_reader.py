"""Documents read in the event loop if cheap, else by a worker process."""

from collections.abc import Mapping
from datetime import datetime

from aggregator import urls, walls
from aggregator.model import DueFeed, PageReading
from aggregator.model.times import http_date
from aggregator.reading.worker_task import (
    ReadingResult,
    prefilter_here,
    read_document,
    read_page,
)
from aggregator.runtime.worker_pool import Workers

MAX_SIZE_HERE = 1_000_000
"""Bytes of a document that the event loop prefilters itself, which costs less than handing the
document to a worker."""

MAX_WORK_HERE = 10_000
"""`max_work` of the prefilter in the event loop, which must not stand still: documents with more
elements go to a worker.  A feed of 100 entries has about 2,000."""


async def read(
    workers: Workers,
    due: DueFeed,
    headers: Mapping[str, str],
    url: str,
    body: bytes,
    *,
    requested_at: datetime,
) -> ReadingResult:
    """Read the new part of a feed's document, or a whole page without a feed.

    Args:
        headers: Of the response, names in lower case.
        url: Source of the document, after redirects.
        body: The caller keeps no reference: bodies may be large.
        requested_at: When a document was sent whose headers do not say so.

    Raises:
        ParseError: Not a feed, not the expected page, or too expensive to read in time or memory.
    """
    if due.selectors is None:
        reading = _read_feed(workers, due, headers, url, body)
    else:
        sent_at = http_date(headers.get("date")) or requested_at
        page = PageReading(due.selectors, sent_at, due.first_posts, due.habits.dated)
        source = urls.base_without_secrets(url)
        reading = workers.run(due.url, read_page, body, _needed(headers), source, page)
    del body
    return await reading


async def _read_feed(
    workers: Workers, due: DueFeed, headers: Mapping[str, str], url: str, body: bytes
) -> ReadingResult:
    seen_hashes = due.validation.seen_hashes
    prefiltered = None
    if len(body) <= MAX_SIZE_HERE:
        content_type = headers.get("content-type", "")
        prefiltered = prefilter_here(body, content_type, seen_hashes, max_work=MAX_WORK_HERE)
        if prefiltered is not None and prefiltered.nothing_new:
            return ReadingResult(None, prefiltered.seen_hashes)
    source = urls.base_without_secrets(url)
    reading = workers.run(
        due.url, read_document, body, _needed(headers), source, seen_hashes, prefiltered
    )
    del body, prefiltered
    return await reading


def _needed(headers: Mapping[str, str]) -> dict[str, str]:
    return {**walls.telling_headers(headers), "content-type": headers.get("content-type", "")}
