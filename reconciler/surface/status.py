"""How a cell stands: each fleet in counts, each slot that is not healthy, and what is under way or in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.actions import Bucket, Withheld
from reconciler.planning.case import Case
from reconciler.planning.memory import Memory
from reconciler.planning.outcome import Plan, SlotOutcome
from reconciler.store.passes import PassSummary
from reconciler.surface import words
from reconciler.surface.action_text import describe
from reconciler.surface.condition_text import condition_lines, conditions_document
from reconciler.surface.history import STATE_STYLES, intent_document
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import (
    BLANK,
    GAP,
    Line,
    Span,
    Style,
    bounded_width,
    line,
    wrapped,
)
from reconciler.surface.plan_json import cell_document, fleet_document, slot_document
from reconciler.surface.plan_text import BUCKET_STYLES, fleet_lines, header_lines
from reconciler.surface.said_text import approval_clause, order_clause
from reconciler.surface.volume_text import troubles
from reconciler.surface.withheld_text import alike, commands_of

FORMAT_VERSION = "1.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A cell as assessed just now, and the last pass on record; None where the store has none."""

    case: Case
    plan: Plan
    last_pass: PassSummary | None


def status_lines(standing: Standing, *, width: int) -> list[Line]:
    """The standing of one cell."""
    case, plan, width = standing.case, standing.plan, bounded_width(width)
    sections = (
        header_lines(case, width=width, more=[("last pass", line(_last_pass(standing)))]),
        _refused(standing, width=width),
        condition_lines(case, width=width),
        fleet_lines(plan.fleets, width=width),
        _not_healthy(plan.slots, width=width),
        _volumes_in_trouble(plan.slots, now=case.now, width=width),
        _for_a_person(plan.withheld, width=width),
        _under_way(case.memory, now=case.now, width=width),
        _in_force(case.memory, now=case.now, width=width),
        wrapped((Span(_sum(plan), Style.STRONG),), width=width),
    )
    return [item for section in sections if section for item in (*section, BLANK)][:-1]


def statuses_document(standings: Iterable[Standing]) -> Json:
    """The standing of several cells in one document."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "status",
        "cells": [_status_document(standing) for standing in standings],
    }


def _status_document(standing: Standing) -> Json:
    case, plan = standing.case, standing.plan
    memory = case.memory
    return {
        **cell_document(case),
        "conditions": conditions_document(case),
        "converged": plan.converged,
        "nextCheckAt": json_value(plan.next_check_at),
        "actions": len(plan.actions),
        "withheld": len(plan.withheld),
        "fleets": [fleet_document(fleet) for fleet in plan.fleets],
        "slots": [slot_document(outcome) for outcome in plan.slots],
        "openIntents": [intent_document(intent) for intent in memory.open_intents],
        "pauses": json_value(memory.pauses),
        "approvals": json_value(tuple(memory.approvals[key] for key in sorted(memory.approvals))),
        "orders": json_value(memory.orders),
        "capacity": json_value(memory.capacity),
        "cold": json_value(memory.cold),
        "passes": memory.passes,
        "lastPass": json_value(standing.last_pass),
    }


def _last_pass(standing: Standing) -> str:
    if standing.last_pass is None:
        return "none on record: neither `run` nor `apply` has worked on this cell with this store"
    when = words.ago(standing.last_pass.as_of, standing.case.now)
    return when if standing.last_pass.complete else f"{when}, incomplete"


def _refused(standing: Standing, *, width: int) -> list[Line]:
    """Why the controller goes by other files than the ones that are there now."""
    if standing.last_pass is None or standing.last_pass.refused is None:
        return []
    first, *rest = standing.last_pass.refused.splitlines()
    told = wrapped((Span(f"Desired state refused: {first}", Style.STRONG),), width=width)
    return [*told, *(line(text) for text in rest)]


def _not_healthy(outcomes: Sequence[SlotOutcome], *, width: int) -> list[Line]:
    """Slots that are not healthy; neighbours that stand alike share a line unless an id tells them apart."""
    alike: dict[tuple[Bucket, str, str | None], list[SlotOutcome]] = {}
    for outcome in outcomes:
        if outcome.bucket is not Bucket.HEALTHY:
            key = (outcome.bucket, outcome.summary, outcome.instance_id)
            alike.setdefault(key, []).append(outcome)
    if not alike:
        return []
    lines = [line(Span("Not healthy", Style.HEADING))]
    for (bucket, summary, instance_id), group in alike.items():
        refs = words.slots([outcome.slot for outcome in group])
        head = line(GAP, Span(refs, Style.STRONG), GAP, Span(bucket.value, BUCKET_STYLES[bucket]))
        what = f"{instance_id}: {summary}" if instance_id else summary
        lines += wrapped(line(what), width=width, first=(*head, Span(GAP)), indent=6)
    return lines


def _volumes_in_trouble(
    outcomes: Sequence[SlotOutcome], *, now: datetime, width: int
) -> list[Line]:
    rows = troubles(outcomes, now=now)
    lines = [line(Span("Volumes in trouble", Style.HEADING))] if rows else []
    for row in rows:
        lines += wrapped(line(row), width=width, first=line("  * "))
    return lines


def _for_a_person(withheld: Sequence[Withheld], *, width: int) -> list[Line]:
    """What waits for a person's word, with the commands that give it; the plan says why."""
    asking = [(group, commands) for group in alike(withheld) if (commands := commands_of(group))]
    lines = [line(Span("Waiting for a person", Style.HEADING))] if asking else []
    for group, commands in asking:
        first = group[0]
        where = Span(words.slots([item.slot for item in group]), Style.STRONG)
        lost = f", would lose {words.duration(first.loss)} of writes" if first.loss else ""
        what = f"{words.COURSES[first.course]} ({first.gate.value}){lost}"
        lines += wrapped(line(what), width=width, first=line(GAP, where, GAP), indent=6)
        lines += [line(Span(f"      {command}", Style.STRONG)) for command in commands]
    return lines


