"""Markup is what its publisher meant, in words that every reader lets through."""

import html5lib
import pytest
from hypothesis import example, given, settings, strategies

from aggregator.reading import sanitize
from aggregator.reading.sanitize import policy, rewriting
from aggregator.reading.sanitize.nesting import MAX_DEPTH
from aggregator.reading.sanitize.unusual import needs_rewriting
from tests.cpu_time import cpu_limit
from tests.selection import examples, slow_after

BASE = "https://example.org/blog/"
PNG = "iVBORw0KGgoAAAANSUhEUgAA" * 4
PAGE = "https://example.org/blog/tides"
REL = 'rel="noopener noreferrer"'
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def content(html):
    return sanitize.content(html, base=BASE, page=PAGE)


# ------------------------------------------------------------- pictures


@pytest.mark.parametrize("src", ["", f'src="{GIF}"', 'src=""', 'src="/img/blank.gif"',
                                 'src="data:image/svg+xml,%3Csvg/%3E"', 'src="about:blank"',
                                 'src="https://cdn.example/lazy_placeholder.png?v=2"'])  # fmt: skip
@pytest.mark.parametrize("name", ["data-src", "data-original", "data-lazy-src", "data-orig-file",
                                  "data-hi-res-src", "data-large-file", "DATA-SRC",
                                  "data-my-image-url"])  # fmt: skip
def test_a_picture_that_a_script_would_load_has_its_address(src, name):
    html = content(f'<p>a</p><img {src} {name}="quay.jpg" alt="Quay">')

    assert html.startswith("<p>a</p><img ")
    assert f'src="{BASE}quay.jpg"' in html
    assert 'alt="Quay"' in html
    assert "data:" not in html


def test_a_picture_that_has_an_address_keeps_it_unless_a_script_would_replace_it():
    html = '<img src="small.jpg" data-original="large.jpg">'

    assert content(html) == f'<img src="{BASE}small.jpg">'
    assert f'src="{BASE}large.jpg"' in content(html.replace("data-original", "data-src"))
    assert f'src="{BASE}large.jpg"' in content(html.replace("<img", '<img class="js-lazy"'))


def test_sources_and_sizes_are_loaded_too():
    html = content(
        '<picture><source data-srcset="a.webp 1x">'
        f'<img src="{GIF}" data-srcset="a.jpg 1x, b.jpg 2x"></picture>'
    )

    assert f'<source srcset="{BASE}a.webp 1x">' in html
    assert f'src="{BASE}a.jpg"' in html
    assert f'srcset="{BASE}a.jpg 1x, {BASE}b.jpg 2x"' in html


@pytest.mark.parametrize(
    "html",
    [
        f'<img class="lazy" src="{GIF}"><noscript><img src="quay.jpg"></noscript>',
        '<noscript>Needs a script.<a href="x"><img src="quay.jpg"></a></noscript>',
        f'<img src="{GIF}" data-src="quay.jpg"> <noscript><img src="quay.jpg"></noscript>',
        f'<img src="{GIF}" data-src="quay.jpg"><noscript><img src="quay-large.jpg"></noscript>',
        f'<noscript><img src="quay.jpg"></noscript><b></b><img src="{GIF}" data-src="quay.jpg">',
        '<amp-img src="quay.jpg"><noscript><img src="quay.jpg"></noscript></amp-img>',
    ],
)
def test_a_picture_for_want_of_scripts_stands_once(html):
    assert content(html).count("<img") == content(html).count("quay.jpg") == 1
    assert "script" not in sanitize.plain_text(html)


def test_no_tracker_comes_out_of_a_noscript():
    assert content('<noscript><img src="//t.example/1" width=1 height="1"></noscript>') == ""
    assert content('<noscript><iframe src="//t.example/" style="display:none"></noscript>') == ""


# ------------------------------------------------------------- elements of the past


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<strike>4</strike> <tt>5</tt>", "<s>4</s> <code>5</code>"),
        ("<acronym title=b>a</acronym>", '<abbr title="b">a</abbr>'),
        ('<font size="1">a</font><big>b</big>', "ab"),
        ("<dir><li>a</dir><menu><li>b</menu>", "<ul><li>a</li></ul><ul><li>b</li></ul>"),
        ("<xmp>a <b> &amp;</xmp>", "<pre>a &lt;b&gt; &amp;amp;</pre>"),
        ("a<plaintext>b <i>", "a<pre>b &lt;i&gt;</pre>"),
        ("<textarea>a\n<b></textarea>", "<pre>a\n&lt;b&gt;</pre>"),
        ('<span style="text-decoration: line-through">a</span>', "<s>a</s>"),
        ('10<span style="vertical-align:super">2</span>', "10<sup>2</sup>"),
        ('<ol><li value="3">a</ol>', '<ol><li value="3">a</li></ol>'),
    ],
)
def test_an_obsolete_element_is_the_one_that_took_its_place(html, expected):
    assert content(html) == expected


