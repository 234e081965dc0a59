"""Charts as SVG text: curves that go in steps, and bands. Colours come from the page that they are put into.

Numbers stand beside their axes as text, to be read, searched and copied; nothing is loaded from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860.0, 56.0, 12.0, 10.0, 28.0
HEIGHT = 220.0
BAND_HEIGHT, BAND_LABEL = 18.0, 190.0
HOUR = timedelta(hours=1)
STEPS = (1, 2, 5)
HOURS = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48)
MOST_POINTS = 1_500
"""Of a curve; more can't be told apart at this width."""

Point = tuple[timedelta, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """So many from each point's time on. `style` is a class of the page: `curve-0`, `curve-1` and so on."""

    name: str
    style: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which something was in a state; `style` is a class of the page."""

    since: timedelta
    until: timedelta
    style: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing and its times."""

    name: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that a chart shows."""

    since: timedelta
    until: timedelta

    def x(self, at: timedelta, *, left: float = LEFT) -> float:
        """Where a time is, from the left."""
        share = (at - self.since) / (self.until - self.since)
        return left + min(1.0, max(0.0, share)) * (WIDTH - left - RIGHT)


def curves(title: str, window: Window, drawn: Sequence[Curve], *, unit: str) -> str:
    """Curves over one axis of time, with the numbers at the left."""
    most = max((value for curve in drawn for _, value in curve.points), default=0.0)
    step = tick_of(most)
    top = max(step, math.ceil(most / step) * step)
    lines = [_open(title, HEIGHT)]
    for number in range(round(top / step) + 1):
        value = number * step
        y = _y(value, top)
        lines.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        lines.append(f'<text class="number" x="{LEFT - 6}" y="{y + 4:.1f}">{value:g}</text>')
    lines += _time_axis(window, left=LEFT, bottom=HEIGHT - BOTTOM)
    for curve in drawn:
        path = _steps(curve.points, window, top)
        said = escape(
            f"{curve.name}: at most {max((v for _, v in curve.points), default=0):g} {unit}"
        )
        lines.append(f'<path class="{curve.style}" d="{path}"><title>{said}</title></path>')
    return "\n".join([*lines, "</svg>"])


def bands(title: str, window: Window, rows: Sequence[Row]) -> str:
    """A row of coloured times for each thing."""
    height = TOP + BAND_HEIGHT * len(rows) + BOTTOM
    lines = [_open(title, height)]
    for number, row in enumerate(rows):
        y = TOP + number * BAND_HEIGHT
        name = escape(row.name)
        lines.append(f'<text class="name" x="{BAND_LABEL - 8}" y="{y + 13:.1f}">{name}</text>')
        lines += [_band(span, window, y) for span in row.spans]
    return "\n".join(
        [*lines, *_time_axis(window, left=BAND_LABEL, bottom=height - BOTTOM), "</svg>"]
    )


def tick_of(most: float) -> float:
    """The distance of numbers on an axis up to that one: 1, 2 or 5 times a power of ten, four or five of them."""
    if most <= 4:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most / 4))
    return next((step * power for step in STEPS if step * power >= most / 5), 10 * power)


def hours_of(window: Window) -> float:
    """The distance of marks on the axis of time, in hours: a dozen of them at most."""
    whole = (window.until - window.since) / HOUR
    return next((hours for hours in HOURS if whole / hours <= 12), HOURS[-1])


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Not more of them than can be told apart; of neighbours that are left out the highest stays."""
    if len(points) <= MOST_POINTS:
        return points
    size = math.ceil(len(points) / MOST_POINTS)
    groups = (points[at : at + size] for at in range(0, len(points), size))
    return [(group[0][0], max(value for _, value in group)) for group in groups]


def _open(title: str, height: float) -> str:
    said = escape(title)
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{said}">'
        f"<title>{said}</title>"
    )


def _time_axis(window: Window, *, left: float, bottom: float) -> Iterable[str]:
    hours = hours_of(window)
    first = math.ceil(window.since / HOUR / hours)
    last = math.floor(window.until / HOUR / hours)
    for number in range(first, last + 1):
        x = window.x(number * hours * HOUR, left=left)
        style = "zero" if number == 0 else "grid"
        yield f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP:g}" y2="{bottom:g}"/>'
        yield f'<text class="hour" x="{x:.1f}" y="{bottom + 18:g}">{number * hours:g} h</text>'


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _steps(points: Sequence[Point], window: Window, top: float) -> str:
    """From point to point along the level of the first, then up or down."""
    path, y = f"M{window.x(window.since):.1f} {_y(0, top):.1f}", _y(0, top)
    for at, value in thinned(points):
        if at > window.until:
            break
        y = _y(value, top)
        path += f"H{window.x(at):.1f}V{y:.1f}"
    return f"{path}H{window.x(window.until):.1f}"


def _band(span: Span, window: Window, y: float) -> str:
    since, until = window.x(span.since, left=BAND_LABEL), window.x(span.until, left=BAND_LABEL)
    return (
        f'<rect class="{span.style}" x="{since:.1f}" y="{y + 2:.1f}" width="{max(1.0, until - since):.1f}" '
        f'height="{BAND_HEIGHT - 4:g}"><title>{escape(span.said)}</title></rect>'
    )
