"""The elements that are open at a place of some HTML, by a part of the parser's rules.

Where a rule is left out, more elements count as open than in the parser, hardly ever fewer: an end
tag that the parser ignores closes nothing here, either.

Source: HTML Standard, 13.2.4.2 (the stack of open elements), 13.2.6.4.7 (in body; the adoption
agency algorithm), 13.2.6.5 (foreign content).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from aggregator.text.hypertext import VOID

MAX_DEPTH = 500
"""Elements within each other, not counting elements without end tags; browsers stop at 512."""

FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
RAW = frozenset(
    "iframe noembed noframes noscript plaintext script style textarea title xmp".split()
)
"""Elements whose content is text."""

_MAX_REPAIRS = 5000  # elements that end tags of other elements close in one text
_MAX_ADOPTIONS = 7  # blocks out of which one end tag takes a formatting element

_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_MARKERS = frozenset("applet caption marquee object td template th".split())
_CELLS = frozenset({"caption", "td", "th"})
_INTEGRATION = frozenset("annotation-xml desc foreignobject mi mn mo ms mtext title".split())
_OF_HTML = {name: f"{name} of HTML" for name in _INTEGRATION - {"title"}}
"""Names of elements without a meaning, outside of drawings and formulas."""

_SCOPES = _MARKERS | _INTEGRATION | RAW | {"math", "select", "svg", "table"}
_BLOCKS = frozenset(
    "address article aside blockquote button center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 header hgroup li listing main menu nav ol p pre "
    "search section summary ul".split()
)
_SPECIAL = _SCOPES | _BLOCKS
_MORE_BARRIERS = {"li": ("ol", "ul"), "p": ("button",)}
_ITEMS = {"dd": ("dd", "dt"), "dt": ("dd", "dt"), "li": ("li",)}  # and what their start closes
_RUBY = ("rb", "rp", "rt", "rtc")
_END_IS_OPTIONAL = frozenset({"dd", "dt", "li", "optgroup", *_RUBY})
_WITHIN_ITEMS = frozenset({"address", "div", "p"})  # closed with the item
_NOT_COUNTED = frozenset({"p", "td", "th"})  # right within each other never
_NOT_FOLLOWED = VOID | frozenset("body head html image option tbody tfoot thead tr".split())
_BREAKS_OUT = frozenset(  # of a drawing or formula
    "b big blockquote body br center code dd div dl dt em embed h1 head hr i img li listing menu "
    "meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)


class _OpenElement(NamedTuple):
    """An open element; without a `name`, no end tag closes the element itself."""

    name: str
    is_counted: bool
    is_too_deep: bool


class OpenElements:
    """The stack of open elements; names are in lower case.

    Attributes:
        depth: Number of the elements that count.
        is_foreign: The next tag belongs to a drawing or formula.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.is_foreign = False
        self._repairs = 0
        self._stack: list[_OpenElement] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)  # in the stack, by name
        self._scopes: list[int] = []
        self._specials: list[int] = []
        self._walls: list[int] = []  # that the start of an item does not look beyond

    def has(self, *names: str) -> bool:
        """Whether an element with one of the names is open."""
        return any(self._places.get(name) for name in names)

    def is_foreign_if(self, name: str) -> bool:
        """Whether an element that starts now belongs to a drawing or formula, or is one."""
        if name in {"svg", "math"}:
            return True
        breaks_out = name in _BREAKS_OUT or name in _HEADINGS
        return self.is_foreign and not (breaks_out and not self.has(*_INTEGRATION))

    def start(self, name: str) -> bool:
        """Open an element; return whether the element is too deep."""
        name = "h1" if name in _HEADINGS else name
        self._follow_break_out(is_foreign=self.is_foreign_if(name))
        if not self.is_foreign:
            if name in _NOT_FOLLOWED or (name in _CELLS and not self.has("table")):
                return False
            if name == "select" and self.has(name) and not self._is_barred(name):
                return self.end(name)  # as the parser does
            self._close_before(name)
            name = _OF_HTML.get(name, name)
        return self._push(name, is_counted=self.is_foreign or name not in _NOT_COUNTED)

    def _follow_break_out(self, *, is_foreign: bool) -> None:
        """Let no end tag close a drawing or formula, or what is in it, after HTML has begun."""
        if self.is_foreign and not is_foreign:
            lowest = min(self._places[name][0] for name in ("svg", "math") if self.has(name))
            for place in range(len(self._stack) - 1, lowest - 1, -1):
                element = self._stack[place]
                if element.name:
                    self._places[element.name].pop()
                    self._stack[place] = element._replace(name="")
        self.is_foreign = is_foreign

    def hide(self) -> bool:
        """Open an element that no end tag closes; return whether the element is too deep."""
        return self._push("", is_counted=True)

    def end(self, name: str) -> bool:
        """Close the element that an end tag closes; return whether that element was too deep."""
        name = "h1" if name in _HEADINGS else name
        if self.is_foreign and name in {"p", "br"} and not self.has(*_INTEGRATION):
            self._follow_break_out(is_foreign=False)
        name = max(name, _OF_HTML.get(name, name), key=self._last_place)
        places = self._places.get(name)
        if not places:
            return False
        place = places[-1]
        is_top = place == len(self._stack) - 1
        if not is_top and (self._repairs >= _MAX_REPAIRS or self._is_barred(name)):
            return False
        is_too_deep = self._stack[place].is_too_deep
        has_blocks = bool(self._specials) and self._specials[-1] > place
        # The parser opens formatting again, but not before one of these.
        has_blocks = has_blocks or (name in FORMATTING and self._is_below(place, _RUBY))
        if (name not in FORMATTING and name != "form") or not has_blocks:
            self._close(place)
        elif len(self._specials) - bisect_right(self._specials, place) <= _MAX_ADOPTIONS:
            self._take_out(name)
        else:
            return False
        self.is_foreign = self.is_foreign and self.has("svg", "math")
        return is_too_deep

    def _last_place(self, name: str) -> int:
        places = self._places.get(name)
        return places[-1] if places else -1

    def _push(self, name: str, *, is_counted: bool) -> bool:
        element = _OpenElement(name, is_counted, is_counted and self.depth >= MAX_DEPTH)
        self._append(element)
        return element.is_too_deep

    def _append(self, element: _OpenElement) -> None:
        place = len(self._stack)
        self._stack.append(element)
        self._places[element.name].append(place)
        if element.name in _SCOPES:
            self._scopes.append(place)
        if element.name in _SPECIAL:
            self._specials.append(place)
            if element.name not in _WITHIN_ITEMS:
                self._walls.append(place)
        self.depth += element.is_counted

    def _pop(self) -> _OpenElement:
        element = self._stack.pop()
        place = len(self._stack)
        for places in (self._places[element.name], self._scopes, self._specials, self._walls):
            if places and places[-1] == place:
                places.pop()
        self.depth -= element.is_counted
        return element

    def _close_before(self, name: str) -> None:
        """Close what the start of an element closes, as far as that matters here."""
        top = self._stack[-1].name if self._stack else ""
        is_paragraph_over = top == "p" and (name in _BLOCKS or name == "table")
        if is_paragraph_over or (top in _CELLS and name in _CELLS):
            self._pop()
        if name in _ITEMS and self._walls and self._stack[self._walls[-1]].name in _ITEMS[name]:
            self._close(self._walls[-1])
        if name == "a" or (name == "table" and self._is_within_table()):
            self.end(name)

    def _is_within_table(self) -> bool:
        """Whether a table is open, and no cell in it."""
        cells = [places[-1] for name in (*_CELLS, "template") if (places := self._places[name])]
        tables = self._places["table"]
        return bool(tables) and tables[-1] > max(cells, default=-1)

    def _is_barred(self, name: str) -> bool:
        """Whether an end tag ends nothing, as a barrier was opened after the last such element."""
        place = self._places[name][-1]
        if name == "template":
            return False
        if name in _CELLS or name == "table":
            barriers = [*self._places["template"][-1:], *self._places["table"][-1:]]
        elif name in _SPECIAL or name in FORMATTING:
            barriers = self._scopes[-1:]
            for barrier in _MORE_BARRIERS.get(name, ()):
                barriers += self._places[barrier][-1:]
        else:
            barriers = self._specials[-1:]
        return any(barrier > place for barrier in barriers)

    def _is_below(self, place: int, names: Iterable[str]) -> bool:
        """Whether an element with one of the names was opened after the element at a place."""
        return any(places[-1] > place for name in names if (places := self._places.get(name)))

    def _take_out(self, name: str) -> None:
        """Close an element, but not the blocks in it."""
        place = self._places[name].pop()
        self.depth -= self._stack[place].is_counted
        self._stack[place] = _OpenElement("", is_counted=False, is_too_deep=False)

    def _close(self, place: int) -> None:
        """Close an element and all elements in it; the parser opens formatting in it again."""
        formatting: list[_OpenElement] = []
        has_marker = False
        while len(self._stack) > place:
            element = self._pop()
            if len(self._stack) == place:
                break
            if element.name in FORMATTING:
                formatting.append(element)
            else:
                self._repairs += element.is_counted and element.name not in _END_IS_OPTIONAL
            if element.name in _MARKERS and not has_marker:
                formatting.clear()
                has_marker = True
        if element.name in _MARKERS and not has_marker:
            formatting.clear()
        for reopened in reversed(formatting):
            self._append(reopened)
