"""Adding feeds at the end of `feeds:`; every other byte of the files stays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from aggregator import urls
from aggregator.config import atomic_write, config_file, config_text, value_parsers
from aggregator.config.config_text import ConfigText
from aggregator.config.files import present_stamps
from aggregator.config.option_readers import MAX_CATEGORIES
from aggregator.config.options import Config
from aggregator.config.select_options import SITEMAP
from aggregator.config.subscriptions import same_feed_key
from aggregator.config.yaml_document import Node
from aggregator.config.yaml_text import address_scalar, line_end, quoted_scalar, scalar
from aggregator.errors import ConfigError
from aggregator.model import OpmlOutline, PageSelectors, Subscription

NO_PAGES: Mapping[str, PageSelectors] = MappingProxyType({})

_Settings = dict[str, str | tuple[str, ...] | dict[str, str]]  # values of a feed by their keys


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of adding feeds.

    Attributes:
        path: Of the file with the new feeds: config.yaml, or an included file.
        text: The new text of the file.
        feeds: The added feeds with names, in the order of the file.
        duplicates: Feeds that were subscribed before, or listed more than once.
    """

    path: Path
    text: str
    feeds: tuple[Subscription, ...]
    duplicates: tuple[OpmlOutline, ...] = ()


def has_feed(config: Config, url: str) -> bool:
    """Whether a feed with the address `url`, in any spelling, is subscribed."""
    key = same_feed_key(url.strip())
    return any(same_feed_key(feed.url) == key for feed in config.feeds)


def append_to_file(
    path: Path,
    outlines: Sequence[OpmlOutline],
    pages: Mapping[str, PageSelectors] = NO_PAGES,
) -> Appended:
    """Add feeds to the configuration at `path`.

    Feeds that another process adds, and what an editor saves, meanwhile stay.

    Args:
        pages: Selectors of those that are pages without a feed, by URL.

    Raises:
        ConfigError: See `append`; or the file can't be read or written.
    """
    with atomic_write.locked(path):
        while True:
            stamps = present_stamps([path, *config_file.load(path).files])
            appended = append(config_text.read(path), outlines, pages=pages, path=path)
            if not appended.feeds:
                return appended
            if present_stamps(stamps) == stamps:
                atomic_write.write(appended.path, appended.text)
                return appended


def append(
    text: str,
    outlines: Sequence[OpmlOutline],
    *,
    path: Path,
    pages: Mapping[str, PageSelectors] = NO_PAGES,
) -> Appended:
    """Return the text of the file at `path`, or of an included file, with feeds added.

    An included file gets the feeds if no other file has feeds.

    Args:
        pages: Selectors of those that are pages without a feed, by URL.

    Raises:
        ConfigError: The text has problems, a feed can't be subscribed to, or `feeds` is written in
            a way that can't be extended.
    """
    config = config_file.parse(text, path=path)
    keys = {same_feed_key(feed.url) for feed in config.feeds}
    new_outlines: list[OpmlOutline] = []
    duplicates: list[OpmlOutline] = []
    for outline in outlines:
        key = same_feed_key(outline.url.strip())
        (duplicates if key in keys else new_outlines).append(outline)
        keys.add(key)
    target = _file_with_feeds(config)
    former_text = text if target == path else config_text.read(target)
    if not new_outlines:
        return Appended(target, former_text, (), tuple(duplicates))
    items = [_settings(outline, pages) for outline in new_outlines]
    new_text = _insert(former_text, items, target)
    texts = {path: text, target: new_text}
    return Appended(target, new_text, _added_feeds(texts, config, items), tuple(duplicates))


def feed_text(outline: OpmlOutline, selectors: PageSelectors) -> str:
    """Return a page without a feed as an item of `feeds`."""
    return _block_items([_settings(outline, {outline.url: selectors})], "  ", "- ")[1:]


def _file_with_feeds(config: Config) -> Path:
    """Return the path of the only included file if all feeds are there, else of config.yaml."""
    return config.files[1] if len(config.files) == 2 and not config.has_own_feeds else config.path


def _added_feeds(
    texts: Mapping[Path, str], config: Config, items: Sequence[_Settings]
) -> tuple[Subscription, ...]:
    """Return the feeds that were added to the files of `config`: its last ones.

    Args:
        texts: Of config.yaml and, at last, the new text.

    Raises:
        ConfigError: The new text has problems, or other changes than the feeds.
    """
    *_, target = texts
    try:
        new_config = config_file.parse(texts[config.path], path=config.path, new_texts=texts)
    except ConfigError as error:
        # Line numbers of a text that nobody has seen would only confuse.
        reasons = [problem.partition(": ")[2] for problem in error.problems]
        raise _by_hand(target, reasons[0]) from error
    count = len(config.feeds)
    feeds = new_config.feeds[count:]
    expected = [
        (item["url"], item.get("title"), item.get("category", feed.categories), item.get("select"))
        for item, feed in zip(items, feeds, strict=False)
    ]
    actual = [
        (feed.url, feed.title, feed.categories, feed.selectors and (feed.selectors.keys or SITEMAP))
        for feed in feeds
    ]
    # The headers of a host may be those of an added feed alone.
    former_config = replace(new_config, feeds=new_config.feeds[:count], secrets=config.secrets)
    if len(feeds) != len(items) or actual != expected or former_config != config:
        raise _by_hand(target, "the way `feeds` is written there can't be extended safely")
    return feeds


def _by_hand(path: Path, reason: str) -> ConfigError:
    return ConfigError([f"{path}: nothing was added: {reason}; add the feed by hand"])


