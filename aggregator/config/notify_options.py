"""The keys of an item of `notify`."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import ConfigDict

from aggregator import urls
from aggregator.config import value_parsers
from aggregator.config.config_faults import ConfigFault
from aggregator.config.option_readers import parsed
from aggregator.model.notification_targets import NewsKind, NotificationTarget
from aggregator.notifications import apprise_services

_STRICT = ConfigDict(extra="forbid")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class NewsSelection:
    """The subject of messages, as written; `name` is empty for all posts and for `health`."""

    kind: NewsKind
    name: str = ""


def news_selection(text: str) -> NewsSelection:
    """Read `all`, `health`, `view:NAME`, `category:NAME` or `source:NAME`.

    Raises:
        ValueError: Another text.
    """
    word, colon, name = (part.strip() for part in text.partition(":"))
    takes_name = word in {NewsKind.VIEW, NewsKind.CATEGORY, NewsKind.SOURCE}
    if word in set(NewsKind) and bool(name) == takes_name and bool(colon) == takes_name:
        return NewsSelection(NewsKind(word), name)
    raise ValueError(
        f"{value_parsers.quoted(text)}: write all, health, view:NAME, category:NAME or source:NAME"
    )


def service_address(text: str) -> str:
    """Read the address of a service, which is a secret, and so never quoted.

    Raises:
        ValueError: Apprise is not installed, or knows no such service.
    """
    address = text.strip()
    if not apprise_services.is_installed():
        raise ValueError("messages need the package apprise: pip install apprise")
    if not apprise_services.is_address(address):
        raise ValueError(
            "not the address of a service that Apprise knows, such as ntfys://TOPIC or "
            "mailto://USER:PASSWORD@example.org"
        )
    return address


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOptions:
    """An item of `notify`.

    Attributes:
        to: URL of Apprise.
        every: Time span of a message.
    """

    __pydantic_config__ = _STRICT

    name: Annotated[str, parsed(value_parsers.name)]
    to: Annotated[str, parsed(service_address)] = field(repr=False)
    of: Annotated[NewsSelection, parsed(news_selection)] = NewsSelection(NewsKind.ALL)
    every: Annotated[
        timedelta,
        parsed(partial(value_parsers.duration, minimum=_SECOND, maximum=timedelta(weeks=4))),
    ] = timedelta(minutes=15)


def unknown_lists(
    items: Collection[NotifyOptions],
    views: Collection[str],
    categories: Collection[str] | None,
) -> Iterator[ConfigFault]:
    """Yield a fault for each view and category without a place in the file.

    Args:
        views: Names of the views.
        categories: Slugs of the categories; None where OPML lists may have further ones.
    """
    names_by_kind = {NewsKind.VIEW: views, NewsKind.CATEGORY: categories}
    for index, item in enumerate(items):
        kind, names = item.of.kind, names_by_kind.get(item.of.kind)
        if names is not None and _key(item.of) not in names:
            choices = ", ".join(f"{kind}:{name}" for name in sorted(names)) or "none"
            message = (
                f"no {kind} is called {value_parsers.quoted(item.of.name)}; there is {choices}"
            )
            yield ConfigFault(("notify", index, "of"), message)


def target(item: NotifyOptions) -> NotificationTarget:
    """Return the target of an item."""
    return NotificationTarget(item.name, item.to, item.of.kind, _key(item.of), item.every)


def _key(selection: NewsSelection) -> str:
    if selection.kind is NewsKind.CATEGORY:
        return urls.slug(selection.name)
    return selection.name
