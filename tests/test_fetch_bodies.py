"""Bodies: compression undone up to a limit, and nothing less than the whole of it."""

import contextlib
import gc
import gzip
import random
import tracemalloc
import weakref
import zlib
from itertools import pairwise

import brotli
import pytest

from aggregator.fetch.content_encoding import BodyDecoder
from aggregator.fetch.failure import FetchFailure
from tests.feedserver import FeedServer
from tests.fetching import failure, fetch, reason
from tests.selection import slow_after, slow_but

FEED = (
    b"<rss version='2.0'><channel>"
    + b"<item><title>News</title></item>" * 300
    + b"</channel></rss>"
)
NOISE = random.Random(1).randbytes(50_000)
LIMIT = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE": raw_deflate,  # the same label, without the wrapping
    "br": brotli.compress,
}


def decoded(data: bytes, encodings: str, *, step: int = 1 << 16, max_size: int = LIMIT) -> bytes:
    decoder = BodyDecoder(encodings, max_size=max_size)
    for start, end in pairwise([*range(0, len(data), step), len(data)]):
        decoder.feed(data[start:end])
    return decoder.finish()


def refusal(data: bytes, encodings: str, **options: int) -> str:
    with pytest.raises(FetchFailure) as caught:
        decoded(data, encodings, **options)
    return caught.value.reason


# ----------------------------------------------------------------------- decoding


@pytest.mark.parametrize("step", slow_but([7], [1, 7, 1000, 1 << 16]))
@pytest.mark.parametrize(
    "body", [FEED, NOISE, b"<a/>", b"<" * 300_000], ids=["feed", "noise", "short", "dense"]
)
@pytest.mark.parametrize("encoding", PACKERS)
def test_a_compressed_body_is_unpacked(encoding, body, step):
    assert decoded(PACKERS[encoding](body), encoding, step=step) == body


@pytest.mark.parametrize("encodings", ["", "identity", " Identity ,", "GZIP", " gzip , identity"])
def test_names_of_encodings_are_read_as_the_standard_says(encodings):
    data = gzip.compress(FEED) if "gzip" in encodings.lower() else FEED

    assert decoded(data, encodings) == FEED


@pytest.mark.parametrize("step", [1, 1000])
def test_two_encodings_are_undone_in_reverse(step):
    assert decoded(brotli.compress(gzip.compress(FEED)), "gzip, br", step=step) == FEED
    assert decoded(gzip.compress(gzip.compress(FEED)), "gzip, gzip", step=step) == FEED


def test_more_than_two_encodings_are_refused():
    assert refusal(b"x", "gzip, gzip, gzip") == "the answer is compressed too many times"


BINARY = {
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00" + NOISE,
    "compress": b"\x1f\x9d\x90" + NOISE,
    "a bracket by chance": b"[\x01\x9c" + NOISE,
}


@pytest.mark.parametrize(
    "encodings", ["zstd", "compress", "UTF-8", "none", "sdch, gzip", "\x00<b>"]
)
@pytest.mark.parametrize("body", BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("step", [1, 1000])
def test_an_unknown_encoding_of_what_is_not_text_is_an_error(encodings, body, step):
    data = gzip.compress(body) if "gzip" in encodings else body

    assert refusal(data, encodings, step=step) == (
        "the answer is compressed in a way that is not known"
    )


NO_CODINGS = [
    "UTF-8", "none", "binary", "8bit", "text/xml; charset=utf-8", "zstd", "gzip, utf-8", "*",
    "utf-8, none, 8bit", "ISO-8859-2,utf-8;q=0.7,*;q=0.7",
]  # fmt: skip
TEXTS = {
    "XML": b"<?xml version='1.0'?>" + FEED,
    "JSON": b'{"version": "https://jsonfeed.org/version/1.1", "title": "Dock", "items": []}',
    "BOM and blanks": b"\xef\xbb\xbf\r\n\t " + FEED,
    "latin-1": "<rss><channel><title>Über Häfen</title></channel></rss>".encode("latin-1"),
    "UTF-16": FEED.decode().encode("utf-16"),
    "UTF-16 without BOM": FEED.decode().encode("utf-16-be"),
    "ISO-2022-JP": "<title>港の日記</title>".encode("iso2022_jp"),
    "short": b"<a/>",
}


@pytest.mark.parametrize("step", slow_but([1000], [1, 1000]))
@pytest.mark.parametrize("encodings", NO_CODINGS)
def test_text_under_a_label_that_is_no_coding_is_read_as_it_is(encodings, step):
    for body in TEXTS.values():
        assert decoded(body, encodings, step=step) == body


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "gzip, gzip", "br, gzip"])
def test_text_under_the_label_of_a_coding_is_read_as_it_is(encoding, step):
    for body in TEXTS.values():
        assert decoded(body, encoding, step=step) == body


