"""The files of pictures, on full disks, and with several processes and after kills."""

import errno
import os
import resource
import socket
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.pictures import picture_files
from aggregator.pictures.picture_files import FOR_LIST, FOR_POST, PictureFiles
from aggregator.poll.picture_stage import CLAIM
from tests.feedserver import FeedServer
from tests.hostile_pictures import picture
from tests.running import HANGS_AFTER, eventually, forked, running, write_config
from tests.selection import slow_after

BOTH = (FOR_POST, FOR_LIST)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pictures"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("times", slow_after(1, [5, 50]))
def test_processes_that_store_the_same_picture_do_not_disturb_each_other(folder, times):
    contents = (bytes(300_000), b"a" * 300_000)
    key = PictureFiles(folder).store(*contents)
    errors, torn = [], []
    begin = threading.Barrier(4)

    def store() -> None:
        begin.wait()
        try:
            for _ in range(times):
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


def test_a_picture_is_on_the_disk_before_its_file_has_a_name(folder, monkeypatch):
    synced = []

    def sync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        synced.append((size, sorted(path.suffix for path in folder.rglob("*.*"))))

    monkeypatch.setattr(os, "fsync", sync)

    PictureFiles(folder).store(b"large", b"list")

    assert synced == [(4, [".new"]), (5, [".new", ".webp"])]


def test_a_folder_that_may_not_be_entered_has_no_pictures(folder, monkeypatch):
    files = PictureFiles(folder)
    key = files.store(b"post", b"list")
    assert files.has(key)

    def refuse(*_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert not files.has(key)


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


@pytest.fixture
def blog(tmp_path):
    """A server with a feed whose entry has the picture /a.png, and a config.yaml."""
    with FeedServer() as server:
        image = f"&lt;img src='{server.url('/a.png')}'&gt;"
        server.put(
            "/feed",
            "<rss version='2.0'><channel><title>Blog</title><item><guid>1</guid>"
            f"<description>{image}</description></item></channel></rss>",
        )
        write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}")
        yield server


def requests(server: FeedServer) -> int:
    return [request.path for request in server.requests].count("/a.png")


def database(folder: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(folder / "aggregator.db", isolation_level=None))


def keys(folder: Path) -> list[str]:
    """Return the keys of the pictures in the database of a program."""
    with database(folder) as connection:
        rows = connection.execute("SELECT file_key FROM pictures WHERE file_key IS NOT NULL")
        return [key for (key,) in rows]


def end_claims(folder: Path) -> None:
    """Set the database as if the claim of a killed process had run out."""
    with database(folder) as connection:
        change = "UPDATE pictures SET next_at = next_at - ? WHERE file_key IS NULL"
        assert connection.execute(change, (CLAIM // MICROSECOND,)).rowcount == 1


@pytest.mark.slow
def test_a_picture_under_way_when_the_program_is_killed_is_stored_by_the_next(blog, tmp_path):
    blog.put("/a.png", picture(), delay=HANGS_AFTER)
    with running(tmp_path) as (process, _):
        eventually(lambda: requests(blog) == 1)
        process.kill()
        process.wait(HANGS_AFTER)
    assert names(tmp_path / "pictures") == keys(tmp_path) == []

    blog.put("/a.png", picture())
    end_claims(tmp_path)
    with running(tmp_path):
        eventually(lambda: keys(tmp_path))

    assert requests(blog) == 2
    (key,) = keys(tmp_path)
    assert names(tmp_path / "pictures") == [f"{key}-list.webp", f"{key}.webp"]


@pytest.mark.slow
def test_a_program_killed_between_file_and_row_leaves_one_picture_to_the_next(blog, tmp_path):
    is_locked = threading.Event()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(picture()), picture())

    def answer_later(connection: socket.socket) -> None:
        is_locked.wait(HANGS_AFTER)
        connection.sendall(answer)

    blog.raw("/a.png", answer_later)
    with running(tmp_path) as (process, _):
        eventually(lambda: requests(blog) == 1)
        with database(tmp_path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            is_locked.set()
            eventually(lambda: len(names(tmp_path / "pictures")) == 2)
            process.kill()
            process.wait(HANGS_AFTER)
    files = names(tmp_path / "pictures")
    assert (len(files), keys(tmp_path)) == (2, [])

    end_claims(tmp_path)
    with running(tmp_path):
        eventually(lambda: keys(tmp_path))

    assert names(tmp_path / "pictures") == files
