"""Worker processes: what a hostile document, a crash or a kill costs.  Real processes."""

import asyncio
import contextlib
import ctypes
import errno
import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from aggregator.errors import NoWorkerError, ParseError
from aggregator.reading.worker_task import read_document
from aggregator.runtime.worker_loop import HEADER_SIZE, own_memory
from aggregator.runtime.worker_pool import Workers
from aggregator.runtime.worker_process import WorkerEndedError, WorkerProcess
from tests.running import alive, eventually, rss
from tests.selection import slow_after

FEED = rss([("1", "Post 1", None)])


@pytest.fixture
def workers():
    pool = Workers(1)
    yield pool
    pool.stop()


@contextlib.contextmanager
def a_second_for_each():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 1)
        yield


async def title(workers: Workers) -> str:
    read = await workers.run("https://example.org/", read_document, FEED, {}, "https://e.org/")
    assert read.feed
    return read.feed.entries[0].title


def test_a_document_does_not_lack_the_memory_that_those_before_it_have_kept(workers):
    async def run() -> list[int]:
        pids = []
        for size in (1_000_000, 1_000_000, 60_000_000, 60_000_000, 60_000_000):
            pids.append(await workers.run("https://example.org/", os.getpid))
            keep = f"import sys; sys.kept = [*getattr(sys, 'kept', ()), bytes({size})]"
            await workers.run("https://example.org/", exec, keep)
        return pids

    pids = asyncio.run(run())

    assert len(set(pids[:3])) == 1
    assert len(set(pids[2:])) == 3
    eventually(lambda: not any(map(alive, pids)))


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ((signal.pause,), "could not be read in 1s"),
        ((os.abort,), "the process that read it died"),
        ((bytes, 4 << 30), "too much memory"),
        ((divmod, 1, 0), "the log says why"),
    ],
)
def test_a_document_that_a_worker_chokes_on_costs_only_its_own_poll(workers, task, reason):
    async def run() -> str:
        limit = a_second_for_each() if "1s" in reason else contextlib.nullcontext()
        with limit, pytest.raises(ParseError, match=reason):
            await workers.run("https://example.org/", *task)
        return await title(workers)

    assert asyncio.run(run()) == "Post 1"


def test_what_nobody_foresaw_is_logged_with_the_place_in_the_process(workers, caplog):
    async def run() -> None:
        with pytest.raises(ParseError):
            await workers.run("https://me:secret@example.org/", read_document, 7, {}, "u")

    asyncio.run(run())
    (record,) = caplog.records
    assert "in read_document" in caplog.text
    assert "secret" not in record.getMessage()


def speaks(text: bytes, stream: int = 2) -> None:
    os.write(stream, text)


def warns(text: str) -> None:
    warnings.warn(text, stacklevel=1)


def crashes(text: bytes) -> None:
    os.write(2, text)
    faulthandler.enable()
    ctypes.string_at(0)


def fails_at_length() -> None:
    raise ValueError("x" * 5_000_000)


FORGED = "fine\n2026-01-01 00:00:00Z https://u:secret@a.example/: all is well \x1b[2J\u202e"


@pytest.mark.parametrize(
    "task",
    [
        (speaks, FORGED.encode()),
        pytest.param((speaks, FORGED.encode(), 1), marks=pytest.mark.slow),
        pytest.param((warns, FORGED), marks=pytest.mark.slow),
        (crashes, FORGED.encode()),
    ],
)
def test_what_a_process_writes_is_one_escaped_line_of_the_log(workers, caplog, capfd, task):
    """A document that made a library warn could forge lines, or clear the terminal."""

    async def run() -> None:
        with contextlib.suppress(ParseError):
            await workers.run("https://me:secret@example.org/feed", *task)

    asyncio.run(run())

    eventually(lambda: caplog.records)  # a thread reads what the process writes
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith("https://***@example.org/feed: the process that read it wrote '")
    assert "all is well" in line
    assert line.isprintable()
    assert "secret" not in line
    out, err = capfd.readouterr()
    assert "all is well" not in out + err


