"""Golden scenes of an occupant that is gone, sick, doubtful or unknown (design sections 6 and 7.1)."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import LadderStep
from providers.observed import GapSubject, Presence, ProbeOutcome
from providers.requests import RebootInstance, StartInstance, StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Reason
from reconciler.planning.identity import Role
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.cases import Scene
from tests.support.fleets import (
    HOUR,
    MINUTE,
    http_probe,
    postgres_fleet,
    repair_spec,
    tcp_probe,
    web_fleet,
)
from tests.support.resources import instance_id


def instance_check_fails() -> Scene:
    """The mildest step that can help comes first: a reboot."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=10 * MINUTE)
    return scene


def attached_ebs_check_fails() -> Scene:
    """No volume is named: the instance is sick and its claim is kept; a reboot would be pointless."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.sick("shared-postgres/0", Sign.ATTACHED_EBS_CHECK, lasting=20 * MINUTE)
    return scene


def rebooted_in_vain() -> Scene:
    """The reboot was tried and EC2 still calls the instance impaired: stop and start is next."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=2 * HOUR)
    reboot = RebootInstance(instance_id=instance_id("web/0"))
    rebooting = action("web/0", reboot, course=Course.REPAIR, reason=Reason.INSTANCE_CHECK)
    scene.began(rebooting, ago=HOUR, state=IntentState.OBSERVED)
    return scene


def stopped_to_be_started() -> Scene:
    """Our own stop of a restart has had its effect: start it again."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    scene.stopped("web/0", ago=MINUTE)
    stop = StopInstance(instance_id=instance_id("web/0"))
    stopping = action("web/0", stop, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
    scene.began(stopping, ago=2 * MINUTE, state=IntentState.OBSERVED)
    return scene


def restarted_in_vain() -> Scene:
    """Restarting did not help: replace, launching first."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=3 * HOUR)
    stop = action(
        "web/0",
        StopInstance(instance_id=instance_id("web/0")),
        course=Course.REPAIR,
        reason=Reason.SYSTEM_CHECK,
    )
    start = action(
        "web/0",
        StartInstance(instance_id=instance_id("web/0")),
        course=Course.REPAIR,
        reason=Reason.RESTARTING,
    )
    scene.began(stop, ago=2 * HOUR, state=IntentState.OBSERVED)
    scene.began(start, ago=2 * HOUR, state=IntentState.OBSERVED)
    return scene


def ladder_exhausted() -> Scene:
    """The declared ladder has no step left for what is wrong."""
    scene = Scene(web_fleet(repair=repair_spec(ladder=(LadderStep.REBOOT,))))
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=10 * MINUTE)
    return scene


def stateless_probe_fails() -> Scene:
    """EC2 says ok and the probe fails for three times `unhealthyAfter`: the ladder."""
    fleet = web_fleet()
    scene = Scene(replace(fleet, health=replace(fleet.health, probe=http_probe())))
    scene.in_service()
    scene.probe("web/0", ProbeOutcome.PASSED)
    scene.probe("web/2", ProbeOutcome.PASSED)
    scene.sick("web/1", Sign.PROBE, lasting=30 * MINUTE)
    return scene


def stateful_probe_fails_alone() -> Scene:
    """One vantage point never takes out data: a third sign, or a person."""
    scene = _probed_databases()
    scene.sick("shared-postgres/1", Sign.PROBE, lasting=HOUR)
    return scene


def sick_for_ec2_but_serving() -> Scene:
    """A passing probe is serving: EC2's word alone takes no database out."""
    scene = _probed_databases()
    scene.sick("shared-postgres/1", Sign.SYSTEM_CHECK, lasting=HOUR)
    return scene


def _probed_databases() -> Scene:
    fleet = postgres_fleet()
    scene = Scene(replace(fleet, health=replace(fleet.health, probe=tcp_probe())))
    scene.in_service()
    for ordinal in range(fleet.replicas):
        scene.probe(f"shared-postgres/{ordinal}", ProbeOutcome.PASSED)
    return scene


def nothing_known_of_an_instance() -> Scene:
    """No status checks: not available, and no reason to act."""
    scene = Scene(web_fleet())
    scene.in_service()
    del scene.checks[instance_id("web/1")]
    scene.gap(GapSubject.STATUS_CHECKS)
    return scene


def stopped_by_hand_for_long() -> Scene:
    """After four hours a stop by hand is a fault like another."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.stopped("web/2", ago=5 * HOUR)
    return scene


def starting_within_its_grace() -> Scene:
    """A young instance whose check fails is waited for."""
    scene = Scene(web_fleet())
    scene.in_service("web/0", "web/1")
    scene.instance("web/2", age=2 * MINUTE)
    scene.sick("web/2", Sign.INSTANCE_CHECK, lasting=MINUTE)
    scene.remembering(health={})
    return scene


def replacement_proven() -> Scene:
    """A healthy replacement takes the slot; the sick original goes afterwards."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE)
    return scene


def original_superseded() -> Scene:
    """After the commit the original is let go."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.instance("web/0", incarnation=2, age=10 * MINUTE)
    return scene


def original_recovered() -> Scene:
    """An original that is healthy before the commit stays; the replacement is reclaimed."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE)
    return scene


def two_claim_one_slot() -> Scene:
    """Two occupants of the same incarnation: a person decides."""
    scene = Scene(web_fleet())
    scene.in_service()
    twin = scene.occupant("web/1")
    scene.instances["i-0f0f0f0f0f0f0f0f0"] = replace(twin, id="i-0f0f0f0f0f0f0f0f0")
    return scene


def our_tags_were_removed() -> Scene:
    """An id that we know and that exists without our tags is never gone."""
    scene = Scene(web_fleet())
    scene.in_service()
    bare = scene.occupant("web/1")
    scene.change(bare.id, tags={"team": "shop"})
    scene.by_id[bare.id] = Presence.FOUND
    return scene


def many_vanished_at_once() -> Scene:
    """Mass disappearance without a terminated record is a fault of the view."""
    scene = Scene(web_fleet(replicas=6))
    scene.in_service()
    for ordinal in range(4):
        scene.vanished(instance_id(f"web/{ordinal}"), absent_for=10 * MINUTE, absent_checks=3)
    return scene


REPAIRS = (
    instance_check_fails,
    attached_ebs_check_fails,
    rebooted_in_vain,
    stopped_to_be_started,
    restarted_in_vain,
    ladder_exhausted,
    stateless_probe_fails,
    stateful_probe_fails_alone,
    sick_for_ec2_but_serving,
    nothing_known_of_an_instance,
    stopped_by_hand_for_long,
    starting_within_its_grace,
    replacement_proven,
    original_superseded,
    original_recovered,
    two_claim_one_slot,
    our_tags_were_removed,
    many_vanished_at_once,
)
