"""What is stored is safe, plain and absolute."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies

from aggregator.model import Enclosure, FeedHead, ParsedEntry, ParsedFeed
from aggregator.reading import sanitize
from aggregator.reading.clean import clean
from aggregator.reading.excerpts import EXCERPT, excerpt
from aggregator.reading.parse import parse

FEEDS = Path(__file__).parent / "data" / "feeds"
URL = "https://served.example/dir/feed"
BASE = "https://example.org/blog/"


def read(name):
    return clean(parse((FEEDS / name).read_bytes(), headers={}, url=URL), url=URL)


def cleaned(**values):
    entry = ParsedEntry(**({"base": BASE} | values))
    return clean(ParsedFeed(FeedHead(), (entry,)), url=URL).entries[0]


def test_an_rss_entry_is_clean_from_title_to_enclosure():
    feed = read("blog.rss")
    first, second = feed.entries

    assert (feed.head.title, feed.head.subtitle) == ("Harbour & Tide", "Boats, mostly.")
    assert feed.head.language == "en-GB"
    assert (first.title_html, first.title) == ("Ferries &amp; <b>wind</b>", "Ferries & wind")
    assert first.summary == "Part one We rode north through a gale…"
    assert first.content_html == (
        '<p>We rode <a href="https://harbour.example/north" rel="noopener noreferrer">north</a> '
        '<img src="https://harbour.example/2026/gale.jpg"></p>'
    )
    assert first.authors == ("Marit Solheim", "Night Desk")
    assert first.enclosures == (
        Enclosure("https://harbour.example/audio/17.mp3", "audio/mpeg", 4321),
    )
    assert first.guid == "harbour-17"
    assert second.title == "How should <selectedoption> work?"
    assert second.title_html == "How should &lt;selectedoption&gt; work?"
    assert second.published_at == datetime(2026, 11, 22, tzinfo=UTC)


def test_an_atom_entry_keeps_text_as_text_and_inline_markup_as_markup():
    feed = read("blog.atom")
    first, second = feed.entries

    assert feed.head.title == "Lattice <3"
    assert first.title_html == "1 &lt; 2 &amp; &lt;b&gt;not bold&lt;/b&gt;"
    assert first.summary == "Kürzer < länger"
    assert (first.language, second.language) == ("fr", "de")
    assert second.title_html == "E = mc<sup>2</sup>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("<b>unclosed", "<b>unclosed</b>"),
        ("<p>One</p>\n<p>two</p>", "One two"),
        ("<script>alert(1)</script>x", "x"),
        ('<b onclick="x">y</b>', "<b>y</b>"),
        ("<SelectedOption>", "&lt;SelectedOption&gt;"),
        ("</selectedoption>", "&lt;/selectedoption&gt;"),
        ("std::vector<int> &amp; <em>co</em>", "std::vector&lt;int&gt; &amp; <em>co</em>"),
        ("<a href='x'>link</a>", "link"),
        ("<svg onload=alert(1)>", ""),
        ("AT&amp;T", "AT&amp;T"),
        ("<b title='x' lang='de'>y</b>", "<b>y</b>"),
        ("a\x00b\x1b[31m", "ab[31m"),
    ],
)
def test_a_title_is_inline_html(html, expected):
    assert sanitize.inline(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("## Outline The [&#8230;]", "Outline The…"),
        ("### Slug a-b ### SEO Title X", "Slug a-b SEO Title X"),
        ("** Asia's reliance on coal…", "Asia's reliance on coal…"),
        ("**Bold** and *thin*, 2 * 3 * 4, **args", "Bold and thin, 2 * 3 * 4, **args"),
        ("C# and issue #5 and a # b", "C# and issue #5 and a # b"),
        ("<h2>Head</h2><p>text</p><ul><li>a</li><li>b</li></ul>", "Head · text · a · b"),
        ("<h2>Why?</h2>Because:<ul><li>a.</li><li>b</li></ul><p>So</p>", "Why? Because: a. b · So"),
        ("<table><tr><th>Port</th><td>Husum</td></tr></table>", "Port · Husum"),
        ("<p>One</p><p>two</p>", "One two"),
        ("<p>Tides. <a href=x>Read more »</a></p>", "Tides."),
        ("<p>Tides</p><p><a href=x>Continue reading <b>Tides</b> →</a></p>", "Tides"),
        ("<p>Tides</p><a href=x>permalink</a>", "Tides"),
        ("<p>Tides (<a href=x>permalink</a>)</p>", "Tides"),
        ("<p>Tides</p><div><a href=x>Permalink</a></div>", "Tides"),
        ("<p>Tides [<a href=x>Weiterlesen…</a>]</p>", "Tides"),
        ("<h3>Tides<a href=x>¶</a></h3><p>They turn.</p>", "Tides · They turn."),
        ("<p>Tides https://tides.example/a?b=1</p><p>They turn.</p>", "Tides They turn."),
        ("<p>At https://tides.example/ they turn</p>", "At https://tides.example/ they turn"),
        ("<p>https://tides.example/ https://b.example/</p>", ""),
        ("<p>Get it at: https://tides.example/</p>", "Get it at: https://tides.example/"),
        ("<p>They turn. <a href=x>∞ Permalink</a></p>", "They turn."),
        ("<p>I like to read more.</p>", "I like to read more."),
        ("one<br>two<b>three</b>", "one twothree"),
        ("x<style>p{}</style><script>y</script>", "x"),
        ("The post <a>A</a> appeared first on <a>B</a>.", ""),
        ("Text. The post A appeared first on B.", "Text."),
        ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
        ("", ""),
    ],
)
def test_an_excerpt_is_plain_text_without_leftovers(html, expected):
    assert excerpt(html) == expected


def test_a_long_excerpt_is_cut_at_a_word():
    text = excerpt("<p>" + "Twelve, ten. " * 100)

    assert text.endswith("…")
    assert 180 < len(text) <= EXCERPT + 1
    assert text[:-1].split()[-1] in {"Twelve", "ten."}


def test_a_long_excerpt_without_spaces_is_cut_all_the_same():
    assert excerpt("字" * 1000) == "字" * EXCERPT + "…"


def test_the_excerpt_comes_from_the_summary_or_else_the_content():
    assert cleaned(summary="Short", content="<p>Long</p>").summary == "Short"
    assert cleaned(summary=" ", content="<p>Long</p>").summary == "Long"
    assert cleaned(summary="<p>Only</p>").content_html == "<p>Only</p>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<img src="a.png" srcset="a.png 1x, /b.png 2x">',
            f'<img src="{BASE}a.png" srcset="{BASE}a.png 1x, https://example.org/b.png 2x">',
        ),
        ('<img srcset="javascript:alert(1) 1x, a.png 2x">', "<img>"),
        ('<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,AAAA">'),
        ('<img src="data:image/svg+xml;base64,AAAA">', "<img>"),
        ('<a href="data:text/html,x">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<a href="#note" ping="http://spy/">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<iframe src="javascript:x" srcdoc="x">y</iframe>', ""),
        ("<video poster='p.jpg' onerror=x></video>", f'<video poster="{BASE}p.jpg"></video>'),
        ("<blockquote cite='javascript:x'>q</blockquote>", "<blockquote>q</blockquote>"),
        ("<p style='position:fixed' class=a id=b>x</p>", "<p>x</p>"),
        ("<form action=x>y<input onfocus=z autofocus></form>", "<div>y </div>"),
        ("<math onclick=y><mi>x</mi></math><svg/onload=x>", "<math><mi>x</mi></math>"),
        ("<!-- --!><img onerror=x src=y> -->", f'<img src="{BASE}y"> --&gt;'),
    ],
)
def test_content_is_what_the_allow_list_has_with_absolute_urls(html, expected):
    assert sanitize.content(html, base=BASE) == expected


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "vbscript:x", "file:///etc/passwd", "gopher://x/", "http://"],
)
def test_links_of_other_kinds_are_dropped_everywhere(link):
    entry = cleaned(link=link, comments_url=link, enclosures=(Enclosure(link),))

    assert (entry.url, entry.comments_url, entry.enclosures) == (None, None, ())


def test_ids_stay_as_they_are_but_for_control_characters():
    assert cleaned(guid=" A&B <é> ").guid == "A&B <é>"
    assert cleaned(guid="a\x00\nb").guid == "ab"
    assert cleaned(guid="\x00").guid is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Buoy &amp; Bell", "Buoy & Bell"),
        ("Buoy &amp;amp; Bell", "Buoy & Bell"),
        ("Zo&#235; &#55357;&#56842;", "Zoë 😊"),
        ('<a href="https://a.example/?b=1&amp;c=2">Zoë</a>', "Zoë"),
        ("&lt;b&gt;Zoë&lt;/b&gt;", "Zoë"),
        ("<![CDATA[Zoë]]>", "Zoë"),
        ("Zoë &lt;zoe@a.example&gt;", "Zoë"),
        ("R&D", "R&D"),
        ("News&notes", "News&notes"),
        ("std::vector<int>", "std::vector<int>"),
        ("<canvas>", "<canvas>"),
        ("a < b", "a < b"),
        ("<p>a</p><p>b</p>", "a b"),
    ],
)
def test_names_are_decoded_and_without_markup(name, expected):
    entry = cleaned(authors=(name,), categories=(name, expected))

    assert entry.authors == entry.categories == (expected,)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ebb<br>and flow", "Ebb and flow"),
        ("Ebb<br />and<wbr>flow", "Ebb andflow"),
        ("<p>Ebb</p><p>and <b>flow</b></p>", "Ebb and <b>flow</b>"),
        ('Ebb <img src="a.png" alt="🌊"> flow', "Ebb 🌊 flow"),
        ('<img src="a.png" alt="A wave">Ebb', "Ebb"),
        ("Ebb<center>and</center>flow", "Ebb and flow"),
        ("<![CDATA[Ebb &amp; flow]]>", "Ebb &amp; flow"),
        ("&lt;![CDATA[Ebb &amp;amp; flow]]&gt;", "Ebb &amp; flow"),
        ("Ebb and flow]]>", "Ebb and flow"),
        ("The end is ]]&gt;", "The end is ]]&gt;"),
        (f'<a href="{"x" * 5000}">Ebb</a>', "Ebb"),
        ("x <math><msup><mi>e</mi><mn>2</mn></msup></math>", "x e2"),
        ("a" * 5000, "a" * 1000),
    ],
)
def test_a_title_is_one_line_of_words(title, expected):
    assert cleaned(title=title, title_type="text/html").title_html == expected


def test_marks_of_cdata_go_from_plain_titles_too():
    assert cleaned(title="<![CDATA[Ebb]]>", title_type="text/plain").title == "Ebb"
    assert cleaned(title="What <![CDATA[ is", title_type="text/plain").title == "What <![CDATA[ is"
    head = FeedHead(title="&lt;![CDATA[Tides]]&gt;", subtitle="<![CDATA[Daily]]>")
    assert clean(ParsedFeed(head, ()), url=URL).head.title == "Tides"
    assert clean(ParsedFeed(head, ()), url=URL).head.subtitle == "Daily"


@pytest.mark.parametrize(
    "blank",
    ["<!-- made by a machine -->", " ", "&nbsp;", "<p>\u200b</p>", "<script>a()</script>", "<img>",
     '<img src="https://t.example/1.gif" width="1" height="1">', "iVBORw0KGgoAAAANSUhEUgAA" * 4],
)  # fmt: skip
def test_a_text_of_which_nothing_is_seen_does_not_hide_the_other(blank):
    entry = cleaned(content=blank, summary="<p>Tide <b>tables</b></p>")

    assert entry.content_html == "<p>Tide <b>tables</b></p>"
    assert entry.summary == "Tide tables"
    assert cleaned(content=blank).content_html == ""
    assert cleaned(content="<p>Tide</p>", summary=blank).summary == "Tide"


def test_a_picture_is_something_to_see():
    entry = cleaned(content='<img src="a.png">', summary="A wave")

    assert entry.content_html == f'<img src="{BASE}a.png">'
    assert entry.summary == "A wave"


def test_markup_that_was_escaped_twice_is_markup():
    entry = cleaned(content="&lt;p&gt;Tide &lt;b&gt;tables&lt;/b&gt; &amp;amp; more&lt;/p&gt;")

    assert entry.content_html == "<p>Tide <b>tables</b> &amp; more</p>"
    assert entry.summary == "Tide tables & more"
    assert cleaned(content="The &lt;p&gt; element").content_html == "The &lt;p&gt; element"


@pytest.mark.slow
@pytest.mark.parametrize(
    "markup",
    [f'<img src="data:image/png;base64,{"AAAA" * 9000}">', f"<svg>{'<path/>' * 9000}</svg>",
     f"<style>{'p {color: red} ' * 3000}</style>", f'<a href="/{"x" * 30_000}">', "<br>" * 9000,
     f'<p style="{"color: red; " * 3000}">', f"<!--{'x' * 30_000}-->",
     f'<img src="data:image/png;base64,{"AAAA" * 200_000}">'],
)  # fmt: skip
def test_an_article_that_begins_with_much_markup_has_an_excerpt(markup):
    assert cleaned(content=f"{markup}Tide tables").summary == "Tide tables"


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("ann@example.org (Ann)", "Ann"),
        ("Ann <ann@example.org>", "Ann"),
        ("ann@example.org", "ann@example.org"),
        ("  Ann\n  Bo ", "Ann Bo"),
        ("a-@a-" * 16_000, ("a-@a-" * 80)[:200]),
    ],
)
def test_authors_are_names(author, name):
    assert cleaned(authors=(author,)).authors == (name,)


def test_the_content_hash_is_of_title_and_text_only():
    one = cleaned(title="T", content="x", published="2026-01-01", authors=("A",))
    other = cleaned(title="T", content="x")

    assert one.content_hash == other.content_hash
    assert one.content_hash != cleaned(title="T", content="y").content_hash


@pytest.mark.parametrize("base", ["a.xml", "", "http://[::1", "http://a b/", "http://%/", "x:"])
def test_a_base_that_is_no_url_only_costs_the_relative_links(base):
    html = sanitize.content("<a href='/x'>x</a><a href='https://a.example/y'>y</a>", base=base)

    assert 'href="https://a.example/y"' in html
    assert 'href="/x"' not in html


@given(strategies.text(), strategies.text())
def test_any_text_comes_out_storable(text, other):
    entry = cleaned(title=text, content=text, summary=other, guid=text, authors=(other,), link=text)

    for value in (entry.title, entry.title_html, entry.summary, entry.content_html):
        value.encode()
        assert "\x00" not in value
    assert "<" not in entry.title_html.replace("&lt;", "") or set("<>") <= set(entry.title_html)


@given(strategies.lists(strategies.sampled_from([*"<>/'\"= ", "script", "svg", "onload", "&lt;"])))
def test_no_soup_of_markup_gets_an_element_into_a_title_that_is_not_listed(parts):
    html = sanitize.inline("".join(parts))

    assert not {tag for tag in ("<script", "<svg", "onload=") if tag in html and "<s" in html}


def test_half_a_surrogate_pair_anywhere_in_a_json_feed_can_be_stored():
    half = r"x\ud800y"
    place = f"https://example.org/{half}"
    item = (
        f'{{"id": "{half}", "url": "{place}", "title": "{half}", "summary": "{half}",'
        f'"content_html": "<a href=\'{half}\'>{half}</a>", "tags": ["{half}"],'
        f'"language": "{half}", "date_published": "{half}", "authors": [{{"name": "{half}"}}],'
        f'"attachments": [{{"url": "{place}", "mime_type": "{half}"}}]}}'
    )
    text = (
        f'{{"version": "https://jsonfeed.org/version/1.1", "title": "{half}",'
        f'"home_page_url": "{place}", "items": [{item}]}}'
    )

    feed = clean(parse(text.encode(), headers={}, url=URL), url=URL)

    json.dumps(asdict(feed), default=str, ensure_ascii=False).encode()
    (entry,) = feed.entries
    assert (entry.title, entry.url) == ("x\ufffdy", "https://example.org/x\ufffdy")
    assert entry.content_html.startswith('<a href="https://example.org/x')


TWICE = "&amp;lt;p&amp;gt;Low &amp;lt;b&amp;gt;tide&amp;lt;/b&amp;gt;&amp;lt;/p&amp;gt;"


def test_short_texts_that_were_escaped_again_are_shown_as_they_were_meant():
    once = TWICE.replace("&amp;", "&")
    head = FeedHead(title=once, subtitle=once, rights=once)
    feed = clean(ParsedFeed(head, ()), url=URL)

    assert (feed.head.title, feed.head.subtitle, feed.head.rights) == ("Low tide",) * 3
    assert cleaned(title=once).title_html == "Low <b>tide</b>"
    assert cleaned(title="&lt;details&gt; unfolds").title == "<details> unfolds"
    assert cleaned(content=f"<![CDATA[{once}]]>").content_html == "<p>Low <b>tide</b></p>"


def test_a_feeds_title_keeps_what_it_says_about_elements():
    feed = clean(ParsedFeed(FeedHead(title="All about <selectlist>"), ()), url=URL)

    assert feed.head.title == "All about <selectlist>"


def test_a_file_in_base64_is_not_text_though_it_came_as_plain_text():
    lines = "<br>".join(["iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"] * 3)
    entry = cleaned(content=f"<p>{lines}</p>", summary="<p>A tide table</p>")

    assert entry.content_html == "<p>A tide table</p>"


def test_a_comment_full_of_tags_costs_no_words():
    word = "<!--[if mso]><xml>" + "<w:LsdException/>" * 2500 + "</xml><![endif]-->"
    entry = cleaned(content=f"{word}<p>Low tide at noon</p>")

    assert (entry.content_html, entry.summary) == ("<p>Low tide at noon</p>", "Low tide at noon")


def test_an_excerpt_begins_behind_the_padding_of_a_newsletter():
    assert excerpt("<p>" + "&#847;&zwnj;&nbsp;" * 400 + "</p><p>Low tide</p>") == "Low tide"