@pytest.mark.parametrize(
    "name",
    "button center dialog dir fieldset form hgroup label legend listing marquee menu multicol "
    "optgroup output search select textarea xmp".split(),
)
def test_words_of_neighbours_do_not_run_together(name):
    html = f"<{name}>tide</{name}><{name}>moon</{name}>sea"

    for words in (sanitize.plain_text(html), sanitize.text_of(content(html))):
        assert "tidemoon" not in words
        assert "moonsea" not in words
    assert sanitize.plain_text(html).split() == ["tide", "moon", "sea"]


def test_boxes_of_a_task_list_are_signs():
    html = '<li><input type="checkbox" checked> a<li><input type=checkbox> b<li><input type=radio>c'

    assert sanitize.plain_text(html) == "☑ a ☐ b ○ c"
    assert content(html) == "<li>☑ a</li><li>☐ b</li><li>○ c</li>"


@pytest.mark.parametrize(
    ("cell", "attribute"),
    [
        ("<td align=RIGHT>", ' align="right"'),
        ('<td style="width:9px; text-align: center">', ' align="center"'),
        ('<td align="x&quot; onclick=a()">', ""),
        ('<td style="text-align:expression(a())">', ""),
    ],
)
def test_cells_keep_their_alignment(cell, attribute):
    html = content(f"<table><tr>{cell}1</table>").lower()

    assert html == f"<table><tbody><tr><td{attribute}>1</td></tr></tbody></table>"


# ------------------------------------------------------------- formulas


def test_a_formula_stays_without_its_annotations():
    html = (
        '<math display="block"><semantics><msup><mi>x</mi><mn>2</mn></msup>'
        '<annotation encoding="application/x-tex">x^2</annotation>'
        '<annotation-xml encoding="text/html"><img src=x onerror=a()></annotation-xml>'
        "</semantics></math>"
    )

    assert content(html) == '<math display="block"><msup><mi>x</mi><mn>2</mn></msup></math>'
    assert sanitize.plain_text(f"a {html} b") == "a x2 b"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<math><annotation encoding="application/x-tex">a &lt; b</annotation></math>',
         "<code>a &lt; b</code>"),
        ('<math alttext="a^2"></math>', "<code>a^2</code>"),
        ("<math><mfenced open='[' separators=';'><mi>a</mi><mi>b</mi></mfenced></math>",
         "<math><mrow><mo>[</mo><mi>a</mi><mo>;</mo><mi>b</mi><mo>)</mo></mrow></math>"),
        ("<mml:math><mml:mi>a</mml:mi></mml:math>", "<math><mi>a</mi></math>"),
        ('<script type="math/tex">a<b</script>', r"\(a&lt;b\)"),
        ('<script type="math/tex; mode=display">a</script>', r"\[a\]"),
        ("<math></math>b", "b"),
    ],
)  # fmt: skip
def test_a_formula_leaves_what_can_be_read(html, expected):
    assert content(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        '<i class="katex-mathml"><math><mi>q</mi></math></i><i class="katex-html">q</i>',
        "<nobr aria-hidden=true>q</nobr><math><mi>q</mi></math><script type=math/tex>q</script>",
        '<span class="MathJax_Preview">q</span><script type="math/tex">q</script>',
        '<mjx-math aria-hidden="true">q</mjx-math><math><mi>q</mi></math>',
        '<math><mi>q</mi></math><img class="mwe-math-fallback-image-inline" src="q.svg" alt="q">',
    ],
)
def test_a_formula_that_is_written_twice_stands_once(html):
    assert sanitize.text_of(content(html)).strip(r"\()") == "q"
    assert "<img" not in content(html)


