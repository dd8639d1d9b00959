"""The text of a search as signs: words, quoted texts, brackets and OR.  Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_QUOTES = dict.fromkeys(map(ord, "“”„‟"), '"')
_IN_ASCII = _FULL_WIDTH | _QUOTES


class Field(StrEnum):
    """The name before a colon."""

    TITLE = "title"
    TAG = "tag"
    AUTHOR = "author"
    SOURCE = "source"
    CATEGORY = "category"
    LINK = "link"
    LANGUAGE = "lang"
    MEDIUM = "has"
    AFTER = "after"
    BEFORE = "before"


class SignKind(StrEnum):
    """The kind of a sign in a search."""

    WORD = "word"
    QUOTED = "quoted"
    OPENING = "opening"
    CLOSING = "closing"
    OR = "or"


@dataclass(frozen=True, slots=True)
class Sign:
    """A part of the text of a search.

    Attributes:
        start, end: Place in the text, with minus, field and quotes.
        value_start: Place of the value, with quotes, or of the bracket.
        value: Text of a word, or between quotes, as typed; empty for other kinds.
        field: The field right before the value, None without a field.
        is_excluded: A minus stands before field and value.
        is_closed: False for a quoted text without a closing quote.
    """

    kind: SignKind
    start: int
    end: int
    value_start: int
    value: str = ""
    field: Field | None = None
    is_excluded: bool = False
    is_closed: bool = True


_BLANKS = re.compile(r"\s*")
_MINUS = re.compile(r"-+(?![\s)|-]|$)")
_FIELD = re.compile(rf"({'|'.join(Field)}):", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)(?:("\*?)|$)')
_OR = re.compile(r'\||OR(?=[\s()"|]|$)')
_WORD_PART = re.compile(r"[^\s()|]*")


def in_ascii(text: str) -> str:
    """Return `text` with characters of double width and curved quotes as those of ASCII.

    Each character becomes one character, so places stay the same.
    """
    return text.translate(_IN_ASCII)


def signs(text: str) -> Iterator[Sign]:
    """Yield the signs of a search in order; blanks separate signs.

    Letters and signs of double width, and the quotes of telephones, are read as those of ASCII.
    """
    ascii_text = in_ascii(text)
    open_brackets = 0
    at = _end(_BLANKS, ascii_text, 0)
    while at < len(text):
        sign = _sign(text, ascii_text, at, is_in_brackets=open_brackets > 0)
        yield sign
        if sign.kind is SignKind.OPENING:
            open_brackets += 1
        elif sign.kind is SignKind.CLOSING:
            open_brackets = max(0, open_brackets - 1)
        at = _end(_BLANKS, ascii_text, sign.end)


def _sign(text: str, ascii_text: str, start: int, *, is_in_brackets: bool) -> Sign:
    if ascii_text[start] == ")":
        return Sign(SignKind.CLOSING, start, start + 1, start)
    if alternative := _OR.match(ascii_text, start):
        return Sign(SignKind.OR, start, alternative.end(), start)
    at = _end(_MINUS, ascii_text, start)
    is_excluded = at > start
    field_match = _FIELD.match(ascii_text, at)
    field = Field(field_match[1].lower()) if field_match else None
    at = field_match.end() if field_match else at
    if ascii_text.startswith("(", at):
        return Sign(SignKind.OPENING, start, at + 1, at, "", field, is_excluded)
    quoted = _QUOTED.match(ascii_text, at)
    if quoted is not None:
        value = text[quoted.start(1) : quoted.end(1)] + (quoted[2] or "")[1:]
        is_closed = quoted[2] is not None
        return Sign(SignKind.QUOTED, start, quoted.end(), at, value, field, is_excluded, is_closed)
    end = _word_end(ascii_text, at, is_in_brackets=is_in_brackets)
    return Sign(SignKind.WORD, start, end, at, text[at:end], field, is_excluded)


def _word_end(text: str, start: int, *, is_in_brackets: bool) -> int:
    """Return the end of the word at `start`; brackets within a word are a part of the word.

    Args:
        is_in_brackets: A closing bracket that the word has not opened ends the word.
    """
    depth, end = 0, _end(_WORD_PART, text, start)
    while text.startswith(("(", ")"), end):
        if text[end] == ")" and depth == 0 and is_in_brackets:
            return end
        depth = depth + 1 if text[end] == "(" else max(0, depth - 1)
        end = _end(_WORD_PART, text, end + 1)
    return end


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the end of a match at `start`; `start` without a match."""
    match = pattern.match(text, start)
    return match.end() if match else start
