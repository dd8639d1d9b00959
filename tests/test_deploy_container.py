"""The image and the compose files in deploy/: what would break them, and the image's commands."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from sqlalchemy import make_url

from aggregator.cli import main
from aggregator.config import WebOptions, parse
from aggregator.config.options import DATA_VARIABLE
from bench import lock
from tests.running import HANGS_AFTER, eventually, free_port, get, limited
from web.server import CONFIG_VARIABLE

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMPOSE_FILES = ("compose.yaml", "compose.postgres.yaml")
PORT = str(WebOptions().port)
UID = "10001"


@dataclass(frozen=True)
class Instruction:
    """A line of a Containerfile, with the lines that continue it."""

    name: str
    value: str
    stage: int


def instructions() -> list[Instruction]:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    found, stage = [], -1
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, value = line.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(name, " ".join(value.split()), stage))
    return found


def of(name: str, stage: int = 1) -> list[str]:
    return [each.value for each in instructions() if (each.name, each.stage) == (name, stage)]


def arguments_of(name: str) -> list[str]:
    """Return the arguments of an instruction in the form of JSON."""
    (value,) = of(name)
    listed = yaml.safe_load(value[value.index("[") :])
    assert all(isinstance(each, str) for each in listed)
    return listed


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for value in of("ENV") for pair in shlex.split(value))


def compose(name: str) -> dict[str, dict[str, object]]:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def programs(name: str) -> dict[str, dict[str, object]]:
    """Return the services of our image."""
    return {key: each for key, each in compose(name)["services"].items() if "build" in each}


def is_command(arguments: list[str]) -> bool:
    """Whether the program takes the arguments."""
    command = main.get_command(click.Context(main), arguments[0])
    assert command is not None, arguments
    command.make_context(arguments[0], list(arguments[1:]), parent=click.Context(main))
    return True


def test_the_image_has_two_stages_on_one_slim_base_that_the_package_supports():
    bases = [each.value.split()[0] for each in instructions() if each.name == "FROM"]

    assert len(bases) == 2 and len(set(bases)) == 1
    version = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim", bases[0])
    assert version is not None
    assert SpecifierSet(PROJECT["requires-python"]).contains(version[1])


def test_the_image_installs_what_constraints_txt_pins():
    build = " ".join(of("RUN", stage=0))
    parts = re.search(r"parts='([^']*)'", build)
    assert parts is not None

    assert set(parts[1].split()) <= set(lock.pins(lock.LOCK.read_text()))
    assert set(parts[1].split()) - {"program"} <= set(PROJECT["optional-dependencies"])
    assert "--require-hashes" in build and "--no-index ." in build
    script = re.search(
        r"awk -v parts=\S+ \S+ \S+ '([^']*)'",
        build.replace("'program server postgres'", "program server postgres"),
    )
    makefile = (ROOT / "Makefile").read_text().replace("$$", "$")
    assert script is not None and script[1] in makefile


def test_what_the_image_copies_is_in_the_checkout():
    sources = [
        source
        for stage in (0, 1)
        for value in of("COPY", stage)
        if not value.startswith("--from")
        for source in value.split()[:-1]
    ]

    assert sources and [source for source in sources if not (ROOT / source).exists()] == []
    assert {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]} <= set(sources)


def test_the_image_runs_commands_of_the_program_as_a_user_without_rights():
    (program,) = arguments_of("ENTRYPOINT")

    assert program in PROJECT["scripts"]
    assert is_command(arguments_of("CMD"))
    assert arguments_of("CMD") == ["run", "--host", "0.0.0.0"]
    assert arguments_of("HEALTHCHECK")[0] == program
    assert is_command(arguments_of("HEALTHCHECK")[1:])
    assert of("USER") == [f"{UID}:{UID}"]
    assert f"chown {UID}:{UID} /data" in " ".join(of("RUN"))
    assert of("EXPOSE") == [PORT]


def test_the_folders_of_the_image_are_those_that_the_program_reads():
    variables = environment()

    assert variables[CONFIG_VARIABLE] == "/config/config.yaml"
    assert variables[DATA_VARIABLE] == "/data" == of("VOLUME")[0] == of("WORKDIR")[0]
    assert variables["PATH"].split(":")[0] == "/opt/aggregator/bin"
    assert "--from=build /opt/aggregator /opt/aggregator" in of("COPY")
    assert "python -m venv /opt/aggregator" in " ".join(of("RUN", stage=0))


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_the_services_build_and_mount_what_is_there(name):
    services = programs(name)
    whole = compose(name)

    assert services
    for service in services.values():
        assert service["image"] == f"aggregator:{PROJECT['version']}"
        context = DEPLOY / service["build"]["context"]
        assert context.resolve() == ROOT
        assert (context / service["build"]["dockerfile"]).is_file()
        assert set(service["volumes"]) == {"./config:/config:ro", "data:/data"}
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert is_command(service.get("command", arguments_of("CMD")))
        for port in service.get("ports", []):
            assert port.rpartition(":")[2] == PORT
    for service in whole["services"].values():
        volumes = [each.partition(":")[0] for each in service["volumes"]]
        assert {each for each in volumes if "/" not in each} <= set(whole["volumes"])
        assert set(service.get("depends_on", {})) <= set(whole["services"])


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_health_is_asked_where_pages_are_served_and_as_in_the_image(name):
    (of_image,) = of("HEALTHCHECK")
    for service in programs(name).values():
        check = service["healthcheck"]
        if service.get("command", ["run"])[0] in {"schedule", "work"}:
            assert check == {"disable": True}
            continue
        assert check["test"] == ["CMD", *arguments_of("HEALTHCHECK")]
        for key in ("interval", "timeout", "start_period", "retries"):
            assert f"--{key.replace('_', '-')}={check[key]}" in of_image


def test_the_version_in_comments_and_documents_is_that_of_the_package():
    texts = [
        path.read_text("utf-8") for path in (DEPLOY / "Containerfile", ROOT / "docs/deploy.md")
    ]
    versions = [
        each for text in texts for each in re.findall(r"(?<!=)\baggregator:(\d[\w.]*)", text)
    ]

    assert versions and set(versions) == {PROJECT["version"]}


def test_there_are_two_pollers_and_two_webs_with_a_port_each():
    services = programs("compose.postgres.yaml")
    (port,) = services["web"]["ports"]
    first, last = map(int, port.split(":")[1].split("-"))

    names = ("scheduler", "poller", "web")
    assert [services[name]["deploy"]["replicas"] for name in names] == [2, 2, 2]
    assert last - first + 1 == 2


def test_the_database_of_the_documented_line_is_that_of_the_service(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_PASSWORD", "abc123")
    server = compose("compose.postgres.yaml")["services"]["database"]["environment"]
    texts = [
        (DEPLOY / "compose.postgres.yaml").read_text("utf-8"),
        (ROOT / "docs/deploy.md").read_text("utf-8"),
    ]
    for text in texts:
        (line,) = re.findall(r"^[# ]*(database: postgresql://.*)$", text, re.MULTILINE)
        url = make_url(parse(f"{line}\nfeeds: []", path=tmp_path / "config.yaml").database)
        assert (url.username, url.password) == (server["POSTGRES_USER"], "abc123")
        assert (url.host, url.database) == ("database", server["POSTGRES_DB"])
    assert server["POSTGRES_PASSWORD"].startswith("${DATABASE_PASSWORD:?")


# -------------------------------------------------------------- the image's commands

# Makes the root of the image: the system and the program read-only, /data to write in; then becomes
# the image's user, who has no rights, and runs a command without the environment of the test.
SANDBOX = """
set -eu
root=$1 config=$2 data=$3 checkout=$4 prefix=$5 base=$6; shift 6
mount -t tmpfs none "$root"
show() {
    mkdir -p "$root$2"
    mount --rbind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
}
for folder in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$folder" ]; then cp -P "/$folder" "$root/$folder"
    elif [ -d "/$folder" ]; then show "/$folder" "/$folder"; fi