PIECES = [
    "<math>", "</math>", "<mtext>", "</mtext>", "<mi>", "<mglyph>", "<malignmark>", "<svg>",
    "<annotation-xml encoding='text/html'>", "</annotation-xml>", "<desc>", "<foreignObject>",
    "<style>", "</style>", "<table>", "</table>", "<td>", "<noscript>", "</noscript>", "<![CDATA[",
    "]]>", "<!--", "-->", "<textarea>", "</textarea>", "<title>", "</title>", "<xmp>", "</xmp>",
    "<img src=x onerror=a()>", "<img title='--&gt;&lt;img src=x onerror=a()&gt;'>", "<select>",
    "<b title=\"</style><img src=x onerror=a()>\">", "&lt;img src=x onerror=a()&gt;", "<plaintext>",
    "<iframe src=//x title='<img src=x onerror=a()>'>", "</iframe>", "<template>", "</template>",
    "<mfenced open='<img src=x onerror=a()>'>", "<object data='javascript:a()'>", "</object>",
    "<math alttext='<img src=x onerror=a()>'>", "<script type=math/tex><img src=x onerror=a()>",
    "</script>", "<script type=math/mml><img src=x onerror=a()>", "<input value='<script>a()'>",
    "<a href='javascript:a()'>", "<a href='#a'>", "<b id=a>", "<a name='a'>", "<m:math>", "<p>",
    "<img data-src='javascript:a()'>", "&lt;![CDATA[", "<option label='<img src=x onerror=a()>'>",
]  # fmt: skip


def elements(html):
    tree = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return [one for one in tree.iter() if isinstance(one.tag, str) and one is not tree]


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None)
@given(strategies.lists(strategies.sampled_from(PIECES), max_size=16).map("".join))
@example("&lt;![CDATA[&lt;img src=x onerror=a()&gt;]]&gt;")
@example("<p>&lt;![CDATA[&lt;img src=x onerror=a()&gt;]]&gt;")
def test_no_mixture_of_formulas_drawings_and_raw_text_gets_anything_through(html):
    allowed = policy.CONTENT_TAGS | policy.FORMULA_TAGS
    for safe in (content(html), sanitize.inline(html)):
        for place in (safe, f"<math><mtext>{safe}", f"<svg><desc>{safe}", f"<table>{safe}"):
            for element in elements(place):
                name = str(element.tag).rpartition("}")[2]
                assert name in allowed | {"svg", "desc"}, (safe, name)
                assert not any(key.startswith("on") for key in element.attrib), safe
                assert not any("javascript" in value for value in element.attrib.values()), safe


# ------------------------------------------------------------- frames


@pytest.mark.parametrize(
    ("html", "address", "text"),
    [
        ('<iframe src="https://www.video.example/embed/a1" title="A film"></iframe>',
         "https://www.video.example/embed/a1", "A film"),
        ("<iframe src=//www.video.example/a></iframe>", "https://www.video.example/a",
         "video.example"),
        ('<iframe src="about:blank" data-src="https://video.example/a"></iframe>',
         "https://video.example/a", "video.example"),
        ('<embed src="film.swf">', f"{BASE}film.swf", "example.org"),
        ('<object data="film.swf">Get a player<embed src="film.swf"></object>', f"{BASE}film.swf",
         "example.org"),
        ('<object><param name="movie" value="film.swf"><embed src="film.swf">Get one</object>',
         f"{BASE}film.swf", "example.org"),
        ('<frameset><frame src="menu.html"></frameset>', f"{BASE}menu.html", "example.org"),
    ],
)  # fmt: skip
def test_a_frame_leaves_a_link_in_its_place(html, address, text):
    link = f'<a href="{address}" {REL}>{text}</a>'

    assert content(f"<div>{html}</div>") == f"<div><p>{link}</p></div>"
    assert content(f"<p>a{html}b</p>") == f"<p>a {link} b</p>"
    assert sanitize.plain_text(f"a {html} b") == "a b"


def test_a_frame_that_closes_itself_does_not_swallow_what_follows():
    assert content("<iframe src=//a.example /><p>b</p>").endswith("<p>b</p>")


@pytest.mark.parametrize(
    "html",
    ["<iframe src=//t.example width=1 height=1></iframe>", "<iframe src=//t.example height=0>",
     "<iframe src=//t.example style='visibility: hidden'>", "<iframe srcdoc='<p>a'></iframe>",
     "<iframe src=data:text/html,a>", "<embed src='javascript:a()'>", "<iframe></iframe>",
     "<iframe src=mailto:a@b.example>", "<object data=//t.example width=0>"],
)  # fmt: skip
def test_a_frame_that_nobody_sees_or_may_open_leaves_nothing(html):
    assert "href" not in content(html)
    assert "<p>" not in content(html)


