"""The report as one HTML page: tables and charts in one file that loads nothing, for light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape

from reconciler.simulation import charts
from reconciler.simulation.measures import curve_of
from reconciler.simulation.record import Band, Replayed
from reconciler.simulation.report import Report, report_lines
from reconciler.simulation.summary import Summary
from reconciler.surface import words
from reconciler.surface.layout import plain_text

SHOWN_BEFORE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
CURVES = 6
"""Colours that curves take in turn."""
STYLES = {
    "degraded": "warn",
    "recovering": "calm",
    "half-open": "calm",
    "critical": "bad",
    "open": "bad",
}
"""Of bands; anything else that is not normal warns."""

CSS = (
    """\
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --ground: #ffffff; --grid: #d8dee4;
  --bad: #cf222e; --warn: #bf8700; --calm: #6e9bd1;
  --c0: #0969da; --c1: #cf222e; --c2: #1a7f37; --c3: #9a6700; --c4: #8250df; --c5: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #9198a1; --ground: #0d1117; --grid: #30363d;
    --bad: #f85149; --warn: #d29922; --calm: #5b84b8;
    --c0: #58a6ff; --c1: #ff7b72; --c2: #56d364; --c3: #e3b341; --c4: #bc8cff; --c5: #8b949e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; color: var(--ink); background: var(--ground);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.25rem; }
p, li, figcaption { color: var(--dim); } figure { margin: 1rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--dim); font-size: 12px; } .number, .name { text-anchor: end; } .hour { text-anchor: middle; }
.grid { stroke: var(--grid); } .zero { stroke: var(--ink); }
path { fill: none; stroke-width: 2; stroke-linejoin: round; }
"""
    + "".join(
        f".curve-{n} {{ stroke: var(--c{n}); }} .key-{n} {{ background: var(--c{n}); }}\n"
        for n in range(CURVES)
    )
    + """\
rect.bad, .key-bad { fill: var(--bad); background: var(--bad); }
rect.warn, .key-warn { fill: var(--warn); background: var(--warn); }
rect.calm, .key-calm { fill: var(--calm); background: var(--calm); }
.key { display: inline-block; width: .9em; height: .9em; border-radius: 2px; vertical-align: -0.1em;
  margin: 0 .35em 0 0; } .legend span { margin-right: 1.25em; white-space: nowrap; }
