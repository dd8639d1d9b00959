"""Formulas: MathML Core stays, else the TeX beside the MathML, and each formula only once.

Sources: MathML Core (W3C), 2.2 and B; the output of KaTeX, MathJax 2 and 3 and MediaWiki.
"""

import re
from collections.abc import Mapping
from html import escape

from aggregator.reading.sanitize.policy import FORMULA_TAGS
from aggregator.text.references import unescape

OTHER_TAGS = frozenset(
    "annotation maction maligngroup malignmark menclose mfenced mlabeledtr semantics".split()
)
"""Elements of MathML that are read, but not in MathML Core or not allowed in the output."""

_SCRIPT = re.compile(
    r"<script\b[^>]{0,200}?\btype\s*=\s*[\"']?math/(tex|mml|asciimath)([^>]{0,200})>(.*?)(?:</script\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FORMULA = re.compile(r"<math([^<>]*)>(.*?)(?:</math>|\Z)", re.DOTALL)
_ANNOTATION = re.compile(r"<annotation([^<>]*)>(.*?)(?:</annotation>|\Z)", re.DOTALL)
_ALTERNATIVE_TEXT = re.compile(r'\salttext="([^"]*)"')
_WRAPPER = re.compile(r"</?(?:semantics|maligngroup|malignmark)(?:\s[^<>]*)?>")
_AS_A_ROW = re.compile(r"<(/?)(?:maction|menclose)(?:\s[^<>]*)?>")
_LABELLED_ROW = re.compile(r"<(/?)mlabeledtr(?=[\s>])")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)([^<>]*)>")
_FORMULA_TAG = re.compile(
    rf"</?(?:{'|'.join(sorted(FORMULA_TAGS, key=len, reverse=True))})(?:\s[^<>]*)?>"
)
_CELL = re.compile(r"<mt[dr](?=[\s>])")
_FENCE = {"open": "(", "close": ")", "separators": ","}
_RENDERINGS = frozenset(
    "katex-html mathjax_preview mwe-math-fallback-image-inline mwe-math-fallback-image-display "
    "mjx-chtml".split()
)
_RENDERED_TEX = frozenset({"mathjax", "mathjax_display", "mathjax_svg"})


def scripts_as_elements(html: str) -> str:
    """Return HTML with elements in place of formulas in scripts, as MathJax has them.

    TeX becomes an `x-tex` within MathJax's delimiters.
    """
    return _SCRIPT.sub(_element, html) if "math/" in html.lower() else html


def _element(script: re.Match[str]) -> str:
    if script[1].lower() == "mml":
        return script[3]
    start, end = (r"\[", r"\]") if "display" in script[2].lower() else (r"\(", r"\)")
    return f"<x-tex>{start}{escape(script[3].strip(), quote=False)}{end}</x-tex>"


def in_core(html: str) -> str:
    """Return serialised HTML with formulas in MathML Core, without annotations.

    A formula without any text becomes the annotation or `alttext`, as code.
    """
    return _FORMULA.sub(_formula, html)


def _formula(formula: re.Match[str]) -> str:
    attributes, content = formula[1], formula[2]
    annotations = _ANNOTATION.findall(content)
    content = _ANNOTATION.sub("", content)
    if not unescape(_TAG.sub("", content)).strip():
        tex = next((text for kind, text in annotations if "tex" in kind.lower()), "")
        alternative_text = _ALTERNATIVE_TEXT.search(attributes)
        text = tex or (alternative_text[1] if alternative_text else "")
        return f"<code>{escape(unescape(text).strip(), quote=False)}</code>" if text else ""
    content = _AS_A_ROW.sub(r"<\1mrow>", _WRAPPER.sub("", content))
    content = _LABELLED_ROW.sub(r"<\1mtr", content)
    return f"<math{attributes}>{_with_fences(content)}</math>"


def _with_fences(content: str) -> str:
    """Return MathML with brackets for `mfenced`, which browsers no longer draw."""
    if "<mfenced" not in content:
        return content
    parts: list[str] = []
    open_elements: list[tuple[str, str, str]] = []  # name, separator, end tag
    is_empty = False  # whether the innermost element has no content yet
    end = 0
    for tag in _TAG.finditer(content):
        parts.append(content[end : tag.start()])
        end = tag.end()
        if tag[1]:
            parts.append(open_elements.pop()[2] if open_elements else tag[0])
            is_empty = False
            continue
        if open_elements and open_elements[-1][0] == "mfenced" and not is_empty:
            parts.append(open_elements[-1][1])
        opening, element = _opened(tag[2], tag[3], tag[0])
        parts.append(opening)
        open_elements.append(element)
        is_empty = True
    return "".join([*parts, content[end:]])


def _opened(name: str, attributes: str, tag: str) -> tuple[str, tuple[str, str, str]]:
    if name != "mfenced":
        return tag, (name, "", f"</{name}>")
    fences = {key: _fence(attributes, key) for key in _FENCE}
    return f"<mrow>{fences['open']}", (name, fences["separators"][:60], f"{fences['close']}</mrow>")


def _fence(attributes: str, key: str) -> str:
    match = re.search(rf'\s{key}="([^"]*)"', attributes)
    fence = unescape(match[1]).strip() if match else _FENCE[key]
    fence = fence[:1] if key == "separators" else fence[:10]
    return f"<mo>{escape(fence)}</mo>" if fence else ""


def is_rendering(name: str, attributes: Mapping[str, str], *, of_tex: bool) -> bool:
    """Whether an element repeats a formula of the text in MathML, or (`of_tex`) in TeX."""
    classes = frozenset(attributes.get("class", "").lower().split())
    if classes & _RENDERINGS or (of_tex and (classes & _RENDERED_TEX or name == "mjx-container")):
        return True
    return attributes.get("aria-hidden") == "true" and (name == "nobr" or name.startswith("mjx-"))


def as_text(html: str) -> str:
    """Return HTML without the tags of formulas; the text of formulas stays."""
    if "<math" not in html:
        return html
    return _FORMULA_TAG.sub("", _CELL.sub(lambda cell: f" {cell[0]}", html))
