"""New feeds at the end of `feeds:`, everything else in the file kept byte for byte."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.config import file, value_parsers, yaml_document
from aggregator.config.options import Config
from aggregator.config.subscriptions import same_feed_key
from aggregator.config.yaml_document import Node
from aggregator.errors import ConfigError
from aggregator.model import OpmlOutline, Subscription

_LINE_END = re.compile("[\r\n\x85\u2028\u2029]|$")
_PLAIN_URL = re.compile(r"[A-Za-z][\w./:?=&%+~@-]*[\w/=-]", re.ASCII)
_PLAIN_TEXT = re.compile(r"[^\W\d_](?:[\w ./&'()+-]*[\w.)])?")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True)
class Appended:
    """The new text of the file.

    Attributes:
        added: In the order they stand in the file, with the names they got.
        known: Those that were subscribed already, or stood twice among the new ones.
    """

    text: str
    added: tuple[Subscription, ...]
    known: tuple[OpmlOutline, ...] = ()


def has_feed(config: Config, url: str) -> bool:
    """Whether a feed with this address, however it is written, is among the subscriptions."""
    key = same_feed_key(url.strip())
    return any(same_feed_key(feed.url) == key for feed in config.feeds)


def append(text: str, outlines: Sequence[OpmlOutline], *, path: Path) -> Appended:
    """Add feeds to the text of the file at `path`.

    Raises:
        ConfigError: The file has problems, a feed can't be subscribed to, or `feeds` is written
            in a way that this function can't extend; nothing is half done.
    """
    config = file.parse(text, path=path)
    seen = {same_feed_key(feed.url) for feed in config.feeds}
    new: list[OpmlOutline] = []
    known: list[OpmlOutline] = []
    for outline in outlines:
        key = same_feed_key(outline.url.strip())
        (known if key in seen else new).append(outline)
        seen.add(key)
    if not new:
        return Appended(text, (), tuple(known))
    appended = _insert(text, new, path)
    return Appended(appended, _verified(appended, config, new), tuple(known))


def _verified(text: str, old: Config, outlines: Sequence[OpmlOutline]) -> tuple[Subscription, ...]:
    """Return the feeds that were added, once nothing else turns out to have changed."""
    wanted = [(item.url.strip(), _title(item), _category(item)) for item in outlines]
    try:
        new = file.parse(text, path=old.path)
    except ConfigError as error:
        # Lines of a text that nobody has seen would only confuse.
        reasons = [problem.partition(": ")[2] for problem in error.problems]
        raise _by_hand(old.path, reasons[0]) from error
    added = new.feeds[len(old.feeds) :]
    got = [(feed.url, feed.title, feed.category) for feed in added]
    if got != wanted or replace(new, feeds=new.feeds[: len(old.feeds)]) != old:
        raise _by_hand(old.path, "the way `feeds` is written there can't be extended safely")
    return added


def _by_hand(path: Path, reason: str) -> ConfigError:
    return ConfigError([f"{path}: nothing was added: {reason}; add the feed by hand"])


def _insert(text: str, outlines: Sequence[OpmlOutline], path: Path) -> str:
    body = text.removeprefix("\ufeff")
    root, _ = yaml_document.compose(body, path=path)
    key, node = root.pairs.get("feeds", (None, None))
    if key is None or node is None:
        at, added = _new_list(body, root, outlines)
    elif node.flow and (node.items or root.flow):
        at, added = _behind_last(node), _flow_items(body, node, outlines)
    elif node.items and not node.alias:
        at, added = _line_end(body, node.end.index), _block_items(outlines, *_style(body, node))
    elif node.start.line == node.end.line and not node.alias:  # `[]`, `null` or nothing
        start = len(body[: node.start.index].rstrip(" "))
        body = body[:start] + body[node.end.index :]
        at = _line_end(body, start)
        added = _block_items(outlines, " " * (key.start.column + 2), "- ")
    else:
        raise _by_hand(path, "`feeds` is written in a way that can't be extended")
    if "\r\n" in text:
        added = added.replace("\n", "\r\n")
    return text[: len(text) - len(text.removeprefix("\ufeff"))] + body[:at] + added + body[at:]


def _new_list(body: str, root: Node, outlines: Sequence[OpmlOutline]) -> tuple[int, str]:
    """Write `feeds:` after the last of the file's lines, or inside its braces."""
    if root.flow:
        comma = ", " if root.pairs else ""
        items = ", ".join(_flow_item(item) for item in outlines)
        return _behind_last(root), f"{comma}feeds: [{items}]"
    at = _line_end(body, root.end.index)
    if "\n..." not in body[at:]:
        at = len(body)
    indent = " " * root.start.column
    added = f"\n{indent}feeds:{_block_items(outlines, f'{indent}  ', '- ')}"
    return (at, f"{added[1:]}\n") if body[at - 1] in "\r\n" else (at, added)


