"""Syntax trees of searches, written as text."""

from aggregator.search.search_lexer import in_ascii
from aggregator.search.syntax_tree import (
    And,
    DayTest,
    LanguageTest,
    LinkTest,
    MediaTest,
    NameTest,
    Node,
    Not,
    Or,
    Phrase,
    TextField,
)


def written(node: Node | None) -> str:
    """Return a text that means `node`; empty for None."""
    match node:
        case None:
            return ""
        case And(nodes):
            return " ".join(_part(part) for part in nodes)
        case Or(nodes):
            return " OR ".join(_part(part) for part in nodes)
        case Not(inner):
            return f"-{_part(inner)}"
        case Phrase(words, is_prefix, field):
            name = "" if field is TextField.ANY else f"{field}:"
            text = words[0] if len(words) == 1 else f'"{" ".join(words)}"'
            return f"{name}{text}{'*' if is_prefix else ''}"
        case NameTest(field, value):
            return f"{field}:{_quoted(value)}"
        case LinkTest(value):
            return f"link:{_quoted(value)}"
        case LanguageTest(tag):
            return f"lang:{tag}"
        case MediaTest(medium):
            return f"has:{medium}"
        case DayTest(day, is_before):
            return f"{'before' if is_before else 'after'}:{day}"


def _part(node: Node) -> str:
    """Return a node as a part of another."""
    return f"({written(node)})" if isinstance(node, And | Or) else written(node)


def _quoted(value: str) -> str:
    return value if '"' in in_ascii(value) else f'"{value}"'
