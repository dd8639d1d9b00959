"""Other addresses of feeds in the files of the configuration, as texts and as patches."""

import shutil
import subprocess
from pathlib import Path

import pytest

from aggregator import config
from aggregator.cli.config_patch import patch_of
from aggregator.config import NewAddress, with_new_addresses

OLD, NEW = "https://lamp.example/old", "https://lamp.example/new?a=1&b=2"
OTHER = "https://other.example/feed"


def readdressed(folder: Path, text: str, *, name: str | None = None, old: str = OLD) -> str | None:
    """Return config.yaml with the new address, None where only a person can write it."""
    path = folder / "config.yaml"
    path.write_bytes(text.encode())
    files, by_hand = with_new_addresses(path, [NewAddress(old, NEW, name)])
    assert path.read_bytes() == text.encode()
    if by_hand:
        assert not files
        return None
    (file,) = files
    assert file.text == text
    config.parse(file.new_text, path=path)
    assert _patched(folder, text, patch_of(files, folder)) == file.new_text
    return file.new_text


def _patched(folder: Path, text: str, patch: str) -> str:
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    (copy / "config.yaml").write_bytes(text.encode())
    subprocess.run(
        ["patch", "-p1", "--binary"],
        cwd=copy,
        input=patch.encode(),
        check=True,
        capture_output=True,
    )
    return (copy / "config.yaml").read_bytes().decode()


@pytest.mark.parametrize(
    ("text", "new_text"),
    [
        (f"feeds:\n  - {OLD}  # why\n", f"feeds:\n  - {NEW}  # why\n"),
        (f"feeds:\n- '{OLD}'\n", f"feeds:\n- {NEW}\n"),
        (f"feeds:\n  - {OLD}", f"feeds:\n  - {NEW}"),
        (f"feeds: [{OLD}, {OTHER}]\n", f"feeds: [{NEW}, {OTHER}]\n"),
        (
            f"feeds:\r\n  - url: {OLD}\r\n    title: Lamp # t\r\n",
            f"feeds:\r\n  - url: {NEW}\r\n    title: Lamp # t\r\n",
        ),
        (f'feeds:\n  - {{name: a, url: "{OLD}"}}\n', f"feeds:\n  - {{name: a, url: {NEW}}}\n"),
        (f"\ufefffeeds:\n  - {OLD}\n", f"\ufefffeeds:\n  - {NEW}\n"),
        (
            f"feeds:\n  # {OLD}\n  - {OTHER}\n  - {OLD}\n",
            f"feeds:\n  # {OLD}\n  - {OTHER}\n  - {NEW}\n",
        ),
    ],
)
def test_the_address_changes_and_every_other_byte_stays(tmp_path, text, new_text):
    assert readdressed(tmp_path, text) == new_text


@pytest.mark.parametrize(
    ("text", "new_text"),
    [
        (f"feeds:\n  - {OLD}\n", f"feeds:\n  - url: {NEW}\n    name: lamp\n"),
        (f"feeds: [{OLD}]\n", f"feeds: [{{url: {NEW}, name: lamp}}]\n"),
        (f"feeds:\n  - url: {OLD}\n", f"feeds:\n  - url: {NEW}\n    name: lamp\n"),
        (f"feeds:\n  - {{name: own, url: {OLD}}}\n", f"feeds:\n  - {{name: own, url: {NEW}}}\n"),
    ],
)
def test_a_feed_without_a_name_gets_the_name_that_keeps_its_posts(tmp_path, text, new_text):
    assert readdressed(tmp_path, text, name="lamp") == new_text


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("feeds:\n  - https://lamp.example/${PLACE:-old}\n", "https://lamp.example/${PLACE:-old}"),
        (f"feeds:\n  - &lamp {OLD}\nviews: []\n", "https://lamp.example/another"),
        (f"feeds:\n  - {OLD}\n  - {NEW}\n", OLD),
        (f"feeds:\n  - {OTHER}\n", OLD),
    ],
)
def test_what_only_a_person_can_change_is_left_to_a_person(tmp_path, text, old):
    assert readdressed(tmp_path, text, old=old) is None


def test_several_feeds_in_several_files_come_in_one_patch(tmp_path):
    path, lists = tmp_path / "config.yaml", tmp_path / "lists"
    lists.mkdir()
    path.write_text(f"include: [lists/*.yaml]\nfeeds:\n  - {OLD}\n  # end\n")
    (lists / "sea.yaml").write_text("- https://sea.example/1  # one\n- https://sea.example/2\n")
    addresses = [
        NewAddress("https://sea.example/2", "https://sea.example/two"),
        NewAddress(OLD, NEW),
        NewAddress("https://sea.example/1", "https://sea.example/one"),
    ]

    files, by_hand = with_new_addresses(path, addresses)
    patch = patch_of(files, tmp_path)

    assert by_hand == []
    assert {"--- a/config.yaml", "+++ b/lists/sea.yaml"} <= set(patch.splitlines())
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert path.read_text() == f"include: [lists/*.yaml]\nfeeds:\n  - {NEW}\n  # end\n"
    assert (lists / "sea.yaml").read_text() == (
        "- https://sea.example/one  # one\n- https://sea.example/two\n"
    )
