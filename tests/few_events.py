"""Fewer events between the processes of pytest-xdist, which cost as much as a short test.

A plugin of pytest that tests/conftest.py loads where tests run for another process.
"""

import pytest
from _pytest.runner import runtestprotocol

_LONG = 0.005  # seconds of a setup or teardown that is worth telling


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test; tell neither its start and end nor that a short setup or teardown has passed."""
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed or report.duration > _LONG:
            if report.passed:
                report.keywords = {}  # nobody selects by them any more
            item.ihook.pytest_runtest_logreport(report=report)
    return True
