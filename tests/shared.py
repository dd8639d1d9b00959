"""What many tests share: worker processes, templates, statements, sites, a browser.

A plugin of pytest that tests/conftest.py loads where tests run.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from importlib.resources import files
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from flask import Flask
from hypothesis import settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from tests import postgresql, preloaded
from tests.browser import system_chromium
from tests.pollers import LASTING
from tests.selection import OTHER_DATABASE, QUICK

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.pictured import Pictured
    from tests.web_fixtures import Site

# The same examples on each run, however busy the machine is; `make fuzz` looks for other ones.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile(QUICK, settings.get_profile("same"), max_examples=10)
settings.register_profile("fuzz", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples hypothesis tries, before a module of tests is imported."""
    quick = QUICK if "not slow" in config.option.markexpr else "same"
    settings.load_profile("fuzz" if "FUZZ_EXAMPLES" in os.environ else quick)


class _Templates(BytecodeCache):
    """Compiled templates; for they are the same for every application, and take it 0.1 s."""

    def __init__(self) -> None:
        self._compiled: dict[str, CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.code


Flask.jinja_options = {"bytecode_cache": _Templates()}


class _Route(Rule):
    """A route whose compiled functions are those of the same route in another application."""

    _compiled: ClassVar[dict[tuple[object, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (self.rule, repr(self.defaults), repr(self._trace), append_unknown)
        if key not in self._compiled:
            self._compiled[key] = super()._compile_builder(append_unknown)
        return self._compiled[key]


Flask.url_rule_class = _Route


class _Statements(MutableMapping[Any, Any]):
    """Compiled statements of all engines: each engine would compile the same ones anew.

    SQLAlchemy's key begins with the engine's dialect, an object of that engine's own.
    """

    def __init__(self) -> None:
        self._compiled: LRUCache[Hashable, Any] = LRUCache(2000)

    def __getitem__(self, key: Any) -> Any:
        return self._compiled[type(key[0]), *key[1:]]

    def __setitem__(self, key: Any, statement: Any) -> None:
        self._compiled[type(key[0]), *key[1:]] = statement

    def __delitem__(self, key: Any) -> None:
        del self._compiled[type(key[0]), *key[1:]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._compiled)

    def __len__(self) -> int:
        return len(self._compiled)


_statements = _Statements()


@event.listens_for(Engine, "engine_connect")
def share_statements(connection: Connection) -> None:
    """Give the connections of all engines the same compiled statements."""
    connection.execution_options(compiled_cache=_statements)


@event.listens_for(Engine, "engine_connect")
def never_sync(connection: Connection) -> None:
    """Leave a file of SQLite to the operating system: no machine loses power in these tests."""
    if connection.dialect.name == "sqlite" and "synced" not in connection.info:
        connection.info["synced"] = False
        with contextlib.suppress(sqlite3.Error):  # a file that is not a database
            connection.connection.driver_connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(autouse=True, scope="session")
def lasting_workers() -> Iterator[None]:
    """End the processes of all tests with the last of them."""
    yield
    LASTING.stop()
    preloaded.stop()


if OTHER_DATABASE in os.environ:

    @pytest.fixture(autouse=True)
    def returned_databases() -> Iterator[None]:
        """Give the databases of each test to those after it."""
        with postgresql.returning():
            yield


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty database."""
    from tests.worlds import new_database

    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def site(tmp_path: Path) -> "Site":
    """Return a site whose feeds were never read."""
    from tests.web_fixtures import Site

    fresh = Site(tmp_path)
    fresh.subscribe()
    return fresh


@pytest.fixture
def midday(tmp_path: Path) -> "Site":
    """Return a site where it is about noon, whose feeds were never read."""
    from tests.web_fixtures import Site, midday_zone

    fresh = Site(tmp_path, timezone=midday_zone())
    fresh.subscribe()
    return fresh


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> "Site":
    """Return a site that nothing in the tests changes."""
    from tests.web_fixtures import full_site

    return full_site(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")  # its event loop runs on as long as it lives
def browser() -> "Iterator[Browser]":
    """Return Chromium; skip the test where there is none, but fail in CI."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            chromium = playwright.chromium.launch(executable_path=system_chromium(), args=arguments)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"NO BROWSER, NOT TESTED: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the script of axe-core, which finds barriers on a page."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an authority and of its certificates for 127.0.0.1."""
    from tests.certificates import make_certificates

    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def trusted(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Trust the authority of the certificates, as OpenSSL does where the environment says so."""
    from aggregator.fetch import http_connections

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    settings_of_tls = http_connections._tls  # made once for all connections of a process
    settings_of_tls.cache_clear()
    yield certificates
    settings_of_tls.cache_clear()


@pytest.fixture
def blog(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Pictured]":
    """Return a feed whose entries have pictures, on a server of its own."""
    from aggregator.model import PictureMode
    from tests.feedserver import FeedServer
    from tests.pictured import Pictured  # Pillow takes time, and few tests have pictures
    from tests.pollers import _SameWorkers

    monkeypatch.setattr("aggregator.poll.picture_fetcher.Workers", lambda *_, **__: _SameWorkers())
    with FeedServer() as server:
        yield Pictured(database, server, tmp_path, PictureMode.LEAD)
