"""Documents are read as their writers meant them, whatever they are labelled as."""

import pytest
from webencodings.labels import LABELS

from aggregator.reading.autodiscovery import advertised_feeds
from aggregator.reading.parse import parse
from aggregator.text.encodings import declared_in_html, decoded, in_utf8, plain_utf8
from aggregator.text.encodings.decoders import decode, encoding_of
from tests.cpu_time import cpu_limit
from tests.selection import slow_after

URL = "https://example.org/feed"

# Bytes and what they are, by the standard's name of the encoding.  What a codec of Python's makes
# something else of comes first.
SAMPLES = {
    "big5": (b"\xa1\x45\xf9\xd8\xa3\xe1\x87\x7a\xb4\xf2\xa4\xd1", "‧裏€㡵湖天"),
    "euc-jp": (b"\xad\xa1\xfc\xe2\xa1\xc1\x8e\xb1\x8f\xb0\xa1\xb8\xd0", "①髙～ｱ丂湖"),
    "euc-kr": (b"\x8c\x63\xc8\xa3\xbc\xf6", "똠호수"),
    "gb18030": (b"\x80\xa8\xbc\x81\x30\x81\x30\xba\xfe", "€ḿ\x80湖"),
    "gbk": (b"\x80\xfe\x59\xd6\xec\xe9\x46\xbb\xf9", "€龴朱镕基"),
    "ibm866": (b"\x8e\xa7\xa5\xe0\xae", "Озеро"),
    "iso-2022-jp": (b"\x1b$B-!8P\x1b(B a \x1b(I1\x1b(B", "①湖 a ｱ"),
    "iso-8859-2": (b"Jezioro \xa3eba", "Jezioro Łeba"),
    "iso-8859-3": (b"g\xb1ax", "għax"),
    "iso-8859-4": (b"e\xbeers \xa2", "ežers ĸ"),
    "iso-8859-5": (b"\xbe\xd7\xd5\xe0\xde", "Озеро"),
    "iso-8859-6": (b"\xc8\xcd\xea\xd1\xc9", "بحيرة"),
    "iso-8859-7": (b"\xcb\xdf\xec\xed\xe7 \xa4", "Λίμνη €"),
    "iso-8859-8": (b"\xe0\xe2\xed", "אגם"),
    "iso-8859-8-i": (b"\xe0\xe2\xed", "אגם"),
    "iso-8859-10": (b"j\xe1vri \xbf", "jávri ŋ"),
    "iso-8859-13": (b"e\xfeeras", "ežeras"),
    "iso-8859-14": (b"ll\xfen", "llŷn"),
    "iso-8859-15": (b"10 \xa4 \xbdil", "10 € œil"),
    "iso-8859-16": (b"\xdeesul", "Țesul"),
    "koi8-r": (b"\xef\xda\xc5\xd2\xcf", "Озеро"),
    "koi8-u": (b"\xef\xda\xc5\xd2\xcf \xae \xbe", "Озеро ў Ў"),
    "macintosh": (b"S\x8e\x8e \xdb", "Séé €"),
    "shift_jis": (b"\x87\x40\xee\xe0\x8c\xce\x81\x60", "①髙湖～"),
    "windows-874": (b"\x93\xb7\xd0\xe0\xc5\x94\x81", "“ทะเล”\x81"),
    "windows-1250": (b"Jezioro \xa3eba \x84\x98", "Jezioro Łeba „\x98"),
    "windows-1251": (b"\xce\xe7\xe5\xf0\xee \x98", "Озеро \x98"),
    "windows-1252": (b"\x93Se\x94 \x80 \x81 \x97", "“Se” € \x81 —"),
    "windows-1253": (b"\xcb\xdf\xec\xed\xe7 \x80\x88", "Λίμνη €\x88"),
    "windows-1254": (b"g\xf6l \xddzmir \x8e", "göl İzmir \x8e"),
    "windows-1255": (b"\xe0\xe2\xed \xca", "אגם \u05ba"),
    "windows-1256": (b"\xc8\xcd\xed\xd1\xc9 \x81", "بحيرة پ"),
    "windows-1257": (b"e\xfeeras \x81", "ežeras \x81"),
    "windows-1258": (b"h\xf4\xd2 \xfe\x8a", "hồ".replace("ồ", "ô\u0309") + " ₫\x8a"),
    "x-mac-cyrillic": (b"\x8e\xe7\xe5\xf0\xee \xb6", "Озеро ґ"),
    "x-user-defined": (b"\x80a\xff", "\uf780a\uf7ff"),
}


