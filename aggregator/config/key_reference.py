"""The meanings of all keys of config.yaml, for docs/config.md and the JSON Schema.

A new key needs its line here; `python -m tests.config_reference` then writes the table of
docs/config.md and docs/config.schema.json, and tests/test_config_schema.py compares both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LITERAL = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of config.yaml.

    Attributes:
        meaning: A noun phrase or clause in CommonMark, in one line.
        default: The value without the key, in CommonMark; a code span alone is a value as in
            config.yaml, or another key whose value holds.
    """

    meaning: str
    default: str = "none"

    @property
    def default_value(self) -> str | None:
        """The default as in config.yaml, None for a default that is not a single value."""
        literal = _LITERAL.fullmatch(self.default)
        return literal[1] if literal and literal[1] not in KEYS else None

    @property
    def consequence(self) -> str:
        """The default as a clause."""
        return "required" if self.default == "required" else f"default: {self.default}"


SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "web": "where the pages are served",
        "poll": "how feeds are polled",
        "network": "which private addresses may be polled, and by which proxy all requests go",
        "hosts": "limits of the requests to single sites, by host name",
        "hosts.NAME": "limits of the requests to this site",
        "hosts.NAME.request": "how the feeds at this host and below are requested",
        "retention": "which entries are deleted",
        "page": "what the pages show, whose they are, and how they look",
        "publish": "how the merged feeds are published",
        "websub": "how subscribers learn of changes",
        "views[]": "a list of the posts that match a search",
        "notify[]": "who is told of new posts, or of feeds with problems",
        "feeds[]": "a feed: its address alone, or its settings",
        "feeds[].request": "how this feed is requested",
        "feeds[].select": "where the posts of a page without a feed stand, or `sitemap`",
    }
)
"""The purposes of groups of settings, and of items of lists."""

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "title": Key("the title of the page and of the merged feeds", "`Recent posts`"),
        "base_url": Key(
            "the address at which others reach the pages; links in the merged feeds begin with it",
            "`http://127.0.0.1:8080`, with the actual port",
        ),
        "timezone": Key("the time zone of days and times on the pages", "`UTC`"),
        "language": Key("the language of our own texts in feeds and messages", "`en`"),
        "database": Key("the database", "`sqlite:///aggregator.db`"),
        "database_read": Key("a copy of the database that the pages are read from", "`database`"),
        "web.host": Key("the address that the web server listens on", "`127.0.0.1`"),
        "web.port": Key("the port that the web server listens on", "`8080`"),
        "web.socket": Key("the path of a Unix socket to listen at in place of host and port"),
        "poll.interval": Key(
            "the time between two polls of a feed without an `interval` of its own", "`1h`"
        ),
        "poll.timeout": Key("the time limit for a whole request", "`30s`"),
        "poll.max_size": Key("the size limit for a document, uncompressed", "`10MB`"),
        "poll.concurrency": Key(
            "how many requests run at a time; a request that waits for its server for more than a "
            "second does not count, up to three times as many in all",
            "`32`",
        ),
        "poll.host_delay": Key("the pause between two requests to one host", "`5s`"),
        "poll.workers": Key("how many processes read documents", "one per core"),
        "network.allow": Key("private addresses that may be polled, by feeds at these addresses"),
        "network.proxy": Key("the proxy of all requests: an http, https or socks5 address"),
        "hosts.NAME.delay": Key("the pause between two requests to this site", "`poll.host_delay`"),
        "hosts.NAME.concurrency": Key("how many requests to this site run at a time", "`1`"),
        "hosts.NAME.request.headers": Key("headers for the feeds at this host and below"),
        "hosts.NAME.request.user_agent": Key(
            "the `User-Agent` for the feeds at this host and below", "the program's own"
        ),
        "hosts.NAME.request.proxy": Key(
            "the proxy for the feeds at this host and below, or `off`", "`network.proxy`"
        ),
        "retention.keep": Key("how long entries are kept", "`365d`"),
        "retention.min_entries": Key(
            "how many entries of a feed are kept, however old they are", "`100`"
        ),
        "retention.max_entries": Key(
            "the most entries of a feed that are kept, however new they are", "`20000`"
        ),
        "per_hour": Key(
            "how many posts of one feed and hour a list of several feeds shows, or `off`", "`500`"
        ),
        "hide": Key("a search; posts that match are in no list"),
        "backlog": Key(
            "how much of a feed's first poll is listed: `all`, a number of posts, or a span of "
            "time",
            "`all` for the feeds of a new database, `10` for feeds that are added later",
        ),
        "views": Key("lists of the posts that match a search"),
        "views[].name": Key("the view's key, a part of its address", "required"),
        "views[].search": Key("the search", "required"),
        "views[].title": Key("the title of the view's page and merged feeds", "the name"),
        "views[].description": Key("what the view is about"),
        "notify": Key("who is told of new posts, or of feeds with problems"),
        "notify[].name": Key("the target's name, for commands and the log", "required"),
        "notify[].to": Key("the address of the service, a URL of Apprise", "required"),
        "notify[].of": Key(
            "what the target is told of: `all`, `view:NAME`, `category:NAME`, `source:NAME` or "
            "`health`",
            "`all`",
        ),
        "notify[].every": Key("the time in which posts are told in one message", "`15m`"),
        "stories": Key("whether an article in several feeds is listed once", "`on`"),
        "page.read_here": Key(
            "whether posts can be read here, each on a page with its text", "`on`"
        ),
        "page.pictures": Key("which pictures of posts are shown: `off`, `lead` or `all`", "`off`"),
        "page.pictures_size": Key("the size limit for all files of pictures together", "`1GB`"),
        "page.description": Key("what the site is about, in one line"),
        "page.contact": Key("where the operator is reached: a `mailto:` or web address"),
        "page.imprint": Key("the address of the page with the legal notice"),
        "page.about": Key("a file with a text about the site, in CommonMark"),
        "page.logo": Key("a file with a picture: SVG, PNG, JPEG, GIF or WebP"),
        "page.accent": Key("a colour, or two: of the light and of the dark theme", '`"#a83c08"`'),
        "page.css": Key("a file with a style sheet"),
        "page.status": Key(
            "whether the pages show how the feeds are doing: `public` or `off`", "`public`"
        ),
        "page.embed": Key("the web sites that may show our lists in frames"),
        "publish.id": Key("the URI with which the ids of the merged feeds begin", "`base_url`"),
        "publish.prefix_titles": Key(
            "put the source before the title of each post in the merged feeds", "`off`"
        ),
        "publish.noindex": Key("ask search engines not to index the merged feeds", "`on`"),
        "publish.limit_clients": Key(
            "refuse clients that request the same unchanged document again within a minute; each "
            "web process counts for itself",
            "`off`",
        ),
        "publish.deltas": Key(
            "send only new and changed posts to clients that ask for that", "`off`"
        ),
        "websub.hub": Key("the hub that announces changes: a URL, or `self`"),
        "websub.allow": Key("private addresses that subscribers of our own hub may have"),
        "order": Key(
            "where the new posts of a known feed stand: `published` or `arrival`", "`published`"
        ),
        "include": Key("patterns of the paths of further files with feeds"),
        "feeds": Key("the subscriptions"),
        "feeds[].url": Key("an http(s) URL, or the path of a file", "required"),
        "feeds[].opml": Key(
            "in place of `url`: an OPML list, whose feeds count as if written here"
        ),
        "feeds[].name": Key("the feed's key", "made from title or host"),
        "feeds[].title": Key("the title to show instead of the feed's own title", "the feed's own"),
        "feeds[].category": Key(
            "the category in which the feed is listed, or a list of several; any names"
        ),
        "feeds[].interval": Key("the time between two polls of this feed", "`poll.interval`"),
        "feeds[].keep": Key("a search; posts that do not match are in no list"),
        "feeds[].hide": Key("a search; posts that match are in no list"),
        "feeds[].per_day": Key("how many posts of one day are listed", "no limit"),
        "feeds[].backlog": Key("how much of the first poll is listed", "`backlog`"),
        "feeds[].paused": Key("`true`: the feed is not polled, its posts stay listed", "`false`"),
        "feeds[].stories": Key(
            "`off`: its entries are never merged with those of other feeds", "`on`"
        ),
        "feeds[].read_here": Key("whether posts of this feed can be read here", "`page.read_here`"),
        "feeds[].pictures": Key("which pictures of this feed's posts are shown", "`page.pictures`"),
        "feeds[].picture": Key(
            "a picture beside config.yaml that stands for the feed", "the first letter of its title"
        ),
        "feeds[].distrust_304": Key(
            'request the whole document after eight days of "unchanged"', "`false`"
        ),
        "feeds[].timezone": Key("the zone of the feed's times without a zone", "detected"),
        "feeds[].private": Key(
            "show the address of the feed to nobody; its posts are listed as usual", "`false`"
        ),
        "feeds[].request.headers": Key("headers for this feed"),
        "feeds[].request.user_agent": Key(
            "the `User-Agent` for this feed", "that of its host, or the program's own"
        ),
        "feeds[].request.proxy": Key(
            "the proxy for this feed, or `off`", "that of its host, or `network.proxy`"
        ),
        "feeds[].select.item": Key("the posts: a CSS selector, or a JSONPath", "required"),
        "feeds[].select.title": Key("the title in a post", "the first heading, or else link"),
        "feeds[].select.link": Key(
            "the link of a post", "the title's, or else the first around or in the post"
        ),
        "feeds[].select.excerpt": Key("the excerpt in a post", "the first paragraph"),
        "feeds[].select.author": Key("the author in a post"),
        "feeds[].select.date": Key("the date in a post", "the first `time` element"),
        "feeds[].select.image": Key("the picture in a post"),
        "feeds[].select.at_least": Key(
            "the number of posts below which the page counts as changed",
            "half of the posts of the first good poll",
        ),
    }
)
"""All keys but those of `SECTIONS`, in the order of docs/config.md; `[]` is an item of a list, NAME
any name."""
