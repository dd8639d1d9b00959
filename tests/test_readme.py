"""README.md: its commands work, its numbers are those that were measured or can be counted."""

import os
import re
import shutil
import subprocess
import sys

import click
import pytest

from aggregator.cli import main
from aggregator.model.poll_failures import FailureKind
from aggregator.plan.comparison import DAYS
from tests.document_blocks import ROOT, blocks
from tests.feedserver import FeedServer
from tests.running import HANGS_AFTER, command, rss
from tests.screenshots import MAX_BYTES
from tests.test_documented_attacks import ATTACKS
from tests.test_documents import CODE, without_blocks

README = (ROOT / "README.md").read_text("utf-8")
LINES = [
    line.partition("#")[0].strip()
    for text in blocks("README.md", "sh")
    for line in text.splitlines()
]
CHECKOUT = ("Makefile", "pyproject.toml", "constraints.txt", "config.yaml", "samples", "bench")
SERVING = ("make run", "make demo", "aggregator run")
"""Commands that go on until they are stopped; they are run without a network."""
NOT_RUN = {
    "make test": "it runs this test",
    "pipx install .": "tests/test_package.py installs the same package by pip",
    "uv tool install .": "tests/test_package.py installs the same package by pip",
    "docker build -f deploy/Containerfile -t aggregator .": "no container runtime can be had here; "
    "tests/test_deploy_container.py runs the commands of the image",
    "docker run --rm -p 127.0.0.1:8080:8080 -v aggregator-data:/data aggregator": "the same",
}
PROGRAM = main.list_commands(click.Context(main))
COMMANDS_IN_TEXT = {
    span
    for span in CODE.findall(without_blocks(README))
    if span.startswith("aggregator ") or span.split()[0] in PROGRAM
}
"""The commands within the text and in tables, with their arguments; some without the program."""
FIRST_POST = "https://example.org/one-file/"

# Runs a command until the list has posts, then stops it; prints how many the first page has.
WATCH = """
import subprocess, sys, time, urllib.request
process = subprocess.Popen(sys.argv[2:])
count = 0
for _ in range(int(sys.argv[1])):
    time.sleep(1)
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/") as answer:
            count = answer.read().count(b'h-entry')
    except OSError:
        continue
    if count >= 5:
        break
if sys.argv[2] == "aggregator":
    subprocess.run(["aggregator", "health"], check=True)
process.terminate()
process.wait()
print("posts:", count)
"""


def without_network(*arguments: str) -> list[str]:
    """Return a command that runs another one where nothing but loopback can be reached."""
    up = 'ip link set lo up; exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec", up, "sh", *arguments]


def has_namespaces() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run(without_network("true"), capture_output=True, check=False).returncode == 0


def test_every_command_is_run_or_left_out_for_a_reason():
    runnable = {*SERVING, "aggregator init"}

    assert set(LINES) == runnable | NOT_RUN.keys()
    assert LINES[:2] == ["make run", "make test"]
    assert COMMANDS_IN_TEXT - COMMANDS.keys() == {
        "aggregator COMMAND --help", "aggregator run", "aggregator health", "aggregator mcp",
        "aggregator notify --test NAME",
        "schedule", "serve", "work",
    }  # fmt: skip
    assert COMMANDS.keys() - COMMANDS_IN_TEXT == set()


