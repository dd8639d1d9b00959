"""Which elements may stand in which: scopes, and the elements of texts, dates and containers."""


class ElementScope:
    """The elements allowed within an element.

    Attributes:
        admits: Fields of the children that count; None for all fields.
    """

    __slots__ = ("admits",)

    def __init__(self, admits: frozenset[str] | None) -> None:
        self.admits = admits


OUTSIDE = ElementScope(None)  # the root of the document, and elements around a feed
MEMBERS = ElementScope(None)  # in a feed, an entry or the source of an entry
MARKUP = ElementScope(None)  # in a text
DATE = ElementScope(frozenset({"time"}))
PERSON = ElementScope(
    frozenset({"name", "email", "uri", "url", "homepage", "itunes_name", "itunes_email"})
)
_OF_MEDIA = frozenset({"media_category", "media_description", "media_keywords", "media_thumbnail"})
MEDIA = ElementScope(_OF_MEDIA)
GROUP = ElementScope(_OF_MEDIA | {"media_content", "media_title"})
CATEGORIES = ElementScope(frozenset({"category", "itunes_category"}))
ALTERNATIVES = ElementScope(
    frozenset({"content"})
)  # forms of a text: Atom 0.3, multipart/alternative
NO_CHILDREN = ElementScope(frozenset())  # in an element without known children
DROPPED = ElementScope(frozenset())  # in an element that is left out

ENTRIES = frozenset({"item", "entry"})
ROOTS = frozenset({"feed", "rss"})  # the language of the root is the feed's

XHTML = "application/xhtml+xml"

# The elements of texts, and their types where an element has no `type` (RSS has no types; a
# description of Media RSS is plain by default).
TEXT_TYPES = {
    **dict.fromkeys(
        "title dc_title itunes_title media_title subtitle tagline itunes_subtitle rights copyright "
        "dc_rights content summary abstract itunes_summary media_description".split(),
        "text/plain",
    ),
    **dict.fromkeys(
        "content_encoded fullitem description dc_description".split(),
        "text/html",
    ),
    **dict.fromkeys(["body", "xhtml_body"], XHTML),
}
DATE_KINDS = {
    **dict.fromkeys("published pubdate issued dcterms_issued".split(), "published"),
    **dict.fromkeys(
        "updated modified lastbuilddate date dc_date dcterms_date dcterms_modified".split(),
        "updated",
    ),
    **dict.fromkeys(["created", "dcterms_created"], "created"),
}
_CONTAINERS = {
    **dict.fromkeys(["channel", "feed", "item", "entry", "source"], MEMBERS),
    **dict.fromkeys(TEXT_TYPES, MARKUP),
    **dict.fromkeys(DATE_KINDS, DATE),
    **dict.fromkeys(
        "author contributor managingeditor itunes_author itunes_owner dc_author dc_creator "
        "dc_contributor".split(),
        PERSON,
    ),
    "media_content": MEDIA,
    "media_group": GROUP,
    "categories": CATEGORIES,
    "itunes_category": CATEGORIES,
    "image": NO_CHILDREN,  # also outside of the feed: RSS 0.9 and 1.0
    "textinput": NO_CHILDREN,
}


def children_scope(scope: ElementScope, field: str) -> ElementScope:
    """Return the scope of an element's children, for an element in `scope`."""
    if scope is MARKUP:
        return MARKUP
    if scope is OUTSIDE and (field in TEXT_TYPES or field not in _CONTAINERS):
        return OUTSIDE  # a web page's body may contain a feed
    return _CONTAINERS.get(field, NO_CHILDREN)
