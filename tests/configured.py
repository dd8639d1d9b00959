"""What is read from a config.yaml, or what is said about it."""

from pathlib import Path

import pytest

from aggregator import config
from aggregator.errors import ConfigError

PATH = Path("config.yaml")


def parsed(text: str, *, path: Path = PATH) -> config.Config:
    return config.parse(text, path=path)


def problems(text: str, *, path: Path = PATH) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, path=path)
    return list(caught.value.problems)


def problem(text: str) -> str:
    """Return the only problem, without the file's name."""
    (only,) = problems(text)
    return only.removeprefix("config.yaml:")


def one_feed(url: str, *, path: Path = PATH) -> str:
    """Return the problem with a feed's address, without place and key."""
    (only,) = problems(f"feeds:\n  - {url}\n", path=path)
    return only.partition("feeds[0]: ")[2]
