"""Tests in several processes, each of which collects and runs the module that is next.

A plugin of pytest that tests/conftest.py registers where the whole suite runs.  The processes are
forks of the first one: what most tests need is loaded once, no test is collected twice, and no
fixture of a module is made twice.
"""

import importlib
import mmap
import os
import warnings
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis.internal.conjecture.providers import _get_local_constants

import aggregator
import web
from tests.preloaded import load_all

_LONG = 0.005  # seconds of a setup or teardown that is worth telling
_SHARED = ("tests.running", "tests.stored", "tests.web_fixtures")  # what they import, most tests do
_LONGEST_FIRST = (
    "postgresql postgresql_faults kept_browser faults_storage faults_load postgresql_pollers "
    "web_look hostile_documents deploy_commands publish_everywhere postgresql_jobs web_mirrored "
    "corpus terminal shortcuts run amplification web_connections write_lock release word_forms "
    "websub upgrade costly_searches readme postgresql_web plan_database search_agreement "
    "postgresql_pages copy web_layout faults_documents opml_lists encodings budgets prefilter "
    "web_clients web_pictures_look hostile_entries static_site service_manager replay web_socket "
    "polite dedup scheduler faults_words package faster operator_look page_changes web_faults "
    "faults_http workers fetch_faults architecture words documents"
).split()
"""Modules that take minutes, or that wait: with none of them the run ends in one process alone.

Those that wait stand among those that reckon, so that no core is idle.
"""
_OF_SYNTAX = frozenset({"architecture", "documents", "words"})
"""Modules that need the syntax trees of the whole program, which one process has to make."""


class FirstProcess:
    """Hands modules out to `count` forks of this process, and tells pytest what they tell."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._modules: list[pytest.Collector] = []
        self._upcoming: list[int] = []
        self._reader_of_syntax: Connection | None = None
        self._progress = [0, 0]  # bytes of collected modules, their tests
        self._forks: dict[Connection, _Fork] = {}
        self._stop = mmap.mmap(-1, 1)  # 1 when no other test is to begin

    def pytest_collection(self, session: pytest.Session) -> bool:
        """Find the modules; they are imported where they run."""
        for name in _SHARED:
            importlib.import_module(name)
        for package in (aggregator, web):
            load_all(package)
        _get_local_constants()  # of the program, for hypothesis; else each process gathers them
        session.config.option.basetemp = session.config._tmp_path_factory.getbasetemp()
        nodes = session.perform_collect(genitems=False)
        self._modules = sorted((each for node in nodes for each in _modules_of(node)), key=_order)
        self._upcoming = [*range(len(self._modules))]
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all modules; in a fork, run those that the first process hands out."""
        for number in range(self._count):
            if self._fork(session, number):
                return True
        while self._forks:
            for pipe in wait([*self._forks]):
                assert isinstance(pipe, Connection)
                if self._hear(session, pipe):
                    continue
                fork = self._forks.pop(pipe)
                if pipe is self._reader_of_syntax:
                    self._reader_of_syntax = None
                if fork.died(session) and self._fork(session, fork.number, fork.running()):
                    return True
            if session.shouldfail:
                self._stop[0] = 1
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if self._upcoming:
            raise session.Failed(f"{len(self._upcoming)} modules were not run")
        return True

    def _fork(
        self, session: pytest.Session, number: int, after: tuple[int, str] | None = None
    ) -> bool:
        """Return False in this process, and True in the fork when it has run its modules.

        Args:
            after: Module and test in which another process died: begin behind it.
        """
        here, there = Pipe()
        running = mmap.mmap(-1, mmap.PAGESIZE)
        pid = os.fork()
        if pid:
            there.close()
            self._forks[here] = _Fork(number, pid, running)
            return False
        for pipe in (here, *self._forks):
            pipe.close()
        _Worker(session, self._modules, there, running, self._stop).run(number, after)
        return True

    def _hear(self, session: pytest.Session, pipe: Connection) -> bool:
        """Do what a fork asks for; return whether it goes on."""
        hook = session.config.hook
        try:
            kind, content = pipe.recv()
        except (EOFError, ConnectionError):
            pipe.close()
            return False
        if kind == "next":
            pipe.send(None if self._stop[0] else self._next(pipe))
        elif kind == "collected":
            module, count, deselected = content
            self._progress[0] += _size(self._modules[module])
            self._progress[1] += count
            whole = sum(map(_size, self._modules))
            session.testscollected = round(self._progress[1] * whole / self._progress[0])
            hook.pytest_deselected(items=[SimpleNamespace()] * deselected)
        elif kind == "warning":
            message = warnings.WarningMessage(**content.pop("record"))
            values = {"warning_message": message, **content}
            hook.pytest_warning_recorded.call_historic(kwargs=values)
        else:
            report = hook.pytest_report_from_serializable(config=session.config, data=content)
            if isinstance(report, pytest.TestReport):
                hook.pytest_runtest_logreport(report=report)
            else:
                hook.pytest_collectreport(report=report)
        return True

    def _next(self, pipe: Connection) -> int | None:
        """Take the next module for a fork, None where no other is left."""
        for module in self._upcoming:
            if _name(self._modules[module]) in _OF_SYNTAX:
                self._reader_of_syntax = self._reader_of_syntax or pipe
                if self._reader_of_syntax is not pipe:
                    continue
            self._upcoming.remove(module)
            return module
        return None


