"""Plain text is HTML with its lines, and markup is told from prose about it."""

import pytest
from hypothesis import given, strategies

from aggregator.text.hypertext import (
    from_plain,
    has_markup,
    is_blank,
    is_markup,
    unescaped_markup,
    unwrapped,
    without_padding,
)
from tests.cpu_time import cpu_limit
from tests.selection import slow_after


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
    "piece",
    slow_after(3, ["<!--", "&lt;p", "\n ", "&lt;!--", "<", "\n", "&lt;p&gt;", "<a "]),
)
def test_the_time_grows_with_the_length_only(piece):
    text = piece * 100_000
    with cpu_limit(5):
        from_plain(text)
        unescaped_markup(text)
        is_markup(f"<p>{text}</p>")
        is_blank(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<![CDATA[ low & high ]]>", " low & high "),
        ("\n&lt;![cdata[low &amp; high]]&gt; ", "low & high"),
        ("&lt;![CDATA[<![CDATA[low]]>]]&gt;", "low"),
        ("<![CDATA[low ]]> <![CDATA[& high]]>", "low & high"),
        ("<![CDATA[low", "low"),
        ("<p>low</p> ]]>", "<p>low</p> "),
        ("low]]&gt;", "low"),
        ("A section ends in ]]>", "A section ends in ]]>"),
        ("How <![CDATA[low]]> works]]>", "How <![CDATA[low]]> works]]>"),
    ],
)
def test_marks_of_sections_around_a_text_are_taken_off(text, expected):
    assert unwrapped(text) == expected


@pytest.mark.parametrize("text", ["<b>Low</b> tide\nat noon", "a<br>b", 'See <a href="/b">b</a>.'])
def test_a_text_of_an_unknown_type_with_elements_that_say_something_is_markup(text):
    assert has_markup(text)


@pytest.mark.parametrize("text", ["", "The <b> element", "a < b", "<T>1</T>", "Use <i> or <em>"])
def test_a_text_of_an_unknown_type_that_speaks_of_elements_is_not(text):
    assert not has_markup(text)


def test_markup_that_was_escaped_three_times_is_markup():
    assert unescaped_markup("&amp;lt;p&amp;gt;low&amp;lt;/p&amp;gt;") == "<p>low</p>"
    assert unescaped_markup("&amp;lt;p&amp;gt; is low") == "&amp;lt;p&amp;gt; is low"


@pytest.mark.parametrize(
    "html",
    ["<img src=''>", "<video></video>", "<object><param name='movie'></object>", "<?php x() ?>",
     "<iframe src='about:blank'></iframe>", "<![CDATA[]]>", "&amp;nbsp;",
     "<img src='data:text/x,'>", "<noscript>Turn it on</noscript>"],
)  # fmt: skip
def test_what_has_no_address_and_no_word_is_blank(html):
    assert is_blank(html)


@pytest.mark.parametrize(
    "html",
    ["<noscript><img src='a.png'></noscript>", "<amp-img src='a.png'></amp-img>",
     "<img srcset=a.png>", "<object><param name='movie' value='a.swf'></object>",
     "<video><source src='a.mp4'></video>",
     "<img src='data:image/png;base64,AA'>"],
)  # fmt: skip
def test_what_has_an_address_is_seen(html):
    assert not is_blank(html)


def test_the_padding_of_newsletters_is_a_space():
    padding = "\u034f \u200c\u00a0\ufeff" * 30

    assert (
        without_padding(f"Low tide{padding}at noon \u2764\ufe0f") == "Low tide at noon \u2764\ufe0f"
    )
    assert without_padding(padding) == ""


@pytest.mark.parametrize(
    "piece",
    ["]]>", "<![CDATA[", "]]&gt;&lt;![CDATA[", "&lt;", "<", "<img ", "<img src=", "<a ", "<!",
     "\u200b", "\u200b ", "<noscript>", " ", "src= ", "<p>"],
)  # fmt: skip
@pytest.mark.parametrize(
    "decide", [unwrapped, has_markup, is_blank, unescaped_markup, without_padding]
)
def test_a_decision_takes_time_in_proportion_to_the_text(piece, decide):
    with cpu_limit(2):
        decide(piece * (300_000 // len(piece)))
