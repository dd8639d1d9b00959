"""The map and the explanations of the code name modules, functions and columns that exist."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.words import nodes, parsed

pytestmark = pytest.mark.every_case

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "aggregator"
DOCUMENTS = ("docs/architecture.md", "docs/internals.md")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w/*-]+\.(?:py|po|html|css|js|yaml)|(?:[\w*-]+/)+")
MODULE = re.compile(r"[\w*]+(?:/[\w*]+)+\.py")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
CLASS = re.compile(r"[A-Z][a-z]+[A-Z]\w*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ROOM = re.compile(r"^\| (`.+?) \|", re.MULTILINE)
KEY = re.compile(r"^\| `([\w.\[\]]+)` \|", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_and_name_in_a_document_exists(document):
    names = CODE.findall(without_blocks((ROOT / document).read_text("utf-8")))

    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_module_that_a_document_names_exists(document):
    names = CODE.findall(without_blocks(document.read_text("utf-8")))

    assert [name for name in names if MODULE.fullmatch(name) and not exists(name)] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_link_between_documents_leads_to_a_heading(document):
    text = without_blocks(document.read_text("utf-8"))
    links = [link for link in LINK.findall(text) if ":" not in link]

    assert [link for link in links if not leads_somewhere(link, document)] == []


@pytest.mark.parametrize("document", ["docs/config.md", "docs/operating.md", "config.yaml"])
def test_a_document_names_every_setting_that_needs_a_restart(document):
    paragraphs = (ROOT / document).read_text("utf-8").split("\n\n")
    paragraph = next(paragraph for paragraph in paragraphs if "take effect" in paragraph)

    assert [key for key in settings_that_need_a_restart() if key not in paragraph] == []


def test_every_room_of_the_map_exists():
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    cells = ROOM.findall(text.partition("## Rooms")[2].partition("\n## ")[0])
    rooms = [name for cell in cells for name in CODE.findall(cell)]

    missing = [room for room in rooms if not any(is_in_module(room, path) for path in modules())]
    assert missing == []


@pytest.mark.parametrize(
    "name",
    [
        "poll/host_limit.py",
        "web/templates/lamp.html",
        "poll/lamp/",
        "matching.compared",
        "model.EntryId.lamp",
        "feeds.lamp",
        "poll.lamp",
        "LampReader",
    ],
)
def test_a_name_that_is_not_in_the_code_is_noticed(name):
    assert not exists(name)


@pytest.mark.parametrize(
    "name",
    [
        "poll/host_limits.py",
        "web/templates/list.html",
        "database/migrations/frozen/",
        "database/*/read_*.py",
        "matching.compare",
        "model.EntryId.first_at",
        "database.feeds.write_polls",
        "feeds.seen_hashes",
        "poll.timeout",
        "Fetcher.fetch",
        "MissingFileError",
        "content:encoded",  # not a name of ours
    ],
)
def test_a_name_that_is_in_the_code_exists(name):
    assert exists(name)


def leads_somewhere(link: str, document: Path) -> bool:
    """Return whether the file of a link exists, and the heading that it names."""
    path, _, heading = link.partition("#")
    target = document.parent / path if path else document
    return target.exists() and (not heading or heading in headings(target))


def headings(document: Path) -> set[str]:
    """Return the headings of a document as they stand in links."""
    text = without_blocks(document.read_text("utf-8"))
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def exists(name: str) -> bool:
    """Return whether a path, a name of the code, a column or a key exists; True for other words.

    Paths begin at the root of the repository or at `aggregator/`; folders end with a slash.  A name
    begins with a module, a class or a table.
    """
    if FILE.fullmatch(name):
        return has(ROOT, name) or has(PROGRAM, name)
    if DOTTED.fullmatch(name):
        return (
            name in config_keys()
            or name.partition(".")[2] in tables().get(name.partition(".")[0], ())
            or any(is_in_module(name, path) for path in modules())
            or is_in_class(name.split("."))
        )
    return not CLASS.fullmatch(name) or name in classes()


def has(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern.rstrip("/")), None) is not None


def is_in_module(name: str, path: Path) -> bool:
    """Return whether a name is the module at `path`, or is defined in the module."""
    parts, module = name.split("."), path.relative_to(ROOT).with_suffix("").parts
    module = module[:-1] if module[-1] == "__init__" else module
    return any(
        tuple(parts[:length]) == module[-length:] and is_defined(parts[length:], path)
        for length in range(1, len(parts) + 1)
    )


def is_defined(attributes: list[str], path: Path) -> bool:
    if not attributes:
        return True
    in_class = len(attributes) == 1 or is_in_class(attributes)
    return attributes[0] in names_in(path) and in_class


def is_in_class(parts: list[str]) -> bool:
    return len(parts) == 2 and parts[1] in classes().get(parts[0], ())


@cache
def modules() -> list[Path]:
    return [path for folder in ("aggregator", "web") for path in python_files(folder)]


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names that a module defines or imports."""
    return frozenset(name for node in parsed(path).body for name in names_of(node))


def names_of(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Import(names=imported) | ast.ImportFrom(names=imported):
            return [alias.asname or alias.name for alias in imported]
    return []


@cache
def classes() -> dict[str, set[str]]:
    """Return the attributes and methods of each class, of all modules together."""
    members: dict[str, set[str]] = defaultdict(set)
    for path in modules():
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                members[node.name].update(name for part in node.body for name in names_of(part))
    return dict(members)


@cache
def tables() -> dict[str, set[str]]:
    """Return the columns of each table, by their names in Python and in the database."""
    schema = parsed(PROGRAM / "database" / "schema.py")
    return {
        texts_of(call)[0]: {
            name
            for column in call.args
            if isinstance(column, ast.Call) and ast.unparse(column.func) == "Column"
            for name in texts_of(column)
        }
        for call in ast.walk(schema)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Table"
    }


def texts_of(call: ast.Call) -> list[str]:
    """Return the name that a table or column is made with, and its key."""
    keys = [keyword.value for keyword in call.keywords if keyword.arg == "key"]
    return [ast.literal_eval(value) for value in (call.args[0], *keys)]


@cache
def config_keys() -> frozenset[str]:
    """Return the keys of config.yaml; `test_config` holds the table of docs/config.md to them."""
    return frozenset(KEY.findall((ROOT / "docs" / "config.md").read_text("utf-8")))


def settings_that_need_a_restart() -> tuple[str, ...]:
    service = parsed(PROGRAM / "scheduler" / "config_changes.py")
    (keys,) = (
        node.value
        for node in service.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_NEED_A_RESTART"
    )
    return tuple(ast.literal_eval(keys))
