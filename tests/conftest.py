"""A browser for the tests that want one."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import system_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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
