"""Texts as scalars of YAML, and lines of a text.  Pure."""

import json
import re

_LINE_END = re.compile("[\r\n\x85\u2028\u2029]|$")
_PLAIN_URL = re.compile(r"[A-Za-z][\w./:?=&%+~@-]*[\w/=-]", re.ASCII)
_PLAIN_TEXT = re.compile(r"[^\W\d_](?:[\w ./&'()+-]*[\w.)])?")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def scalar(text: str) -> str:
    """Return a text as a scalar, in quotes if it needs quotes."""
    is_plain = _PLAIN_TEXT.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else quoted_scalar(text)


def address_scalar(url: str) -> str:
    """Return an address as a scalar, in quotes if the address needs quotes."""
    return url if _PLAIN_URL.fullmatch(url) else quoted_scalar(url)


def quoted_scalar(text: str) -> str:
    """Return a scalar in double quotes, without variables; YAML has the escapes of JSON."""
    escaped_text = json.dumps(text.replace("${", "$${"), ensure_ascii=False)
    return _ESCAPED.sub(lambda character: f"\\u{ord(character[0]):04x}", escaped_text)


def line_end(text: str, at: int) -> int:
    """Return the end of the line of the character before `at`."""
    at = len(text[:at].rstrip("\r\n"))  # a block of text (`|`) ends behind its line
    match = _LINE_END.search(text, at)
    return match.start() if match else len(text)


def next_line(text: str, at: int) -> int:
    """Return the start of the line after the character before `at`, or the end of the text."""
    end = line_end(text, at)
    if text.startswith("\r\n", end):
        return end + 2
    return min(end + 1, len(text))


def line_break(text: str) -> str:
    """Return the characters at the ends of lines of a text."""
    return "\r\n" if "\r\n" in text else "\n"
