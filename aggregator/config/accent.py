"""The accent colour of the pages: readable on the grounds of both themes.  Pure.

Sources: WCAG 2.2, relative luminance and contrast ratio; CSS Color 4, 10 (OKLab).
"""

import re
from dataclasses import dataclass
from typing import Literal

from aggregator.config.value_parsers import quoted

LEAST_CONTRAST = 4.5
"""Of text and its ground (WCAG 2.2, 1.4.3)."""

GROUNDS = {"light": "#faf9f6", "dark": "#161513"}
"""The colour `--bg` of static/style.css in each theme."""

Theme = Literal["light", "dark"]

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_MOST_DERIVED = 7.0  # contrast: black would become white
_STEPS = 30  # of a search that halves a span of lightness
_Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Accent:
    """The accent of each theme, as `#rrggbb`."""

    light: str
    dark: str


def accent(texts: tuple[str, ...]) -> Accent:
    """Read the accent of both themes: two colours, or one from which the other follows.

    Raises:
        ValueError: A text is not a colour, or the colour has too little contrast.
    """
    if len(texts) not in {1, 2}:
        raise ValueError("must be one colour, or two: of the light theme and of the dark theme")
    light = _checked(texts[0], "light")
    if len(texts) == 2:
        return Accent(light, _checked(texts[1], "dark"))
    ratio = min(contrast(light, GROUNDS["light"]), _MOST_DERIVED)
    return Accent(light, readable(light, "dark", ratio))


def contrast(colour: str, ground: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted(map(_luminance, (colour, ground)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, theme: Theme, ratio: float = LEAST_CONTRAST) -> str:
    """Return the nearest colour of the same hue with at least a contrast `ratio` in a theme."""
    if contrast(colour, GROUNDS[theme]) >= ratio:
        return colour
    lightness, a, b = _oklab(colour)
    passing = 0.0 if theme == "light" else 1.0
    failing = lightness
    for _ in range(_STEPS):
        middle = (passing + failing) / 2
        if contrast(_hexadecimal((middle, a, b)), GROUNDS[theme]) >= ratio:
            passing = middle
        else:
            failing = middle
    return _hexadecimal((passing, a, b))


def _checked(text: str, theme: Theme) -> str:
    if not _COLOUR.fullmatch(text.strip()):
        advice = 'write a colour in quotes: "#a83c08"'
        raise ValueError(f"{quoted(text)} is not # with six digits; {advice}")
    digits = text.strip().lower()[1:]
    colour = f"#{digits if len(digits) == 6 else ''.join(2 * digit for digit in digits)}"
    ratio = contrast(colour, GROUNDS[theme])
    if ratio < LEAST_CONTRAST:
        raise ValueError(
            f"{text.strip()} is hard to read in the {theme} theme (contrast {ratio:.2f}:1, "
            f'at least {LEAST_CONTRAST}:1 is needed); write "{readable(colour, theme)}"'
        )
    return colour


def _linear(colour: str) -> _Triple:
    """Return red, green and blue of `#rrggbb`, 0 to 1 in proportion to light."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(colour: str) -> _Triple:
    """Return lightness, and two coordinates of chroma and hue."""
    red, green, blue = _linear(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _hexadecimal(colour: _Triple) -> str:
    """Return a colour of OKLab as `#rrggbb`, with less chroma where sRGB lacks the colour."""
    lightness, a, b = colour
    for _ in range(_STEPS):
        channels = _srgb((lightness, a, b))
        if all(-1e-4 <= channel <= 1.0001 for channel in channels):
            break
        a, b = 0.9 * a, 0.9 * b
    return "#" + "".join(f"{round(255 * min(max(channel, 0), 1)):02x}" for channel in channels)


def _srgb(colour: _Triple) -> _Triple:
    lightness, a, b = colour
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red, green, blue = (
        12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        for light in (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
    )
    return red, green, blue
