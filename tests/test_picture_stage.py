"""Pictures of stored entries: fetched once, made small, stored as files, forgotten."""

import asyncio
import base64
import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from html import escape
from io import BytesIO

import pytest
from PIL import Image

from aggregator.config import load
from aggregator.database.pictures import write_choices
from aggregator.model import Enclosure, PictureMode, Subscription
from aggregator.pictures.picture_choice import ChosenPicture
from aggregator.poll.picture_fetcher import PictureFetcher
from tests.feedserver import FeedServer
from tests.hostile_pictures import picture
from tests.pollers import new_scheduler
from tests.running import command, write_config
from tests.stored import statements
from tests.test_scheduler import stopped, until
from tests.worlds import NOW, entry, record, sqlite_database, subscribe

HOUR = timedelta(hours=1)


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


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


def test_a_site_that_has_to_wait_for_its_turn_holds_up_no_other_site(blog, monkeypatch):
    monkeypatch.setattr("aggregator.poll.picture_stage.AT_ONCE", 1)
    fetch, addresses = PictureFetcher.fetch, []

    def noted(fetcher, due):
        addresses.append(due.url)
        return fetch(fetcher, due)

    monkeypatch.setattr(PictureFetcher, "fetch", noted)
    allowed = replace(blog.settings.fetch, allow=("127.0.0.0/8",))
    pictures = replace(blog.settings.pictures, fetch=allowed)
    blog.settings = replace(blog.settings, pictures=pictures, host_delay=timedelta(seconds=0.5))
    with FeedServer("127.0.0.2") as other:
        urls = [blog.server.url("/a.png"), blog.server.url("/b.png"), other.url("/c.png")]
        blog.store(
            *(entry(n, content_html=f'<img src="{url}">') for n, url in enumerate(urls, start=1))
        )
        blog.fetch()

    assert addresses == [urls[0], urls[2], urls[1]]


def test_a_small_picture_in_many_posts_costs_few_statements(blog):
    blog.server.put("/seal.png", picture(88, 31))
    blog.store(*(blog.entry(number, "/seal.png", f"/{number}.png") for number in range(20)))
    blog.fetch()
    ids = blog.ids()

    with statements(blog.database) as seen, blog.database.begin() as connection:
        write_choices.make_next_due(connection, ids, NOW)

    assert len(blog.paths()) == 21
    assert len(seen) < 5


def test_with_all_pictures_those_of_the_text_are_fetched_too(blog):
    blog.subscribe(PictureMode.ALL)
    for path in ("/a.png", "/b.png"):
        blog.server.put(path, picture())

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


def test_a_picture_that_was_fetched_before_a_stop_is_stored(blog):
    blog.server.put("/a.png", picture())
    blog.store(blog.entry(1, "/a.png"))

    blog.fetch(is_stopping=lambda: bool(blog.folder.exists() and blog.files()))

    assert None not in blog.leads()


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_site_that_refuses_a_picture_is_polled_all_the_same(server, tmp_path, caplog):
    server.put("/a.png", status=429, headers={"Retry-After": "7200"})
    server.put("/feed", rss_with([server.url("/a.png")]))
    poll = "{host_delay: 0s, workers: 1, interval: 1s}"
    config = load(write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}", poll=poll))
    engine = sqlite_database(tmp_path)
    subscribe(engine, *config.feeds)

    async def meanwhile() -> None:
        await until(lambda: server.requests_to("/a.png"))
        count = len(server.requests_to("/feed"))
        await until(lambda: len(server.requests_to("/feed")) > count)

    asyncio.run(stopped(new_scheduler(config, engine), meanwhile()))
    engine.dispose()

    assert len(server.requests_to("/a.png")) == 1


@pytest.mark.slow
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


@pytest.mark.slow
def test_another_limit_of_all_files_holds_as_soon_as_config_yaml_is_saved(
    server, tmp_path, monkeypatch
):
    for interval in ("_RELOAD", "_PICTURES"):
        monkeypatch.setattr(f"aggregator.scheduler.service.{interval}", 0.1)
    names = [f"/{number}.png" for number in range(3)]
    for name in names:
        noise = Image.effect_noise((1000, 1000), 90)
        file = BytesIO()
        noise.save(file, "JPEG", quality=80)
        server.put(name, file.getvalue())
    server.put("/feed", rss_with([server.url(name) for name in names]))
    config = load(write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}"))
    engine = sqlite_database(tmp_path)
    subscribe(engine, *config.feeds)

    def has_pictures(count: int) -> bool:
        return len(list((tmp_path / "pictures").rglob("*.webp"))) == 2 * count

    async def meanwhile() -> None:
        await until(lambda: has_pictures(3))
        page = "{pictures: lead, pictures_size: 1MB}"
        write_config(tmp_path, [server.url("/feed")], page=page)
        await until(lambda: has_pictures(1))
        write_config(tmp_path, [server.url("/feed")], page="{pictures: lead}")
        await until(lambda: has_pictures(3))

    asyncio.run(stopped(new_scheduler(config, engine), meanwhile()))
    engine.dispose()


@pytest.mark.slow
def test_without_pictures_pillow_is_never_loaded():
    program = "import sys, aggregator.cli, aggregator.scheduler, web; print('PIL' in sys.modules)"

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert run.stdout == "False\n", run.stderr
