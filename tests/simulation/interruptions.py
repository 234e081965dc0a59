"""What befalls the controller at the points of its life: deaths, a journal that fails, and people who meddle.

Drawn at every point from chance of its own, so that the cloud's chance is not disturbed.
"""

from __future__ import annotations

import random  # noqa: TID251 - handed in by the run, which makes it from the seed
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.fault_plan import Hit
from providers.simulated.faults import (
    Brownout,
    Copy,
    ErrorAfterEffect,
    Fault,
    Meddling,
    RequestDelayed,
    RequestRepeated,
    ResponseLost,
)
from providers.simulated.gate import Call
from providers.simulated.records import Instance, Volume
from reconciler.store.errors import StoreUnusable
from tests.simulation.crash_points.steps import Killed, Moment
from tests.simulation.oracles.backups import volumes_asked_of
from tests.simulation.oracles.tags import BACKUP_CALLS, OWNER
from tests.simulation.seeds import Draw

Answer = TypeVar("Answer")

POINT_OF = {
    Moment.BEFORE_INTENT: "P1",
    Moment.AFTER_INTENT: "P2",
    Moment.BEFORE_OUTCOME: "P5",
    Moment.AFTER_OUTCOME: "P6",
    Moment.BEFORE_PASS_RECORD: "P7",
    Moment.AFTER_PASS_RECORD: "P7",
}
STEPS = ("P1", "P2", "P3", "P4", "P5")
"""Around a call that changes something. All other points are those of looks, and far more."""
WHERE_JOURNALS_FAIL = ("P1", "P5")
BY_THEMSELVES = ("lifecycle", "world", "by hand")
LOSES_THE_ANSWER = (ResponseLost, ErrorAfterEffect, RequestDelayed)
OF_ATTACHMENTS = ("AttachVolume", "DetachVolume")