done
for folder in /usr /etc "$checkout" "$prefix" "$base"; do show "$folder" "$folder"; done
show "$prefix" /opt/aggregator
show "$config" /config
mkdir "$root/proc" "$root/dev" "$root/data"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$data" "$root/data"
mount -o remount,ro "$root"
exec unshare --user --map-user=10001 --map-group=10001 --root="$root" --wd=/data "$@"
"""


class Image:
    """What stands in for a container: a namespace of mounts and of users."""

    def __init__(self, folder: Path) -> None:
        self.config, self.data, self._root = (folder / name for name in ("config", "data", "root"))
        for path in (self.config, self.data, self._root):
            path.mkdir()

    def arguments(self, *command: str) -> list[str]:
        folders = (self._root, self.config, self.data, ROOT, sys.prefix, sys.base_prefix)
        variables = [f"{name}={value}" for name, value in environment().items()]
        return [
            "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SANDBOX, "sandbox",
            *map(str, folders), "env", "-i", *variables, *command,
        ]  # fmt: skip

    def done(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        arguments = self.arguments(*command)
        return subprocess.run(
            arguments, capture_output=True, text=True, timeout=HANGS_AFTER, check=False
        )

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.data.parent / "log").open("w") as log:
            process = subprocess.Popen(self.arguments(*command), stderr=log)
        with limited(process):
            yield process

    @property
    def log(self) -> str:
        return (self.data.parent / "log").read_text()


@pytest.fixture
def image(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    image = Image(tmp_path)
    done = image.done("true")
    if done.returncode:
        pytest.skip(f"no namespaces of users and mounts here: {done.stderr.strip()}")
    return image


def with_sample(image: Image, changes: Mapping[str, object]) -> None:
    """Put the image's own config.yaml and samples into the folder of the configuration."""
    for value in of("COPY"):
        *sources, target = value.split()
        if target.startswith("/config/"):
            (source,) = sources
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, image.config / Path(target).name)
    path = image.config / "config.yaml"
    sample = yaml.safe_load(path.read_text("utf-8"))
    feeds = [feed for feed in sample["feeds"] if "samples/" in str(feed)]  # no other host is asked
    path.write_text(yaml.safe_dump({**sample, **changes, "feeds": feeds}), "utf-8")


