"""How tests are run: in which processes, and what is loaded there."""

import gc
import os
import sys

import pytest

# Bytecode is kept, also where the environment says otherwise: a run starts a hundred processes,
# and each of them would compile the program anew, and pytest all of its own tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the number of processes be chosen."""
    parser.addoption("--processes", type=int, metavar="COUNT", help="processes that run tests")


def pytest_configure(config: pytest.Config) -> None:
    """Load what tests share, and choose the processes that run them."""
    gc.disable()  # until all tests are collected, of which none is garbage
    config.pluginmanager.import_plugin("tests.shared")
    if (count := _processes(config)) > 1:
        from tests.processes import FirstProcess

        config.pluginmanager.register(FirstProcess(count))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave most cases of tables to `make test`, where no test is chosen by name or mark."""
    if _is_default_run(config):
        from tests.few_cases import left_out

        cases = left_out(items)
        items[:] = [item for item in items if item not in cases]
        config.hook.pytest_deselected(items=[*cases])


def _is_default_run(config: pytest.Config) -> bool:
    return _has_all_tests(config) and config.option.markexpr.startswith("not slow")


def _has_all_tests(config: pytest.Config) -> bool:
    """Whether the run has all files, and no test is chosen by name or former result."""
    is_selected = any(config.getoption(name, False) for name in ("keyword", "lf", "failedfirst"))
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not is_selected


def _processes(config: pytest.Config) -> int:
    """Return how many processes run tests.

    By default a part of the suite runs in this process alone.  All tests have three processes more
    than there are cores, for they often wait; the tests of the default run, which wait less, two.
    """
    option = config.option
    if option.processes is not None:
        return int(option.processes)
    if not _has_all_tests(config) or option.collectonly:
        return 1
    return (os.cpu_count() or 1) + (2 if "not slow" in option.markexpr else 3)


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of each collection of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # of a test's objects hardly any is garbage in a cycle
    gc.enable()
