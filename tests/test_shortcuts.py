"""Where reading takes a short way, the same comes out as by the long one.

From outside a short way can only be told by its time, so both ways are called by their own names.
"""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, strategies

from aggregator import urls
from aggregator.errors import ParseError
from aggregator.reading import clean as stage
from aggregator.reading import excerpts, sanitize
from aggregator.reading.clean import clean
from aggregator.reading.excerpts import excerpt
from aggregator.reading.parse import date_choice, parse, xml_reader
from aggregator.reading.sanitize import unusual as unusual_markup
from aggregator.urls import syntax
from tests.selection import seeds
from tests.test_strict import parsed_the_long_way

FEEDS = Path(__file__).parent / "data" / "feeds"
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
URL = "https://example.org/dir/feed"
NEVER = re.compile("(?!)")
soup = partial(strategies.lists, max_size=60)


@contextmanager
def the_long_way() -> Iterator[None]:
    with ExitStack() as ways:
        ways.enter_context(parsed_the_long_way())
        for where, name, value in (
            (syntax, "PLAIN_URL", NEVER),
            (date_choice, "_RFC_822", NEVER),
            (xml_reader, "_BASE", re.compile(rb"\bbase\s*=")),
            (sanitize, "_MAY_BE_CONTROL", bytes(range(256))),
            (sanitize, "is_ordinary", lambda lower: False),
            (sanitize, "_is_unusual", unusual),
            (sanitize, "PATH_RELATIVE", re.compile(b"")),
            (stage, "excerpt", excerpt_of_all),
        ):
            ways.enter_context(patch.object(where, name, value))
        yield


def unusual(html: bytes) -> bool:
    lower = html.decode().lower()
    return any(part in lower for part in ("srcset", "data:", "script:", '"#', "'#", "=#"))


def excerpt_of_all(html: str, *, of_all: bool = False) -> str:
    text = excerpts._line(html[:20_000], of_all=of_all)
    text = text if len(text) > excerpts.EXCERPT else excerpts._line(html, of_all=of_all)
    shortened = len(text) > 1000
    text = text[:1000] if shortened else excerpts._APPEARED_FIRST.sub("", text)
    shortened |= bool(excerpts._ELLIPSIS.search(text))
    text = excerpts._ELLIPSIS.sub("", text)
    for pattern, by in (
        (excerpts._HEADING, ""),
        (excerpts._STRONG, r"\1"),
        (excerpts._EMPHASIS, r"\1"),
        (excerpts._STRAY, ""),
    ):
        text = pattern.sub(by, text)
    text = text.strip()
    if len(text) > excerpts.EXCERPT:
        text, shortened = excerpts._cut(text), True
    return f"{text.rstrip(' ,;:·–—-')}…" if shortened and text else text


def read(body: bytes) -> str:
    try:
        feed = parse(body, headers={}, url=URL)
        return repr((feed, clean(feed, url=URL)))
    except ParseError as error:
        return str(error)


def check(paths: list[Path]) -> int:
    different = []
    for path in paths:
        body = path.read_bytes()
        short = read(body)
        with the_long_way():
            if read(body) != short:
                different.append(path.name)
    assert different == []
    return len(paths)


def test_our_own_feeds_read_the_same():
    assert check(sorted(FEEDS.iterdir())) == 5


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there")
@pytest.mark.parametrize("folder", ["real", "crawl2011", "conformance"])
def test_every_feed_of_the_corpus_reads_the_same(folder):
    assert check([path for path in sorted((CORPUS / folder).rglob("*")) if path.is_file()]) > 100


MARKUP = [
        "word ", "many words, one after another ", "\n", "<p>", "</p>", "<b>", "</b>", "</a>",
        "<a href=x>", "<div>", "</div>", "<br>", "<table>", "<TABLE><tr><td>", "</table>", "<li>",
        "<svg>", "</svg>", "<script>", "</script>", "<!--", "-->", "<select>", "<noscript>",
        "</noscript>", "<template>", "</template>", "<title>", "</title>", "<object>",
        "</object>", "<math><mi>", "<style>", "</style>", "&amp;", "&nbsp;",
        "&CounterClockwiseContourIntegral;", "&#65;", "<",
        "&", "\x96", "\ufffe", "字’ü", "#", "# ", "## ", "* ", "*x y* ", "*", "**", "…", "[...]",
        "...", "]", "<h2>",
        "The post x appeared first on y.", "<textarea>", "<i>", "</i>", "<font>", "<nobr>", "<tr>",
    ]  # fmt: skip
PIECES = strategies.sampled_from(MARKUP)


@given(soup(PIECES))
def test_an_excerpt_is_what_all_patterns_make_of_it(parts):
    html = "".join(parts)

    assert excerpt(html) == excerpt_of_all(html)


