"""OPML lists, read in a worker process: the document of a list may be hostile."""

from dataclasses import replace

from aggregator.errors import OpmlError, ParseError
from aggregator.opml import outlines
from aggregator.opml.extras import LISTS
from aggregator.opml.list_refusals import MAX_FEEDS
from aggregator.opml.outlines import SubscriptionList

_MAX_LEFT_OUT = 20


def read_opml(url: str, document: bytes) -> SubscriptionList:
    """Return the content of an OPML list, cut behind `MAX_FEEDS` and one more feed.

    Args:
        url: Of the list, for errors.

    Raises:
        ParseError: The document is not OPML, or declares entities.
    """
    try:
        subscriptions = outlines.read(document)
    except OpmlError as error:
        raise ParseError(url, str(error)) from error
    inner_lists = subscriptions.not_taken_over.get(LISTS, [])
    return replace(
        subscriptions,
        feeds=subscriptions.feeds[: MAX_FEEDS + 1],
        left_out=subscriptions.left_out[:_MAX_LEFT_OUT],
        not_taken_over={LISTS: inner_lists[:_MAX_LEFT_OUT]} if inner_lists else {},
    )
