"""The allow lists, nh3's cleaners for them, and the attribute filter.

Safe at the level of tokens, whatever tree a reader's parser builds: no listed element changes how a
browser goes on tokenising (`script`, `style`, `title`, `textarea`, `iframe`, `xmp`, `noscript` and
the like are not listed, comments are dropped), so the output of nh3 can only be read as listed
elements with checked attributes.  The same holds for MathML.
"""

from collections.abc import Callable, Set
from functools import lru_cache
from typing import Any

import nh3

from aggregator import urls
from aggregator.reading.sanitize.url_attributes import DATA_IMAGE, SCRIPT, srcset
from aggregator.text.post_text import ID_PREFIX

TITLE_TAGS = frozenset({"b", "strong", "i", "em", "code", "sub", "sup"})

BLOCK_TAGS = frozenset(
    "address article aside blockquote br caption dd details div dl dt figcaption figure footer "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th "
    "thead tr ul".split()
)
SET_APART = frozenset("caption dd dt figcaption h1 h2 h3 h4 h5 h6 li summary td th".split())
"""Blocks whose texts are not a sentence with the text before or after."""

CONTENT_TAGS = (
    TITLE_TAGS
    | BLOCK_TAGS
    | frozenset(
        "a abbr audio bdi bdo cite col colgroup data del dfn img ins kbd mark picture q rp rt "
        "ruby s samp small source span time track u var video wbr".split()
    )
)
FORMULA_TAGS = frozenset(
    "math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms "
    "mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
"""MathML Core without `semantics` and its annotations, and without links."""

DROPPED_WITH_CONTENT = frozenset(
    "script style iframe object embed svg math template noscript noembed noframes xmp plaintext "
    "select textarea title annotation annotation-xml".split()
)

_CONTENT_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "audio": {"src", "controls", "preload"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "reversed", "type"},
    "q": {"cite"},
    "source": {"src", "srcset", "sizes", "type", "media"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label"},
    "video": {"src", "poster", "controls", "preload", "width", "height"},
}
# No lengths but of a fraction's line, whose absence makes it a binomial: they could cover a page.
_FORMULA_ATTRIBUTES = {
    "math": {"display", "alttext"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mo": {"form", "fence", "separator", "stretchy", "symmetric", "largeop", "movablelimits"},
    "mover": {"accent"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtd": {"columnspan", "rowspan"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
}
ATTRIBUTES = frozenset[str]().union(*_CONTENT_ATTRIBUTES.values(), *_FORMULA_ATTRIBUTES.values())
"""Names of all attributes allowed on any element."""

_ALIGNED = "col colgroup tbody td tfoot th thead tr".split()
ALIGNMENTS = frozenset({"left", "right", "center", "justify"})
_LINKS = frozenset({"href", "src", "poster", "cite"})
_Filter = Callable[[str, str, str], str | None]
_MAX_PLACES = 1000  # links of one text to places in it; each is as long as the page's address


@lru_cache(maxsize=256)
def content_cleaner(base: str) -> nh3.Cleaner | None:
    """Return a cleaner for texts without need of the filter, None for a base invalid to nh3.

    Cached, as making a cleaner costs as much as cleaning 1 kB.
    """
    try:
        return _cleaner(
            url_schemes={"http", "https", "mailto"}, url_relative=("rewrite_with_base", base)
        )
    except ValueError:
        return None


@lru_cache(maxsize=256)
def filtering_cleaner(base: str) -> nh3.Cleaner:
    """Return a cleaner with a filter for every attribute, three times as slow."""
    return _filtering(
        CONTENT_TAGS, DROPPED_WITH_CONTENT, frozenset(), _filter(base, None, frozenset())
    )


def cleaner_of_page(
    base: str,
    *,
    page: str | None,
    targets: Set[str],
    has_formulas: bool,
    growth: int | None = None,
) -> nh3.Cleaner:
    """Return a cleaner for one text, as `filtering_cleaner`, with support for rare content.

    Args:
        base: Base of relative references.
        page: Address of the text's page, for links within the text.
        targets: Ids with links within the text; other ids are removed.
        has_formulas: MathML passes.
        growth: Characters by which all addresses together may grow; None for any number.
    """
    attribute_filter = _filter(base, page, targets, growth)
    if not has_formulas:
        return _filtering(CONTENT_TAGS, DROPPED_WITH_CONTENT, targets, attribute_filter)
    tags, dropped = CONTENT_TAGS | FORMULA_TAGS, DROPPED_WITH_CONTENT - {"math"}
    return _filtering(tags, dropped, targets, attribute_filter)


def _filtering(
    tags: Set[str], dropped: Set[str], targets: Set[str], attribute_filter: _Filter
) -> nh3.Cleaner:
    return _cleaner(
        tags=set(tags),
        clean_content_tags=set(dropped),
        attributes=_attributes(has_formulas="math" in tags, has_ids=bool(targets)),
        attribute_filter=attribute_filter,
        url_schemes={"http", "https", "mailto", "data"},
        url_relative="pass_through",
        id_prefix=ID_PREFIX,
    )


def _attributes(*, has_formulas: bool, has_ids: bool) -> dict[str, set[str]]:
    attributes = _CONTENT_ATTRIBUTES | (_FORMULA_ATTRIBUTES if has_formulas else {})
    attributes = {tag: set(names) for tag, names in attributes.items()}
    if has_ids:
        attributes["*"].add("id")
    return attributes


def _cleaner(**options: Any) -> nh3.Cleaner:
    passing = {
        "tags": set(CONTENT_TAGS),
        "clean_content_tags": set(DROPPED_WITH_CONTENT),
        "attributes": _attributes(has_formulas=False, has_ids=False),
    }
    return nh3.Cleaner(
        **(passing | options),
        tag_attribute_values={tag: {"align": set(ALIGNMENTS)} for tag in _ALIGNED},
        link_rel="noopener noreferrer",
    )


@lru_cache(maxsize=1)
def title_cleaner() -> nh3.Cleaner:
    """Return a cleaner that keeps `TITLE_TAGS`, blocks, and pictures with `alt`."""
    return nh3.Cleaner(
        tags=set(TITLE_TAGS | BLOCK_TAGS | {"img"}),
        clean_content_tags=set(DROPPED_WITH_CONTENT),
        attributes={"*": set(), "img": {"alt"}},  # without "*" nh3 lets `title` and `lang` pass
        link_rel=None,
    )


@lru_cache(maxsize=1)
def text_cleaner() -> nh3.Cleaner:
    """Return a cleaner that keeps blocks only."""
    return nh3.Cleaner(
        tags=set(BLOCK_TAGS),
        clean_content_tags=set(DROPPED_WITH_CONTENT),
        attributes={"*": set()},
        link_rel=None,
    )


def _filter(base: str, page: str | None, targets: Set[str], growth: int | None = None) -> _Filter:
    """Return a filter for attributes, for a single text if `growth` is limited."""
    places = 0
    spare = growth or 0

    def attribute(tag: str, name: str, value: str) -> str | None:
        nonlocal spare
        filtered = passing(tag, name, value)
        if growth is not None and filtered is not None:
            spare -= max(len(filtered) - len(value), 0)
            return filtered if spare >= 0 else None
        return filtered

    def passing(tag: str, name: str, value: str) -> str | None:
        if name in _LINKS:
            if tag == "img" and value[:5].lower() == "data:":
                return value if DATA_IMAGE.fullmatch(value) else None
            if value.startswith("#") and tag == "a":
                return _place(value)
            return urls.absolute(value, base)
        if name == "srcset":
            return srcset(value, base)
        if name == "id":
            return value if value.removeprefix(ID_PREFIX) in targets else None
        return None if SCRIPT.match(value) else value  # harmless there, and nothing to keep

    def _place(fragment: str) -> str | None:
        """Return the address of a place on the text's page, None for the start of any page."""
        nonlocal places
        places += 1
        is_somewhere = page is not None and len(fragment) > 1 and places <= _MAX_PLACES
        return urls.absolute(fragment, page) if page is not None and is_somewhere else None

    return attribute