def feed(title: bytes, label: str = "") -> bytes:
    declaration = b"<?xml version='1.0' encoding='%b'?>" % label.encode() if label else b""
    channel = b"<rss version='2.0'><channel><item><title>@</title></item></channel></rss>"
    return declaration + channel.replace(b"@", title)


def title_of(body: bytes, content_type: str = "application/xml") -> str:
    headers = {"content-type": content_type}
    return parse(body, headers=headers, url=URL).entries[0].title


# ------------------------------------------------------------------------- labels and decoders


@pytest.mark.parametrize("name", SAMPLES)
def test_a_label_of_the_standard_is_read_as_the_standard_says(name):
    labels = [label for label in LABELS if LABELS[label] == name]
    sample, text = SAMPLES[name]

    assert labels
    assert {encoding_of(f"\t{label.upper()} ") for label in labels} == {name}
    assert decode(sample, name) == text


@pytest.mark.parametrize("label", ["Shift_JIS", "EUC-KR", "koi8-u", "x-cp1251", "TIS-620", "l5"])
def test_a_label_counts_in_the_declaration_and_in_the_header(label):
    name = encoding_of(label) or ""
    sample, text = SAMPLES[name]
    sample, text = sample.strip(b" \x81\x8e\x98"), text.strip(" \x81\x8e\x98")

    assert title_of(feed(sample, label)) == text
    assert title_of(feed(sample, f" {label.lower()}\n")) == text
    assert title_of(feed(sample), f"text/xml; Charset = '{label}'") == text
    assert title_of(feed(sample), f'application/rss+xml;charset="{label}";x=y') == text


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("latin-1", "windows-1252"),  # Python's and IANA's other names
        ("8859", "windows-1252"),
        ("windows_1251", "windows-1251"),
        ("win1251", "windows-1251"),
        ("Win-1250", "windows-1250"),
        ("ms-932", "shift_jis"),
        ("cp 949", "euc-kr"),
        ("iso8859_2", "iso-8859-2"),
        ("cp949", "euc-kr"),
        ("ibm850", "cp850"),
        ("iso-2022-kr", "iso2022_kr"),
        ("hz-gb-2312", "hz"),
        ("utf8", "utf-8"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("ucs-2", "utf-16le"),
        ("unicodefffe", "utf-16be"),
        ("iso-2022-cn", None),
        ("replacement", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("zlib", None),
        ("cp9999", None),
        ("ütf-8", None),
        ("", None),
        ("../x", None),
        ("x" * 5000, None),
    ],
)
def test_a_label_outside_of_the_standard_is_pythons_or_none(label, encoding):
    assert encoding_of(label) == encoding


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("shift_jis", b"\x81\xff<b>\xa0\x87<", "\ufffd<b>\ufffd\ufffd<"),
        ("euc-kr", b"\xc9\xa1\xff\xb0<", "\ufffd\ufffd\ufffd<"),
        ("big5", b"\x81\xa1\xa4<", "\ufffd\ufffd<"),
        ("gbk", b"\xff\xb0<\x81\xff", "\ufffd\ufffd<\ufffd"),
        ("euc-jp", b"\xa9\xa1\x8f\xa1\xa1\xa4<\x8e\xe5", "\ufffd\ufffd\ufffd<\ufffd"),
        ("iso-2022-jp", b"\x1b$B)!8P\x1b(B<", "\ufffd湖<"),
        ("windows-1253", b"\xaa\xd2<", "\ufffd\ufffd<"),
    ],
)
def test_a_malformed_sequence_is_one_replacement_and_never_takes_a_tag_with_it(
    encoding, body, text
):
    assert decode(body, encoding) == text


@pytest.mark.browser
@pytest.mark.parametrize("encoding", sorted(SAMPLES))
def test_every_byte_is_what_a_browser_makes_of_it(browser, encoding):
    """Known differences of one or two characters each are listed: browsers' own, or of no use."""
    many = {"big5", "euc-jp", "euc-kr", "gb18030", "gbk", "shift_jis"}
    sequences = [bytes([byte]) for byte in range(0x80, 0x100)]
    if encoding in many:
        sequences += [bytes([a, b]) for a in range(0x80, 0x100) for b in range(0x30, 0x100)]
    if encoding == "euc-jp":
        sequences += [bytes([0x8F, a, b]) for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF)]
    if encoding == "iso-2022-jp":
        pairs = [bytes([a, b]) for a in range(0x21, 0x7F) for b in range(0x21, 0x7F)]
        sequences = [b"\x1b$B" + pair + b"\x1b(B" for pair in pairs]
    from tests.browsing import new_page  # Playwright takes time, and most tests here need none

    page = new_page(browser)
    texts = page.evaluate(
        "([label, bytes]) => new TextDecoder(label).decode(new Uint8Array(bytes)).split('\\n\\n')",
        [encoding, list(b"".join(sequence + b"\n\n" for sequence in sequences))],
    )
    page.context.close()
    differences = {
        sequence.hex()
        for sequence, text in zip(sequences, texts, strict=False)
        if decode(sequence, encoding) != text
    }

    assert differences <= {
        "big5": {"8862", "8864", "88a3", "88a5", "a241", "a242"},
        "euc-jp": {"a1a1", "8fa2b7"},
    }.get(encoding, set())


