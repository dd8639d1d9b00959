"""Pictures loaded by a script of the publisher's page, as pictures without a script.

Such an element has the address in an attribute of the script's own, and `src` is missing or leads
to a placeholder.
"""

import re
from collections.abc import Mapping

from aggregator import urls
from aggregator.reading.sanitize.url_attributes import CANDIDATE

# The usual names, in the order of preference by the picture's size.
_SOURCES = (
    "data-src data-lazy-src data-original data-original-src data-actualsrc data-cfsrc "
    "data-lazyload data-lazy data-echo data-ll-src data-ezsrc data-dt-lazy-src data-defer-src "
    "data-litespeed-src data-runner-src data-flickity-lazyload data-wpfc-original-src "
    "data-real-src data-hi-res-src data-full-src data-large-src data-image-src data-img-src "
    "data-orig-file data-large-file data-medium-file data-pagespeed-lazy-src "
    "pagespeed_lazy_src lazy-src lazysrc original zoomfile file"
).split()
_CERTAIN = ("data-src", "data-lazy-src")  # for scripts only, which copy the value to `src`
_SRCSETS = "data-srcset data-lazy-srcset data-original-set data-ll-srcset".split()
_NOT_THE_PICTURE = re.compile(r"thumb|small|low|blur|preview|placeholder|icon|page|link|set")
_EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".svg", ".bmp")
_NOT_OF_A_PICTURE = re.compile(r"[\s{}<>]|\A(?:data|javascript|about):", re.IGNORECASE)
_MAX_ADDRESS = urls.MAX_LENGTH
_OF_NOTHING = re.compile(r"\s*(?:data:|about:|javascript:|#|(?:https?:)?//:0|\Z)", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"(?:[\w.-]{0,60}[_.-])?"
    r"(?:blank|placeholder|spacer|pixel|transparent|trans|clear|empty|lazy(?:load)?|loading|"
    r"loader|gr[ae]y|dummy|white|dot|1x1|1px)(?:[_.-][\w.-]{0,60})?\.(?:gif|png|svg|jpe?g|webp)",
    re.IGNORECASE,
)
_LAZY_CLASS = re.compile(r"(?:^|[\s_-])(?:lazy|lazyload|lozad|lazyloading)(?=[\s_-]|$)")
_PIXEL = re.compile(r"\s*[01](?:px)?\s*", re.IGNORECASE)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|"
    r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*[01](?:px|%)?\s*(?:;|!|$)",
    re.IGNORECASE,
)


def is_hidden(attributes: Mapping[str, str]) -> bool:
    """Whether an element is invisible: one pixel or less, or hidden by its style."""
    sizes = (attributes.get("width"), attributes.get("height"))
    if "hidden" in attributes or any(size and _PIXEL.fullmatch(size) for size in sizes):
        return True
    return bool(_HIDDEN.search(attributes.get("style", "")))


def is_placeholder(src: str | None) -> bool:
    """Whether an address is empty, or that of a placeholder for another picture."""
    if src is None or _OF_NOTHING.match(src):
        return True
    name = re.split("[?#]", src.strip(), maxsplit=1)[0].rpartition("/")[2]
    return len(name) < 100 and bool(_PLACEHOLDER.fullmatch(name))


def loaded_attributes(tag: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return an element's attributes after the script has loaded the picture.

    Args:
        tag: `img`, `source`, `video`, `audio` or a frame.
        attributes: Names in lower case.
    """
    result = dict(attributes)
    is_lazy = (
        is_placeholder(attributes.get("src"))
        or any(_is_address(attributes.get(name, "")) for name in _CERTAIN)
        or bool(_LAZY_CLASS.search(attributes.get("class", "").lower()))
    )
    source = _source(attributes) if is_lazy else None
    srcset = next((attributes[name] for name in _SRCSETS if attributes.get(name)), None)
    if srcset and (is_lazy or "srcset" not in attributes):
        result["srcset"] = srcset
        candidates = CANDIDATE.findall(srcset[:_MAX_ADDRESS])
        source = source or (candidates[0][0] if candidates and tag == "img" else None)
    elif "data:" in result.get("srcset", ""):
        del result["srcset"]
    if source and (tag != "source" or not srcset):
        result["src"] = source
    if is_placeholder(attributes.get("poster")) and attributes.get("data-poster"):
        result["poster"] = attributes["data-poster"]
    return result


def _source(attributes: Mapping[str, str]) -> str | None:
    sources = ((name, attributes.get(name, "")) for name in _SOURCES)
    addresses = [value.strip() for name, value in sources if _is_address(value)] or [
        value.strip() for name, value in attributes.items() if _is_of_a_picture(name, value)
    ]
    return next(iter(addresses), None)


def _is_address(value: str) -> bool:
    url = value.strip()
    return (
        len(url) <= _MAX_ADDRESS
        and ("/" in url or "." in url)
        and not _NOT_OF_A_PICTURE.search(url)
        and not is_placeholder(url)
    )


def _is_of_a_picture(name: str, value: str) -> bool:
    if not name.startswith("data-") or _NOT_THE_PICTURE.search(name) or not _is_address(value):
        return False
    return re.split("[?#]", value.strip(), maxsplit=1)[0].lower().endswith(_EXTENSIONS)
