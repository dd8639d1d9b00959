"""`make release`: what it refuses, and what it makes of a clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.release import changes_of, main, refusals, version_of

ROOT = Path(__file__).parents[1]
CHANGELOG = """\
# Changelog

## Unreleased

- A change that has no version yet.

## 1.2.0 - 2026-11-30

### New

- Views.

## 1.1.0 - 2026-10-01

- Lists.
"""
SECTION = "## 9.9.9 - 2026-11-30\n\n### New\n\n- A release by one command.\n"
NAME = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *NAME, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path):
    """A committed checkout whose version can be released."""
    (tmp_path / "aggregator").mkdir()
    (tmp_path / "aggregator" / "__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "aggregator"\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Change")


def changed(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    commit(folder)


def test_a_committed_version_with_its_changes_and_its_date_is_not_refused(checkout):
    assert refusals(checkout) == []
    assert changes_of(CHANGELOG, "1.2.0") == "### New\n\n- Views."
    assert changes_of(CHANGELOG, "1.1.0") == "- Lists."


@pytest.mark.parametrize("name", ["CHANGELOG.md", "forgotten.py"])
def test_a_file_that_is_not_committed_is_a_reason(checkout, name):
    with (checkout / name).open("a") as file:
        file.write("\n")

    assert refusals(checkout) == ["1 files are not committed; commit or remove them"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("## 1.2.0 - 2026-11-30", "## 1.3.0 - 2026-11-30", "says nothing under"),
        ("### New\n\n- Views.\n", "", "says nothing under"),
        ("## 1.2.0 - 2026-11-30", "## 1.2.0", "has no date in"),
        ("## 1.2.0 - 2026-11-30", "## 1.2.0 - 2026-11-31", "has no date in"),
        ("## 1.2.0 - 2026-11-30", "## 1.2.0 - soon", "has no date in"),
    ],
)
def test_a_version_without_changes_or_date_is_a_reason(checkout, old, new, reason):
    changed(checkout, "CHANGELOG.md", old, new)

    assert refusals(checkout) == [f'CHANGELOG.md {reason} "## 1.2.0 - YYYY-MM-DD"']


def test_a_tag_and_another_version_in_the_program_are_reasons_and_all_are_told_at_once(
    checkout, capsys, monkeypatch
):
    git(checkout, "tag", "v1.2.0")
    changed(checkout, "aggregator/__init__.py", "1.2.0", "1.1.0")
    monkeypatch.chdir(checkout)

    assert main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "aggregator/__init__.py does not have the version 1.2.0",
        "the tag v1.2.0 is there already; raise the version",
    ]
    assert not (checkout / "dist").exists()


def make_release(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make release` with the installed packages of the tests."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))
    } | {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}  # fmt: skip
    return subprocess.run(
        ["make", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/dev.stamp", "release"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_make_release_tags_a_clone_and_builds_two_archives_that_work(tmp_path):
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    former, version = f'"{version_of(clone)}"', "9.9.9"
    changed(clone, "pyproject.toml", f"version = {former}", f'version = "{version}"')
    changed(clone, "aggregator/__init__.py", former, f'"{version}"')
    changed(clone, "CHANGELOG.md", "## Unreleased\n", f"{SECTION}\n## Unreleased\n")
    tag, wheel = f"v{version}", f"aggregator-{version}-py3-none-any.whl"

    done = make_release(clone)

    assert (done.returncode, done.stderr) == (0, "")
    source = f"aggregator-{version}.tar.gz"
    assert done.stdout.splitlines()[-3:] == [
        f"dist/{source}: installed, and init and check work",
        f"dist/{wheel}: installed, and init and check work",
        f"tag {tag}: git push origin {tag}",
    ]
    assert sorted(path.name for path in (clone / "dist").iterdir()) == sorted([source, wheel])
    assert git(clone, "cat-file", "-t", tag).strip() == "tag"
    subject, _, changes = git(clone, "tag", "--list", "--format=%(contents)", tag).partition("\n\n")
    assert subject == f"aggregator {version}"
    assert changes.strip() == "### New\n\n- A release by one command."
    names = zipfile.ZipFile(clone / "dist" / wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]
    assert git(clone, "status", "--porcelain") == ""

    again = make_release(clone)

    assert again.returncode == 2  # make's
    assert again.stderr.startswith(f"the tag {tag} is there already; raise the version\n")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_this_checkout_has_its_version_in_all_places_and_the_changes_of_it():
    reasons = [reason for reason in refusals(ROOT) if "committed" not in reason]

    assert [reason for reason in reasons if "the tag" not in reason] == []
