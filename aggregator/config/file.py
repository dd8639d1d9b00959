"""config.yaml -> Config, or every problem in it with line and column."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from aggregator.config import characters, document, feeds, schema
from aggregator.config.document import Node, Problem
from aggregator.config.schema import Config, Fault, Feed, Settings, Stamp
from aggregator.errors import ConfigError


def load(path: Path) -> Config:
    """Read the configuration from a file.

    Raises:
        ConfigError: The file can't be read, or holds problems: all of them at once.
    """
    stamp = stamp_of(path)  # before the text: what is saved meanwhile is noticed later
    return replace(parse(read(path), path=path), stamp=stamp)


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes when the file is saved or replaced, None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    # Neither time nor size tells two files of a Nix store apart, nor a file that was written with
    # the time of another one; a link that leads elsewhere now has another file at its end.
    return (
        status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_dev, status.st_ino,
    )  # fmt: skip


def read(path: Path) -> str:
    """Return the text of the file, line ends as they are.

    Raises:
        ConfigError: There is none, it can't be opened, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        message = "no such file; write one (see docs/config.md) or name another with --config"
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


def parse(text: str, *, path: Path) -> Config:
    """Read the configuration from the text of the file at `path`.

    Raises:
        ConfigError: All its problems, in the order of the file.
    """
    source = _Source(text.removeprefix("\ufeff"), path)
    if not isinstance(source.value, dict):
        raise source.refused([Fault((), "must be `key: value` lines")])
    folder = schema.folder_of(path)
    raw = {key: value for key, value in source.value.items() if key != "feeds"}
    settings = schema.read_settings(raw, folder=folder)
    found, faults = _feeds(source.value.get("feeds"), folder)
    faults += feeds.duplicates(found, source.line_of_feed)
    faults += feeds.unnamed_private(found)
    if isinstance(settings, list):
        faults += settings
    if faults or source.problems or not isinstance(settings, Settings):
        raise source.refused(faults)
    subscriptions = feeds.subscriptions(
        found,
        interval=settings.poll.interval,
        interval_given="interval" in (source.value.get("poll") or {}),
    )
    config = Config(
        path=path,
        feeds=subscriptions,
        base_url_given="base_url" in raw,
        **schema.as_arguments(settings),
    )
    return reached_at_port(config, config.web.port)


class _Source:
    """The values of a text; their places, and the problems with it, are worked out when needed.

    Attributes:
        problems: With the text itself.
    """

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path = text, path
        self.problems: list[Problem] = []
        self.value = document.values(text)
        if self.value is None:
            self.value = self.root.value

    @cached_property
    def root(self) -> Node:
        """The text as a tree of nodes that know their places."""
        root, self.problems = document.compose(self._text, path=self._path)
        return root

    def line_of_feed(self, index: int) -> int:
        """Return the line in which an item of `feeds` begins."""
        return document.find(self.root, ["feeds", index])[0].start.line + 1

    def refused(self, faults: Iterable[Fault]) -> ConfigError:
        """Return the error that says everything that is wrong, in the order of the file."""
        problems = {*self.problems, *(_placed(fault, self.root, self._text) for fault in faults)}
        return ConfigError([problem.under(self._path) for problem in sorted(problems)])


def reached_at_port(config: Config, port: int) -> Config:
    """Return `config` with a base URL that leads to this machine's `port`.

    One that leads elsewhere than to this machine's `web.port` stays; port 0, which is any, is none.
    """
    elsewhere = config.base_url != f"http://127.0.0.1:{config.web.port}"
    if not port or (config.base_url_given and elsewhere):
        return config
    return replace(config, base_url=f"http://127.0.0.1:{port}")


def _feeds(items: object, folder: Path) -> tuple[dict[int, Feed], list[Fault]]:
    """Read the items of `feeds` by their index; whatever is wrong with the others."""
    found: dict[int, Feed] = {}
    faults: list[Fault] = []
    try:
        values = schema.listed(items)
    except ValueError as error:
        return {}, [Fault(("feeds",), str(error))]
    for index, value in enumerate(values):
        feed = schema.read_feed(value, folder=folder)
        if isinstance(feed, Feed):
            found[index] = feed
        else:
            faults += [fault.below("feeds", index) for fault in feed]
    return found, faults


def _placed(fault: Fault, root: Node, text: str) -> Problem:
    """Give the fault its place: of the key, of the value, or of what the value is missing in."""
    node, steps = document.find(root, fault.location)
    if fault.of_key:
        *outer, last = fault.location
        parent, _ = document.find(root, outer)
        return _at(parent.pairs[str(last)][0], fault.location, fault.message, text)
    # An address alone has no key `url`, a missing key no value: the message names it all the same.
    missing = isinstance(node.value, dict) and len(steps) < len(fault.location)
    named = fault.location if missing else steps
    return _at(node, named, fault.message, text)


def _at(node: Node, location: Sequence[str | int], message: str, text: str) -> Problem:
    """Return a problem with a node, and where its writer may have been misled.

    A character that looks like another one, or like nothing, is the place itself.  A text that goes
    over several lines does so for want of a dash, a colon or an indentation.
    """
    if not isinstance(node.value, str):
        return document.problem_at(node.start, location, message)
    bad = characters.suspicious(node.value)
    at = text.find(bad, node.start.index, node.end.index) if bad else -1
    if bad and characters.named(bad) not in message:
        message = f"{message}; {characters.complaint(bad)}"
    if node.plain and node.start.line < node.end.line:
        message += f"; this text goes on to line {node.end.line + 1}, check what is missing there"
    problem = document.problem_at(node.start, location, message)
    if at < 0:
        return problem
    line = problem.line + text.count("\n", node.start.index, at)
    line_start = text.rfind("\n", 0, at) + 1
    return replace(problem, line=line, column=at - line_start + 1)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
