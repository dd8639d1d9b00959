"""The section `page` of config.yaml: what the pages say of their operator."""

import os

import pytest

from aggregator import config
from aggregator.errors import ConfigError
from tests import drawn
from tests.configured import parsed, problem, problems


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("mailto:planet@example.org", "mailto:planet@example.org"),
        ("https://example.org/contact", "https://example.org/contact"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
    ],
)
def test_a_contact_is_a_mail_address_or_a_web_page(written, read):
    assert parsed(f"page: {{contact: '{written}'}}").page.contact == read


@pytest.mark.parametrize(
    ("key", "written", "said"),
    [
        ("contact", "me@example.org", '"me@example.org" is not complete; write mailto:me@'),
        ("contact", "mailto:me", "write mailto:planet@example.org or https://example.org/contact"),
        ("contact", "mailto:a@example.org?bcc=b@example.org", "is not an address; write mailto:"),
        ("contact", "javascript:alert(1)", "is not an address; write mailto:"),
        ("imprint", "example.org/imprint", "is not complete; write https:// before it"),
        ("imprint", "our imprint", "is not a web address; write https://example.org/page"),
        ("contact", "https://me:pw@example.org", "is on every page; leave out user and password"),
        ("imprint", "https://me@example.org/", "is on every page; leave out user and password"),
        ("imprint", "javascript:alert(1)", "is not a web address; write https://example.org/page"),
        ("description", "x" * 1001, "is 1,001 characters long; write at most 1,000"),
        ("descripton", "x", 'unknown key; did you mean "description"?'),
    ],
)
def test_what_cannot_stand_on_the_pages_is_refused_with_what_to_write(key, written, said):
    message = problem(f"page:\n  {key}: '{written}'")

    assert message.startswith(("2:3: ", f"2:{len(key) + 5}: "))
    assert f"page.{key}: " in message
    assert said in message


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://Example.org", "https://example.org"),
        ("https://example.org/", "https://example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
    ],
)
def test_a_site_that_may_embed_lists_is_its_origin(written, read):
    assert parsed(f"page: {{embed: ['{written}']}}").page.embed == (read,)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("example.org", "is not complete; write https:// before it"),
        ("localhost:8000", "is not complete; write https:// before it"),
        ("*", '"*" stands for many sites; write each of them: https://example.org'),
        ("https://*.example.org", "stands for many sites; write each of them: https://example.org"),
        ("https://a:b@example.org", "is not a web site"),
        ("https://example.org/forum", "a site is its host alone; write https://example.org"),
        ("https://example.org?", "a site is its host alone; write https://example.org"),
        ("https://example.org; script-src *", "is not a web site"),
        ("https://example.org;", "is not a web site"),
        ("https://example.org,", "is not a web site"),
        ("http://[::1]:8000", "is not a web site"),
    ],
)
def test_what_is_no_site_may_not_embed_lists(written, said):
    message = problem(f"page: {{embed: ['{written}']}}")

    assert "page.embed[0]: " in message
    assert said in message


def test_the_status_is_public_or_off():
    assert parsed("page:").page.status
    assert not parsed("page: {status: off}").page.status
    assert problem("page: {status: on}").endswith("is neither public nor off; write one of them")


# ----------------------------------------------------------------------------- files


def page_of(folder, **files):
    """Return the section `page` with files of these contents, each under the name of its key."""
    lines = []
    for key, data in files.items():
        (folder / f"{key}.file").write_bytes(data)
        lines.append(f"  {key}: {key}.file\n")
    return parsed(f"page:\n{''.join(lines)}", path=folder / "config.yaml").page


def fault_of(folder, text):
    """Return the only problem of the section `page`, without the place of the file."""
    (only,) = problems(f"page:\n  {text}\n", path=folder / "config.yaml")
    return only.removeprefix(f"{folder}/config.yaml:")


def test_files_are_read_with_the_configuration(tmp_path):
    page = page_of(tmp_path, about="# Über uns".encode(), logo=drawn.png(8, 6), css=b"a{}")

    assert page.about.text == "# Über uns"
    assert (page.logo.format, page.logo.width, page.logo.height) == ("png", 8, 6)
    assert page.css.data == b"a{}"


def test_a_drawing_is_cleaned_before_anybody_sees_it(tmp_path):
    document = drawn.SVG.replace(b"<path", b"<script>alert(1)</script><path")

    logo = page_of(tmp_path, logo=document).logo

    assert (logo.format, logo.width, logo.height) == ("svg", 48, 24)
    assert b"script" not in logo.file.data


def test_a_changed_file_makes_another_configuration(tmp_path):
    assert page_of(tmp_path, css=b"a{}") != page_of(tmp_path, css=b"b{}")


