"""The text of a file of the configuration -> values, and problems with line and column."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from aggregator.config import scalar_places, stray_characters, yaml_document
from aggregator.config.config_faults import ConfigFault
from aggregator.config.files import Stamp, Watched, open_at_once
from aggregator.config.variables import Environment, Filling, fill
from aggregator.config.yaml_document import Node, Problem
from aggregator.errors import ConfigError

MAX_SIZE = 20_000_000
"""Bytes of a file; 100,000 feeds take about ten million."""

MAX_KEYS = 10_000
"""Most keys of a mapping, and most items of a list other than `feeds`."""

MAX_REPORTED = 50
"""Problems that are reported one by one."""

MAX_SUGGESTIONS = 20
"""Reported problems with a suggestion of what was probably meant."""

_FEEDS = "feeds"


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


class ConfigText:
    """The text of config.yaml or of an included file, and the values in the text.

    The places of the values, and the problems of the text, are worked out when needed.  A list
    instead of settings counts as the value of `feeds`.

    Attributes:
        path: Of the file.
        is_list: The text is a list.
        values: Texts, None, lists and dicts, as written.
        problems: Problems of the text as YAML.
    """

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text.removeprefix("\ufeff"), path
        self.problems: list[Problem] = []
        self.values = yaml_document.values(self.text)
        if self.values is None:
            self.values = self.root.value
        self.is_list = isinstance(self.values, list)
        if self.is_list:
            self.values = {_FEEDS: self.values}

    @cached_property
    def root(self) -> Node:
        """The text as a tree of nodes with places."""
        root, self.problems = yaml_document.compose(self.text, path=self.path)
        if not isinstance(root.value, list):
            return root
        return replace(root, items=(), pairs={_FEEDS: (root, root)})

    def filling(self, environment: Environment) -> Filling:
        """Return the values with their variables filled in."""
        return fill(self.values, environment) if "${" in self.text else Filling(self.values)

    def line_of(self, *location: str | int) -> int | None:
        """Return the line in which a key or an item begins, None if the file does not have it."""
        *outer, last = location
        section, steps = yaml_document.find(self.root, outer)
        if len(steps) < len(outer):
            return None
        if isinstance(last, str):
            return section.pairs[last][0].start.line + 1 if last in section.pairs else None
        return section.items[last].start.line + 1 if last < len(section.items) else None

    def oversized_part(self) -> str | None:
        """Return a message on the first part with too many keys or items, None for none."""
        if not isinstance(self.values, dict):
            return None
        return _oversized_part({**self.values, _FEEDS: None})

    def problems_with(self, faults: Iterable[ConfigFault]) -> list[Problem]:
        """Return the problems of the text and the faults of the values, in order."""
        fault_problems = [_problem_of(fault, self.root, self.text) for fault in faults]
        return sorted({*self.problems, *fault_problems})


def error_of(
    faults: Iterable[tuple[ConfigText, Iterable[ConfigFault]]],
    stamps: Mapping[Watched, Stamp | None] | None = None,
    unreadable: Sequence[str] = (),
) -> ConfigError:
    """Return the error with all problems, in the order of the files.

    Problems beyond `MAX_REPORTED` are only counted: a person mends the first problems and
    checks again.

    Args:
        faults: Of config.yaml, then of included files.
        stamps: Of the files beside config.yaml, and of patterns.
        unreadable: Lines on unreadable files.
    """
    paths: list[Path] = []
    problems: list[tuple[Path, Problem]] = []
    for text, faults_of_text in faults:
        paths.append(text.path)
        problems += [(text.path, problem) for problem in text.problems_with(faults_of_text)]
    suggested = [(path, problem.suggesting()) for path, problem in problems[:MAX_SUGGESTIONS]]
    reported = [*suggested, *problems[MAX_SUGGESTIONS:MAX_REPORTED]]
    lines = [problem.under(path) for path, problem in reported]
    unreported = len(problems) - len(lines)
    lines += unreadable[:MAX_REPORTED]
    if unreported:
        at_least = "at least " if len(problems) >= yaml_document.MAX_PROBLEMS else ""
        number = "1 more problem" if unreported == 1 else f"{unreported:,} more problems"
        lines.append(f"{paths[0]}: {at_least}{number}; mend these first")
    return ConfigError(lines, stamps)


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
