"""Renew constraints.txt: exact versions of all that `make` installs, with hashes, and audited.

`make lock` runs it in an environment of its own, where uv and pip-audit are (extra `lock`).
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "constraints.txt"
PROGRAM = "program"
"""The part that every installation needs: the program's dependencies and its build backend."""

_HEAD = """\
# The exact versions that `make` installs, with the hashes of their files for every platform;
# pyproject.toml has the ranges.  Renewed by `make lock`.
# Advisories: {advisories}
"""
_PIN = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_PART = re.compile(r"^## (.+)\n", re.MULTILINE)


class AuditError(Exception):
    """A pinned version is known to be vulnerable."""


def wanted(pyproject: str) -> dict[str, list[str]]:
    """Return the requirements of each part of the lock: the program's first, then each extra's."""
    table = tomllib.loads(pyproject)
    program = table["build-system"]["requires"] + table["project"]["dependencies"]
    return {PROGRAM: program, **table["project"]["optional-dependencies"]}


def pins(lock: str) -> dict[str, dict[str, str]]:
    """Return the parts of a lock: by name of a package the lines that pin it."""
    _, *parts = _PART.split(lock)
    return {name: dict(_blocks(lines)) for name, lines in zip(parts[::2], parts[1::2], strict=True)}


def _blocks(lines: str) -> Iterable[tuple[str, str]]:
    starts = [*_PIN.finditer(lines)]
    ends = [*(pin.start() for pin in starts[1:]), len(lines)]
    for pin, end in zip(starts, ends, strict=True):
        yield pin[1], lines[pin.start() : end]


def _resolved(requirements: Iterable[str], *options: str) -> dict[str, str]:
    """Return the packages that requirements lead to on any platform, with the lines that pin them.

    uv asks the index that it is configured for and writes nothing of it; pip.conf is not read.
    """
    command = [
        "uv",
        "pip",
        "compile",
        "-",
        "--universal",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    command += ["--no-config", "--python-version", "3.11", *options]
    text = "\n".join(requirements)
    run = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return dict(_blocks(run.stdout))


def _locked(parts: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
    """Resolve all parts together, so that any of them fit each other; a pin is in one part only."""
    all_of_them = [requirement for part in parts.values() for requirement in part]
    pinned = _resolved(all_of_them, "--generate-hashes")
    locked: dict[str, dict[str, str]] = {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        versions.writelines(pinned.values())
        versions.flush()
        program = _resolved(parts[PROGRAM], "--constraint", versions.name)
        for part, requirements in parts.items():
            names = _resolved(requirements, "--constraint", versions.name)
            if part != PROGRAM:
                names = {name: line for name, line in names.items() if name not in program}
            locked[part] = {name: pinned[name] for name in names}
    return locked


def _audited(pinned: Iterable[str]) -> str:
    """Ask PyPI for advisories; return a line that says what came of it.

    Raises:
        AuditError: A version is known to be vulnerable.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(pinned)
        file.flush()
        command = ["pip-audit", "--disable-pip", "--format", "json", "--requirement", file.name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if (
        not run.stdout.strip()
    ):  # what it says otherwise is in the report, or wrong where it is empty
        print(run.stderr, file=sys.stderr)
    return verdict(run.stdout, f"{datetime.now(UTC):%Y-%m-%d}")


def verdict(report: str, day: str) -> str:
    """Say what an audit came to.

    Args:
        report: What pip-audit writes as JSON, empty if it could ask nobody.

    Raises:
        AuditError: A version is known to be vulnerable.
    """
    packages = json.loads(report)["dependencies"] if report.strip() else []
    vulnerable = [
        f"{package['name']} {package['version']}: {advisory['id']}"
        for package in packages
        for advisory in package.get("vulns", [])
    ]
    if vulnerable:
        raise AuditError("\n".join(vulnerable))
    unknown = sum("skip_reason" in package for package in packages)
    if not packages or unknown == len(packages):
        return f"not audited; PyPI could not be asked for advisories on {day}."
    without = f", but for {unknown} that PyPI does not know" if unknown else ""
    return f"none is known for these versions on {day} (pip-audit){without}."


def main() -> None:
    """Write the lock, or leave it as it is and say why."""
    locked = _locked(wanted((ROOT / "pyproject.toml").read_text()))
    every = {name: line for part in locked.values() for name, line in part.items()}
    try:
        advisories = _audited(every.values())
    except AuditError as error:
        sys.exit(f"constraints.txt is left as it is; versions with advisories:\n{error}")
    text = _HEAD.format(advisories=advisories)
    for part, pinned in locked.items():
        text += f"\n## {part}\n{''.join(pinned.values())}"
    LOCK.write_text(text)
    print(f"constraints.txt: {len(every)} packages. Advisories: {advisories}")


if __name__ == "__main__":
    main()
