"""The stored text of a post as a part of our page: nothing is loaded, nothing breaks the page."""

import re

import html5lib
import pytest
from hypothesis import given, settings, strategies

from aggregator.reading import sanitize
from aggregator.text.post_text import Picture, TextLabels, text_on_page
from tests.selection import examples

BASE = "https://example.org/blog/"
PAGE = "https://example.org/blog/tides"
LABELS = TextLabels(table="Table", code="Code", formula="Formula")
SCROLLS = 'role="group" tabindex="0" aria-label='


def on_page(html: str, *, url: str | None = PAGE) -> str:
    """Return the text of a document on our page."""
    stored = sanitize.content(html, base=BASE, page=url)
    return text_on_page(stored, url=url, labels=LABELS, picture=str_of)


def str_of(picture: Picture) -> str:
    link = " in a link" if picture.is_in_link else ""
    return f"[{picture.alt}, {picture.url}{link}]"


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        ("<h1>a</h1><h2>b</h2>", "23"),
        ("<h3>a</h3><h5>b</h5><h3>c</h3>", "232"),
        ("<h4>a</h4><h2>b</h2><h6>c</h6>", "223"),
        ("<h1>a</h1><h2>b</h2><h3>c</h3><h4>d</h4><h5>e</h5><h6>f</h6>", "234566"),
    ],
)
def test_headings_stand_below_that_of_the_page_without_a_gap(written, levels):
    html = on_page(written)

    assert "".join(re.findall(r"<h(\d)", html)) == levels
    assert "".join(re.findall(r"</h(\d)", html)) == levels


def test_the_landmarks_of_a_text_are_plain_blocks():
    html = on_page("<main><header>a</header><nav>b</nav><aside>c</aside><footer>d</footer></main>")

    assert html == (
        '<div><div>a</div><div>b</div><div class="aside">c</div><div>d</div></div>'
    )  # fmt: skip


def test_footnotes_lead_to_each_other_on_the_page():
    html = on_page(
        '<p>Tides<sup><a id="ref" href="#note">1</a></sup></p>'
        '<p id="note">The moon. <a href="#ref">back</a> <a href="#else">elsewhere</a></p>'
    )

    assert '<a href="#text-note" id="text-ref">1</a>' in html
    assert '<p id="text-note">' in html
    assert '<a href="#text-ref">back</a>' in html
    assert f'<a href="{PAGE}#else" rel="noopener noreferrer">elsewhere</a>' in html


def test_a_place_in_the_text_may_have_letters_that_addresses_escape():
    html = on_page('<p><a href="#fußnote">1</a></p><p id="fußnote">Ebbe</p>')

    assert '<a href="#text-fußnote">1</a>' in html


def test_the_target_of_a_link_stays_where_an_empty_link_was():
    html = on_page('<p><a name="top"></a>Up <a href="#top">again</a> <a href="/x">&nbsp;</a></p>')

    assert html == '<p><span id="text-top"></span>Up <a href="#text-top">again</a> </p>'


def test_the_target_of_a_link_stays_where_its_element_is_replaced():
    html = on_page(
        '<img id="a" src="a.png"><img id="b" src="b.gif" width="1"><time id="c">1998</time>'
        '<video id="d" src="/d.mp4"></video><audio><source id="e" src="/e.mp3"></audio>'
        '<picture id="f"><img src="f.png"></picture>'
        '<a href="#a">1</a><a href="#b">2</a><a href="#c">3</a><a href="#d">4</a><a href="#e">5</a>'
        '<a href="#f">6</a>'
    )

    places = re.findall(r'<span id="text-([a-f])">', html)
    assert "".join(places) == "abcdef"
    assert f'<span id="text-a"></span>[, {BASE}a.png]' in html


def test_an_id_that_may_be_one_of_the_page_is_left_out():
    html = '<p id="after">a</p><a id="after"></a>'

    assert text_on_page(html, url=None, labels=LABELS, picture=str_of) == "<p>a</p>"


