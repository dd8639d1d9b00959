"""Which entry of a story the lists show.  Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOME_WINDOW = timedelta(days=1)
"""So long after the first entry of a story one of the site that the others link to replaces it."""

RANK_WINDOW = timedelta(hours=1)
"""Entries that were seen within this time are shown by the order of their feeds in the file."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a story, as far as it matters which one the list shows.

    Attributes:
        takes_part: It is listed, and stories are not off for its feed or its category.
        link_site: The site that its link leads to, empty for none; see `urls.site_of`.
        feed_site: The site that its feed is polled from.
        named_site: The site that its feed calls its own: anybody may claim any.
        rank: Where its feed stands in config.yaml, 0 for the first.
    """

    entry_id: int
    category_id: int | None
    first_seen_at: datetime
    takes_part: bool
    link_site: str = ""
    feed_site: str = ""
    named_site: str = ""
    rank: int = 0


def leading(members: Iterable[Member]) -> dict[int, tuple[bool, bool]]:
    """Return for each entry of a story whether lists show it: the whole one, its category's one.

    A list shows the one that was there first, so that nothing that was read moves or comes again.
    But one comes before it that was seen within `HOME_WINDOW`, of the feed to whose site the others
    link: else whoever copies an article and is polled first would stand for it.  And of equals that
    were seen within `RANK_WINDOW` the one whose feed is named first in config.yaml.

    What takes no part in stories is never left out by them.
    """
    members = list(members)
    taking_part = [member for member in members if member.takes_part]
    by_category: dict[int | None, list[Member]] = {}
    for member in taking_part:
        by_category.setdefault(member.category_id, []).append(member)
    in_all = {_leader(taking_part).entry_id} if taking_part else set()
    in_category = {_leader(some).entry_id for some in by_category.values()}
    return {
        member.entry_id: (
            (member.entry_id in in_all, member.entry_id in in_category)
            if member.takes_part
            else (True, True)
        )
        for member in members
    }


def _leader(members: Sequence[Member]) -> Member:
    first_at = min(member.first_seen_at for member in members)
    likely = [each for each in members if each.first_seen_at - first_at <= HOME_WINDOW]
    at_home = {each.entry_id: _at_home(each, members) for each in likely}
    most = max(at_home.values())
    likely = [each for each in likely if at_home[each.entry_id] == most]
    first_at = min(each.first_seen_at for each in likely)
    return min(
        (each for each in likely if each.first_seen_at - first_at <= RANK_WINDOW),
        key=lambda each: (each.rank, each.first_seen_at, each.entry_id),
    )


def _at_home(member: Member, members: Sequence[Member]) -> int:
    """Return 2 where other entries link to the site of this one's feed, 1 to the site it names."""
    linked = {each.link_site for each in members if each is not member and each.link_site}
    return 2 if member.feed_site in linked else 1 if member.named_site in linked else 0
