"""Remarks on a configuration that is right, but perhaps not what its writer meant."""

import difflib
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from aggregator import urls
from aggregator.config import characters, file_permissions
from aggregator.config.options import Config
from aggregator.model import Subscription
from aggregator.model.times import span_text

POLITE_INTERVAL = timedelta(minutes=30)
MAX_ALIKE = 5  # remarks of one kind
_MAX_SUGGESTED = 5_000  # names among which the nearest one is looked for


def notes(config: Config) -> list[str]:
    """Return remarks of one line each, such as `feeds[3] (boss-mind): polled every 5m; ...`."""
    remarks: list[str] = []
    if not config.feeds:
        remarks.append("feeds: none yet; add one with `aggregator add URL`, or write its address")
    if readable := file_permissions.remark(config.path):
        remarks.append(readable)
    remarks += _on_addresses(config)
    if config.poll.interval < POLITE_INTERVAL:
        remarks.append(f"poll.interval: {_hurry(config.poll.interval)}")
    remarks += _clipped(_on_intervals(config))
    remarks += _clipped(_on_files(config))
    remarks += _clipped(_on_categories(config))
    remarks += _clipped(_on_stories(config))
    remarks += _clipped(_on_characters(config))
    return remarks


def _on_addresses(config: Config) -> Iterator[str]:
    if urls.is_loopback(urls.host_of(config.base_url)) and not urls.is_loopback(config.web.host):
        yield (
            f"base_url: others reach the pages ({config.web.host}), but links in the merged feeds "
            f"lead to {config.base_url}; write the address that others use"
        )
    for section, allow in (("network", config.network.allow), ("websub", config.websub.allow)):
        for index, entry in enumerate(allow):
            if urls.host_and_port(entry)[0].endswith("/0"):
                yield f"{section}.allow[{index}]: {entry} allows every address there is"


def _on_intervals(config: Config) -> Iterator[str]:
    for index, feed in enumerate(config.feeds):
        hurried = feed.interval < POLITE_INTERVAL and feed.interval != config.poll.interval
        if hurried and urls.is_web(feed.url):
            yield f"{_place(index, feed)}: {_hurry(feed.interval)}"


def _on_files(config: Config) -> Iterator[str]:
    for index, feed in enumerate(config.feeds):
        if not urls.is_web(feed.url) and not (config.folder / feed.url).is_file():
            hint = "; add https:// if it is on the web" if "." in feed.url.split("/")[0] else ""
            path = urls.masked_input(feed.url)
            yield f"{_place(index, feed)}: there is no file {path} in {config.folder}{hint}"


def _on_categories(config: Config) -> Iterator[str]:
    first: dict[str, str] = {}
    told: set[str] = set()
    for index, feed in enumerate(config.feeds):
        category = feed.category
        if category is None or category in told:
            continue
        other = first.setdefault(urls.category_key(category), category)
        if other != category:
            told.add(category)
            yield f'{_place(index, feed)}: category "{category}" is the same page as "{other}"'


def _on_stories(config: Config) -> Iterator[str]:
    slugs = config.category_slugs
    names = list(islice(slugs, _MAX_SUGGESTED))
    told = 0
    for category in config.stories.off_in:
        if not urls.matching_categories(category, slugs):
            told += 1
            near = difflib.get_close_matches(category, names, n=1) if told <= MAX_ALIKE else []
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f'stories: no feed is in the category "{category}"{hint}'


def _on_characters(config: Config) -> Iterator[str]:
    """Remark on what nobody sees in titles and categories; anywhere else it is a fault."""
    texts = [("title", config.title)]
    for index, feed in enumerate(config.feeds):
        place = _place(index, feed)
        texts += [
            (f"{place}: title", feed.title or ""),
            (f"{place}: category", feed.category or ""),
        ]
    for place, text in texts:
        if bad := characters.never_meant(text):
            yield f"{place}: {characters.complaint(bad)}"


def _hurry(interval: timedelta) -> str:
    return (
        f"polls every {span_text(interval)}; many publishers block readers that come more often "
        f"than every {span_text(POLITE_INTERVAL)}, so keep this for servers of your own"
    )


def _place(index: int, feed: Subscription) -> str:
    return f"feeds[{index}] ({feed.name})"


def _clipped(remarks: Iterator[str]) -> list[str]:
    found = list(remarks)
    if len(found) <= MAX_ALIKE:
        return found
    return [*found[:MAX_ALIKE], f"feeds: {len(found) - MAX_ALIKE:,} more remarks of this kind"]
