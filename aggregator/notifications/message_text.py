"""The messages about posts and episodes, as plain text and as HTML.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from aggregator.model import ListedEntry
from aggregator.model.health_episodes import EpisodeKind, SourcedEpisode
from aggregator.publish import title_of

DIGEST_FROM = timedelta(days=1)
"""A message about so much time is a digest, which has room for more posts, with excerpts."""

_MAX_ITEMS, _MAX_DIGEST_ITEMS = 10, 50  # posts
_EPISODES = {
    EpisodeKind.FAILING: "{feed} cannot be read",
    EpisodeKind.REMOVED: "{feed} has been removed by its publisher",
    EpisodeKind.MOVED: "{feed} has moved",
    EpisodeKind.SILENT: "{feed} has no new posts",
    EpisodeKind.NOT_STORED: "Nothing is being saved",
    EpisodeKind.CONFIG: "config.yaml has a mistake",
}
_ANY_EPISODE = "{feed} needs attention"


@dataclass(frozen=True, slots=True)
class Message:
    """A message in both forms.

    Attributes:
        title: A line, plain.
        text: Plain text, a few lines an item.
        html: A list with links.
    """

    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Item:
    """A post or an episode in a message; without an address `url` is empty."""

    title: str
    source: str
    url: str
    excerpt: str = ""

    @property
    def text(self) -> str:
        head = f"- {self.title}" + (f" ({self.source})" if self.source else "")
        return "\n".join(filter(None, [head, self.url and f"  {self.url}", self._indented]))

    @property
    def _indented(self) -> str:
        return self.excerpt and f"  {self.excerpt}"

    @property
    def html(self) -> str:
        title = escape(self.title)
        link = f'<a href="{escape(self.url)}">{title}</a>' if self.url else title
        source = f" ({escape(self.source)})" if self.source else ""
        excerpt = f"<br>{escape(self.excerpt)}" if self.excerpt else ""
        return f"<li>{link}{source}{excerpt}</li>"


def most_told(every: timedelta) -> int:
    """Return how many posts a message has room for.

    Args:
        every: The time span of a message.
    """
    return _MAX_DIGEST_ITEMS if every >= DIGEST_FROM else _MAX_ITEMS


def posts_message(
    list_title: str,
    entries: Sequence[ListedEntry],
    count: int,
    *,
    list_url: str,
    every: timedelta,
) -> Message:
    """Return the message about posts.

    Args:
        list_title: Title of the list.
        entries: The posts to tell, the newest first; not empty.
        count: Number of all posts, with the posts to count only.
        every: The time span of the message.
    """
    is_digest = every >= DIGEST_FROM
    items = [
        _Item(
            title_of(entry), entry.source.title, entry.url or "", entry.summary if is_digest else ""
        )
        for entry in entries
    ]
    title = items[0].title if count == 1 else f"{count} new posts"
    return _message(f"{list_title}: {title}", items, count - len(items), list_url)


def episodes_message(
    site_title: str, episodes: Sequence[SourcedEpisode], *, list_url: str
) -> Message:
    """Return the message about episodes, which are not none."""
    items = [_Item(_episode_title(episode), "", "") for episode in episodes[:_MAX_ITEMS]]
    title = items[0].title if len(episodes) == 1 else f"{len(episodes)} changes of feeds"
    return _message(f"{site_title}: {title}", items, len(episodes) - len(items), list_url)


def trial_message(site_title: str, *, list_url: str) -> Message:
    """Return the message to try a target with."""
    item = _Item("This is a trial: messages of this target arrive here", "", "")
    return _message(f"{site_title}: trial", [item], 0, list_url)


def _message(title: str, items: Sequence[_Item], uncounted: int, list_url: str) -> Message:
    remark = f"and {uncounted} more" if uncounted else ""
    text = "\n".join(filter(None, [*(item.text for item in items), remark, list_url]))
    parts = [
        f"<ul>{''.join(item.html for item in items)}</ul>",
        f"<p>{remark}</p>" if remark else "",
        f'<p><a href="{escape(list_url)}">{escape(list_url)}</a></p>',
    ]
    return Message(" ".join(title.split()), text, "".join(parts))


def _episode_title(sourced: SourcedEpisode) -> str:
    feed = "" if sourced.source is None else sourced.source.title
    title = _EPISODES.get(sourced.episode.trouble.kind, _ANY_EPISODE).format(feed=feed)
    return title if sourced.episode.ended_at is None else f"Over: {title}"