@pytest.mark.parametrize("key", ["about", "logo", "css"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.file", 'there is no file "none.file" beside config.yaml'),
        ("folder", '"folder" is a folder; name a file in it'),
        ("/etc/passwd", "copy the file into the folder of config.yaml"),
        ("../x", "leaves the folder of config.yaml"),
        ("large", '"large" is larger than 100 kB; make it smaller'),
        ("pipe", '"pipe" can\'t be read: a pipe or a device, not a file'),
        ("x" * 300, "is 300 characters long"),
    ],
)
def test_a_file_that_can_not_be_read_is_a_fault_of_its_key(tmp_path, key, path, said):
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"a" * 100_001)
    os.mkfifo(tmp_path / "pipe")

    message = fault_of(tmp_path, f"{key}: {path}")

    assert message.startswith(f"2:{len(key) + 5}: page.{key}: ")
    assert said in message


def test_a_pipe_whose_writer_is_silent_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)

    message = fault_of(tmp_path, "logo: pipe")

    os.close(writer)
    assert message.endswith('"pipe" can\'t be read: a pipe or a device, not a file')


@pytest.mark.parametrize(
    ("key", "data", "said"),
    [
        ("about", b"a\nb\xff", "page.file:2:2: not UTF-8; save the file as UTF-8"),
        ("about", b" \n", '"page.file" is empty; write something, or remove the line'),
        ("about", b"a\0b", '"page.file" is not a text; save it as UTF-8'),
        ("css", b"a{color:red\n", "page.file:1:2: { is never closed"),
        ("css", b"a{}\n}", "page.file:2:1: } closes nothing"),
        ("css", b"a{}\n /* b{}", "page.file:2:2: /* is never closed"),
        ("css", b"a{content:'}", "page.file:1:11: ' is never closed"),
        ("css", b"a{color:rgb(1,2,3}\nb{}", "page.file:1:12: ( is never closed"),
        ("css", b"a[b{}\nc{}", "page.file:1:2: [ is never closed"),
        ("css", b"<style>a{}</style>", '"page.file" is a document; write the rules of CSS alone'),
        ("logo", b"a{}", '"page.file" is not a whole picture; save it as SVG, PNG, JPEG, GIF or'),
        ("logo", drawn.png(2001, 2000), '"page.file" has more than 4 megapixels; make it smaller'),
        ("logo", drawn.png().replace(b"IDAT", b"IDAX"), '"page.file" is a damaged picture'),
        ("logo", drawn.png()[:-9], '"page.file" is not a whole picture'),
        ("logo", drawn.SVG.replace(b"</svg>", b""), "page.file:3:1: not well-formed"),
    ],
)
def test_a_file_of_the_wrong_kind_is_a_fault_with_its_place(tmp_path, key, data, said):
    (tmp_path / "page.file").write_bytes(data)

    message = fault_of(tmp_path, f"{key}: page.file")

    assert message.startswith(f"2:{len(key) + 5}: page.{key}: ")
    assert said in message


@pytest.mark.parametrize(
    "sheet",
    [
        "a{content:'}'}",
        'a{content:"\\""}',
        "/* { */ a{}",
        "",
        "\\{{}",
        ':is(a,b[c="]"])>d{color:light-dark(rgb(1 2 3),#fff)}',
        "a{b:url( it's}{.png )}",
    ],
)
def test_a_brace_in_a_text_or_a_remark_opens_nothing(tmp_path, sheet):
    assert page_of(tmp_path, css=f"{sheet} b{{}}".encode()).css


def test_a_file_that_is_read_is_watched_and_so_is_one_that_is_missing(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("page: {about: about.md, css: look.css}")
    (tmp_path / "about.md").write_text("About")

    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert set(caught.value.stamps) == {tmp_path / "about.md", tmp_path / "look.css"}
    assert caught.value.stamps[tmp_path / "look.css"] is None

    (tmp_path / "look.css").write_text("a{}")
    stamps = config.load(path).stamps
    assert set(stamps) == {path, tmp_path / "about.md", tmp_path / "look.css"}
    assert all(stamps.values())


def test_check_says_what_of_a_style_sheet_no_browser_loads(tmp_path):
    sheet = b"""/* @import x */ @import "a.css";
@font-face { font-family: X; src: url(x.woff2) }
.top { background: url( "https://x.example/a.png") } .page { background: url(/picture/x) }
.foot { background: URL(data:image/png;base64,AA) }
"""
    (tmp_path / "look.css").write_bytes(sheet)
    path = tmp_path / "config.yaml"
    path.write_text("page: {css: look.css}\nfeeds: [https://x.example/feed.xml]")

    remarks = config.notes(config.load(path))

    told = [remark.partition(" is not loaded")[0] for remark in remarks]
    assert told == [
        "page.css: look.css:1:17: @import",
        "page.css: look.css:2:1: @font-face",
        "page.css: look.css:3:20: url(https:",
        "page.css: look.css:4:21: URL(data:",
    ]
