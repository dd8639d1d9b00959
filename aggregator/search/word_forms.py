"""The words of a text, in the form in which texts and searches are compared.  Pure.

What readers do not see or do not type makes no difference:

- case, width, ligatures, invisible characters, and how an accent is encoded;
- accents of Latin and Greek letters, and strokes: é is e, ø is o, ß is ss, ώ is ω;
- in Cyrillic ё is е and a stress mark is nothing, but й, ї and ў are letters of their own;
- points and vowel marks of Hebrew, Arabic and Syriac, the tatweel, and forms of alef, yeh and kaf;
- the script of decimal digits.

Other marks stay, because they tell words of Indic scripts apart.

Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese have no spaces between words, or write
particles without a space behind a word.  There each character with its marks counts as a word, so
that a word is found within a longer row of characters if its characters are searched side by side.

The form of a text must never change, because entries leave the index by form.  So nothing depends
on the version of Unicode that a release of Python has: `ucd_3_2_0` is the same in all releases,
and for characters that are newer than Unicode 3.2 the rules are in this module.
"""

import codecs
import re
from functools import lru_cache
from itertools import groupby
from unicodedata import combining, ucd_3_2_0

# Default ignorable code points (The Unicode Standard, 5.21).  Two stay where they separate words:
# U+200B before Thai, Lao, Burmese and Khmer letters, U+200C before Arabic ones.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200d-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
    "|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
    "|\u200c(?![\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff])"
)
_SEPARATING = "\u200b\u200c"
# Symbols that stand for letters or digits, but are not a part of the word beside them.
_SYMBOL = re.compile(
    "[\u2100\u2101\u2105\u2106\u2116\u2120-\u2122\u213b\u2460-\u24ff\u3200-\u33ff"
    "\U0001f100-\U0001f2ff]"
)
# The class has every character that becomes a combining mark; no word of a language has more than
# 30 of them in a row (UAX #15, 13).
_LONG_MARKS = re.compile("(?:[^\\w\\s]|[\uff9e\uff9f]){31,}")

# Letters that are typed as others; in lower case and without accents.
_TYPED_AS = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ȷ": "j",
    "ħ": "h",
    "ŧ": "t",
    "ŋ": "n",
    "ƒ": "f",
    "ɓ": "b",
    "ɗ": "d",
    "ƙ": "k",
    "ƴ": "y",
    "ɨ": "i",
    "ʉ": "u",
    "ƶ": "z",
    "ё": "е",
    "ѐ": "е",
    "ѝ": "и",
    "آ": "ا",
    "أ": "ا",
    "إ": "ا",
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
}
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711"
    "\u0730-\u074a\u08ca-\u08e1\u08e3-\u08ff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\u302a-\u302f\u3099\u309a\ufe20-\ufe2f]"
)
_WITH_ACCENTS = re.compile("[\u00c0-\u024f\u0370-\u03ff\u1e00-\u1fff]")
# Newer than Unicode 3.2, with the case that Unicode 14 gives them for good.
_LATER_CASES = re.compile(
    "[\u0220-\u024f\u04f6-\u052f\u1c90-\u1cba\u1cbd-\u1cbf\u1e9c-\u1e9f\u1efa-\u1eff\u2c00-\u2c7f"
    "\ua640-\ua66e\ua680-\ua69f]"
)
# Letters according to Unicode 3.2 that stand for apostrophes and accents; then ranges of symbols,
# punctuation and characters for private use, in which later versions found room for more.
_SEPARATOR = re.compile(
    "[\u02b9-\u02df\u02e5-\u02ff\u2000-\u2bff\u2e00-\u2eff\u3200-\u33ff\u4dc0-\u4dff\ua490-\ua4cf"
    "\ua700-\ua71f\ua788-\ua78a\ud800-\uf8ff\ufe10-\ufe1f\ufff0-\uffff\U00010100-\U000101ff"
    "\U0001d000-\U0001d3ff\U0001f000-\U0001fbff\U000e0000-\U0010ffff]"
)
_UNSPACED = (
    "\u1100-\u11ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3098"
    "\u309b-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c"
    "\uac00-\ud7fb\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # Chinese to Korean
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6"
    "\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081"
    "\u108e\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7a"  # Burmese
    "\u1780-\u17b3\u17d7\u17dc"  # Khmer
)
_UNSPACED_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e"
    "\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f"
    "\u109a-\u109d\u17b6-\u17d3\u17dd\uaa7b-\uaa7d"
)


_TOKEN = re.compile(f"[{_UNSPACED}][{_UNSPACED_MARKS}]*|[^ {_UNSPACED}]+")

# The form of other characters does not depend on the characters beside them.
_WITHOUT_CONTEXT = re.compile(
    "[^\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a"
    "\u0900-\u109f\u1100-\u11ff\u1700-\u18af\u200b\u200c\u20d0-\u20ff\u302a-\u302f\u3099\u309a"
    "\u3131-\u3163\ufb1e\ufe20-\ufe2f\uff9e-\uffdc\U0001d165-\U0001d1ad]*"
)

# ASCII: letters in lower case, digits, and spaces for all else.
_ASCII = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))


def words(text: str) -> list[str]:
    """Return the words of a text or of a search, folded.

    A word has letters, marks and digits; of ASCII only `a` to `z` and `0` to `9`.
    """
    return folded(text).split()