def test_only_the_folder_of_data_can_be_written(image):
    assert image.done("id", "-u").stdout.strip() == UID
    places = ["/", "/config", "/opt/aggregator", "/usr", str(ROOT), "/data"]
    script = 'for place; do touch "$place/written" 2>/dev/null && echo "$place"; done; exit 0'

    assert image.done("sh", "-c", script, "sh", *places).stdout.split() == ["/data"]


@pytest.mark.slow
def test_the_commands_of_the_image_show_the_samples_and_are_healthy(image):
    port = free_port()
    with_sample(image, {"web": {"port": port}})
    command = [*arguments_of("ENTRYPOINT"), *arguments_of("CMD")]
    with image.running(*command) as process:
        try:
            page = eventually(
                lambda: (
                    (body := get(f"http://127.0.0.1:{port}/")[2]).count(b"h-entry") >= 5 and body
                )
            )
        except AssertionError as error:
            raise AssertionError(image.log) from error
        assert b"h-entry" in page
        check = eventually(
            lambda: (done := image.done(*arguments_of("HEALTHCHECK"))).returncode == 0 and done
        )
        assert check.stdout == f"http://127.0.0.1:{port}/readyz: ready\n"
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0

    assert "Traceback" not in image.log and "ermission" not in image.log, image.log
    assert (image.data / "aggregator.db").exists()
    assert {path.name for path in image.config.iterdir()} == {"config.yaml", "samples"}

    check = image.done(*arguments_of("HEALTHCHECK"))
    assert (check.returncode, check.stderr.count("\n")) == (1, 1)
