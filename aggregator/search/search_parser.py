"""The language of searches, rules and views: text -> syntax tree.  Pure.

    search       = alternatives ...             all must match
    alternatives = term ("OR" | "|") term ...   one must match
    term         = ["-"] [field ":"] (word | "phrase" | "(" search ")")

Any text is a search in the search box: parts that make no sense are left out and reported as hints,
and so are parts beyond a bound.  config.yaml is refused with the same mistakes.  docs/search.md
describes the language for users.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from aggregator.search.search_faults import Hint, RuleError, SearchFault, rule_error, shown_hints
from aggregator.search.search_lexer import Field, Sign, SignKind, in_ascii, signs
from aggregator.search.search_terms import test_of
from aggregator.search.syntax_tree import (
    NameField,
    NameTest,
    Node,
    Phrase,
    all_of,
    any_of,
    negated,
)
from aggregator.search.tree_facts import is_costly, only_excludes_phrases

_MAY_BE_FIELD = re.compile(r"([a-z]{2,9}):(?!//)(?=.)", re.ASCII | re.IGNORECASE)
_FIELDS_ELSEWHERE = {
    "by": Field.AUTHOR,
    "feed": Field.SOURCE,
    "intitle": Field.TITLE,
    "inurl": Field.LINK,
    "label": Field.TAG,
    "site": Field.SOURCE,
    "since": Field.AFTER,
    "until": Field.BEFORE,
    "url": Field.LINK,
}
"""Fields by the words that other programs have for them."""
_OPERATORS_ELSEWHERE = {
    "or": SearchFault.OR_IN_LOWER_CASE,
    "AND": SearchFault.AND_WORD,
    "NOT": SearchFault.NOT_WORD,
}


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """The size of a search.

    Attributes:
        terms: Words, phrases and values.
        excluded: Excluded phrases: each is searched in every entry with the required ones.
        phrase: Words of a phrase, or three times as many characters of scripts without spaces.
        depth: Brackets within each other.
    """

    terms: int
    excluded: int
    phrase: int
    depth: int = 20


IN_BOX = SearchBounds(terms=16, excluded=5, phrase=8)
IN_FILE = SearchBounds(terms=200, excluded=200, phrase=50)


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed search.

    Attributes:
        root: None for a search without a positive condition, which has no results.
        hints: The parts that are left out, and other advice.
    """

    root: Node | None = None
    hints: tuple[Hint, ...] = ()

    @property
    def is_costly(self) -> bool:
        """Whether the search may take many times longer than most searches."""
        return self.root is not None and is_costly(self.root)


def parse(text: str) -> Search:
    """Return the search that a text in the search box means; any text is a search."""
    parser = _SearchReader(text, IN_BOX)
    root, mistakes = parser.root(), parser.mistakes
    if root is not None and only_excludes_phrases(root):
        mistakes.append(Hint(SearchFault.ONLY_EXCLUDED, text.strip()))
        root = None
    return Search(root, shown_hints(mistakes))


def parse_rule(text: str) -> Node:
    """Return the syntax tree of a search in config.yaml.

    Raises:
        RuleError: A part of the text makes no sense.
    """
    parser = _SearchReader(text, IN_FILE)
    root = parser.root()
    if (error := rule_error(parser.mistakes)) is not None:
        raise error
    if root is None:
        raise RuleError(1, "the search is empty")
    return root


def prefix_proposal(text: str) -> Hint | None:
    """Return the hint to search for words that begin like the last word of a search.

    None for a search in the search box whose last part is not a whole word that entries must have.
    """
    last = next(reversed(list(signs(text))), None)
    if last is None or last.kind is not SignKind.WORD or last.is_excluded:
        return None
    typed = text[last.start : last.end]
    test, fault = test_of(f"{last.value}*", last.field, IN_BOX.phrase)
    has_asterisk = in_ascii(typed).endswith("*")
    if has_asterisk or fault or not (isinstance(test, Phrase) and test.is_prefix):
        return None
    return Hint(SearchFault.WHOLE_WORD, typed, last.start, (f"{typed}*",))


