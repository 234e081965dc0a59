"""A plan as lines for people: where it looks, how the fleets stand, what is done now, what is withheld, and the sum.

Pure: the same case, plan and width always give the same lines. Who prints them, and in which colours, is `terminal`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from providers.observed import Gap
from reconciler.planning.actions import Bucket
from reconciler.planning.case import Case
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.surface import words
from reconciler.surface.action_text import (
    INDENT,
    VERBS,
    action_lines,
    folded,
    step_rows,
    steps_by_action,
    verb_of,
)
from reconciler.surface.condition_text import condition_lines
from reconciler.surface.layout import (
    BLANK,
    GAP,
    Field,
    Line,
    Span,
    Style,
    bounded_width,
    columns,
    fields,
    length,
    line,
    wrapped,
)
from reconciler.surface.volume_text import troubles
from reconciler.surface.withheld_text import UNDECIDED, withheld_lines, withheld_verb

BUCKET_STYLES: dict[Bucket, Style] = {
    Bucket.HEALTHY: Style.GOOD,
    Bucket.ACTING: Style.CREATE,
    Bucket.WAITING: Style.CHANGE,
    Bucket.WITHHELD: Style.HELD,
    Bucket.UNKNOWN: Style.BAD,
    Bucket.RELEASED: Style.DIM,
}
TOLD_BY_THEMSELVES = (Bucket.WAITING, Bucket.UNKNOWN, Bucket.RELEASED)
"""Buckets whose slots no action and no withheld one speaks for."""


def plan_lines(case: Case, plan: Plan, *, width: int) -> list[Line]:
    """The whole plan of one cell."""
    width = bounded_width(width)
    sections = (
        header_lines(case, width=width),
        condition_lines(case, width=width),
        fleet_lines(plan.fleets, width=width),
        _action_lines(plan, width=width),
        withheld_lines(plan.withheld, now=plan.made_at, width=width),
        *(
            _bucket_lines(bucket, plan.slots, now=plan.made_at, width=width)
            for bucket in TOLD_BY_THEMSELVES
        ),
        _note_lines(plan, width=width),
        total_lines(plan, width=width),
    )
    return [item for section in sections if section for item in (*section, BLANK)][:-1]


def header_lines(case: Case, *, width: int, more: Sequence[Field] = ()) -> list[Line]:
    """Which account, region and endpoint, whose resources, and what was read when; then `more`."""
    observation = case.observation
    cell = observation.cell
    seen = (
        f"{words.instant(observation.as_of)}: "
        f"{words.count(len(observation.instances), 'instance')}, "
        f"{words.count(len(observation.volumes), 'volume')}"
    )
    rows: list[Field] = [
        ("account", line(Span(cell.account, Style.STRONG))),
        ("region", line(Span(cell.region, Style.STRONG))),
        ("endpoint", line(cell.endpoint)),
        ("owner", line(case.owner)),
        ("observed", line(seen)),
        *(("not read", line(Span(_gap(gap), Style.BAD))) for gap in observation.gaps),
        *more,
    ]
    return fields(rows, width=width, indent=0)


def fleet_lines(fleets: Sequence[FleetSummary], *, width: int) -> list[Line]:
    """Per fleet a line of counts; buckets that no slot is in are left out."""
    if not fleets:
        return []
    present = [bucket for bucket in Bucket if any(fleet.counts.get(bucket) for fleet in fleets)]
    rows = [
        [
            Span(fleet.name, Style.STRONG),
            Span(f"tier {fleet.tier}" if fleet.declared else "released", Style.DIM),
            Span(f"{fleet.replicas} declared" if fleet.declared else "not declared", Style.DIM),
            *(_bucket_cell(fleet, bucket) for bucket in present),
        ]
        for fleet in fleets
    ]
    lines = columns(rows)
    if any(length(item) > width for item in lines):
        lines = [part for row in rows for part in _one_below_the_other(row, width=width)]
    return [line(Span("Fleets", Style.HEADING)), *lines]


def total_lines(plan: Plan, *, width: int) -> list[Line]:
    """The sum in one sentence, and when time alone changes it."""
    if not plan.actions and not plan.withheld:
        lines = wrapped((Span(_nothing(plan), Style.STRONG),), width=width)
    else:
        lines = wrapped(
            line(Span("Plan: ", Style.STRONG), "; ".join(_sums(plan)) + "."), width=width
        )
    if plan.next_check_at is not None:
        when = words.ahead(plan.next_check_at, plan.made_at)
        lines += wrapped(line(f"By itself this plan changes at {when}."), width=width)
    return lines


def _action_lines(plan: Plan, *, width: int) -> list[Line]:
    if not plan.actions:
        return []
    order = ", in this order" if len(plan.actions) > 1 else ""
    heading = f"Actions: {len(plan.actions)} to do now{order}"
    lines = [line(Span(heading, Style.HEADING)), *_legend(plan, width=width)]
    steps = steps_by_action(plan)
    for group in folded(plan.actions, steps):
        to_come = steps.get(group[-1].operation_id, ())
        lines += [BLANK, *action_lines(group, width=width, steps=to_come)]
    return lines


def _legend(plan: Plan, *, width: int) -> list[Line]:
    """The symbols that occur in this plan and no others, each unbroken from its word."""
    used = {verb_of(action.request) for action in plan.actions}
    used |= {withheld_verb(item) for item in plan.withheld}
    lines: list[Line] = []
    row: list[Span] = []
    room = 0
    for verb in (verb for verb in (*VERBS, UNDECIDED) if verb in used):
        cell = f"{verb.symbol} {verb.word}"
        if row and room + len(GAP) + len(cell) > width:
            lines.append(tuple(row))
            row, room = [], 0
        row += [Span(GAP), Span(verb.symbol, verb.style), Span(f" {verb.word}", Style.DIM)]
        room += len(GAP) + len(cell)
    return [*lines, tuple(row)]


def _bucket_lines(
    bucket: Bucket, outcomes: Iterable[SlotOutcome], *, now: datetime, width: int
) -> list[Line]:
    """The slots of a bucket that speaks for itself; those with one summary share a line."""
    alike: dict[tuple[str, tuple[str, ...]], list[SlotOutcome]] = {}
    for outcome in outcomes:
        if outcome.bucket is bucket:
            alike.setdefault((_standing(outcome, now), outcome.to_come), []).append(outcome)
    if not alike:
        return []
    number = sum(len(group) for group in alike.values())
    heading = f"{bucket.value.capitalize()}: {words.count(number, 'slot')} {_of_bucket(bucket)}"
    lines = [line(Span(heading, Style.HEADING))]
    for (standing, steps), group in alike.items():
        refs = words.slots([outcome.slot for outcome in group])
        head = line(GAP, Span(refs, Style.STRONG), GAP)
        lines += wrapped(line(standing), width=width, first=head, indent=INDENT)
        lines += fields(step_rows(steps), width=width, indent=INDENT)
    return lines


def _note_lines(plan: Plan, *, width: int) -> list[Line]:
    """The plan's notes, then those of slots; slots with one note share a line."""
    noted: dict[str, list[SlotOutcome]] = {}
    for outcome in plan.slots:
        for note in outcome.notes:
            noted.setdefault(note.removeprefix(f"{outcome.slot}: "), []).append(outcome)
    of_slots = {note for outcome in plan.slots for note in outcome.notes}
    rows = [note for note in plan.notes if note not in of_slots]
    for note, group in noted.items():
        rows.append(f"{words.slots([outcome.slot for outcome in group])}: {note}")
    rows += troubles(plan.slots, now=plan.made_at)
    if not rows:
        return []
    lines = [line(Span("Notes", Style.HEADING))]
    for row in rows:
        lines += wrapped(line(row), width=width, first=line("  * "))
    return lines


