"""`make release`: tag the version of pyproject.toml, with a wheel and a source archive in dist/.

Both archives are made from the last commit alone, the wheel from the source archive; both are
installed into fresh environments and tried before the tag is set.  Nothing is pushed or uploaded.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from datetime import date
from pathlib import Path

from packaging.metadata import Metadata

PACKAGES = ("aggregator", "web")
_BACKEND = "from setuptools import build_meta; build_meta.build_sdist({folder!r})"


class ReleaseError(Exception):
    """The version cannot be released; the text has a line for each reason."""


def version_of(root: Path) -> str:
    """Return the version in pyproject.toml."""
    text = (root / "pyproject.toml").read_text("utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def changes_of(changelog: str, version: str) -> str | None:
    """Return what CHANGELOG.md says about a version below its heading; None without a heading."""
    pattern = rf"^## {re.escape(version)}(?![\w.])[^\n]*\n(.*?)(?=^## |\Z)"
    section = re.search(pattern, changelog, re.MULTILINE | re.DOTALL)
    return section[1].strip() if section else None


def refusals(root: Path) -> list[str]:
    """Return why the checkout at `root` can't be released as it is; empty if it can."""
    version = version_of(root)
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    reasons = []
    if changed := _git(root, "status", "--porcelain").splitlines():
        reasons.append(f"{len(changed)} files are not committed; commit or remove them")
    if _program_version(root) != version:
        reasons.append(f"aggregator/__init__.py does not have the version {version}")
    if not changes_of(changelog, version):
        reasons.append(f'CHANGELOG.md says nothing under "## {version} - YYYY-MM-DD"')
    elif not _has_date(changelog, version):
        reasons.append(f'CHANGELOG.md has no date in "## {version} - YYYY-MM-DD"')
    if _git(root, "tag", "--list", f"v{version}"):
        reasons.append(f"the tag v{version} is there already; raise the version")
    return reasons


def _program_version(root: Path) -> str:
    module = ast.parse((root / "aggregator" / "__init__.py").read_text("utf-8"))
    return next(
        str(ast.literal_eval(node.value))
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )


def _has_date(changelog: str, version: str) -> bool:
    heading = re.search(rf"^## {re.escape(version)} - (\S+)$", changelog, re.MULTILINE)
    try:
        return heading is not None and bool(date.fromisoformat(heading[1]))
    except ValueError:
        return False


def build(root: Path, dist: Path) -> tuple[Path, Path]:
    """Make the archives of the last commit in `dist`, in place of older files.

    Returns:
        The source archive, and the wheel that was made from it.
    """
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    with tempfile.TemporaryDirectory() as name:
        committed, unpacked = Path(name) / "committed", Path(name) / "unpacked"
        committed.mkdir()
        _git(root, "archive", "--output", f"{name}/committed.tar", "HEAD")
        with tarfile.open(f"{name}/committed.tar") as packed:
            packed.extractall(committed, filter="data")
        script = _BACKEND.format(folder=str(dist))
        _run([sys.executable, "-c", script], committed)
        (source,) = dist.glob("*.tar.gz")
        with tarfile.open(source) as packed:
            packed.extractall(unpacked, filter="data")
        (folder,) = unpacked.iterdir()
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(dist)]
        _run([sys.executable, "-m", "pip", "wheel", "--quiet", *options, str(folder)], unpacked)
    (wheel,) = dist.glob("*.whl")
    return source, wheel


def check_contents(root: Path, source: Path, wheel: Path) -> None:
    """Check that both archives have valid metadata, and all committed files of the packages.

    Raises:
        ReleaseError: An archive lacks something.
    """
    committed = set(_git(root, "ls-files", "-z", *PACKAGES).strip("\0").split("\0"))
    with tarfile.open(source) as packed:
        folder = source.name.removesuffix(".tar.gz")
        names = {name.removeprefix(f"{folder}/") for name in packed.getnames()}
        file = packed.extractfile(f"{folder}/PKG-INFO")
        wanted = committed | {"LICENSE", "README.md", "pyproject.toml"}
        _check(source, names, wanted, file.read() if file else b"")
    with zipfile.ZipFile(wheel) as zipped:
        (place,) = [name for name in zipped.namelist() if name.endswith(".dist-info/METADATA")]
        _check(wheel, set(zipped.namelist()), committed, zipped.read(place))


def _check(archive: Path, names: set[str], wanted: set[str], metadata: bytes) -> None:
    if missing := sorted(wanted - names):
        raise ReleaseError(f"{archive.name} lacks {', '.join(missing[:5])}")
    try:
        parsed = Metadata.from_email(metadata, validate=True)
    except ExceptionGroup as group:
        reasons = "; ".join(str(error) for error in group.exceptions)
        raise ReleaseError(f"{archive.name}: wrong metadata: {reasons}") from group
    kind = parsed.description_content_type or ""
    if not (parsed.description or "").strip() or not kind.startswith("text/markdown"):
        raise ReleaseError(f"{archive.name}: README.md is not its description")


def try_out(archive: Path, version: str) -> None:
    """Install an archive into a fresh environment, and run the program in an empty folder.

    The packages that the program needs are those of this environment, which constraints.txt pins.

    Raises:
        ReleaseError: A command fails, or has another version.
    """
    with tempfile.TemporaryDirectory() as name:
        fresh, folder = Path(name) / "fresh", Path(name) / "folder"
        folder.mkdir()
        _run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], folder)
        (library,) = fresh.glob("lib/python*/site-packages")
        # A path in a .pth file is searched last, and .pth files there are not read.
        (library / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
        pip = [sys.executable, "-m", "pip", "--python", str(fresh / "bin" / "python"), "install"]
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        _run([*pip, *options, str(archive)], folder)
        program = str(fresh / "bin" / "aggregator")
        if (printed := _run([program, "--version"], folder)) != f"aggregator {version}\n":
            raise ReleaseError(f"{archive.name}: --version prints {printed.strip()!r}")
        _run([program, "init"], folder)
        if ": fine, " not in _run([program, "check"], folder):
            raise ReleaseError(f"{archive.name}: check has remarks on what init writes")


def _run(command: list[str], folder: Path) -> str:
    """Run a command as if outside of a checkout; return what it prints."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _git(root: Path, *arguments: str) -> str:
    return _run(["git", *arguments], root)


def release(root: Path) -> list[str]:
    """Release the checkout at `root`; return lines that say what was made.

    Raises:
        ReleaseError: The version can't be released; no tag was set.
    """
    if reasons := refusals(root):
        raise ReleaseError("\n".join(reasons))
    version = version_of(root)
    archives = build(root, root / "dist")
    check_contents(root, *archives)
    for archive in archives:
        try_out(archive, version)
    changes = changes_of((root / "CHANGELOG.md").read_text("utf-8"), version)
    message = f"aggregator {version}\n\n{changes}"
    _git(root, "tag", "--annotate", "--cleanup=whitespace", "--message", message, f"v{version}")
    lines = [f"dist/{archive.name}: installed, and init and check work" for archive in archives]
    return [*lines, f"tag v{version}: git push origin v{version}"]


def main() -> int:
    """Release the checkout in the current folder."""
    try:
        lines = release(Path.cwd())
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
