"""The program without a checkout: `aggregator init && aggregator run` from the installed wheel."""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from aggregator.cli.starter_files import SAMPLE_FILES
from tests.running import HANGS_AFTER, command, eventually, get, limited, one_line

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PARTS = (
    "aggregator",
    "web",
    "samples",
    "docs",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "config.yaml",
)


def test_init_writes_the_sample_into_an_empty_folder(tmp_path):
    done = command(tmp_path, "init")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("config.yaml: written; ")
    for name in SAMPLE_FILES:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
    assert "fine" in command(tmp_path, "check").stdout


def test_init_writes_where_the_option_says_and_keeps_what_is_there(tmp_path):
    (tmp_path / "mine" / "samples").mkdir(parents=True)
    (tmp_path / "mine" / "samples" / "recent-posts.xml").write_text("mine")

    assert command(tmp_path, "--config", "mine/config.yaml", "init").returncode == 0
    assert (tmp_path / "mine" / "samples" / "recent-posts.xml").read_text() == "mine"

    (tmp_path / "mine" / "config.yaml").write_text("feeds: []\n")
    line = one_line(command(tmp_path, "--config", "mine/config.yaml", "init"), 1)
    assert line == "mine/config.yaml: is there already, and stays as it is"
    assert (tmp_path / "mine" / "config.yaml").read_text() == "feeds: []\n"


def test_init_says_why_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()

    line = one_line(command(tmp_path, "--config", "file/config.yaml", "init"), 1)

    assert "file/samples/recent-posts.xml: can't be written: " in line


def test_the_package_has_every_file_that_init_writes():
    listed = PROJECT["tool"]["setuptools"]["data-files"]

    assert sorted(file for files in listed.values() for file in files) == sorted(SAMPLE_FILES)
    for folder, files in listed.items():
        for file in files:
            assert f"{folder}/{Path(file).name}" == f"share/aggregator/{file}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(folder), str(source)],
        check=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_program(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for part in ("aggregator", "web")
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert wanted - names == set()


@pytest.mark.slow
def test_init_and_run_work_in_an_empty_folder_with_the_wheel_alone(wheel, tmp_path):
    fresh, folder = tmp_path / "fresh", tmp_path / "folder"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)
    python = fresh / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", str(wheel)], check=True)
    (library,) = fresh.glob("lib/python*/site-packages")
    # Other packages are those of the tests; a path in a .pth is searched last, and has no .pth.
    (library / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    program = str(fresh / "bin" / "aggregator")
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}

    where = [str(python), "-c", "import aggregator; print(aggregator.__file__)"]
    module = subprocess.run(
        where, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(module.stdout.strip()).is_relative_to(library)

    subprocess.run([program, "init"], cwd=folder, env=environment, check=True)
    path = folder / "config.yaml"
    assert path.read_bytes() == (ROOT / "config.yaml").read_bytes()
    sample = yaml.safe_load(path.read_text("utf-8"))
    feeds = [feed for feed in sample["feeds"] if "samples/" in str(feed)]  # no other host is asked
    path.write_text(yaml.safe_dump({"feeds": feeds, "web": {"port": 0}}), "utf-8")
    process = subprocess.Popen(
        [program, "run"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    with limited(process):
        address = process.stderr.readline().split()[4]
        eventually(lambda: get(address)[2].count(b"h-entry") >= 5)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert process.wait(HANGS_AFTER) == 0
