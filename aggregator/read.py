"""Bytes -> `CleanFeed`: the stages that run in a worker process, as one step.  Pure.

A module of its own, so that a worker process loads the parser and nothing else.
"""

from collections.abc import Mapping

from aggregator.clean import clean
from aggregator.model import CleanFeed
from aggregator.parse import parse


def read_document(body: bytes, headers: Mapping[str, str], url: str) -> CleanFeed:
    """Parse a document and make it safe.

    Args:
        headers: Of the answer, names in lower case.
        url: Where it came from.

    Raises:
        ParseError: It is not a feed.
    """
    return clean(parse(body, headers=headers, url=url), url=url)
