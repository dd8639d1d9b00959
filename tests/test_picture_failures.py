"""Pictures that can't be had: refused, tried again, given up, and what the log says."""

import errno
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.errors import NoWorkerError
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll.picture_fetcher import MAX_SIZE
from tests.feedserver import FeedServer
from tests.hostile_pictures import DAMAGED, HUGE, NOT_PICTURES, picture
from tests.pictured import SetClock
from tests.pollers import _SameWorkers
from tests.selection import slow_but
from tests.worlds import NOW, entry

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("name", ["an SVG behind the start of a PNG", "a web page", "zeros"])
def test_what_is_not_a_picture_is_asked_for_once_and_never_reaches_the_folder(blog, name):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", NOT_PICTURES[name])

    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()
    blog.clock.advance(48 * HOUR)
    blog.fetch()

    assert blog.leads() == [None]
    assert blog.files() == []
    assert blog.paths() == ["/a.png"]


@pytest.mark.parametrize("name", slow_but(["half a JPEG"], [*DAMAGED, *HUGE]))
def test_a_hostile_picture_never_reaches_the_folder(blog, name):
    blog.server.put("/a.png", (DAMAGED | HUGE)[name]())
    blog.server.put("/b.png", picture())

    blog.store(blog.entry(1, "/a.png", "/b.png"))
    blog.fetch()

    assert len(blog.failures()) == 1
    assert len(blog.files()) == 2
    assert None not in blog.leads()


def test_a_picture_of_more_than_5_mb_is_not_read_to_its_end(blog):
    blog.server.put("/a.png", picture() + bytes(MAX_SIZE))

    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()

    assert blog.failures() == ["too large (limit 5 MB)"]


def test_a_picture_at_a_private_address_is_refused(blog):
    """An entry's text comes from anywhere: it must not make this machine ask its neighbours."""
    with FeedServer("127.0.0.2") as neighbour:
        neighbour.put("/a.png", picture())
        blog.store(entry(1, content_html=f'<img src="{neighbour.url("/a.png")}">'))
        blog.fetch()

        assert neighbour.requests == []
    assert "private address" in blog.failures()[0]


def test_a_failure_is_tried_again_later_and_given_up_in_the_end(blog):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", status=500)
    blog.store(blog.entry(1, "/a.png"))

    for _ in range(10):
        blog.fetch()
        blog.clock.advance(25 * HOUR)

    assert len(blog.paths()) == 5
    assert blog.rows("SELECT attempts FROM pictures WHERE next_at IS NULL") == [5]


def test_a_picture_that_is_not_there_yet_is_asked_for_again_while_its_post_is_young(blog):
    blog.clock = SetClock(NOW)
    blog.store(blog.entry(1, "/a.png"))

    blog.fetch()
    blog.clock.advance(HOUR)
    blog.fetch()
    assert blog.leads() == [None]

    blog.server.put("/a.png", picture())
    blog.clock.advance(2 * HOUR)
    blog.fetch()
    assert None not in blog.leads()
    assert len(blog.paths()) == 3


@pytest.mark.slow
def test_a_picture_that_never_comes_is_asked_for_a_few_times(blog):
    blog.clock = SetClock(NOW)
    blog.store(blog.entry(1, "/a.png"))

    for _ in range(100):
        blog.fetch()
        blog.clock.advance(HOUR)

    assert len(blog.paths()) == 5


@pytest.mark.parametrize(
    ("status", "age"), [(404, timedelta(days=3)), (403, timedelta(0)), (410, timedelta(0))]
)
def test_a_refused_picture_and_one_of_an_old_post_are_asked_for_once(blog, status, age):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", status=status)
    blog.store(blog.entry(1, "/a.png", published_at=NOW - age))

    blog.fetch()
    blog.clock.advance(48 * HOUR)
    blog.fetch()

    assert len(blog.paths()) == 1


