"""Changes of single feeds in a text; every other byte of the text stays.  Pure."""

import re
from collections.abc import Iterable

from aggregator.config import yaml_text
from aggregator.config.yaml_document import Node

_DASH = re.compile(r"^[ \t]*-(?=[ \t\r\n]|$)", re.MULTILINE)
_COMMA = re.compile(r"[ \t]*,")
_COMMENT = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|$)")


class UneditableError(ValueError):
    """The way in which a feed is written leaves changes to a person."""


def without_item(text: str, items: Node, index: int) -> str:
    """Return a text without an item of a list, and without the comments within the item.

    Args:
        items: The list.

    Raises:
        UneditableError: The list is written as an alias.
    """
    if items.alias:
        raise UneditableError("the list of feeds is an alias")
    start, end = _item_in_brackets(text, items, index) if items.flow else _lines(text, items, index)
    return text[:start] + text[end:]


def _lines(text: str, items: Node, index: int) -> tuple[int, int]:
    """Return where the lines of an item with a dash begin and end."""
    item = items.items[index]
    searched_from = items.items[index - 1].end.index if index else _line_start(text, items)
    dash = _DASH.search(text, searched_from, item.start.index + 1)
    if dash is None:
        raise UneditableError("the dash of the feed stands behind other text")
    end = yaml_text.next_line(text, item.end.index)
    # Comments that are indented like the settings of the feed, such as settings that are off.
    width = dash.end() - dash.start()
    while comment := re.compile(rf"[ ]{{{width},}}#.*").match(text, end):
        end = yaml_text.next_line(text, comment.end())
    return dash.start(), end


def _line_start(text: str, node: Node) -> int:
    return node.start.index - node.start.column


def _item_in_brackets(text: str, items: Node, index: int) -> tuple[int, int]:
    """Return where an item in brackets begins and ends, with its comma."""
    item = items.items[index]
    comma = _COMMA.match(text, item.end.index)
    start, end = item.start.index, comma.end() if comma else item.end.index
    line_start = _line_start(text, item)
    if not text[line_start:start].strip() and _COMMENT.match(text, end):
        return line_start, yaml_text.next_line(text, end)
    if comma:
        blanks = len(text[end:]) - len(text[end:].lstrip(" "))
        return start, end + blanks
    return (items.items[index - 1].end.index if index else start), end


def with_name(text: str, items: Node, index: int, name: str) -> str:
    """Return a text in which an item of a list of feeds has another name.

    Args:
        items: The list.
        name: The name as a scalar of YAML.

    Raises:
        UneditableError: The list or the item is an alias, or all settings of the item are merged.
    """
    item = items.items[index]
    if items.alias:
        raise UneditableError("the list of feeds is an alias")
    if not isinstance(item.value, dict):
        return _as_settings(text, item, name, in_brackets=items.flow)
    if item.alias:
        raise UneditableError("the feed is an alias")
    if own_name := _own_pair(item, "name"):
        return _with_value(text, *own_name, name)
    key, value = _own_pair(item, "url") or _last_own_pair(item)
    if item.flow:
        return _inserted(text, value.end.index, f", name: {name}")
    at = yaml_text.line_end(text, value.end.index)
    return _inserted(text, at, f"{yaml_text.line_break(text)}{' ' * key.start.column}name: {name}")


def with_address(text: str, items: Node, index: int, address: str) -> str:
    """Return a text in which an item of a list of feeds has another address.

    Args:
        items: The list.
        address: The address as a scalar of YAML.

    Raises:
        UneditableError: The list or the item is an alias, or the address of the item is merged.
    """
    item = items.items[index]
    if items.alias:
        raise UneditableError("the list of feeds is an alias")
    if item.alias:
        raise UneditableError("the feed is an alias")
    if not isinstance(item.value, dict):
        return _with_value(text, item, item, address)
    own_url = _own_pair(item, "url")
    if own_url is None:
        raise UneditableError("the feed has no address of its own")
    return _with_value(text, *own_url, address)


def _as_settings(text: str, item: Node, name: str, *, in_brackets: bool) -> str:
    """Return a text in which an address alone has become settings with a name."""
    start, end = item.start.index, item.end.index
    if in_brackets:
        return f"{text[:start]}{{url: {text[start:end]}, name: {name}}}{text[end:]}"
    at = yaml_text.line_end(text, end)
    addition = f"{yaml_text.line_break(text)}{' ' * item.start.column}name: {name}"
    return f"{text[:start]}url: {text[start:at]}{addition}{text[at:]}"


def _with_value(text: str, key: Node, value: Node, new_value: str) -> str:
    written_value = text[value.start.index : value.end.index].rstrip()
    start = value.start.index
    if not written_value:  # `name:` alone
        colon = text.index(":", key.end.index) + 1
        return _inserted(text, colon, f" {new_value}")
    return text[:start] + new_value + text[start + len(written_value) :]


def _own_pairs(item: Node) -> Iterable[tuple[Node, Node]]:
    """Return the pairs in the text of a mapping, without those merged by `<<`."""
    start, end = item.start.index, item.end.index
    return [pair for pair in item.pairs.values() if start <= pair[0].start.index < end]


def _own_pair(item: Node, key: str) -> tuple[Node, Node] | None:
    return next((pair for pair in _own_pairs(item) if pair[0].value == key), None)


def _last_own_pair(item: Node) -> tuple[Node, Node]:
    pairs = sorted(_own_pairs(item), key=lambda pair: pair[0].start.index)
    if not pairs:
        raise UneditableError("the feed has no settings of its own")
    return pairs[-1]


def _inserted(text: str, at: int, addition: str) -> str:
    return text[:at] + addition + text[at:]
