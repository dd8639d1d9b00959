"""Pictures of posts on pages, and at their own addresses."""

import gzip
import re
import shutil
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from PIL import Image
from sqlalchemy import select

from aggregator.cli import static_site
from aggregator.database.schema import entries
from aggregator.pictures.picture_files import PictureFiles
from tests.hostile_pictures import picture
from tests.pictured import add_picture
from tests.stored import statements
from tests.web_fixtures import Site, entry, midday_zone, post_path

PHOTO = "https://lamp.example/photo.jpg"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, page={"pictures": "lead"})
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 4)))
    yield site
    site.engine.dispose()


def newest_id(site: Site) -> int:
    with site.engine.connect() as connection:
        entry_id = connection.scalar(select(entries.c.id).order_by(entries.c.id.desc()))
    assert entry_id is not None
    return entry_id


def add(site: Site, body: bytes, url: str = PHOTO, entry_id: int | None = None):
    folder = site.config.picture_folder
    return add_picture(site.engine, folder, entry_id or newest_id(site), url, body)


def test_a_picture_is_served_in_both_sizes_and_may_be_kept_for_ever(site):
    stored = add(site, picture(2000, 1000))

    for name, width in ((stored.key, 1600), (f"{stored.key}-list", 224)):
        answer = site.client.get(f"/picture/{name}", headers={"Accept-Encoding": "br, gzip"})
        assert answer.content_type == "image/webp"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(BytesIO(answer.data)).width == width
        again = site.client.get(
            f"/picture/{name}", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304


@pytest.mark.parametrize(
    "name",
    ["0" * 20, "0" * 19, "..%2F..%2Fconfig.yaml", "%2e%2e", "x" * 5000, "0" * 20 + ".webp", "%00"],
)
def test_any_other_name_is_not_found(site, name):
    assert site.client.get(f"/picture/{name}").status_code == 404


def images(site: Site, path: str = "/") -> list[dict[str, str]]:
    page = site.page(path)
    return [dict(image.attrib) for image in page.all("img")]


def test_the_picture_stands_beside_the_excerpt_with_its_size(site):
    site.record("lamp", entry(0, summary=80 * "word "))
    stored = add(site, picture(1200, 800))

    (image,) = images(site)

    assert image == {
        "class": "shot",
        "src": f"/picture/{stored.key}-list",
        "width": "112",
        "height": "74",
        "alt": "",
        "loading": "lazy",
    }


def test_a_post_that_is_mostly_a_picture_shows_the_picture_large(site):
    site.record("lamp", entry(0, summary="Three gulls."))
    stored = add(site, picture(1200, 800))

    (image,) = images(site)

    assert image["src"] == f"/picture/{stored.key}"
    assert (image["width"], image["height"]) == ("608", "405")


def test_a_small_picture_is_never_shown_large(site):
    site.record("lamp", entry(0, summary=""))
    stored = add(site, picture(200, 150))

    (image,) = images(site)

    assert image["src"] == f"/picture/{stored.key}-list"


def test_a_list_of_titles_has_no_pictures(site):
    add(site, picture(1200, 800))

    assert len(images(site)) == 1
    assert images(site, "/?view=titles") == []


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/source/lamp", "/category/trade", "/search?q=post"])
def test_every_list_shows_pictures(site, path):
    add(site, picture(1200, 800))

    assert len(images(site, path)) == 1


def test_the_first_picture_that_is_large_enough_leads(site):
    first = newest_id(site)
    folder = site.config.picture_folder
    add_picture(site.engine, folder, first, "https://a.example/1", picture(40, 40), position=0)
    photo = add_picture(
        site.engine, folder, first, "https://a.example/2", picture(300, 200), position=1
    )
    add_picture(site.engine, folder, first, "https://a.example/3", picture(310, 200), position=2)

    (image,) = images(site)

    assert image["src"] == f"/picture/{photo.key}-list"


def test_a_page_takes_a_statement_more_only_where_there_are_pictures(site):
    site.page("/")
    with statements(site.engine) as without:
        site.page("/", language="de")
    add(site, picture(300, 200))
    site.page("/")
    with statements(site.engine) as with_pictures:
        site.page("/", language="de")

    assert len(with_pictures) == len(without) + 1


def test_pictures_ask_nobody_else(site):
    """Whatever a feed says, the page names no picture of another host."""
    evil = entry(0, image='https://evil.example/"onerror="x.png', summary="")
    site.record("lamp", evil)
    add(site, picture(1200, 800))

    assert "evil.example/" not in "".join(image["src"] for image in images(site))


def of_text(site: Site) -> list[dict[str, str]]:
    (text,) = site.page(post_path(site)).all("div", "text")
    return [dict(image.attrib) for image in text.iter() if str(image.tag).endswith("img")]


def test_the_page_of_a_post_shows_stored_pictures_in_their_places(site):
    html = f'<p>A</p><img src="{PHOTO}" alt="Gulls &amp; a &quot;boat&quot;"><img src="{PHOTO}2">'
    site.record("lamp", entry(0, content_html=html))
    stored = add(site, picture(1200, 800))

    assert of_text(site) == [
        {
            "src": f"/picture/{stored.key}",
            "width": "1200",
            "height": "800",
            "alt": 'Gulls & a "boat"',
            "loading": "lazy",
        }
    ]
    links = [link.get("href") for link in site.page(post_path(site)).all("a", "pic")]
    assert links == [f"{PHOTO}2"]


def test_a_picture_that_leads_a_post_and_is_not_in_its_text_stands_above_it(site):
    site.record("lamp", entry(0, content_html="<p>Words.</p>"))
    stored = add(site, picture(1200, 800))

    (image,) = of_text(site)

    assert (image["src"], image["alt"]) == (f"/picture/{stored.key}", "")


def test_an_emoji_stays_a_character(site):
    site.record("lamp", entry(0, content_html=f'<p>So <img src="{PHOTO}" alt="😀"></p>'))
    add(site, picture(72, 72))

    assert of_text(site) == []
    assert "So 😀" in site.page(post_path(site)).text


@pytest.mark.slow
def test_an_export_has_the_pictures_as_files(site, tmp_path):
    stored = add(site, picture(1200, 800))

    exported = {
        file.path: file.data
        for file in static_site.files(site.config, site.engine, frozenset({"html"}))
    }

    assert f'src="picture/{stored.key}.webp"' in exported["index.html"].decode()
    assert f'src="../../picture/{stored.key}.webp"' in exported["source/lamp/index.html"].decode()
    assert Image.open(BytesIO(exported[f"picture/{stored.key}.webp"])).width == 1200


@pytest.mark.slow
def test_a_picture_whose_files_are_lost_is_on_no_page(site):
    lost = add(site, picture(640, 480))
    PictureFiles(site.config.picture_folder).delete([lost.key])

    exported = static_site.files(site.config, site.engine, frozenset({"html"}), posts=True)
    texts = [file.data.decode() for file in exported if file.path.endswith(".html")]

    assert not any(lost.key in text for text in texts)
    assert lost.key not in site.client.get("/").text


def test_a_web_on_a_machine_without_the_folder_shows_posts_without_pictures(site):
    stored = add(site, picture(640, 480))
    shutil.rmtree(site.config.picture_folder)

    text = site.client.get("/").text

    assert "<article" in text and "/picture/" not in text
    assert site.client.get(f"/picture/{stored.key}.webp").status_code == 404


@pytest.mark.slow
def test_a_page_of_forty_posts_with_pictures_is_light_without_them(tmp_path):
    site = Site(tmp_path, page={"pictures": "lead"}, timezone=midday_zone())
    site.subscribe()
    words = re.findall(r"\w+", (Path(__file__).parents[1] / "README.md").read_text("utf-8"))
    chosen = Random(1)
    posts = [
        entry(
            70 * number,
            title=" ".join(chosen.choices(words, k=7)),
            summary=" ".join(chosen.choices(words, k=40))[:220],
        )
        for number in range(1, 41)
    ]
    site.record("lamp", *posts)
    with site.engine.connect() as connection:
        ids = connection.scalars(select(entries.c.id)).all()
    for number, entry_id in enumerate(ids):
        body = picture(240, 160 + number)
        add_picture(site.engine, site.config.picture_folder, entry_id, f"{PHOTO}{number}", body)

    html = site.client.get("/").text
    files = set(re.findall(r'(?:href|src)="(/(?:static/|icon|manifest)[^"]*)"', html))
    bodies = [html.encode(), *(site.client.get(path).data for path in files)]

    assert html.count("<img ") == 40
    assert len(files) >= 3
    assert sum(len(gzip.compress(body, 6)) for body in bodies) <= 20_000
