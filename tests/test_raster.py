"""Pictures made small in a worker process: what good ones become, and what hostile ones cost."""

import asyncio
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from aggregator.errors import ParseError
from aggregator.pictures.picture_sizes import PictureSize, list_cut, may_lead, post_size
from aggregator.pictures.raster import MAX_MEMORY, SmallPicture, shrink
from aggregator.runtime.worker_loop import own_memory
from aggregator.runtime.worker_pool import Workers
from tests.hostile_pictures import (
    DAMAGED,
    FORMATS,
    HUGE,
    NOT_PICTURES,
    gif_of_frames,
    jpeg_of_scans,
    picture,
    png,
    zeros,
)
from tests.selection import slow_after, slow_but

URL = "https://example.org/a.png"
LIGHT, DARK = (240, 220, 180), (10, 20, 30)
FAST = ("half a PNG", "half a JPEG", "half a WEBP", "the start of a GIF", "a PNG of 159 MB")


@pytest.fixture(scope="module")
def workers():
    pool = Workers(1, max_memory=MAX_MEMORY)
    yield pool
    pool.stop()


def opened(webp: bytes) -> Image.Image:
    image = Image.open(BytesIO(webp))
    assert image.format == "WEBP"
    image.load()
    return image


def is_near(pixel: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(pixel[:3], colour, strict=True)) < 12


def in_worker(workers: Workers, body: bytes) -> SmallPicture:
    return asyncio.run(workers.run(URL, shrink, body, URL))


@pytest.mark.slow
def test_a_large_picture_becomes_webp_in_two_sizes():
    small = shrink(picture(2400, 1800, "JPEG"), URL)

    assert (small.width, small.height) == (1600, 1200)
    assert opened(small.for_post).size == (1600, 1200)
    assert opened(small.for_list).size == (224, 168)


@pytest.mark.parametrize("file_format", FORMATS)
def test_pictures_of_five_formats_are_read(file_format):
    small = shrink(picture(480, 360, file_format), URL)

    for_post, for_list = opened(small.for_post), opened(small.for_list)
    assert for_post.size == (480, 360)
    assert for_list.size == (224, 168)
    for image in (for_post, for_list):
        assert is_near(image.convert("RGB").getpixel((5, 5)), DARK)
        assert is_near(image.convert("RGB").getpixel((image.width - 5, 5)), LIGHT)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_pixels_of_any_kind_are_read(mode):
    file_format = "JPEG" if mode == "CMYK" else "PNG"
    body = picture(300, 200, file_format, mode if mode != "I;16" else "L")
    if mode == "I;16":
        file = BytesIO()
        Image.new("I;16", (300, 200), 60_000).save(file, "PNG")
        body = file.getvalue()

    image = opened(shrink(body, URL).for_post).convert("RGB")

    assert image.size == (300, 200)
    assert min(image.getpixel((290, 190))) > 150


def test_a_picture_is_never_made_larger():
    small = shrink(picture(120, 90), URL)

    assert opened(small.for_post).size == opened(small.for_list).size == (120, 90)


def test_what_is_transparent_stays_transparent():
    file = BytesIO()
    Image.new("RGBA", (200, 100), (255, 0, 0, 0)).save(file, "PNG")

    small = shrink(file.getvalue(), URL)

    assert opened(small.for_post).getpixel((100, 50))[3] == 0
    assert opened(small.for_list).getpixel((100, 50))[3] == 0


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_picture_that_lies_on_its_side_is_turned_upright(file_format):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it to the right

    small = shrink(picture(600, 300, file_format, exif=exif), URL)

    image = opened(small.for_post).convert("RGB")
    assert image.size == (small.width, small.height) == (300, 600)
    assert is_near(image.getpixel((image.width - 5, 5)), DARK)
    assert is_near(image.getpixel((5, 5)), LIGHT)


def test_unreadable_metadata_cost_no_picture():
    body = picture(300, 200, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(40))

    assert shrink(body, URL).width == 300


