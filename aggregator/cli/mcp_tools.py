"""The answers of the tools of `aggregator mcp`: values for JSON, each read in a transaction.

The SDK makes a schema of each class, but not of a class with slots.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from aggregator import urls
from aggregator.cli.explain import explanation
from aggregator.cli.feed_arguments import feed_names
from aggregator.cli.output import health_values, iso
from aggregator.config import Config
from aggregator.database import Connection, database_time
from aggregator.database.episodes import read_episodes
from aggregator.database.feeds import read_health, read_sources
from aggregator.database.lists import read_lists
from aggregator.database.state import read_overview
from aggregator.errors import UsageError
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.merged.addresses import post_path
from aggregator.model import Cursor, EntryId, ListedEntry, ListKind, ListPage, ListScope, Source
from aggregator.search.search_faults import RuleError
from aggregator.search.search_parser import parse_rule

MAX_POSTS = 50
"""Posts of an answer."""
MAX_TEXT = 100_000
"""Characters of the text of a post."""
_MAX_SEARCH = 200  # characters, as on the page
_ALL = "all"
_PROBLEMS = frozenset({FeedStatus.FAILING, FeedStatus.REMOVED})


@dataclass(frozen=True)
class PostSummary:
    """A post in a list; times are in UTC (RFC 3339).

    Attributes:
        id: For the tool `post`.
        url: The post at the source.
        page: The post on the pages of this program; None where posts are not read here.
        published: When the source published the post, as far as known.
    """

    id: str
    title: str
    url: str | None
    page: str | None
    source: str
    source_title: str
    published: str | None
    authors: list[str]
    tags: list[str]
    excerpt: str


@dataclass(frozen=True)
class PostList:
    """A part of a list, newest first.

    Attributes:
        next: The argument `before` for the following posts; None at the end of the list.
        notes: Limits of the answer.
    """

    posts: list[PostSummary]
    next: str | None
    notes: list[str]


@dataclass(frozen=True)
class PostText:
    """A post with the text.

    Attributes:
        html: The whole text as safe HTML; the first part of a very long text.
        is_cut: The text goes on.
        also_in: Titles of other sources with the same article, each with the address.
    """

    post: PostSummary
    html: str
    is_cut: bool
    also_in: dict[str, str | None]


@dataclass(frozen=True)
class SourceSummary:
    """A subscription.

    Attributes:
        name: For other tools, and for `source:` in searches.
        site: Address of the web site.
        feed: Address of the feed, secrets masked; None for a private feed.
    """

    name: str
    title: str
    categories: list[str]
    site: str | None
    feed: str | None


@dataclass(frozen=True)
class ProgramHealth:
    """How the subscriptions are doing.

    Attributes:
        states: Number of subscriptions in each state.
        problems: The failing subscriptions, as in `aggregator feeds --json`.
        config_problem: Why the program does not follow config.yaml; None otherwise.
    """

    posts: int
    feeds: int
    checked: str | None
    states: dict[str, int]
    problems: list[dict[str, Any]]
    config_problem: str | None


def search(
    connection: Connection, config: Config, text: str, *, limit: int, before: str | None
) -> PostList:
    """Return the posts of a search.

    Raises:
        UsageError: The search has a mistake, or an argument is wrong.
    """
    if len(text) > _MAX_SEARCH:
        raise UsageError(f"text: {len(text)} characters; a search has {_MAX_SEARCH} at most")
    try:
        parse_rule(text)
    except RuleError as error:
        raise UsageError(f"text: {error}") from error
    scope = ListScope(ListKind.SEARCH, text, zone=ZoneInfo(config.timezone))
    return _posts(connection, config, scope, limit=limit, before=before)


def latest(
    connection: Connection, config: Config, of: str, *, limit: int, before: str | None
) -> PostList:
    """Return the newest posts of a list.

    Args:
        of: `all`, `category:NAME`, `view:NAME` or `source:NAME`.

    Raises:
        UsageError: An unknown list, or a wrong argument.
    """
    scope = _scope(connection, of)
    return _posts(connection, config, scope, limit=limit, before=before)


def post(connection: Connection, config: Config, post_id: str) -> PostText:
    """Return a post with the text.

    Raises:
        UsageError: An unknown post.
    """
    try:
        entry = read_lists.post(connection, EntryId(Cursor.parse(post_id.removeprefix("e")).id))
    except ValueError:
        entry = None
    if entry is None:
        raise UsageError(f"post_id: there is no post {post_id[:30]!r}; other tools have the ids")
    html = entry.content_html or ""
    return PostText(
        post=_summary(entry, config),
        html=html[:MAX_TEXT],
        is_cut=len(html) > MAX_TEXT,
        also_in={copy.source.title: copy.url for copy in entry.also_in},
    )


def sources(connection: Connection) -> list[SourceSummary]:
    """Return the subscriptions, by title."""
    categories = read_sources.categories_of_feeds(connection)
    subscriptions = read_sources.subscriptions(connection, ListScope())
    return [
        _source(source, categories.get(source.id, {}))
        for source in sorted(subscriptions, key=lambda source: source.title.casefold())
    ]


def health(connection: Connection) -> ProgramHealth:
    """Return how the subscriptions are doing, and which do not work."""
    overview = read_overview.overview(connection)
    now = database_time(connection)
    feeds = read_health.feeds_by_urgency(connection, now=now, history=1)
    statuses = [feed_status(feed) for feed in feeds]
    return ProgramHealth(
        posts=overview.posts,
        feeds=overview.feeds,
        checked=iso(overview.checked_at),
        states={
            status.value: statuses.count(status) for status in FeedStatus if status in statuses
        },
        problems=[
            health_values(feed)
            for feed, status in zip(feeds, statuses, strict=True)
            if status in _PROBLEMS
        ],
        config_problem=read_overview.config_problem(connection),
    )


def explain(connection: Connection, feed: str) -> dict[str, Any]:
    """Return when a feed is polled next, and why, with its last polls.

    Args:
        feed: Name, title, address, or an unambiguous beginning.

    Raises:
        UsageError: No feed is meant, or several.
    """
    (name,) = feed_names(connection, [feed])
    feed_health = read_health.feed(connection, name, now=database_time(connection))
    if feed_health is None:
        raise UsageError(f"{name}: left the file just now")
    episodes = read_episodes.open_episodes(connection, feed_health.source.id)
    return explanation(feed_health, episodes)


def _posts(
    connection: Connection, config: Config, scope: ListScope, *, limit: int, before: str | None
) -> PostList:
    if not 1 <= limit <= MAX_POSTS:
        raise UsageError(f"limit: {limit}; write a number from 1 to {MAX_POSTS}")
    try:
        cursor = None if before is None else Cursor.parse(before)
    except ValueError as error:
        raise UsageError("before: write the value `next` of the answer before") from error
    page = read_lists.entries_page(connection, scope=scope, limit=limit, before=cursor)
    return PostList(
        posts=[_summary(entry, config) for entry in page.entries],
        next=None if page.next is None else str(page.next),
        notes=_notes(page),
    )


def _notes(page: ListPage) -> list[str]:
    notes = [f"no {field} is called {value!r}" for field, value in page.unknown_names]
    if page.ended_early:
        notes.append("the search ran out of time; `next` leads to the part not searched yet")
    return notes


def _scope(connection: Connection, of: str) -> ListScope:
    """Return the list with a name.

    Raises:
        UsageError: An unknown list.
    """
    kind, _, name = of.strip().partition(":")
    if kind == _ALL and not name:
        return ListScope()
    if kind == ListKind.SOURCE and name:
        return ListScope(ListKind.SOURCE, feed_names(connection, [name])[0])
    lists = read_overview.sidebar(connection, now=database_time(connection)).lists
    for named_list in lists:
        names = {named_list.scope.key, named_list.title.casefold()}
        if kind == named_list.scope.kind and names & {name, name.casefold()}:
            return named_list.scope
    choices = [f"{item.scope.kind}:{item.scope.key}" for item in lists]
    raise UsageError(
        f"of: {of[:60]!r} is not a list; write {', '.join([_ALL, *choices])} or source:NAME"
    )


def _summary(entry: ListedEntry, config: Config) -> PostSummary:
    is_read_here = config.page.read_here and entry.source.read_here
    return PostSummary(
        id=str(entry.id),
        title=entry.title,
        url=entry.url,
        page=f"{config.base_url}{post_path(entry.id)}" if is_read_here else None,
        source=entry.source.name,
        source_title=entry.source.title,
        published=iso(entry.published_at or entry.listed_at),
        authors=list(entry.authors),
        tags=list(entry.categories),
        excerpt=entry.summary,
    )


def _source(source: Source, categories: Mapping[str, str]) -> SourceSummary:
    return SourceSummary(
        name=source.name,
        title=source.title,
        categories=list(categories.values()),
        site=None if source.private else source.site_url,
        feed=None if source.private else urls.masked(source.feed_url),
    )
