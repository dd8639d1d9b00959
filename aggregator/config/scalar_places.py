"""Places of the characters of a YAML scalar in the text of the file.  Pure.

Quotation marks, escapes, line breaks and indentation stand between the characters of a value.

Source: YAML 1.1, 5.7 (escapes), 7 (flow scalars), 8 and 9 (block scalars).
"""

import re
from collections.abc import Iterator

# Line breaks with the blanks around; an escaped character or line break; one character.
_IN_DOUBLE_QUOTES = re.compile(
    r"(?P<breaks>[ \t]*(?:\r\n?|\n)[ \t\r\n]*)"
    r"|(?P<nothing>\\(?:\r\n?|\n)[ \t]*)"
    r"|\\x.{2}|\\u.{4}|\\U.{8}|\\?.",
    re.DOTALL,
)
_IN_SINGLE_QUOTES = re.compile(r"(?P<breaks>[ \t]*(?:\r\n?|\n)[ \t\r\n]*)|''|.", re.DOTALL)
_LINE_BREAK = re.compile(r"\r\n?|\n")
_LINE = re.compile(r"[^\r\n]*")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


def place_in_scalar(text: str, start: int, end: int, value: str, index: int) -> int:
    """Return the index in `text` of a character of a scalar's value.

    Args:
        text: The text of the file.
        start, end: Where the scalar begins and ends in `text`, with quotation marks, with a tag or
            anchor before.
        value: The value of the scalar.
        index: Of the character in `value`; the length of `value` for the end.

    Returns:
        `start` if the scalar in the text does not have this value, as where `*name` stands for it.
    """
    begin = _PROPERTIES.match(text, start, end)
    start = begin.end() if begin else start
    style = text[start : start + 1]
    if style in {'"', "'"}:
        pattern = _IN_DOUBLE_QUOTES if style == '"' else _IN_SINGLE_QUOTES
        places = [*_quoted_places(pattern, text, start + 1, end - 1), end - 1]
        return places[index] if len(places) == len(value) + 1 else start
    if style in {"|", ">"}:
        header = _LINE_BREAK.search(text, start, end)
        return _place_in_lines(text, header.end() if header else end, end, value, index) or start
    return _place_in_lines(text, start, end, value, index) or start


def _quoted_places(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[int]:
    """Yield the place of each character between quotation marks."""
    for token in pattern.finditer(text, start, end):
        if breaks := token["breaks"]:
            count = len(_LINE_BREAK.findall(breaks))
            yield from [token.start()] * max(count - 1, 1)  # one break is a space
        elif not token.groupdict().get("nothing"):
            yield token.start()


def _place_in_lines(text: str, start: int, end: int, value: str, index: int) -> int | None:
    """Return the place of a character of a value whose lines stand as they are in the text.

    None if the lines differ.  The place of a line break, or of blanks around, is the end of the
    line before.
    """
    place: int | None = None
    passed = 0
    for line in _LINE.finditer(text, start, end):
        words = line[0].strip(" \t")
        if not words:
            continue
        begin = value.find(words, passed)
        if begin < 0 or value[passed:begin].strip():
            return None
        first = line.start() + line[0].index(words)
        if index < begin:
            return first if place is None else place
        passed = begin + len(words)
        place = first + min(index - begin, len(words))
        if index < passed:
            return place
    return place
