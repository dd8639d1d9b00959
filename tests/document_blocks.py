"""The blocks of code in the documents: configurations, commands, what commands print."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OF_OTHERS = frozenset({"services", "scrape_configs", "groups", "jobs"})
"""Keys at the top of YAML files that other programs read: Compose, Prometheus, GitHub Actions."""


def blocks(document: str, language: str) -> list[str]:
    """Return the blocks of a document in a language ("" for none), first to last.

    Args:
        document: Path from the root of the repository.
    """
    text = (ROOT / document).read_text("utf-8")
    return [block for name, block in _BLOCK.findall(text) if name == language]


def configurations(document: str) -> list[str]:
    """Return the blocks of a document that are a config.yaml or a part of one."""
    return [
        block for block in blocks(document, "yaml") if not _OF_OTHERS & yaml.safe_load(block).keys()
    ]


def file_of_others(document: str, key: str) -> Any:
    """Return the only YAML block for another program that has `key` at its top."""
    (file,) = (file for block in blocks(document, "yaml") if key in (file := yaml.safe_load(block)))
    return file
