"""The examples of docs/search.md do what the page says."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.model import CleanEntry, Enclosure, EntryId
from aggregator.search.predicate import SearchedEntry, compiled
from aggregator.search.search_lexer import Field
from aggregator.search.search_parser import IN_BOX, IN_FILE, parse, parse_rule

PAGE = (Path(__file__).parents[1] / "docs/search.md").read_text("utf-8")
ROW = re.compile(r"^\| `(.+?)` \| .+? \| (.+) \| (.+) \|$", re.MULTILINE)
EXAMPLES = [(text.replace("\\|", "|"), good, bad) for text, good, bad in ROW.findall(PAGE)]
VALUE = re.compile(r"(title|content|tag|author|link|language|enclosure|listed): (.+)")
NO_ENTRY = CleanEntry(
    guid=None, url=None, title="", title_html="", summary="", content_html="", content_hash=b""
)


def entry_of(example: str) -> SearchedEntry:
    """Return the entry that an example of the page describes; a title, if nothing else is said."""
    match = VALUE.fullmatch(example)
    name, value = match.groups() if match else ("title", example)
    listed_at = datetime(2026, 11, 1, tzinfo=UTC)
    entry = NO_ENTRY
    match name:
        case "title":
            entry = replace(entry, title=value)
        case "tag":
            entry = replace(entry, categories=(value,))
        case "author":
            entry = replace(entry, authors=(value,))
        case "link":
            entry = replace(entry, url=value)
        case "language":
            entry = replace(entry, language=value)
        case "enclosure":
            entry = replace(entry, enclosures=(Enclosure("https://a.example/x", value),))
        case "listed":
            listed_at = datetime.fromisoformat(f"{value}T12:00:00+00:00")
        case "content":
            entry = replace(entry, content_html=value)
    return SearchedEntry(entry, feed_id=1, place=EntryId.first_at(listed_at))


def entries_of(cell: str) -> list[SearchedEntry]:
    """Return the entries of a cell; commas stand between titles with capitals."""
    return [entry_of(example) for example in re.split(r", (?=[A-ZＣ])", cell)]


@pytest.mark.parametrize(("text", "good", "bad"), EXAMPLES, ids=[text for text, *_ in EXAMPLES])
def test_an_example_finds_what_the_page_says(text, good, bad):
    is_match = compiled(parse_rule(text), {})

    assert all(is_match(entry) for entry in entries_of(good))
    assert not any(is_match(entry) for entry in entries_of(bad))
    assert not parse(text).hints


def test_the_page_has_examples_of_every_field():
    assert len(EXAMPLES) > 20
    described = {field for field in Field if f"`{field}:" in PAGE}
    assert described == set(Field)


def test_the_page_tells_the_bounds():
    paragraphs = " ".join(PAGE.split())

    assert (
        f"at most {IN_BOX.terms} words and values, {IN_BOX.excluded} excluded words, "
        f"{IN_BOX.phrase} words in a phrase" in paragraphs
    )
    assert f"and {IN_BOX.depth} brackets within each other" in paragraphs
    assert f"at most {IN_FILE.terms} words and values, and {IN_FILE.phrase} words" in paragraphs
