"""The map of docs/architecture.md, held to the imports that are really there."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.words import nodes, parsed

pytestmark = pytest.mark.every_case

ROOT = Path(__file__).resolve().parents[1]
PURE = frozenset({"errors", "model", "urls"})

# What a room may import of ours.  A room is a folder or a module of `aggregator`, or one of the
# parts of `reading`; the modules of one room may import each other.
ALLOWED = {
    "aggregator": frozenset(),
    "aggregator.__main__": {"cli", "errors", "runtime"},
    "aggregator.errors": frozenset(),
    "aggregator.model": frozenset(),
    "aggregator.urls": frozenset(),
    "aggregator.links": {"urls"},
    "aggregator.text": frozenset(),
    "aggregator.notifications": PURE | {"publish"},
    "aggregator.config": PURE | {"notifications", "pictures", "reading.pages", "search"},
    "aggregator.opml": PURE | {"text"},
    "aggregator.schedule": {"model"},
    "aggregator.feed_status": {"model"},
    "aggregator.episode_rules": {"model"},
    "aggregator.rules": {"model"},
    "aggregator.plan": {"model", "rules", "search", "urls"},
    "aggregator.dates": {"model"},
    "aggregator.dedup": PURE | {"links", "text"},
    "aggregator.stories": PURE | {"links", "text"},
    "aggregator.search": {"model", "text", "urls"},
    "aggregator.walls": {"model", "text"},
    "aggregator.fetch": PURE | {"walls"},
    "aggregator.reading": frozenset(),
    "aggregator.reading.document_limits": frozenset(),
    "aggregator.reading.prefilter": {"model", "reading.document_limits"},
    "aggregator.reading.autodiscovery": PURE | {"text"},
    "aggregator.reading.parse": PURE | {"dates", "reading.document_limits", "text"},
    "aggregator.reading.sanitize": {"text", "urls"},
    "aggregator.reading.excerpts": {"reading.sanitize", "text"},
    "aggregator.reading.clean": PURE
    | {"dates", "links", "reading.excerpts", "reading.sanitize", "text"},
    "aggregator.reading.pages": PURE | {"dates", "links", "reading.document_limits", "text"},
    "aggregator.reading.opml_document": PURE | {"opml"},
    "aggregator.reading.worker_task": PURE
    | {"reading.autodiscovery", "reading.clean", "reading.pages", "reading.parse"}
    | {"reading.prefilter", "text", "walls"},
    "aggregator.pictures": PURE | {"text"},
    "aggregator.runtime": PURE,
    "aggregator.database": PURE
    | {"database.migrations", "dates", "dedup", "feed_status", "pictures", "plan", "rules"}
    | {"search", "stories", "text"},
    "aggregator.database.migrations": frozenset(),
    "aggregator.publish": PURE | {"text"},
    "aggregator.merged": PURE | {"config", "database", "dates", "publish"},
    "aggregator.websub": PURE | {"config", "database", "fetch", "merged", "publish", "runtime"},
    "aggregator.poll": PURE
    | {"database", "dates", "dedup", "fetch", "opml", "pictures", "reading.document_limits"}
    | {"reading.opml_document", "reading.worker_task", "runtime", "schedule", "stories", "text"}
    | {"walls"},
    "aggregator.scheduler": PURE
    | {"config", "database", "episode_rules", "fetch", "merged", "notifications", "pictures"}
    | {"poll", "runtime", "websub"},
    "aggregator.cli": PURE
    | {"config", "database", "dates", "feed_status", "fetch", "merged", "notifications", "opml"}
    | {
        "pictures",
        "plan",
        "poll",
        "publish",
        "reading.autodiscovery",
        "reading.worker_task",
        "rules",
        "runtime",
    }
    | {"scheduler", "search", "text", "web"},
    "web": PURE
    | {"config", "database", "dates", "episode_rules", "feed_status", "merged", "opml"}
    | {"pictures", "publish", "reading.sanitize", "search", "text"},
}

# Each third-party library is imported in one place; its types may be named where it is used.
HOMES = {
    "aiohttp": {"aggregator.fetch"},
    "apprise": {"aggregator.notifications"},
    "alembic": {"aggregator.database.migrations"},
    "apscheduler": {"aggregator.scheduler"},
    "babel": {"web"},
    "brotli": {"aggregator.fetch", "web"},
    "click": {"aggregator.cli"},
    "feedparser": {"aggregator.reading.parse"},
    "flask": {"web"},
    "granian": {"web"},
    "jinja2": {"web"},
    "jsonpath": {"aggregator.reading.pages"},
    "markdown_it": {"web"},
    "markupsafe": {"web"},
    "mcp": {"aggregator.cli"},
    "mcp_types": {"aggregator.cli"},
    "nh3": {"aggregator.reading.sanitize"},
    "PIL": {"aggregator.pictures"},
    "procrastinate": {"aggregator.scheduler"},
    "publicsuffixlist": {"aggregator.urls", "aggregator.database.migrations"},
    "pydantic": {"aggregator.config"},
    "pydantic_core": {"aggregator.config"},
    "rich": {"aggregator.cli"},
    "selectolax": {"aggregator.reading.pages"},
    "sqlalchemy": {"aggregator.database", "aggregator.database.migrations"},
    "waitress": {"web"},
    "webencodings": {"aggregator.text"},
    "werkzeug": {"web"},
    "yaml": {"aggregator.config"},
    "yarl": {"aggregator.urls", "aggregator.fetch"},
}

# Revisions run on frozen code of their own: what the program does today may change.
MIGRATIONS = "aggregator.database.migrations"
READ_REFERENCES = {"aggregator.text.references", f"{MIGRATIONS}.frozen.character_references"}
# The web reads the database, and never polls or schedules: of what stands in the folders of the
# database it may import the modules `read_*` alone.  One table is the exception, by one door:
# requests of subscribers, which `write_requests` bounds in number, and no others may be written.
OF_DATABASE = frozenset({"deadline", "dialects", "engine", "failures"})
DOOR_OF_REQUESTS = "aggregator.database.websub.write_requests"
# Of the pictures it reads the files, and never loads Pillow.
OF_PICTURES = frozenset({"picture_files", "picture_sizes", "picture_choice", "picture_markup",
                         "picture_header"})  # fmt: skip
# What needs the package for jobs, which is there with PostgreSQL only.
OF_JOBS = frozenset(
    f"aggregator.scheduler.{name}"
    for name in "batch_queue batch_worker job_engine job_shell procrastinate_dispatch".split()
)
# No clock, network or file is touched here.
UNWORLDLY = ("dates", "dedup", "episode_rules", "errors", "feed_status", "links", "model", "opml",
             "pictures.picture_choice", "pictures.picture_header", "pictures.picture_markup",
             "pictures.picture_sizes", "pictures.raster", "pictures.svg", "plan", "publish",
             "reading", "rules", "schedule", "search", "stories", "text", "urls",
             "walls")  # fmt: skip
WORLD = frozenset({"socket", "sqlite3", "subprocess", "threading", "asyncio", "os", "random"})


def sources() -> list[tuple[str, Path]]:
    found = [*(ROOT / "aggregator").rglob("*.py"), *(ROOT / "web").rglob("*.py")]
    return [(_module(path), path) for path in sorted(found)]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def imports(module: str, path: Path) -> frozenset[str]:
    return frozenset(_imports(module, path))


def _imports(module: str, path: Path) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base]) if base else ".".join(parents)
            yield base
            yield from (
                f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in NAMES
            )


def unit(module: str) -> str:
    """Return the part of the map that a module belongs to: the longest name that it begins with."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((name for name in names if name in ALLOWED), parts[0])


