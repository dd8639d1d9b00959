"""Keep the catalogues of web/languages/ with the texts: `python -m tests.catalogues [TAG ...]`.

Every text of templates and code is written to each catalogue (and to those of new TAGs); what is
not used any more goes.  New ones are empty, and a test fails until they are translated.
"""

import sys
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from web.language import SOURCE, available, catalogue, is_variant_of_source

_WEB = Path(__file__).parents[1] / "web"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "choose": (1, 2), "to_translate": None}


@cache
def texts() -> Catalog:
    """Return every text that the pages can say; not to be changed."""
    catalog = Catalog()
    for path, line, message, comments, context in extract_from_dir(
        _WEB, _METHODS, keywords=_KEYWORDS
    ):
        catalog.add(
            message, locations=[(path, line)], auto_comments=comments, context=context, flags=()
        )
    return catalog


def read(tag: str) -> Catalog:
    """Return a language's catalogue; an empty one if there is none yet."""
    path = catalogue(tag)
    data = path.read_bytes() if path.exists() else b""
    return read_po(BytesIO(data), locale=tag.replace("-", "_"))


def renewed(tag: str) -> bytes:
    """Return a catalogue with the texts of today."""
    catalog = read(tag)
    catalog.update(texts(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    plain = Catalog(locale=catalog.locale, fuzzy=False, header_comment="")
    # As the file has them: Russian has a form for 1 alone, beside those of CLDR.
    plain.mime_headers = [("Plural-Forms", catalog.plural_forms)]
    for message in catalog:
        if message.id:
            flags = {flag for flag in message.flags if flag != "fuzzy"}
            plain.add(message.id, message.string, flags=flags)
    written = BytesIO()
    # Neither places nor times: the file changes when a text does.
    write_po(written, plain, width=100, no_location=True, omit_header=True, sort_output=True)
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    )
    return f'{header}"Plural-Forms: {plain.plural_forms}\\n"\n\n'.encode() + written.getvalue()


if __name__ == "__main__":
    for tag in [*available(), *sys.argv[1:]]:
        if tag != SOURCE and not is_variant_of_source(tag):
            catalogue(tag).write_bytes(renewed(tag))
