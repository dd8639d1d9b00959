"""What the program puts out for the site of tests/quay.py, byte for byte.

    python -m tests.golden      write the files in tests/golden anew, and say which differ

The database has the rows of a released version (tests/released.py), but for `rows.json`, which is
what polling the documents writes today.  A file changes only where an output is meant to change.
Left out is what follows from other files of the project, from the moment of the answer or from a
library: `ETag`, `Date`, lengths, versions of style sheets and scripts, when a cookie expires, the
body of a redirect.
"""

import re
import tempfile
from pathlib import Path

from flask.testing import FlaskClient

from aggregator.config import Config
from aggregator.database import open_database
from aggregator.database.pictures import read_pictures
from aggregator.pictures.picture_files import FOR_LIST, FOR_POST
from tests import quay, released
from tests.running import command
from tests.worlds import sqlite_database
from web import create_app

FOLDER = Path(__file__).parent / "golden"
STORY = "1882469066342400000"  # the copy that lists leave out
FERRY = "1882454910566400000"  # in several feeds, with sound

PAGES = {
    "list.html": "/",
    "titles.html": "/?view=titles",
    "older.html": "/?before=1882613215133696000",
    "category.html": "/category/the-sea",
    "source.html": "/source/harbour",
    "source-failing.html": "/source/mast",
    "search.html": "/search?q=ferry",
    "search-nothing.html": "/search?q=zeppelin",
    "sources.html": "/sources",
    "status.html": "/status",
    "robot.html": "/about/robot",
    "saved.html": "/saved",
    "error.html": "/nothing-here",
    "moved.html": "/source/old-harbour",
    "post.html": f"/post/{FERRY}?in=category/the-sea",
    "feed.html": "/feed.atom",
    "feed.atom": "/feed.atom",
    "feed.rss": "/feed.rss",
    "feed.json": "/feed.json",
    "category.atom": "/category/c-plus-plus-lamps/feed.atom",
    "archive.atom": "/archive/2026-W47.atom",
    "sources.opml": "/sources.opml",
    "metrics.txt": "/metrics",
    "updates.json": "/updates.json?after=1882613215133696000",
    "health.json": "/healthz",
    "robots.txt": "/robots.txt",
    "manifest.json": "/manifest.webmanifest",
}
COMMANDS = {
    "check.txt": ("check",),
    "feeds.txt": ("feeds",),
    "feeds-as-json.txt": ("feeds", "--json"),
    "explain.txt": ("explain", "harbour"),
    "explain-as-json.txt": ("explain", "--json", "harbour"),
    "explain-waiting.txt": ("explain", "slow"),
    "explain-failing.txt": ("explain", "mast"),
    "explain-story.txt": ("explain-story", STORY),
    "plan.txt": ("plan",),
    "plan-as-json.txt": ("plan", "--json"),
    "unknown-feed.txt": ("explain", "harbor"),
}
EXPORTED = {
    "exported-list.html": "index.html",
    "exported-feed.atom": "feed.atom",
}
LANGUAGES = ("ar", "de", "es", "fr", "ja")
NAMES = [*PAGES, *(f"status.{code}.html" for code in LANGUAGES), *COMMANDS, "export.txt",
         *EXPORTED, "rows.json", "schema.sql"]  # fmt: skip

_NOT_COMPARED = {"ETag", "Date", "Server", "Content-Length", "Connection"}
_EXPIRES = re.compile(r" Expires=[^;]*;")
_ASSET_VERSION = re.compile(rb"(/static/[a-z.]+\?v=)[0-9a-f]+")