def test_a_server_that_wants_to_be_left_alone_is(blog):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", status=429, headers={"Retry-After": "7200"})
    blog.store(blog.entry(1, "/a.png"))

    blog.fetch()
    blog.clock.advance(HOUR)
    blog.fetch()
    assert len(blog.paths()) == 1

    blog.server.put("/a.png", picture())
    blog.clock.advance(2 * HOUR)
    blog.fetch()
    assert None not in blog.leads()


@pytest.mark.parametrize("headers", [{"Retry-After": "7200"}, {}])
def test_a_site_that_refuses_a_picture_is_asked_for_no_other_picture(blog, headers):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", status=429, headers=headers)
    blog.server.put("/b.png", picture())
    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/b.png"))

    blog.fetch()
    assert blog.paths() == ["/a.png"]

    blog.server.put("/a.png", picture())
    blog.clock.advance(3 * HOUR)
    blog.fetch()
    assert None not in blog.leads()


def test_of_a_redirect_the_site_that_refuses_is_left_alone(blog):
    blog.clock = SetClock(NOW)
    fetch = replace(blog.settings.fetch, allow=("127.0.0.0/8",))
    assert blog.settings.pictures is not None
    blog.settings = replace(blog.settings, pictures=replace(blog.settings.pictures, fetch=fetch))
    with FeedServer("127.0.0.2") as refusing:
        refusing.put("/a.png", status=429, headers={"Retry-After": "7200"})
        blog.server.redirect("/a.png", refusing.url("/a.png"))
        blog.server.redirect("/b.png", refusing.url("/b.png"))
        blog.server.put("/c.png", picture())
        blog.store(*(blog.entry(n, f"/{name}.png") for n, name in enumerate("abc")))
        blog.fetch()

        assert [request.path for request in refusing.requests] == ["/a.png"]
    assert [lead is not None for lead in blog.leads()] == [False, False, True]


def test_a_picture_that_was_claimed_by_a_killed_process_is_fetched_later(blog):
    blog.clock = SetClock(NOW)
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()
    with blog.database.begin() as connection:  # as after a claim without an outcome
        connection.exec_driver_sql(
            "UPDATE pictures SET file_key = NULL, next_at = "
            f"{int((NOW + timedelta(minutes=5)).timestamp() * 1e6)}"
        )

    blog.fetch()
    assert blog.leads() == [None]
    blog.clock.advance(HOUR)
    blog.fetch()

    assert None not in blog.leads()


def test_a_fault_of_the_program_costs_one_picture(blog, monkeypatch, caplog):
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture())
    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/b.png"))
    store, calls = PictureFiles.store, []

    def fail_once(files, *contents):
        calls.append(contents)
        if len(calls) == 1:
            raise RuntimeError("a fault")
        return store(files, *contents)

    monkeypatch.setattr(PictureFiles, "store", fail_once)
    blog.fetch()

    assert [lead is not None for lead in blog.leads()] == [False, True]
    assert blog.failures() == ["could not be fetched; the log says why"]
    assert "a fault" in caplog.text


def test_a_full_disk_is_said_and_the_picture_fetched_again_later(blog, monkeypatch, caplog):
    blog.clock = SetClock(NOW)
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture())
    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/b.png"))

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PictureFiles, "store", refuse)
        blog.fetch()
    assert caplog.text.count("No space left on device") == 1
    assert blog.rows("SELECT attempts FROM pictures") == [0, 0]
    assert blog.paths() == ["/a.png"]  # a picture without room is not asked for

    blog.clock.advance(HOUR)
    blog.fetch()
    assert None not in blog.leads()


def test_a_machine_that_can_start_no_process_says_so_once_and_fetches_pictures_later(
    blog, monkeypatch, caplog
):
    blog.clock = SetClock(NOW)
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture())
    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/b.png"))

    async def refuse(*_, **__):
        raise NoWorkerError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(_SameWorkers, "run", refuse)
        blog.fetch()
    assert [record.getMessage() for record in caplog.records] == ["pictures: no room"]
    assert blog.rows("SELECT attempts FROM pictures") == [0, 0]

    blog.clock.advance(HOUR)
    blog.fetch()
    assert None not in blog.leads()
