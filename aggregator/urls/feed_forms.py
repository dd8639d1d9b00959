"""Addresses of feeds by the form of the address of a page.  Pure.

Sources: the documentation of YouTube, Reddit and WordPress.
"""

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

_YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com"})
_YOUTUBE_FEED = "https://www.youtube.com/feeds/videos.xml?"
_CHANNEL = re.compile(r"/channel/(UC[\w-]{10,40})(?:/|$)", re.ASCII)
_USER = re.compile(r"/user/([\w.-]{1,60})(?:/|$)", re.ASCII)
_PLAYLIST = re.compile(r"[\w-]{2,60}", re.ASCII)
_REDDIT_HOSTS = frozenset({"reddit.com", "www.reddit.com", "old.reddit.com", "new.reddit.com"})
_REDDIT_LIST = re.compile(
    r"(/(?:r|user|u)/[\w.+-]{1,60}(?:/(?:new|top|hot|rising|submitted|m/[\w-]{1,60}))?)/*", re.ASCII
)


def feed_of_page(url: str) -> str | None:
    """Return the feed of a channel, user or playlist of YouTube, or of a list of Reddit.

    Returns:
        None for any other address, such as the address of a feed.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host in _YOUTUBE_HOSTS:
        return _feed_of_youtube(parts.path, parts.query)
    if host in _REDDIT_HOSTS and (match := _REDDIT_LIST.fullmatch(parts.path)):
        return f"https://{host}{match[1]}/.rss"
    return None


def _feed_of_youtube(path: str, query: str) -> str | None:
    if match := _CHANNEL.match(path):
        return f"{_YOUTUBE_FEED}channel_id={match[1]}"
    if match := _USER.match(path):
        return f"{_YOUTUBE_FEED}user={match[1]}"
    playlist = parse_qs(query).get("list", [""])[0]
    if path.rstrip("/") in {"/playlist", "/watch"} and _PLAYLIST.fullmatch(playlist):
        return f"{_YOUTUBE_FEED}playlist_id={playlist}"
    return None


def feeds_of_wordpress(url: str) -> tuple[str, ...]:
    """Return where WordPress has the feed of a page: below the page, then below the root."""
    parts = urlsplit(url)
    folder = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    paths = dict.fromkeys((f"{folder}feed/", "/feed/"))
    feeds = (urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in paths)
    return tuple(feed for feed in feeds if feed != url and not folder.endswith("/feed/"))


def root_of(url: str) -> str:
    """Return the address of a site's front page."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "/", "", ""))


def with_https(url: str) -> str | None:
    """Return an http address with https at the usual port, None for any other address."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "http" or parts.port not in {None, 80}:
        return None
    return urlunsplit(parts._replace(scheme="https", netloc=parts.netloc.removesuffix(":80")))
