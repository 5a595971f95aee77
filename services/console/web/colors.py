"""The colours of stages and tags: any colour becomes the nearest of the console's eight hues. Pure."""

import colorsys
import re

# Where the hues of the classes `hue-1` to `hue-8` lie on the wheel of HSV, in degrees.
HSV_HUES = (4, 33, 78, 158, 190, 217, 272, 320)
# The colour that is stored for each hue.
HUE_COLORS = ("#cc473d", "#cc8c3d", "#a1cc3d", "#3dcc98", "#3db4cc", "#3d74cc", "#893dcc", "#cc3d9c")
_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
MIN_SATURATION = 0.08  # below which a colour is grey and has no hue


def nearest_hue(color: str | None, position: int) -> int:
    """Return the class number, 1 to 8, of a colour; without a colour one that the position or the id gives."""
    match = _HEX.fullmatch((color or "").strip())
    if match is None:
        return (position * 3 + 2) % len(HSV_HUES) + 1
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    red, green, blue = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    if saturation < MIN_SATURATION:
        return (position * 3 + 2) % len(HSV_HUES) + 1
    return min(range(len(HSV_HUES)), key=lambda number: _distance(HSV_HUES[number], hue * 360)) + 1


def _distance(one: float, other: float) -> float:
    apart = abs(one - other) % 360
    return min(apart, 360 - apart)
