"""What `reading.parse` replaces in feedparser changes nothing that it says of any feed."""

import json
import subprocess
import sys
from pathlib import Path

import feedparser
import pytest
from sqlalchemy import create_engine

from aggregator.poll import PollerFactory
from aggregator.reading.parse import feedparser_speed
from aggregator.reading.parse.parsers import StrictInContext

FEEDS = Path(__file__).parent / "data" / "feeds"
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"

# In a process each, as what is replaced is replaced for good.
SCRIPT = """
import hashlib, io, json, sys, warnings
import feedparser
from aggregator.text.encodings import in_utf8
if sys.argv[1] == "fast":
    from aggregator.reading.parse import feedparser_speed, xml_reader
    feedparser_speed.speed_up()
    read = xml_reader._read  # a document without what stands around the parser
    assert feedparser.util.FeedParserDict.get is feedparser_speed._get
else:
    from aggregator.reading.parse.parsers import LooseInContext, StrictInContext
    feedparser.api.StrictFeedParser = StrictInContext  # what is meant to differ
    feedparser.api.LooseFeedParser = LooseInContext
    read = feedparser.parse
warnings.simplefilter("ignore")
said = {}
for name in sys.stdin.read().split("\\n"):
    with open(name, "rb") as file:
        body = in_utf8(file.read())
    if not body.startswith(b"<?xml"):  # feedparser writes a declaration, which counts as a line
        body = b"<?xml version='1.0' encoding='utf-8'?>\\n" + body
    try:
        result = read(
            io.BytesIO(body),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
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
    assert feedparser.__version__ == feedparser_speed.PROVED_FOR


@pytest.mark.slow
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


def test_another_version_stays_as_it_is_and_is_named_when_polling_begins(monkeypatch, caplog):
    monkeypatch.setattr(feedparser, "__version__", "6.0.0")

    PollerFactory(create_engine("sqlite://"))

    (message,) = [record.getMessage() for record in caplog.records]
    assert "feedparser 6.0.0" in message
    assert f"feedparser=={feedparser_speed.PROVED_FOR}" in message
    assert feedparser_speed.strict_parser() is StrictInContext


def test_the_proved_version_is_not_warned_of(caplog):
    PollerFactory(create_engine("sqlite://"))

    assert not caplog.records


@pytest.mark.slow
def test_importing_the_parser_replaces_nothing():
    script = (
        "from feedparser.util import FeedParserDict as d; get = d.get\n"
        "from aggregator.reading import worker_task; assert d.get is get\n"
        "worker_task.read_document(b'<rss><channel><item/></channel></rss>', {}, 'u')\n"
        "assert d.get is not get"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
