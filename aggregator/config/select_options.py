"""The keys of `feeds[].select`: where the posts of a page without a feed stand."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, PlainValidator

from aggregator.config import value_parsers
from aggregator.config.option_readers import (
    InKeysError,
    parsed_or_none,
    technical_value,
)
from aggregator.model import PageKind, PageSelectors

SITEMAP = "sitemap"
"""In place of the keys: the document is a sitemap."""

MAX_POSTS = 5000
"""Most posts of one page that are read."""

_JSON_START = "$"


def selector(value: object) -> str:
    """Return the text of a selector, right or wrong: the kind of the page decides."""
    if isinstance(value, list):
        raise ValueError(f"is a list; write brackets in quotes: {_in_quotes(value)}")  # noqa: TRY004
    text = technical_value("" if value is None else value).strip()
    if not text:
        raise ValueError('empty; # begins a comment, so write a selector in quotes: "#posts li"')
    return text


def _in_quotes(value: list[object]) -> str:
    """Return a selector with the brackets of a list in YAML, in quotes."""
    return f'"[{", ".join(map(str, value))}]"'


SELECTOR = PlainValidator(selector)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions:
    """Where the posts of a page stand; see `PageSelectors`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    item: Annotated[str, SELECTOR]
    title: Annotated[str | None, SELECTOR] = None
    link: Annotated[str | None, SELECTOR] = None
    excerpt: Annotated[str | None, SELECTOR] = None
    author: Annotated[str | None, SELECTOR] = None
    date: Annotated[str | None, SELECTOR] = None
    image: Annotated[str | None, SELECTOR] = None
    at_least: Annotated[
        int | None,
        parsed_or_none(partial(value_parsers.whole_number, minimum=0, maximum=MAX_POSTS)),
    ] = None

    @property
    def selectors(self) -> PageSelectors:
        """The selectors for the program."""
        values = {key.name: getattr(self, key.name) for key in fields(self)}
        if self.item == SITEMAP:
            return PageSelectors(PageKind.SITEMAP, **{**values, "item": ""})
        is_json = self.item.startswith(_JSON_START)
        return PageSelectors(PageKind.JSON if is_json else PageKind.HTML, **values)


def _keys(value: object) -> object:
    """Return the keys of a value that may be one word."""
    if isinstance(value, str) and value.strip().lower() == SITEMAP:
        return SelectOptions(item=SITEMAP)
    if not isinstance(value, dict):
        raise ValueError("must be `item: SELECTOR` and further keys, or the word sitemap")  # noqa: TRY004
    return value


def _checked(options: SelectOptions) -> SelectOptions:
    """Refuse texts without a meaning as selectors of the kind of the page."""
    # Loads a library, which files without pages do not need.
    from aggregator.reading.pages.selector_syntax import mistakes

    messages: dict[str | int, str] = dict(mistakes(options.selectors).items())
    if messages:
        raise InKeysError(messages)
    return options


SELECT = BeforeValidator(_keys)
RIGHT_SELECTORS = AfterValidator(_checked)
