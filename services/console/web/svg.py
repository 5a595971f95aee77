"""Icons, state glyphs, bars, sparklines and charts as SVG, drawn by the server. Pure.

Colours come from the style sheet by class, so that a drawing follows the theme. Text never scales: a chart is an outer
SVG without a view box, with a stretched plot inside. Time runs in reading direction, mirrored in a right-to-left page.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from markupsafe import Markup

STATE_LOOKS = {
    "done": ("done", "done"),
    "waiting": ("wait", "waiting"),
    "dead": ("dead", "dead"),
    "held": ("held", "heldup"),
    "spooled": ("spool", "spooled"),
    "replayed": ("replayed", "replayed"),
    "off": ("none", "off"),
}
AXIS_HEIGHT = 34  # pixels below and above the plot, for the labels of time
TEXT_SEPARATOR = "|"  # between the texts of the points of a chart
HUES = 8  # hues of avatars and tags in the style sheet


@dataclass(frozen=True)
class ChartSeries:
    """A line of a chart: its values, its colour class, and whether the area below it is filled.

    `name` and `texts` are what the crosshair says: the line, and each value as a text.
    """

    values: Sequence[float | None]
    colour: str
    is_area: bool = False
    name: str = ""
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class ChartAxes:
    """The axes of a chart: its highest value, labelled values, and labels of time at equal distances.

    With `log_floor` the scale is logarithmic, from that value on.
    """

    highest: float
    value_labels: Sequence[tuple[float, str]]
    time_labels: Sequence[str]
    log_floor: float | None = None

    def height_of(self, value: float) -> float:
        """Return the height of a value above the base line, in percent of the plot."""
        if self.log_floor is None:
            return min(value / self.highest, 1.0) * 100 if self.highest else 0.0
        floor = self.log_floor
        return min(math.log10(max(value, floor) / floor) / math.log10(self.highest / floor), 1.0) * 100


@dataclass(frozen=True)
class ChartCursor:
    """What the crosshair of a chart says: the time of each point, and the bars.

    With `range_path`, a stretch that is drawn over the chart leads to that list, between two times. The first point
    begins at `start_ms` (since the epoch), and each takes `step_s` seconds.
    """

    times: Sequence[str]
    start_ms: int = 0
    step_s: int = 0
    range_path: str = ""
    bar_name: str = ""
    bar_texts: Sequence[str] = ()

    @property
    def attributes(self) -> Markup:
        """The attributes of the drawing, which a script reads."""
        times = Markup(' data-times="{}" tabindex="0"').format(TEXT_SEPARATOR.join(self.times))
        if not self.range_path:
            return times
        return times + Markup(' data-range="{}" data-start="{}" data-step="{}"').format(
            self.range_path, self.start_ms, self.step_s
        )


class Drawing:
    """Draws with the icons of a sprite."""

    def __init__(self, sprite_url: str, *, right_to_left: bool) -> None:
        self._sprite_url = sprite_url
        self._is_mirrored = right_to_left

    def icon(self, name: str, classes: str = "") -> Markup:
        """Return an icon of 18 px, or 15 px with the class `symbol-small`."""
        return Markup('<svg class="symbol {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
            classes, self._sprite_url, name
        )

    def glyph(self, name: str, classes: str = "") -> Markup:
        """Return the glyph of a state, 12 px."""
        return Markup('<svg class="state-shape {}" aria-hidden="true"><use href="{}#s-{}"/></svg>').format(
            classes, self._sprite_url, name
        )

    def mark(self, name: str, classes: str) -> Markup:
        """Return the mark or the wordmark."""
        return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
            classes, self._sprite_url, name
        )

    def state(self, name: str, word: str) -> Markup:
        """Return a state as shape, colour and word."""
        glyph, classes = STATE_LOOKS[name]
        return Markup('<span class="state {}">{}{}</span>').format(classes, self.glyph(glyph), word)

    def chart(
        self,
        title: str,
        series: Sequence[ChartSeries],
        axes: ChartAxes,
        *,
        bars: Sequence[float] = (),
        bands: Sequence[tuple[int, int]] = (),
        height: int = 200,
        cursor: ChartCursor | None = None,
    ) -> Markup:
        """Return a chart. `bars` are failures, in percent of the height; `bands` shade stretches by index."""
        points = max((len(one.values) for one in series), default=2)
        plot_height = height - AXIS_HEIGHT
        place = _placer(points, self._is_mirrored)
        parts = [
            Markup('<svg class="chart{}" role="img" aria-label="{}"{}>').format(
                " low" if height < 200 else "", title, cursor.attributes if cursor else ""
            ),
            *(_value_label(axes, value, label, plot_height, self._is_mirrored) for value, label in axes.value_labels),
            Markup(
                '<svg class="plot" x="0" y="8" width="100%" height="{}" viewBox="0 0 {} 100" '
                'preserveAspectRatio="none">'
            ).format(plot_height, points - 1),
            *(_band(place, first, last) for first, last in bands),
            *(_chart_line(one, axes.height_of, place) for one in series),
            _failure_bars(bars, place, cursor),
            Markup('</svg><line class="base" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(8 + plot_height),
            *_time_labels(axes.time_labels, height, self._is_mirrored),
            Markup("</svg>"),
        ]
        return Markup("").join(parts)


def bar(percent: float, classes: str = "") -> Markup:
    """Return a bar that is filled from its start."""
    return _bar_svg(classes, Markup('<rect width="{:.2f}" height="4"/>').format(max(0.0, min(percent, 100.0))))


def stacked_bar(parts: Sequence[tuple[float, str]], classes: str = "large") -> Markup:
    """Return a bar of several parts: (percent, colour class)."""
    rectangles, start = [], 0.0
    for percent, colour in parts:
        rectangles.append(
            Markup('<rect class="{}" x="{:.2f}" width="{:.2f}" height="4"/>').format(colour, start, percent)
        )
        start += percent
    return _bar_svg(classes, Markup("").join(rectangles))


def sparkline(values: Sequence[float], colour: str = "c-ink", classes: str = "") -> Markup:
    """Return a line over a filled area. The figure beside it speaks to screen readers."""
    shown = list(values) or [0.0, 0.0]
    shown = shown if len(shown) > 1 else shown * 2
    top = max(shown) * 1.12 or 1.0
    path = "M" + "L".join(f"{index} {100 - 100 * value / top:.1f}" for index, value in enumerate(shown))
    area = f"{path}L{len(shown) - 1} 100L0 100Z"
    return Markup(
        '<svg class="spark {} {}" viewBox="0 0 {} 100" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="area" d="{}"/><path class="line" d="{}"/></svg>'
    ).format(classes, colour, len(shown) - 1, area, path)


def bar_sparkline(values: Sequence[float], colour: str = "c-bad", classes: str = "small") -> Markup:
    """Return one bar for each value."""
    top = max(values, default=0.0) or 1.0
    heights = [max(3.0, 100 * value / top) for value in values]
    rectangles = "".join(  # numbers only: a list draws a thousand of them, and `Markup.format` is slow
        f'<rect x="{index * 4 + 0.4:.1f}" width="3.2" y="{100 - height:.1f}" height="{height:.1f}" fill="var(--c)"/>'
        for index, height in enumerate(heights)
    )
    return Markup(
        '<svg class="spark {} {}" viewBox="0 0 {} 100" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(classes, colour, max(len(values), 1) * 4, Markup(rectangles))  # noqa: S704  # numbers only


def tag(text: str, hue: int | None = None) -> Markup:
    """Return a tag, with a dot of its hue (1 to 8)."""
    return Markup('<span class="tag{}"><bdi>{}</bdi></span>').format(f" hue-{hue}" if hue else "", text)


def avatar(name: str, classes: str = "") -> Markup:
    """Return a person's initials on a colour that belongs to the name: one letter of scripts whose letters are wide."""
    words = "".join(sign for sign in name if sign.isprintable() or sign.isspace()).split() or ["?"]
    first, last = words[0][0], words[-1][0] if len(words) > 1 else ""
    initials = first if east_asian_width(first) in "WF" else (first + last).upper()
    hue = sum(name.encode()) % HUES + 1
    return Markup('<span class="avatar hue-{} {}" aria-hidden="true">{}</span>').format(hue, classes, initials)


