"""`kind: SafetyPolicy`: the numbers that keep the controller from making things worse.

A document may leave out what it does not change: what is missing is taken from `policies/default.yaml`, where each
number stands with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from desired_state.documents.brakes import (
    CapabilitiesDocument,
    CapabilitiesOrNone,
    ConditionsDocument,
    ConditionsOrNone,
    PaceDocument,
    PaceOrNone,
)
from desired_state.documents.brakes_in_force import brake_problems
from desired_state.documents.document import ApiVersion, Document, Problem
from desired_state.documents.fields import Duration, FleetName, Percent, Waits
from desired_state.model import SafetyPolicy
from desired_state.reading.quantities import format_duration


class DeadlinesDocument(Document):
    """How long an action may take before its slot escalates."""

    pending: Duration | None = Field(default=None, description="A launch until it runs.")
    start: Duration | None = Field(default=None, description="A start until its checks pass.")
    create: Duration | None = Field(default=None, description="A new volume until it is available.")
    attach: Duration | None = Field(default=None, description="An attach until it is attached.")
    detach: Duration | None = Field(default=None, description="A detach until it is available.")
    stop: Duration | None = Field(default=None, description="A stop until it is forced.")
    stop_forced: Duration | None = Field(
        default=None,
        description="A forced stop, which skips the guest's shutdown, until it is late.",
    )
    stop_unproven: Duration | None = Field(
        default=None, description="A late forced stop until it counts as not provable."
    )
    terminate: Duration | None = Field(default=None, description="A terminate until it is done.")
    reboot: Duration | None = Field(default=None, description="A reboot until checks are expected.")
    ambiguous: Duration | None = Field(
        default=None, description="An answer that never came, until the attempt is given up."
    )


class CountAndShareDocument(Document):
    """A count and a share of a whole; which of the two decides is told by the rule that uses them."""

    count: int | None = Field(default=None, ge=0, le=5000, description="Number of resources.")
    share: Percent | None = Field(default=None, description="Share of all, such as 10%.")


class SafetyPolicySpec(Document):
    """All numbers; those left out are the defaults."""

    deadlines: DeadlinesDocument = Field(
        default=DeadlinesDocument(), description="How long each action may take."
    )
    consistency_window: Duration | None = Field(
        default=None,
        description="Two complete observations this far apart, both without a resource, before it "
        "can count as gone.",
    )
    stopped_by_hand_for: Duration | None = Field(
        default=None, description="An instance stopped by a person is left alone for this long."
    )
    mass_disappearance: CountAndShareDocument = Field(
        default=CountAndShareDocument(),
        description="Resources that vanish within an hour without a record: at least both is a fault "
        "of the view.",
    )
    terminations_per_hour: CountAndShareDocument = Field(
        default=CountAndShareDocument(),
        description="Terminations in a sliding hour, the larger of both; more waits for a person.",
    )
    repairs_at_once: CountAndShareDocument = Field(
        default=CountAndShareDocument(),
        description="Slots of a fleet under repair at once, the larger of both.",
    )
    shrink_free: CountAndShareDocument = Field(
        default=CountAndShareDocument(),
        description="Slots that a lower `replicas` may take away without --confirm-shrink, the "
        "smaller of both.",
    )
    capacity_backoff: Waits | None = Field(
        default=None,
        description="Waits after capacity errors in a row of one zone and type; the last one stays.",
    )
    capacity_forgotten_after: Duration | None = Field(
        default=None, description="A capacity error counts for this long."
    )
    attached_ebs_unnamed_after: Duration | None = Field(
        default=None,
        description="The attached-EBS check fails and no volume is named for this long: the instance "
        "is unhealthy.",
    )
    orphan_grace: Duration | None = Field(
        default=None, description="An instance without a slot is left alone for this long."
    )
    plan_expires_after: Duration | None = Field(
        default=None, description="A plan older than this is not carried out."
    )
    approval_lasts: Duration | None = Field(
        default=None, description="An approval counts for this long."
    )
    pause_lasts: Duration | None = Field(
        default=None, description="A pause without a duration lasts this long."
    )
    pause_lasts_at_most: Duration | None = Field(default=None, description="The longest pause.")
    override_lasts: Duration | None = Field(
        default=None, description="--override-brakes opens the brakes for so long."
    )
    conditions: ConditionsOrNone = Field(
        default=ConditionsDocument(),
        description="What brakes disruptive work where a zone, the region or a fleet is in trouble. "
        "`none`: nothing does.",
    )
    capabilities: CapabilitiesOrNone = Field(
        default=CapabilitiesDocument(),
        description="When a zone's control plane is not asked for more. `none`: it always is.",
    )
    pace: PaceOrNone = Field(
        default=PaceDocument(), description="How fast work goes at most. `none`: without limit."
    )


class SafetyPolicyMetadata(Document):
    """What the policy is called."""

    name: FleetName = Field(description="Shown in the header of every plan.")


class SafetyPolicyDocument(Document):
    """The numbers that keep the controller from making things worse. At most one may be declared."""

    api_version: ApiVersion
    kind: Literal["SafetyPolicy"]
    metadata: SafetyPolicyMetadata = Field(description="What the policy is called.")
    spec: SafetyPolicySpec = Field(description="All numbers; those left out are the defaults.")


def policy_problems(policy: SafetyPolicy) -> Iterator[Problem]:
    """Rules that tie the numbers in force together; `at` counts from the root of the document."""
    if policy.pause_lasts > policy.pause_lasts_at_most:
        at_most = format_duration(policy.pause_lasts_at_most)
        yield Problem(
            message=f"must be at most `spec.pauseLastsAtMost`, {at_most}, "
            f"not {format_duration(policy.pause_lasts)}",
            at=("spec", "pauseLasts"),
        )
    if policy.capacity_forgotten_after < policy.capacity_backoff[-1]:
        longest = format_duration(policy.capacity_backoff[-1])
        yield Problem(
            message=f"must be at least the longest of `spec.capacityBackoff`, {longest}, "
            f"not {format_duration(policy.capacity_forgotten_after)}",
            at=("spec", "capacityForgottenAfter"),
        )
    yield from brake_problems(policy)
