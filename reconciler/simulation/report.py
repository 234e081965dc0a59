"""The report of replays as lines for a terminal or a pipe, as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.simulation.record import Replayed
from reconciler.simulation.scenario import Scenario
from reconciler.simulation.summary import Summary, TierSummary, fewer_hours, summaries_of
from reconciler.surface import words
from reconciler.surface.layout import (
    BLANK,
    Field,
    Line,
    Span,
    Style,
    columns,
    fields,
    length,
    line,
    wrapped,
)

NEVER, NONE = "not back", "-"
DESTROYED_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All replays of one scenario. `slots` are declared; `approves_after` None is a person who is absent."""

    scenario: Scenario
    slots: int
    approves_after: timedelta | None
    replays: tuple[Replayed, ...]

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """By policy and kind of control plane."""
        return summaries_of(self.replays)

    @property
    def seeds(self) -> int:
        """How many different ones there were."""
        return len({item.seed for item in self.replays})


def report_lines(report: Report, *, width: int) -> list[Line]:
    """The whole report."""
    found = report.summaries
    sections = (
        _head(report, width=width),
        _down(found, width=width),
        _compared(found, report.seeds, width=width),
        _work(found, width=width),
        _destroyed(found, width=width),
    )
    return [item for section in sections if section for item in (*section, BLANK)][:-1]


def _head(report: Report, *, width: int) -> list[Line]:
    scenario = report.scenario
    said = (
        f"a person approves what has waited {words.duration(report.approves_after)}"
        if report.approves_after is not None
        else "nobody is there to approve anything"
    )
    seeds = words.count(report.seeds, "seed")
    told = f"{words.count(report.slots, 'slot')}, {seeds}; {said}."
    return [
        line(Span(scenario.title, Style.HEADING)),
        *wrapped(line(" ".join(scenario.summary.split())), width=width),
        *wrapped(line(f"Played for {words.duration(scenario.lasts)}: {told}"), width=width),
        *(
            item
            for phase in scenario.phases
            for item in wrapped(
                line(Span(phase.said, Style.DIM)),
                width=width,
                first=line(f"  {words.duration(phase.since)}: "),
            )
        ),
    ]


def _down(found: Sequence[Summary], *, width: int) -> list[Line]:
    titles = ("tier", "policy", "hit", "half back", "99 % back", "all back", "slot-hours down")
    rows = [
        (
            _tier_name(tier),
            summary.name,
            f"{tier.hit:.0f} of {tier.slots}",
            *_times(tier),
            f"{tier.hours_down:,.0f}",
        )
        for number in range(len(found[0].tiers))
        for summary in found
        for tier in (summary.tiers[number],)
    ]
    title = "Slots down, from the beginning of the trouble until no more were, for good"
    heading = wrapped(line(Span(title, Style.STRONG)), width=width)
    return [*heading, *_table(titles, rows, width=width)]


def _tier_name(tier: TierSummary) -> str:
    return "all" if tier.tier is None else f"tier {tier.tier}"


def _times(tier: TierSummary) -> tuple[str, str, str]:
    if not tier.hit:
        return NONE, NONE, NONE
    never = f"{NEVER} ({tier.still_down:.0f} down)"
    half, nearly, whole = (
        None if at is None else words.duration(at)
        for at in (tier.half_back, tier.nearly_back, tier.all_back)
    )
    return half or NEVER, nearly or NEVER, whole or never


def _compared(found: Sequence[Summary], seeds: int, *, width: int) -> list[Line]:
    """Over several seeds, in how many the first policy did better than each other one."""
    if seeds < 2:
        return []
    lines: list[Line] = []
    for first in found[:1]:
        for other in found[1:]:
            if other.saturation is not first.saturation:
                continue
            wins = [
                f"{_tier_name(tier)}: {won} of {of}"
                for tier in first.tiers
                for won, of in (fewer_hours(first, other, tier.tier),)
            ]
            text = f"Fewer slot-hours down with {first.name} than with {other.name}, seed by seed: "
            lines += wrapped(line(text + "; ".join(wins)), width=width)
    return lines


def _work(found: Sequence[Summary], *, width: int) -> list[Line]:
    titles = (
        "policy",
        "calls an hour before, during, after",
        "that change anything",
        "launches",
        "restores",
        "loss, median and most",
        "asked a person",
    )
    rows = [
        (
            item.name,
            _rates(item.calls.before, item.calls.during, item.calls.after),
            _rates(
                item.calls.mutating_before, item.calls.mutating_during, item.calls.mutating_after
            ),
            f"{item.launches:,.0f}",
            f"{item.restores.restores:,.0f}, {item.restores.from_archives:,.0f} from archives",
            _losses(item),
            _asked(item),
        )
        for item in found
    ]
    return [line(Span("What was done", Style.STRONG)), *_table(titles, rows, width=width)]


def _rates(*an_hour: float | None) -> str:
    return ", ".join(NONE if rate is None else f"{rate:,.0f}" for rate in an_hour)


def _losses(item: Summary) -> str:
    restores = item.restores
    if restores.median_lost is None or restores.most_lost is None:
        return NONE
    told = f"{words.duration(restores.median_lost)}, {words.duration(restores.most_lost)}"
    if restores.most_misstated is None:
        return told
    return f"{told}; stated to within {words.duration(restores.most_misstated)}"


def _asked(item: Summary) -> str:
    found = item.approvals
    if not found.asked:
        return "nothing"
    times = "once" if found.asked == 1 else f"{found.asked:,.0f} times"
    told = f"{times}, {found.open_to_the_end:,.0f} unanswered"
    return f"{told}, median {words.duration(found.median_wait)}" if found.median_wait else told


def _destroyed(found: Sequence[Summary], *, width: int) -> list[Line]:
    lines: list[Line] = []
    for item in found:
        style = Style.BAD if item.destroyed or item.stopped else Style.GOOD
        verdict = f"{item.destroyed} destroyed" if item.destroyed else "nothing destroyed"
        told = f"{item.name}: {verdict} that served alone or was the only copy of data"
        told += f"; stopped for safety in {words.count(item.stopped, 'seed')}" * bool(item.stopped)
        lines += wrapped(line(Span(f"{told}.", style)), width=width)
        lost = [(run, one) for run in item.replays for one in run.destroyed]
        for run, one in lost[:DESTROYED_SHOWN]:
            text = f"seed {run.seed}, {words.duration(one.at)}: {one.slot} {one.resource_id}: {one.why}"
            lines += wrapped(line(text), width=width, first=line("  - "))
        for run in item.replays:
            if run.stopped is not None:
                text = f"seed {run.seed}: {run.stopped.splitlines()[0]}"
                lines += wrapped(line(text), width=width, first=line("  - "))
    return lines


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, width: int) -> list[Line]:
    """A table where there is room, else a block for each row."""
    rows = list(rows)
    head = tuple(Span(title, Style.DIM) for title in titles)
    table = columns([head, *(tuple(Span(cell) for cell in row) for row in rows)])
    if max(length(item) for item in table) <= width:
        return table
    lines: list[Line] = []
    for row in rows:
        named: list[Field] = [(title, line(cell)) for title, cell in zip(titles, row, strict=True)]
        lines += [*fields(named, width=width, indent=2), BLANK]
    return lines[:-1]
