"""The files of pictures, on full disks, and with several processes and after kills."""

import resource
import threading
from pathlib import Path

import pytest

from aggregator.pictures import picture_files
from aggregator.pictures.picture_files import FOR_LIST, FOR_POST, PictureFiles
from tests.running import forked

BOTH = (FOR_POST, FOR_LIST)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pictures"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_processes_that_store_the_same_picture_do_not_disturb_each_other(folder):
    contents = (bytes(300_000), b"a" * 300_000)
    key = PictureFiles(folder).store(*contents)
    errors, torn = [], []
    begin = threading.Barrier(4)

    def store() -> None:
        begin.wait()
        try:
            for _ in range(50):
                PictureFiles(folder).store(*contents)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=store) for _ in range(3)]
    for thread in threads:
        thread.start()
    begin.wait()
    while any(thread.is_alive() for thread in threads):
        read = tuple(PictureFiles(folder).read(key + size) for size in BOTH)
        if read != contents:
            torn.append([content and len(content) for content in read])

    assert errors == torn == []
    assert names(folder) == [f"{key}-list.webp", f"{key}.webp"]


def test_a_picture_for_which_the_disk_has_no_room_leaves_no_unfinished_file(folder):
    def store() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError, match="File too large"):
            PictureFiles(folder).store(bytes(2000), b"a")

    assert forked(store) == 0
    assert [name.endswith("-list.webp") for name in names(folder)] == [True]


def test_what_a_killed_process_left_unfinished_is_not_a_picture_and_is_deleted(folder, monkeypatch):
    files = PictureFiles(folder)
    key = files.store(b"a", b"b")
    unfinished = folder / key[:2] / f"{key}.x_1.new"
    unfinished.write_bytes(b"")
    (folder / key[:2] / f"{key}.webp").unlink()

    assert files.keys() == set()
    assert files.delete_others({key}) == 0
    monkeypatch.setattr(picture_files, "_STALE", -1.0)
    assert files.delete_others({key}) == 1
    assert names(folder) == [f"{key}-list.webp"]
