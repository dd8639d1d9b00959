"""Files with feeds: config.yaml, and included files."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aggregator.config import config_text, feed_items, option_validation
from aggregator.config.config_faults import ConfigFault
from aggregator.config.config_text import ConfigText
from aggregator.config.feed_items import FeedItems
from aggregator.config.feed_options import NO_DEFAULTS, FeedDefaults
from aggregator.config.files import Pattern
from aggregator.config.options import FeedPlace
from aggregator.config.value_parsers import quoted
from aggregator.config.variables import Environment, Filling
from aggregator.errors import ConfigError

MAX_INCLUDED = 1_000
"""Included files; all of them are looked at every second."""

_FEEDS = "feeds"
_SHAPE = "must be a list of feeds, or settings of all its feeds with the list as `feeds`"


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A file with feeds.

    Attributes:
        items: By index in the file.
        faults: Of the values, not of variables.
    """

    text: ConfigText
    filling: Filling
    items: FeedItems
    faults: Sequence[ConfigFault] = ()

    def place(self, index: int) -> FeedPlace:
        """Return the place of the feed with an index in the file."""
        return FeedPlace(self.text.path, index)


@dataclass(frozen=True, slots=True)
class IncludedFiles:
    """The included files of config.yaml, in order.

    Attributes:
        faults: Of `include` in config.yaml.
        unreadable: Lines on files without YAML or without the right to read.
    """

    files: list[FeedFile] = field(default_factory=list)
    faults: list[ConfigFault] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_feeds(
    text: ConfigText, environment: Environment, filling: Filling | None = None
) -> FeedFile:
    """Return the feeds of config.yaml, or of an included file with its defaults.

    Args:
        filling: The values of config.yaml, None for an included file.
    """
    folder = environment.folder
    if filling is not None:
        items = feed_items.read_feeds(
            filling.values.get(_FEEDS), folder=folder, defaults=NO_DEFAULTS
        )
        return FeedFile(text, filling, items, items.faults)
    filling = text.filling(environment)
    values = filling.values
    if not isinstance(values, dict):
        return FeedFile(text, filling, FeedItems(), [ConfigFault((), _SHAPE)])
    written_defaults = {key: value for key, value in values.items() if key != _FEEDS}
    defaults = option_validation.read_defaults(written_defaults, folder=folder)
    faults = [] if isinstance(defaults, FeedDefaults) else defaults
    if _FEEDS not in values:  # perhaps under a key that is not known
        return FeedFile(text, filling, FeedItems(), faults or [ConfigFault((), _SHAPE)])
    items = feed_items.read_feeds(
        values[_FEEDS],
        folder=folder,
        defaults=defaults if isinstance(defaults, FeedDefaults) else NO_DEFAULTS,
    )
    return FeedFile(text, filling, items, [*faults, *items.faults])


def read_included(
    patterns: Sequence[str],
    config_path: Path,
    environment: Environment,
    new_texts: Mapping[Path, str],
) -> IncludedFiles:
    """Return the included files of config.yaml, each once; note the stamps of the files.

    Args:
        patterns: The value of `include`.
        new_texts: Texts in place of the texts of files, by path.
    """
    included = IncludedFiles()
    for path in _paths(patterns, config_path, environment, included.faults):
        environment.folder.watch(path)
        try:
            text = ConfigText(new_texts.get(path) or config_text.read(path), path)
            if oversized := text.oversized_part():
                included.unreadable.append(f"{path}: {oversized}")
            else:
                included.files.append(read_feeds(text, environment))
        except ConfigError as error:
            included.unreadable.extend(error.problems)
    return included


def _paths(
    patterns: Sequence[str],
    config_path: Path,
    environment: Environment,
    faults: list[ConfigFault],
) -> Iterable[Path]:
    """Return the paths of the included files; note faults of patterns, and the patterns' stamps."""
    paths: dict[str, Path] = {}
    for index, text in enumerate(patterns):
        pattern = Pattern(config_path.parent, text)
        environment.folder.watch(pattern)
        try:
            paths |= {_absolute(path): path for path in _matching(pattern, config_path)}
        except ValueError as error:
            faults.append(ConfigFault(("include", index), str(error)))
    if len(paths) > MAX_INCLUDED:
        message = f"{len(paths):,} files; include at most {MAX_INCLUDED:,}"
        faults.append(ConfigFault(("include",), message))
        return ()
    return paths.values()


def _matching(pattern: Pattern, config_path: Path) -> Iterator[Path]:
    """Yield the files that a pattern means, but config.yaml.

    Raises:
        ValueError: No file has the path, or the path is not that of an included file.
    """
    paths = pattern.paths()
    if pattern.is_path and not paths:
        raise ValueError(f"there is no file {quoted(pattern.text)}")
    for path in paths:
        is_file = os.path.isfile(path)  # noqa: PTH113 - Path.is_file() raises a missing permission
        if pattern.is_path and os.path.isdir(path):  # noqa: PTH112
            raise ValueError(f"{quoted(pattern.text)} is a folder; write {pattern.text}/*.yaml")
        if pattern.is_path and _is_same(path, config_path):
            raise ValueError(f"{quoted(pattern.text)} is this file; name another")
        if not is_file and (pattern.is_path or not os.path.exists(path)):  # noqa: PTH110
            raise ValueError(f"{quoted(str(path))} leads to no file, or may not be looked at")
        if is_file and not _is_same(path, config_path):
            yield path


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - resolve() follows links


def _is_same(path: Path, config_path: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(config_path)
