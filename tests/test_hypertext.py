"""Plain text is HTML with its lines, and markup is told from prose about it."""

import time

import pytest
from hypothesis import given, strategies

from aggregator.hypertext import from_plain, is_blank, is_markup, unescaped_markup


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one line", "<p>one line</p>"),
        ("a\nb", "<p>a<br>b</p>"),
        ("a\r\nb\rc", "<p>a<br>b<br>c</p>"),
        ("a\u2028b\u2029c", "<p>a<br>b</p>\n<p>c</p>"),
        ("\n\n a \n \t\n\n b\n", "<p>a</p>\n<p> b</p>"),
        ("1 < 2 & <b>3</b>", "<p>1 &lt; 2 &amp; &lt;b&gt;3&lt;/b&gt;</p>"),
        ("<![CDATA[a\nb]]>", "<p>a<br>b</p>"),
        (" \n\t", ""),
        ("", ""),
    ],
)
def test_plain_text_keeps_its_lines_and_paragraphs(text, expected):
    assert from_plain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<p>A <b>short</b> walk</p>",
        "  <div><p>a<br/>b</p></div>\n",
        "<p>a<p>b<br>",
        "<ul><li>a<li>b</ul><img src='x.png'>",
        "<!-- made by hand --><h2>a</h2>",
        "<CENTER>a</CENTER>",
    ],
)
def test_a_text_that_is_elements_from_end_to_end_is_markup(text):
    assert is_markup(text)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "<p> is the element of paragraphs",
        "Close it with </p>",
        "<b>never closed",
        "<b><i>crossed</b></i>",
        "</p>",
        "<p>",
        "<br>",
        "<vector><int></int></vector>",
        "a < b",
        "",
    ],
)
def test_prose_about_elements_is_not_markup(text):
    assert not is_markup(text)


def test_only_a_text_without_elements_of_its_own_is_unescaped():
    assert unescaped_markup("&lt;p&gt;a &amp;amp; b&lt;/p&gt;") == "<p>a &amp; b</p>"
    assert unescaped_markup("\n&#60;p&#x3E;a&lt;/p&gt;") == "\n<p>a</p>"
    for html in (
        "<p>&lt;p&gt;a&lt;/p&gt;</p>",
        "Write &lt;p&gt;a&lt;/p&gt; for it",
        "&lt;canvas&gt; at last",
        "a &amp; b",
    ):
        assert unescaped_markup(html) == html


@pytest.mark.parametrize(
    "html",
    ["", " &nbsp;\u200b", "<!-- nothing -->", "<p></p><br>", "<script>a()</script>", "<!-- open",
     "<style>p {}</style>", '<img src="t.gif" width="1" height="1">', "<img>",
     "<img src=t.gif style='display: none'>"],
)  # fmt: skip
def test_what_nobody_sees_is_blank(html):
    assert is_blank(html)


@pytest.mark.parametrize(
    "html", ["a", "<p>&amp;</p>", '<img src="a.png" width="100">', "<video src=a.mp4></video>"]
)
def test_words_pictures_and_sounds_are_not_blank(html):
    assert not is_blank(html)


@given(strategies.text())
def test_any_plain_text_is_one_that_is_not_unescaped(text):
    html = from_plain(text)

    assert unescaped_markup(html) == html


@pytest.mark.parametrize(
    "piece", ["<!--", "&lt;p", "&lt;!--", "<", "\n", "\n ", "&lt;p&gt;", "<a "]
)
def test_the_time_grows_with_the_length_only(piece):
    text = piece * 100_000
    began = time.process_time()

    from_plain(text)
    unescaped_markup(text)
    is_markup(f"<p>{text}</p>")
    is_blank(text)

    assert time.process_time() - began < 5
