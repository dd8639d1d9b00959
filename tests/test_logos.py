"""The formats of logos, and SVG documents that are safe to show."""

import struct
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pictures.picture_header import PictureFormat, PictureHeader, header_of
from aggregator.pictures.svg import SvgError, cleaned_svg, is_svg
from tests import drawn

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'

RASTERS = {
    "png": (drawn.png(8, 6), PictureHeader(PictureFormat.PNG, 8, 6)),
    "gif": (drawn.GIF, PictureHeader(PictureFormat.GIF, 5, 3)),
    "jpeg": (drawn.JPEG, PictureHeader(PictureFormat.JPEG, 9, 7)),
    "lossy": (
        drawn.webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 200)),
        PictureHeader(PictureFormat.WEBP, 300, 200),
    ),
    "lossless": (
        drawn.webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 199 << 14)),
        PictureHeader(PictureFormat.WEBP, 300, 200),
    ),
    "extended": (
        drawn.webp(
            b"VP8X", b"\0\0\0\0" + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")
        ),
        PictureHeader(PictureFormat.WEBP, 300, 200),
    ),
}


@pytest.mark.parametrize("name", RASTERS)
def test_a_raster_picture_is_known_by_its_bytes(name):
    data, picture = RASTERS[name]

    assert header_of(data) == picture
    assert not is_svg(data)


@pytest.mark.parametrize("name", RASTERS)
def test_a_picture_that_is_cut_short_is_none(name):
    data, _ = RASTERS[name]

    assert [length for length in range(len(data)) if header_of(data[:length])] == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, b"<html>", drawn.png(0, 6), b"\xff\xd8\xff\xff\xff\xd9", b"BM" + b"\0" * 99],
)
def test_what_is_no_picture_is_none(data):
    assert header_of(data) is None


@given(st.sampled_from(sorted(RASTERS)), st.integers(0, 60), st.binary(max_size=4))
def test_no_bytes_stop_the_reading(name, at, noise):
    data, _ = RASTERS[name]

    header_of(data[:at] + noise + data[at + len(noise) :])


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('viewBox="0 0 48 24"', (48, 24)),
        ('viewBox="-1,-1 47.6,2.4e1"', (48, 24)),
        ('width="30px" height="20" viewBox="0 0 3 2"', (30, 20)),
        ('width="30mm" height="20" viewBox="0 0 3 2"', (3, 2)),
        ('width="100%"', (None, None)),
        ('width="1e999" height="2"', (None, None)),
        ('viewBox="0 0 0 0"', (None, None)),
        ("", (None, None)),
    ],
)
def test_the_size_of_a_drawing_is_that_of_its_attributes(attributes, size):
    svg = cleaned_svg(f"<svg {NAMESPACE} {attributes}/>".encode())

    assert (svg.width, svg.height) == size


def test_a_still_picture_stays_as_it_is_drawn():
    document = f"""<svg {NAMESPACE} viewBox="0 0 9 9"><title>A &amp; B</title><defs>
    <linearGradient id="g"><stop offset="0" stop-color="#a33"/></linearGradient>
    <path id="p" d="M1 1"/></defs><style>.a{{fill:url("#g")}} .b>g{{stroke:red}}</style>
    <g transform="scale(2)" class="a"><use xlink:href="#p" x="1"/><text>a &lt; b</text></g>
    <image href="data:image/png;base64,iVBORw0KGgo=" width="1" height="1"/></svg>"""

    root = ET.fromstring(cleaned_svg(document.encode()).data)

    names = [each.tag.removeprefix("{http://www.w3.org/2000/svg}") for each in root.iter()]
    assert names == ["svg", "title", "defs", "linearGradient", "stop", "path", "style", "g", "use",
                     "text", "image"]  # fmt: skip
    assert "".join(root.itertext()).split() == ["A", "&", "B", '.a{fill:url("#g")}',
                                                ".b>g{stroke:red}", "a", "<", "b"]  # fmt: skip
    assert root.find(".//{*}use").attrib == {"x": "1", "href": "#p"}


HARMFUL = [
    "<script>alert(1)</script>",
    '<script href="https://evil.example/x.js"/>',
    '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml" onload="alert(1)"/></foreignObject>',
    '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
    '<path d="M0 0" onclick="alert(1)"/>',
    '<set attributeName="href" to="javascript:alert(1)"/>',
    '<animate attributeName="href" values="javascript:alert(1)"/>',
    '<use href="https://evil.example/x.svg#a"/>',
    '<use xlink:href="data:image/svg+xml;base64,PHN2Zy8+#a"/>',
    '<path d="M0 0" xml:base="https://evil.example/"/>',
    "<handler>alert(1)</handler>",
    "<iframe xmlns='http://www.w3.org/1999/xhtml' src='https://evil.example/'/>",
    "<?xml-stylesheet href='https://evil.example/x.css'?>",
    "<metadata><x/></metadata>",
]