class _Fork:
    """A process that runs modules, as the first process sees it."""

    def __init__(self, number: int, pid: int, running: mmap.mmap) -> None:
        self.number = number
        self._pid = pid
        self._running = running

    def running(self) -> tuple[int, str]:
        """Return the number of the module and the name of the test that it runs."""
        module, _, name = self._running[:].rstrip(b"\0").decode().partition(" ")
        return int(module or 0), name

    def died(self, session: pytest.Session) -> bool:
        """Wait for the end; return whether a test ended the process, which fails that test."""
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        _, name = self.running()
        if code == 0 and not name:
            return False
        path = name.partition("::")[0]
        report = pytest.TestReport(
            nodeid=name or f"process {self.number}",
            location=(path, None, name),
            keywords={},
            outcome="failed",
            longrepr=f"The process of this test ended with {code}.",
            when="call",
        )
        session.config.hook.pytest_runtest_logreport(report=report)
        return bool(name)


class _Worker:
    """What a fork does, as a plugin of its pytest."""

    def __init__(
        self,
        session: pytest.Session,
        modules: Sequence[pytest.Collector],
        pipe: Connection,
        running: mmap.mmap,
        stop: mmap.mmap,
    ) -> None:
        self._session = session
        self._modules = modules
        self._pipe = pipe
        self._running = running
        self._stop = stop
        self._module = 0
        self._deselected = 0

    def run(self, number: int, after: tuple[int, str] | None) -> None:
        """Run what a module has after a test, and then modules for as long as there are any."""
        self._leave_first_process(number)
        if after:
            self._module, test = after
            left = dropwhile(lambda item: item.nodeid != test, self._collect())
            self._run([*left][1:])
        while (module := self._ask()) is not None:
            self._module = module
            items = self._collect()
            self._pipe.send(("collected", (module, len(items), self._deselected)))
            self._run(items)
        self._note_running("")
        self._session.testsfailed = 0  # the first process counts
        self._session.testscollected = 1

    def _leave_first_process(self, number: int) -> None:
        """Give up what only one process can have: the terminal, files of output, a folder."""
        config = self._session.config
        plugins = config.pluginmanager
        plugins.register(self)
        config.workerinput = {}  # by which other plugins know a worker
        capture: Any = plugins.get_plugin("capturemanager")
        capture.stop_global_capturing()
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
        capture.start_global_capturing()
        capture.suspend_global_capture()
        config.option.basetemp /= f"p{number}"
        folders: Any = plugins.get_plugin("tmpdir")
        folders.pytest_configure(config)

    def _ask(self) -> int | None:
        self._pipe.send(("next", None))
        module = self._pipe.recv()
        assert module is None or isinstance(module, int)
        return module

    def _collect(self) -> list[pytest.Item]:
        self._deselected = 0
        items = [*self._session.genitems(self._modules[self._module])]
        hook = self._session.config.hook
        hook.pytest_collection_modifyitems(
            session=self._session, config=self._session.config, items=items
        )
        return items

    def _run(self, items: Sequence[pytest.Item]) -> None:
        hook = self._session.config.hook
        parent = self._modules[self._module].parent
        later = _Later.from_parent(parent, name="another module")
        for item, following in zip(items, [*items, later][1:], strict=True):
            if self._stop[0]:
                break
            self._note_running(f"{self._module} {item.nodeid}")
            hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _note_running(self, test: str) -> None:
        """Note for the first process which test runs, "" at the end."""
        size = len(self._running)
        self._running[:] = test.encode()[:size].ljust(size, b"\0")

    def _tell(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        config = self._session.config
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        self._pipe.send(("report", data))

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item) -> bool:
        """Run a test; of its setup and teardown tell only what is long or has failed."""
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed or report.duration > _LONG:
                if report.passed:
                    report.keywords = {}  # nobody selects by them any more
                self._tell(report)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell that a module cannot be imported."""
        if report.failed:
            self._tell(report)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count the tests that were not asked for."""
        self._deselected += len(items)

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: object
    ) -> None:
        """Tell of a warning."""
        record = {
            "message": str(warning_message.message),
            "category": warning_message.category,
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
        }
        content = {"record": record, "when": when, "nodeid": nodeid, "location": location}
        self._pipe.send(("warning", content))


class _Later(pytest.Item):
    """A test of another module: what has to stay for it, stays."""

    def runtest(self) -> None:
        """Never called."""


def _modules_of(node: pytest.Item | pytest.Collector) -> Iterator[pytest.Collector]:
    if isinstance(node, pytest.Directory):
        for child in node.collect():
            yield from _modules_of(child)
    elif isinstance(node, pytest.Collector):
        yield node


def _name(module: pytest.Collector) -> str:
    return module.path.stem.removeprefix("test_")


def _size(module: pytest.Collector) -> int:
    return module.path.stat().st_size


def _order(module: pytest.Collector) -> tuple[int, int]:
    name = _name(module)
    place = _LONGEST_FIRST.index(name) if name in _LONGEST_FIRST else len(_LONGEST_FIRST)
    return place, -_size(module)