@pytest.mark.slow
def test_a_process_that_writes_without_end_is_cut_short_in_the_log_and_by_its_deadline(
    workers, caplog
):
    async def run() -> str:
        with a_second_for_each(), pytest.raises(ParseError, match="could not be read in 1s"):
            await workers.run("https://example.org/", speaks, b"x" * 10_000_000)
        await workers.run("https://example.org/", speaks, b"y" * 5000)
        return await title(workers)

    assert asyncio.run(run()) == "Post 1"
    assert max(len(one.getMessage()) for one in caplog.records) < 1200
    assert caplog.records[-1].getMessage().endswith("y' and 4,000 bytes more")


@pytest.mark.slow
def test_a_traceback_of_a_process_has_a_limit(workers, caplog):
    async def run() -> None:
        with pytest.raises(ParseError):
            await workers.run("https://example.org/", fails_at_length)

    asyncio.run(run())
    assert len(caplog.text) < 20_000


def test_what_a_worker_raises_comes_back_with_its_reason(workers):
    async def run() -> None:
        with pytest.raises(ParseError) as raised:
            await workers.run("u", read_document, b"x", {}, "https://example.org/")
        assert raised.value.reason == "not a feed"

    asyncio.run(run())


@pytest.mark.parametrize("who", slow_after(1, ["they", "they and their server"]))
def test_processes_that_are_killed_while_idle_are_replaced(who, workers, caplog):
    async def run() -> None:
        worker = await workers.run("u", os.getpid)
        if who == "they and their server":
            os.kill(await workers.run("u", os.getppid), signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        for _ in range(5):
            assert await title(workers) == "Post 1"
            await asyncio.sleep(0.15)
        assert await workers.run("u", os.getpid) != worker

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.slow
def test_a_process_that_stands_still_costs_one_deadline(workers):
    async def run() -> None:
        worker = await workers.run("u", os.getpid)
        os.kill(worker, signal.SIGSTOP)
        with a_second_for_each(), pytest.raises(ParseError, match="could not be read in 1s"):
            await workers.run("u", len, b"a")
        # It is given up without its end, which would never come.
        assert alive(worker)
        assert await title(workers) == "Post 1"
        os.kill(worker, signal.SIGCONT)  # it learns now that nobody waits for it
        eventually(lambda: not alive(worker))

    asyncio.run(run())


def test_who_waits_for_a_process_when_all_are_stopped_learns_it(workers):
    async def run() -> None:
        process = await workers.run("u", os.getpid)
        reading = asyncio.create_task(workers.run("u", signal.pause))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(workers.stop)
        assert not alive(process)
        with pytest.raises(ParseError):
            await reading

    asyncio.run(run())


@pytest.mark.parametrize("when", ["it reads", "it is about to be started", "before"])
def test_whoever_a_stop_keeps_from_its_process_learns_it_and_nobody_is_warned(
    when, workers, caplog
):
    before = set(multiprocessing.active_children())

    async def run() -> None:
        if when == "it reads":
            await workers.run("u", os.getpid)
        elif when == "it is about to be started":
            workers._starter.submit(time.sleep, 0.3)  # a start that takes as long, at this moment
        else:
            workers.stop()
        reading = asyncio.create_task(workers.run("u", signal.pause))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(workers.stop)
        with pytest.raises((ParseError, NoWorkerError)):
            await reading

    asyncio.run(run())
    assert caplog.records == []
    eventually(lambda: set(multiprocessing.active_children()) <= before)


def test_a_machine_without_room_for_a_process_blames_no_document(workers, monkeypatch):
    def no_room(_process):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    async def run() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(multiprocessing.process.BaseProcess, "start", no_room)
            for _ in range(3):
                with pytest.raises(NoWorkerError, match="temporarily unavailable"):
                    await title(workers)
        for _ in range(2):
            assert await title(workers) == "Post 1"

    asyncio.run(run())


def test_processes_that_end_without_any_document_blame_none(workers, monkeypatch):
    start = WorkerProcess.__init__

    def ending(process: WorkerProcess, max_memory: int) -> None:
        start(process, max_memory)
        os.kill(process._process.pid, signal.SIGKILL)

    async def run() -> None:
        monkeypatch.setattr(WorkerProcess, "__init__", ending)
        with pytest.raises(NoWorkerError, match="each ends at once"):
            await title(workers)

    asyncio.run(run())


def test_processes_that_never_reply_blame_no_document(workers, monkeypatch):
    tasks = []

    async def end_first_and_then_stand_still(_process: WorkerProcess, task: list[bytes]) -> None:
        tasks.append(task)
        if len(tasks) == 1:
            raise WorkerEndedError
        await asyncio.sleep(60)

    async def run() -> None:
        monkeypatch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 0.05)
        monkeypatch.setattr(WorkerProcess, "run", end_first_and_then_stand_still)
        with pytest.raises(NoWorkerError, match=r"started: none replies within 0\.05s"):
            await title(workers)

    asyncio.run(run())