@pytest.mark.hypothesis
def test_the_start_of_some_html_has_the_start_of_its_text():
    shorter, tried = 0, seeds(1500)
    for seed in tried:
        chance = random.Random(seed)
        pieces = [*chance.choices(MARKUP, k=8), "&CounterClockwiseContourIntegral;"]
        words = ["word ", "many words, one after another "]
        html = "".join(chance.choice([*pieces, *words * 4]) for _ in range(400))
        whole, start = excerpts._line(html[:20_000]), excerpts._start_of_text(html)
        shorter += len(start) < len(whole)

        assert start[:1000] == whole[:1000], seed
        assert (len(start) > 1000) == (len(whole) > 1000), seed

    assert shorter > len(tried) / 10


def test_a_reference_that_the_cut_goes_through_is_read_whole():
    reference = "&CounterClockwiseContourIntegral;"
    for letters in range(960, 1001):
        shown = "x" * letters
        tags = "<br>" * 500
        html = f"{tags[: 1980 - letters]}{shown}{reference}{shown}"

        assert excerpts._start_of_text(html)[:1000] == excerpts._line(html)[:1000]


@given(strategies.text() | soup(PIECES).map("".join))
def test_only_control_characters_are_dropped(text):
    assert sanitize._readable(text)[0] == sanitize._CONTROL.sub("", text)


def test_each_control_character_is_dropped():
    for number in [*range(0x2000), *range(0xD000, 0x10000), 0x1F600]:
        text = f"a{chr(number)}"

        assert sanitize._readable(text)[0] == sanitize._CONTROL.sub("", text)


LURES = [*"dDaAtT:sScCrRiIpPeE\"'=#& ", "ſ", "İ", "srcset", "DATA:", "script:", "=#", "'#", '"#']


@given(soup(strategies.sampled_from(LURES)))
def test_the_filter_is_used_where_it_was(parts):
    html = "".join(parts)

    assert sanitize._is_unusual(sanitize._readable(html)[1]) == unusual(html.encode())


PAGE = "https://example.org/page"
SIGNS = [
    *"<>/ \"'=#x", "<p ", "</p>", "<img ", "<a ", "<td ", "<iframe ", "<math>", "<m:math>", "<tt>",
    "<script type=math/tex>", "src", "href", "srcset=", "srcset =", "style=", "id=", "name=",
    "data-", "data:", "line-through", "text-align", "vertical-align:sub", "lazy-src=",
    " original=", "&#55357;", "&#xD83D;", "https://example.org/", "/b", f"{PAGE}#x", "<![CDATA[",
]  # fmt: skip


@given(soup(strategies.sampled_from(SIGNS)))
def test_an_ordinary_text_has_nothing_for_a_closer_look(parts):
    lower = sanitize._readable(f"<p>{''.join(parts)}")[1]

    if unusual_markup.is_ordinary(lower):
        assert not unusual_markup.needs_rewriting(lower)
        assert not sanitize._is_unusual(lower)
        assert not sanitize._has_fragment_links(lower, PAGE)
        assert not unusual_markup.HALF.search(lower)
        assert not unusual_markup.PATH_RELATIVE.search(lower)


@pytest.mark.parametrize(
    "html",
    ['<p class="a" style="color:red">a <a href="https://example.org/b">c</a></p>',
     '<img src="/a.jpg" alt="b" width="10">', "<table><td>&#8217;</table>", "a &amp; b"],
)  # fmt: skip
def test_most_texts_are_ordinary(html):
    assert unusual_markup.is_ordinary(html.encode())


@pytest.mark.slow
@given(
    strategies.from_regex(syntax.PLAIN_URL, fullmatch=True)
    | soup(strategies.sampled_from(["http", "https", "HTTP", "://", *"a.:/?#;=&@[]%\\ \t\n~"])).map(
        "".join
    ),
    strategies.sampled_from([URL, "http://[::1", "", "a/b", "mailto:a@b", "http://c.example?x#y"]),
)
def test_a_plain_address_is_absolute_as_it_is(url, base):
    absolute, joined = urls.absolute(url, base), urls.joined(base, url)

    with patch.object(syntax, "PLAIN_URL", NEVER):
        assert urls.absolute(url, base) == absolute
        assert urls.joined(base, url) == joined


@given(
    strategies.from_regex(date_choice._RFC_822, fullmatch=True)
    | soup(strategies.sampled_from(["Sun, ", "29 ", "31 ", "Feb ", "Nov ", "2026 ", "1900 ",
                                    "23:59:60 ", "10:00:00 ", "GMT", "-0330", "+9959"])).map(
        "".join
    )
)  # fmt: skip
def test_a_date_in_the_form_of_rss_is_what_feedparser_reads(text):
    date = date_choice.read_date(text)

    with patch.object(date_choice, "_RFC_822", NEVER):
        assert date_choice.read_date(text) == date