def test_nothing_but_pixels_is_stored():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = picture(300, 200, "JPEG", exif=exif, icc_profile=profile, comment=b"secret place")
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.html", "<script>alert(1)</script>")

    small = shrink(body + archive.getvalue(), URL)

    for webp in (small.for_post, small.for_list):
        assert not any(text in webp for text in (b"home", b"secret", b"script", b"PK", b"ICCP"))
        assert opened(webp).info.get("exif") is None


def test_colours_of_another_space_are_those_of_the_web():
    """As in photos of telephones: the same numbers mean stronger colours there."""
    lab = ImageCms.createProfile("LAB")
    body = picture(300, 200, "JPEG", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())

    assert shrink(body, URL).width == 300  # a profile that does not fit costs nothing


def test_of_an_animation_the_first_frame_is_read():
    small = shrink(gif_of_frames(10_000, 640, 480), URL)

    assert opened(small.for_post).size == (640, 480)
    assert not getattr(opened(small.for_post), "is_animated", False)


@pytest.mark.parametrize("name", slow_after(4, NOT_PICTURES))
def test_what_is_not_a_picture_by_its_bytes_is_refused(name):
    with pytest.raises(ParseError, match=r"not a PNG|damaged|one or two pixels"):
        shrink(NOT_PICTURES[name], URL)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 1)])
def test_a_tracking_pixel_is_refused(size):
    with pytest.raises(ParseError, match="one or two pixels"):
        shrink(picture(*size), URL)


@pytest.mark.parametrize("name", slow_after(3, HUGE))
def test_a_picture_of_more_than_40_megapixels_is_refused_by_its_header(name):
    body = HUGE[name]()
    before = own_memory()

    with pytest.raises(ParseError, match="more than 40 megapixels"):
        shrink(body, URL)

    assert own_memory() - before < 2_000_000


def peak() -> int:
    """Return the most memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.slow
def test_a_whole_picture_that_takes_too_much_memory_is_not_called_damaged(workers):
    whole = png(6300, 6300, zeros(6300 * 6301 * 4))

    with pytest.raises(ParseError, match="it takes too much memory"):
        in_worker(workers, whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(FAST, DAMAGED))
def test_a_hostile_picture_costs_its_own_request_and_little_memory(workers, name):
    in_worker(workers, picture())
    before = asyncio.run(workers.run(URL, own_memory))

    with pytest.raises(ParseError, match=r"damaged|too much memory|died"):
        in_worker(workers, DAMAGED[name]())

    assert in_worker(workers, picture()).width == 640
    assert asyncio.run(workers.run(URL, peak)) < before + 150_000_000


@pytest.mark.slow
def test_scans_without_end_meet_the_deadline(workers, monkeypatch):
    monkeypatch.setattr("aggregator.runtime.worker_pool.TASK_TIMEOUT", 1)

    with pytest.raises(ParseError, match="could not be read in 1s"):
        in_worker(workers, jpeg_of_scans(20_000))

    monkeypatch.undo()
    assert in_worker(workers, picture()).width == 640


@pytest.mark.parametrize(
    ("original", "post", "listed"),
    [
        ((4000, 3000), (1600, 1200), (224, 168)),
        ((3000, 4000), (1600, 2133), (224, 168)),  # the upper part of a portrait
        ((800, 12_000), (632, 9487), (224, 168)),  # a comic
        ((3000, 300), (1600, 160), (224, 112)),  # the middle of a panorama
        ((200, 150), (200, 150), (200, 150)),
        ((5, 30_000), (3, 16_383), (3, 2)),
    ],
)
def test_sizes_for_posts_and_lists(original, post, listed):
    size = post_size(PictureSize(*original))

    assert size == post
    assert list_cut(size).size == listed


def test_of_a_high_picture_the_list_shows_a_part_above_the_middle():
    assert list_cut(PictureSize(600, 1200)).box == (0, 250, 600, 700)


@pytest.mark.parametrize(
    ("size", "leads"),
    [((640, 480), True), ((100, 60), True), ((99, 99), False), ((728, 40), False)],
)
def test_an_icon_or_a_line_does_not_lead(size, leads):
    assert may_lead(PictureSize(*size)) is leads
