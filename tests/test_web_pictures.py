"""Pictures of posts on pages, and at their own addresses."""

from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select

from aggregator.database.schema import entries
from tests.hostile_pictures import picture
from tests.pictured import add_picture
from tests.web_fixtures import Site, entry

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
    ["0" * 32, "0" * 31, "..%2F..%2Fconfig.yaml", "%2e%2e", "x" * 5000, "0" * 32 + ".webp", "%00"],
)
def test_any_other_name_is_not_found(site, name):
    assert site.client.get(f"/picture/{name}").status_code == 404