def outputs(folder: Path) -> dict[str, bytes]:
    """Return all outputs by the name of their file; `folder` is empty and takes the database."""
    site, polled = folder / "site", folder / "polled"
    site.mkdir()
    polled.mkdir()
    config = quay.configure(site)
    released.make(config.database, released.REVISIONS[-1])
    _add_files_of_pictures(config)
    with quay.clock_at(quay.NOW):
        ran = {name: _ran(site, *arguments) for name, arguments in COMMANDS.items()}
        ran["export.txt"] = _export(site)
        engine = open_database(config.database)
        client = create_app(config, engine).test_client(use_cookies=False)
        pages = {name: _answer(client, name, path) for name, path in PAGES.items()}
        for code in LANGUAGES:
            pages[f"status.{code}.html"] = _answer(client, "status.html", "/status", code)
        engine.dispose()
    exported = {name: (site / "public" / path).read_bytes() for name, path in EXPORTED.items()}
    return pages | ran | exported | {"rows.json": _rows(polled), "schema.sql": _schema(polled)}


def _add_files_of_pictures(config: Config) -> None:
    """Write empty files for the pictures that the database has: pages show no others."""
    engine = open_database(config.database)
    with engine.connect() as connection:
        keys = read_pictures.file_keys(connection)
    engine.dispose()
    for name in [key + size for key in keys for size in (FOR_POST, FOR_LIST)]:
        path = config.picture_folder / name[:2] / f"{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def stored(name: str) -> bytes:
    """Return what a file has; nothing, if it is not there yet."""
    path = FOLDER / name
    return path.read_bytes() if path.exists() else b""


def _answer(client: FlaskClient, name: str, path: str, language: str = "en") -> bytes:
    """Return an answer as it goes over the wire: status, header fields, body."""
    headers = {"Accept-Language": language}
    if name == "feed.html":  # as a browser asks that opens a feed
        headers["Sec-Fetch-Dest"] = "document"
    answer = client.get(path, headers=headers)
    fields = sorted(f"{key}: {value}" for key, value in answer.headers if key not in _NOT_COMPARED)
    head = _EXPIRES.sub("", "\n".join([answer.status, *fields]))
    body = b"" if answer.location else answer.data  # of a redirect, the library writes it
    return head.encode() + b"\n\n" + _ASSET_VERSION.sub(rb"\1...", body)


def _ran(folder: Path, *arguments: str) -> bytes:
    done = command(folder, *arguments)
    head = f"$ aggregator {' '.join(arguments)}\nexit status {done.returncode}\n"
    return f"{head}--- stdout\n{done.stdout}--- stderr\n{done.stderr}".encode()


def _export(folder: Path) -> bytes:
    """Return what an export prints, without the size of style sheets and scripts, and its files."""
    printed = re.sub(rb"[0-9]+ kB", b"... kB", _ran(folder, "export", "public"))
    paths = sorted(path for path in (folder / "public").rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return printed + b"--- files\n" + "".join(f"{name}\n" for name in names).encode()


def _rows(folder: Path) -> bytes:
    engine = sqlite_database(folder)
    quay.poll_all(engine, quay.configure(folder))
    with engine.connect() as connection:
        rows = released.rows_of(connection)
    engine.dispose()
    return released.as_json(rows).encode() + b"\n"


def _schema(folder: Path) -> bytes:
    """Return the statements that made the tables, indexes and triggers of a SQLite database."""
    engine = sqlite_database(folder)
    with engine.connect() as connection:
        statements = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name NOT LIKE 'word_index_%' "  # SQLite's own tables of the index of texts
            "ORDER BY type, name"
        ).scalars()
        text = "".join(f"{statement};\n" for statement in statements)
    engine.dispose()
    return re.sub(r"[ \t]+\n", "\n", text).encode()


def rewrite() -> None:
    """Write the files that differ, remove those of outputs that are gone, and print their names."""
    with tempfile.TemporaryDirectory() as folder:
        current = outputs(Path(folder))
    FOLDER.mkdir(exist_ok=True)
    for name in [name for name in current if stored(name) != current[name]]:
        (FOLDER / name).write_bytes(current[name])
        print(f"{name}: written")
    for path in sorted(path for path in FOLDER.iterdir() if path.name not in current):
        path.unlink()
        print(f"{path.name}: removed")


if __name__ == "__main__":
    rewrite()