def folded(text: str) -> str:
    """Return the words of a text, folded, with spaces between."""
    if text.isascii():
        return text.translate(_ASCII)
    for page in _PAGES:
        try:
            return page.folded(text)
        except UnicodeEncodeError:
            continue
    return " ".join(_TOKEN.findall(_in_general(text)))


@lru_cache(maxsize=16_384)  # titles of sources
def folded_letters(text: str) -> str:
    """Return a text with its letters folded as in words; what stands between words stays."""
    if text.isascii():
        return text.lower()
    visible = _INVISIBLE.sub("", text)
    forms = ((character, _FORMS[ord(character)]) for character in _composed(visible))
    return "".join(character if form.isspace() else form.strip() for character, form in forms)


def tokens_in(row: str) -> list[str]:
    """Return the parts of a row of letters and marks that are words, if folding divides no more."""
    return _TOKEN.findall(row)


def _in_general(text: str) -> str:
    """Return a text with its characters folded, and spaces for what separates words."""
    if _WITHOUT_CONTEXT.fullmatch(text):
        return text.translate(_FORMS)
    visible = _SYMBOL.sub(r" \g<0> ", _INVISIBLE.sub("", text))
    return _composed(visible).translate(_FORMS)


def _composed(text: str) -> str:
    """Return a text in NFKC."""
    return ucd_3_2_0.normalize("NFKC", _LONG_MARKS.sub(_in_order, text))


def _in_order(row: re.Match[str]) -> str:
    """Return characters decomposed, with their marks in canonical order (UAX #15, D109).

    `normalize` makes the same of both texts, but sorts unordered marks in quadratic time.
    """
    decomposed = "".join(ucd_3_2_0.normalize("NFKD", character) for character in row[0])
    return "".join(
        "".join(sorted(marks, key=combining))
        for _, marks in groupby(decomposed, key=lambda character: combining(character) > 0)
    )


class _Forms(dict[int, str]):
    """The forms of single characters by their code points, made when they are first met."""

    def __missing__(self, code: int) -> str:
        form = _form(chr(code))
        if code < 0x10000:  # the others are rare, and too many
            self[code] = form
        return form


def _form(character: str) -> str:
    """Return a character folded, " " for a separator, "" for a mark that makes no difference."""
    if _INVISIBLE.match(character) and character not in _SEPARATING:
        return ""
    form = "".join(map(_normalized_form, ucd_3_2_0.normalize("NFKC", character)))
    if form.isspace():
        return " "
    return f" {form} " if _SYMBOL.match(character) else form


def _normalized_form(character: str) -> str:
    if _DROPPED.match(character):
        return ""
    if _SEPARATOR.match(character):
        return " "
    category = ucd_3_2_0.category(character)
    if category == "Cn":
        form = character.casefold() if _LATER_CASES.match(character) else character
    elif category == "Nd":
        form = str(ucd_3_2_0.decimal(character))
    elif category[0] in "LN":
        form = _without_accents(character).casefold()
    else:
        return character if category[0] == "M" else " "
    return _TYPED_AS.get(form, form)


def _without_accents(letter: str) -> str:
    if not _WITH_ACCENTS.match(letter):
        return letter
    return _DROPPED.sub("", ucd_3_2_0.normalize("NFKD", letter))


_FORMS = _Forms(enumerate(_ASCII))


class _CodePage:
    """The characters of most texts of a script, as single bytes.

    Between texts and bytes, the codecs of the library replace characters many times quicker than
    `translate`.  Characters that are on no page are folded by `_fold_unencodable`.
    """

    def __init__(self, letters: str) -> None:
        characters = "".join(map(chr, range(128))) + _PUNCTUATION + letters
        self._encoding = codecs.charmap_build(characters.ljust(256, "\ufffe"))
        forms = {character: _FORMS[ord(character)] for character in characters}
        self._long_forms = [(letter, form) for letter, form in forms.items() if len(form) > 1]
        self._forms = "".join(form if len(form) == 1 else letter for letter, form in forms.items())

    def folded(self, text: str) -> str:
        """Return a text folded.

        Raises:
            UnicodeEncodeError: The text has letters of another script.
        """
        encoded, _ = codecs.charmap_encode(text, _FOLDING, self._encoding)
        folded, _ = codecs.charmap_decode(encoded, "strict", self._forms)
        if not folded.isascii():
            for letter, form in self._long_forms:
                folded = folded.replace(letter, form)
        return folded


_PUNCTUATION = "\xa0¡§©®°·¿«»–—‘’‚“”„†•…‹›€→"
_LATIN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýđłšžčřěůťňąęśźżćńőăș"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґўј"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώϊϋ"
_PAGES = (
    _CodePage(_LATIN + _LATIN.upper() + "ßœ"),
    _CodePage(_CYRILLIC + _CYRILLIC.upper()),
    _CodePage(_GREEK + _GREEK.upper() + "ςΐΰ"),
)

_LONG_ROW = 16  # characters; texts with more in a row are not of the page's script
_FOLDING = "aggregator.search.word_forms"


def _fold_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Return the folded form of the characters that are not on a page, and where they end.

    Raises:
        UnicodeEncodeError: The text is not of the page's script, or a mark follows a letter with
            which it may form another letter.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    row = error.object[error.start : error.end]
    before = error.object[error.start - 1 : error.start]
    can_compose = before >= "\u0370" and not _WITHOUT_CONTEXT.fullmatch(row[0])
    if can_compose or len(row) > _LONG_ROW or not _FORMS[ord(row[0])].isascii():
        raise error
    return _in_general(row), error.end


codecs.register_error(_FOLDING, _fold_unencodable)