def _under_way(memory: Memory, *, now: datetime, width: int) -> list[Line]:
    if not memory.open_intents:
        return []
    lines = [line(Span("Under way", Style.HEADING))]
    for intent in memory.open_intents:
        refs = words.slots([intent.action.slot])
        what = line(
            describe(intent.action.request).title + ",",
            " ",
            Span(intent.state.value, STATE_STYLES[intent.state]),
            Span(f" for {words.duration(now - intent.begun_at)}", Style.DIM),
        )
        head = line(GAP, Span(refs, Style.STRONG), GAP)
        lines += wrapped(what, width=width, first=head, indent=6)
    return lines


def _in_force(memory: Memory, *, now: datetime, width: int) -> list[Line]:
    """What people said and what the controller learnt that changes what it may do."""
    rows = [
        *_cold(memory, now),
        *(
            f"{_scope(pause.scope)} paused by {pause.paused_by} until "
            f"{words.ahead(pause.expires_at, now)}: {pause.reason}"
            for pause in memory.pauses
            if now < pause.expires_at
        ),
        *(
            approval_clause(approval, now)
            for approval in memory.approvals.values()
            if now < approval.expires_at
        ),
        *(order_clause(order, now) for order in memory.orders if now < order.expires_at),
        *(
            f"{item.type} in {item.zone} passed over until {words.ahead(item.until, now)}: no capacity, "
            f"{words.count(item.failures, 'time')} in a row"
            for item in memory.capacity
            if now < item.until
        ),
    ]
    if not rows:
        return []
    lines = [line(Span("In force", Style.HEADING))]
    for row in rows:
        lines += wrapped(line(row), width=width, first=line("  * "))
    return lines


def _cold(memory: Memory, now: datetime) -> list[str]:
    if memory.cold is None or memory.cold.released:
        return []
    since = words.ago(memory.cold.since, now)
    what = "resources of ours are there and the store knows nothing of them"
    return [
        f"cold since {since}: {what}; nothing disruptive is done until `reconciler resume --cold`"
    ]


def _scope(scope: str) -> str:
    return "the whole cell" if scope == "*" else scope


def _sum(plan: Plan) -> str:
    counted = [outcome for outcome in plan.slots if outcome.bucket is not Bucket.RELEASED]
    healthy = sum(outcome.bucket is Bucket.HEALTHY for outcome in counted)
    if not counted:
        return "No slot is declared."
    if healthy == len(counted):
        what = (
            f"All {words.count(healthy, 'slot')} are healthy"
            if healthy > 1
            else "The one slot is healthy"
        )
    else:
        what = f"{healthy} of {words.count(len(counted), 'slot')} healthy"
    pending = [
        f"{words.count(number, 'action')} {state}"
        for number, state in ((len(plan.actions), "to do now"), (len(plan.withheld), "withheld"))
        if number
    ]
    return "; ".join([what, *pending]) + "."