def test_an_answer_that_nobody_waits_for_any_more_is_nobody_elses(workers):
    async def run() -> None:
        await title(workers)
        given_up = asyncio.create_task(workers.run("u", bytes, 3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        given_up.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await given_up
        assert await title(workers) == "Post 1"

    asyncio.run(run())


def test_a_task_that_is_cancelled_while_its_process_starts_leaves_none_beyond_the_place(workers):
    async def run() -> None:
        other = Workers(1)  # whose start has the fork server load the parser
        await other.run("u", os.getpid)
        await asyncio.to_thread(other.stop)
        for _ in range(5):
            reading = asyncio.create_task(workers.run("u", os.getpid))
            await asyncio.sleep(0)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        before = set(multiprocessing.active_children())
        await title(workers)
        await asyncio.sleep(0.2)
        assert len(set(multiprocessing.active_children()) - before) <= 1

    asyncio.run(run())


def test_the_number_of_a_process_that_ended_long_ago_is_not_killed(workers, monkeypatch):
    killed = []
    kill = os.kill

    def noted(pid: int, number: int) -> None:
        killed.append(pid)
        kill(pid, number)

    async def run() -> None:
        worker = await workers.run("u", os.getpid)
        kill(worker, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{worker}").exists())
        monkeypatch.setattr(os, "kill", noted)
        assert await title(workers) == "Post 1"
        assert worker not in killed

    asyncio.run(run())


BURN = """
from time import process_time
start = process_time()
while process_time() - start < 0.7:
    pass
"""


@pytest.mark.slow
def test_a_document_is_waited_for_while_others_keep_the_machine_busy(workers):
    core = min(os.sched_getaffinity(0))
    busy = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"

    async def run() -> float:
        await title(workers)
        await workers.run("u", os.sched_setaffinity, 0, [core])
        began_at = time.monotonic()
        await workers.run("u", exec, BURN)
        return time.monotonic() - began_at

    others = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(3)]
    try:
        with a_second_for_each():
            assert asyncio.run(run()) > 1
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.slow
def test_a_deadline_ends_a_process_whose_fork_server_died(monkeypatch):
    monkeypatch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 1)
    workers = Workers(2)

    async def run() -> None:
        worker = await workers.run("u", os.getpid)
        os.kill(await workers.run("u", os.getppid), signal.SIGKILL)
        reading = asyncio.create_task(workers.run("u", time.sleep, 5))
        await asyncio.sleep(0.1)
        await workers.run("u", os.getpid)  # in a process of a new server
        with pytest.raises(ParseError, match="in 1s"):
            await reading
        eventually(lambda: not alive(worker))

    try:
        asyncio.run(run())
    finally:
        workers.stop()


def test_a_process_that_dies_in_the_middle_of_its_answer_is_not_waited_for(workers, monkeypatch):
    # Nothing else happens between two pieces of one answer.
    receive = WorkerProcess._receive

    async def slowly(process: WorkerProcess) -> bytes:
        piece = await receive(process)
        if len(piece) > HEADER_SIZE:  # the reply has begun
            os.kill(process._process.pid, signal.SIGKILL)
        return piece

    async def run() -> None:
        await title(workers)
        monkeypatch.setattr(WorkerProcess, "_receive", slowly)
        with pytest.raises(ParseError, match="the process that read it died"):
            await workers.run("u", bytes, 20_000_000)

    asyncio.run(run())


@pytest.mark.slow
def test_a_fork_server_that_stands_still_holds_up_neither_a_document_nor_the_stop(
    workers, monkeypatch
):
    async def run() -> None:
        monkeypatch.setattr("aggregator.runtime.worker_pool.START_TIMEOUT", 1)
        server = await workers.run("u", os.getppid)
        os.kill(await workers.run("u", os.getpid), signal.SIGKILL)
        os.kill(server, signal.SIGSTOP)
        woken = threading.Event()
        wake = threading.Timer(60, lambda: (woken.set(), os.kill(server, signal.SIGCONT)))
        wake.start()
        try:
            with pytest.raises(NoWorkerError, match="none started in 1s"):
                await workers.run("u", os.getpid)
            await asyncio.to_thread(workers.stop)
        finally:
            wake.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGCONT)
        assert not woken.is_set()

    asyncio.run(run())


