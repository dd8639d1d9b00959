"""Which entry of a story a list shows.  Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOME_WINDOW = timedelta(days=1)
"""Time after the first entry of a story within which an entry of the site that the others link to
replaces the first one."""

RANK_WINDOW = timedelta(hours=1)
"""Time within which the order of feeds in config.yaml decides, not the order of arrival."""


@dataclass(frozen=True, slots=True)
class StoryMember:
    """An entry of a story, for the choice of a representative.

    Attributes:
        takes_part: Stories are on for the feed.
        link_site: The site of the link, "" without a link; see `urls.site_of`.
        feed_site: The site of the feed's address.
        named_site: The home page's site according to the feed: any feed may name any site.
        rank: Position of the feed in config.yaml, 0 for the first.
    """

    entry_id: int
    first_seen_at: datetime
    takes_part: bool
    link_site: str = ""
    feed_site: str = ""
    named_site: str = ""
    rank: int = 0


def shown_entries(members: Iterable[StoryMember]) -> set[int]:
    """Return the ids of the entries of a story that a list shows: one representative.

    The list shows the entry first seen, lest entries already read move or come again, with two
    exceptions.  Within `HOME_WINDOW`, an entry of the site to which the others link is preferred:
    else a copier polled first would represent the author.  Of equal entries within `RANK_WINDOW`,
    the entry of the feed first in config.yaml is preferred.

    Entries taking no part are shown, too, and represent no others.

    Args:
        members: The entries of the story that are members of the list.
    """
    taking_part: list[StoryMember] = []
    shown_ids = set[int]()
    for member in members:
        if member.takes_part:
            taking_part.append(member)
        else:
            shown_ids.add(member.entry_id)
    return shown_ids | {_representative(taking_part).entry_id} if taking_part else shown_ids


def _representative(members: Sequence[StoryMember]) -> StoryMember:
    first_at = min(member.first_seen_at for member in members)
    candidates = [member for member in members if member.first_seen_at - first_at <= HOME_WINDOW]
    home_scores = {member.entry_id: _home_score(member, members) for member in candidates}
    best_score = max(home_scores.values())
    candidates = [member for member in candidates if home_scores[member.entry_id] == best_score]
    first_at = min(member.first_seen_at for member in candidates)
    return min(
        (member for member in candidates if member.first_seen_at - first_at <= RANK_WINDOW),
        key=lambda member: (member.rank, member.first_seen_at, member.entry_id),
    )


def _home_score(member: StoryMember, members: Sequence[StoryMember]) -> int:
    """Return 2 if other entries link to the feed's site, 1 if to the site named by the feed."""
    linked_sites = {
        other_member.link_site
        for other_member in members
        if other_member is not member and other_member.link_site
    }
    return 2 if member.feed_site in linked_sites else int(member.named_site in linked_sites)
