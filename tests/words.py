"""What the code calls things: vague bindings, names used twice, pronouns in docstrings.

`python -m tests.words [PATH ...]` prints what tests/test_words.py would object to.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FROZEN = "migrations"  # what a released migration says never changes

# Words that say nothing of what a binding holds: pronouns, and adjectives and participles without a
# noun.  `found_entry` and `old_guid` say what they hold; `found` and `old` do not.
VAGUE = frozenset(
    """
    found one ones some other others rest each this that these those it its them they their theirs
    what which who whom whose there here own ours mine same such more most less least many few
    thing things stuff something anything everything nothing somebody someone
    said told asked kept known wanted given taken gone done seen made got shown written named added
    listed changed placed shared meant judged left lost held put sent brought chosen turned let
    new old bad good sure fresh late plain likely wrong apart alone around beyond near far
    whatever whoever whichever everyone nobody anyone otherwise else so thus
    """.split()
)
PRONOUNS = frozenset(
    """
    it its itself they them their theirs themselves one ones that this these those what who whose
    whom there
    """.split()
)


@dataclass(frozen=True)
class Binding:
    """A name that is given to a value, a parameter, an attribute, a function or a class."""

    path: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.name}"


def modules(*places: Path) -> list[Path]:
    """Return the modules of the program at `places`, or all of them; frozen ones are left out."""
    paths = [
        path
        for place in places or (ROOT / "aggregator", ROOT / "web")
        for path in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    return sorted(path for path in paths if FROZEN not in path.parts)


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module, which several tests look at."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return all nodes of a module's syntax tree."""
    return list(ast.walk(parsed(path)))


def bindings(path: Path) -> Iterator[Binding]:
    """Yield every binding of a module, in no order."""
    for node in nodes(path):
        for name in _names(node):
            yield Binding(path, getattr(node, "lineno", 0), name)


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name


def is_vague(name: str) -> bool:
    return name.strip("_").lower() in VAGUE


def classes(paths: list[Path]) -> dict[str, list[Path]]:
    """Return where each class name, without a leading underscore, is defined."""
    places: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(path)
    return places


def stems(paths: list[Path]) -> dict[str, list[Path]]:
    """Return where each module name occurs; the names that every package has are left out."""
    places: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if path.stem not in {"__init__", "__main__"}:
            places[path.stem].append(path)
    return places


def pronouns(paths: list[Path]) -> tuple[int, int]:
    """Return how many words the docstrings have, and how many of these are pronouns."""
    words = [
        word
        for path in paths
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for word in re.findall(r"[a-z']+", (ast.get_docstring(node) or "").lower())
    ]
    return len(words), sum(word in PRONOUNS for word in words)


def main() -> None:
    paths = modules(*(Path(argument).resolve() for argument in sys.argv[1:]))
    every = [binding for path in paths for binding in bindings(path)]
    vague = [binding for binding in every if is_vague(binding.name)]
    print(*vague, sep="\n")
    for kind, places in (("class", classes(modules())), ("module", stems(modules()))):
        for name, where in sorted(places.items()):
            if len(where) > 1 and set(where) & set(paths):
                print(f"{kind} {name}:", *(str(path.relative_to(ROOT)) for path in where))
    words, count = pronouns(paths)
    print(f"{len(vague)} of {len(every)} bindings are vague ({len(vague) / len(every):.1%})")
    print(f"{count} of {words} words in docstrings are pronouns ({count / max(words, 1):.1%})")


if __name__ == "__main__":
    main()
