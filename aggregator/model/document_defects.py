"""What was wrong with a document that was read all the same: the forms of `FeedHead.note`."""

import re

CUT_SHORT = "the document is cut short"
CUT_WITHIN_ENTRY = "the document is cut short; its last entry is left out"
_NOT_WELL_FORMED = "XML not well-formed in line "
_INCOMPLETE = " items have no title or no link, and are left out"
_COUNTS = re.compile(rf"(\d{{1,9}}) of (\d{{1,9}}){_INCOMPLETE}")
_LINE = re.compile(rf"{_NOT_WELL_FORMED}(\d{{1,9}}):")


def not_well_formed(line: int, detail: str) -> str:
    """Return the note about XML with a mistake; `detail` is the parser's message."""
    return f"{_NOT_WELL_FORMED}{line}: {detail}"


def line_not_well_formed(note: str) -> int | None:
    """Return the line of a note by `not_well_formed`, None for another note."""
    match = _LINE.match(note)
    return int(match[1]) if match else None


def incomplete_items(incomplete: int, items: int) -> str:
    """Return the note about a page with some items without title or link."""
    return f"{incomplete} of {items}{_INCOMPLETE}"


def counts_of_incomplete_items(note: str) -> tuple[int, int] | None:
    """Return the numbers of a note by `incomplete_items`, None for another note."""
    match = _COUNTS.fullmatch(note)
    return (int(match[1]), int(match[2])) if match else None
