"""The map of docs/architecture.md, held to the imports that are really there."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PURE = frozenset({"errors", "model", "urls"})

# What a module may import of ours; a package's modules may always import each other.
ALLOWED = {
    "aggregator": frozenset(),
    "aggregator.__main__": {"cli", "errors", "processes", "terminal"},
    "aggregator.search": frozenset(),
    "aggregator.skim": frozenset(),
    "aggregator.encodings": frozenset(),
    "aggregator.read": PURE | {"clean", "discover", "encodings", "parse", "skim"},
    "aggregator.errors": frozenset(),
    "aggregator.model": frozenset(),
    "aggregator.urls": frozenset(),
    "aggregator.cadence": {"model"},
    "aggregator.dates": {"model"},
    "aggregator.config": PURE,
    "aggregator.references": frozenset(),
    "aggregator.feed_addresses": {"urls"},
    "aggregator.opml_extras": frozenset(),
    "aggregator.opml": PURE | {"encodings", "feed_addresses", "opml_extras", "references"},
    "aggregator.discover": PURE | {"encodings", "feed_addresses", "references"},
    "aggregator.fetch": PURE,
    "aggregator.hypertext": {"references"},
    "aggregator.parse": PURE | {"dates", "encodings", "hypertext", "references"},
    "aggregator.sanitize": {"hypertext", "references", "urls"},
    "aggregator.clean": PURE | {"dates", "hypertext", "references", "sanitize"},
    "aggregator.dedup": PURE | {"references"},
    "aggregator.stories": PURE | {"references"},
    "aggregator.story_leaders": frozenset(),
    "aggregator.database": PURE
    | {"dates", "dedup", "references", "search", "skim", "stories", "story_leaders"},
    "aggregator.publish": PURE | {"references"},
    "aggregator.merged": PURE | {"config", "database", "dates", "publish"},
    "aggregator.clock": frozenset(),
    "aggregator.hosts": frozenset(),
    "aggregator.lease": frozenset(),
    "aggregator.letters": frozenset(),
    "aggregator.websub": PURE | {"config", "database", "fetch", "letters", "merged", "publish"},
    "aggregator.processes": frozenset(),
    "aggregator.terminal": {"errors"},
    "aggregator.workers": PURE | {"processes"},
    "aggregator.poll": PURE
    | {"cadence", "database", "dates", "dedup", "encodings", "fetch", "hosts", "read", "skim"}
    | {"stories", "workers"},
    "aggregator.scheduler": PURE
    | {"clock", "config", "database", "fetch", "hosts", "lease", "merged", "poll", "websub"},
    "aggregator.cli": PURE
    | {"config", "database", "dates", "discover", "feed_addresses", "fetch", "merged", "opml"}
    | {"poll", "publish", "processes", "read", "references", "scheduler", "web", "workers"},
    "web": PURE
    | {"config", "database", "dates", "letters", "merged", "opml", "publish", "references"}
    | {"search"},
}

# Each third-party library is imported in one place; its types may be named where it is used.
HOMES = {
    "aiohttp": {"aggregator.fetch"},
    "alembic": {"aggregator.database"},
    "apscheduler": {"aggregator.scheduler"},
    "babel": {"web"},
    "brotli": {"aggregator.fetch", "web"},
    "click": {"aggregator.cli"},
    "feedparser": {"aggregator.parse"},
    "flask": {"web", "aggregator.cli"},
    "granian": {"web"},
    "jinja2": {"web"},
    "markupsafe": {"web"},
    "nh3": {"aggregator.sanitize"},
    "publicsuffixlist": {"aggregator.urls"},
    "pydantic": {"aggregator.config"},
    "pydantic_core": {"aggregator.config"},
    "rich": {"aggregator.cli"},
    "sqlalchemy": {"aggregator.database"},
    "waitress": {"web"},
    "webencodings": {"aggregator.encodings"},
    "werkzeug": {"web"},
    "yaml": {"aggregator.config"},
    "yarl": {"aggregator.urls", "aggregator.fetch"},
}

# The web reads the database; it never writes, polls or schedules.
FORBIDDEN_TO_WEB = ("aggregator.database.store", "aggregator.database.tables")
# No clock, network or file is touched here.
UNWORLDLY = ("cadence", "clean", "dates", "dedup", "discover", "encodings", "errors",
             "feed_addresses", "hypertext", "letters", "model", "opml", "opml_extras", "parse",
             "publish", "read", "references", "sanitize", "search", "skim", "stories",
             "story_leaders", "urls")  # fmt: skip
WORLD = frozenset({"socket", "sqlite3", "subprocess", "threading", "asyncio", "os", "random"})


def sources() -> list[tuple[str, Path]]:
    found = [*(ROOT / "aggregator").rglob("*.py"), *(ROOT / "web").rglob("*.py")]
    return [(_module(path), path) for path in sorted(found)]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(module: str, path: Path) -> frozenset[str]:
    return frozenset(_imports(module, path))


def _imports(module: str, path: Path) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base]) if base else ".".join(parents)
            yield base
            if base in {"aggregator", "aggregator.database", "web"}:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def unit(module: str) -> str:
    """Return the part of the map that a module belongs to."""
    parts = module.split(".")
    return parts[0] if parts[0] == "web" else ".".join(parts[:2])


MODULES = sources()
IDS = [module for module, _ in MODULES]


@pytest.mark.parametrize(("module", "path"), MODULES, ids=IDS)
def test_a_module_imports_only_what_the_map_allows(module, path):
    here = unit(module)
    units = {
        unit(name) for name in imports(module, path) if name.split(".")[0] in {"aggregator", "web"}
    }
    known = {name for name in units if name in ALLOWED and name not in {here, "aggregator"}}

    assert {name.removeprefix("aggregator.") for name in known} <= set(ALLOWED[here])


@pytest.mark.parametrize(("module", "path"), MODULES, ids=IDS)
def test_a_library_is_imported_in_its_one_place(module, path):
    libraries = {name.split(".")[0] for name in imports(module, path)}

    assert {
        name for name in libraries if unit(module) not in HOMES.get(name, {unit(module)})
    } == set()


@pytest.mark.parametrize(("module", "path"), MODULES, ids=IDS)
def test_the_web_never_writes(module, path):
    if unit(module) == "web":
        assert not {name for name in imports(module, path) if name.startswith(FORBIDDEN_TO_WEB)}


@pytest.mark.parametrize("name", UNWORLDLY)
def test_a_pure_stage_does_not_touch_the_world(name):
    for module, path in MODULES:
        if unit(module) == f"aggregator.{name}":
            assert not WORLD & {imported.split(".")[0] for imported in imports(module, path)}
            assert ".now(" not in path.read_text()


@pytest.mark.parametrize(("module", "path"), MODULES, ids=IDS)
def test_character_references_are_read_in_one_place(module, path):
    # Python's own function raises ValueError on a reference with 5,000 digits.
    names = {
        name
        for node in ast.walk(tree(path))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.module == "html"
            else [node.attr]
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "html"
            else []
        )
    }

    assert "unescape" not in names or module == "aggregator.references"
    assert not {"html.parser", "xml.sax.saxutils"} & imports(module, path)


def test_every_dependency_has_a_home_and_every_home_is_used():
    used = {name.split(".")[0] for module, path in MODULES for name in imports(module, path)}

    assert {name for name in HOMES if name not in used} == set()


@pytest.mark.parametrize(("module", "path"), MODULES, ids=IDS)
def test_modules_and_functions_stay_small(module, path):
    text = path.read_text()
    functions = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert text.count("\n") <= 600
    assert [name for name, size in functions if size > 60] == []
