"""Pictures of stored entries: fetched once, made small, stored as files, forgotten."""

import asyncio
import base64
import errno
import logging
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest

from aggregator.config import load
from aggregator.database import DatabaseWriter
from aggregator.database.entries import write_retention
from aggregator.database.pictures import write_choices
from aggregator.errors import NoWorkerError
from aggregator.model import Enclosure, PictureMode, Subscription
from aggregator.pictures.picture_choice import ChosenPicture
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll.picture_fetcher import MAX_SIZE
from aggregator.poll.picture_stage import forget_pictures
from tests.feedserver import FeedServer
from tests.hostile_pictures import DAMAGED, HUGE, NOT_PICTURES, picture
from tests.pictured import Pictured, SetClock
from tests.pollers import _SameWorkers, new_scheduler
from tests.running import command, write_config
from tests.selection import slow_but
from tests.test_scheduler import stopped, until
from tests.worlds import NOW, entry, record, sqlite_database, subscribe

HOUR = timedelta(hours=1)


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


@pytest.fixture
def blog(database, server, tmp_path, monkeypatch):
    monkeypatch.setattr("aggregator.poll.picture_fetcher.Workers", lambda *_, **__: _SameWorkers())
    return Pictured(database, server, tmp_path, PictureMode.LEAD)


def test_the_picture_that_leads_an_entry_is_fetched_after_the_entry_is_stored(blog):
    blog.server.put("/a.png", picture(2000, 1500))

    blog.store(blog.entry(1, "/a.png", "/b.png"))
    assert blog.leads() == [None]
    blog.fetch()

    (lead,) = blog.leads()
    assert (lead.width, lead.height) == (1600, 1200)
    assert blog.paths() == ["/a.png"]
    (request,) = blog.server.requests
    assert request.headers["accept"].startswith("image/")
    assert [path.name for path in blog.files()] == [f"{lead.key}-list.webp", f"{lead.key}.webp"]


def test_each_address_is_asked_for_once(blog):
    blog.server.put("/a.png", picture())

    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/a.png"))
    blog.fetch()
    blog.store(blog.entry(3, "/a.png"), now=NOW + HOUR)
    blog.fetch()

    assert blog.paths() == ["/a.png"]
    assert None not in blog.leads()


def test_where_the_first_picture_is_no_lead_the_next_one_is_fetched(blog):
    blog.server.put("/icon.png", picture(32, 32))
    blog.server.put("/page.png", b"<!doctype html>")
    blog.server.put("/photo.png", picture(640, 480))

    blog.store(blog.entry(1, "/icon.png", "/page.png", "/photo.png"))
    blog.fetch()

    assert blog.paths() == ["/icon.png", "/page.png", "/photo.png"]
    assert [lead.width for lead in blog.leads()] == [640]


def test_with_all_pictures_those_of_the_text_are_fetched_too(database, server, tmp_path, blog):
    blog.subscribe(PictureMode.ALL)
    for path in ("/a.png", "/b.png"):
        server.put(path, picture())

    blog.store(blog.entry(1, "/a.png", "/b.png", "/c.png"))
    blog.fetch()

    assert sorted(blog.paths()) == ["/a.png", "/b.png", "/c.png"]
    assert len(blog.rows("SELECT id FROM pictures WHERE file_key IS NOT NULL")) == 2


def test_without_pictures_nothing_is_noted_and_nothing_is_asked_for(blog):
    blog.subscribe(PictureMode.OFF)

    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()

    assert blog.rows("SELECT entry_id FROM unchosen_pictures") == blog.paths() == []
    assert not blog.folder.exists()


def test_pictures_of_stored_entries_are_fetched_when_they_are_turned_on(blog):
    blog.server.put("/a.png", picture())
    blog.subscribe(PictureMode.OFF)
    blog.store(blog.entry(1, "/a.png"))

    blog.subscribe(PictureMode.LEAD)
    blog.fetch()
    assert None not in blog.leads()

    blog.subscribe(PictureMode.OFF)
    assert blog.leads() == [None]