def _is_in(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")


MODULES = sources()
IDS = [module for module, _ in MODULES]
NAMES = frozenset(IDS)
PACKAGES = frozenset(module for module, path in MODULES if path.name == "__init__.py")
PARENTS = ("aggregator", "aggregator.reading")


def test_a_module_imports_only_what_the_map_allows():
    forbidden = {
        f"{module} imports {name}"
        for module, path in MODULES
        for name in imports(module, path)
        if unit(name) in ALLOWED and unit(name) not in {unit(module), *PARENTS}
        if unit(name).removeprefix("aggregator.") not in ALLOWED[unit(module)]
    }

    assert forbidden == set()


def test_a_library_is_imported_in_its_one_place():
    elsewhere = {
        f"{module} imports {name}"
        for module, path in MODULES
        for name in imports(module, path)
        if unit(module) not in HOMES.get(name.split(".")[0], {unit(module)})
    }

    assert elsewhere == set()


def test_the_engine_of_jobs_is_loaded_for_postgresql_only():
    users = {name for name, path in MODULES if "procrastinate" in _roots(imports(name, path))}
    loading = {
        f"{module} imports {name}"
        for module, path in MODULES
        if module not in OF_JOBS
        for node in parsed(path).body  # what is imported inside a function is loaded by its call
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported_names(module, node) & OF_JOBS
    }

    assert users <= OF_JOBS <= NAMES
    assert loading == set()


def _roots(names: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def _imported_names(module: str, node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    base = node.module or ""
    if node.level:
        base = ".".join([*module.split(".")[: -node.level], *filter(None, [base])])
    return {base, *(f"{base}.{alias.name}" for alias in node.names)}


def test_a_migration_imports_nothing_of_ours_outside_of_the_migrations():
    outside = {
        (module, name)
        for module, path in MODULES
        if unit(module) == MIGRATIONS
        for name in imports(module, path)
        if name.split(".")[0] in {"aggregator", "web", "tests", "bench"}
        and not _is_in(MIGRATIONS, name)
    }

    assert outside == set()
    assert sum(unit(module) == MIGRATIONS for module in IDS) > 20


def test_the_web_writes_requests_of_subscribers_and_nothing_else():
    forbidden = {
        f"{module} imports {name}"
        for module, path in MODULES
        if unit(module) == "web"
        for name in imports(module, path)
        if not _is_open_to_the_web(name)
    }

    assert forbidden == set()


def test_the_door_of_requests_writes_one_table():
    (path,) = (path for module, path in MODULES if module == DOOR_OF_REQUESTS)
    written = {
        ast.unparse(node.args[0])
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"insert", "update", "delete"}
    }
    users = {module for module, path in MODULES if DOOR_OF_REQUESTS in imports(module, path)}

    assert written == {"hub_requests"}
    assert {module for module in users if unit(module) == "web"} == {
        "web.hub_endpoint",
        "web.hub_requests",
    }


def _is_open_to_the_web(name: str) -> bool:
    match name.split("."):
        case ["aggregator", "database", _, stem]:
            return stem.startswith("read_") or name == DOOR_OF_REQUESTS
        case ["aggregator", "pictures", stem]:
            return stem in OF_PICTURES
        case ["aggregator", "database", stem]:
            return stem in OF_DATABASE or name in PACKAGES
    return True


def test_a_module_that_reads_the_database_does_not_write():
    writers = {"insert", "update", "delete", "upsert", "insert_all"}
    readers = [
        (module, path)
        for module, path in MODULES
        if module.startswith("aggregator.database.") and path.stem.startswith("read_")
    ]
    forbidden = {
        f"{module} imports {alias.name}"
        for module, path in readers
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in writers
    } | {
        f"{module} imports {name}"
        for module, path in readers
        for name in imports(module, path)
        if ".write_" in name
    }

    assert readers
    assert forbidden == set()


@pytest.mark.parametrize("name", UNWORLDLY)
def test_a_pure_stage_does_not_touch_the_world(name):
    for module, path in MODULES:
        if f"{module}.".startswith(f"aggregator.{name}."):
            assert not WORLD & {imported.split(".")[0] for imported in imports(module, path)}
            assert ".now(" not in path.read_text()


def test_character_references_are_read_in_one_place():
    # Python's own function raises ValueError on a reference with 5,000 digits.
    readers = {module for module, path in MODULES for node in nodes(path) if _names_unescape(node)}
    parsers = {"html.parser", "xml.sax.saxutils"}

    assert readers <= READ_REFERENCES
    assert {module for module, path in MODULES if parsers & imports(module, path)} == set()


def _names_unescape(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "html" and "unescape" in {alias.name for alias in node.names}
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "unescape"
        and ast.unparse(node.value) == "html"
    )


def test_every_dependency_has_a_home_and_every_home_is_used():
    used = {name.split(".")[0] for module, path in MODULES for name in imports(module, path)}

    assert {name for name in HOMES if name not in used} == set()


def test_modules_and_functions_stay_small():
    large = {
        module: lines for module, path in MODULES if (lines := path.read_text().count("\n")) > 475
    }
    lengths = {
        f"{module}.{node.name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1
        for module, path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    over_36 = {name: lines for name, lines in lengths.items() if lines > 36}

    assert large == {}
    assert max(lengths.values()) <= 55
    assert len(over_36) <= len(lengths) / 100, over_36


def test_no_modules_import_each_other_in_a_circle():
    waiting = {
        module: {name for name in imports(module, path) if name in NAMES} - {module}
        for module, path in MODULES
        if path.name != "__init__.py"  # a package names its modules, and they each other
    }
    while free := {module for module, needed in waiting.items() if not needed & waiting.keys()}:
        waiting = {module: needed for module, needed in waiting.items() if module not in free}

    assert waiting == {}