# ------------------------------------------------------------------------- what decides

LAKE = "Höhe 花"


@pytest.mark.parametrize(
    ("codec", "declared", "header"),
    [
        ("utf-8-sig", "windows-1252", "text/xml; charset=iso-8859-1"),
        ("utf-8-sig", "utf-16", "application/xml"),
        ("utf-16", "utf-16", "text/xml"),
        ("utf-16", "utf-8", "text/xml; charset=utf-8"),
        ("utf-16-le", "utf-16", "application/xml"),
        ("utf-16-be", "", "application/xml"),
        ("utf-32", "utf-32", "text/plain"),
        ("utf-32-be", "ucs-4", "application/xml"),
        ("utf-8", "utf-16", "application/xml"),
        ("utf-8", "UTF-16LE", "text/xml; charset=utf-16"),
        ("utf-8", "ISO-10646-UCS-2", "application/xml"),
        ("utf-8", "utf-32", "application/xml; charset=UCS-4"),
        ("utf-8", "cp037", "application/xml"),
        ("utf-8", "iso-8859-1", "application/xml"),
        ("utf-8", "windows-1251", "text/xml; charset=koi8-r"),
        ("utf-8", "", "text/xml; charset=us-ascii"),
        ("utf-8", "", "text/html"),
        ("utf-8", "x-unknown", "application/xml; charset=none"),
        ("gb18030", "gb18030", "text/xml; charset=utf-8"),
        ("gb18030", "utf-8", "text/xml; charset=gbk"),
        ("gb18030", "gb2312", "text/xml; charset=iso-8859-1"),
        ("gb18030", "shift_jis", "text/xml; charset=gb18030"),
        ("gb18030", "utf-16", "text/xml; charset=gb18030"),
    ],
)
def test_bytes_come_first_then_the_header_then_the_declaration(codec, declared, header):
    document = feed(b"@", declared).decode().replace("@", LAKE).encode(codec)

    assert title_of(document, header) == LAKE
    assert title_of(b"\r\n " + document if codec == "utf-8" else document, header) == LAKE


@pytest.mark.parametrize("before", ["\n\t" * 2000, "\ufeff\ufeff", "\n \ufeff", "\ufeff\r\n"])
@pytest.mark.parametrize("label", ["", "koi8-r", "utf-8"])
def test_blanks_and_marks_before_a_document_change_nothing(before, label):
    codec = label if label == "koi8-r" and "\ufeff" not in before else "utf-8"
    document = before + feed(b"@", label).decode().replace("@", "Озеро")

    assert title_of(document.encode(codec)) == "Озеро"
    assert parse(document.encode(codec), headers={}, url=URL).head.note is None


def test_a_wide_document_may_be_cut_in_the_middle_of_a_character():
    document = feed("Höhe".encode()).decode().encode("utf-16") + b"\n"

    assert title_of(document) == "Höhe"


def test_a_declaration_in_ebcdic_is_read():
    document = feed(b"Hoehe", "ibm500").decode().encode("cp500")

    assert title_of(document) == "Hoehe"


@pytest.mark.parametrize("label", ["", "utf-8", "UTF8"])
@pytest.mark.parametrize("header", ["application/xml", "text/xml; charset=utf-8"])
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Höhe „7“ ".encode() + b"\xe2\x80", "Höhe „7“ \ufffd"),  # cut within a character
        (b"\xe2\x80", "\ufffd"),
        (b"wing \xf0\x9f\xa6", "wing \ufffd"),
        ("Höhe".encode() + b" \xfc", "Höhe \ufffd"),
        ("Höhe 花 ".encode() + b"\xff\xa0 x", "Höhe 花 \ufffd\ufffd x"),
        ("Höhe ".encode() + b"\xed\xa0\xbd\xed\xb8\x80", "Höhe 😀"),  # two halves, as Java writes
        (b"\xed\xa0\xbd\xed\xb8\x80 x", "😀 x"),
    ],
)
def test_utf_8_with_a_few_bad_bytes_loses_those_and_no_other_letter(label, header, written, read):
    assert title_of(feed(written, label), header) == read


