"""Which pictures an entry has, and which of them may lead it."""

from pathlib import Path

import pytest

from aggregator.model import Enclosure
from aggregator.pictures.picture_choice import MAX_INLINE, MAX_PICTURES, chosen_pictures
from aggregator.reading import sanitize
from aggregator.reading.worker_task import read_document
from aggregator.text.post_text import TextLabels, text_on_page

BASE = "https://blog.example/post"


def safe(html: str) -> str:
    return sanitize.content(html, base=BASE, page=BASE)


def leads(html: str = "", image: str | None = None, *enclosures: Enclosure) -> list[str]:
    pictures = chosen_pictures(image, enclosures, safe(html), whole_text=False)
    assert all(chosen.may_lead for chosen in pictures)
    return [chosen.url for chosen in pictures]


def test_the_entrys_own_picture_comes_before_enclosures_and_those_before_the_text():
    photo = Enclosure("https://cdn.example/e.jpg", "image/jpeg")

    assert leads('<p><img src="/t.png"></p>', "https://cdn.example/i.jpg", photo) == [
        "https://cdn.example/i.jpg",
        "https://cdn.example/e.jpg",
        "https://blog.example/t.png",
    ]


def test_sound_and_video_are_not_pictures():
    sound = Enclosure("https://cdn.example/e.mp3", "audio/mpeg")
    unknown, untyped = Enclosure("https://cdn.example/e"), Enclosure("https://cdn.example/p.webp?x")

    assert leads("", None, sound, unknown, untyped) == ["https://cdn.example/p.webp?x"]


@pytest.mark.parametrize(
    "element",
    [
        '<img src="a.png" width="16" height="16">',
        '<img src="a.png" width="1" height="1">',
        '<img src="a.png" width="600" height="20">',
        '<img src="a.png" width="90" height="90">',
        '<img src="a.svg">',
        '<img src="https://secure.gravatar.com/avatar/8d2?s=200">',
        '<img src="https://feeds.feedburner.com/~r/blog/~4/x">',
        '<img src="https://pixel.wp.com/b.gif?host=blog.example">',
        '<img src="/wp-includes/images/smilies/icon_smile.gif">',
        '<img src="https://s.w.org/images/core/emoji/72x72/1f600.png">',
        '<img src="https://blog.example/latex.php?latex=x">',
        '<img src="https://img.shields.io/badge/build-passing.png">',
        '<img src="https://example.com/spacer.gif">',
        '<img src="https://ads.doubleclick.net/x.jpg">',
        '<img alt="nothing">',
    ],
)
def test_icons_avatars_formulas_and_pixels_do_not_lead(element):
    assert leads(f'<p>{element} text</p><img src="/photo.jpg">') == [
        "https://blog.example/photo.jpg"
    ]
    assert leads("", None, Enclosure("https://secure.gravatar.com/avatar/8", "image/png")) == []


def test_a_picture_with_a_size_as_photos_have_leads():
    assert leads('<img src="a.jpg" width="640px" height="480">') == ["https://blog.example/a.jpg"]
    assert leads('<img src="a.jpg" width="100%">') == ["https://blog.example/a.jpg"]


def test_at_most_three_pictures_are_tried_as_the_lead_each_once():
    html = "".join(f'<img src="{number // 2}.jpg">' for number in range(20))

    assert leads(html) == [f"https://blog.example/{number}.jpg" for number in range(3)]


def test_with_all_pictures_those_that_may_lead_come_first():
    html = '<img src="a.png" width="16" height="16"><img src="b.jpg"><img src="c.jpg">'

    pictures = chosen_pictures(None, (), safe(html), whole_text=True)

    assert [(chosen.url[-5:], chosen.may_lead) for chosen in pictures] == [
        ("b.jpg", True),
        ("c.jpg", True),
        ("a.png", False),
    ]


def test_a_text_with_thousands_of_pictures_has_a_limit():
    html = "".join(f'<img src="{number}.jpg">' for number in range(5000))

    assert len(chosen_pictures(None, (), safe(html), whole_text=True)) == MAX_PICTURES


def test_an_address_is_read_as_a_browser_reads_it():
    assert leads('<img src="/a.php?x=1&amp;y=2" alt="a > b &quot;c&quot;">') == [
        "https://blog.example/a.php?x=1&y=2"
    ]
    assert leads(
        '<picture><source srcset="b.avif"><img srcset="s.jpg 1x, l.jpg 2x"></picture>'
    ) == ["https://blog.example/s.jpg"]


@pytest.mark.parametrize(
    "attributes",
    [
        'src=" https://blog.example/a b.png "',
        'srcset="/a.png, /b.png 2x"',
        'srcset="/a,b.png 100w, /c.png 200w"',
    ],
)
def test_the_page_of_a_post_asks_for_the_picture_that_was_chosen(attributes):
    html = safe(f"<img {attributes}>")
    shown = []
    labels = TextLabels("Table", "Code", "Formula")
    text_on_page(
        html, url=None, labels=labels, picture=lambda picture: shown.append(picture.url) or ""
    )

    chosen = chosen_pictures(None, (), html, whole_text=True)
    assert shown == [picture.url for picture in chosen] != []


def test_a_picture_within_the_text_is_a_picture_unless_large():
    small, large = (
        "data:image/png;base64," + 40 * "AAAA",
        "data:image/png;base64," + MAX_INLINE * "A",
    )

    assert leads(f'<img src="{large}"><img src="{small}">') == [small]
    assert leads('<img src="data:image/svg+xml;base64,AAAA">') == []


def test_only_web_addresses_are_asked_for():
    assert leads("", "file:///etc/passwd") == []
    assert leads("", "samples/a.png") == []
    assert leads("", "gopher://example.org/a.png") == []


def test_the_sample_brings_pictures_that_need_no_network():
    path = Path(__file__).parents[1] / "samples" / "recent-posts.xml"
    read = read_document(path.read_bytes(), {}, "samples/recent-posts.xml")
    assert read.feed is not None

    choices = [
        chosen_pictures(entry.image, entry.enclosures, entry.content_html, whole_text=False)
        for entry in read.feed.entries
    ]

    assert [len(choice) for choice in choices] == [1, 1, 1, 0, 0]
    assert all(chosen.url.startswith("data:") for choice in choices for chosen in choice)
