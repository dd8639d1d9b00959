"""config.yaml -> Config, or every problem in the file with line and column."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from aggregator.config import (
    feed_items,
    option_validation,
    options,
    repeated_values,
    scalar_places,
    stray_characters,
    subscriptions,
    yaml_document,
)
from aggregator.config.config_faults import ConfigFault
from aggregator.config.feed_items import FeedItems
from aggregator.config.files import Folder, Stamp, open_at_once, stamp_of
from aggregator.config.options import Config, FeedOptions, GlobalOptions
from aggregator.config.page_files import Face
from aggregator.config.variables import Environment, Filling, fill
from aggregator.config.yaml_document import Node, Problem
from aggregator.errors import ConfigError
from aggregator.model import Subscription

MAX_SIZE = 20_000_000
"""Bytes of a file; 100,000 feeds take about ten million."""

MAX_KEYS = 10_000
"""Most keys of a mapping, and most items of a list other than `feeds`."""

MAX_REPORTED = 50
"""Problems that are reported one by one."""

MAX_SUGGESTIONS = 20
"""Reported problems with a suggestion of what was probably meant."""


def load(path: Path) -> Config:
    """Read the configuration from a file.

    Raises:
        ConfigError: The file can't be read, or has problems; the error lists all problems.
    """
    stamp = stamp_of(path)  # before the text: a file that is saved meanwhile is noticed later
    config = parse(read(path), path=path)
    return replace(config, stamps={path: stamp, **config.stamps})


def read(path: Path) -> str:
    """Return the text of the file with unchanged line ends.

    Raises:
        ConfigError: The file does not exist, can't be opened, or is not UTF-8.
    """
    try:
        with open(path, "rb", opener=open_at_once) as stream:
            text = stream.read(MAX_SIZE + 1)
        if len(text) > MAX_SIZE:
            message = f"larger than {MAX_SIZE // 10**6} MB; no configuration is"
            raise ConfigError([f"{path}: {message}"])
        return text.decode()
    except FileNotFoundError as error:
        message = "no such file; write one with `aggregator init`, or name another with --config"
        raise ConfigError([f"{path}: {message}"]) from error
    except IsADirectoryError as error:
        message = f"a folder; name the file in it with --config {path / 'config.yaml'}"
        raise ConfigError([f"{path}: {message}"]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        raise ConfigError([f"{path}:{line}:{column}: not UTF-8; save the file as UTF-8"]) from error
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: can't be read: {_reason(error)}"]) from error


def line_of(config: Config, *location: str | int) -> int | None:
    """Return the line in which a key of the file stands, counted from 1.

    Args:
        location: Keys and indexes that lead to the value, such as "feeds", 3, "hide".

    Returns:
        None if the file does not have the key any more.
    """
    *outer, key = location
    try:
        text = read(config.path).removeprefix("\ufeff")
        root, _ = yaml_document.compose(text, path=config.path)
    except ConfigError:
        return None
    section, steps = yaml_document.find(root, outer)
    if len(steps) < len(outer) or key not in section.pairs:
        return None
    return section.pairs[str(key)][0].start.line + 1


def parse(text: str, *, path: Path) -> Config:
    """Read the configuration from the text of the file at `path`.

    Variables have their values from the environment of this process.

    Raises:
        ConfigError: All problems of the text, in the order of the file.
    """
    folder = Folder(options.folder_of(path), options.data_folder())
    read = _read_values(_ConfigText(text, path), Environment(os.environ, folder))
    settings = read.settings
    feeds = subscriptions.subscriptions(
        read.items.feeds,
        read.items.written_addresses,
        interval=settings.poll.interval,
        interval_given="interval" in (read.values.get("poll") or {}),
        stories_off_in=settings.stories.off_in,
        read_here=settings.page.read_here,
        pictures=settings.page.pictures,
    )
    config = Config(
        path=path,
        data=folder.data,
        stamps=folder.stamps,
        feeds=feeds,
        faces=_faces(feeds, read.items.feeds.values()),
        secrets=read.secrets,
        base_url_given="base_url" in read.values,
        **option_validation.as_arguments(settings),
    )
    return reached_at_port(config, config.web.port)


def count_unread(path: Path) -> int:
    """Return how many values of the file have variables without a value.

    Raises:
        ConfigError: All problems of the other values, in the order of the file.
    """
    folder = Folder(options.folder_of(path), options.data_folder())
    environment = Environment(os.environ, folder, is_complete=False)
    return _read_values(_ConfigText(read(path), path), environment).unread_count


@dataclass(frozen=True, slots=True)
class _ReadValues:
    """The values of a file without faults.

    Attributes:
        values: Texts, None, lists and dicts, by key.
        settings: Defaults stand in for a value with a variable without a value.
        unread_count: Number of values with such a variable.
        secrets: As of `Filling`.
    """

    values: dict[str, Any]
    settings: GlobalOptions
    items: FeedItems
    unread_count: int
    secrets: tuple[str, ...]


def _read_values(config_text: "_ConfigText", environment: Environment) -> _ReadValues:
    """Return the values, filled in and checked.

    Raises:
        ConfigError: All problems of the text, in the order of the file.
    """
    if not isinstance(config_text.values, dict):
        raise config_text.error([ConfigFault((), "must be `key: value` lines")])
    if oversized := _oversized_part(_without_feeds(config_text.values)):
        raise ConfigError([f"{config_text.path}: {oversized}"])  # to find the line takes seconds
    filling = config_text.filling(environment)
    values, folder = filling.values, environment.folder
    settings = option_validation.read_settings(_without_feeds(values), folder=folder)
    items = feed_items.read_feeds(values.get("feeds"), folder=folder)
    repetitions = chain(
        repeated_values.repeated_feeds(items.addresses, items.names, config_text.line_of_feed),
        repeated_values.repeated_views(values.get("views")),
        repeated_values.repeated_sites(values.get("hosts")),
    )
    faults = [*items.faults, *islice(repetitions, yaml_document.MAX_PROBLEMS)]
    if isinstance(settings, list):
        faults += settings
        settings = GlobalOptions()
    faults = [*filling.faults, *filling.without_unread(faults)]
    if faults or config_text.problems:
        raise config_text.error(faults, folder.stamps)
    return _ReadValues(values, settings, items, len(filling.unread), filling.secrets)


def _without_feeds(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "feeds"}


def _faces(feeds: Iterable[Subscription], items: Iterable[FeedOptions]) -> dict[str, Face]:
    """Return the pictures of feeds by name.

    Args:
        items: As in the file, in the order of the feeds.
    """
    pairs = zip(feeds, items, strict=True)
    return {feed.name: item.picture for feed, item in pairs if item.picture is not None}


class _ConfigText:
    """The text of a file, and the values in the text.

    The places of the values, and the problems of the text, are worked out when needed.

    Attributes:
        path: Of the file.
        values: Texts, None, lists and dicts, as written.
        problems: Problems of the text as YAML.
    """

    def __init__(self, text: str, path: Path) -> None:
        self._text, self.path = text.removeprefix("\ufeff"), path
        self.problems: list[Problem] = []
        self.values = yaml_document.values(self._text)
        if self.values is None:
            self.values = self.root.value

    @cached_property
    def root(self) -> Node:
        """The text as a tree of nodes with places."""
        root, self.problems = yaml_document.compose(self._text, path=self.path)
        return root

    def filling(self, environment: Environment) -> Filling:
        """Return the values with their variables filled in."""
        return fill(self.values, environment) if "${" in self._text else Filling(self.values)

    def line_of_feed(self, index: int) -> int:
        """Return the line in which an item of `feeds` begins."""
        return yaml_document.find(self.root, ["feeds", index])[0].start.line + 1

    def error(
        self, faults: Iterable[ConfigFault], stamps: Mapping[Path, Stamp | None] | None = None
    ) -> ConfigError:
        """Return the error that lists all problems, in the order of the file.

        Problems beyond `MAX_REPORTED` are only counted: a person mends the first problems and
        checks again.

        Args:
            stamps: Of the files beside the file that were read, or are missing.
        """
        fault_problems = [_problem_of(fault, self.root, self._text) for fault in faults]
        problems = sorted({*self.problems, *fault_problems})
        suggested = [problem.suggesting() for problem in problems[:MAX_SUGGESTIONS]]
        lines = [
            problem.under(self.path)
            for problem in [*suggested, *problems[MAX_SUGGESTIONS:MAX_REPORTED]]
        ]
        unreported = len(problems) - len(lines)
        if unreported:
            at_least = "at least " if len(problems) >= yaml_document.MAX_PROBLEMS else ""
            number = "1 more problem" if unreported == 1 else f"{unreported:,} more problems"
            lines.append(f"{self.path}: {at_least}{number}; mend these first")
        return ConfigError(lines, stamps)


def reached_at_port(config: Config, port: int) -> Config:
    """Return `config` with a base URL that leads to `port` of this machine.

    A base URL that does not lead to `web.port` of this machine stays; so does every base URL if
    `port` is 0, which stands for any free port.
    """
    elsewhere = config.base_url != f"http://127.0.0.1:{config.web.port}"
    if not port or (config.base_url_given and elsewhere):
        return config
    return replace(config, base_url=f"http://127.0.0.1:{port}")


def _oversized_part(value: object, location: tuple[str, ...] = ()) -> str | None:
    """Return a message on the first part with more than `MAX_KEYS` keys or items, None for none."""
    if isinstance(value, dict | list) and len(value) > MAX_KEYS:
        where = f"{yaml_document.label(location)}: " if location else ""
        return f"{where}has {len(value):,} entries; write at most {MAX_KEYS:,}"
    if not isinstance(value, dict):
        return None
    parts = (_oversized_part(inner, (*location, key)) for key, inner in value.items())
    return next(filter(None, parts), None)


def _problem_of(fault: ConfigFault, root: Node, text: str) -> Problem:
    """Return a fault with the place of its key or value, or of the section without the key."""
    node, steps = yaml_document.find(root, fault.location)
    if fault.of_key:
        *outer, last = fault.location
        parent, _ = yaml_document.find(root, outer)
        return _problem_at(parent.pairs[str(last)][0], fault.location, fault, text)
    # An address alone has no key `url`, a missing key has no value; the message names the key.
    is_missing = isinstance(node.value, dict) and len(steps) < len(fault.location)
    if fault.index is not None and isinstance(node.value, str):
        return _problem_in_text(node, node.value, fault, text)
    return _problem_at(node, fault.location if is_missing else steps, fault, text)


def _problem_in_text(node: Node, value: str, fault: ConfigFault, text: str) -> Problem:
    """Return a problem with a part of a text."""
    at = scalar_places.place_in_scalar(
        text, node.start.index, node.end.index, value, fault.index or 0
    )
    problem = yaml_document.problem_at(node.start, fault.location, fault.message)
    return _moved(problem, node, at, text)


def _moved(problem: Problem, node: Node, at: int, text: str) -> Problem:
    """Return a problem with the place of a character within the node."""
    line = problem.line + text.count("\n", node.start.index, at)
    line_start = text.rfind("\n", 0, at) + 1
    return replace(problem, line=line, column=at - line_start + 1)


def _problem_at(
    node: Node, location: Sequence[str | int], fault: ConfigFault, text: str
) -> Problem:
    """Return a problem with a node, with hints at likely causes.

    An invisible or confusable character is the place of the problem.  A text of several lines lacks
    a dash, a colon or an indentation.
    """
    if not isinstance(node.value, str):
        return yaml_document.problem_at(node.start, location, fault.message, fault.suggest)
    character = stray_characters.confusable(node.value)
    at = text.find(character, node.start.index, node.end.index) if character else -1
    hints = ""
    if character and stray_characters.label(character) not in fault.message:
        hints = f"; {stray_characters.complaint(character)}"
    if node.is_plain and node.start.line < node.end.line:
        hints += f"; this text goes on to line {node.end.line + 1}, check what is missing there"
    suggest = fault.suggest
    problem = yaml_document.problem_at(
        node.start,
        location,
        f"{fault.message}{hints}",
        None if suggest is None else lambda: f"{suggest()}{hints}",
    )
    return problem if at < 0 else _moved(problem, node, at, text)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
