"""Slugs: texts of any script as parts of addresses, and the slugs of categories.  Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping

_ASCII_SEPARATORS = {code: " " for code in range(128) if not chr(code).isalnum()}
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])|\s+")
_SIGNS = re.compile(r"(?<=[^\W_])[+#]+(?![^\W_])")  # behind a word: C++, F#, but not A+B
_SIGN_WORDS = {"+": " plus ", "#": " sharp "}
_HASH_DIGITS = 6
MAX_NAME = 80
"""Characters of the name of a feed."""


def slug(text: str) -> str:
    """Return the words of `text` in lower case, joined by hyphens; empty if `text` has no word."""
    if text.isascii():
        return "-".join(text.lower().translate(_ASCII_SEPARATORS).split())
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(map(_word_character, folded)).split())


def unused_name(words: str, url: str, is_used: Callable[[str], bool]) -> str:
    """Return a name for a feed: `words` if unused, else with digits made from the feed's address.

    Args:
        words: A slug; longer than a name may be, or a name of this function for the same address.
    """
    digest = hashlib.blake2b(url.encode(), digest_size=_HASH_DIGITS // 2).hexdigest()
    words = words.removesuffix(f"-{digest}")
    name, digits = words[:MAX_NAME].strip("-"), _HASH_DIGITS
    while is_used(name):  # more digits only if a name in the file looks like a made one
        digest = hashlib.blake2b(url.encode(), digest_size=digits // 2).hexdigest()
        name = f"{words[: MAX_NAME - digits - 1].strip('-')}-{digest}"
        digits += 2
    return name


def category_slugs(names: Iterable[str]) -> dict[str, str]:
    """Return the slugs of categories by name; no two categories share a slug.

    The signs of C++ and C# become words (`c-plus-plus`, `c-sharp`); names without a letter or
    digit keep the symbols.  Of several categories with one slug, the category with the plainest
    name gets the slug, the others get the slug and a hash of the name.  The order of `names`
    does not matter; names that differ only in capitals and spaces are one category.
    """
    keys = {name: category_key(name) for name in dict.fromkeys(names)}
    keys_by_slug: dict[str, list[str]] = {}
    for key in sorted(set(keys.values()), key=_symbol_count):
        keys_by_slug.setdefault(_category_slug(key), []).append(key)
    slugs = {rivals[0]: slug for slug, rivals in keys_by_slug.items() if slug}
    used_slugs = set(slugs.values())
    for slug, (first, *later) in keys_by_slug.items():
        for key in later if slug else (first, *later):
            slugs[key] = _hashed_slug(slug, key, used_slugs)
            used_slugs.add(slugs[key])
    return {name: slugs[key] for name, key in keys.items()}


def matching_categories(text: str, slugs: Mapping[str, str]) -> list[str]:
    """Return the names of the categories that a person means by a name or a slug.

    Args:
        text: The text of the person.
        slugs: Slugs of all categories, by name.
    """
    key, words = category_key(text), slug(text)
    same_name = [name for name in slugs if category_key(name) == key]
    return same_name or [name for name in slugs if slugs[name] in {text, words}]


def category_key(name: str) -> str:
    """Return a key that is equal for all spellings of one category."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _BETWEEN_WORDS.sub(" ", folded).strip()


def _symbol_count(key: str) -> tuple[int, str]:
    return sum(not (character.isalnum() or character == " ") for character in key), key


def _category_slug(key: str) -> str:
    words = _SIGNS.sub(lambda signs: "".join(map(_SIGN_WORDS.__getitem__, signs[0])), key)
    return slug(words) or "".join(filter(_is_symbol, key))


def _is_symbol(character: str) -> bool:
    """Whether a character is an emoji or the like, which addresses can hold."""
    return not character.isascii() and unicodedata.category(character) in {"So", "Sm", "Sk"}


def _hashed_slug(slug: str, key: str, used_slugs: Collection[str]) -> str:
    digest = hashlib.blake2b(key.encode(errors="surrogatepass")).hexdigest()
    lengths = range(_HASH_DIGITS, len(digest))
    candidates = (f"{slug}-{digest[:length]}".lstrip("-") for length in lengths)
    return next(candidate for candidate in candidates if candidate not in used_slugs)


def _word_character(character: str) -> str:
    # Vowel signs are marks, not letters: without them Hindi and Arabic words fall apart.
    is_part = character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}
    return character if is_part else " "
