"""What config.yaml says about lists: which entries they have, and which views there are.

A rule is a text in the language of searches, as `search.parse_rule` reads the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much of a feed's first poll lists have.

    Attributes:
        newest: At most so many entries, the newest; None for any number.
        within: Only entries that are at most so old at the poll; None for any age.
    """

    newest: int | None = None
    within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FeedRules:
    """What config.yaml says about the entries of one feed.

    Attributes:
        keep: A rule: lists have only entries that match.  None: all.
        hide: A rule: no list has an entry that matches.
        per_day: Most entries of a day in lists, None for any number.
        backlog: None for `CommonRules.backlog`.
    """

    keep: str | None = None
    hide: str | None = None
    per_day: int | None = None
    backlog: Backlog | None = None


NO_RULES = FeedRules()


@dataclass(frozen=True, slots=True)
class CommonRules:
    """What config.yaml says about the entries of all feeds.

    Attributes:
        hide: A rule: no list has an entry that matches.
        backlog: None: everything of feeds that the database had from its beginning, ten entries
            of feeds that were added later.
        per_hour: Most entries of one feed and hour (UTC) in lists, None for any number.
        timezone: IANA name of the zone in which days begin.
    """

    hide: str | None = None
    backlog: Backlog | None = None
    per_hour: int | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class View:
    """A list of the entries that match a search.

    Attributes:
        name: Stable key and slug, unique among the views of the file.
        description: Empty for a view without a description.
    """

    name: str
    title: str
    search: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ListingRules:
    """Everything that config.yaml says about lists, but for categories and stories.

    Attributes:
        feeds: By the name of the feed; feeds without rules are left out.
        views: In the order of the file.
    """

    common: CommonRules = CommonRules()
    feeds: Mapping[str, FeedRules] = field(default_factory=dict)
    views: tuple[View, ...] = ()
