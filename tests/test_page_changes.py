"""Changes of the section `page`, and of its files, while the program runs."""

import os
import signal

import pytest

from tests import drawn
from tests.running import eventually, get, running, web_process, write_config

PAGE = "{description: First words, logo: logo.svg, css: look.css}"


def files(folder, **data):
    for name, content in data.items():
        ending = {"logo": "svg", "look": "css"}[name]
        (folder / f"{name}.{ending}").write_bytes(content)


def said(process, words):
    """Return the line of the log with `words`."""
    while words not in (line := process.stderr.readline()):
        assert line
    return line


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("run",), ("serve",)], ids=["run", "serve"])
def test_a_changed_file_is_on_the_pages_and_a_faulty_one_changes_nothing(tmp_path, arguments):
    files(tmp_path, logo=drawn.SVG, look=b"a{color:red}")
    path = write_config(tmp_path, [], page=PAGE)
    with running(tmp_path, *arguments) as (process, address):

        def has(place, words):
            return words in get(address + place)[2]

        def seen(words):
            return eventually(lambda: has("/sources", words))

        assert seen(b"First words")
        assert has("/static/look.css", b"red")

        files(tmp_path, look=b"a{color:blue}")
        eventually(lambda: has("/static/look.css", b"blue"))

        files(tmp_path, look=b"a{")
        assert "page.css: look.css:1:2: { is never closed" in said(process, "page.css")
        said(process, "still using the last valid version")
        assert has("/static/look.css", b"blue")

        path.write_text(path.read_text().replace("First", "Second").replace("look", "other"))
        said(process, 'page.css: there is no file "other.css" beside config.yaml')
        assert seen(b"First words")

        (tmp_path / "other.css").write_text("a{color:green}")  # config.yaml stays as it is
        assert seen(b"Second words")
        eventually(lambda: has("/static/look.css", b"green"))
        if arguments == ("run",):
            assert b"Second words" in get(address + "/feed.atom")[2]


@pytest.mark.slow
def test_pages_follow_another_time_zone_at_once_as_rules_do(tmp_path):
    path = write_config(tmp_path, [], timezone="UTC")
    with running(tmp_path) as (_process, address):
        eventually(lambda: b'data-zone="UTC"' in get(address + "/sources")[2])

        path.write_text(path.read_text().replace("UTC", "Asia/Tokyo"))

        assert eventually(lambda: b'data-zone="Asia/Tokyo"' in get(address + "/sources")[2])


@pytest.mark.slow
def test_the_page_about_the_crawler_follows_another_interval_at_once(tmp_path):
    path = write_config(tmp_path, [], poll="{interval: 45m}")
    with running(tmp_path) as (_process, address):
        eventually(lambda: b"every 45 minutes" in get(address + "/about/robot")[2])

        path.write_text(path.read_text().replace("45m", "50m"))

        assert eventually(lambda: b"every 50 minutes" in get(address + "/about/robot")[2])


@pytest.mark.slow
def test_a_web_process_that_is_started_again_has_the_changed_page(tmp_path):
    path = write_config(tmp_path, [], page="{description: First words}")
    with running(tmp_path) as (process, address):
        eventually(lambda: b"First words" in get(address + "/sources")[2])
        path.write_text(path.read_text().replace("First", "Second"))
        eventually(lambda: b"Second words" in get(address + "/sources")[2])

        web = web_process(process.pid)
        os.kill(web, signal.SIGKILL)

        said(process, "starting it again")
        assert eventually(lambda: b"Second words" in get(address + "/sources")[2])