pre { overflow-x: auto; font-size: .8rem; }
"""
)


def page(report: Report) -> str:
    """The whole page as text."""
    found = report.summaries
    window = charts.Window(
        since=-SHOWN_BEFORE, until=max(item.lasted for item in report.replays) + MINUTE
    )
    title = escape(report.scenario.title)
    body = [
        f"<h1>{title}</h1>",
        f"<p>{escape(' '.join(report.scenario.summary.split()))}</p>",
        _phases(report),
        "<h2>Slots down</h2>",
        _table(found),
        _legend(found),
        *_down(found, window),
        "<h2>Conditions and capabilities</h2>",
        _key_of_bands(),
        *(_bands(item, window) for item in found),
        "<h2>Calls a minute</h2>",
        _legend(found),
        _calls(found, window),
        "<h2>All of it as text</h2>",
        f"<pre>{escape(plain_text(report_lines(report, width=110)))}</pre>",
        _sources(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _phases(report: Report) -> str:
    items = "".join(
        f"<li><strong>{words.duration(item.since)}</strong> {escape(item.said)}</li>"
        for item in report.scenario.phases
    )
    return f"<ul>{items}</ul>" if items else ""


def _table(found: Sequence[Summary]) -> str:
    titles = ("tier", "policy", "hit", "half back", "99 % back", "all back", "slot-hours down")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = []
    for number in range(len(found[0].tiers)):
        for summary in found:
            tier = summary.tiers[number]
            name = "all" if tier.tier is None else str(tier.tier)
            times = (tier.half_back, tier.nearly_back, tier.all_back)
            cells = (
                name,
                escape(summary.name),
                f"{tier.hit:.0f} of {tier.slots}",
                *("not back" if at is None else words.duration(at) for at in times),
                f"{tier.hours_down:,.0f}",
            )
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _legend(found: Sequence[Summary]) -> str:
    keys = (
        f'<span><i class="key key-{number % CURVES}"></i>{escape(item.name)}</span>'
        for number, item in enumerate(found)
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def _down(found: Sequence[Summary], window: charts.Window) -> Iterable[str]:
    """A chart for each tier that was hit, and one for all; each with a curve for each policy, of its first seed."""
    for tier in (None, *found[0].replays[0].slots):
        drawn = [
            charts.Curve(
                name=item.name,
                style=f"curve-{number % CURVES}",
                points=_points(item.replays[0], tier),
            )
            for number, item in enumerate(found)
        ]
        if not any(curve.points for curve in drawn):
            continue
        title = "Slots down, all tiers" if tier is None else f"Slots down, tier {tier}"
        chart = charts.curves(title, window, drawn, unit="slots")
        seed = found[0].replays[0].seed
        yield f"<figure>{chart}<figcaption>{title}; seed {seed}</figcaption></figure>"


def _points(replayed: Replayed, tier: int | None) -> list[charts.Point]:
    down = (item for item in replayed.down if tier in (None, item.tier))
    return [(at, float(count)) for at, count in curve_of(down)]


def _key_of_bands() -> str:
    keys = {"bad": "critical, open", "warn": "degraded, held", "calm": "recovering, half-open"}
    return (
        '<p class="legend">'
        + "".join(
            f'<span><i class="key key-{style}"></i>{said}</span>' for style, said in keys.items()
        )
        + "</p>"
    )


def _bands(summary: Summary, window: charts.Window) -> str:
    by_name: dict[str, list[Band]] = {}
    for band in summary.replays[0].bands:
        by_name.setdefault(band.what, []).append(band)
    name = escape(summary.name)
    if not by_name:
        return f"<p>{name}: nothing was judged to be other than normal.</p>"
    rows = [
        charts.Row(name=what, spans=[_span(band) for band in found])
        for what, found in by_name.items()
    ]
    chart = charts.bands(f"Conditions and capabilities: {summary.name}", window, rows)
    return f"<figure>{chart}<figcaption>{name}</figcaption></figure>"


def _span(band: Band) -> charts.Span:
    lasted = words.duration(band.until - band.since)
    said = f"{band.what}: {band.state} from {words.duration(band.since)} on, for {lasted}"
    return charts.Span(
        since=band.since, until=band.until, style=STYLES.get(band.state, "warn"), said=said
    )


def _calls(found: Sequence[Summary], window: charts.Window) -> str:
    figures = []
    for title, mutating in (("All calls a minute", False), ("Calls that change anything", True)):
        drawn = [
            charts.Curve(
                name=item.name,
                style=f"curve-{number % CURVES}",
                points=_a_minute(item.replays[0], mutating=mutating),
            )
            for number, item in enumerate(found)
        ]
        chart = charts.curves(title, window, drawn, unit="a minute")
        figures.append(f"<figure>{chart}<figcaption>{title}</figcaption></figure>")
    return "\n".join(figures)


def _a_minute(replayed: Replayed, *, mutating: bool) -> list[charts.Point]:
    """Minutes without a call count as none."""
    points: list[charts.Point] = []
    expected = None
    for calls in replayed.calls:
        at = calls.minute * MINUTE
        if at < -SHOWN_BEFORE:
            continue
        if expected is not None and calls.minute > expected:
            points.append((expected * MINUTE, 0.0))
        points.append((at, float(calls.mutating if mutating else calls.all)))
        expected = calls.minute + 1
    return points


def _sources(report: Report) -> str:
    items = "".join(f"<li>{escape(source)}</li>" for source in report.scenario.sources)
    return f"<h2>Sources</h2><ul>{items}</ul>" if items else ""
