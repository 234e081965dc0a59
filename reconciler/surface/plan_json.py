"""A plan as JSON, versioned and complete; docs/plan-json.md describes it for its readers.

Additions raise the minor number of `formatVersion`; a field that changes its meaning or goes raises the major one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeVerdict
from reconciler.planning.actions import Action, Withheld
from reconciler.planning.case import Case
from reconciler.planning.outcome import ClaimOutcome, FleetSummary, Plan, SlotOutcome
from reconciler.surface.action_text import verb_of
from reconciler.surface.condition_text import conditions_document
from reconciler.surface.json_values import Json, json_value

FORMAT_VERSION = "1.3"


def plans_document(planned: Iterable[tuple[Case, Plan]]) -> Json:
    """The plans of several cells in one document, in the order given."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "plan",
        "cells": [
            {
                **cell_document(case),
                "conditions": conditions_document(case),
                "plan": plan_document(plan),
            }
            for case, plan in planned
        ],
    }


def cell_document(case: Case) -> Json:
    """Which cell was observed, when, for which owner, and what could not be read of it."""
    observation = case.observation
    return {
        "account": observation.cell.account,
        "region": observation.cell.region,
        "endpoint": observation.cell.endpoint,
        "owner": case.owner,
        "observedAt": json_value(observation.as_of),
        "complete": observation.complete,
        "gaps": json_value(observation.gaps),
        "instances": len(observation.instances),
        "volumes": len(observation.volumes),
    }


def plan_document(plan: Plan) -> Json:
    """All of a plan: what is done, what is withheld, where every slot stands and on which evidence."""
    return {
        "madeAt": json_value(plan.made_at),
        "nextCheckAt": json_value(plan.next_check_at),
        "converged": plan.converged,
        "fleets": [fleet_document(fleet) for fleet in plan.fleets],
        "actions": [action_document(action) for action in plan.actions],
        "withheld": [withheld_document(item) for item in plan.withheld],
        "slots": [slot_document(outcome) for outcome in plan.slots],
        "notes": list(plan.notes),
        "heldSince": json_value(plan.held_since),
    }


def fleet_document(fleet: FleetSummary) -> Json:
    """The counts of one fleet; a bucket that no slot is in is left out."""
    return {
        "name": fleet.name,
        "declared": fleet.declared,
        "replicas": fleet.replicas,
        "tier": fleet.tier,
        "counts": {
            bucket.value: number for bucket, number in sorted(fleet.counts.items()) if number
        },
    }


def action_document(action: Action) -> Json:
    """One action with the whole request that would be sent; of user data only the hash is kept anywhere."""
    return {
        "operationId": action.operation_id,
        "family": action.family,
        "slot": json_value(action.slot),
        "incarnation": action.incarnation,
        "claim": action.claim,
        "attempt": action.attempt,
        "course": action.course.value,
        "verb": verb_of(action.request).word,
        "reason": action.reason.value,
        "detail": action.detail,
        "disruptive": action.disruptive,
        "exclusive": action.exclusive,
        "changes": json_value(action.changes),
        "request": json_value(action.request),
    }


def withheld_document(item: Withheld) -> Json:
    """One action that is due and held back; `action` is null where it is not known until the gate opens."""
    return {
        "slot": json_value(item.slot),
        "course": item.course.value,
        "gate": item.gate.value,
        "reason": item.reason,
        "since": json_value(item.since),
        "place": item.place,
        "earliestRelease": json_value(item.earliest_release),
        "approvalId": item.approval_id,
        "loss": json_value(item.loss),
        "alternatives": json_value(item.alternatives),
        "confirmableId": item.confirmable_id,
        "action": None if item.action is None else action_document(item.action),
    }


def slot_document(outcome: SlotOutcome) -> Json:
    """Where one slot stands, with the verdict on its instance and all evidence for it."""
    return {
        "slot": json_value(outcome.slot),
        "bucket": outcome.bucket.value,
        "summary": outcome.summary,
        "instanceId": outcome.instance_id,
        "verdict": None if outcome.verdict is None else verdict_document(outcome.verdict),
        "claims": [claim_document(item) for item in outcome.claims],
        "nextCheckAt": json_value(outcome.next_check_at),
        "toCome": list(outcome.to_come),
        "notes": list(outcome.notes),
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict and all its evidence."""
    return {
        "status": verdict.status.value,
        "since": json_value(verdict.since),
        "serving": verdict.serving,
        "changesAt": json_value(verdict.changes_at),
        "evidence": json_value(verdict.evidence),
    }


def claim_document(claim: ClaimOutcome) -> Json:
    """How one claim of a slot stands, with the verdict on the volume that fills it."""
    return {
        "claim": claim.claim,
        "standing": claim.standing.value,
        "detail": claim.detail,
        "volumeId": claim.volume_id,
        "verdict": None if claim.verdict is None else volume_verdict_document(claim.verdict),
    }


def volume_verdict_document(verdict: VolumeVerdict) -> dict[str, Any]:
    """A verdict on a volume and all its evidence."""
    return {
        "condition": verdict.condition.value,
        "since": json_value(verdict.since),
        "changesAt": json_value(verdict.changes_at),
        "evidence": json_value(verdict.evidence),
    }
