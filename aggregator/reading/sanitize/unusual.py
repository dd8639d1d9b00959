"""Which texts have content that nh3 alone does not handle.

All tests are patterns over bytes, run on each text: false positives are harmless, false negatives
are not.  Nearly all texts are ordinary and need no further look.
"""

import re
from collections.abc import Iterable

from aggregator.reading.sanitize.pictures import is_placeholder


def any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of some words, which reads each character once."""
    endings: dict[str, list[str]] = {}
    for word in words:
        endings.setdefault(word[:1], []).append(word[1:])
    branches = [
        re.escape(first) + (any_of(suffixes) if any(suffixes) else "")
        for first, suffixes in sorted(endings.items())
        if first
    ]
    optional = "?" if "" in endings else ""
    return f"(?:{'|'.join(branches)}){optional}"


_NAMES = (
    "acronym amp-iframe amp-img applet button center datalist dialog dir embed fencedframe "
    "fieldset form frame frameset hgroup iframe ilayer input label layer legend listing marquee "
    "math menu meter multicol noscript object optgroup option output plaintext portal progress "
    "search select strike textarea tt xmp"
).split()
LAZY_ATTRIBUTES = (
    b"lazy-src=",
    b"lazysrc=",
    b"lazy_src=",
    b"zoomfile=",
    b" original=",
    b'src=""',
    b"src=''",
)
"""Attributes of scripts before HTML 5, and empty addresses."""


def _in_surroundings(character: bytes, *surroundings: bytes) -> re.Pattern[bytes]:
    """Return a pattern for a character in any of some surroundings.

    A pattern with its rarest character first is the fastest to search for.
    """
    return re.compile(b"%b(?:%b)" % (character, b"|".join(surroundings)))


_OF_FRAGMENT_LINK = rb"(?<=[\"'=]#)"
_OF_HALF = rb"(?<=&#)(?:x0{0,6}d[89a-f]|0{0,6}5[5-7]\d{3})"
_OF_STYLE = rb"(?<=line-)through|align"
_OF_LAZY = [b"(?<=%b=)%b" % attribute.partition(b"=")[::2] for attribute in LAZY_ATTRIBUTES]
_OF_PATH = rb"(?:%b)\s*+[\"']?+\s*+(?!https?://|/|mailto:)" % b"|".join(
    rb"(?<=%b=)" % name for name in (b"href", b"src", b"cite", b"poster", rb"\s")
)

FRAGMENT_LINK = _in_surroundings(b"#", _OF_FRAGMENT_LINK)
"""A link within the text, or to the start of the page."""
SCHEME = _in_surroundings(b":", rb"(?<=data:)", rb"(?<=script:)")
"""An address with a picture or a program in place of a location."""
HALF = _in_surroundings(b"#", _OF_HALF)
"""A reference to half of a surrogate pair."""
PATH_RELATIVE = _in_surroundings(b"=", _OF_PATH)
"""A reference that needs more of the base than the host.

`https:a` is such a reference, too (URL Standard, special schemes), as are blanks before the `=`.
"""
_STYLE = _in_surroundings(b"-", _OF_STYLE)
_LAZY_ATTRIBUTE = _in_surroundings(b"=", *_OF_LAZY)

_TAG = _in_surroundings(
    b"<(?!/)",
    rf"{any_of(_NAMES)}[\s/>]".encode(),
    rb"m(?:ml)?:m",
    rb"!\[cdata",
    rb"script[^<>]{1,200}math/",
)
_UNUSUAL = (
    _TAG,
    SCHEME,
    _in_surroundings(b"#", _OF_FRAGMENT_LINK, _OF_HALF),
    _in_surroundings(b"-", _OF_STYLE, rb"(?<=data-)"),
    # Distinguished by the last letter of the name first, as half of all attributes are links.
    _in_surroundings(
        b"=",
        rb"(?<=f=)(?!\"https?://)%b" % _OF_PATH,
        rb"(?<=[td\s]=)(?:(?<=srcset=)|(?<=\sid=)|(?<=\s=))",
        rb"(?<=[celr]=)(?:%b)" % b"|".join((_OF_PATH, *_OF_LAZY)),
    ),
)
"""All unusual content, a pattern for each first character; each pattern reads a text once."""

_UNUSUAL_STYLE = re.compile(
    rb"line-through|vertical-align\s*:\s*su[bp]|<t[dh](?=[\s/])[^<>]{0,400}text-align"
)
_LAZY = re.compile(rb"data-[a-z0-9_-]{0,30}(?:src|original|lazy|echo|poster)")
_IMAGE = re.compile(rb"<img(?=[\s/])[^>]{0,4000}")
_SRC = re.compile(rb"\ssrc\s*=\s*[\"']?([^\"'\s>]*)")
_TARGET_BY_NAME = re.compile(rb"<a\s[^<>]{0,400}?\bname\s*=")


def is_ordinary(lower: bytes) -> bool:
    """Whether a text, as lower-case bytes, has nothing that needs a closer look.

    An ordinary text has nothing to rewrite, no formulas, no links within the text, nothing for the
    filter, and no references that need more of the base than the host.
    """
    if b"<" not in lower:
        return HALF.search(lower) is None
    return not any(pattern.search(lower) for pattern in _UNUSUAL)


def needs_rewriting(lower: bytes) -> bool:
    """Whether a text, as lower-case bytes, has markup for `rewritten`."""
    return bool(
        _TAG.search(lower)
        or _has_unusual_attributes(lower)
        or (b"data-" in lower and _has_lazy_pictures(lower))
        or (b"<img" in lower and _LAZY_ATTRIBUTE.search(lower))
    )


def _has_unusual_attributes(lower: bytes) -> bool:
    return bool(
        (_STYLE.search(lower) and _UNUSUAL_STYLE.search(lower))
        or (b" name=" in lower and FRAGMENT_LINK.search(lower) and _TARGET_BY_NAME.search(lower))
    )


def _has_lazy_pictures(lower: bytes) -> bool:
    if _LAZY.search(lower):
        return True
    sources = (_SRC.search(image[0]) for image in _IMAGE.finditer(lower))
    return any(is_placeholder(src[1].decode() if src else None) for src in sources)