@pytest.mark.slow
@pytest.mark.skipif(not has_namespaces(), reason="NOT TESTED: needs unshare and ip")
@pytest.mark.parametrize("line", SERVING)
def test_a_command_that_serves_shows_posts_without_a_network(tmp_path, line):
    programs = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    environment = {
        name: value for name, value in programs.items()
        if not name.startswith(("MAKE", "AGGREGATOR_", "MFLAGS"))
    }  # fmt: skip
    words = line.split()
    if words[0] == "make":
        for name in CHECKOUT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tmp_path / name)
        (tmp_path / ".venv").symlink_to(sys.prefix)
        words += ["-o", ".venv/run.stamp"]  # what `make install` leaves; it needs a network
    else:
        subprocess.run(
            ["aggregator", "init"], cwd=tmp_path, env=environment, capture_output=True, check=True
        )

    watched = [sys.executable, "-c", WATCH, str(HANGS_AFTER), *words]
    done = subprocess.run(
        without_network(*watched), cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    count = int(done.stdout.splitlines()[-1].removeprefix("posts: "))
    assert count >= 5 if line == "make demo" else count == 5  # those of the sample
    assert "http://127.0.0.1:8080" in done.stderr


COMMANDS = {
    "aggregator init": ["init"],
    "aggregator check": ["check"],
    "aggregator schema": ["schema"],
    r"aggregator preview URL\|FILE\|FEED": ["preview", "samples/recent-posts.xml"],
    "aggregator preview URL": ["preview", "http://127.0.0.1:{port}/feed"],
    "aggregator plan": ["plan"],
    "aggregator poll [FEED]": ["poll", "recent-posts"],
    "aggregator feeds": ["feeds"],
    "aggregator explain": ["explain", "recent-posts"],
    "aggregator explain FEED": ["explain", "Recent"],
    "aggregator doctor [FEED]": ["doctor", "recent-posts"],
    "aggregator explain-story": ["explain-story", FIRST_POST],
    r"aggregator explain-story ID\|URL": ["explain-story", FIRST_POST],
    "aggregator export DIR": ["export", "public"],
    "aggregator add URL": ["add", "http://127.0.0.1:{port}/feed"],
    "add": ["add", "--title", "Tide", "http://127.0.0.1:{port}/other"],
    "rename FEED NEW": ["rename", "recent-posts", "first-posts"],
    "aggregator remove FEED": ["remove", "http://127.0.0.1:{port}/feed"],
    "aggregator import LIST.opml": ["import", "list.opml"],
    "import": ["import", "list.opml"],
    "explain-story": ["explain-story", FIRST_POST],
    "aggregator copy --to URL": ["copy", "--to", "sqlite:///copy.db"],
}
"""The commands in the order in which they are run, with what stands for their arguments."""


@pytest.mark.slow
def test_every_command_that_ends_works_in_a_clean_folder(tmp_path):
    shutil.copy(ROOT / "tests" / "data" / "opml" / "miniflux.opml", tmp_path / "list.opml")
    with FeedServer() as server:
        for path in ("/feed", "/other"):
            server.put(path, rss([("1", "Tide", None)]))
        for name, arguments in COMMANDS.items():
            port = server.url("").rpartition(":")[2].strip("/")
            done = command(tmp_path, *(word.format(port=port) for word in arguments))
            assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), (name, done)
            if arguments == ["init"]:  # no other host is asked
                text = (tmp_path / "config.yaml").read_text("utf-8")
                sample = text.partition("  - url: https://thebossmind")[0]
                allowed = "network: {allow: [127.0.0.1]}\n"
                (tmp_path / "config.yaml").write_text(allowed + sample, "utf-8")


def test_pictures_are_small():
    names = re.findall(r"\]\((docs/[\w-]+\.png)\)", README)

    assert names == ["docs/list.png", "docs/phone-dark.png", "docs/status.png", "docs/explain.png"]
    assert [name for name in names if (ROOT / name).stat().st_size > MAX_BYTES] == []


def number(pattern: str) -> float:
    """Return the number in the only place of README.md that matches; blanks match line ends."""
    (text,) = re.findall(pattern.replace(" ", r"\s+"), README)
    return float(text)


def test_what_can_be_counted_is_at_least_what_the_readme_says():
    languages = re.findall(r"^\| `", (ROOT / "docs/languages.md").read_text("utf-8"), re.MULTILINE)

    assert number(r"tell (\d+) kinds of failure") <= len(FailureKind)
    assert number(r"in (\d+) languages") == len(languages)
    assert number(r"lists (\d+) attacks") <= len(ATTACKS)
    assert number(r"posts of the last (\d+) days") == DAYS


def test_what_was_measured_is_in_the_results():
    results = (ROOT / "bench/results.md").read_text("utf-8")
    results = results.partition("## SQLite and PostgreSQL")[0]  # has rows of the same names

    def measured(row: str, column: int) -> float:
        (line,) = re.findall(rf"^\| {row} \|.*$", results, re.MULTILINE)
        return float(line.split("|")[column + 1])

    precision, recall = measured("report", 1), measured("report", 2)
    assert number(r"(\d+) of 100 pairs that the program") == round(100 * precision)
    assert number(r"finds (\d+) of 100") == round(100 * recall)
    for pattern, share in (
        (r"nothing new costs ([\d.]+) %", 100 * measured("304", 3)),
        (r"new entry ([\d.]+) %", 100 * measured("one new", 3)),
        (r"takes ([\d.]+) times", measured("deep page", 1) / measured("first page", 1)),
    ):
        assert number(pattern) == pytest.approx(share, rel=0.3)  # other machines, other shares