@pytest.mark.parametrize("part", HARMFUL)
def test_what_a_still_picture_does_not_need_is_left_out(part):
    clean = cleaned_svg(f"<svg {NAMESPACE}>{part}<rect width='1'/></svg>".encode()).data

    assert b"<rect width" in clean
    for sign in (b"alert", b"evil", b"script", b"onclick", b"<a", b"data:", b"metadata"):
        assert sign not in clean


def test_what_is_drawn_within_a_link_stays():
    drawing = '<a xlink:href="https://example.org/" fill="red"><path d="M0 0"/></a>'
    clean = cleaned_svg(f"<svg {NAMESPACE}>{drawing}</svg>".encode()).data

    assert b'<g fill="red"><path d="M0 0"></path></g>' in clean


@pytest.mark.parametrize(
    ("document", "place", "message"),
    [
        ("<svg>", (1, 1), 'is not SVG; its outermost element needs xmlns="http'),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", (1, 1), "is not SVG"),
        (f"<svg {NAMESPACE}>\n<g></svg>", (2, 6), "not well-formed: mismatched tag"),
        (f"<svg {NAMESPACE}>", None, "not well-formed: no element found"),
        ("<!DOCTYPE svg [<!ENTITY a 'b'>]>\n<svg/>", (1, 27), "declares an entity"),
        (f"<svg {NAMESPACE}>\n<image href='//x.example/a.png'/></svg>", (2, 1), "from elsewhere"),
        (f"<svg {NAMESPACE}>\n <style>@import 'a'</style></svg>", (2, 20), "that loads something"),
        (f"<svg {NAMESPACE}><style><g/>@import 'a'</style></svg>", None, "that loads something"),
        (f"<svg {NAMESPACE}><style>@imp<g>o</g>ort 'a'</style></svg>", None, "loads something"),
        (f"<?xml version='1.0' encoding='x'?><svg {NAMESPACE}/>", (1, 1), "unusual encoding"),
        (f"<?xml version='1.0' encoding='utf-7'?><svg {NAMESPACE}/>", (1, 1), "unusual encoding"),
        (f"<svg {NAMESPACE}><path fill='url(//x.example/#a)'/></svg>", None, "loads something"),
        (f"<svg {NAMESPACE}><path style='fill:u\\72l(//x.example/)'/></svg>", None, "loads"),
        (f"<svg {NAMESPACE}>{'<g>' * 200}{'</g>' * 200}</svg>", None, "too intricate"),
        (f"<svg {NAMESPACE}>{'<use/>' * 300}</svg>", None, "too intricate"),
    ],
)
def test_a_drawing_that_can_not_be_used_is_refused_with_the_place(document, place, message):
    with pytest.raises(SvgError) as caught:
        cleaned_svg(document.encode())

    assert message in str(caught.value)
    if place:
        assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("prefix", ["#g", " #g", "#%67", "#g&#10;"])
def test_elements_that_show_each_other_do_not_multiply(prefix):
    uses = ["".join(f"<use href='{prefix}{n}'/>" for _ in range(10)) for n in range(19)]
    groups = "".join(f"<g id='g{n}'>{inner}</g>" for n, inner in enumerate(uses, 1))

    with pytest.raises(SvgError, match="too intricate"):
        cleaned_svg(f"<svg {NAMESPACE}><path id='g0'/>{groups}</svg>".encode())
    chain = "".join(f"<g id='g{n + 1}'><use href='#g{n}'/></g>" for n in range(2000))
    with pytest.raises(SvgError, match="too intricate"):
        cleaned_svg(f"<svg {NAMESPACE}>{chain}</svg>".encode())
    circle = "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>"
    assert cleaned_svg(f"<svg {NAMESPACE}>{circle}</svg>".encode())


def test_entities_that_multiply_cost_nothing():
    lines = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 20))
    document = f"<!DOCTYPE svg [<!ENTITY a0 'x'>{lines}]><svg {NAMESPACE}>&a19;</svg>"

    with pytest.raises(SvgError, match="declares an entity"):
        cleaned_svg(document.encode())