@pytest.mark.parametrize("label", ["", "utf-8"])
@pytest.mark.parametrize("title", ["Spaß – Käse", "L’été à la carte…", "NÃO", "S\xe9", "don’t"])
def test_what_is_plainly_no_utf_8_is_read_as_windows_1252(label, title):
    assert title_of(feed(title.encode("cp1252"), label)) == title


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp932", "euc_jp", "gb18030", "cp949"])
def test_what_says_utf_8_in_one_place_is_read_as_the_other_says(codec):
    title = {"cp1251": "Её ёлка", "koi8-r": "Её ёлка", "cp949": "뜰에 대한 이야기"}.get(
        codec, "花園 のこと"
    )
    document = feed(title.encode(codec), codec.replace("_", "-"))

    assert title_of(document, "application/xml; charset=utf-8") == title


def test_texts_in_utf_8_within_a_western_document_are_read_each_for_itself():
    body = feed(b"H\xf6he \x80", "iso-8859-1").replace(
        b"</item>", "<description>Höhe – €</description></item>".encode()
    )
    entry = parse(body, headers={}, url=URL).entries[0]

    assert (entry.title, entry.summary) == ("Höhe €", "Höhe – €")


def test_a_feed_in_json_is_decoded_by_the_same_rules():
    text = (
        '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1, "title": "Höhe @"}]}'
    )
    documents = [
        (text.encode("utf-16"), ""),
        (text.encode("utf-16-be"), ""),
        (text.encode("utf-8-sig"), "application/json; charset=iso-8859-1"),
        (text.replace("@", "").encode("cp1252"), "application/json"),
    ]

    assert {title_of(body, header).strip(" @") for body, header in documents} == {"Höhe"}
    assert title_of(text.encode().replace(b"@", b"\xe2\x80")) == "Höhe \ufffd"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"<meta charset=big5>", "text/html"),
        (b"<META http-equiv='Content-Type' content='text/html; charset=Big5-HKSCS'>", "text/html"),
        (b"", "text/html; charset=big5"),
        (b"<meta charset=utf-16>", "text/html; charset=big5"),
    ],
)
def test_a_page_is_read_in_its_own_encoding(head, content_type):
    link = "<link rel=alternate type=application/rss+xml href=/f title='花園裏'>".encode(
        "big5-hkscs"
    )

    (feed,) = advertised_feeds(
        b"<html>" + head + link, url="https://example.org/", content_type=content_type
    )

    assert feed.title == "花園裏"


def test_only_the_start_of_a_page_is_asked_for_its_encoding():
    assert declared_in_html(b" " * 2000 + b"<meta charset=big5>") == ""
    assert declared_in_html(b"<?xml version='1.0' encoding='koi8-r'?><html>") == "koi8-r"


def test_what_is_plainly_utf_8_stays_the_same_bytes():
    document = feed("Höhe".encode(), "UTF-8")

    assert plain_utf8(document, "text/xml;charset=UTF-8") == document
    assert in_utf8(document) is document
    assert in_utf8(b"\n" + document) == document


@pytest.mark.parametrize(
    "label", slow_after(2, ["", "iso-8859-1", "shift_jis", "big5", "gbk", "iso-2022-jp"])
)
@pytest.mark.parametrize(
    "piece", slow_after(2, [b"\xff", b"\xe2\x80 ", b"<a\xc3\xbc", b"\x1b$B-!", b"\xed\xa0\x80"])
)
def test_no_bytes_take_long_to_decode(label, piece):
    document = feed(piece * (500_000 // len(piece)), label)
    with cpu_limit(0.5):
        in_utf8(document)


def test_any_bytes_have_a_text():
    assert decoded(bytes(range(1, 256))) == decode(bytes(range(1, 256)), "windows-1252")
    assert decoded(b"") == ""
    assert decoded(b"\xff\xfe") == ""


@pytest.mark.parametrize("label", ["windows-1251", "shift_jis", "gb2312", "euc-kr", "iso-8859-1"])
@pytest.mark.parametrize("place", ["declaration", "header"])
def test_utf8_under_another_label_loses_one_letter_to_a_byte_that_is_none(label, place):
    title = "Höhe des Sees über Łódź, Größe: 花花花花花 ".encode() + b"\xe2\x80"
    declared, header = (label, "") if place == "declaration" else ("", f"; charset={label}")

    assert title_of(feed(title, declared), f"text/xml{header}") == title.decode("utf-8", "replace")
