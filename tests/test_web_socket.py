"""The pages at a Unix socket, and behind nginx as docs/deploy.md configures nginx."""

import contextlib
import gzip
import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.cli.web_address import connection_to
from tests.feedserver import FeedServer
from tests.preloaded import Program
from tests.running import (
    HANGS_AFTER,
    command,
    eventually,
    free_port,
    get,
    in_process,
    limited,
    one_line,
    rss,
    running,
    write_config,
)

ROOT = Path(__file__).parents[1]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.fixture
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "a.sock"


def asked(path: Path, target: str) -> tuple[int, bytes]:
    connection = connection_to(str(path), timeout=HANGS_AFTER)
    with closing(connection):
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield the program after it has printed where the list is."""
    process = Program("run", cwd=folder, stderr=subprocess.PIPE, text=True)
    with limited(process):
        line = process.stderr.readline()
        assert line.startswith("The list is at "), line + process.stderr.read()
        yield process
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0


@pytest.mark.slow
def test_run_serves_the_pages_at_a_socket_and_removes_it(tmp_path, path):
    with closing(socket.socket(socket.AF_UNIX)) as killed:
        killed.bind(str(path))  # a program that was killed leaves it
    write_config(tmp_path, [], web=f"{{socket: {path}}}")

    with serving(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        assert eventually(lambda: asked(path, "/")[0]) == 200
        done = eventually(lambda: (d := command(tmp_path, "health")).returncode == 0 and d)
        assert done.stdout == f"unix:{path}/readyz: ready\n"

        line = one_line(in_process(tmp_path, "run"), 1)
        assert line.startswith(f"{path}: Address already in use; ")

    assert not path.exists()
    assert "No such file" in one_line(command(tmp_path, "health"), 1)


@pytest.mark.slow
def test_options_of_the_command_line_come_before_the_socket(tmp_path, path):
    write_config(tmp_path, [], web=f"{{socket: {path}}}")

    with running(tmp_path, "serve", "--port", "0") as (_, address):
        assert get(f"{address}/")[0] == 200
        assert not path.exists()


@pytest.mark.slow
def test_a_socket_in_a_file_that_was_saved_waits_for_the_next_start(tmp_path, path):
    config = write_config(tmp_path, [])
    with running(tmp_path) as (process, address):
        config.write_text(config.read_text().replace("{port: 0}", f"{{port: 0, socket: {path}}}"))

        eventually(lambda: "`web` takes effect after a restart" in process.stderr.readline())
        assert get(f"{address}/")[0] == 200
        assert not path.exists()


@pytest.mark.slow
def test_a_file_that_is_no_socket_stays(tmp_path, path):
    path.write_text("mine")
    write_config(tmp_path, [], web=f"{{socket: {path}}}")

    assert "Address already in use" in one_line(in_process(tmp_path, "run"), 1)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("aggregator.sock", '"aggregator.sock" is not the path of a socket'),
        ("/run/", '"/run/" is not the path of a socket'),
        (f"/{'a' * 107}", "is longer than 107 bytes"),
    ],
)
def test_a_path_that_no_socket_can_have_is_a_mistake(tmp_path, text, problem):
    write_config(tmp_path, [], web=f"{{socket: {text}}}")

    done = command(tmp_path, "check")

    assert done.returncode == 2
    assert f"web.socket: {problem}" in done.stderr


# -------------------------------------------------------------- nginx


def documented() -> list[str]:
    """Return the configurations of nginx in docs/deploy.md."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    return re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)


@contextlib.contextmanager
def nginx(folder: Path, http: str) -> Iterator[None]:
    """Run nginx, without rights, with what stands inside of `http {}`."""
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{user}\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/errors;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{http}\n}}\n"
    )
    process = subprocess.Popen(
        [str(NGINX), "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"],
        stderr=subprocess.PIPE,
    )
    with limited(process):
        yield


def adapted(text: str, folder: Path, path: Path, port: int) -> str:
    return (
        text.replace("/run/aggregator/aggregator.sock", str(path))
        .replace("/var/cache/nginx/aggregator", str(folder / "cache"))
        .replace("listen 80;", f"listen 127.0.0.1:{port};")
    )


@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize(("number", "prefix"), [(0, ""), (1, "/news")])
def test_nginx_passes_pages_on_and_caches_feeds(tmp_path, path, number, prefix):
    port = free_port()
    host = f"http://127.0.0.1:{port}"
    with FeedServer() as feeds:
        feeds.put("/a", rss([("1", "Tide", None)]))
        write_config(
            tmp_path, [feeds.url("/a")], web=f"{{socket: {path}}}", base_url=f"{host}{prefix}"
        )
        http = adapted(documented()[number], tmp_path, path, port)
        with serving(tmp_path) as program, nginx(tmp_path, http):
            eventually(lambda: b"Tide" in get(f"{host}{prefix}/")[2])
            page = get(f"{host}{prefix}/", Accept_Encoding="gzip")
            assert page[1]["content-encoding"] == "gzip"
            links = re.findall(rb'href="(/[^"]*)"', gzip.decompress(page[2]))
            assert links and all(link.startswith(f"{prefix}/".encode()) for link in links)
            (style,) = {link.decode() for link in links if b"style.css" in link}
            assert get(f"{host}{style}")[0] == 200

            status, headers, body = get(f"{host}{prefix}/feed.atom")
            assert (status, b"Tide" in body) == (200, True)
            unchanged = get(f"{host}{prefix}/feed.atom", If_None_Match=headers["etag"])
            assert (unchanged[0], unchanged[2]) == (304, b"")

            program.terminate()
            assert program.wait(HANGS_AFTER) == 0
            assert get(f"{host}{prefix}/feed.atom")[2] == body  # from nginx's cache
            assert get(f"{host}{prefix}/")[0] == 502  # pages are not cached


@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_every_documented_configuration_is_one_of_nginx(tmp_path, path):
    for number, text in enumerate(documented()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{adapted(text, folder, path, 8000)}\n}}\n"
        )
        done = subprocess.run(
            [str(NGINX), "-t", "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
