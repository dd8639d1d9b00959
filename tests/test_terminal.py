"""Signals and terminals: hangups, encodings, full disks and closed pipes; real processes."""

import contextlib
import functools
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.cli import cell_width
from aggregator.runtime import terminal
from tests.feedserver import FeedServer
from tests.preloaded import Program
from tests.running import (
    HANGS_AFTER,
    children,
    command,
    eventually,
    forked,
    get,
    limited,
    rss,
    running,
    write_config,
)
from tests.selection import slow_after

PROGRAM = [sys.executable, "-m", "aggregator"]
LETTERS = "日本 é 👩 \ud800"
# What writes differs: an option, a help, a poll line by line, a table.  The first starts quickest.
WRITERS = [["--version"], ["--help"], ["poll", "--json", "lamp"], ["feeds"]]
ALL_COMMANDS = [*WRITERS, ["feeds", "--json"], ["check"], ["explain", "lamp"], ["poll", "lamp"],
                ["run", "--help"]]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a feed whose title few terminals can show, polled once."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "lamp.xml").write_bytes(rss([("one", "日本", datetime.now(UTC))]))
    text = "feeds:\n  - {url: lamp.xml, name: lamp, title: 日本 é 👩, category: C}\n"
    (folder / "config.yaml").write_text(f"{text}  - {{url: lamp2.xml, category: c}}\n")
    command(folder, "poll")
    return folder


@functools.cache  # of programs that change nothing
def ended(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return finished(
        Program(
            *arguments,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )
    )


def finished(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
    with limited(process):
        output = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, *output)


# ------------------------------------------------------------------ encodings


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "arguments"),
    [
        *(("cp1252", command) for command in ALL_COMMANDS),
        *(("ascii", command) for command in WRITERS),
    ],
    ids=str,
)
def test_no_encoding_of_the_terminal_is_a_fault(folder, arguments, encoding):
    done = ended(folder, *arguments, PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.slow
def test_what_the_encoding_lacks_is_written_as_its_number(folder):
    done = ended(folder, "feeds", PYTHONIOENCODING="cp1252")
    text = done.stdout.decode("cp1252")

    assert (done.returncode, done.stderr) == (0, b"")
    assert r"\u65e5\u672c é \ud83d\udc69" in text
    as_json = ended(folder, "feeds", "--json", PYTHONIOENCODING="cp1252").stdout.decode("cp1252")
    assert "日本 é 👩" in [feed["title"] for feed in json.loads(as_json)]


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "xx_YY"])
def test_no_locale_is_a_fault(folder, locale):
    done = ended(folder, "feeds", LC_ALL=locale, LANG=locale)

    assert (done.returncode, done.stderr) == (0, b"")
    assert "日本 é 👩" in done.stdout.decode()


@pytest.mark.slow
def test_errors_can_be_written_too(folder):
    for encoding in ("ascii", "cp1252"):
        done = subprocess.run(  # also the interpreter has to understand the encoding
            [*PROGRAM, "explain", f"no {LETTERS[:-1]}"],
            cwd=folder,
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )

        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"no such feed" in done.stderr


def on_terminal(folder: Path, *arguments: str, **environment: str) -> bytes:
    """Return what a command that must succeed in silence on stderr shows on a terminal."""
    ours, theirs = pty.openpty()
    program = Program(
        *arguments, cwd=folder, stdout=theirs, stderr=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment,
    )  # fmt: skip
    with limited(program) as process:
        os.close(theirs)
        output = b""
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while part := os.read(ours, 65536):
                output += part
        os.close(ours)
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(HANGS_AFTER) == 0
    return output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["poll", "--all"], b"2/2"),
        (["export", "out"], b"files, "),
        (["copy", "--to", "sqlite:///copy.db"], b"comparing contents"),
    ],
    ids=["poll", "export", "copy"],
)
def test_a_progress_bar_fits_any_encoding_and_has_no_colours_if_asked_to(folder, arguments, shown):
    output = on_terminal(folder, *arguments, PYTHONIOENCODING="cp1252", NO_COLOR="1")

    assert shown in output
    assert not re.search(rb"\x1b\[[0-9;]*(3[0-7]|38;)[0-9;]*m", output)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("columns", ["40", "80"])
