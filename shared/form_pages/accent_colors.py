"""Derive a form's colours from its accent, each with enough contrast to be read. Pure.

The accent gives hue and chroma; backgrounds, texts and lines are tinted with its hue. Lightnesses are those of the
mock-ups, in OKLCH (https://bottosson.github.io/posts/oklab/). Contrast is that of WCAG 2.2.
"""

import math
from typing import NamedTuple

DEFAULT_ACCENT = "#007742"
TEXT_CONTRAST = 4.5  # to one, for texts
MAX_TINT = 0.012  # chroma of neutral colours
ERROR_HUE = 27.0
LIGHTNESS_STEP = 0.005


class FormColors(NamedTuple):
    """The colours of one mode, as `#rrggbb`.

    `accent` can be read on both backgrounds; `fill` is the owner's own colour where it may be, and `on_fill` is for
    texts on it. `card` is the background of inputs.
    """

    background: str
    card: str
    text: str
    dim_text: str
    line: str
    accent: str
    fill: str
    on_fill: str
    error: str
    error_wash: str


class _OkLch(NamedTuple):
    lightness: float
    chroma: float
    hue: float  # degrees


def light_colors(accent: str) -> FormColors:
    """Return the colours on a light background. `accent` is `#rrggbb`."""
    own = _to_oklch(accent)
    background, card = _tinted(0.985, 0.004, own), "#ffffff"
    readable = _readable(own, background, step=-LIGHTNESS_STEP)
    error = _from_oklch(_OkLch(0.51, 0.18, ERROR_HUE))
    return FormColors(
        background=background,
        card=card,
        text=_tinted(0.24, 0.01, own),
        dim_text=_tinted(0.47, 0.012, own),
        line=_tinted(0.62, 0.01, own),
        accent=readable,
        fill=accent.lower(),
        on_fill=_on_color(accent),
        error=error,
        error_wash=_mixed(error, card, 0.06),
    )


def dark_colors(accent: str) -> FormColors:
    """Return the colours on a dark background. `accent` is `#rrggbb`; its fill is made light enough to stand out."""
    own = _to_oklch(accent)
    background, card = _tinted(0.2, 0.008, own), _tinted(0.24, 0.009, own)
    softened = _OkLch(max(own.lightness, 0.76), own.chroma * 0.85, own.hue)
    readable = _readable(softened, card, step=LIGHTNESS_STEP)
    error = _from_oklch(_OkLch(0.77, 0.13, 26.0))
    return FormColors(
        background=background,
        card=card,
        text=_tinted(0.95, 0.004, own),
        dim_text=_tinted(0.76, 0.01, own),
        line=_tinted(0.55, 0.012, own),
        accent=readable,
        fill=readable,
        on_fill=_on_color(readable),
        error=error,
        error_wash=_mixed(error, card, 0.06),
    )


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _tinted(lightness: float, chroma: float, own: _OkLch) -> str:
    """Return a neutral colour with the accent's hue. A grey accent gives greys."""
    return _from_oklch(_OkLch(lightness, min(chroma, own.chroma / 4, MAX_TINT), own.hue))


def _readable(own: _OkLch, background: str, step: float) -> str:
    """Return the colour, as much lighter or darker as texts in it need."""
    color, lightness = _from_oklch(own), own.lightness
    while contrast_ratio(color, background) < TEXT_CONTRAST and 0 < lightness + step < 1:
        lightness += step
        color = _from_oklch(_OkLch(lightness, own.chroma, own.hue))
    return color


def _on_color(fill: str) -> str:
    """Return white or black. One of them has a contrast of 4.58 or more; with a dark grey some colours fit neither."""
    return max(("#ffffff", "#000000"), key=lambda text: contrast_ratio(text, fill))


def _mixed(one: str, other: str, part: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return _hex(*(a * part + b * (1 - part) for a, b in pairs))


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _hex(red: float, green: float, blue: float) -> str:
    return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in (red, green, blue))


def _to_linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _from_linear(part: float) -> float:
    return part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _luminance(color: str) -> float:
    red, green, blue = map(_to_linear, _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _to_oklch(color: str) -> _OkLch:
    red, green, blue = map(_to_linear, _channels(color))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return _OkLch(lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)))


def _from_oklch(color: _OkLch) -> str:
    """Return the nearest colour that screens can show: of less chroma, if need be."""
    chroma = color.chroma
    while True:
        parts = _linear_parts(color.lightness, chroma, math.radians(color.hue))
        if chroma < 0.001 or all(-0.0005 <= part <= 1.0005 for part in parts):
            return _hex(*(_from_linear(min(max(part, 0.0), 1.0)) for part in parts))
        chroma -= 0.002


def _linear_parts(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
