"""`spec.conditions`, `spec.capabilities` and `spec.pace` of a SafetyPolicy: the two brakes and the pace.

As everywhere in a policy, what is left out is taken from `policies/default.yaml`. Each of the three may be `none`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.fields import Duration, Percent, PositivePercent, Waits
from desired_state.reading.diagnostics import described

MOST_COUNTED = 5000

Count = Annotated[int, Field(ge=1, le=MOST_COUNTED)]

Nothing = Literal["none"]


def _count_or_none(value: object) -> object:
    if value != "none" and not (type(value) is int and 1 <= value <= MOST_COUNTED):
        message = f"must be `none`, or a whole number from 1 to {MOST_COUNTED}"
        refuse([Problem(message=f"{message}, not {described(value)}")])
    return value


CountOrNone = Annotated[
    int | Nothing,
    PlainValidator(_count_or_none),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_COUNTED},
                {"const": "none", "type": "string"},
            ]
        }
    ),
]
"""`none` takes a part out of a rule that the default has there."""


class ThresholdDocument(Document):
    """When trouble counts, and when it no longer does. Both numbers must be reached; one of two ends it."""

    count: Count | None = Field(default=None, description="At least so many are in trouble.")
    share: Percent | None = Field(default=None, description="And at least this share of all.")
    all_of: CountOrNone | None = Field(
        default=None, description="Or all, where there are at least so many. May be `none`."
    )
    leave_count: CountOrNone | None = Field(
        default=None, description="It ends with fewer in trouble than this. May be `none`."
    )
    leave_share: PositivePercent | None = Field(
        default=None, description="Or with less than this share of all."
    )
    leave_after: Duration | None = Field(
        default=None, description="Once that has lasted so long without a break."
    )


class BlindnessDocument(Document):
    """When so much fails by judgement alone that our own eyes are in doubt."""

    slots: Count | None = Field(default=None, description="At least so many slots.")
    zones: Count | None = Field(default=None, description="In at least so many zones.")
    all_of: Count | None = Field(
        default=None, description="Or all slots, where there are at least so many."
    )


class ByHandDocument(Document):
    """When so much of a fleet is stopped or terminated by others that they are at work on it."""

    count: Count | None = Field(default=None, description="At least so many slots of a fleet.")
    share: Percent | None = Field(default=None, description="And at least this share of it.")
    within: Duration | None = Field(default=None, description="In a time of this length.")
    hold: Duration | None = Field(
        default=None, description="The fleet is left alone for so long, then refilled at pace."
    )


class ConditionsDocument(Document):
    """What makes a zone, the region or a fleet `degraded` or `critical`, and what that brakes."""

    zone_degraded: ThresholdDocument | None = Field(
        default=None, description="Instances of a zone that are in service and do not serve."
    )
    zone_critical: ThresholdDocument | None = Field(
        default=None, description="The same; nothing disruptive is done there any more."
    )
    volumes_degraded: ThresholdDocument | None = Field(
        default=None, description="Volumes of a zone that are stuck."
    )
    volumes_critical: ThresholdDocument | None = Field(
        default=None, description="The same; nothing disruptive is done there any more."
    )
    region_degraded: ThresholdDocument | None = Field(
        default=None, description="As of a zone, of the region without its worst zone."
    )
    region_critical: ThresholdDocument | None = Field(
        default=None, description="The same; nothing disruptive is done any more."
    )
    region_critical_zones: Count | None = Field(
        default=None,
        description="Or `launch` or `describe` does not work in so many zones.",
    )
    fleet_breaker: ThresholdDocument | None = Field(
        default=None, description="Probes of a fleet fail while EC2 is fine: nothing disruptive."
    )
    degraded_share: Percent | None = Field(
        default=None,
        description="Of the pace of disruptive work, left where it is degraded or recovers.",
    )
    cool_down: Duration | None = Field(
        default=None, description="A place recovers for so long after the last bad sign."
    )
    cool_down_longest: Duration | None = Field(
        default=None, description="Each relapse doubles the cool-down, up to this."
    )
    relapse_within: Duration | None = Field(
        default=None, description="Trouble so soon after the last is a relapse."
    )
    housekeeping_after: Duration | None = Field(
        default=None,
        description="Updates, expiry and the like wait until zone and region were normal so long.",
    )
    blindness: BlindnessDocument | None = Field(
        default=None, description="When judgement alone no longer counts."
    )
    by_hand: ByHandDocument | None = Field(
        default=None, description="When others are at work on a fleet."
    )


class RampDocument(Document):
    """How the use of a capability grows once it works again."""

    round: Duration | None = Field(
        default=None, description="Its use doubles after each round of this length that was proven."
    )
    most: Annotated[float, Field(ge=1, le=100)] | None = Field(
        default=None, description="Up to so many times the usual pace."
    )
    bucket_share: PositivePercent | None = Field(
        default=None, description="And up to this share of EC2's own limit."
    )


class CapabilitiesDocument(Document):
    """When a zone's control plane counts as not working, and how it is tried again."""

    window: Duration | None = Field(default=None, description="Calls of so long ago count.")
    failures: Count | None = Field(
        default=None, description="It is open after at least so many failures in the window."
    )
    share: PositivePercent | None = Field(
        default=None, description="If they are at least this share of the calls."
    )
    failures_in_a_row: Count | None = Field(
        default=None, description="Enough where the window holds fewer calls than `failures`."
    )
    proven_in_a_row: Count | None = Field(
        default=None, description="It is closed after so many proven calls in a row."
    )
    probes: Waits | None = Field(
        default=None, description="Waits between single tries while it is open; the last one stays."
    )
    probe_jitter: Percent | None = Field(
        default=None, description="Each of these waits is longer or shorter by up to this share."
    )
    probes_in_region: Count | None = Field(
        default=None, description="Tries under way at once in the region; one for each zone."
    )
    ramp: RampDocument | None = Field(
        default=None, description="How its use grows once it works again."
    )


