"""Which texts have something in them that is not left to nh3 alone.

Tests of bytes, as each text is put to them; they may find too much, never too little.  Nearly all
texts are ordinary, and looked at no further.
"""

import re
from collections.abc import Iterable

from aggregator.reading.sanitize.pictures import is_placeholder


def any_of(words: Iterable[str]) -> str:
    """Return a pattern for these words that looks at each letter once."""
    endings: dict[str, list[str]] = {}
    for word in words:
        endings.setdefault(word[:1], []).append(word[1:])
    branches = [
        re.escape(first) + (any_of(rest) if any(rest) else "")
        for first, rest in sorted(endings.items())
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
LAZY_SIGNS = (
    b"lazy-src=",
    b"lazysrc=",
    b"lazy_src=",
    b"zoomfile=",
    b" original=",
    b'src=""',
    b"src=''",
)
"""Attributes of scripts before HTML 5, and addresses that are empty."""


def _around(character: bytes, *surroundings: bytes) -> re.Pattern[bytes]:
    """Return a pattern for a character in any of these surroundings.

    A pattern that begins with its rarest character costs a tenth of looking for the whole of it.
    """
    return re.compile(b"%b(?:%b)" % (character, b"|".join(surroundings)))


_OF_PLACE = rb"(?<=[\"'=]#)"
_OF_HALF = rb"(?<=&#)(?:x0{0,6}d[89a-f]|0{0,6}5[5-7]\d{3})"
_OF_STYLE = rb"(?<=line-)through|align"
_OF_LAZY = [b"(?<=%b=)%b" % sign.partition(b"=")[::2] for sign in LAZY_SIGNS]
_OF_PATH = rb"(?:%b)\s*+[\"']?+\s*+(?!https?://|/|mailto:)" % b"|".join(
    rb"(?<=%b=)" % name for name in (b"href", b"src", b"cite", b"poster", rb"\s")
)

PLACE = _around(b"#", _OF_PLACE)
"""A link to a place in the text itself, or to its own page."""
SCHEME = _around(b":", rb"(?<=data:)", rb"(?<=script:)")
"""An address that is a picture or a program."""
HALF = _around(b"#", _OF_HALF)
"""What a reference to half a character looks like."""
PATH_RELATIVE = _around(b"=", _OF_PATH)
"""A reference for which more of its base counts than the host.

`https:a` is one, too (URL Standard, special schemes).  Blanks before the sign are taken for one.
"""
_STYLE = _around(b"-", _OF_STYLE)
_LAZY_SIGN = _around(b"=", *_OF_LAZY)

_TAG = _around(
    b"<(?!/)",
    rf"{any_of(_NAMES)}[\s/>]".encode(),
    rb"m(?:ml)?:m",
    rb"!\[cdata",
    rb"script[^<>]{1,200}math/",
)
_SIGNS = (
    _TAG,
    SCHEME,
    _around(b"#", _OF_PLACE, _OF_HALF),
    _around(b"-", _OF_STYLE, rb"(?<=data-)"),
    # Told apart by the last letter of the name first, as half of all attributes are of links.
    _around(
        b"=",
        rb"(?<=f=)(?!\"https?://)%b" % _OF_PATH,
        rb"(?<=[td\s]=)(?:(?<=srcset=)|(?<=\sid=)|(?<=\s=))",
        rb"(?<=[celr]=)(?:%b)" % b"|".join((_OF_PATH, *_OF_LAZY)),
    ),
)
"""All that is looked for, by the character that it is found by: each goes through a text once."""

_UNUSUAL_STYLE = re.compile(
    rb"line-through|vertical-align\s*:\s*su[bp]|<t[dh](?=[\s/])[^<>]{0,400}text-align"
)
_LAZY = re.compile(rb"data-[a-z0-9_-]{0,30}(?:src|original|lazy|echo|poster)")
_IMAGE = re.compile(rb"<img(?=[\s/])[^>]{0,4000}")
_SRC = re.compile(rb"\ssrc\s*=\s*[\"']?([^\"'\s>]*)")
_TARGET_BY_NAME = re.compile(rb"<a\s[^<>]{0,400}?\bname\s*=")


def is_ordinary(lower: bytes) -> bool:
    """Whether a text, as its lower-case bytes, has no sign of anything that needs a closer look.

    It has nothing to rewrite, no formulas, no links to places in it, nothing for the filter, and
    no references for which more of its base counts than the host.
    """
    if b"<" not in lower:
        return HALF.search(lower) is None
    return not any(sign.search(lower) for sign in _SIGNS)


def needs_rewriting(lower: bytes) -> bool:
    """Whether a text, as its lower-case bytes, has markup that `rewritten` has something for."""
    return bool(
        _TAG.search(lower)
        or _has_unusual_attributes(lower)
        or (b"data-" in lower and _has_lazy_pictures(lower))
        or (b"<img" in lower and _LAZY_SIGN.search(lower))
    )


def _has_unusual_attributes(lower: bytes) -> bool:
    return bool(
        (_STYLE.search(lower) and _UNUSUAL_STYLE.search(lower))
        or (b" name=" in lower and PLACE.search(lower) and _TARGET_BY_NAME.search(lower))
    )


def _has_lazy_pictures(lower: bytes) -> bool:
    if _LAZY.search(lower):
        return True
    sources = (_SRC.search(image[0]) for image in _IMAGE.finditer(lower))
    return any(is_placeholder(src[1].decode() if src else None) for src in sources)
