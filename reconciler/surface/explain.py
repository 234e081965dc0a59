"""Everything about one slot: where it stands, on which evidence, what holds it, what would change it, what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from desired_state.model import Fleet
from providers.observed import Instance, Volume
from reconciler.health.verdict import Verdict
from reconciler.planning.actions import Bucket, SlotRef
from reconciler.planning.case import Case
from reconciler.planning.identity import Tag, incarnation_of, role_of, slot_of
from reconciler.planning.outcome import Plan, SlotOutcome
from reconciler.store.journal import HistoryEntry
from reconciler.surface import words
from reconciler.surface.action_text import action_lines, folded
from reconciler.surface.condition_text import conditions_around, conditions_document
from reconciler.surface.history import entry_document, history_lines
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import (
    BLANK,
    GAP,
    Field,
    Line,
    Span,
    Style,
    bounded_width,
    fields,
    line,
    wrapped,
)
from reconciler.surface.plan_json import (
    action_document,
    cell_document,
    slot_document,
    withheld_document,
)
from reconciler.surface.plan_text import BUCKET_STYLES
from reconciler.surface.said_text import said_of
from reconciler.surface.volume_text import WEIGHT_STYLES, claim_lines
from reconciler.surface.withheld_text import group_lines

FORMAT_VERSION = "1.3"


class UnknownSlot(Exception):  # noqa: N818 - reads as what it is in "except UnknownSlot"
    """A slot that is neither declared nor held by anything; says which slots there are."""


def explain_lines(
    case: Case, plan: Plan, slot: SlotRef, history: Sequence[HistoryEntry], *, width: int
) -> list[Line]:
    """The whole story of one slot. UnknownSlot when there is no such slot."""
    width = bounded_width(width)
    outcome = outcome_of(plan, slot)
    sections = (
        _standing(case, outcome, width=width),
        _evidence(outcome.verdict, now=case.now, width=width),
        conditions_around(case, slot, _zone_of(case, outcome), width=width),
        claim_lines(outcome.claims, now=case.now, width=width),
        _planned(plan, slot, width=width),
        _to_come(outcome, width=width),
        _held(plan, slot, width=width),
        _said(case, slot, width=width),
        _ahead(plan, outcome, now=case.now, width=width),
        [line(Span("History", Style.HEADING)), *_history(history, width=width)],
    )
    return [item for section in sections if section for item in (*section, BLANK)][:-1]


def explain_document(
    case: Case, plan: Plan, slot: SlotRef, history: Sequence[HistoryEntry]
) -> Json:
    """The same as JSON. UnknownSlot when there is no such slot."""
    instances, volumes = resources_of(case, slot)
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "explanation",
        "cell": cell_document(case),
        "conditions": conditions_document(case),
        **slot_document(outcome_of(plan, slot)),
        "instances": json_value(instances),
        "volumes": json_value(volumes),
        "actions": [action_document(item) for item in plan.actions if item.slot == slot],
        "withheld": [withheld_document(item) for item in plan.withheld if item.slot == slot],
        "said": said_of(case.memory, slot, case.now),
        "history": [entry_document(entry) for entry in history],
    }


def outcome_of(plan: Plan, slot: SlotRef) -> SlotOutcome:
    """Where that slot stands. UnknownSlot names the slots of its fleet, or the fleets."""
    found = next((item for item in plan.slots if item.slot == slot), None)
    if found is not None:
        return found
    siblings = [item.slot for item in plan.slots if item.slot.fleet == slot.fleet]
    if siblings:
        raise UnknownSlot(f"there is no slot {slot}; {slot.fleet} has {words.slots(siblings)}")
    fleets = words.listed(sorted({item.slot.fleet for item in plan.slots}))
    there = f"there are {fleets}" if fleets else "no fleet has any"
    raise UnknownSlot(f"there is no fleet {slot.fleet} with slots; {there}")


def resources_of(case: Case, slot: SlotRef) -> tuple[list[Instance], list[Volume]]:
    """The instances and volumes whose tags name that slot, newest incarnation first."""
    observation = case.observation
    instances = [item for item in observation.instances.values() if slot_of(item.tags) == slot]
    volumes = [item for item in observation.volumes.values() if slot_of(item.tags) == slot]
    instances.sort(key=lambda item: (-incarnation_of(item.tags), item.id))
    volumes.sort(
        key=lambda item: (item.tags.get(Tag.CLAIM, ""), -incarnation_of(item.tags), item.id)
    )
    return instances, volumes


def _standing(case: Case, outcome: SlotOutcome, *, width: int) -> list[Line]:
    head = line(
        Span(str(outcome.slot), Style.STRONG),
        GAP,
        Span(outcome.bucket.value, BUCKET_STYLES[outcome.bucket]),
        GAP,
    )
    title = wrapped(line(outcome.summary), width=width, first=head, indent=2)
    instances, volumes = resources_of(case, outcome.slot)
    fleet = case.desired.fleet(outcome.slot.fleet)
    observed = case.observation
    cell = f"{observed.cell} through {observed.cell.endpoint}, {words.instant(observed.as_of)}"
    rows: list[Field] = [
        ("observed", line(cell)),
        ("declared", line(_declared(fleet))),
        *(("instance", line(_instance(item))) for item in instances),
        *(("volume", line(_volume(item))) for item in volumes),
        *(("note", line(note)) for note in outcome.notes),
    ]
    if not instances:
        rows.insert(2, ("instance", line("none is observed")))
    return [*title, *fields(rows, width=width, indent=2)]


def _declared(fleet: Fleet | None) -> str:
    if fleet is None:
        return "no longer; left alone"
    paused = ", paused" if fleet.paused else ""
    where = f"{fleet.source.file}:{fleet.source.line}"
    replicas = words.count(fleet.replicas, "replica")
    return f"tier {fleet.tier}, mode {fleet.mode.value}{paused}, {replicas} ({where})"


def _instance(item: Instance) -> str:
    role = role_of(item.tags)
    held = f"{role.value}, " if role else ""
    return (
        f"{item.id} {item.state.value}, {item.type} in {item.zone}, {held}"
        f"incarnation {incarnation_of(item.tags)}, launched {words.instant(item.launched_at)}"
    )


def _volume(item: Volume) -> str:
    places = [f"{at.state.value} to {at.instance_id} as {at.device}" for at in item.attachments]
    claim = item.tags.get(Tag.CLAIM, "none")
    where = words.listed(places) if places else "attached to nothing"
    return (
        f"{item.id} {item.state.value}, {item.size_gib} GiB {item.type} in {item.zone}, "
        f"claim {claim}, {where}"
    )


def _evidence(verdict: Verdict | None, *, now: datetime, width: int) -> list[Line]:
    if verdict is None:
        return [
            line(Span("Verdict", Style.HEADING)),
            line("  None: there is no instance to judge."),
        ]
    serving = "serving" if verdict.serving else "not serving"
    since = words.ago(verdict.since, now)
    lines = [
        line(Span("Verdict", Style.HEADING)),
        line(GAP, Span(verdict.status.value, Style.STRONG), f" since {since}; {serving}"),
    ]
    for item in verdict.evidence:
        head = line(GAP, Span(item.weight.value.ljust(7), WEIGHT_STYLES[item.weight]), GAP)
        what = (
            f"{item.sign.value} ({item.source}): {item.detail}, since {words.ago(item.since, now)}"
        )
        lines += wrapped(line(what), width=width, first=head)
    return lines


def _planned(plan: Plan, slot: SlotRef, *, width: int) -> list[Line]:
    actions = [item for item in plan.actions if item.slot == slot]
    if not actions:
        return []
    lines = [line(Span("Planned now", Style.HEADING))]
    for group in folded(actions, {}):
        lines += action_lines(group, width=width)
    return lines


def _to_come(outcome: SlotOutcome, *, width: int) -> list[Line]:
    if not outcome.to_come:
        return []
    lines = [line(Span("To come", Style.HEADING))]
    for step in outcome.to_come:
        lines += wrapped(line(step), width=width, first=line("  * "))
    return lines


def _held(plan: Plan, slot: SlotRef, *, width: int) -> list[Line]:
    withheld = [item for item in plan.withheld if item.slot == slot]
    if not withheld:
        return []
    lines = [line(Span("Held back", Style.HEADING))]
    for item in withheld:
        lines += group_lines([item], now=plan.made_at, width=width)
    return lines


def _zone_of(case: Case, outcome: SlotOutcome) -> str | None:
    instance = case.observation.instances.get(outcome.instance_id or "")
    return instance.zone if instance else None


def _said(case: Case, slot: SlotRef, *, width: int) -> list[Line]:
    rows = said_of(case.memory, slot, case.now)
    lines = [line(Span("In force", Style.HEADING))] if rows else []
    for row in rows:
        lines += wrapped(line(row), width=width, first=line("  * "))
    return lines


def _ahead(plan: Plan, outcome: SlotOutcome, *, now: datetime, width: int) -> list[Line]:
    """What would change it, and when it changes by itself. A running controller looks at every pass."""
    rows = []
    verdict = outcome.verdict
    if verdict is not None and verdict.changes_at is not None:
        rows.append(
            f"the verdict changes at {words.ahead(verdict.changes_at, now)}, if nothing else does"
        )
    rows += [
        f"{item.gate.value} opens with {words.GATES[item.gate]}"
        for item in plan.withheld
        if item.slot == outcome.slot
    ]
    if outcome.bucket is Bucket.HEALTHY and not rows:
        rows.append("a bad sign, or a change of its declaration")
    if outcome.next_check_at is not None:
        rows.append(f"time alone, at {words.ahead(outcome.next_check_at, now)}")
    if not rows:
        rows.append("the next observation")
    lines = [line(Span("What would change it", Style.HEADING))]
    for row in rows:
        lines += wrapped(line(row), width=width, first=line("  * "))
    return lines


def _history(history: Sequence[HistoryEntry], *, width: int) -> list[Line]:
    return [(Span(GAP), *item) for item in history_lines(history, width=width - len(GAP))]