def with_sources(text: str, names: Mapping[str, str]) -> str:
    """Return a search with other names of sources.

    Args:
        text: The search.
        names: New names, without blanks, by the names behind `source:` in `text`.
    """
    parser = _SearchReader(text, IN_FILE)
    parser.root()
    parts, end = [], 0
    for sign in parser.source_names:
        name = names.get(sign.value.strip())
        if name is not None:
            parts += [text[end : sign.value_start], name]
            end = sign.end
    return "".join([*parts, text[end:]])


@dataclass(frozen=True, slots=True)
class _Context:
    """The brackets around a part of a search.

    Attributes:
        field: The field of the innermost brackets with a field.
        is_excluded: Entries must not match the part.
        depth: Number of the brackets.
    """

    field: Field | None = None
    is_excluded: bool = False
    depth: int = 0

    def of(self, sign: Sign) -> "_Context":
        """Return the context of the value of a sign."""
        is_excluded = self.is_excluded is not sign.is_excluded
        return replace(self, field=sign.field or self.field, is_excluded=is_excluded)


class _SearchReader:
    """Reads the signs of a search from left to right.

    Attributes:
        mistakes: In no order.
        source_names: The signs with names of sources, in order.
    """

    def __init__(self, text: str, bounds: SearchBounds) -> None:
        self.mistakes: list[Hint] = []
        self.source_names: list[Sign] = []
        self._text = text
        self._bounds = bounds
        self._signs = list(signs(text))
        self._position = 0
        self._terms = 0
        self._excluded = 0

    def root(self) -> Node | None:
        """Read the whole text."""
        return self._search(_Context())

    def _search(self, context: _Context) -> Node | None:
        """Read up to the end of the text or of the brackets."""
        nodes = []
        while self._next_sign(context) is not None:
            nodes.append(self._alternatives(context))
        return all_of(_with_either_source(node for node in nodes if node is not None))

    def _alternatives(self, context: _Context) -> Node | None:
        nodes: list[Node | None] = []
        is_term_due, last_or = True, None
        while (sign := self._next_sign(context)) is not None:
            if sign.kind is SignKind.OR:
                if is_term_due:
                    self._add(SearchFault.OR_AT_EDGE, sign)
                is_term_due, last_or = True, sign
                self._position += 1
            elif is_term_due:
                is_term_due, last_or = False, None
                nodes.append(self._term(sign, context))
            else:
                break
        if last_or is not None:
            self._add(SearchFault.OR_AT_EDGE, last_or)
        return any_of(node for node in nodes if node is not None)

    def _term(self, sign: Sign, context: _Context) -> Node | None:
        inner = context.of(sign)
        self._position += 1
        if sign.kind is SignKind.OPENING:
            node = self._brackets(sign, replace(inner, depth=context.depth + 1))
        else:
            node = self._value(sign, inner)
        return negated(node) if node is not None and sign.is_excluded else node

    def _brackets(self, opening: Sign, context: _Context) -> Node | None:
        start = self._position
        if context.depth > self._bounds.depth:
            self._add(SearchFault.TOO_DEEP, opening, bound=self._bounds.depth)
            self._skip_brackets()
            return None
        node = self._search(context)
        if self._position == len(self._signs):
            unread_text = self._text[opening.start :].rstrip()
            self._add(SearchFault.OPEN_BRACKET, opening, at=opening.value_start, text=unread_text)
            return node
        if self._position == start:
            fault = SearchFault.NO_VALUE if opening.field else SearchFault.EMPTY_BRACKETS
            self._add(fault, opening, text=self._text[opening.start : self._signs[start].end])
        self._position += 1
        return node

    def _skip_brackets(self) -> None:
        """Go on behind the bracket that closes the brackets around the position."""
        depth = 1
        while depth and self._position < len(self._signs):
            kind = self._signs[self._position].kind
            depth += (kind is SignKind.OPENING) - (kind is SignKind.CLOSING)
            self._position += 1

    def _value(self, sign: Sign, context: _Context) -> Node | None:
        self._terms += 1
        if self._terms > self._bounds.terms:
            if self._terms == self._bounds.terms + 1:
                self._add(SearchFault.TOO_MANY_TERMS, sign, bound=self._bounds.terms)
            return None
        if not sign.is_closed:
            self._add(SearchFault.OPEN_QUOTE, sign, at=sign.value_start)
        value = sign.value.strip()
        if not value:
            self._add(SearchFault.NO_VALUE if sign.field else SearchFault.NO_WORDS, sign)
            return None
        if sign.kind is SignKind.WORD and (fault := _bracket_fault(sign.value)):
            self._add(fault, sign)
        if context.field is Field.SOURCE:
            self.source_names.append(sign)
        elif context.field is None and sign.kind is SignKind.WORD:
            self._advise(sign)
        test, fault = test_of(value, context.field, self._bounds.phrase)
        if fault is not None:
            is_long = fault is SearchFault.LONG_PHRASE
            self._add(fault, sign, bound=self._bounds.phrase if is_long else 0)
        if context.is_excluded and isinstance(test, Phrase):
            return test if self._may_exclude(sign) else None
        return test

    def _may_exclude(self, sign: Sign) -> bool:
        self._excluded += 1
        if self._excluded == self._bounds.excluded + 1:
            self._add(SearchFault.TOO_MANY_EXCLUDED, sign, bound=self._bounds.excluded)
        return self._excluded <= self._bounds.excluded

    def _advise(self, sign: Sign) -> None:
        """Note a word that may be meant as an operator or a field."""
        operator = None if sign.is_excluded else _OPERATORS_ELSEWHERE.get(sign.value)
        is_first, is_last = self._position == 1, self._position == len(self._signs)
        if operator and not is_last and (not is_first or operator is SearchFault.NOT_WORD):
            self._add(operator, sign)
        head = _MAY_BE_FIELD.match(in_ascii(sign.value))
        field = _field_like(head[1].lower()) if head else None
        if head and field:
            proposal = f"{field}:{sign.value[head.end() :]}"
            self._add(SearchFault.UNKNOWN_FIELD, sign, proposals=(proposal,))

    def _next_sign(self, context: _Context) -> Sign | None:
        """Return the sign at the position, None at the end of the text or of the brackets."""
        while self._position < len(self._signs):
            sign = self._signs[self._position]
            if sign.kind is not SignKind.CLOSING:
                return sign
            if context.depth:
                return None
            self._add(SearchFault.CLOSING_BRACKET, sign)
            self._position += 1
        return None

    def _add(
        self,
        fault: SearchFault,
        sign: Sign,
        *,
        at: int | None = None,
        text: str | None = None,
        proposals: tuple[str, ...] = (),
        bound: int = 0,
    ) -> None:
        typed = self._text[sign.start : sign.end] if text is None else text
        start = sign.start if at is None else at
        self.mistakes.append(Hint(fault, typed, start, proposals, bound))


def _with_either_source(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes that entries must match, with one node of several sources.

    As an entry has one source, `source:a source:b` means either.
    """
    parts = list(nodes)
    sources = [node for node in parts if _is_source(node)]
    either = any_of(sources)
    if either is None:
        return parts
    other_nodes = [node for node in parts if not _is_source(node)]
    position = parts.index(sources[0])
    return [*other_nodes[:position], either, *other_nodes[position:]]


def _is_source(node: Node) -> bool:
    return isinstance(node, NameTest) and node.field is NameField.SOURCE


def _field_like(name: str) -> str | None:
    """Return the field that a mistyped field, or the field of another program, may mean."""
    if name in _FIELDS_ELSEWHERE:
        return _FIELDS_ELSEWHERE[name]
    return next(iter(get_close_matches(name, list(Field), n=1, cutoff=0.8)), None)


def _bracket_fault(word: str) -> SearchFault | None:
    """Return what is wrong with the brackets in a word; None for none, or brackets in pairs."""
    depth = 0
    for sign in in_ascii(word):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return SearchFault.CLOSING_BRACKET
    return SearchFault.BRACKET_IN_WORD if depth else None
