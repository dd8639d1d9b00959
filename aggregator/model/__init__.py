"""The values that cross stages: frozen, without behaviour that touches the world.

Pure; imports nothing of ours.  Times are aware UTC and named `..._at`, spans are `timedelta`.
Words are those of the glossary in docs/architecture.md: an RSS item is an *entry* (RFC 4287),
a line in config.yaml a *subscription*, one attempt to bring a feed up to date a *poll*.

documents      subscriptions, responses, and the feeds and entries in documents
document_defects  what was wrong with a document that was read all the same
feed_request   how one feed is requested: headers, user agent and proxy
polling        the state of a feed between two polls, and the outcome of a poll
listing        lists of entries, their sources, and what stands around them on a page
listing_rules  what config.yaml says about the entries of lists
poll_failures  why a poll failed
opml_polls     OPML lists of config.yaml, and their polls
feed_health    past polls and health of a subscription
health_episodes  spans in which a feed, or the program, needs the operator
seen_hashes    the format of the hashes of a feed's last document
page_selectors where the posts of a page without a feed stand
picture_values pictures of entries, to be fetched and to be shown
entry_id       the id of an entry, which is its place in the list
times          points and spans of time, as values and as text
"""

from aggregator.model.documents import (
    CleanEntry,
    CleanFeed,
    Date,
    Enclosure,
    FeedHead,
    Fetched,
    OpmlOutline,
    Origin,
    PageProposal,
    ParsedEntry,
    ParsedFeed,
    PublisherHints,
    Subscription,
    Validators,
)
from aggregator.model.entry_id import IDS_PER_MILLISECOND, LOWEST_ID, EntryId
from aggregator.model.feed_health import FeedHealth, FeedOrder, PollRecord, SourceCategory
from aggregator.model.feed_request import NO_PROXY, PLAIN_REQUEST, FeedRequest, Proxy
from aggregator.model.listing import (
    HIDDEN,
    Cursor,
    Dating,
    Exclusion,
    ListedEntry,
    ListKind,
    ListPage,
    ListScope,
    NamedList,
    OtherEntry,
    Overview,
    Sidebar,
    Source,
    SourceName,
)
from aggregator.model.listing_rules import (
    NO_RULES,
    Backlog,
    CommonRules,
    FeedRules,
    ListingRules,
    View,
)
from aggregator.model.opml_polls import DueOpmlList, OpmlListHealth, OpmlPoll
from aggregator.model.page_selectors import PageKind, PageReading, PageSelectors
from aggregator.model.picture_values import (
    DuePicture,
    FetchedPicture,
    PictureMode,
    PictureState,
    StoredPicture,
)
from aggregator.model.poll_failures import Failure, FailureKind, kind_of_status
from aggregator.model.polling import (
    BECAUSE_NO_VALIDATORS,
    BECAUSE_PAUSED,
    BY_INTERVAL,
    BY_PAUSE,
    BY_RHYTHM,
    OUR_REASONS,
    Constraint,
    DueFeed,
    Habits,
    HostPause,
    KnownHost,
    NextPoll,
    Order,
    Outcome,
    Pacing,
    PermanentRedirect,
    PollHistory,
    Relocation,
    Validation,
)

__all__ = [
    "BECAUSE_NO_VALIDATORS",
    "BECAUSE_PAUSED",
    "BY_INTERVAL",
    "BY_PAUSE",
    "BY_RHYTHM",
    "HIDDEN",
    "IDS_PER_MILLISECOND",
    "LOWEST_ID",
    "NO_PROXY",
    "NO_RULES",
    "OUR_REASONS",
    "PLAIN_REQUEST",
    "Backlog",
    "CleanEntry",
    "CleanFeed",
    "CommonRules",
    "Constraint",
    "Cursor",
    "Date",
    "Dating",
    "DueFeed",
    "DueOpmlList",
    "DuePicture",
    "Enclosure",
    "EntryId",
    "Exclusion",
    "Failure",
    "FailureKind",
    "FeedHead",
    "FeedHealth",
    "FeedOrder",
    "FeedRequest",
    "FeedRules",
    "Fetched",
    "FetchedPicture",
    "Habits",
    "HostPause",
    "KnownHost",
    "ListKind",
    "ListPage",
    "ListScope",
    "ListedEntry",
    "ListingRules",
    "NamedList",
    "NextPoll",
    "OpmlListHealth",
    "OpmlOutline",
    "OpmlPoll",
    "Order",
    "Origin",
    "OtherEntry",
    "Outcome",
    "Overview",
    "Pacing",
    "PageKind",
    "PageProposal",
    "PageReading",
    "PageSelectors",
    "ParsedEntry",
    "ParsedFeed",
    "PermanentRedirect",
    "PictureMode",
    "PictureState",
    "PollHistory",
    "PollRecord",
    "Proxy",
    "PublisherHints",
    "Relocation",
    "Sidebar",
    "Source",
    "SourceCategory",
    "SourceName",
    "StoredPicture",
    "Subscription",
    "Validation",
    "Validators",
    "View",
    "kind_of_status",
]