def test_pictures_of_all_feeds_are_fetched_when_they_are_turned_on_for_several(blog, monkeypatch):
    monkeypatch.setattr("aggregator.poll.picture_stage._CHOSEN_AT_ONCE", 2)
    feeds = [
        Subscription(name, blog.server.url(f"/{name}"), name_given=True) for name in ("a", "b", "c")
    ]
    subscribe(blog.database, *feeds)
    for feed in feeds:
        blog.server.put(f"/{feed.name}.png", picture())
        texts_alone = [entry(number) for number in range(3)]
        record(blog.database, feed.name, [*texts_alone, blog.entry(9, f"/{feed.name}.png")])

    subscribe(blog.database, *(replace(feed, pictures=PictureMode.LEAD) for feed in feeds))
    blog.fetch()

    assert sorted(blog.paths()) == ["/a.png", "/b.png", "/c.png"]


def test_pictures_that_are_turned_off_are_not_fetched_any_more(blog):
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))
    with blog.database.begin() as connection:
        (entry,) = write_choices.unchosen_entries(connection, 10)
        write_choices.store_choice(
            connection, entry, [ChosenPicture("https://a.example/", True)], NOW
        )

    blog.subscribe(PictureMode.OFF)
    blog.fetch()

    assert blog.paths() == []
    assert blog.rows("SELECT attempts FROM pictures") == [0]


def test_a_new_version_of_an_entry_has_its_own_picture(blog):
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture(640 if path == "/a.png" else 320, 240))
    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()

    blog.store(blog.entry(1, "/b.png"), now=NOW + HOUR)
    blog.fetch()

    assert [lead.width for lead in blog.leads()] == [320]


def test_only_the_newest_entries_of_a_feed_get_pictures(blog, monkeypatch):
    monkeypatch.setattr(write_choices, "ENTRIES_PER_FEED", 2)
    for number in range(4):
        blog.server.put(f"/{number}.png", picture())

    blog.store(*(blog.entry(number, f"/{number}.png") for number in range(4)))
    blog.fetch()

    assert sorted(blog.paths()) == ["/0.png", "/1.png"]


def test_a_picture_within_the_text_needs_no_request(blog):
    url = "data:image/png;base64," + base64.b64encode(picture(320, 240)).decode()

    blog.store(entry(1, content_html=f'<img src="{url}">'))
    blog.fetch()

    assert [lead.width for lead in blog.leads()] == [320]
    assert blog.rows("SELECT url FROM pictures") == [""]
    assert blog.paths() == []


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


def test_a_picture_that_is_not_there_is_not_asked_for_again(blog):
    blog.clock = SetClock(NOW)
    blog.store(blog.entry(1, "/a.png"))

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


def forget(blog: Pictured) -> None:
    async def work() -> None:
        writer = DatabaseWriter(blog.database)
        pictures = blog.settings.pictures
        await forget_pictures(
            writer.transact, PictureFiles(blog.folder), max_stored=pictures.max_stored
        )
        writer.stop()

    asyncio.run(work())


def test_a_picture_that_was_fetched_before_a_stop_is_stored(blog):
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))

    blog.fetch(is_stopping=lambda: bool(blog.folder.exists() and blog.files()))

    assert None not in blog.leads()


def test_pictures_go_with_the_last_entry_that_has_them(blog):
    blog.server.put("/a.png", picture(640, 480))
    blog.server.put("/b.png", picture(320, 240))
    blog.store(blog.entry(1, "/a.png"), blog.entry(2, "/a.png"), blog.entry(5000, "/b.png"))
    blog.fetch()
    assert len(blog.files()) == 4

    with blog.database.begin() as connection:
        write_retention.delete_old(connection, before=NOW - HOUR, min_entries=0)
    forget(blog)

    assert len(blog.files()) == 2
    assert len(blog.rows("SELECT id FROM pictures")) == 1


def test_a_picture_that_an_entry_gets_while_another_process_deletes_unused_ones_stays(blog):
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()
    blog.subscribe(PictureMode.OFF)
    blog.subscribe(PictureMode.LEAD)

    with ThreadPoolExecutor(1) as thread:
        with blog.database.begin() as connection:
            (entry,) = write_choices.unchosen_entries(connection, 9)
            chosen = [ChosenPicture(blog.server.url("/a.png"), True)]
            write_choices.store_choice(connection, entry, chosen, NOW)
            forgetting = thread.submit(forget, blog)
            wait([forgetting], timeout=0.5)
        forgetting.result()

    assert None not in blog.leads()


