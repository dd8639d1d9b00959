"""Lists and rules before and after a config.yaml is read.  Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from aggregator.model import Exclusion
from aggregator.plan.feed_changes import SettingChange
from aggregator.plan.list_contents import Contents, ListContent, RuleEffect
from aggregator.plan.list_settings import ALL_FEEDS, ConfiguredList, ListSettings, RuleKey

MAX_EXAMPLES = 3

_Key = TypeVar("_Key")
_NO_CONTENT = ListContent()
_NO_EFFECT = RuleEffect()


@dataclass(frozen=True, slots=True)
class PlannedList:
    """A list before and after.

    Attributes:
        definition: In the file, else in the former one.
        before, after: In the former file and in the file; None for no such list.
        content_before, content_after: Of recent entries.
    """

    definition: ConfiguredList
    before: ConfiguredList | None
    after: ConfiguredList | None
    content_before: ListContent = _NO_CONTENT
    content_after: ListContent = _NO_CONTENT

    @property
    def is_redefined(self) -> bool:
        """Whether the file has another definition; other entries alone do not count."""
        return self.before != self.after

    @property
    def is_changed(self) -> bool:
        """Whether the list has another definition or shows other entries."""
        return self.is_redefined or bool(self.added_ids or self.removed_ids)

    @property
    def added_ids(self) -> frozenset[int]:
        """Ids of entries that the list shows after, and not before."""
        return self.content_after.shown_ids - self.content_before.shown_ids

    @property
    def removed_ids(self) -> frozenset[int]:
        """Ids of entries that the list shows before, and not after."""
        return self.content_before.shown_ids - self.content_after.shown_ids


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule or limit before and after.

    Attributes:
        kind: The key in config.yaml.
        feed: Name of the feed with the rule, None for a rule of all feeds.
        before, after: The values in config.yaml, None without the key.
    """

    kind: Exclusion
    feed: str | None
    before: str | None
    after: str | None
    effect_before: RuleEffect = _NO_EFFECT
    effect_after: RuleEffect = _NO_EFFECT

    @property
    def is_redefined(self) -> bool:
        """Whether the file has another value."""
        return self.before != self.after

    @property
    def posts(self) -> int:
        """Number of entries that the rule is about; in the former file for a rule that leaves."""
        return (self.effect_before if self.after is None else self.effect_after).posts

    @property
    def is_changed(self) -> bool:
        """Whether the rule has another value, or lists lack other entries by the rule."""
        return self.is_redefined or self.effect_before.ids != self.effect_after.ids


def planned_lists(
    before: ListSettings, after: ListSettings, contents: tuple[Contents, Contents]
) -> tuple[PlannedList, ...]:
    """Return all lists: those of the new file in order, then those that leave the file."""
    contents_before, contents_after = contents
    return tuple(
        PlannedList(
            after.lists.get(key) or before.lists[key],
            before.lists.get(key),
            after.lists.get(key),
            contents_before.lists.get(key, _NO_CONTENT),
            contents_after.lists.get(key, _NO_CONTENT),
        )
        for key in _all_keys(after.lists, before.lists)
    )


def planned_rules(
    before: ListSettings, after: ListSettings, contents: tuple[Contents, Contents]
) -> tuple[PlannedRule, ...]:
    """Return all rules and limits of both files."""
    contents_before, contents_after = contents
    names = {**before.names.names, **after.names.names}
    return tuple(
        PlannedRule(
            kind,
            None if feed_id == ALL_FEEDS else names[feed_id],
            *_texts(before, after, (kind, feed_id)),
            contents_before.rules.get((kind, feed_id), _NO_EFFECT),
            contents_after.rules.get((kind, feed_id), _NO_EFFECT),
        )
        for kind, feed_id in _all_keys(
            after.rules, before.rules, contents_after.rules, contents_before.rules
        )
    )


def _texts(
    before: ListSettings, after: ListSettings, key: RuleKey
) -> tuple[str | None, str | None]:
    """Return the values of a rule in both files."""
    former_text, text = before.rules.get(key), after.rules.get(key)
    if key[0] is Exclusion.PER_HOUR:  # a file with a single feed does not tell
        return former_text or text, text or former_text
    return former_text, text


def changed_settings(before: ListSettings, after: ListSettings) -> Iterator[SettingChange]:
    """Yield the changes of keys about all lists that are no rules."""
    pairs = (
        ("timezone", before.common.timezone, after.common.timezone),
        ("stories", before.shows_stories, after.shows_stories),
    )
    for key, former_value, value in pairs:
        if former_value != value:
            yield SettingChange(key, former_value, value)


def examples(ids: Iterable[int]) -> list[int]:
    """Return the ids of the newest entries."""
    return sorted(ids, reverse=True)[:MAX_EXAMPLES]


def _all_keys(*mappings: Iterable[_Key]) -> dict[_Key, None]:
    return dict.fromkeys(key for mapping in mappings for key in mapping)
