"""Documents read in the event loop if cheap, else by a worker process."""

from collections.abc import Mapping

from aggregator import urls
from aggregator.model import DueFeed
from aggregator.reading.worker_task import ReadingResult, prefilter_here, read_document
from aggregator.runtime.worker_pool import Workers

MAX_SIZE_HERE = 1_000_000
"""Bytes of a document that the event loop prefilters itself, which costs less than handing the
document to a worker."""

MAX_WORK_HERE = 10_000
"""`max_work` of the prefilter in the event loop, which must not stand still: documents with more
elements go to a worker.  A feed of 100 entries has about 2,000."""


async def read(
    workers: Workers, due: DueFeed, headers: Mapping[str, str], url: str, body: bytes
) -> ReadingResult:
    """Read the new part of a document.

    Args:
        headers: Of the response, names in lower case.
        url: Source of the document, after redirects.
        body: The caller keeps no reference: bodies may be large.

    Raises:
        ParseError: Not a feed, or too expensive to read in time or memory.
    """
    content_type = headers.get("content-type", "")
    seen_hashes = due.validation.seen_hashes
    prefiltered = None
    if len(body) <= MAX_SIZE_HERE:
        prefiltered = prefilter_here(body, content_type, seen_hashes, max_work=MAX_WORK_HERE)
        if prefiltered is not None and prefiltered.nothing_new:
            return ReadingResult(None, prefiltered.seen_hashes)
    reading = workers.run(
        due.url,
        read_document,
        body,
        {"content-type": content_type},
        urls.base_without_secrets(url),
        seen_hashes,
        prefiltered,
    )
    del body, prefiltered
    return await reading
