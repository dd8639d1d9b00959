"""constraints.txt: what `make` installs is pinned, hashed, complete, and says if it was audited."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bench import lock

ROOT = Path(__file__).parent.parent
TEXT = lock.LOCK.read_text()
WANTED = lock.wanted((ROOT / "pyproject.toml").read_text())
PINS = lock.pins(TEXT)
PARTS = sorted(WANTED)


def versions(*parts: str) -> dict[str, Version]:
    """Return what some parts of the lock pin, by the normal form of a package's name."""
    lines = {name: line for part in parts for name, line in PINS[part].items()}
    return {
        canonicalize_name(name): Version(re.split(r"[\s;\\]", line.partition("==")[2].strip())[0])
        for name, line in lines.items()
    }


def test_each_part_of_the_lock_belongs_to_the_program_or_to_an_extra():
    assert sorted(PINS) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_every_pinned_version_has_the_hashes_of_its_files(part):
    for name, line in PINS[part].items():
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}(?= \\\n|\n)", line)
        assert hashes, name
        assert line.count("--hash") == len(hashes), name


@pytest.mark.parametrize("part", PARTS)
def test_whatever_pyproject_asks_for_is_pinned_within_its_range(part):
    pinned = versions(lock.PROGRAM, part)
    for text in WANTED[part]:
        requirement = Requirement(text)
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), text


@pytest.mark.parametrize("part", [lock.PROGRAM, "server", "dev"])
def test_whatever_the_installed_packages_need_is_pinned(part):
    pinned = versions(lock.PROGRAM, part)
    waiting = [Requirement(text) for text in WANTED[part]]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        assert name in pinned, requirement
        if name == "setuptools":  # built with, and not always installed
            continue
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            extras = ["", *requirement.extras]
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(needed)


def test_the_lock_names_no_registry():
    assert "://" not in TEXT
    assert "index" not in TEXT


def test_the_lock_says_when_it_was_audited_or_that_it_was_not():
    assert re.search(
        r"^# Advisories: (none is known|not audited; ).+ on 20\d\d-\d\d-\d\d", TEXT, re.MULTILINE
    )


@pytest.mark.slow
def test_pip_refuses_a_file_with_another_hash(tmp_path):
    wheel = tmp_path / "thimble-1.0-py3-none-any.whl"
    wheel.write_bytes(b"anything")
    name, line = next(iter(PINS["server"].items()))
    wanted = tmp_path / "wanted.txt"
    wanted.write_text(re.sub(rf"{re.escape(name)}==[^\s;]+", "thimble==1.0", line))

    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-index", "--find-links"]
    run = subprocess.run(
        [*pip, tmp_path, "--dest", tmp_path / "d", "--requirement", wanted],
        capture_output=True, text=True,
    )  # fmt: skip

    assert run.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in run.stderr


def package(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": []} | more


@pytest.mark.parametrize(
    ("packages", "beginning"),
    [
        ([package("a"), package("b")], "none is known for these versions on 2026-05-04"),
        ([package("a"), package("b", skip_reason="?")], "none is known"),
        ([package("a", skip_reason="?")], "not audited; PyPI could not be asked"),
        ([], "not audited; PyPI could not be asked"),
    ],
)
def test_an_audit_says_what_it_came_to(packages, beginning):
    report = json.dumps({"dependencies": packages}) if packages else ""

    assert lock.verdict(report, "2026-05-04").startswith(beginning)


def test_an_audit_names_versions_with_advisories():
    report = json.dumps({"dependencies": [package("a", vulns=[{"id": "PYSEC-1"}])]})

    with pytest.raises(lock.AuditError, match=r"^a 1\.0: PYSEC-1$"):
        lock.verdict(report, "2026-05-04")
