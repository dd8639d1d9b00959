"""YAML text -> plain values, and their places in the text.  Pure; PyYAML is imported here only.

Scalars stay text as written: `port: 8080` is "8080" and `category: no` is "no".  So no value needs
quotes because YAML 1.1 would read a number, a date or a truth value; options decide what a text
means.

`values` returns the values alone, enough for a valid file; `compose` returns a tree of nodes with
their places, which takes several times the time and memory.  Both read the parser's events without
recursion: PyYAML's composer is slower, and overflows the C stack on brackets nested 100,000 deep.

Source: YAML 1.1 (the language of PyYAML); https://yaml.org/type/merge.html for `<<`.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import yaml
from yaml import Mark, events

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same events, but slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

from aggregator import urls
from aggregator.config import stray_characters, yaml_mistakes
from aggregator.errors import ConfigError

MAX_DEPTH = 20
MAX_REPEATED = 100_000  # nodes that aliases repeat; "billion laughs" repeats any number
MAX_PROBLEMS = 1_000  # a file that is not a configuration has millions

_PART = 500_000  # characters
_MAX_MESSAGE = 400

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(
    {None, "!", *(f"tag:yaml.org,2002:{word}" for word in ("str", "int", "float", "map", "seq"))}
)
# Characters that YAML does not allow, and those that end a line in YAML but not in any editor:
# numbers of the lines below would be wrong.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(slots=True)
class Node:
    """A value with its place.

    Attributes:
        value: Text, None for an empty value, or a list or dict of such values.
        start, end: Begin and end of the node's text without a comment behind; of an alias, the
            places of `*name`.
        items: Nodes of a list, in order.
        pairs: Nodes of key and value of a mapping, by key.
        flow: The node is written in brackets or braces.
        alias: The node is written as `*name` and repeats a node above.
        is_plain: The node is a scalar without quotes.
        size: Number of nodes in this one, those that aliases repeat included; 0 while the node is
            being read.
    """

    value: object
    start: Mark
    end: Mark
    items: Sequence["Node"]
    pairs: Mapping[str, tuple["Node", "Node"]]
    flow: bool = False
    alias: bool = False
    is_plain: bool = False
    size: int = 1


_NO_PAIRS: Mapping[str, tuple[Node, Node]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem at a place of the text.

    Attributes:
        line, column: Counted from 1.
        suggest: Returns a better message, in a few milliseconds; None if there is none.
    """

    line: int
    column: int
    message: str
    suggest: Callable[[], str] | None = field(default=None, compare=False)

    def under(self, path: Path) -> str:
        """Return the problem as one line of output."""
        return f"{path}:{self.line}:{self.column}: {_clipped(self.message)}"

    def suggesting(self) -> "Problem":
        """Return the problem with the better message."""
        return replace(self, message=self.suggest()) if self.suggest else self


def values(text: str) -> object | None:
    """Return the values of `text` without their places, equal to those of `compose`.

    None for a text that only `compose` can read: with problems, aliases or tags.
    """
    if _unprintable(text):
        return None
    try:
        return _values(_Loader(text))
    except (yaml.MarkedYAMLError, _UnusualError):
        return None


def _unprintable(text: str) -> re.Match[str] | None:
    """Find a character that YAML does not allow, in parts: `re` blocks all other threads."""
    parts = range(0, len(text), _PART)
    return next(filter(None, (_UNPRINTABLE.search(text, at, at + _PART) for at in parts)), None)


def compose(text: str, *, path: Path) -> tuple[Node, list[Problem]]:
    """Return `text` as a tree of nodes, and the problems of its keys and tags.

    Raises:
        ConfigError: The text is empty, not YAML, nested too deep, or its aliases repeat too much.
    """
    if unprintable := _unprintable(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        column = unprintable.start() - text.rfind("\n", 0, unprintable.start())
        character = stray_characters.label(unprintable[0])
        message = f"the character {character} can't stand in a text file; remove it"
        raise ConfigError([Problem(line, column, message).under(path)])
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_problem(error, text).under(path)]) from error
    if builder.root is None or builder.root.value is None:
        raise ConfigError([f"{path}: empty; write at least one setting (see docs/config.md)"])
    return builder.root, builder.problems