def nice_axis(highest: float, steps: int = 4) -> tuple[float, list[float]]:
    """Return a round top at or above the highest value, and the values to label below and at it."""
    if highest < 1e-100:  # a number so small that its logarithm may not exist
        return 1.0, [1.0]
    rough = highest / steps
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in (1, 2, 2.5, 5, 10) if size * magnitude >= rough)
    top = math.ceil(highest / step) * step
    return top, [step * index for index in range(1, round(top / step) + 1)]


def _bar_svg(classes: str, inside: Markup) -> Markup:
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(classes, inside)


def _placer(points: int, is_mirrored: bool) -> Callable[[float], float]:
    return lambda index: points - 1 - index if is_mirrored else index


def _chart_line(series: ChartSeries, height_of: Callable[[float], float], place: Callable[[float], float]) -> Markup:
    """Return a series; a missing value leaves a gap."""
    lines, areas = [], []
    for run in _known_runs(series.values):
        points = [f"{place(index):g} {100 - height_of(value):.1f}" for index, value in run]
        lines.append("M" + "L".join(points if len(points) > 1 else points * 2))
        areas.append(f"M{'L'.join(points)}L{place(run[-1][0]):g} 100L{place(run[0][0]):g} 100Z")
    area = Markup('<path class="area" d="{}"/>').format("".join(areas)) if series.is_area and areas else ""
    texts = _text_attributes(series.name, series.texts)
    return Markup('<g class="{}"{}>{}<path class="line" d="{}"/></g>').format(
        series.colour, texts, area, "".join(lines)
    )


