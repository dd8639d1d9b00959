"""Items of `feeds` -> subscriptions with unique names.  Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath

from aggregator import urls
from aggregator.config.feed_options import FeedOptions
from aggregator.config.options import FeedPlace, GlobalOptions
from aggregator.model import PLAIN_REQUEST, FeedRequest, FeedRules, PictureMode, Subscription


def same_feed_key(url: str) -> str:
    """Return a key that is equal for all spellings of one feed's address."""
    return urls.normalized(url) if urls.is_web(url) else str(PurePosixPath(url))


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """The settings of feeds without their own.

    Attributes:
        interval_given: The file has `interval`.
        stories_off_in: Categories without stories, as written.
        requests: Of `Config`.
    """

    interval: timedelta
    interval_given: bool
    stories_off_in: tuple[str, ...] = ()
    read_here: bool = True
    pictures: PictureMode = PictureMode.OFF
    requests: Mapping[str, FeedRequest] = field(default_factory=dict, hash=False)

    @classmethod
    def of(
        cls,
        settings: GlobalOptions,
        *,
        interval_given: bool,
        requests: Mapping[str, FeedRequest],
    ) -> "CommonSettings":
        """Return the settings of a file."""
        return cls(
            settings.poll.interval,
            interval_given,
            settings.stories.off_in,
            settings.page.read_here,
            settings.page.pictures,
            requests,
        )


def subscriptions(
    feeds: Mapping[FeedPlace, FeedOptions],
    written_addresses: Mapping[FeedPlace, str],
    common: CommonSettings,
    used_names: Collection[str] = (),
) -> tuple[Subscription, ...]:
    """Return the subscriptions, each with a unique name.

    Names in the files have precedence; the other feeds are named in the order of the files.

    Args:
        feeds: Options by the feed's place.
        written_addresses: Addresses with variables, as written, by place.
        used_names: Names of feeds with precedence.
    """
    without_stories = _matching_categories(feeds.values(), common.stories_off_in)
    used_names = {*used_names, *(feed.name for feed in feeds.values() if feed.name)}
    subscriptions = []
    for place, feed in feeds.items():
        written_url = written_addresses.get(place)
        name = feed.name or _unused_name(feed.title, written_url or feed.url, used_names)
        used_names.add(name)
        subscriptions.append(_subscription(name, written_url, feed, common, without_stories))
    return tuple(subscriptions)


def _subscription(
    name: str,
    written_url: str | None,
    feed: FeedOptions,
    common: CommonSettings,
    without_stories: Collection[str],
) -> Subscription:
    """Return the subscription to a feed; built at once, as a file may have 100,000.

    Args:
        written_url: See `Subscription`.
        without_stories: Spellings of the categories without stories.
    """
    request = common.requests.get(feed.url, PLAIN_REQUEST)
    return Subscription(
        name=name,
        url=feed.url,
        written_url=written_url,
        # The feed's own title may be the address, or contain the address.
        title=feed.title or (feed.name if feed.private else None),
        categories=feed.category,
        interval=feed.interval or common.interval,
        name_given=feed.name is not None,
        named_by_title=feed.name is None and feed.title is None,
        interval_given=feed.interval is not None or common.interval_given,
        distrust_304=feed.distrust_304 or False,
        timezone=feed.timezone,
        private=feed.private or False,
        stories=feed.stories is not False and not set(without_stories).intersection(feed.category),
        rules=FeedRules(feed.keep, feed.hide, feed.per_day, feed.backlog),
        paused=feed.paused or False,
        read_here=common.read_here if feed.read_here is None else feed.read_here,
        pictures=common.pictures if feed.pictures is None else feed.pictures,
        request_digest=request.digest,
        by_proxy=request.proxy is not None,
        selectors=feed.select.selectors if feed.select else None,
    )


def _matching_categories(feeds: Iterable[FeedOptions], texts: Iterable[str]) -> set[str]:
    """Return the spellings of the categories of feeds that a person means by some texts."""
    slugs = urls.category_slugs(name for feed in feeds for name in feed.category)
    return {name for text in texts for name in urls.matching_categories(text, slugs)}


def _unused_name(title: str | None, url: str, used_names: set[str]) -> str:
    host = urls.host_of(url).removeprefix("www.")
    file = "" if urls.is_web(url) else PurePosixPath(url).stem
    words = urls.slug(title or "") or urls.slug(host or file) or "feed"
    return urls.unused_name(words, url, used_names.__contains__)
