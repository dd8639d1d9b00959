"""Faces: pictures beside config.yaml that stand for feeds in place of a letter."""

from io import BytesIO

import pytest
from PIL import Image

from aggregator.cli import static_site
from aggregator.model import FeedHead
from aggregator.pictures import logo_icons
from tests import drawn
from tests.configured import parsed, problems
from tests.hostile_pictures import picture
from tests.web_fixtures import Site, entry, post_path

FACE = drawn.png(120, 90)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "ada.png").write_bytes(FACE)
    feeds = [
        {"url": "https://lamp.example/feed.xml", "picture": "faces/ada.png"},
        {"name": "tide", "url": "https://tide.example/rss"},
    ]
    site = Site(tmp_path, feeds)
    site.subscribe()
    site.record("lamp-example", entry(1), head=FeedHead(title="Lamp"))  # its name from now on
    site.record("tide", entry(2, guid="tide"))
    yield site
    site.engine.dispose()


@pytest.mark.slow
def test_a_face_stands_in_place_of_the_letter_wherever_its_feed_is_named(site):
    places = {"/": 18, "/source/lamp": 44, "/sources": 18, "/status": 18}
    for path, size in (places | {post_path(site, "Post 1"): 18}).items():
        faces = site.page(path).all("img", "tile")
        assert faces, path
        assert {face.get("alt") for face in faces} == {""}
        assert faces[0].get("width") == faces[0].get("height") == str(size)
        answer = site.client.get(faces[0].get("src"))
        assert answer.content_type == "image/webp"
        assert Image.open(BytesIO(answer.data)).size == (88, 88)
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_picture_of_sixteen_bits_keeps_its_shades():
    bright = Image.new("I;16", (88, 88), 0x8000)
    for x in range(44):
        bright.putpixel((x, 0), 0xFFFF)
    file = BytesIO()
    bright.save(file, "PNG")

    face = Image.open(BytesIO(logo_icons.face_icon(file.getvalue()))).convert("L")

    assert 120 <= face.getpixel((44, 60)) <= 136


def test_a_feed_without_a_face_keeps_its_letter(site):
    page = site.page("/source/tide")

    assert page.all("img", "tile") == []
    assert page.all("span", "tile")


def test_an_export_has_the_faces(site):
    files = static_site.files(site.config, site.engine, frozenset({"html"}))

    assert site.config.faces["https://lamp.example/feed.xml"].data in {file.data for file in files}


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ("ada.png", 'there is no file "ada.png" beside config.yaml'),
        ("../ada.png", "leaves the folder of config.yaml"),
        ("text.png", "is not a whole picture"),
        ("half.png", '"half.png" is a damaged picture; save it anew'),
        ("large.png", "is larger than 100 kB"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(tmp_path, picture, said):
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "half.png").write_bytes(FACE[:50] + FACE[55:])
    (tmp_path / "large.png").write_bytes(bytes(100_001))
    text = f"feeds:\n  - {{url: https://a.example/, picture: {picture}}}\n"

    (problem,) = problems(text, path=tmp_path / "config.yaml")

    assert "config.yaml:2:40: feeds[0].picture: " in problem
    assert said in problem


def test_a_changed_face_is_noticed(tmp_path):
    (tmp_path / "ada.png").write_bytes(FACE)
    text = "feeds: [{url: https://a.example/, picture: ada.png}]"

    config = parsed(text, path=tmp_path / "config.yaml")

    assert tmp_path / "ada.png" in config.stamps
    (tmp_path / "ada.png").write_bytes(picture(44, 44))
    assert parsed(text, path=tmp_path / "config.yaml").faces != config.faces


def test_a_face_is_made_small_once_however_often_config_yaml_is_read(tmp_path, monkeypatch):
    opened = []
    upright = logo_icons._upright
    monkeypatch.setattr(logo_icons, "_upright", lambda data: opened.append(data) or upright(data))
    text = "feeds: [{url: https://a.example/, picture: face.png}]"
    pictures = [drawn.png(31, 17), drawn.png(31, 17), drawn.png(17, 31)]

    faces = []
    for data in pictures:
        (tmp_path / "face.png").write_bytes(data)
        faces += parsed(text, path=tmp_path / "config.yaml").faces.values()

    assert opened == pictures[1:]
    assert faces[0] == faces[1]