def find(root: Node, location: Sequence[str | int]) -> tuple[Node, Sequence[str | int]]:
    """Return the node at `location`, or else the nearest node around, and the node's location."""
    node = root
    for depth, step in enumerate(location):
        if isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        elif isinstance(step, str) and step in node.pairs:
            node = node.pairs[step][1]
        else:
            return node, location[:depth]
    return node, location


def problem_at(
    mark: Mark,
    location: Sequence[str | int],
    message: str,
    suggest: Callable[[], str] | None = None,
) -> Problem:
    """Return a problem with the value at `location`, such as `feeds[3].interval: message`."""
    start = f"{label(location)}: " if location else ""
    suggested = None if suggest is None else lambda: f"{start}{suggest()}"
    return Problem(mark.line + 1, mark.column + 1, f"{start}{message}", suggested)


def label(location: Sequence[str | int]) -> str:
    """Return a location as text: `feeds[3].interval`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in location)
    return "".join(steps).removeprefix(".")


def _key(text: str) -> str:
    """Return a key safe for a terminal, short, and masked: a key may be an address."""
    text = urls.masked_input(text)
    return (text if text.isprintable() else repr(text)[1:-1])[:60]


def _clipped(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 3]}..."


class _UnusualError(Exception):
    """The text has a feature that only `compose` reads."""


_STARTS = {events.MappingStartEvent: dict, events.SequenceStartEvent: list}
_ENDS = frozenset({events.MappingEndEvent, events.SequenceEndEvent})
_DOCUMENT_EVENTS = frozenset(
    {events.StreamStartEvent, events.DocumentStartEvent, events.DocumentEndEvent}
)


def _values(loader: _Loader) -> object:
    """Return the values of all events; one loop, as a file may have a million events."""
    next_event: Callable[[], Any] = loader.get_event
    documents: list[Any] = []
    node: Any = documents
    key: str | None = None
    outer: list[tuple[Any, str | None]] = []
    while (kind := type(event := next_event())) is not events.StreamEndEvent:
        if kind is events.ScalarEvent:
            value = _scalar(event)
        elif kind in _STARTS:
            if event.tag or event.anchor or len(outer) == MAX_DEPTH:
                raise _UnusualError
            outer.append((node, key))
            node, key = _STARTS[kind](), None
            continue
        elif kind in _ENDS:
            value = node
            node, key = outer.pop()
        elif kind in _DOCUMENT_EVENTS:
            continue
        else:
            raise _UnusualError
        if type(node) is list:
            node.append(value)
        elif key is None:
            key = _key_in(node, value)
        else:
            node[key] = value
            key = None
    if len(documents) != 1:
        raise _UnusualError
    return documents[0]


def _scalar(event: events.ScalarEvent) -> str | None:
    if event.tag or event.anchor:
        raise _UnusualError
    return None if event.value in _NULLS and event.implicit[0] else event.value


def _key_in(mapping: dict[str, object], value: object) -> str:
    if type(value) is not str or value == "<<" or value in mapping:
        raise _UnusualError
    return sys.intern(value)  # one string object for the keys of all feeds


@dataclass(slots=True)
class _Frame:
    """A list or mapping whose end is not read yet."""

    node: Node
    items: list[Node] = field(default_factory=list)
    pairs: dict[str, tuple[Node, Node]] = field(default_factory=dict)
    key: Node | None = None
    merged: dict[str, tuple[Node, Node]] = field(default_factory=dict)


class _Builder:
    """Builds a tree of nodes from events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._repeated = 0
        self._end: Mark | None = None  # of the last node, without comments behind

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, events.CollectionStartEvent):
            self._open_collection(event)
        elif isinstance(event, events.CollectionEndEvent):
            self._close_collection(event)
        elif isinstance(event, events.AliasEvent):
            self._attach(self._aliased(event))
        elif isinstance(event, events.DocumentStartEvent) and self.root is not None:
            raise _fault("a second document begins here; keep one, without `---`", _marks(event)[0])

    def _take_scalar(self, event: events.ScalarEvent) -> None:
        is_plain = event.implicit[0] and event.tag is None
        value = None if is_plain and event.value in _NULLS else event.value
        node = Node(value, *_marks(event), (), _NO_PAIRS, is_plain=is_plain)
        self._end = node.end
        self._remember(event, node)
        self._attach(node)

    def _open_collection(self, event: events.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _fault(yaml_mistakes.TOO_DEEP, _marks(event)[0])
        value: object = {} if isinstance(event, events.MappingStartEvent) else []
        flow = bool(event.flow_style)
        node = Node(value, *_marks(event), (), _NO_PAIRS, flow=flow, size=0)
        self._remember(event, node)
        self._open.append(_Frame(node))

    def _close_collection(self, event: events.CollectionEndEvent) -> None:
        frame = self._open.pop()
        node = frame.node
        if node.flow or self._end is None:
            self._end = _marks(event)[1]
        node.end = self._end
        if isinstance(node.value, dict):
            for name, pair in frame.merged.items():
                frame.pairs.setdefault(name, pair)
            node.value.update((name, pair[1].value) for name, pair in frame.pairs.items())
        node.items, node.pairs = frame.items, frame.pairs
        node.size = 1 + sum(item.size for item in frame.items)
        node.size += sum(pair[1].size for pair in frame.pairs.values())
        self._attach(node)

    def _remember(self, event: events.NodeEvent, node: Node) -> None:
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS:
            self._report(
                _marks(event)[0], f"the tag {_key(str(tag))!r} means nothing here; remove it"
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _aliased(self, event: events.AliasEvent) -> Node:
        target = self._anchors.get(str(event.anchor))
        if target is None:
            raise _fault(f"*{event.anchor} stands for nothing above", _marks(event)[0])
        if target.size == 0:
            raise _fault(f"*{event.anchor} would contain itself", _marks(event)[0])
        self._repeated += target.size
        if self._repeated > MAX_REPEATED:
            raise _fault("aliases (*) that stand for far too much", _marks(event)[0])
        node = replace(target, start=_marks(event)[0], end=_marks(event)[1], alias=True)
        self._end = node.end
        return node

    def _attach(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node.value, list):
            frame.items.append(node)
            frame.node.value.append(node.value)
        elif frame.key is None:
            frame.key = node
        else:
            key = frame.key
            self._pair(frame, key, node)
            frame.key = None

    def _pair(self, frame: _Frame, key: Node, node: Node) -> None:
        if key.value == "<<" and key.is_plain:
            self._merge(frame, node)
        elif not isinstance(key.value, str):
            self._report(key.start, "a key must be a word")
        elif first := frame.pairs.get(key.value):
            line = first[0].start.line + 1
            self._report(key.start, f"stands here twice, first in line {line}; keep one")
        else:
            frame.pairs[key.value] = (key, node)

    def _merge(self, frame: _Frame, node: Node) -> None:
        for source in node.items or [node]:
            if not isinstance(source.value, dict):
                self._report(source.start, "only a mapping can be merged")
            for name, pair in source.pairs.items():
                frame.merged.setdefault(name, pair)

    def _report(self, mark: Mark, message: str) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        location: list[str | int] = []
        for frame in self._open:
            if isinstance(frame.node.value, list):
                location.append(len(frame.items))
            elif frame.key is not None and isinstance(frame.key.value, str):
                location.append(frame.key.value)
        self.problems.append(problem_at(mark, location, message))


def _marks(event: events.Event) -> tuple[Mark, Mark]:
    return cast("Mark", event.start_mark), cast("Mark", event.end_mark)


def _problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    if isinstance(
        error, yaml.composer.ComposerError
    ):  # raised by `_fault` only: PyYAML composes nothing here
        mark, message = cast("Mark", error.problem_mark), error.problem or ""
        return Problem(mark.line + 1, mark.column + 1, message)
    return Problem(*yaml_mistakes.mistake(error, text, _tokens(text)))


def _tokens(text: str) -> Callable[[int], list[yaml.tokens.Token]]:
    """Return a function that reads the tokens before an index, up to the first error."""

    def before(end: int) -> list[yaml.tokens.Token]:
        tokens: list[yaml.tokens.Token] = []
        with suppress(yaml.MarkedYAMLError):
            tokens.extend(yaml.scan(text[:end], Loader=_Loader))
        return tokens

    return before


def _fault(problem: str, mark: Mark) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, mark)
