"""The depth of hostile HTML: whatever the tags are, the parser never sees it."""

import random
import re

import nh3
import pytest

from aggregator.reading.sanitize.nesting import MAX_DEPTH, shallow
from tests.selection import slow_after

TIMES = 2200
ALLOWED = frozenset(
    "div span p b i a em font table tr td th caption ul ol li section object button select option "
    "h1 h2 form template svg math mi desc dl dd dt center nobr x y x-a ruby rt rp blockquote pre "
    "marquee g path foreignobject br img input tbody optgroup".split()
)
TEXTS = ("iframe", "noscript", "script", "style", "textarea", "title", "xmp")
MISNESTED = (
    "<div>",
    "<div><table><td></div></table>",
    "<span><div></span></div>",
    "<span><p></span></p>",
    "<span><li></span></li>",
    "<div title='></div>'>",
    '<div ="></div>">',
    "<div title=a/></div title='>'><div>",
    "<x-a></x-b>",
    "<div><xmp></div></xmp>",
    "<div><script><!</script></div></script>",
    "<div><! </div>>",
    "<div></ </div>>",
    "<section><svg><style></section></style></svg>",
    "<svg><tr>",
    "<svg><g a=b/>",
    "<svg><ruby/>",
    "<math><span></math>",
    "<svg><g><![CDATA[></g>]]>",
    "<svg><desc><div></desc></svg>",
    "<math><mi><div></mi></div></math>",
    "<div><select></div></select>",
    "<select><select><x><x></select>",
    "<table><table></table><x></table>",
    "<b><table></b></table>",
    "<div><object></div></object>",
    "<div><template></div></template>",
    "<div><noscript></div></noscript>",
    "<noscript><noscript></noscript><x></noscript>",
    "<p><button></p></button>",
    "<ol><li><ul></li></ul>",
    "<dd><li><dt>",
    "<rt>",
    "<optgroup>",
    "<b class=1><p><i class=2></b>",
)


def depth(html):
    """Return how deep the elements of serialised HTML are, without those that have no end tag."""
    depths, present = [0], 0
    for tag in re.finditer(r"<(/?)([a-z][a-z0-9-]*)[^>]*>", html):
        if tag[2] not in {"br", "img", "input"}:
            present += -1 if tag[1] else 1
            depths.append(present)
    return max(depths)


def parsed_depth(html):
    """Return the depth that the parser makes of a text, with all elements kept."""
    return depth(nh3.clean(html, tags=set(ALLOWED), clean_content_tags=set(), attributes={}))


@pytest.mark.parametrize("piece", slow_after(6, MISNESTED))
def test_misnested_tags_do_not_evade_the_limit_of_depth(piece):
    html = shallow(f"{piece * TIMES}deep")

    assert parsed_depth(html) <= 2 * MAX_DEPTH + 2
    assert "deep" in html


@pytest.mark.parametrize("seed", slow_after(4, range(60)))
def test_no_mixture_of_tags_evades_the_limit_of_depth(seed):
    choice = random.Random(seed)
    names = choice.sample(sorted(ALLOWED | set(TEXTS)), choice.randint(2, 6))
    forms = ("<{}>", "<{}>", "</{}>", "</{}>", "<{} a='>'>", "<{}/>", "t<{}>")
    tags = [choice.choice(forms).format(choice.choice(names)) for _ in range(choice.randint(2, 9))]

    assert parsed_depth(shallow("".join(tags) * TIMES)) <= 2 * MAX_DEPTH + 2


@pytest.mark.parametrize(
    "html",
    slow_after(
        4,
        [
            "<div><p>a<p>b</div>",
            "<b><p>a</b></p>",
            "<table><tr><td>a<td><span>b<tr><td>c</table>",
            "<ul><li>a<li>b<ul><li>c</ul></ul>",
            "<div><span>a</div>",
            "<p><font>a</p><p>b</font></p>",
            "<svg viewBox='0 0 1 1'><title>a</title><path d='M0'/><use href='#a'/></svg>",
            "<math><mi>x</mi><mo>=</mo></math>",
            "<ruby>a<rt>b</ruby>",
            "<ol><li>a<li><div>b<li><p>c</ol>",
            "<dl><dt>a<dd>b</dl>",
            "<a href=x>a<div>b</div></a>",
            "<script>document.write('<div><div>')</script>",
            "<select><option>a<option>b</select>",
            "<img src='a>b'><br/><hr>",
        ],
    ),
)
def test_the_tags_of_a_long_shallow_text_stay(html):
    assert shallow(html * 2000) == html * 2000
