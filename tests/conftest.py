"""How tests are run: in which processes, and what is loaded there."""

import gc
import os
import sys

import pytest

# Bytecode is kept, also where the environment says otherwise: a run starts a hundred processes,
# and each of them would compile the program anew, and pytest all of its own tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    """Load what tests share, but not in a process that only hands tests out to others."""
    if getattr(config.option, "tx", None) and not hasattr(config, "workerinput"):
        return
    gc.disable()  # until all tests are collected, of which none is garbage
    config.pluginmanager.import_plugin("tests.shared")
    if hasattr(config, "workerinput"):
        config.pluginmanager.import_plugin("tests.few_events")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return two processes more than there are cores for the whole suite, whose tests often wait.

    The default run has one more, for its tests wait less. A part of the suite runs in this
    process alone: another one takes 3 s to begin.
    """
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.option.keyword:
        return 0
    return (os.cpu_count() or 1) + (1 if _is_default(config) else 2)


@pytest.hookimpl(trylast=True)  # when the tests that were not asked for are gone
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each process begin with long tests, so that no long test ends the run alone."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes == 1:
        return
    if _is_default(config):
        from tests.by_module import in_order

        items[:] = in_order(items)
    else:
        from tests.selection import long_tests_first  # it loads Hypothesis

        items[:] = long_tests_first(items, processes)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Hand out modules in the default run; the whole suite has modules that take minutes."""
    if not _is_default(config) or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return None
    from tests.by_module import ModuleScheduling

    config.option.loadscopereorder = False
    return ModuleScheduling(config, log)


def _is_default(config: pytest.Config) -> bool:
    """Whether the slow tests are left out."""
    return "not slow" in config.option.markexpr


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of each collection of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # of a test's objects hardly any is garbage in a cycle
    gc.enable()