def test_an_object_that_is_a_picture_is_one_and_one_without_address_its_words():
    html = '<object data="map.svg" type="image/svg+xml" title="Map">No map</object>'

    assert content(html) == f'<p><img src="{BASE}map.svg" alt="Map"></p>'
    assert content("<object>a<b>b</b></object>") == "a<b>b</b>"


# ------------------------------------------------------------- footnotes


def test_a_footnote_leads_to_its_page_and_keeps_a_place_of_its_own():
    html = (
        '<a href="#n1">1</a><p id="n1">a</p><p id="other">b</p><a name="n2"></a><a href="#n2">2</a>'
    )

    assert content(html) == (
        f'<a href="{PAGE}#n1" {REL}>1</a><p id="text-n1">a</p><p>b</p><a id="text-n2" {REL}></a>'
        f'<a href="{PAGE}#n2" {REL}>2</a>'
    )
    assert content(content(html)) == content(html)


def test_a_link_to_its_own_page_counts_and_one_to_no_place_does_not():
    html = f'<a href="{PAGE}#n1">1</a><p id="n1">a</p>'

    assert '<p id="text-n1">' in content(html)
    assert content('<a href="#">top</a>') == f"<a {REL}>top</a>"
    assert sanitize.content('<a href="#n1">1</a>', base=BASE) == f"<a {REL}>1</a>"


# ------------------------------------------------------------- letters


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("&#55357;&#56842;", "😊"),
        ("&#xD83D;&#xDE0A;", "😊"),
        ("&#xd83d&#xde0a", "😊"),
        ("&#55357;&#xDE0A;", "😊"),
        ("&#55357; &#56842;", "\ufffd \ufffd"),
        ("&#56842;&#55357;", "\ufffd\ufffd"),
    ],
)
def test_two_halves_are_a_character_and_one_is_none(html, expected):
    assert content(html) == sanitize.plain_text(html) == sanitize.inline(html) == expected


@pytest.mark.parametrize(
    "html",
    ["<![CDATA[<p>tide</p>]]>", "&lt;![CDATA[&lt;p&gt;tide&lt;/p&gt;]]&gt;", "<![cdata[<p>tide</p>",
     "<p>tide</p>]]>", "<p>tide</p> ]]&gt;\n", "<![CDATA[<![CDATA[<p>tide</p>]]>]]>",
     "<p><![CDATA[tide]]></p>"],
)  # fmt: skip
def test_marks_of_cdata_are_not_read(html):
    assert content(html) == "<p>tide</p>"
    assert sanitize.plain_text(html) == "tide"


def test_marks_of_cdata_in_prose_stay():
    assert sanitize.plain_text("<p>What is &lt;![CDATA[ for?</p>") == "What is <![CDATA[ for?"


# ------------------------------------------------------------- limits


@pytest.mark.slow
def test_words_behind_a_huge_inline_picture_are_kept():
    picture = f'<img src="data:image/png;base64,{"AAAA" * 200_000}" alt="a">'

    assert content(f"{picture}<p>tide</p>") == '<img alt="a"><p>tide</p>'
    assert content(picture.replace("AAAA", "AAA&#10;") + "tide") == '<img alt="a">tide'
    assert sanitize.plain_text(f"<svg>{'<path/>' * 100_000}</svg><p>tide</p>") == "tide"
    assert sanitize.plain_text(f"<style>{'p {}' * 200_000}</style><!--{'-' * 99}-->tide") == "tide"


def test_an_inline_picture_within_the_limit_stays():
    src = "data:image/png;base64," + "AAAA" * 2000

    assert content(f'<img src="{src}">') == f'<img src="{src}">'


@pytest.mark.parametrize(
    "text", [PNG, f"data:image/png;base64,{PNG}", f"\n {PNG}\n{PNG}\n", "\ufffdPNG\ufffd\ufffd\0"]
)
def test_a_file_is_not_text(text):
    assert sanitize.is_binary(text)


