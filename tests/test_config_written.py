"""config.yaml where it can't be replaced: a mount point, a folder that nobody may write into."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from aggregator import config
from aggregator.errors import ConfigError
from tests.running import forked
from tests.selection import slow_after

CLONE_NEWNS = 0x20000  # linux/sched.h
OLD = "title: old\nfeeds:\n  - https://a.example/\n"


def _may_mount() -> bool:
    if os.geteuid() or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


mounts = pytest.mark.skipif(not _may_mount(), reason="NOT TESTED: mounts: needs root and unshare")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder whose config.yaml will be `host/config.yaml`, mounted there."""
    (tmp_path / "host").mkdir()
    (tmp_path / "app").mkdir()
    for folder in ("host", "app"):
        (tmp_path / folder / "config.yaml").write_text(OLD)
    return tmp_path


def said_of_writing(path: Path, text: str) -> str:
    """Return the error of writing a file, or an empty text."""
    try:
        config.write(path, text)
    except ConfigError as error:
        return str(error)
    return ""


def write_mounted(place: Path, text: str, *, before: str = "") -> str:
    """Write the text into the mounted file; return what is said about it."""

    def write() -> None:
        os.chdir(place)
        assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) == 0
        mount = "mount --make-rprivate /; mount --bind host/config.yaml app/config.yaml"
        subprocess.run(["sh", "-ec", f"{before} {mount}"], check=True)
        Path("said").write_text(said_of_writing(Path("app/config.yaml"), text))
        shutil.copy("host/config.yaml", "result")

    assert forked(write) == 0  # with mounts of its own
    return (place / "said").read_text()


@mounts
@pytest.mark.parametrize(
    "text",
    slow_after(
        2,
        [
            OLD + "  - https://b.example/\n",
            "title: new\n",
            OLD.replace("old", "a title that is longer"),
            OLD.replace("old", "new"),
            "",
        ],
    ),
)
@pytest.mark.parametrize(
    "before", slow_after(1, ["", "mount --bind app app; mount -o remount,ro,bind app;"])
)
def test_a_file_that_is_a_mount_point_is_written_in_place(place, text, before):
    said = write_mounted(place, text, before=before)

    assert said == ""
    assert (place / "result").read_text() == text
    assert names(place / "app") == ["config.yaml"]


@mounts
def test_a_full_disk_under_a_mounted_file_costs_nothing_of_it(place):
    before = (
        "mount -t tmpfs -o size=64k tmpfs host; cp app/config.yaml host/; "
        "dd if=/dev/zero of=host/filler bs=4k count=99 2>/dev/null || true;"
    )

    said = write_mounted(place, OLD + "# more\n" * 20_000, before=before)

    assert said.endswith("can't be written: No space left on device; nothing in it was changed")
    assert (place / "result").read_text() == OLD
    assert names(place / "app") == ["config.yaml"]


def test_a_full_disk_costs_nothing_of_a_file(tmp_path):
    path, error = tmp_path / "config.yaml", tmp_path / "error"
    path.write_text(OLD)

    def write_with_little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        error.write_text(said_of_writing(path, OLD + "# more\n" * 20_000))

    assert forked(write_with_little_room) == 0
    assert "can't be written: File too large; nothing in it was changed" in error.read_text()
    assert path.read_text() == OLD
    assert names(tmp_path) == ["config.yaml", "error"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
