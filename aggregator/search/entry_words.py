"""The words of an entry's texts, for the index of words and for conditions on entries.  Pure."""

import re
from collections.abc import Sequence
from functools import cached_property

from aggregator.search.word_forms import folded, words
from aggregator.text.references import unescape

_MAX_TEXT = 100_000  # characters of HTML whose words are searched

# Inline tags of the cleaned HTML of an entry: words go on through these, and end at other tags.
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:>|\s[^>]*>)"
)
_ANY_TAG = re.compile(r"<[^>]*>")


class EntryWords:
    """The words of an entry; each text is folded once, when its words are first asked for.

    Attributes:
        place: The place in lists, which is the entry's id.
        feed_id: The feed that has the entry.
        title_words, summary_words, content_words: The words of each text with spaces between, which
            take a tenth of the memory of a list.
        author_words, tag_words: The words of each author, of each tag.
    """

    def __init__(
        self,
        place: int,
        feed_id: int,
        title: str,
        summary: str,
        html: str,
        authors: Sequence[str],
        tags: Sequence[str],
    ) -> None:
        """Take the texts of an entry.

        Args:
            html: The full text as stored in `contents`.
            tags: The entry's own categories.
        """
        self.place = place
        self.feed_id = feed_id
        self._title = title
        self._summary = summary
        self._html = html
        self._authors = authors
        self._tags = tags

    @cached_property
    def title_words(self) -> str:
        return folded(self._title)

    @cached_property
    def summary_words(self) -> str:
        return folded(self._summary)

    @cached_property
    def content_words(self) -> str:
        return folded(searched_text(self._html))

    @cached_property
    def author_words(self) -> list[list[str]]:
        return [words(author) for author in self._authors]

    @cached_property
    def tag_words(self) -> list[list[str]]:
        return [words(tag) for tag in self._tags]


def searched_text(html: str) -> str:
    """Return the text of stored HTML.

    The index has no copy of the texts: `searched_text` and `words` must always return the same for
    a text, or indexed entries can't be removed.  A change needs a migration with a new index.
    """
    text = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(text) if "&" in text else text
