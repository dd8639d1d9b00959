"""What `aggregator.parse` replaces in feedparser changes nothing that it says of any feed."""

import json
import subprocess
import sys
from pathlib import Path

import feedparser
import pytest
from feedparser.datetimes.rfc822 import _parse_date_rfc822
from feedparser.datetimes.w3dtf import _parse_date_w3dtf
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse import faster

FEEDS = Path(__file__).parent / "data" / "feeds"
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"

# In a process each, as what is replaced is replaced for good.
SCRIPT = """
import hashlib, io, json, sys, warnings
import feedparser
from feedparser.api import LooseFeedParser, StrictFeedParser
if sys.argv[1] == "fast":
    from aggregator.parse import faster, strict
    assert feedparser.util.FeedParserDict.get is faster._get
    assert feedparser.api.StrictFeedParser is strict.StrictParser
else:
    for parser in (StrictFeedParser, LooseFeedParser):  # the one thing that is meant to differ
        parser.can_be_relative_uri = parser.can_be_relative_uri - {"id"}
warnings.simplefilter("ignore")
said = {}
for name in sys.stdin.read().split("\\n"):
    with open(name, "rb") as file:
        body = io.BytesIO(file.read())
    try:
        result = feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        said[name] = repr(error)
        continue
    kept = ("feed", "entries", "version", "bozo", "encoding", "namespaces")
    error = str(result.get("bozo_exception"))
    text = repr([error, *(result.get(key) for key in kept)])
    said[name] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
json.dump(said, sys.stdout)
"""


def said(how: str, paths: list[Path]) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_proved_for_the_version_that_is_installed():
    assert feedparser.__version__ == faster.PROVED_FOR


def number(most: int, digits: int = 2) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(lambda value: f"{value:0{digits}}")


CLOCKS = st.builds("{}:{}:{}".format, number(25), number(61), number(61))
ZONES = st.builds("{}{}{{}}{}".format, st.sampled_from("+-"), number(29), number(99))
YEARS = st.integers(0, 9999).map("{:04}".format)
RFC_822 = st.builds(
    "{}, {} {} {} {} {}".format,
    st.sampled_from(["Mon", "Tue", "Sun", "Xyz"]),
    number(33),
    st.sampled_from([*faster._MONTHS, "Foo"]),
    YEARS,
    CLOCKS,
    st.just("GMT") | st.just("EST") | ZONES.map(lambda zone: zone.format("")),
)
RFC_3339 = st.builds(
    "{}-{}-{}T{}{}".format,
    YEARS,
    number(14),
    number(33),
    CLOCKS,
    st.just("Z") | st.just("") | ZONES.map(lambda zone: zone.format(":")),
)


def outcome(read, text: str) -> tuple[int, ...] | None:
    try:
        return read(text)
    except (KeyError, OverflowError, ValueError, AttributeError):  # what feedparser passes over
        return None


@given(RFC_822 | RFC_3339)
def test_a_date_in_a_usual_form_is_read_as_by_feedparser(text):
    ours = outcome(faster.usual_date, text)

    theirs = outcome(_parse_date_w3dtf, text) or outcome(_parse_date_rfc822, text)
    assert ours is None or ours == theirs


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 23 Nov 2026 15:14:16 GMT",
        "Mon, 23 Nov 2026 15:14:16 -0330",
        "2026-11-23T15:14:16Z",
        "2026-11-23T15:14:16+05:45",
    ],
)
def test_the_usual_forms_are_read_before_any_other_is_tried(text):
    assert faster.usual_date(text) == (_parse_date_w3dtf(text) or _parse_date_rfc822(text))


def test_our_own_feeds_are_read_as_without():
    paths = sorted(FEEDS.iterdir())

    assert said("fast", paths) == said("slow", paths)


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there")
def test_every_feed_of_the_corpus_is_read_as_without():
    paths = [
        path
        for folder in ("real", "crawl2011", "conformance")
        for path in sorted((CORPUS / folder).rglob("*"))
        if path.is_file()
    ]

    assert len(paths) > 1000
    assert said("fast", paths) == said("slow", paths)
