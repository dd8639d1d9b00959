"""The newest posts of a list as a block in a page of another site."""

from collections.abc import Iterator, Sequence

from aggregator.database.feeds import read_health
from aggregator.database.lists import read_lists
from aggregator.model import ListedEntry, ListKind, ListScope
from web import presentation
from web.page_contents import Page, PageData
from web.parameters import EmbedOptions
from web.presentation import Keywords, Post
from web.site import site

_BUDGET = 9_000  # bytes of texts and addresses, for a page of at most 8 kB with its style sheet


def embedded(data: PageData, scope: ListScope, options: EmbedOptions) -> Page | None:
    """Return the block of a list, None without such a list; not for searches."""
    title = _title(data, scope)
    if title is None:
        return None
    entries = read_lists.entries_page(data.connection, scope=scope, limit=options.limit).entries
    values: dict[str, object] = {
        "title": title,
        "posts": list(_fitting(data, entries, options)),
        "with_source": scope.kind is not ListKind.SOURCE,
        "options": options,
    }
    return Page("embed.html", values, scope=scope, index=False)


def _title(data: PageData, scope: ListScope) -> str | None:
    """Return the title of a list, None without such a list."""
    if scope.kind is ListKind.ALL:
        return site().config.title
    if scope.kind is ListKind.SOURCE:
        feed = read_health.feed(data.connection, scope.key, now=data.clock.now)
        return None if feed is None else feed.source.title
    sidebar = site().sidebars.read(data.connection, data.overview, now=data.clock.now)
    return next((each.title for each in sidebar.lists if each.scope == scope), None)


def _fitting(
    data: PageData, entries: Sequence[ListedEntry], options: EmbedOptions
) -> Iterator[Post]:
    """Yield the posts within the budget, at least one."""
    spent = 0
    for entry in entries:
        post = presentation.post(entry, data.clock, Keywords())
        texts = [post.title, post.url or "", post.source.title, post.source.name]
        spent += len("".join([*texts, post.summary if options.excerpt else ""]).encode())
        if spent > _BUDGET and entry is not entries[0]:
            return
        yield post
