"""Restores as the truth shows them: a slot serves again, with data that is not what it served before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance
from reconciler.planning.actions import Action, Course
from reconciler.planning.identity import Tag
from reconciler.simulation.service import Service

SECONDS_OF = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
ARCHIVE, SNAPSHOT = "archive", "snapshot"


def stated_losses(actions: Iterable[Action]) -> dict[str, timedelta]:
    """By slot, the loss that an action states in its words, such as `loses 3 h 20 min of writes`."""
    found = {}
    for action in actions:
        stated = re.search(r"loses (.+) of writes", action.detail)
        if action.course is Course.RESTORE and stated:
            parts = re.findall(r"(\d+) (s|min|h|d)\b", stated[1])
            seconds = sum(int(count) * SECONDS_OF[unit] for count, unit in parts)
            found[str(action.slot)] = timedelta(seconds=seconds)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRestore:
    """One restore. `until` is the moment that its data is of; None where that can't be told."""

    slot: str
    at: datetime
    source: str
    stated: timedelta | None
    lost: timedelta | None


class Restores:
    """Told of passes and asked after each; `service` says who serves."""

    def __init__(self, cloud: SimulatedCloud, service: Service) -> None:
        self.found: list[SeenRestore] = []
        self._cloud = cloud
        self._service = service
        self._stated: dict[str, timedelta] = {}
        self._holders = {slot: service.serving(slot) for slot in service.tiers}
        service.on_back.append(self._back)

    def hear(self, actions: Iterable[Action]) -> None:
        """What a pass began to do."""
        self._stated |= stated_losses(actions)

    def _back(self, slot: str, since: datetime) -> None:
        """The slot serves again, after it was down since then."""
        before, self._holders[slot] = self._holders[slot], self._service.serving(slot)
        for id_ in self._holders[slot]:
            if id_ in before:
                continue
            source = self._source(self._cloud.truth.instances[id_], before)
            if source is not None:
                kind, until = source
                self.found.append(
                    SeenRestore(
                        slot=slot,
                        at=self._cloud.clock.now(),
                        source=kind,
                        stated=self._stated.get(slot),
                        lost=max(timedelta(), since - until) if until else None,
                    )
                )

    def _source(self, instance: Instance, before: list[str]) -> tuple[str, datetime | None] | None:
        """What its data was made from, and of which moment that is; None of data that moved with its volume."""
        truth = self._cloud.truth
        if Tag.RESTORE_FROM.value in instance.tags:
            ends = [
                archived.last_at
                for archived in self._cloud.archiving.truth.values()
                if archived.last_at and archived.writers.intersection(before)
            ]
            return ARCHIVE, max(ends, default=None)
        for item in instance.attachments:
            volume = truth.volumes.get(item.volume_id)
            snapshot = truth.snapshots.get(volume.snapshot_id or "") if volume else None
            if snapshot is not None and item.device != instance.root_device:
                return SNAPSHOT, snapshot.data.written_until
        return None