def test_a_picture_is_what_the_page_makes_of_it():
    html = on_page(
        '<img src="quay.jpg" alt="The  quay"><a href="/large"><img src="b.png"></a>'
        '<picture><source srcset="a.webp"><img srcset="a.jpg 1x, b.jpg 2x" alt="A"></picture>'
        '<img src="data:image/png;base64,AAAA" alt="dot">'
        '<img src="/count.gif" width="1" height="1">'
    )

    assert html == (
        f'[The quay, {BASE}quay.jpg]<a href="https://example.org/large" rel="noopener noreferrer">'
        f"[, {BASE}b.png in a link]</a>[A, {BASE}a.jpg][dot, None]"
    )


def test_sound_and_video_wait_for_the_reader():
    html = on_page(
        '<video src="/a.mp4" poster="/a.jpg" width="9999"><track src="/a.vtt">Old browser</video>'
        '<audio><source src="/b.ogg"><source src="http://old.example/b.mp3"></audio>'
    )

    assert html == (
        '<video controls="" preload="none"><source src="https://example.org/a.mp4">'
        '<a href="https://example.org/a.mp4" rel="noopener noreferrer">a.mp4</a></video>'
        '<audio controls="" preload="none"><source src="https://example.org/b.ogg">'
        '<a href="https://example.org/b.ogg" rel="noopener noreferrer">b.ogg</a></audio>'
    )


def test_sound_that_the_policy_of_the_page_refuses_is_a_link():
    html = on_page('<audio src="http://old.example/Episode%201.mp3"></audio><video></video>')

    assert html == (
        '<a href="http://old.example/Episode%201.mp3" rel="noopener noreferrer">Episode 1.mp3</a>'
    )


def test_sound_within_sound_ends_no_other_element():
    html = on_page('<audio src="/a.mp3"><div>Or <audio src="/b.mp3"></audio></div></audio>')

    assert html.startswith("<div>Or <audio controls")
    assert html.endswith("</audio></div>")


def test_what_may_be_wide_scrolls_within_itself():
    short, long = "<pre>make run</pre>", f"<pre>make run\n{'x' * 90}</pre>"
    table = "<table><tbody><tr><td>{}</td></tr></tbody></table>"

    assert on_page(short) == short
    assert on_page(long) == long.replace("<pre>", f'<pre tabindex="0" {AS_CODE}>')
    assert on_page(table.format(table.format("a"))) == (
        f'<div class="tw" {SCROLLS}"Table">{table.format(table.format("a"))}</div>'
    )
    assert on_page('<math display="block"><mi>x</mi></math><math><mi>y</mi></math>') == (
        f'<span class="tw" {SCROLLS}"Formula"><math display="block"><mi>x</mi></math></span>'
        "<math><mi>y</mi></math>"
    )


AS_CODE = 'role="group" aria-label="Code"'


def test_the_script_of_the_page_leaves_the_times_of_a_text_alone():
    html = on_page('<time datetime="1998-03-01T10:00:00Z" title="x" lang="nl">in maart</time>')

    assert html == '<span lang="nl">in maart</span>'


def test_attributes_that_would_be_wrong_on_the_page_are_left_out():
    html = on_page(
        '<p lang="en_US">a</p><p lang="de-AT">b</p>'
        '<table><tr><th>c</th><td headers="c">d</td></tr></table>'
    )

    assert '<p>a</p><p lang="de-AT">b</p>' in html
    assert "headers" not in html


TAGS = strategies.sampled_from(
    "a b p div li ul h1 h3 table td tr th pre audio video source picture math mi span center "
    "marquee button select form option svg object dd dl article main details summary".split()
)
PIECES = strategies.one_of(
    TAGS.map("<{}>".format),
    TAGS.map("</{}>".format),
    strategies.sampled_from(
        [
            "x",
            "<br>",
            '<a href="#n">',
            '<p id="n">',
            '<img src="a.png" alt="a">',
            "&lt;/div>",
            '<math display="block">',
            '<a href="/x"></a>',
            '<source src="a.mp3">',
        ]
    ),
)


@settings(max_examples=examples(100))
@given(strategies.lists(PIECES, max_size=30).map("".join))
def test_no_text_ends_the_part_of_the_page_that_it_stands_in(html):
    text = on_page(html)
    page = f'<body><article><div id="text">{text}</div><p id="after">end</p></article>'

    root = html5lib.parse(page, namespaceHTMLElements=False)

    (article,) = root.findall("body/article[p]")
    assert [child.get("id") for child in article] == ["text", "after"]
    assert not root.findall(".//img") and not root.findall(".//main")
