"""Hints for names in a search that no source or category has.  Pure."""

from collections.abc import Mapping
from difflib import get_close_matches

from aggregator.search.search_faults import Hint, SearchFault
from aggregator.search.syntax_tree import NameField, NameTest

_FAULTS = {
    NameField.SOURCE: SearchFault.UNKNOWN_SOURCE,
    NameField.CATEGORY: SearchFault.UNKNOWN_CATEGORY,
}
MAX_COMPARED = 2_000
"""Names, titles and words that an unknown name is compared with, which takes up to 50 ms."""

_MAX_PROPOSALS = 3
_MIN_WORD = 4  # letters of a word that stands for a title


def unknown_name(test: NameTest, titles: Mapping[str, str]) -> Hint:
    """Return the hint that nothing has the name of a test, with the nearest names.

    Args:
        titles: The title of each source or category by the name that a search may have.
    """
    names = {name.casefold(): name for name in titles}
    for name, title in titles.items():
        names.setdefault(title.casefold(), name)
    for name, title in titles.items():
        for word in title.casefold().split():
            if len(word) >= _MIN_WORD:
                names.setdefault(word, name)
    similar = get_close_matches(
        test.value.casefold(), list(names)[:MAX_COMPARED], n=2 * _MAX_PROPOSALS
    )
    proposals = dict.fromkeys(names[text] for text in similar)
    return Hint(_FAULTS[test.field], test.value, proposals=tuple(proposals)[:_MAX_PROPOSALS])