@pytest.mark.parametrize(
    ("encodings", "pack"),
    [
        ("UTF-8", gzip.compress),
        ("none", gzip.compress),
        ("deflate", gzip.compress),
        ("gzip", zlib.compress),
        ("gzip", raw_deflate),
        ("x-gzip", raw_deflate),
        ("gzip, gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(gzip.compress(data))),
        ("br", lambda data: brotli.compress(gzip.compress(data))),
        ("", gzip.compress),
        ("gzip, utf-8", gzip.compress),
        ("utf-8, gzip", gzip.compress),
        ("gzip;q=1.0", gzip.compress),
        ('"gzip"', gzip.compress),
        ("br", gzip.compress),
        ("br;q=1", brotli.compress),
        ("a, b, gzip, c, d", gzip.compress),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_is_compressed_otherwise_than_its_label_says_is_unpacked(encodings, pack, step):
    assert decoded(pack(FEED), encodings, step=step) == FEED


@pytest.mark.parametrize("quality", range(12))
def test_brotli_is_never_taken_for_text(quality):
    for size in (1, 20, 64, 100, 1000, 5000):
        for body in (FEED[:size], NOISE[:size]):
            assert decoded(brotli.compress(body, quality=quality), "br") == body


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_every_member_of_a_gzip_stream_is_read(step):
    data = gzip.compress(FEED[:5000]) + gzip.compress(b"") + gzip.compress(FEED[5000:])

    assert decoded(data, "gzip", step=step) == FEED


@pytest.mark.parametrize("tail", [b"\x00" * 40, b"\x1f", b"\x1fjunk", b"junk"])
@pytest.mark.parametrize("step", [1, 1 << 16])
def test_padding_behind_the_last_member_is_ignored(tail, step):
    assert decoded(gzip.compress(FEED) + tail, "gzip", step=step) == FEED


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_compressed_body_that_is_cut_short_is_an_error(encoding, cut):
    packed = PACKERS[encoding](NOISE)

    assert refusal(packed[:-cut], encoding) == "the compressed answer is cut short"


def test_a_cut_second_member_is_an_error():
    data = gzip.compress(FEED) + gzip.compress(FEED)[:-5]

    assert refusal(data, "gzip") == "the compressed answer is cut short"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])  # brotli has no checksum
def test_a_damaged_body_is_an_error(encoding):
    packed = bytearray(PACKERS[encoding](NOISE))
    packed[len(packed) // 2] ^= 255
    packed[-6] ^= 255

    assert refusal(bytes(packed), encoding).startswith("the compressed answer is ")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    "body", [FEED, b'{"version": "https://jsonfeed.org/version/1.1"}', b"\xef\xbb\xbf\n" + FEED]
)
def test_a_plain_body_under_a_compressed_label_is_read_as_it_is(body, encoding, step):
    assert decoded(body, encoding, step=step) == body


def test_gzip_without_a_label_is_unpacked():
    assert decoded(gzip.compress(FEED), "") == FEED


# ------------------------------------------------------------------------- limits


@pytest.mark.parametrize("encoding", slow_after(2, PACKERS))
@pytest.mark.parametrize("step", slow_but([1 << 20], [100, 1 << 20]))
def test_a_bomb_is_stopped_at_the_limit(encoding, step):
    bomb = PACKERS[encoding](bytes(10_000_000))

    tracemalloc.start()
    words = refusal(bomb, encoding, step=step)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert words == "too large (limit 1 MB)"
    assert peak < 5 * LIMIT


def test_a_bomb_in_a_bomb_is_stopped_at_the_limit():
    assert refusal(gzip.compress(gzip.compress(bytes(30_000_000))), "gzip, gzip") == (
        "too large (limit 1 MB)"
    )


def test_a_step_between_may_not_be_larger_than_the_limit_either():
    inner = gzip.compress(FEED) + bytes(2 * LIMIT)

    assert refusal(gzip.compress(inner), "gzip, gzip") == "too large (limit 1 MB)"


def test_thousands_of_empty_members_are_not_a_way_to_keep_us_busy():
    assert refusal(gzip.compress(b"") * 5000, "gzip") == "the compressed answer is damaged"


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_body_of_exactly_the_limit_is_read(encoding):
    body = bytes(LIMIT)

    assert decoded(PACKERS[encoding](body), encoding) == body
    assert "too large" in refusal(PACKERS[encoding](body + b"x"), encoding)


# ------------------------------------------------------------------- over the wire


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


@pytest.mark.parametrize("encoding", PACKERS)
def test_the_size_is_that_on_the_wire(server, encoding):
    packed = PACKERS[encoding](FEED)
    server.put("/feed.xml", packed, headers={"Content-Encoding": encoding})

    fetched = fetch(server.url("/feed.xml"))

    assert fetched.body == FEED
    assert fetched.size == len(packed) < len(FEED)


def test_a_length_above_the_limit_is_refused_before_the_body_is_read(server):
    server.raw(
        "/feed.xml",
        lambda sock: (
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n"),
            server.pause(900),
        ),
    )

    error = failure(server.url("/feed.xml"), timeout=900, read_timeout=900)

    assert (error.reason, error.status, error.size) == ("too large (limit 10 MB)", 200, 0)


def test_a_body_without_end_is_left_at_the_limit(server):
    def endless(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    server.raw("/feed.xml", endless)

    error = failure(server.url("/feed.xml"), max_size=500_000)

    assert error.reason == "too large (limit 500 kB)"
    assert 500_000 < error.size < 5_000_000


@pytest.mark.slow
def test_a_bomb_from_a_server_is_an_error(server):
    server.put("/feed.xml", gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})

    assert reason(server.url("/feed.xml")) == "too large (limit 10 MB)"


@pytest.mark.parametrize("body", [b"", b" \r\n\t "])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_a_blank_body_is_an_empty_answer(server, body, encoding):
    headers = {"Content-Encoding": encoding}
    server.put("/feed.xml", PACKERS.get(encoding, bytes)(body), headers=headers)

    assert reason(server.url("/feed.xml")) == "empty answer"


def test_no_body_at_all_under_a_label_is_an_empty_answer(server):
    server.put("/feed.xml", b"", headers={"Content-Encoding": "gzip"})

    assert reason(server.url("/feed.xml")) == "empty answer"


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 500\r\n\r\n<rss>",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n50\r\n<rss>",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n<rss>\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\nxyz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n<rss>\r\n0\r\n\r\n",
    ],
)
def test_an_answer_that_is_cut_short_is_an_error(server, answer):
    server.send("/feed.xml", b"HTTP/1.1 200 OK\r\n" + answer)

    assert reason(server.url("/feed.xml")) == "the answer was cut short"


def test_a_connection_that_is_reset_in_the_middle_is_an_error(server):
    def reset(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<rss>")
        server.pause(0.1)
        sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0: a reset
        sock.close()

    server.raw("/feed.xml", reset)

    assert reason(server.url("/feed.xml")) == "the answer was cut short"


def test_a_body_without_length_ends_with_the_connection(server):
    server.send("/feed.xml", b"HTTP/1.0 200 OK\r\n\r\n" + FEED)

    assert fetch(server.url("/feed.xml")).body == FEED


def test_chunks_are_joined(server):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (FEED[:10], FEED[10:]))
    server.send(
        "/feed.xml",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
    )

    assert fetch(server.url("/feed.xml")).body == FEED


def test_a_refused_body_is_freed_at_once():
    decoder = BodyDecoder("gzip", max_size=LIMIT)
    is_kept = weakref.ref(decoder)
    gc.disable()
    try:
        with contextlib.suppress(FetchFailure):
            decoder.feed(gzip.compress(bytes(2 * LIMIT)))
        del decoder

        assert is_kept() is None
    finally:
        gc.enable()
