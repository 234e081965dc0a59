"""Judging every volume that fills a claim of a declared slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from providers.observed import GapSubject, Observation, Volume
from providers.observed_volumes import VolumeIo, VolumeStatus
from reconciler.health.volumes import (
    RememberedVolume,
    VolumeCondition,
    VolumeSubject,
    VolumeVerdict,
    judge_volume,
)
from reconciler.planning.judging.instances import started_at
from reconciler.planning.memory import Memory
from reconciler.planning.slots.arranging import SlotView, World


class VolumeSigns(NamedTuple):
    """All that a volume is judged by beside its slot. None of what a gap covers."""

    status: VolumeStatus | None
    io: VolumeIo | None
    remembered: RememberedVolume | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVolume:
    """A verdict, what is to be remembered, and what both rest on."""

    view: SlotView
    signs: VolumeSigns
    verdict: VolumeVerdict
    remembered: RememberedVolume | None

    @property
    def lasts(self) -> bool:
        """Well, and nothing to remember anew: time alone does not change that."""
        well = self.verdict.condition is VolumeCondition.WELL
        return well and self.remembered is self.signs.remembered

    def holds_for(self, view: SlotView, signs: VolumeSigns) -> bool:
        """Whether it would be judged the same again."""
        return view is self.view and signs == self.signs


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeJudgement:
    """Verdicts and what to remember, by volume id. `lasting` are those that hold until something changes."""

    verdicts: Mapping[str, VolumeVerdict] = field(default_factory=dict)
    remembered: Mapping[str, RememberedVolume] = field(default_factory=dict)
    lasting: Mapping[str, JudgedVolume] = field(default_factory=dict)


def judge_volumes(
    world: World,
    observation: Observation,
    memory: Memory,
    now: datetime,
    *,
    last: VolumeJudgement | None = None,
) -> VolumeJudgement:
    """The verdict on every volume that fills a claim. What was well by the same signs in the `last` one is so still."""
    before = last.lasting if last else {}
    verdicts: dict[str, VolumeVerdict] = {}
    remembered = dict(_of_those_that_may_be_there(memory))
    lasting: dict[str, JudgedVolume] = {}
    for view in world.slots:
        for claim in view.claims:
            volume = claim.volume
            if volume is None:
                continue
            signs = _signs(volume, observation, memory)
            known = before.get(volume.id)
            if known is None or not known.holds_for(view, signs):
                verdict, after = judge_volume(_subject(view, volume, signs), now)
                known = JudgedVolume(view=view, signs=signs, verdict=verdict, remembered=after)
            verdicts[volume.id] = known.verdict
            if known.remembered is not None:
                remembered[volume.id] = known.remembered
            if known.lasts:
                lasting[volume.id] = known
    return VolumeJudgement(verdicts=verdicts, remembered=remembered, lasting=lasting)


def _signs(volume: Volume, observation: Observation, memory: Memory) -> VolumeSigns:
    blind = bool(observation.gaps) and observation.lacks(GapSubject.VOLUME_STATUS, volume.zone)
    return VolumeSigns(
        None if blind else observation.volume_status.get(volume.id),
        observation.volume_io.get(volume.id),
        memory.volumes.get(volume.id),
    )


def _subject(view: SlotView, volume: Volume, signs: VolumeSigns) -> VolumeSubject:
    if view.fleet is None:
        raise ValueError(f"{view.ref} belongs to no declared fleet; released slots are not judged")
    health = view.fleet.health
    starts = [
        started_at(view, instance)
        for instance in view.alive
        if any(item.instance_id == instance.id for item in volume.attachments)
    ]
    return VolumeSubject(
        spec=health,
        volume=volume,
        status=signs.status,
        io=signs.io,
        remembered=signs.remembered,
        grace_ends=max(starts) + health.startup_grace if starts else None,
    )


def _of_those_that_may_be_there(memory: Memory) -> Iterable[tuple[str, RememberedVolume]]:
    """What is remembered of volumes that fill no claim now, or are merely not shown, until they are gone for good."""
    return (
        (id_, volume)
        for id_, volume in memory.volumes.items()
        if (known := memory.known.get(id_)) is not None and not known.ended
    )
