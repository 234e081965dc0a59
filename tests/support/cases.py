"""Cases for tests: what is declared, observed, judged and remembered, told in the words of the design.

A scene begins with declared fleets and an empty cloud. Each method tells one thing that is there or that happened:

    scene = Scene(web_fleet(replicas=3), postgres_fleet(replicas=2))
    scene.in_service()                          # every slot has a healthy occupant with its volumes
    scene.terminated("web/1")                   # EC2 says so; nothing of ours did it
    scene.sick("shared-postgres/0", Sign.SYSTEM_CHECK, lasting=5 * MINUTE)
    plan(scene.case())

What is told of the cloud is remembered too (`memory.known`, `memory.health`), as after a hundred quiet passes, and the
case is judged as a pass would judge it; `judged` tells a verdict of its own. Ids are made from the
slot and the incarnation, so the same scene always has the same ids. For whatever no method tells, `change` replaces
any field of an instance or volume, and `scene.memory` can be replaced as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.observed import (
    Check,
    CheckStatus,
    Instance,
    InstanceState,
    Presence,
    ProbeOutcome,
)
from reconciler.health.verdict import (
    Sign,
)
from reconciler.health.volumes import RememberedVolume, VolumeCondition, VolumeSign
from reconciler.planning.case import Case
from reconciler.planning.judging.instances import judge_all
from reconciler.planning.judging.volumes import judge_volumes
from reconciler.planning.memory import (
    ColdStart,
    Memory,
)
from reconciler.planning.slots.arranging import arrange
from tests.support.fleets import MINUTE
from tests.support.present import CELL, Present
from tests.support.resources import (
    instance_id,
    passing_checks,
)
from tests.support.volume_health import disabled as io_disabled
from tests.support.volume_health import stalled as io_stalled

__all__ = ["CELL", "Scene"]


class Scene(Present):
    """A case in the making. Methods change it in place; `case()` is the value."""

    def terminated(self, text: str, *, incarnation: int = 1) -> Instance:
        """EC2 shows the instance as terminated; its data volumes survive, available."""
        instance = self.instances[instance_id(text, incarnation)]
        for attachment in instance.attachments:
            self.detached(attachment.volume_id)
        self.checks.pop(instance.id, None)
        self.told.pop(instance.id, None)
        return self._changed_instance(
            instance.id,
            state=InstanceState.TERMINATED,
            state_reason="Client.UserInitiatedShutdown",
            attachments=(),
        )

    def stopped(
        self,
        text: str,
        *,
        incarnation: int = 1,
        ago: timedelta = 10 * MINUTE,
        reason: str = "Client.UserInitiatedShutdown",
    ) -> Instance:
        """Somebody stopped the instance that long ago; its volumes stay attached."""
        identifier = instance_id(text, incarnation)
        self.checks.pop(identifier, None)
        return self._changed_instance(
            identifier,
            state=InstanceState.STOPPED,
            state_reason=reason,
            state_changed_at=self.now - ago,
        )

    def sick(
        self,
        text: str,
        sign: Sign,
        *,
        lasting: timedelta = 5 * MINUTE,
        incarnation: int = 1,
    ) -> None:
        """That check or probe has failed for that long, and was seen to fail from the beginning."""
        identifier = instance_id(text, incarnation)
        since = self.now - lasting
        bad = Check(status=CheckStatus.IMPAIRED, impaired_since=since)
        checks = self.checks.get(identifier, passing_checks(identifier))
        match sign:
            case Sign.SYSTEM_CHECK:
                self.checks[identifier] = replace(checks, system=bad)
            case Sign.INSTANCE_CHECK:
                self.checks[identifier] = replace(checks, instance=bad)
            case Sign.ATTACHED_EBS_CHECK:
                self.checks[identifier] = replace(checks, attached_ebs=bad)
            case Sign.PROBE:
                self.probe(text, ProbeOutcome.FAILED, incarnation=incarnation)
            case _:
                raise ValueError(
                    f"{sign} is not a check or a probe: tell it by changing the resource"
                )
        before = self.memory.health[identifier]
        self._remember_health(
            identifier,
            replace(
                before,
                since={**before.since, sign: since},
                trouble_since=since,
                good_since=None,
                probe_failures=10 if sign is Sign.PROBE else before.probe_failures,
            ),
        )

    def stalled(
        self, volume: str, *, lasting: timedelta = 10 * MINUTE, disabled: bool = False
    ) -> None:
        """EC2 has said for that long that no I/O of that volume completes, or that its I/O is disabled."""
        since = self.now - lasting
        self.volume_status[volume] = io_disabled(volume) if disabled else io_stalled(volume)
        sign = VolumeSign.IO_ENABLED if disabled else VolumeSign.IO_PERFORMANCE
        ripe_at = since if disabled else since + 3 * MINUTE
        bad = VolumeCondition.IO_DISABLED if disabled else VolumeCondition.STUCK
        known = RememberedVolume(
            condition=bad if ripe_at <= self.now else VolumeCondition.SUSPECT,
            condition_since=ripe_at if ripe_at <= self.now else since,
            since={sign: since},
        )
        self.remembering(volumes={**self.memory.volumes, volume: known})

    def vanished(
        self,
        identifier: str,
        *,
        by_id: Presence | None = Presence.NOT_FOUND,
        absent_for: timedelta | None = None,
        absent_checks: int = 0,
    ) -> None:
        """The lists no longer show that id. `by_id` is what reading it said, `absent_for` since when it is so."""
        self.instances.pop(identifier, None)
        self.volumes.pop(identifier, None)
        self.checks.pop(identifier, None)
        self.told.pop(identifier, None)
        if by_id is not None:
            self.by_id[identifier] = by_id
        known = replace(
            self.memory.known[identifier],
            absent_since=self.now - absent_for if absent_for is not None else None,
            absent_checks=absent_checks,
        )
        self.remembering(known={**self.memory.known, identifier: known})

    def ended(self, identifier: str) -> None:
        """The lists no longer show that id, and memory holds that it was read as terminated or deleted."""
        self.vanished(identifier, by_id=None)
        known = replace(self.memory.known[identifier], ended=True)
        self.remembering(known={**self.memory.known, identifier: known})

    def forgotten(self, identifier: str) -> None:
        """The lists no longer show that id, and nothing is on record of it."""
        self.vanished(identifier, by_id=None)
        known = {id_: item for id_, item in self.memory.known.items() if id_ != identifier}
        self.remembering(known=known)

    def cold(self, *, since: timedelta = timedelta(), complete: int = 1) -> None:
        """The store is new although resources are there: nothing is known of them."""
        self.memory = Memory(
            passes=0,
            cold=ColdStart(since=self.now - since, complete_observations=complete),
            recorded_since=self.now - since,
        )

    def case(self) -> Case:
        """Everything told so far, as a value; judged by the judge but where a verdict was told."""
        declared, observation = self.desired(), self.observation()
        world = arrange(
            desired=declared,
            observation=observation,
            memory=self.memory,
            owner=self.owner,
            now=self.now,
        )
        judged = judge_all(world, declared, observation, self.memory, self.now).verdicts
        return Case(
            now=self.now,
            owner=self.owner,
            desired=declared,
            observation=observation,
            verdicts={**judged, **self.told},
            memory=self.memory,
            volume_verdicts=judge_volumes(world, observation, self.memory, self.now).verdicts,
            conditions=self.conditions,
            capabilities=self.capabilities,
        )
