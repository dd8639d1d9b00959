"""The targets of notifications, of config.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256

from aggregator.model.listing import ListKind, ListScope

_DIGEST = 16  # bytes


class NewsKind(StrEnum):
    """The subject of messages; stored, so the meaning of a value never changes."""

    ALL = "all"
    CATEGORY = "category"
    VIEW = "view"
    SOURCE = "source"
    HEALTH = "health"
    """Episodes of the health feed, not posts."""


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """An item of `notify` in config.yaml.

    Attributes:
        address: URL of Apprise; a secret.
        kind: The subject of the messages.
        key: Slug of the category, name of the view or source; empty for others.
        every: Time span of a message.
    """

    name: str
    address: str = field(repr=False)
    kind: NewsKind
    key: str
    every: timedelta

    @property
    def digest(self) -> str:
        """A hash of address and list; a target with another digest begins anew."""
        text = f"{self.address}\n{self.kind}\n{self.key}"
        return sha256(text.encode()).digest()[:_DIGEST].hex()

    @property
    def scope(self) -> ListScope | None:
        """The list of the posts, None for episodes."""
        return scope_of(self.kind, self.key)


def scope_of(kind: NewsKind, key: str) -> ListScope | None:
    """Return the list of the posts of a target, None for episodes."""
    return None if kind is NewsKind.HEALTH else ListScope(ListKind(kind.value), key)
