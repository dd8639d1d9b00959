"""config.yaml where it can't be replaced: a mount point, a folder that nobody may write into."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.selection import slow_after

OLD = "title: old\nfeeds:\n  - https://a.example/\n"
WRITE = """import sys; from aggregator import config; from pathlib import Path
config.write(Path(sys.argv[1]), Path(sys.argv[2]).read_text())"""


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


def write_mounted(place: Path, text: str, *, before: str = "") -> str:
    """Write the text into the mounted file; return the command's last line of errors."""
    (place / "new").write_text(text)
    script = f"""cd {place}; {before}
        mount --bind host/config.yaml app/config.yaml
        {sys.executable} -c "$0" app/config.yaml new
        cp host/config.yaml result; ls -A app > names"""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, WRITE], capture_output=True, text=True, check=False
    )
    return (done.stderr.splitlines() or [""])[-1]


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
    assert (place / "names").read_text() == "config.yaml\n"


@mounts
def test_a_full_disk_under_a_mounted_file_costs_nothing_of_it(place):
    before = (
        "mount -t tmpfs -o size=64k tmpfs host; cp app/config.yaml host/; "
        "dd if=/dev/zero of=host/filler bs=4k count=99 2>/dev/null;"
    )

    said = write_mounted(place, OLD + "# more\n" * 20_000, before=before)

    assert said.endswith("can't be written: No space left on device; nothing in it was changed")
    assert (place / "result").read_text() == OLD
    assert (place / "names").read_text() == "config.yaml\n"


def test_a_full_disk_costs_nothing_of_a_file(tmp_path):
    path, new = tmp_path / "config.yaml", tmp_path / "new"
    path.write_text(OLD)
    new.write_text(OLD + "# more\n" * 20_000)

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = subprocess.run(
        [sys.executable, "-B", "-c", WRITE, path, new],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=little_room,
    )

    assert "can't be written: File too large; nothing in it was changed" in done.stderr
    assert path.read_text() == OLD
    assert sorted(tmp_path.iterdir()) == [path, new]
