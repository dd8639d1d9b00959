"""An issue as a book for e-readers (EPUB 3.3).

The same issue always gives the same bytes.  Sources: EPUB 3.3, 4 (container), 5 (package document),
7 (navigation document); ZIP entries have the oldest time of the format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from aggregator.publish.document import entry_language, language_tag, rfc3339, title_of
from aggregator.publish.issue import (
    Issue,
    article_html,
    missing_text,
    section_title,
    title_html,
)
from aggregator.publish.xhtml import as_xhtml, xml_text

MEDIA_TYPE = "application/epub+zip"
_OLDEST = (1980, 1, 1, 0, 0, 0)
_UNDETERMINED = "und"  # BCP 47: a language is required
_XHTML = "application/xhtml+xml"
_CONTAINER = """\
<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""
_STYLE = """\
body{line-height:1.5}
img{max-width:100%}
pre{white-space:pre-wrap}
small{color:#666}
"""


@dataclass(frozen=True, slots=True)
class _Chapter:
    """An article as a file of the book; `section` is empty but for the first of a section."""

    name: str
    title: str
    body: str
    section: str
    language: str | None


def write(issue: Issue) -> bytes:
    """Return an issue as an EPUB file."""
    chapters = list(_chapters(issue))
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        # First and uncompressed, so that programs know the file by its first bytes.
        _add(archive, "mimetype", MEDIA_TYPE, ZIP_STORED)
        _add(archive, "META-INF/container.xml", _CONTAINER)
        _add(archive, "book/package.opf", _package(issue, chapters))
        _add(archive, "book/contents.xhtml", _contents(issue, chapters))
        _add(archive, "book/style.css", _STYLE)
        for chapter in chapters:
            page = _page(issue, chapter.title, chapter.body, chapter.language)
            _add(archive, f"book/{chapter.name}.xhtml", page)
    return buffer.getvalue()


def _add(archive: ZipFile, name: str, text: str, compression: int = ZIP_DEFLATED) -> None:
    info = ZipInfo(name, _OLDEST)
    info.compress_type = compression
    info.create_system = 3  # Unix, wherever the file is made
    archive.writestr(info, text.encode("utf-8", "replace"))


def _chapters(issue: Issue) -> Iterator[_Chapter]:
    for section in issue.sections:
        heading = section_title(issue, section)
        for index, entry in enumerate(section.entries):
            body = f"<h1>{as_xhtml(title_html(entry))}</h1>\n{as_xhtml(article_html(entry))}"
            yield _Chapter(
                f"article-{entry.id}".replace("--", "-m"),
                title_of(entry),
                body,
                "" if index else heading,
                entry_language(entry),
            )
    if issue.missing:
        text = missing_text(issue)
        yield _Chapter("more", "More", f"<p>{xml_text(text)}</p>", "", "en")


def _package(issue: Issue, chapters: list[_Chapter]) -> str:
    items = "\n".join(
        f'<item id="{chapter.name}" href="{chapter.name}.xhtml" media-type="{_XHTML}"/>'
        for chapter in chapters
    )
    order = "\n".join(f'<itemref idref="{chapter.name}"/>' for chapter in chapters)
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{xml_text(issue.id)}</dc:identifier>
<dc:title>{xml_text(issue.title)}</dc:title>
<dc:language>{_language(issue)}</dc:language>
<dc:publisher>{xml_text(issue.publisher)}</dc:publisher>
<dc:source>{xml_text(issue.url)}</dc:source>
<meta property="dcterms:modified">{rfc3339(issue.closed_at)}</meta>
</metadata>
<manifest>
<item id="contents" href="contents.xhtml" media-type="{_XHTML}" properties="nav"/>
<item id="style" href="style.css" media-type="text/css"/>
{items}
</manifest>
<spine>
<itemref idref="contents"/>
{order}
</spine>
</package>
"""


def _contents(issue: Issue, chapters: list[_Chapter]) -> str:
    """Return the navigation document: sections, and the articles of each."""
    lines, is_open = [f"<h1>{xml_text(issue.title)}</h1>", '<nav epub:type="toc"><ol>'], False
    for chapter in chapters:
        if chapter.section:
            lines.append(f"{'</ol></li>' if is_open else ''}<li>")
            lines.append(f'<a href="{chapter.name}.xhtml">{xml_text(chapter.section)}</a><ol>')
            is_open = True
        lines.append(f'<li><a href="{chapter.name}.xhtml">{xml_text(chapter.title)}</a></li>')
    lines.append(f"{'</ol></li>' if is_open else ''}</ol></nav>")
    return _page(issue, issue.title, "\n".join(lines), issue.language)


def _page(issue: Issue, title: str, body: str, language: str | None) -> str:
    tag = language_tag(language) or _language(issue)
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
 lang="{tag}" xml:lang="{tag}">
<head><title>{xml_text(title)}</title><link rel="stylesheet" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""


def _language(issue: Issue) -> str:
    return language_tag(issue.language) or _UNDETERMINED
