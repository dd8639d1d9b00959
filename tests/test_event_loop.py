"""No document keeps the event loop busy: what is odd or large is a worker's to read.

Each step of the loop is measured in CPU time of its thread, which does not depend on what else the
machine does.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.poll.document_reader import MAX_WORK_HERE
from aggregator.reading.document_limits import MAX_NAMESPACE
from aggregator.reading.prefilter import without_known_entries
from aggregator.text.encodings import plain_utf8
from tests.cpu_time import allowed
from tests.faults import channel
from tests.running import freeze_objects
from tests.selection import examples, slow_but

MAX_PAUSE = 0.05
"""CPU seconds that one step of the loop may take; see `cpu_time.allowed`."""


class Pauses:
    longest = 0.0
    step = ""


@contextmanager
def measured_steps() -> Iterator[Pauses]:
    """Record the longest step of every event loop in this process, in CPU seconds."""
    freeze_objects()
    pauses = Pauses()
    run = asyncio.events.Handle._run  # asyncio offers nothing that is called around a step

    def timed(handle: asyncio.Handle) -> None:
        started = thread_time()
        run(handle)
        seconds = thread_time() - started
        if seconds > pauses.longest:
            pauses.longest, pauses.step = seconds, repr(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.events.Handle, "_run", timed)
        yield pauses


def declared(namespace: str, elements: str) -> str:
    return f"<rss xmlns:p='{namespace}' xmlns='{namespace}'><channel>{elements}</channel></rss>"


def with_attributes(prefix: str) -> str:
    return "<a " + " ".join(f"{prefix}{n}=''" for n in range(250)) + "/>"


HOSTILE = {
    "a long default namespace": declared("n" * 250_000, "<a/>" * 110_000),
    "a long namespace of attributes": declared("n" * 90_000, "<p:a p:b='' p:c=''/>" * 40_000),
    "a namespace as long as allowed": declared("n" * MAX_NAMESPACE, with_attributes("p:a") * 250),
    "elements outside of entries": channel("<a/>" * 245_000),
    "elements within an entry": channel(f"<item>{'<a/>' * 245_000}</item>"),
    "many entries": channel("<item/>" * 4_999),
    "more entries than are read": channel("<item/>" * 120_000),
    "many entries with elements": channel(f"<item>{'<a/>' * 45}</item>" * 4_900),
    "attributes": channel(with_attributes("a") * 390),
    "declarations": channel("".join(f"<a xmlns:p{n}='u'/>" for n in range(40_000))),
    "languages": channel("<language>x</language><item/>" * 28_000),
    "bases": f"<rss base='{'x' * 500_000}'><channel>{'<b><item/></b>' * 30_000}</channel></rss>",
    "dates": channel("<pubDate/>" * 85_000),
    "ids": channel("".join(f"<item><guid>{n}</guid></item>" for n in range(4_900))),
    "one long id": channel(f"<item><guid>{'&amp;' * 190_000}</guid></item>"),
    "line ends": channel(f"<item><guid>{chr(10) * 950_000}</guid></item>"),
    "comments": channel("<!---->" * 135_000),
    "instructions": channel("<?a?>" * 190_000),
    "sections": channel(f"<item>{'<![CDATA[]]>' * 80_000}</item>"),
    "long names": channel(f"<{'n' * 5_000}/>" * 190),
    "spaces in tags": channel(f"<item{' ' * 230_000}>x</item>" * 4),
    "quotes in tags": channel(f"<item {'a' * 3}='{'>' * 300_000}'>x</item>" * 3),
    "deep": channel("<a>" * 140_000 + "</a>" * 140_000),
    "a declaration": f"<?xml {'encoding= ' * 95_000}<rss/>",
    "encodings": f"<?xml {'encoding=|a| ' * 75_000}<rss/>".replace("|", "'"),
    "not closed": "<rss><channel>" + "<item>" * 160_000,
    "references": channel(f"<item><title>{'&#65;' * 190_000}</title></item>"),
}


def prefilter_seconds(document: bytes) -> float:
    """Return the CPU time of the prefilter as the event loop does it, the least of five."""
    seconds = []
    for _ in range(5):
        started = thread_time()
        utf8 = plain_utf8(document, "")
        if utf8 is not None:
            without_known_entries(utf8, max_work=MAX_WORK_HERE)
        seconds.append(thread_time() - started)
    return min(seconds)  # the others also collected this process's garbage


@pytest.mark.parametrize(
    "name", slow_but(["many entries", "elements within an entry", "bases"], HOSTILE)
)
def test_the_prefilter_in_the_event_loop_takes_a_bounded_time(name):
    document = HOSTILE[name].encode()
    assert len(document) < 1_000_000  # larger documents are never prefiltered there

    assert prefilter_seconds(document) < allowed(MAX_PAUSE)


PIECES = st.sampled_from(
    ["<a/>", "<item/>", "<item>", "</item>", "<p:a p:b='1'/>", "<language>", "</language>", "x",
     "<a xmlns:q='urn:q'>", "</a>", "<guid>", "</guid>", "<!-- -->", "&amp;", "<![CDATA[]]>"]
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(PIECES, st.integers(1, 60_000)), max_size=6), st.integers(1, 90_000))
def test_a_generated_document_is_prefiltered_in_a_bounded_time(pieces, namespace):
    inside = "".join(piece * min(times, 200_000 // len(piece)) for piece, times in pieces)
    document = declared("n" * namespace, inside)[:999_999].encode()

    assert prefilter_seconds(document) < allowed(MAX_PAUSE)