def test_the_table_of_feeds_fits_the_terminal_in_any_encoding(folder, columns, encoding):
    output = on_terminal(folder, "feeds", PYTHONIOENCODING=encoding, COLUMNS=columns)
    lines = output.decode(encoding).replace("\r", "").splitlines()

    assert max(map(cell_width.width, lines)) <= int(columns)
    assert any(line.startswith("日本 é 👩" if encoding == "utf-8" else r"\u65e5") for line in lines)
    assert "\x1b" not in output.decode(encoding)
    if columns == "40" and encoding == "ascii":
        assert any("..." in line for line in lines)


# ------------------------------------------------------------------ where output can't go


@pytest.mark.slow
@pytest.mark.parametrize("arguments", slow_after(1, WRITERS), ids=str)
def test_a_full_disk_under_the_output_is_one_line(request, tmp_path, arguments):
    is_alone = arguments == ["--version"]  # of the commands, the one that needs no polled feed
    folder = tmp_path if is_alone else request.getfixturevalue("folder")
    with Path("/dev/full").open("wb") as full:
        done = finished(Program(*arguments, cwd=folder, stdout=full, stderr=subprocess.PIPE))

    assert done.returncode == 1
    said = b"standard output: No space left on device; not all of it was written\n"
    assert done.stderr == said


@pytest.mark.slow
@pytest.mark.parametrize("arguments", WRITERS, ids=str)
def test_an_output_that_nobody_reads_ends_the_program_quietly(folder, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = finished(Program(*arguments, cwd=folder, stdout=writer, stderr=subprocess.PIPE))
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "closed"),
    [
        ("feeds", ">&-"),
        ("poll lamp", "<&- >&- 2>&-"),
        ("explain none", "2>&-"),
        ("explain none", "2>/dev/full"),
    ],
)
def test_streams_that_are_closed_are_no_fault(folder, arguments, closed):
    line = f"{sys.executable} -m aggregator {arguments} {closed}"
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, check=False, timeout=60
    )

    assert done.returncode == (2 if "none" in arguments else 0)
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
def test_a_pipe_that_never_waits_gets_all_of_the_output(folder):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    code = (
        "import sys; from aggregator.runtime import terminal; "
        "terminal.prepare(); print('x' * 500_000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=writer) as process:
        os.close(writer)
        time.sleep(0.3)
        with os.fdopen(reader, "rb") as stream:
            assert len(stream.read()) == 500_001

    assert process.returncode == 0


def test_any_letter_can_be_numbered(tmp_path):
    def write() -> None:
        os.dup2(os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT), 1)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "ascii")
        terminal.prepare()
        print(LETTERS, end="", flush=True)

    assert forked(write) == 0
    assert (tmp_path / "out").read_bytes() == rb"\u65e5\u672c \u00e9 \ud83d\udc69 \ud800"


# ------------------------------------------------------------------ warnings


@pytest.mark.slow
def test_no_warning_of_python_gets_into_the_log(tmp_path):
    # Something in a library that warns a little later, in each process.
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, warnings\n"
        "for kind in (UserWarning, FutureWarning, ResourceWarning, DeprecationWarning):\n"
        "    timer = threading.Timer(0.8, warnings.warn, ('odd', kind)); timer.daemon = True\n"
        "    timer.start()\n"
    )
    write_config(tmp_path, [])
    with subprocess.Popen(
        [*PROGRAM, "run"], cwd=tmp_path, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"},
    ) as process, limited(process):  # fmt: skip
        assert process.stderr is not None
        process.stderr.readline()
        eventually(lambda: len(children(process.pid)) >= 2)
        time.sleep(2)
        process.terminate()
        log = process.stderr.read().decode()

    assert "odd" not in log
    assert "Warning" not in log


# ------------------------------------------------------------------ SIGHUP


