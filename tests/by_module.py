"""Whole modules handed out to the processes of pytest-xdist, so that none makes a fixture twice."""

from collections.abc import Sequence
from functools import cached_property

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

_WAITING = ("test_faults_http", "test_run", "test_workers", "test_scheduler", "test_fetch_faults")
"""Modules whose tests wait, for deadlines and processes."""

_PARSING = frozenset(
    {"tests/test_architecture.py", "tests/test_documents.py", "tests/test_words.py"}
)
"""Modules that need the syntax trees of the whole program, which one process has to make."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return tests, module by module, in the order in which some processes run them best.

    First come the modules whose tests wait, then those with few tests, which are the long ones: in
    the end no process has much more to do than the others.
    """
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(_unit(item.nodeid), []).append(item)
    first = [tests for name in _WAITING if (tests := modules.pop(f"tests/{name}.py", None))]
    return [item for module in [*first, *sorted(modules.values(), key=len)] for item in module]


def _unit(nodeid: str) -> str:
    """Return what names the tests that one process runs."""
    path = nodeid.partition("::")[0]
    return "parsing" if path in _PARSING else path


class ModuleScheduling(LoadFileScheduling):
    """`--dist loadfile` in the order of the tests, without a search for each of them."""

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.collection or ())}

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        unit, tests = self.workqueue.popitem(last=False)
        self.assigned_work[node][unit] = tests
        node.send_runtest_some([self._positions[name] for name in tests])

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        """Forget a test that has ended; hand out another module where hardly a test is left."""
        name = self.registered_collections[node][item_index]
        units = self.assigned_work[node]
        unit = self._split_scope(name)
        del units[unit][name]
        if not units[unit]:
            del units[unit]
        self._reschedule(node)
