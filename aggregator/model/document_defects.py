"""What was wrong with a document that was read all the same: the forms of `FeedHead.note`."""

import re

CUT_SHORT = "the document is cut short"
CUT_WITHIN_ENTRY = "the document is cut short; its last entry is left out"
_NOT_WELL_FORMED = "XML not well-formed in line "
_LINE = re.compile(rf"{_NOT_WELL_FORMED}(\d{{1,9}}):")


def not_well_formed(line: int, detail: str) -> str:
    """Return the note about XML with a mistake; `detail` is the parser's message."""
    return f"{_NOT_WELL_FORMED}{line}: {detail}"


def line_not_well_formed(note: str) -> int | None:
    """Return the line of a note by `not_well_formed`, None for another note."""
    match = _LINE.match(note)
    return int(match[1]) if match else None