@contextlib.contextmanager
def group(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as a process group of its own, as a terminal does."""
    with (folder / "log").open("wb") as log:
        process = Program(*arguments, cwd=folder, stderr=log, stdout=log, start_new_session=True)
    with limited(process):
        yield process
        process.terminate()
        process.wait(HANGS_AFTER)


def log_of(folder: Path) -> str:
    return (folder / "log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["run"], ["schedule"], ["serve"], ["serve", "--server", "granian"]],
    ids=str,
)
def test_a_hangup_of_the_terminal_ends_no_process_of_ours(tmp_path, arguments):
    (tmp_path / "lamp.xml").write_bytes(rss([("one", "Lamp", datetime.now(UTC))]))
    write_config(tmp_path, ["lamp.xml"])
    command(tmp_path, "poll")
    with group(tmp_path, *arguments) as process:
        if arguments != ["schedule"]:
            eventually(lambda: "http://" in log_of(tmp_path))
        time.sleep(2)
        before = children(process.pid)
        for _ in range(2):
            os.killpg(process.pid, signal.SIGHUP)
            eventually(lambda: "reloaded" in log_of(tmp_path))
            time.sleep(0.5)

        assert process.poll() is None
        if "granian" not in arguments:  # whose worker is replaced
            assert children(process.pid) == before
    assert process.returncode == 0
    assert "Traceback" not in log_of(tmp_path)


@pytest.mark.slow
def test_a_hangup_in_the_middle_of_a_poll_does_not_end_it(tmp_path):
    with FeedServer() as server:
        server.put("/a", rss([("one", "Lamp", datetime.now(UTC))]), delay=1.5)
        write_config(tmp_path, [server.url("/a")])
        with group(tmp_path, "poll") as process:
            eventually(lambda: server.requests)
            os.killpg(process.pid, signal.SIGHUP)
            process.wait(HANGS_AFTER)

    assert process.returncode == 0
    assert "1 new" in log_of(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["waitress", "granian"])
def test_serve_takes_the_file_over_at_a_hangup(tmp_path, server):
    path = write_config(tmp_path, [], title="Before")
    with running(tmp_path, "serve", "--server", server) as (process, address):

        def is_title(title: str) -> bool:
            # For some seconds the old worker of granian answers beside the new one.
            looks = range(8 if server == "granian" else 1)
            return all(json.loads(get(f"{address}/feed.json")[2])["title"] == title for _ in looks)

        eventually(lambda: is_title("Before"))
        write_config(tmp_path, [], title="After")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: is_title("After"))
        good = path.read_text()
        path.write_text("title: [")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
        assert "not loaded; still using the last valid version" in lines[-1]
        assert eventually(lambda: is_title("After"))
        path.write_text(good.replace("After", "Later"))
        process.send_signal(signal.SIGHUP)
        eventually(lambda: is_title("Later"))


# ------------------------------------------------------------------ the real port


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        (["serve", "--port", "0"], 8080),
        pytest.param(["serve"], 0, marks=pytest.mark.slow),
        pytest.param(["run"], 0, marks=pytest.mark.slow),
        pytest.param(["run", "--port", "0"], 8080, marks=pytest.mark.slow),
        pytest.param(["serve", "--server", "granian"], 0, marks=pytest.mark.slow),
        pytest.param(["serve", "--server", "granian", "--port", "0"], 8080, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_links_lead_to_the_port_that_is_listened_on(tmp_path, arguments, port):
    write_config(tmp_path, [], web=f"{{port: {port}}}")
    with running(tmp_path, *arguments) as (_, address):
        feed = eventually(lambda: get(f"{address}/feed.json")[2])
        assert isinstance(feed, bytes)

    assert json.loads(feed)["home_page_url"] == f"{address}/"
    assert json.loads(feed)["feed_url"] == f"{address}/feed.json"


@pytest.mark.slow
def test_an_address_in_the_file_is_not_changed_by_the_port(tmp_path):
    write_config(tmp_path, [], base_url="https://posts.example")
    with running(tmp_path, "serve", "--port", "0") as (_, address):
        feed = json.loads(get(f"{address}/feed.json")[2])

    assert feed["home_page_url"] == "https://posts.example/"