def _text_attributes(name: str, texts: Sequence[str]) -> Markup:
    """Return the attributes by which the crosshair tells the values of a line or of the bars."""
    if not texts:
        return Markup("")
    return Markup(' data-name="{}" data-texts="{}"').format(name, TEXT_SEPARATOR.join(texts))


def _known_runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index, value))
    return [run for run in runs if run]


def _failure_bars(bars: Sequence[float], place: Callable[[float], float], cursor: ChartCursor | None = None) -> Markup:
    rectangles = [
        Markup('<rect class="bars" x="{:.2f}" width=".7" y="{:.1f}" height="{:.1f}"/>').format(
            place(index) - 0.35, 100 - percent, percent
        )
        for index, percent in enumerate(bars)
        if percent
    ]
    texts = _text_attributes(cursor.bar_name, cursor.bar_texts) if cursor else Markup("")
    return Markup('<g class="c-bad"{}>{}</g>').format(texts, Markup("").join(rectangles)) if bars else Markup("")


def _band(place: Callable[[float], float], first: int, last: int) -> Markup:
    start = min(place(first), place(last))
    return Markup('<rect class="band" x="{:g}" y="0" width="{:g}" height="100"/>').format(start, max(last - first, 1))


def _value_label(axes: ChartAxes, value: float, label: str, plot_height: int, is_mirrored: bool) -> Markup:
    y = 8 + plot_height - plot_height * axes.height_of(value) / 100
    start, shift = ("100%", 8) if is_mirrored else ("-8", 0)
    return Markup(
        '<text x="{}" dx="{}" y="{:.1f}" text-anchor="end">{}</text>'
        '<line class="grid" x1="0" x2="100%" y1="{:.1f}" y2="{:.1f}"/>'
    ).format(start, shift, y + 4, label, y, y)


def _time_labels(labels: Sequence[str], height: int, is_mirrored: bool) -> list[Markup]:
    last = max(len(labels) - 1, 1)
    return [
        Markup('<text x="{:.2f}%" y="{}" text-anchor="{}">{}</text>').format(
            100 - 100 * index / last if is_mirrored else 100 * index / last,
            height - 8,
            "start" if index == 0 else "end" if index == last else "middle",
            label,
        )
        for index, label in enumerate(labels)
    ]