PerMinute = Annotated[float, Field(ge=0.01, le=MOST_COUNTED)]


class RateDocument(Document):
    """A share of the region's slots a minute, within bounds."""

    share: Percent | None = Field(default=None, description="Of the region's slots, each minute.")
    least: PerMinute | None = Field(default=None, description="A minute, however few slots.")
    most: PerMinute | None = Field(default=None, description="A minute, however many slots.")


class PaceDocument(Document):
    """How fast work goes at most, for one region."""

    launches: RateDocument | None = Field(default=None, description="Launches that repair.")
    restores: RateDocument | None = Field(default=None, description="Launches that restore data.")
    disruptive: RateDocument | None = Field(
        default=None, description="Reboots, stops, terminations and detaches on our own judgement."
    )
    zone_share: PositivePercent | None = Field(
        default=None, description="Of each of these, at most for one zone."
    )
    trouble_share: PositivePercent | None = Field(
        default=None, description="Of each of these, left while the API as a whole is in trouble."
    )
    tier_shares: Annotated[list[PositivePercent], Field(min_length=1, max_length=3)] | None = Field(
        default=None,
        description="Of each of these, by tier from 0; later tiers share the last. What a tier does "
        "not use flows down.",
    )
    read_share: PositivePercent | None = Field(
        default=None, description="Of EC2's limit of reads, at most ours."
    )
    write_share: PositivePercent | None = Field(
        default=None, description="Of EC2's limit of mutating calls, at most ours."
    )
    run_instances_share: PositivePercent | None = Field(
        default=None, description="Of EC2's limit of launches, at most ours."
    )


def _form(value: object) -> str | None:
    return "(none)" if isinstance(value, str) else "(rules)" if isinstance(value, dict) else None


_NONE_OR_RULES: Any = Discriminator(
    _form, custom_error_type="rules_form", custom_error_message="must be `none`, or a mapping"
)

_None = Annotated[Nothing, Tag("(none)")]

ConditionsOrNone = Annotated[_None | Annotated[ConditionsDocument, Tag("(rules)")], _NONE_OR_RULES]
CapabilitiesOrNone = Annotated[
    _None | Annotated[CapabilitiesDocument, Tag("(rules)")], _NONE_OR_RULES
]
PaceOrNone = Annotated[_None | Annotated[PaceDocument, Tag("(rules)")], _NONE_OR_RULES]
