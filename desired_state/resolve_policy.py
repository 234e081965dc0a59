"""From a checked SafetyPolicy to the model: what it leaves out is taken from the default, which is complete."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from desired_state.documents.brakes import (
    CapabilitiesDocument,
    ConditionsDocument,
    Nothing,
    PaceDocument,
    RateDocument,
    ThresholdDocument,
)
from desired_state.documents.document import Document
from desired_state.documents.policy import (
    CountAndShareDocument,
    DeadlinesDocument,
    SafetyPolicyDocument,
)
from desired_state.model import Deadlines, SafetyPolicy
from desired_state.safety import BreakerRules, ConditionRules, PaceRules, Rate, Threshold

_Value = TypeVar("_Value")
_AnyDocument = TypeVar("_AnyDocument", bound=Document)


def resolve_policy(declared: SafetyPolicyDocument, default: SafetyPolicyDocument) -> SafetyPolicy:
    """The policy in force: what is declared over the default, which is complete."""
    spec = _over(declared.spec, default.spec)
    disappearance = _count_and_share(spec.mass_disappearance)
    terminations = _count_and_share(spec.terminations_per_hour)
    repairs = _count_and_share(spec.repairs_at_once)
    shrink = _count_and_share(spec.shrink_free)
    return SafetyPolicy(
        name=declared.metadata.name,
        deadlines=_deadlines(spec.deadlines),
        consistency_window=_given(spec.consistency_window),
        stopped_by_hand_for=_given(spec.stopped_by_hand_for),
        mass_disappearance_count=disappearance[0],
        mass_disappearance_percent=disappearance[1],
        terminations_per_hour_count=terminations[0],
        terminations_per_hour_percent=terminations[1],
        repairs_at_once_count=repairs[0],
        repairs_at_once_percent=repairs[1],
        shrink_free_slots=shrink[0],
        shrink_free_percent=shrink[1],
        capacity_backoff=tuple(_given(spec.capacity_backoff)),
        capacity_forgotten_after=_given(spec.capacity_forgotten_after),
        attached_ebs_unnamed_after=_given(spec.attached_ebs_unnamed_after),
        orphan_grace=_given(spec.orphan_grace),
        plan_expires_after=_given(spec.plan_expires_after),
        approval_lasts=_given(spec.approval_lasts),
        pause_lasts=_given(spec.pause_lasts),
        pause_lasts_at_most=_given(spec.pause_lasts_at_most),
        override_lasts=_given(spec.override_lasts),
        conditions=None if spec.conditions == "none" else _conditions(spec.conditions),
        capabilities=None if spec.capabilities == "none" else _capabilities(spec.capabilities),
        pace=None if spec.pace == "none" else _pace(spec.pace),
    )


def _over(declared: _AnyDocument, default: _AnyDocument) -> _AnyDocument:
    """The default with everything that is declared put over it, at any depth."""
    values = {}
    for name in type(default).model_fields:
        ours, theirs = getattr(declared, name), getattr(default, name)
        if isinstance(ours, Document) and isinstance(theirs, Document):
            values[name] = _over(ours, theirs)
        else:
            values[name] = theirs if ours is None else ours
    return default.model_copy(update=values)


def _deadlines(document: DeadlinesDocument) -> Deadlines:
    return Deadlines(
        **{field.name: _given(getattr(document, field.name)) for field in fields(Deadlines)}
    )


def _count_and_share(document: CountAndShareDocument) -> tuple[int, float]:
    return _given(document.count), _given(document.share)


def _conditions(document: ConditionsDocument) -> ConditionRules:
    blindness, by_hand = _given(document.blindness), _given(document.by_hand)
    return ConditionRules(
        zone_degraded=_threshold(document.zone_degraded),
        zone_critical=_threshold(document.zone_critical),
        volumes_degraded=_threshold(document.volumes_degraded),
        volumes_critical=_threshold(document.volumes_critical),
        region_degraded=_threshold(document.region_degraded),
        region_critical=_threshold(document.region_critical),
        region_critical_zones=_given(document.region_critical_zones),
        fleet_breaker=_threshold(document.fleet_breaker),
        degraded_percent=_given(document.degraded_share),
        cool_down=_given(document.cool_down),
        cool_down_longest=_given(document.cool_down_longest),
        relapse_within=_given(document.relapse_within),
        housekeeping_after=_given(document.housekeeping_after),
        blind_slots=_given(blindness.slots),
        blind_zones=_given(blindness.zones),
        blind_all_of=_given(blindness.all_of),
        by_hand_count=_given(by_hand.count),
        by_hand_percent=_given(by_hand.share),
        by_hand_within=_given(by_hand.within),
        by_hand_hold=_given(by_hand.hold),
    )


def _threshold(document: ThresholdDocument | None) -> Threshold:
    threshold = _given(document)
    return Threshold(
        count=_given(threshold.count),
        percent=_given(threshold.share),
        all_of=_unless_none(threshold.all_of),
        leave_count=_unless_none(threshold.leave_count),
        leave_percent=_given(threshold.leave_share),
        leave_after=_given(threshold.leave_after),
    )


def _capabilities(document: CapabilitiesDocument) -> BreakerRules:
    ramp = _given(document.ramp)
    return BreakerRules(
        window=_given(document.window),
        failures=_given(document.failures),
        percent=_given(document.share),
        failures_in_a_row=_given(document.failures_in_a_row),
        proven_in_a_row=_given(document.proven_in_a_row),
        probes=tuple(_given(document.probes)),
        probe_jitter_percent=_given(document.probe_jitter),
        probes_in_region=_given(document.probes_in_region),
        ramp_round=_given(ramp.round),
        ramp_most=_given(ramp.most),
        ramp_bucket_percent=_given(ramp.bucket_share),
    )


def _pace(document: PaceDocument) -> PaceRules:
    return PaceRules(
        launches=_rate(document.launches),
        restores=_rate(document.restores),
        disruptive=_rate(document.disruptive),
        zone_percent=_given(document.zone_share),
        trouble_percent=_given(document.trouble_share),
        tier_percents=tuple(_given(document.tier_shares)),
        read_percent=_given(document.read_share),
        write_percent=_given(document.write_share),
        run_instances_percent=_given(document.run_instances_share),
    )


def _rate(document: RateDocument | None) -> Rate:
    rate = _given(document)
    return Rate(percent=_given(rate.share), least=_given(rate.least), most=_given(rate.most))


def _given(value: _Value | None) -> _Value:
    if value is None:
        raise AssertionError("the default policy has a value wherever one may be left out")
    return value


def _unless_none(count: int | Nothing | None) -> int | None:
    return None if count == "none" else count
