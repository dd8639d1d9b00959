"""Every feed of the shared corpus, where it lies: nothing crashes, nothing is lost or executable.

The corpus is other people's data beside the project; without it these tests are skipped.
"""

import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aggregator import dates
from aggregator.errors import ParseError
from aggregator.model import CleanFeed, FeedHead, Origin, ParsedEntry, ParsedFeed
from aggregator.publish import Document, Format, render
from aggregator.reading import sanitize
from aggregator.reading.clean import clean
from aggregator.reading.parse import parse
from tests import listed

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
URL = "https://example.org/dir/feed"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there"),
]


def read(path: Path, headers: dict[str, str] | None = None) -> CleanFeed | None:
    try:
        return clean(parse(path.read_bytes(), headers=headers or {}, url=URL), url=URL)
    except ParseError:
        return None


def expectations(name: str) -> dict[str, dict]:
    return json.loads((CORPUS / "expectations" / name).read_text())


def test_no_date_that_feedparser_reads_is_lost_and_few_are_another_time():
    dates_read, lost, other = 0, [], []
    for path in sorted(CORPUS.rglob("*")):
        if not path.is_file() or path.suffix in {".md", ".tsv", ".opml"}:
            continue
        try:
            feed = parse(path.read_bytes(), headers={}, url=URL)
        except ParseError:
            continue
        for entry in feed.entries:
            date, parsed = dates.read(entry.published, entry.published_at), entry.published_at
            if date is None or parsed is None or not dates.EARLIEST <= parsed < dates.LATEST:
                continue
            dates_read += 1
            if date.at is None and parsed.timestamp():
                lost.append(entry.published)
            elif date.at not in {None, parsed}:
                other.append(entry.published)

    assert dates_read > 5000
    no_times = re.compile("T25:|:61|01 Jan 2001 00:00:00 GMT")  # the last one is a clock's zero
    assert [text for text in lost if not no_times.search(text)] == []
    assert len(other) < 0.01 * dates_read, other  # "8:19 pm", names of zones


def test_real_feeds_have_as_many_entries_as_two_independent_readers_found():
    expected = {
        name: values["entries"]
        for name, values in expectations("real.json").items()
        if values.get("agree")
    }
    found = {name: read(CORPUS / name) for name in expected}
    counts = {name: len(feed.entries) if feed else 0 for name, feed in found.items()}
    wrong = {name: counts[name] for name, count in expected.items() if counts[name] != count}

    assert len(wrong) <= 0.02 * len(expected), wrong


@pytest.mark.parametrize("folder", ["conformance", "real", "crawl2011"])
def test_no_document_crashes_and_all_that_comes_out_can_be_stored(folder):
    feeds = [read(path) for path in sorted((CORPUS / folder).rglob("*")) if path.is_file()]
    found = [feed for feed in feeds if feed]

    assert len(found) > len(feeds) / 2
    for feed in found:
        for entry in feed.entries:
            json.dumps(asdict(entry), default=str, ensure_ascii=False).encode()  # no surrogates
            for text in (entry.title, entry.title_html, entry.summary, entry.content_html):
                assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", text)
            assert entry.url is None or entry.url.startswith(("http://", "https://", "mailto:"))


class _Executable(HTMLParser):
    """Collects what a browser could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "style", "iframe", "object", "embed", "svg", "form", "base",
                   "link", "meta", "input", "button", "frame", "applet", "template"}:  # fmt: skip
            self.found.append(tag)
        for name, value in attrs:
            scheme = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or name in {"style", "srcdoc", "ping", "formaction"}:
                self.found.append(name)
            if scheme.startswith(("javascript:", "vbscript:", "data:text", "data:image/svg")):
                self.found.append(f"{name}={scheme[:30]}")


def executable(html: str) -> list[str]:
    parser = _Executable()
    parser.feed(html)
    parser.close()
    return parser.found


def vectors() -> list[str]:
    found: list[str] = []
    for path in sorted((CORPUS / "xss").rglob("*.json")):
        document = json.loads(path.read_text())
        values = document["vectors"] if isinstance(document, dict) else document
        found += [value["payload"] if isinstance(value, dict) else value for value in values]
    found += [path.read_text().partition("\n--\n")[0] for path in (CORPUS / "xss/bleach").iterdir()]
    return [vector for vector in found if isinstance(vector, str)]


def test_nothing_executable_is_left_of_any_attack_vector_in_any_field():
    left = {}
    payloads = vectors()
    for vector in payloads:
        for kind in ("text/html", "text/plain"):
            entry = ParsedEntry(
                guid=vector,
                link=vector,
                title=vector,
                title_type=kind,
                summary=vector,
                content=vector,
                base=URL,
                authors=(vector,),
                categories=(vector,),
                comments_url=vector,
                language=vector,
            )
            (cleaned,) = clean(ParsedFeed(FeedHead(title=vector), (entry,)), url=URL).entries
            found = executable(cleaned.title_html) + executable(cleaned.content_html)
            links = [link for link in (cleaned.url, cleaned.comments_url) if link]
            found += [link for link in links if not link.startswith(("http", "mailto:"))]
            if found:
                left[vector] = found

    assert len(payloads) > 3000
    assert left == {}


def test_sanitising_twice_changes_nothing():
    for vector in vectors():
        once = sanitize.content(vector, base=URL)

        assert sanitize.content(once, base=URL) == once


def test_no_attack_vector_is_published_as_an_address():
    left = {}
    for vector in vectors():
        for origin in (Origin("", vector, vector, vector), Origin("", vector, None, None)):
            parsed = ParsedEntry(guid="1", title="x", base=URL, origin=origin)
            feed = ParsedFeed(FeedHead(title="x", site_url=vector, feed_id=vector), (parsed,))
            cleaned = clean(feed, url=URL)
            source = listed.source(feed_url=URL, site_url=cleaned.head.site_url, feed_id=vector)
            entry = listed.entry(origin=cleaned.entries[0].origin, source=source)
            for form in Format:
                document = Document("tag:x", "x", URL, URL, entries=[entry])
                written = render(document, form).decode().lower()
                found = re.findall(r'(?:url|href)"?[=:]"((?!https?:|urn:|tag:)[^"]*)', written)
                if found:
                    left[vector] = found

    assert left == {}