def _sums(plan: Plan) -> list[str]:
    verbs = Counter(verb_of(action.request) for action in plan.actions)
    kinds = ", ".join(f"{verbs[verb]} {verb.word}" for verb in VERBS if verb in verbs)
    now = words.count(len(plan.actions), "action") + " to do now"
    buckets = Counter(outcome.bucket for outcome in plan.slots)
    return [
        f"{now} ({kinds})" if kinds else "nothing to do now",
        *([f"{len(plan.withheld)} withheld"] if plan.withheld else []),
        *_others(buckets),
    ]


def _nothing(plan: Plan) -> str:
    buckets = Counter(outcome.bucket for outcome in plan.slots)
    declared = [fleet for fleet in plan.fleets if fleet.declared]
    if plan.converged:
        where = f"{words.count(buckets[Bucket.HEALTHY], 'slot')} of {words.count(len(declared), 'fleet')}"
        released = f"; {', '.join(_others(buckets))}" if buckets[Bucket.RELEASED] else ""
        return f"No changes. {where} stand as declared{released}."
    return f"Nothing to do now: {', '.join(_others(buckets))}."


def _others(buckets: Counter[Bucket]) -> list[str]:
    return [
        f"{words.count(buckets[bucket], 'slot')} {bucket.value}"
        for bucket in TOLD_BY_THEMSELVES
        if buckets[bucket]
    ]


def _of_bucket(bucket: Bucket) -> str:
    match bucket:
        case Bucket.UNKNOWN:
            return "that cannot be judged; nothing is done about them"
        case Bucket.RELEASED:
            return "no longer declared; left alone"
        case _:
            return "on the way"


def _standing(outcome: SlotOutcome, now: datetime) -> str:
    if outcome.next_check_at is None:
        return outcome.summary
    return f"{outcome.summary}; changes by itself {words.ahead(outcome.next_check_at, now)}"


def _one_below_the_other(row: Sequence[Span], *, width: int) -> list[Line]:
    """A row of counts as running text, for lines too narrow for the table."""
    cells = [part for cell in row[1:] if cell.text for part in (cell, Span("; "))][:-1]
    return wrapped(tuple(cells), width=width, first=line(GAP, row[0], GAP), indent=6)


def _bucket_cell(fleet: FleetSummary, bucket: Bucket) -> Span:
    number = fleet.counts.get(bucket, 0)
    return Span(f"{number} {bucket.value}", BUCKET_STYLES[bucket]) if number else Span("")


def _gap(gap: Gap) -> str:
    where = f" in {gap.zone}" if gap.zone else ""
    return f"{gap.subject.value}{where} ({gap.code}: {gap.detail})"
