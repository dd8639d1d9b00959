"""docs/coming-from.md: what `import` prints for the lists of other programs, and makes of them."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.document_blocks import blocks
from tests.running import command

PAGE = "docs/coming-from.md"
LISTS = Path(__file__).parent / "data" / "opml"
PRINTED = dict(zip(("miniflux", "freshrss", "tt-rss"), blocks(PAGE, "text"), strict=True))
VENUS = """\
# Planet configuration file
[Planet]
name = Planet Harbour
link = https://planet.example/
[DEFAULT]
facewidth = 65
[https://harbour.example/feed.xml]
name = Harbour & Notes
face = harbour.png
[http://lamps.example/rss?a=1&b=2]
name = Lamps, 100 % light
"""
PLUTO = """\
title = Planet Harbour

[harbour]
  title = Harbour & Notes
  link  = https://harbour.example
  feed  = https://harbour.example/feed.xml

[lamps]
  title = Lamps, 100 % light
  feed  = http://lamps.example/rss?a=1&b=2
"""


def imported(folder: Path, outlines: bytes) -> str:
    """Run the first two commands of the page on a list; return what `import` prints."""
    lines = blocks(PAGE, "sh")[0].splitlines()
    assert lines[1:] == ["aggregator import list.opml", "aggregator run"]
    (folder / "list.opml").write_bytes(outlines)
    subprocess.run(lines[0], cwd=folder, shell=True, check=True)
    done = command(folder, "import", "list.opml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fine" in command(folder, "check").stdout
    return done.stdout


@pytest.mark.parametrize("program", PRINTED)
def test_import_says_what_it_takes_of_a_list_and_what_not(tmp_path, program):
    assert imported(tmp_path, (LISTS / f"{program}.opml").read_bytes()) == PRINTED[program]


@pytest.mark.parametrize("text", [VENUS, PLUTO], ids=["venus", "pluto"])
def test_the_configuration_of_a_planet_becomes_a_list(tmp_path, text):
    (script,) = blocks(PAGE, "python")
    (tmp_path / "ini2opml.py").write_text(script, "utf-8")
    (tmp_path / "config.ini").write_text(text, "utf-8")
    assert blocks(PAGE, "sh")[1] == "python3 ini2opml.py config.ini > list.opml\n"

    outlines = subprocess.run(
        [sys.executable, "ini2opml.py", "config.ini"], cwd=tmp_path, capture_output=True, check=True
    ).stdout

    assert imported(tmp_path, outlines).endswith("2 added, 0 already subscribed\n")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text("utf-8"))["feeds"] == [
        {"url": "https://harbour.example/feed.xml", "title": "Harbour & Notes"},
        {"url": "http://lamps.example/rss?a=1&b=2", "title": "Lamps, 100 % light"},
    ]
