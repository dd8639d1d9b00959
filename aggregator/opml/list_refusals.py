"""Whether the feeds of an OPML list take the place of the list's former feeds.  Pure."""

from collections.abc import Sequence

from aggregator.model import OpmlOutline
from aggregator.opml.outlines import SubscriptionList

MAX_FEEDS = 2_000
"""Feeds of an OPML list of config.yaml."""


def refusal(
    subscriptions: SubscriptionList,
    former: Sequence[OpmlOutline] | None,
    *,
    is_requested: bool = False,
) -> str | None:
    """Return why the feeds of a list are not taken over, in words; None for no reason.

    A list without half of the former feeds is an accident more often than a decision: a wrong file,
    an incomplete export.

    Args:
        subscriptions: The content of the list.
        former: The feeds in force, None before the first.
        is_requested: A person asked for the poll, and accepts the loss of feeds.
    """
    count = len(subscriptions.feeds)
    if subscriptions.breaks_off:
        return "the list breaks off: its end is missing"
    if not count:
        return "the list names no feed"
    if count > MAX_FEEDS:
        return f"the list names more than {MAX_FEEDS:,} feeds"
    if former is None or is_requested:
        return None
    former_urls = {outline.url for outline in former}
    kept_count = len(former_urls & {outline.url for outline in subscriptions.feeds})
    if 2 * kept_count >= len(former_urls):
        return None
    return (
        f"the list names {kept_count:,} of its {len(former_urls):,} former feeds; "
        "if that is right, run `aggregator poll` with the address of the list"
    )


def without_sites(outlines: Sequence[OpmlOutline]) -> tuple[OpmlOutline, ...]:
    """Return feeds without the addresses of sites, which no subscription has."""
    return tuple(OpmlOutline(item.url, item.title, item.categories) for item in outlines)
