"""The folder that an export writes: whose files change, in which order, and what stays."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aggregator.cli import folder_sync
from aggregator.cli.export import summary
from aggregator.cli.folder_sync import FolderChange
from aggregator.cli.static_site import File
from aggregator.errors import AggregatorError
from tests.running import forked, give_up_rights_of_root
from tests.selection import slow_but


def test_the_folder_stays_the_same_folder_and_who_has_it_open_sees_the_new_files(tmp_path):
    out = tmp_path / "out"
    folder_sync.replace(out, [File("index.html", b"one"), File("feed.rss", b"one")])
    out.chmod(0o2775)
    was = out.stat()
    opened = os.open(out, os.O_RDONLY)

    folder_sync.replace(out, [File("index.html", b"two")])

    is_now = out.stat()
    assert (is_now.st_ino, is_now.st_mode) == (was.st_ino, was.st_mode)
    assert sorted(path.name for path in Path(f"/proc/self/fd/{opened}").iterdir()) == [
        folder_sync.MANIFEST,
        "index.html",
    ]
    os.close(opened)


def test_a_replaced_file_keeps_its_mode_and_group(tmp_path):
    folder_sync.replace(tmp_path, [File("index.html", b"one")])
    index = tmp_path / "index.html"
    index.chmod(0o640)
    group = next((each for each in os.getgroups() if each != os.getegid()), os.getegid())
    if os.geteuid() == 0:
        os.chown(index, group := 54321, group)
    was = index.stat()

    folder_sync.replace(tmp_path, [File("index.html", b"two")])

    is_now = index.stat()
    assert index.read_bytes() == b"two"
    assert (is_now.st_mode, is_now.st_uid, is_now.st_gid) == (
        was.st_mode,
        was.st_uid,
        was.st_gid,
    )


def test_new_files_stand_before_what_leads_to_them_and_the_index_changes_last(
    tmp_path, monkeypatch
):
    files = [File("index.html", b"1"), File("page/1.html", b"1"), File("static/a.css", b"1")]
    order: list[str] = []
    put = Path.replace

    def watched(path: Path, target: Path) -> Path:
        order.append(target.name)
        return put(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    folder_sync.replace(tmp_path, files)

    assert (
        order[0] == folder_sync.MANIFEST
    )  # so that what is interrupted is known to be of an export
    assert order[1:] == ["a.css", "1.html", "index.html"]


@pytest.mark.parametrize("after", slow_but([3], range(1, 6)))
def test_an_export_that_is_killed_leaves_whole_files_and_the_next_one_finishes(tmp_path, after):
    names = ["index.html", "a/1.html", "a/2.html", "b/3.html"]
    folder_sync.replace(tmp_path, [File(name, b"old" * 1000) for name in names])

    def export() -> None:
        rename, count = Path.replace, iter(range(after))

        def rename_some(path: Path, target: Path) -> Path:
            if next(count, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)

        Path.replace = rename_some  # type: ignore[method-assign]  # of the fork alone
        names = ["index.html", "a/1.html", "a/2.html", "c/4.html"]
        folder_sync.replace(tmp_path, [File(name, b"new" * 1000) for name in names])

    assert forked(export) == -signal.SIGKILL
    shown = [path for path in tmp_path.rglob("[!.]*") if path.is_file()]
    assert {path.read_bytes() for path in shown} <= {b"old" * 1000, b"new" * 1000}
    assert {path.relative_to(tmp_path).as_posix() for path in shown} >= set(names[:3])

    folder_sync.replace(tmp_path, [File("index.html", b"newest")])

    assert sorted(path.name for path in tmp_path.rglob("*")) == [folder_sync.MANIFEST, "index.html"]


@pytest.mark.slow
def test_what_an_export_that_was_killed_left_where_no_file_is_any_more_is_removed(tmp_path):
    folder_sync.replace(tmp_path, [File("index.html", b"one")])

    def files():
        yield File("index.html", b"two")
        yield File("category/old/index.html", b"two")
        os.kill(os.getpid(), signal.SIGKILL)

    assert forked(lambda: folder_sync.replace(tmp_path, files())) == -signal.SIGKILL
    assert list(tmp_path.rglob("category/old/.*"))

    folder_sync.replace(tmp_path, [File("index.html", b"three")])

    assert sorted(tmp_path.rglob("*")) == [tmp_path / folder_sync.MANIFEST, tmp_path / "index.html"]


def test_a_list_of_files_that_somebody_else_wrote_removes_nothing_outside_of_the_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / folder_sync.MANIFEST).write_text(
        f"../mine.txt\n{tmp_path}/mine.txt\na/../../mine.txt\n\n"
    )

    folder_sync.replace(out, [File("index.html", b"one")])

    assert (tmp_path / "mine.txt").exists()


def test_an_export_waits_until_another_one_has_ended(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        yield File("index.html", b"first")
        begun.set()
        go_on.wait(20)

    first = threading.Thread(target=folder_sync.replace, args=(tmp_path, slow()))
    first.start()
    begun.wait(20)
    second = threading.Thread(
        target=folder_sync.replace, args=(tmp_path, [File("index.html", b"second")])
    )
    second.start()
    go_on.set()
    first.join()
    second.join()

    assert (tmp_path / "index.html").read_bytes() == b"second"


def in_a_namespace(script: str, folder: Path) -> str:
    """Return what a shell says that may mount; skip the test where nobody may."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed; it gives a test mounts of its own")
    may = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)], check=False
    )
    if may.returncode:
        pytest.skip("this system lets nobody mount")
    answer = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_a_mount_point_is_written_into_be_it_the_folder_or_a_file_in_it(tmp_path):
    write = (
        f'{sys.executable} -c "from pathlib import Path; from aggregator.cli import folder_sync;'
        "from aggregator.cli.static_site import File;"
        "folder_sync.replace(Path('site'), [File(n, b'new') for n in ('index.html', 'feed.rss')])\""
    )
    script = f"""
        mkdir site
        mount -t tmpfs tmpfs site
        echo old > feed; touch site/feed.rss
        mount --bind feed site/feed.rss
        {write}
        cat site/index.html feed; ls -A site
    """

    said = in_a_namespace(script, tmp_path)

    assert said == "newnew.aggregator-export\nfeed.rss\nindex.html\n"