@pytest.mark.parametrize(
    "size", slow_after(4, [0, 1, 1 << 18, (1 << 18) + 1, 999_999, 1_000_001, 30_000_000])
)
def test_tasks_and_answers_of_every_size_arrive_whole(workers, size):
    body = os.urandom(size)

    async def run() -> None:
        assert await workers.run("u", bytes.upper, body) == body.upper()

    asyncio.run(run())


@pytest.mark.parametrize("count", [1, 2, 4])
def test_as_many_documents_are_read_at_a_time_as_there_are_processes(tmp_path, count):
    places = [tmp_path / str(number) for number in range(4)]
    for place in places:
        os.mkfifo(place)

    opened: dict[Path, int] = {}

    def open_what_is_being_read() -> int:
        for place in places:
            with contextlib.suppress(OSError):  # nobody reads it at this moment
                opened[place] = opened.get(place) or os.open(place, os.O_WRONLY | os.O_NONBLOCK)
        return len(opened)

    async def run() -> None:
        workers = Workers(count)
        tasks = [asyncio.create_task(workers.run("u", Path.read_bytes, place)) for place in places]
        try:
            async with asyncio.timeout(60):
                while open_what_is_being_read() < count:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert open_what_is_being_read() == count
        finally:
            await asyncio.to_thread(workers.stop)
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in opened.values():
                os.close(one)

    asyncio.run(run())


@pytest.mark.parametrize("status", ["", "Name:\tpython\n", "VmData:\n", "VmData:\tunknown kB\n"])
def test_a_worker_starts_where_the_system_does_not_tell_what_memory_it_has(monkeypatch, status):
    monkeypatch.setattr(Path, "read_text", lambda _: status)

    assert own_memory() == 60_000_000


FREE_LARGE_BLOCKS = """
from pathlib import Path
from aggregator.runtime import process_memory

def resident_megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

process_memory.return_large_blocks()
before = resident_megabytes()
for size in (15_000_000, 10_000_000, 10_000_000):  # the first one moves glibc's own threshold
    block = b"x" * size
    text = block.decode()
    del block, text
print(resident_megabytes() - before)
"""


def test_a_large_block_is_given_back_to_the_system_when_it_is_freed():
    output = subprocess.run(
        [sys.executable, "-c", FREE_LARGE_BLOCKS], check=True, capture_output=True, text=True
    ).stdout

    assert float(output) < 5