def test_equal_pictures_of_two_addresses_share_their_files(blog):
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture())
    blog.store(blog.entry(1, "/a.png"), blog.entry(5000, "/b.png"))
    blog.fetch()
    assert len(blog.files()) == 2

    with blog.database.begin() as connection:
        write_retention.delete_old(connection, before=NOW - HOUR, min_entries=0)
    forget(blog)

    assert len(blog.files()) == 2
    assert None not in blog.leads()


def test_files_that_were_lost_are_fetched_again_and_strange_ones_deleted(blog, monkeypatch):
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))
    blog.fetch()
    for path in blog.files():
        path.unlink()
    strange = blog.folder / "ab" / f"ab{'0' * 18}.webp"
    strange.parent.mkdir(exist_ok=True)
    strange.write_bytes(b"a")
    foreign = blog.folder / "notes.txt"
    foreign.write_text("mine")

    forget(blog)
    assert strange.exists()  # another process may just be storing it
    monkeypatch.setattr("aggregator.pictures.picture_files._STALE", -1.0)
    forget(blog)
    blog.fetch()

    assert foreign in blog.files()
    assert strange not in blog.files()
    assert None not in blog.leads()


def test_a_picture_within_the_text_whose_files_were_lost_is_read_from_the_text_again(blog):
    url = "data:image/png;base64," + base64.b64encode(picture(320, 240)).decode()
    blog.store(entry(1, content_html=f'<img src="{url}">'))
    blog.fetch()
    for path in blog.files():
        path.unlink()

    forget(blog)
    assert blog.leads() == [None]
    blog.fetch()

    assert [lead.width for lead in blog.leads()] == [320]
    assert len(blog.files()) == 2


def test_the_pictures_of_the_oldest_entries_make_room(blog):
    for number in range(3):
        blog.server.put(f"/{number}.png", picture(640, 480 + number))
    blog.store(*(blog.entry(10 * number, f"/{number}.png") for number in range(3)))
    blog.fetch()
    sizes = blog.rows("SELECT size FROM pictures ORDER BY place")

    blog.limit(sum(sizes[1:]) + 10)
    blog.server.put("/3.png", picture(640, 500))
    blog.store(blog.entry(1, "/3.png"), now=NOW + HOUR)
    blog.fetch()

    assert [lead is not None for lead in blog.leads()] == [True, True, False, False]
    assert len(blog.files()) == 4
    assert "page.pictures_size" in blog.failures()[0]


def test_a_lower_limit_of_all_files_holds_without_a_new_picture(blog):
    for number in range(3):
        blog.server.put(f"/{number}.png", picture(640, 480 + number))
    blog.store(*(blog.entry(10 * number, f"/{number}.png") for number in range(3)))
    blog.fetch()

    blog.limit(blog.rows("SELECT size FROM pictures ORDER BY place DESC")[0] + 10)
    forget(blog)

    assert [lead is not None for lead in blog.leads()] == [True, False, False]
    assert len(blog.files()) == 2


def test_the_picture_of_an_enclosure_leads(blog):
    blog.server.put("/e.jpg", picture(file_format="JPEG"))
    enclosure = Enclosure(blog.server.url("/e.jpg"), "image/jpeg")

    blog.store(entry(1, enclosures=(enclosure,)))
    blog.fetch()

    assert None not in blog.leads()


def rss_with(pictures: list[str]) -> str:
    return rss_of(*(f'&lt;img src="{url}"&gt;' for url in pictures))


def rss_of(*descriptions: str) -> str:
    items = "".join(
        f"<item><guid>{number}</guid><title>Post {number}</title>"
        f"<description>{description}</description></item>"
        for number, description in enumerate(descriptions)
    )
    return f'<rss version="2.0"><channel><title>Blog</title>{items}</channel></rss>'