def test_only_the_folder_itself_has_to_be_writable(tmp_path):
    (tmp_path / "www" / "html").mkdir(parents=True)
    (tmp_path / "www").chmod(0o555)

    def export() -> None:
        give_up_rights_of_root()
        with pytest.raises(PermissionError):
            (tmp_path / "www" / "other").touch()
        folder_sync.replace(tmp_path / "www" / "html", [File("index.html", b"one")])

    assert forked(export) == 0
    assert (tmp_path / "www" / "html" / "index.html").read_bytes() == b"one"


def test_a_folder_that_can_not_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(AggregatorError, match="file"):
        folder_sync.replace(tmp_path / "file" / "out", [File("a", b"")])


def test_what_can_not_be_written_is_told_by_the_name_that_it_was_given(tmp_path):
    (tmp_path / "a").mkdir()
    files = [File("a", b"")]

    with pytest.raises(AggregatorError, match=r"^/proc/x: "):
        folder_sync.replace(Path("/proc/x"), files)
    with pytest.raises(AggregatorError, match=rf"^{tmp_path}/a: "):
        folder_sync.replace(tmp_path, files)


def test_the_line_about_an_export_counts_what_was_written_and_what_was_removed(tmp_path):
    names = [f"{number}.html" for number in range(3)]
    first = folder_sync.replace(tmp_path, [File(name, b"x" * 1000) for name in names])
    (tmp_path / names[2]).unlink()

    second = folder_sync.replace(tmp_path, [File(names[0], b"new")])

    assert summary(first) == "3 files, 3 changed, 3 kB"
    assert summary(second) == "1 file, 1 changed, 1 removed, 0.1 kB"
    long = FolderChange(names=set(map(str, range(1507))), size=84 * 10**6)
    assert summary(long) == "1,507 files, 0 changed, 84 MB"