def _insert(text: str, items: Sequence[_Settings], path: Path) -> str:
    content = ConfigText(text, path)
    body, root = content.text, content.root
    key, node = root.pairs.get("feeds", (None, None))
    if key is None or node is None:
        at, addition = _new_list(body, root, items)
    elif node.flow and (node.items or root.flow):
        at, addition = _behind_last(node), _flow_items(body, node, items)
    elif node.items and not node.alias:
        at, addition = (
            line_end(body, node.end.index),
            _block_items(items, *_style(body, node)),
        )
    elif node.start.line == node.end.line and not node.alias:  # `[]`, `null` or nothing
        start = len(body[: node.start.index].rstrip(" "))
        body = body[:start] + body[node.end.index :]
        at = line_end(body, start)
        addition = _block_items(items, " " * (key.start.column + 2), "- ")
    else:
        raise _by_hand(path, "`feeds` is written in a way that can't be extended")
    if "\r\n" in text:
        addition = addition.replace("\n", "\r\n")
    return text[: len(text) - len(text.removeprefix("\ufeff"))] + body[:at] + addition + body[at:]


def _new_list(body: str, root: Node, items: Sequence[_Settings]) -> tuple[int, str]:
    """Return index and text of a new `feeds:` behind the last line, or inside the braces."""
    if root.flow:
        comma = ", " if root.pairs else ""
        new_items = ", ".join(map(_flow_item, items))
        return _behind_last(root), f"{comma}feeds: [{new_items}]"
    at = line_end(body, root.end.index)
    if "\n..." not in body[at:]:
        at = len(body)
    indent = " " * root.start.column
    addition = f"\n{indent}feeds:{_block_items(items, f'{indent}  ', '- ')}"
    return (at, f"{addition[1:]}\n") if body[at - 1] in "\r\n" else (at, addition)


def _behind_last(node: Node) -> int:
    """Return the index behind the last item in brackets or braces, before a trailing comma."""
    ends = [item.end.index for item in node.items]
    ends += [value.end.index for _, value in node.pairs.values()]
    return max(ends, default=node.end.index - 1)


def _flow_items(body: str, node: Node, items: Sequence[_Settings]) -> str:
    """Return items of a list in brackets, each on its own line if the list's last item is."""
    new_items = list(map(_flow_item, items))
    if not node.items:
        return ", ".join(new_items)
    line = body[: node.items[-1].start.index].rpartition("\n")
    between = f",\n{line[2]}" if line[1] and not line[2].strip() else ", "
    return "".join(between + item for item in new_items)


def _style(body: str, node: Node) -> tuple[str, str]:
    """Return the indentation of a list's dashes, and the last dash with the spaces behind."""
    start = node.items[-1].start.index
    dash = body.rfind("-", 0, start)
    indent = body[:dash].rpartition("\n")[2]
    return indent, body[dash:start] if body[dash:start].strip(" ") == "-" else "- "


def _block_items(items: Sequence[_Settings], indent: str, dash: str) -> str:
    return "".join(f"\n{line}" for item in items for line in _block_lines(item, f"{indent}{dash}"))


def _block_lines(item: _Settings, start: str) -> Iterator[str]:
    """Yield the lines of a feed, the first behind a dash."""
    if len(item) == 1:
        yield f"{start}{address_scalar(str(item['url']))}"
        return
    for key, value in item.items():
        if isinstance(value, dict):
            yield f"{start}{key}:"
            yield from (
                f"{' ' * len(start)}  {name}: {scalar(text)}" for name, text in value.items()
            )
        elif isinstance(value, str):
            yield f"{start}{key}: {address_scalar(value) if key == 'url' else scalar(value)}"
        else:
            yield f"{start}{key}: {_one_or_list([scalar(text) for text in value])}"
        start = " " * len(start)


def _flow_item(item: _Settings) -> str:
    if len(item) == 1:
        return quoted_scalar(str(item["url"]))
    pairs = (f"{key}: {_flow_value(value)}" for key, value in item.items())
    return f"{{{', '.join(pairs)}}}"


def _flow_value(value: str | tuple[str, ...] | dict[str, str]) -> str:
    if isinstance(value, str):
        return quoted_scalar(value)
    if isinstance(value, tuple):
        return _one_or_list([quoted_scalar(text) for text in value])
    pairs = (f"{name}: {quoted_scalar(text)}" for name, text in value.items())
    return f"{{{', '.join(pairs)}}}"


def _one_or_list(scalars: Sequence[str]) -> str:
    return scalars[0] if len(scalars) == 1 else f"[{', '.join(scalars)}]"


def _settings(outline: OpmlOutline, pages: Mapping[str, PageSelectors]) -> _Settings:
    """Return the keys of a feed in the file, with their values."""
    settings: _Settings = {"url": outline.url.strip()}
    if title := _title(outline):
        settings["title"] = title
    if categories := _categories(outline):
        settings["category"] = categories
    if selectors := pages.get(outline.url):
        settings["select"] = selectors.keys or SITEMAP
    return settings


def _title(outline: OpmlOutline) -> str | None:
    return value_parsers.tidy_title(outline.title or "") or None


def _categories(outline: OpmlOutline) -> tuple[str, ...]:
    """Return the categories in a form that config.yaml accepts."""
    names: dict[str, str] = {}
    for name in filter(None, map(value_parsers.tidy_title, outline.categories)):
        names.setdefault(urls.category_key(name), name)
    return tuple(names.values())[:MAX_CATEGORIES]