@pytest.mark.parametrize(
    "text", ["", "Words", "a" * 99, "<p>See:</p>" + "iVBORw0KGgoA" * 20, "caf\ufffd au lait"]
)
def test_words_are_text(text):
    assert not sanitize.is_binary(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    slow_after(
        9,
        [
            "<a",
            "<b ",
            "<a href=#a>",
            "<math>",
            "<math ",
            "<xmp><math>",
            "<iframe src=//a>",
            "<noscript>",
            "<noscript><img src=a>",
            "<img data-src=/a.jpg>",
            "<![CDATA[",
            "<math><mfenced>",
            "<object>",
            "<object data=//a>",
            "<input type=checkbox>",
            "<plaintext>",
            "<svg>",
            "<td style='text-align",
            "<a name=x #",
            "&lt;![CDATA[",
            "<math><annotation>",
            "data:",
            "<img class=lazy data-src='a ",
        ],
    ),
)
def test_what_a_text_costs_and_becomes_is_bounded(piece):
    html = piece * (sanitize.MAX_FRAGMENT // len(piece))
    page = "https://example.org/" + "p" * 2000
    with cpu_limit(20):
        assert len(sanitize.content(html, base=BASE, page=page)) <= 2 * sanitize.MAX_FRAGMENT
        sanitize.plain_text(html)


@pytest.mark.parametrize(
    "html",
    ['<p class="a" style="color:red">a <a href="b" name>c</a></p>', "<table><td>a</table>",
     '<img src="a.jpg" data-id="7" loading="lazy">', "<p>&lt;iframe&gt; &amp; &lt;math&gt;</p>",
     '<img src="a.jpg" data-orig-file="b.jpg" alt="">', "<article><header>a</header></article>"],
)  # fmt: skip
def test_an_ordinary_text_is_parsed_once(html):
    assert not needs_rewriting(html.encode().lower())


REWRITTEN = {*rewriting._RENAMED, *rewriting._SET_APART, *rewriting.FRAMES, "input", "noscript"}


@pytest.mark.parametrize("name", sorted(REWRITTEN - {"x-frame"}))
def test_a_text_with_an_element_to_rewrite_is_rewritten(name):
    assert needs_rewriting(f"<p>a<{name}>b".encode())
    assert needs_rewriting(f"<{name}/>".encode())
    assert not needs_rewriting(f"<{name}x>&lt;{name}&gt;".encode())


@pytest.mark.parametrize("tag", ["a", "b", "div", "h2", "li", "p"])
def test_a_line_through_an_element_goes_through_its_text(tag):
    html = content(f'<{tag} style="color: red; text-decoration: line-through">10</{tag}> 8')

    assert "<s>10</s>" in html
    assert "<s>" not in content('<p style="text-align:left"><a href="/line-through">10</a></p>')


@pytest.mark.parametrize("name", ["lazy-src", "lazysrc", "original", "zoomfile", "data-source",
                                  "data-retina", "data-hires", "data-photo"])  # fmt: skip
def test_attributes_of_old_scripts_have_pictures_too(name):
    assert content(f'<img {name}="/quay.jpg">') == '<img src="https://example.org/quay.jpg">'


@pytest.mark.parametrize("src", ['""', "''"])
def test_an_empty_address_of_a_picture_is_not_the_page(src):
    assert BASE not in content(f"<p>a <img src={src}> b</p>")


def test_a_picture_that_was_escaped_in_a_noscript_is_shown():
    html = f'<img src="{GIF}"><noscript>&lt;img src="quay.jpg" onerror="a()"&gt;</noscript>'

    assert content(html) == f'<img src="{BASE}quay.jpg">'


@pytest.mark.parametrize(
    "nest",
    ["<div>{}</div>", "<b><i><u>{}</u></i></b>", "<DIV>İ{}</DIV>", "<p><b class='x'>{}"],
)
def test_a_text_below_thousands_of_elements_keeps_its_words(nest):
    start, _, end = nest.partition("{}")

    html = sanitize.content(f"{3000 * start}deep{3000 * end}<p>After</p>", base=BASE)

    assert "deep" in html
    assert "After" in html


def test_an_end_tag_that_ends_nothing_does_not_count():
    html = sanitize.content(3000 * "<div></i>" + "deep", base=BASE)

    assert html.count("<div>") <= MAX_DEPTH
    assert "deep" in html


def test_tags_that_are_removed_at_a_depth_make_no_other_tag():
    html = sanitize.content(f"{600 * '<div>'}{3000 * '<<i>div>'}deep", base=BASE)

    assert html.count("<div>") <= MAX_DEPTH
