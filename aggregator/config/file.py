"""config.yaml -> Config, or every problem in it with line and column."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from aggregator.config import characters, options, yaml_document
from aggregator.config import subscriptions as feeds
from aggregator.config.options import Config, ConfigFault, FeedOptions, GlobalOptions, Stamp
from aggregator.config.yaml_document import Node, Problem
from aggregator.errors import ConfigError

MAX_SIZE = 20_000_000
"""Bytes of a file; 100,000 feeds have about ten million."""

MAX_KEYS = 10_000
"""Keys of a mapping, items of a list other than `feeds`."""

MOST_TOLD = 50
"""Problems that are told one by one."""

MOST_SUGGESTIONS = 20
"""Of these with what was probably meant."""


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
        with path.open("rb") as stream:
            text = stream.read(MAX_SIZE + 1)
        if len(text) > MAX_SIZE:
            message = f"larger than {MAX_SIZE // 10**6} MB; no configuration is"
            raise ConfigError([f"{path}: {message}"])
        return text.decode()
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
    source = _ConfigText(text.removeprefix("\ufeff"), path)
    if not isinstance(source.value, dict):
        raise source.refused([ConfigFault((), "must be `key: value` lines")])
    folder = options.folder_of(path)
    raw = {key: value for key, value in source.value.items() if key != "feeds"}
    if oversized := _oversized(raw):
        raise ConfigError([f"{path}: {oversized}"])  # to find its line would take seconds
    settings = options.read_settings(raw, folder=folder)
    found, faults = _feeds(source.value.get("feeds"), folder)
    faults += islice(feeds.duplicates(found, source.line_of_feed), yaml_document.MAX_PROBLEMS)
    faults += feeds.unnamed_private(found)
    if isinstance(settings, list):
        faults += settings
    if faults or source.problems or not isinstance(settings, GlobalOptions):
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
        **options.as_arguments(settings),
    )
    return reached_at_port(config, config.web.port)


class _ConfigText:
    """The values of a text; their places, and the problems with it, are worked out when needed.

    Attributes:
        problems: With the text itself.
    """

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path = text, path
        self.problems: list[Problem] = []
        self.value = yaml_document.values(text)
        if self.value is None:
            self.value = self.root.value

    @cached_property
    def root(self) -> Node:
        """The text as a tree of nodes that know their places."""
        root, self.problems = yaml_document.compose(self._text, path=self._path)
        return root

    def line_of_feed(self, index: int) -> int:
        """Return the line in which an item of `feeds` begins."""
        return yaml_document.find(self.root, ["feeds", index])[0].start.line + 1

    def refused(self, faults: Iterable[ConfigFault]) -> ConfigError:
        """Return the error that says everything that is wrong, in the order of the file.

        After the first fifty it says how many more there are: who has so many problems mends the
        first ones and looks again.
        """
        placed = [_placed(fault, self.root, self._text) for fault in faults]
        problems = sorted({*self.problems, *placed})
        suggested = [one.suggesting() for one in problems[:MOST_SUGGESTIONS]]
        lines = [
            problem.under(self._path)
            for problem in [*suggested, *problems[MOST_SUGGESTIONS:MOST_TOLD]]
        ]
        more = len(problems) - len(lines)
        if more:
            at_least = "at least " if len(problems) >= yaml_document.MAX_PROBLEMS else ""
            number = "1 more problem" if more == 1 else f"{more:,} more problems"
            lines.append(f"{self._path}: {at_least}{number}; mend these first")
        return ConfigError(lines)


def reached_at_port(config: Config, port: int) -> Config:
    """Return `config` with a base URL that leads to this machine's `port`.

    One that leads elsewhere than to this machine's `web.port` stays; port 0, which is any, is none.
    """
    elsewhere = config.base_url != f"http://127.0.0.1:{config.web.port}"
    if not port or (config.base_url_given and elsewhere):
        return config
    return replace(config, base_url=f"http://127.0.0.1:{port}")


def _feeds(items: object, folder: Path) -> tuple[dict[int, FeedOptions], list[ConfigFault]]:
    """Read the items of `feeds` by their index; whatever is wrong with the others."""
    found: dict[int, FeedOptions] = {}
    faults: list[ConfigFault] = []
    try:
        values = options.listed(items)
    except ValueError as error:
        return {}, [ConfigFault(("feeds",), str(error))]
    for index, value in enumerate(values):
        if len(faults) >= yaml_document.MAX_PROBLEMS:
            break
        feed = options.read_feed(value, folder=folder)
        if isinstance(feed, FeedOptions):
            found[index] = feed
        else:
            faults += [fault.below("feeds", index) for fault in feed]
    return found, faults


def _oversized(raw: object, location: tuple[str, ...] = ()) -> str | None:
    """Say which part of the settings has more keys or items than any could have; None: none."""
    if isinstance(raw, dict | list) and len(raw) > MAX_KEYS:
        where = f"{yaml_document.label(location)}: " if location else ""
        return f"{where}has {len(raw):,} entries; write at most {MAX_KEYS:,}"
    if not isinstance(raw, dict):
        return None
    parts = (_oversized(value, (*location, key)) for key, value in raw.items())
    return next(filter(None, parts), None)


def _placed(fault: ConfigFault, root: Node, text: str) -> Problem:
    """Give the fault its place: of the key, of the value, or of what the value is missing in."""
    node, steps = yaml_document.find(root, fault.location)
    if fault.of_key:
        *outer, last = fault.location
        parent, _ = yaml_document.find(root, outer)
        return _at(parent.pairs[str(last)][0], fault.location, fault, text)
    # An address alone has no key `url`, a missing key no value: the message names it all the same.
    missing = isinstance(node.value, dict) and len(steps) < len(fault.location)
    named = fault.location if missing else steps
    return _at(node, named, fault, text)


def _at(node: Node, location: Sequence[str | int], fault: ConfigFault, text: str) -> Problem:
    """Return a problem with a node, and where its writer may have been misled.

    A character that looks like another one, or like nothing, is the place itself.  A text that goes
    over several lines does so for want of a dash, a colon or an indentation.
    """
    if not isinstance(node.value, str):
        return yaml_document.problem_at(node.start, location, fault.message, fault.suggest)
    bad = characters.suspicious(node.value)
    at = text.find(bad, node.start.index, node.end.index) if bad else -1
    hints = ""
    if bad and characters.named(bad) not in fault.message:
        hints = f"; {characters.complaint(bad)}"
    if node.plain and node.start.line < node.end.line:
        hints += f"; this text goes on to line {node.end.line + 1}, check what is missing there"
    suggest = fault.suggest
    problem = yaml_document.problem_at(
        node.start,
        location,
        f"{fault.message}{hints}",
        None if suggest is None else lambda: f"{suggest()}{hints}",
    )
    if at < 0:
        return problem
    line = problem.line + text.count("\n", node.start.index, at)
    line_start = text.rfind("\n", 0, at) + 1
    return replace(problem, line=line, column=at - line_start + 1)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