class Interruptions:
    """Has the face of crash_points' footsteps, so that its watched store reports here; and hooks into the gate."""

    def __init__(
        self,
        draw: Draw,
        cloud: SimulatedCloud,
        chance: random.Random,
        tell: Callable[[str, str], None],
    ) -> None:
        self.hits: Counter[tuple[str, str]] = Counter()
        self.on = True
        self.waits_for_something = False
        """Whether an intent was open when the pass began."""
        self._draw = draw
        self._cloud = cloud
        self._chance = chance
        self._tell = tell
        self._follows_another = False
        self._recovering = False
        self._point = "P6"
        self._call: Call | None = None
        self._browned_out: Call | None = None
        self._unanswered: set[str] = set()
        """Volumes of attaches and detaches that were carried out and whose answer was lost."""

    def process_begins(self, *, follows_another: bool) -> None:
        """A process starts."""
        self._follows_another = follows_another
        self._recovering = follows_another

    def pass_ends(self) -> None:
        """A pass was done to its end: whoever recovered has recovered."""
        self._recovering = False

    def between(
        self, before: Moment, after: Moment, what: str, step: Callable[[], Answer]
    ) -> Answer:
        """A write of the journal, with a point on each side of it. Raises Killed and StoreUnusable."""
        point = POINT_OF[before]
        self.reach(point, what)
        may_fail = point in WHERE_JOURNALS_FAIL or self._recovering
        fails = may_fail and self._happens(self._draw.journal_fails)
        if fails and self._chance.random() < 0.5:
            self._fail(point, what, "the disk is full")
        answer = step()
        if fails:
            self._fail(point, what, "it is not known whether the commit was made")
        self.reach(POINT_OF[after], what)
        return answer

    def changed(self) -> None:
        """As crash_points asks of footsteps; nothing to note here."""

    def before_effect(self, call: Call) -> None:
        """A hook of the gate."""
        self._call = call
        if call.operation in BACKUP_CALLS and self._happens(self._draw.spoiling):
            self._spoil(call)
        self.reach("P3" if call.mutating else "P7", call.operation)

    def after_effect(self, call: Call) -> None:
        """A hook of the gate."""
        if not call.mutating:
            return
        if self._browned_out is call:
            # It came through to its effect, so it is the answer that fails.
            self._count(Brownout.key, "P4")
            self._answer_is_lost()
        self.reach("P4", call.operation)

    def reach(self, point: str, what: str) -> None:
        """The controller is at a point of its life. Raises Killed."""
        self._point = point
        if not self.on:
            return
        if self._happens(self._draw.meddling.at(step=point in STEPS)):
            self._meddle(point)
        deaths = self._draw.deaths
        likely = deaths.while_recovering if self._recovering else deaths.usual
        if self._happens(likely.at(step=point in STEPS)):
            self._count("F1", point)
            if self._recovering:
                self._count("F2", point)
            if point == "P4":
                self._answer_is_lost()
            self._tell("DEATH", f"dies at {point} ({what})")
            raise Killed

    def fault_hit(self, hit: Hit) -> None:
        """A fault of the cloud came to bear."""
        if isinstance(hit.fault, Brownout):
            self._browned_out = self._call
        for point in self._points_of(hit.fault, hit.operation):
            self._count(hit.fault.key, point)
        if isinstance(hit.fault, LOSES_THE_ANSWER):
            self._answer_is_lost()

    def _points_of(self, fault: Fault, operation: str) -> tuple[str, ...]:
        """Where it counts: at the point where the controller is, but for what has a moment of its own."""
        late = operation.startswith("late")
        if operation.startswith(BY_THEMSELVES):
            return ("P6",)
        if isinstance(fault, RequestDelayed):
            # Carried out at last: its answer reaches nobody, and something else is done or waited for meanwhile.
            return ("P4", "P6") if late else ("P3",)
        if isinstance(fault, RequestRepeated) and fault.copy is Copy.AFTER_THE_ANSWER:
            return ("P5",) if late and not fault.delay else ()
        if late:
            return ()
        return ("P7", "P6") if self._point == "P7" and self.waits_for_something else (self._point,)

    def looks_on(self, keys: set[str], hanging: list[str]) -> None:
        """An observation is made while these faults of the world last, and these volumes hang on their way."""
        if not self.on:
            return
        for key in sorted(keys):
            self._count(key, "P7")
        if hanging and "F18" in self._draw.kinds:
            self._count("F18", "P7")
            for _ in self._unanswered.intersection(hanging):
                self._count("F18", "P4")
            self._unanswered.difference_update(hanging)

    # Small steps.

    def _happens(self, share: float) -> bool:
        return self.on and share > 0.0 and self._chance.random() < share

    def _count(self, key: str, point: str) -> None:
        self.hits[key, point] += 1
        if self._recovering and point != "P9":
            self.hits[key, "P9"] += 1

    def _answer_is_lost(self) -> None:
        if self._call is not None and self._call.operation in OF_ATTACHMENTS:
            self._unanswered.add(self._call.parameters["VolumeId"])

    def _fail(self, point: str, what: str, why: str) -> None:
        self._count("F26", point)
        self._tell("FAULT", f"the journal fails at {point} ({what}): {why}")
        raise StoreUnusable(f"the store cannot be written: {why}")

    def _meddle(self, point: str) -> None:
        """Somebody does something to a resource of ours, at the worst of moments."""
        what = self._chance.choice(self._draw.meddles)
        truth = self._cloud.truth
        candidates = [
            item.id
            for item in (truth.volumes if what in OF_VOLUMES else truth.instances).values()
            if OWNER in item.tags and item.state in _FITS[what] and not _is_root(item)
        ]
        if candidates:
            identifier = self._chance.choice(candidates)
            self._count("F24", point)
            self._tell("HAND", f"{what} {identifier} at {point}")
            self._cloud.by_hand(what, identifier)

    def _spoil(self, call: Call) -> None:
        """Somebody does something to the snapshots that a call is about, just before it is carried out."""
        snapshots = self._cloud.truth.snapshots
        named = snapshots.get(call.parameters.get("SnapshotId", ""))
        asked_of = volumes_asked_of(call, self._cloud.truth) or (call.parameters.get("VolumeId"),)
        volumes = (named.volume_id,) if named else asked_of
        about = [item.id for item in snapshots.values() if item.volume_id in volumes]
        what = self._chance.choice(OF_SNAPSHOTS)
        if about:
            identifier = self._chance.choice(about)
            self._count("F19", "P3")
            self._tell("HAND", f"{what} {identifier} at {call.operation}")
            self._cloud.by_hand(what, identifier)


OF_SNAPSHOTS = (
    Meddling.DELETE_SNAPSHOT,
    Meddling.IMITATE_SNAPSHOT,
    Meddling.RELABEL_SNAPSHOT,
)
OF_VOLUMES = (Meddling.ATTACH, Meddling.DETACH)
_FITS = {
    Meddling.TERMINATE: ("running", "stopped", "pending"),
    Meddling.STOP: ("running",),
    Meddling.START: ("stopped",),
    Meddling.ATTACH: ("available",),
    Meddling.DETACH: ("in-use",),
    Meddling.EDIT_TAGS: ("running", "stopped"),
    Meddling.REMOVE_TAGS: ("running",),
}


def _is_root(item: Instance | Volume) -> bool:
    """Nobody takes a root volume off."""
    return (
        isinstance(item, Volume)
        and item.attachment is not None
        and item.attachment.delete_on_termination
    )