def test_a_single_poll_fetches_pictures_into_a_folder_beside_the_database(server, tmp_path):
    server.put("/feed", rss_with([server.url("/a.png"), server.url("/b.html")]))
    server.put("/a.png", picture())
    write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}")

    done = command(tmp_path, "poll")

    assert done.returncode == 0, done.stderr
    names = {path.parent.parent.name for path in tmp_path.rglob("*.webp")}
    assert names == {"pictures"}
    assert sorted(request.path for request in server.requests) == ["/a.png", "/b.html", "/feed"]


def test_explain_story_says_what_became_of_each_picture(server, tmp_path):
    server.put("/icon.png", picture(40, 40))
    server.put("/page.png", b"<!doctype html>")
    server.put("/photo.png", picture(640, 480))
    html = "".join(f'<img src="{server.url(path)}">' for path in ("/icon.png", "/page.png"))
    html += f'<img src="{server.url("/photo.png")}">'
    server.put("/feed", rss_of(escape(html)))
    write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}")
    command(tmp_path, "poll")
    with closing(sqlite3.connect(tmp_path / "aggregator.db")) as database:
        ((entry_id,),) = database.execute("SELECT id FROM entries").fetchall()

    lines = command(tmp_path, "explain-story", str(entry_id)).stdout.splitlines()

    assert [line.strip() for line in lines if "picture" in line] == [
        f"picture {server.url('/icon.png')}: stored, 40 x 40, too small for a list",
        f"picture {server.url('/page.png')}: not a PNG, JPEG, GIF, WebP or AVIF picture",
        f"picture {server.url('/photo.png')}: stored, 640 x 480",
    ]


def test_a_running_program_fetches_pictures_and_stops_quietly(server, tmp_path, caplog):
    server.put("/feed", rss_with([server.url("/a.png"), server.url("/slow.png")]))
    server.put("/a.png", picture())
    server.put("/slow.png", picture(), delay=60)
    config = load(write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}"))
    engine = sqlite_database(tmp_path)
    subscribe(engine, *config.feeds)
    stop = asyncio.Event()

    async def run() -> None:
        scheduler = asyncio.create_task(new_scheduler(config, engine).run(stop))
        async with asyncio.timeout(60):
            while len(list(tmp_path.rglob("*.webp"))) < 2 or len(server.requests) < 3:
                await asyncio.sleep(0.05)
            stop.set()
            await scheduler

    asyncio.run(run())
    engine.dispose()

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_pictures_stay_beside_the_database_in_use_until_a_restart(
    server, tmp_path, caplog, monkeypatch
):
    for interval in ("_RELOAD", "_PICTURES", "_RETENTION"):
        monkeypatch.setattr(f"aggregator.scheduler.service.{interval}", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    server.put("/feed", rss_with([server.url("/a.png")]))
    server.put("/other", rss_with([server.url("/b.png")]))
    server.put("/a.png", picture(640, 480))
    server.put("/b.png", picture(320, 240))
    config = load(write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}"))
    foreign = tmp_path / "moved" / "pictures" / "ab" / f"ab{'0' * 18}.webp"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"of another database")
    os.utime(foreign, (0, 0))
    engine = sqlite_database(tmp_path)
    subscribe(engine, *config.feeds)

    async def meanwhile() -> None:
        await until(lambda: len(list((tmp_path / "pictures").rglob("*.webp"))) == 2)
        write_config(
            tmp_path,
            [server.url("/feed"), server.url("/other")],
            page="{pictures: lead}",
            database="sqlite:///moved/aggregator.db",
        )
        await until(lambda: "`database` takes effect after a restart" in caplog.text)
        await until(lambda: len(list((tmp_path / "pictures").rglob("*.webp"))) == 4)
        await asyncio.sleep(0.3)

    asyncio.run(stopped(new_scheduler(config, engine), meanwhile()))
    engine.dispose()

    assert [path for path in (tmp_path / "moved").rglob("*") if path.is_file()] == [foreign]
    assert "files are missing" not in caplog.text


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


@pytest.mark.slow
def test_without_pictures_pillow_is_never_loaded():
    program = "import sys, aggregator.cli, aggregator.scheduler, web; print('PIL' in sys.modules)"

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert run.stdout == "False\n", run.stderr
