"""Mistakes in YAML syntax: their place, and advice.  Pure.

A parser reports the place at which it stopped.  The line to mend is often an earlier one, with a
key without a colon, or with an opening quotation mark.
"""

import re
from collections.abc import Callable, Sequence
from typing import cast

from yaml import Mark, MarkedYAMLError
from yaml.tokens import BlockEndToken, ScalarToken, StreamEndToken, Token

from aggregator.config import stray_characters

TOO_DEEP = "nested too deep for a configuration"
_MISSING_SPACE = 'a space is missing behind ":"; write `key: value`'
_MISSING_COLON = 'a key without ":"; write `key: value`'
# Messages of libyaml, and advice.
_ADVICE = (
    ("tab character", "a tab (U+0009); indent with spaces"),
    ("alphabetic or numeric", "`*` and `&` mean something in YAML; put the text in quotes"),
    ("unknown escape character", r"`\` means something in double quotes; use single quotes"),
    ("end of stream", "this quotation mark is never closed"),
    ("',' or ']'", "this list is never closed, or a comma is missing in it"),
    ("',' or '}'", "these settings are never closed, or a comma is missing in them"),
    ("expected '-' indicator", "does not fit the list above; check the indentation"),
    ("could not find expected ':'", _MISSING_COLON),
    ("maximum nesting depth", TOO_DEEP),
)
# Of these the parser's context is the place to mend: the bracket, the quotation mark, the key.
_BEGAN_EARLIER = ("end of stream", "',' or ']'", "',' or '}'", "could not find expected ':'")
_STOPPED_BEFORE_KEY = ("expected key", "expected '-' indicator", "expected <document start>")
_ENDS = (BlockEndToken, StreamEndToken)
_KEY_AND_VALUE = re.compile(r"[\w.-]{1,80}:(?!//)\S")
_ADDRESS = re.compile(r"[a-z]{1,20}://")
_BEFORE_CONTENT = re.compile(r" {0,200}(?:[-?] {1,80}){0,20}")
_LINE_END = re.compile("\r\n|[\r\n]")

TokensBefore = Callable[[int], Sequence[Token]]
"""Returns the tokens of a text before an index, up to the first error."""


def mistake(error: MarkedYAMLError, text: str, tokens_before: TokensBefore) -> tuple[int, int, str]:
    """Return line and column, counted from 1, of a mistake, and advice.

    Args:
        error: The error of the parser.
        text: The whole text.
        tokens_before: Returns the tokens of the text before an index.
    """
    stop = cast("Mark", error.problem_mark or error.context_mark)
    mark, advice = _cause(error, text, tokens_before)
    if character := stray_characters.confusable(text[stop.index : stop.index + 1]):
        return stop.line + 1, stop.column + 1, stray_characters.complaint(character)
    lines = _LINE_END.split(text)
    for number in (mark.line, stop.line):
        stray = stray_characters.in_structure(lines[number]) if number < len(lines) else None
        if stray:
            return number + 1, stray[0] + 1, stray_characters.complaint(stray[1])
    return mark.line + 1, mark.column + 1, advice


def _cause(error: MarkedYAMLError, text: str, tokens_before: TokensBefore) -> tuple[Mark, str]:
    """Return the place of the mistake, and advice."""
    problem = error.problem or "not valid YAML"
    stop = cast("Mark", error.problem_mark or error.context_mark)
    if "cannot start any token" in problem:
        return stop, _advice_on(text[stop.index : stop.index + 1])
    if any(part in problem for part in _STOPPED_BEFORE_KEY):
        key = _key_before_comment(text, stop, tokens_before)
        if key is not None:
            return key, _missing(text, key)
    if "mapping values are not allowed" in problem:
        return _too_many_colons(text, stop, tokens_before)
    if "expected key" in problem or "expected <block end>" in problem:
        return _does_not_fit(stop, tokens_before)
    fallback = f"not valid YAML: {problem}"
    advice = next((advice for part, advice in _ADVICE if part in problem), fallback)
    if error.context_mark is not None and any(part in problem for part in _BEGAN_EARLIER):
        stop = error.context_mark
    return stop, _missing(text, stop) if advice == _MISSING_COLON else advice


def _too_many_colons(text: str, stop: Mark, tokens_before: TokensBefore) -> tuple[Mark, str]:
    """Explain a `key:` that YAML reads as the end of an earlier text.

    If the earlier text begins its line, that line is a key without a colon.  If the earlier text
    stands behind a key, the line of `key:` is indented too far.
    """
    start = _last_start(tokens_before(stop.index))
    if start is None or start.line == stop.line:
        return stop, 'a ":" too much; put text with ": " in quotes, align keys'
    line_start = start.index - start.column
    if _BEFORE_CONTENT.fullmatch(text, line_start, start.index):
        return start, _missing(text, start)
    return stop, "does not fit the line above; check the indentation"


def _key_before_comment(text: str, stop: Mark, tokens_before: TokensBefore) -> Mark | None:
    """Return the start of a key without a colon that a comment follows, None for no such key.

    A comment ends the text, so that the parser stops before the next key, not at its colon.
    """
    tokens = [token for token in tokens_before(stop.index) if not isinstance(token, _ENDS)]
    start = _last_start(tokens[-1:])
    if start is None or start.line == stop.line or start.column > stop.column:
        return None
    line_start = start.index - start.column
    return start if _BEFORE_CONTENT.fullmatch(text, line_start, start.index) else None


def _does_not_fit(stop: Mark, tokens_before: TokensBefore) -> tuple[Mark, str]:
    """Explain a text that can't follow: perhaps a quotation mark is closed lines too late."""
    tokens = [token for token in tokens_before(stop.index) if isinstance(token, ScalarToken)]
    if tokens and not tokens[-1].plain and tokens[-1].style in {"'", '"'}:
        start, end = cast("Mark", tokens[-1].start_mark), cast("Mark", tokens[-1].end_mark)
        if start.line < end.line:
            return start, f"this quotation mark is closed only in line {end.line + 1}"
    return stop, "does not fit the lines above; check the indentation and the quotes"


def _last_start(tokens: Sequence[Token]) -> Mark | None:
    """Return the start of the last text if the text has no quotes."""
    texts = [token for token in tokens if isinstance(token, ScalarToken)]
    return cast("Mark", texts[-1].start_mark) if texts and texts[-1].plain else None


def _missing(text: str, start: Mark) -> str:
    """Return advice on a line that lacks something to be `key: value`."""
    if _ADDRESS.match(text, start.index):
        return "an address without `- ` before it, or without its key"
    return _MISSING_SPACE if _KEY_AND_VALUE.match(text, start.index) else _MISSING_COLON


def _advice_on(character: str) -> str:
    if character == "\t":
        return "a tab (U+0009); indent with spaces"
    return f"text can't begin with {character}; put it in quotes"
