"""Which texts have markup that `rewriting` has something for.

A test of bytes, as each text is put to it; it may find too much, never too little.
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
# One pattern for all, as each look at a text costs it a hundredth of its cleaning.
_UNUSUAL_TAG = re.compile(
    rf"<(?:{any_of(_NAMES)}[\s/>]|m(?:ml)?:m|!\[cdata|script[^<>]{{1,200}}math/)".encode()
)
# Found by their rarest character, as are most things below.
_ATTRIBUTE = re.compile(
    rb"=(?:(?<=srcset=)|(?<=style=)|(?<=\sname=)|(?<=\sid=)|(?<=\s=)|\s*+[\"']?+#)"
)
_STYLE = re.compile(rb"-(?:(?<=line-)through|align)")
_UNUSUAL_STYLE = re.compile(
    rb"line-through|vertical-align\s*:\s*su[bp]|<t[dh](?=[\s/])[^<>]{0,400}text-align"
)
_LAZY = re.compile(rb"data-[a-z0-9_-]{0,30}(?:src|original|lazy|echo|poster)")
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
_LAZY_SIGN = re.compile(
    b"=(?:%b)"
    % b"|".join(
        b"(?<=%b=)%b" % (name, value) for name, value in (s.split(b"=") for s in LAZY_SIGNS)
    )
)
_IMAGE = re.compile(rb"<img(?=[\s/])[^>]{0,4000}")
_SRC = re.compile(rb"\ssrc\s*=\s*[\"']?([^\"'\s>]*)")
_PLACE = re.compile(rb"#(?<=[\"'=]#)")
_TARGET_BY_NAME = re.compile(rb"<a\s[^<>]{0,400}?\bname\s*=")


def has_attributes(lower: bytes) -> bool:
    """Whether a text has attributes that anything here, or the filter, has to look at."""
    return _ATTRIBUTE.search(lower) is not None


def needs_rewriting(lower: bytes, *, attributes: bool = True) -> bool:
    """Whether a text, as its lower-case bytes, has markup that `rewritten` has something for.

    Args:
        attributes: What `has_attributes` says of it, True where nobody has asked.
    """
    return bool(
        _UNUSUAL_TAG.search(lower)
        or (attributes and _has_unusual_attributes(lower))
        or (b"data-" in lower and _has_lazy_pictures(lower))
        or (b"<img" in lower and _LAZY_SIGN.search(lower))
    )


def _has_unusual_attributes(lower: bytes) -> bool:
    return bool(
        (_STYLE.search(lower) and _UNUSUAL_STYLE.search(lower))
        or (b" name=" in lower and _PLACE.search(lower) and _TARGET_BY_NAME.search(lower))
    )


def _has_lazy_pictures(lower: bytes) -> bool:
    if _LAZY.search(lower):
        return True
    sources = (_SRC.search(image[0]) for image in _IMAGE.finditer(lower))
    return any(is_placeholder(src[1].decode() if src else None) for src in sources)
