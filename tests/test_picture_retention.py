"""The files of pictures: how long they stay, what makes room for others, what comes again."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

from aggregator.database import DatabaseWriter
from aggregator.database.entries import write_retention
from aggregator.database.pictures import write_choices
from aggregator.model import PictureMode
from aggregator.pictures.picture_choice import ChosenPicture
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll.picture_stage import forget_pictures
from tests.hostile_pictures import picture
from tests.pictured import Pictured
from tests.worlds import NOW, entry

HOUR = timedelta(hours=1)


def forget(blog: Pictured) -> None:
    async def work() -> None:
        writer = DatabaseWriter(blog.database)
        pictures = blog.settings.pictures
        await forget_pictures(
            writer.transact, PictureFiles(blog.folder), max_stored=pictures.max_stored
        )
        writer.stop()

    asyncio.run(work())


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


def store_three(blog: Pictured) -> list[int]:
    """Store three entries with a picture each; return the sizes, the oldest first."""
    for number in range(3):
        blog.server.put(f"/{number}.png", picture(640, 480 + number))
    blog.store(*(blog.entry(10 * number, f"/{number}.png") for number in range(3)))
    blog.fetch()
    return blog.rows("SELECT size FROM pictures ORDER BY place")


def test_pictures_that_made_room_come_again_as_soon_as_there_is_room_the_newest_first(blog):
    oldest_size, *other_sizes = store_three(blog)
    blog.limit(0)
    forget(blog)
    assert blog.leads() == [None, None, None]

    blog.limit(oldest_size + sum(other_sizes) - 1)
    forget(blog)
    forget(blog)  # what is due has its room already
    blog.fetch()
    assert [lead is not None for lead in blog.leads()] == [True, True, False]

    blog.limit(oldest_size + sum(other_sizes))
    forget(blog)
    blog.fetch()
    assert None not in blog.leads()
    assert len(blog.files()) == 6
    assert blog.failures() == []
    assert sorted(blog.paths()) == ["/0.png", "/0.png", "/1.png", "/1.png", "/2.png", "/2.png"]


def test_a_picture_that_made_room_is_not_fetched_while_there_is_none(blog):
    store_three(blog)
    blog.limit(0)
    forget(blog)

    forget(blog)
    blog.fetch()

    assert len(blog.paths()) == 3


def test_a_picture_within_the_text_that_made_room_is_read_from_the_text_again(blog):
    url = "data:image/png;base64," + base64.b64encode(picture(320, 240)).decode()
    blog.store(entry(1, content_html=f'<img src="{url}">'))
    blog.fetch()
    limit = blog.settings.pictures.max_stored
    blog.limit(0)
    forget(blog)
    assert blog.leads() == [None]

    blog.limit(limit)
    forget(blog)
    blog.fetch()

    assert [lead.width for lead in blog.leads()] == [320]


def test_a_picture_that_made_room_comes_again_after_pictures_were_off(blog):
    store_three(blog)
    limit = blog.settings.pictures.max_stored
    blog.limit(0)
    forget(blog)

    blog.subscribe(PictureMode.OFF)
    blog.subscribe(PictureMode.LEAD)
    blog.limit(limit)
    blog.fetch()
    forget(blog)
    blog.fetch()

    assert None not in blog.leads()


def test_no_picture_is_asked_for_that_would_have_to_be_deleted_at_once(blog):
    for number in range(4):
        blog.server.put(f"/{number}.png", picture(640, 480 + number))
    blog.store(*(blog.entry(10 * number, f"/{number}.png") for number in range(4)))
    blog.limit(2500)  # a picture has a thousand

    blog.fetch()

    assert blog.paths() == ["/0.png", "/1.png"]
    assert [lead is not None for lead in blog.leads()] == [True, True, False, False]
    assert "page.pictures_size" in blog.failures()[0]


def test_a_new_post_has_its_picture_where_all_room_is_taken(blog):
    blog.server.put("/0.png", picture())
    blog.store(blog.entry(10, "/0.png"))
    blog.limit(1500)
    blog.fetch()

    blog.server.put("/1.png", picture(640, 500))
    blog.store(blog.entry(1, "/1.png"), now=NOW + HOUR)
    blog.fetch()

    assert [lead is not None for lead in blog.leads()] == [True, False]


def test_a_picture_that_made_room_returns_with_a_new_post(blog):
    for number in range(2):
        blog.server.put(f"/{number}.png", picture(640, 480 + number))
    blog.store(*(blog.entry(10 + 10 * number, f"/{number}.png") for number in range(2)))
    blog.limit(1500)
    blog.fetch()
    assert [lead is not None for lead in blog.leads()] == [True, False]

    blog.store(blog.entry(1, "/1.png"), now=NOW + HOUR)
    blog.fetch()

    assert [lead is not None for lead in blog.leads()] == [True, False, True]