def _behind_last(node: Node) -> int:
    """Return the index behind the last thing in brackets or braces, before a trailing comma."""
    ends = [item.end.index for item in node.items]
    ends += [value.end.index for _, value in node.pairs.values()]
    return max(ends, default=node.end.index - 1)


def _flow_items(body: str, node: Node, outlines: Sequence[OpmlOutline]) -> str:
    """Write items for a list in brackets, on lines of their own if its last one stands on one."""
    items = [_flow_item(item) for item in outlines]
    if not node.items:
        return ", ".join(items)
    line = body[: node.items[-1].start.index].rpartition("\n")
    between = f",\n{line[2]}" if line[1] and not line[2].strip() else ", "
    return "".join(between + item for item in items)


def _line_end(body: str, at: int) -> int:
    """Return where the line ends that holds the character before `at`."""
    at = len(body[:at].rstrip("\r\n"))  # a block of text (`|`) ends behind its line
    match = _LINE_END.search(body, at)
    return match.start() if match else len(body)


def _style(body: str, node: Node) -> tuple[str, str]:
    """Return the indentation of a list's dashes, and the last dash with the spaces after it."""
    start = node.items[-1].start.index
    dash = body.rfind("-", 0, start)
    indent = body[:dash].rpartition("\n")[2]
    return indent, body[dash:start] if body[dash:start].strip(" ") == "-" else "- "


def _block_items(outlines: Sequence[OpmlOutline], indent: str, dash: str) -> str:
    lines = []
    for outline in outlines:
        settings = _settings(outline)
        if len(settings) == 1:
            lines.append(f"{indent}{dash}{settings['url']}")
        else:
            start = f"{indent}{dash}"
            for key, value in settings.items():
                lines.append(f"{start}{key}: {value}")
                start = " " * len(start)
    return "".join(f"\n{line}" for line in lines)


def _flow_item(outline: OpmlOutline) -> str:
    texts = {"url": outline.url.strip(), "title": _title(outline), "category": _category(outline)}
    pairs = [f"{key}: {_quoted(value)}" for key, value in texts.items() if value]
    return _quoted(outline.url.strip()) if len(pairs) == 1 else f"{{{', '.join(pairs)}}}"


def _settings(outline: OpmlOutline) -> dict[str, str]:
    url = outline.url.strip()
    settings = {"url": url if _PLAIN_URL.fullmatch(url) else _quoted(url)}
    for key, value in (("title", _title(outline)), ("category", _category(outline))):
        if value:
            plain = _PLAIN_TEXT.fullmatch(value) and value.lower() not in _WORDS_OF_YAML
            settings[key] = value if plain else _quoted(value)
    return settings


def _title(outline: OpmlOutline) -> str | None:
    return value_parsers.tidied(outline.title or "") or None


def _category(outline: OpmlOutline) -> str | None:
    return value_parsers.tidied(outline.category or "") or None


def _quoted(text: str) -> str:
    """Write a YAML scalar in double quotes, without variables; JSON's escapes are YAML's, too."""
    text = text.replace("${", "$${")
    return _ESCAPED.sub(lambda bad: f"\\u{ord(bad[0]):04x}", json.dumps(text, ensure_ascii=False))
