"""Language tags (BCP 47): which language a reader gets, and what two tags have in common.  Pure.

Sources: RFC 4647, 3.4 (lookup); UTS #35, 4.3 (likely subtags) with the data of CLDR.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from babel.core import get_global

_ALIASES: Mapping[str, str] = get_global("language_aliases")
_LIKELY_TAGS: Mapping[str, str] = get_global("likely_subtags")


class WrittenLanguage(NamedTuple):
    """A language and its script: ("zh", "Hant") of "zh-TW"; the script is empty if unknown."""

    language: str
    script: str


@lru_cache(maxsize=500)
def written_language(tag: str) -> WrittenLanguage:
    """Return what a tag has in common with all tags of the same written language.

    A tag without a script has the likely one of its language and region.
    """
    subtags = tag.replace("_", "-").lower().split("-")
    language, *implied = _ALIASES.get(subtags[0], subtags[0]).split("_")
    further = [*implied, *takewhile(_is_no_extension, subtags[1:])]
    scripts = (subtag for subtag in further if len(subtag) == 4 and subtag.isalpha())
    script = next(scripts, "") or _likely_script(language, further)
    return WrittenLanguage(language, script.title())


class LanguageMatcher:
    """Chooses among the available languages."""

    def __init__(self, available: Iterable[str]) -> None:
        """Take the tags; of two that are written the same, the first one counts."""
        self._by_tag: dict[str, str] = {}
        self._by_writing: dict[WrittenLanguage, str] = {}
        self._by_language: dict[str, str] = {}
        for tag in available:
            writing = written_language(tag)
            self._by_tag[tag.lower()] = tag
            self._by_writing.setdefault(writing, tag)
            self._by_language.setdefault(writing.language, tag)

    def best(self, requested: Sequence[str]) -> str | None:
        """Return the available language for a reader, None if there is none.

        A requested tag stands for itself, for its beginnings ("de-CH-1996", "de-CH", "de"), and for
        the tags that are written the same ("zh-SG" for "zh-Hans", "pt" for "pt-BR").  A language in
        another script is chosen only where nothing else matches.

        Args:
            requested: Tags, the preferred one first.
        """
        for tag in requested:
            if match := self._looked_up(tag) or self._by_writing.get(written_language(tag)):
                return match
        for tag in requested:
            if match := self._by_language.get(written_language(tag).language):
                return match
        return None

    def _looked_up(self, tag: str) -> str | None:
        """Return the language with the longest beginning of a tag."""
        remaining = tag.lower()
        while remaining:
            if remaining in self._by_tag:
                return self._by_tag[remaining]
            remaining = remaining.rpartition("-")[0]
        return None


def _is_no_extension(subtag: str) -> bool:
    """Whether a subtag is neither the sign of an extension nor of private use."""
    return len(subtag) > 1


def _likely_script(language: str, further: Sequence[str]) -> str:
    """Return the likely script of a language, in the region that the further subtags name."""
    regions = (subtag.upper() for subtag in further if len(subtag) == 2 or subtag.isdigit())
    keys = (*(f"{language}_{region}" for region in regions), language)
    likely_tag = next((_LIKELY_TAGS[key] for key in keys if key in _LIKELY_TAGS), "")
    return likely_tag.split("_")[1] if "_" in likely_tag else ""
