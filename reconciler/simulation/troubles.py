"""The words for what goes wrong in a scenario: each becomes one fault of the simulated cloud (docs/scenarios.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.fields import Duration, InstanceType, Percent, UniqueList
from desired_state.reading.quantities import format_duration, format_percent
from providers.simulated import faults, outages
from providers.simulated.faults import Fault, Meddling, When
from reconciler.simulation.moments import Moment, written


class StuckDocument(Document):
    """A point of the curve."""

    at: Moment = Field(description="Counted from the beginning of the scenario.")
    stuck: Percent = Field(description="Share of the volumes that are stuck then.")


class VolumesStuck(Document):
    """A cohort of volumes takes no I/O; the same ones stay stuck, and come back as the curve falls."""

    curve: list[StuckDocument] = Field(
        min_length=1, max_length=200, description="In order of time; straight lines in between."
    )
    lost: Percent = Field(
        default=0.0, description="Share that never comes back and fails in the end. Default: 0%."
    )
    roots: bool = Field(
        default=False, description="Root volumes too; their guests hang. Default: false."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(_curve_problems(self.curve, self.lost))
        return self

    def fault(self, when: When) -> Fault:
        """As a fault."""
        curve = tuple(
            outages.StuckShare(at=point.at, share=point.stuck / 100) for point in self.curve
        )
        return outages.VolumesStuck(when=when, curve=curve, lost=self.lost / 100, roots=self.roots)


def _curve_problems(curve: Sequence[StuckDocument], lost: float) -> Iterator[Problem]:
    for index, (before, after) in enumerate(pairwise(curve), start=1):
        if after.at <= before.at:
            message = f"is {written(after.at)}, which cannot come after {written(before.at)}"
            yield Problem(message=message, at=("curve", index, "at"))
    if lost > curve[-1].stuck:
        last = format_percent(curve[-1].stuck)
        message = f"must be at most the last share of `curve`, {last}, not {format_percent(lost)}"
        yield Problem(message=message, at=("lost",))


class VolumesSick(Document):
    """Volumes are so from the beginning to the end; which ones is drawn once."""

    io: Literal["slow", "stalled", "disabled", "failed"] = Field(
        description="What failed is lost for ever."
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.VolumesSick(when=when, io=self.io)


class InstancesSick(Document):
    """Instances that run at the beginning are so to the end; which ones is drawn once."""

    guest: Literal["dead", "hung", "misjudged", "unreachable"] = Field(
        description="dead: the service is gone and EC2 sees nothing; hung: the instance check fails; "
        "misjudged: it fails though all is well; unreachable: the system check fails."
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.InstancesSick(when=when, guest=self.guest)


class Flapping(Document):
    """Instances are sick and well in turn."""

    guest: Literal["dead", "hung", "misjudged", "unreachable"] = Field(
        default="unreachable", description="How they are when sick. Default: unreachable."
    )
    bad_for: Duration = Field(description="How long they are sick each time.")
    good_for: Duration = Field(description="How long they are well in between.")

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return outages.Flapping(
            when=when, guest=self.guest, bad_for=self.bad_for, good_for=self.good_for
        )


class StopsStuck(Document):
    """An instance with a stuck volume that is asked to stop stays `stopping`, forced or not."""

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return outages.StopsStuck(when=when)


class ZoneDown(Document):
    """The zone's machines are off: nothing answers, lists fail, nothing can be launched there."""

    lists: Literal["work", "fail"] = Field(
        default="work",
        description="Whether lists that are filtered by other zones work meanwhile. Default: work.",
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.ZoneDisrupted(when=when, lists_by_zone=self.lists == "work")


class ZoneControlOff(Document):
    """The zone's own control plane is off: lists fail, nothing can be launched there; what runs goes on."""

    lists: Literal["work", "fail"] = Field(
        default="work",
        description="Whether lists that are filtered by other zones work meanwhile. Default: work.",
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        lists_by_zone = self.lists == "work"
        return faults.ZoneDisrupted(when=when, instances_down=False, lists_by_zone=lists_by_zone)


class ZonePartitioned(Document):
    """What runs in the zone goes on running, and we do not reach it; EC2 answers."""

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.ZonePartitioned(when=when)


class OperationsOff(Document):
    """The operations are switched off for what is in the zones."""

    answer: Literal["refused", "none"] = Field(
        default="refused",
        description="none: the call waits for an answer in vain, and takes room in the control plane. "
        "Default: refused.",
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return outages.OperationsOff(when=when, times_out=self.answer == "none")


class CallsFail(Document):
    """That share of the calls fails with an error of the service."""

    slower: int = Field(
        default=1, ge=1, le=1000, description="All take so many times as long. Default: 1."
    )
    after_effect: Percent = Field(
        default=30.0,
        description="Share of the failures that come after the effect. Default: 30%.",
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        after_effect = self.after_effect / 100
        return faults.Brownout(when=when, slower=float(self.slower), after_effect=after_effect)


class CallsThrottled(Document):
    """That share of the calls is refused with RequestLimitExceeded."""

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.Throttled(when=when)


class CapacityShort(Document):
    """That share of the launches and starts is refused with InsufficientInstanceCapacity."""

    types: UniqueList[InstanceType] | None = Field(
        default=None, min_length=1, description="Of these types only. Default: all."
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        types = None if self.types is None else frozenset(self.types)
        return faults.CapacityShort(when=when, types=types)


class LaunchesDie(Document):
    """That share of the launches is accepted, pends, and ends."""

    code: str = Field(
        default="Server.InternalError",
        min_length=1,
        max_length=100,
        description="The reason that EC2 gives. Default: Server.InternalError.",
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.LaunchDies(when=when, code=self.code)


class LaunchesOffline(Document):
    """That share of the launches runs, and is without network for a while."""

    least: Duration = Field(description="The shortest time until the network is there.")
    most: Duration = Field(
        description="The longest; all networks are there when the trouble is over."
    )
    checks: Literal["initializing", "impaired"] = Field(
        default="initializing", description="What status checks say. Default: initializing."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.most < self.least:
            least, most = format_duration(self.least), format_duration(self.most)
            message = f"must be at least `least`, {least}, not {most}"
            refuse([Problem(message=message, at=("most",))])
        return self

    def fault(self, when: When) -> Fault:
        """As a fault."""
        guest = "offline" if self.checks == "initializing" else "unreachable"
        return outages.NetworkLate(when=when, least=self.least, most=self.most, guest=guest)


class MonitoringOff(Document):
    """CloudWatch has no data, and status checks and volume statuses are insufficient-data."""

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return outages.MonitoringOff(when=when)


class OtherLoad(Document):
    """Others keep the region's control plane busy."""

    calls: int = Field(
        ge=1, le=100_000, description="Outstanding at every moment; the plane has room for 100."
    )

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.RegionSaturated(when=when, others=self.calls)


class SnapshotsFail(Document):
    """That share of the snapshots that are taken ends in error."""

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.SnapshotFails(when=when)


class ByHand(Document):
    """A person, or another tool, does that to one resource after another, drawn from the zones."""

    what: Literal["terminate", "stop", "start", "detach", "edit-tags", "remove-tags"] = Field(
        description="What they do."
    )
    every: Duration = Field(description="How often.")

    def fault(self, when: When) -> Fault:
        """As a fault."""
        return faults.ByHand(when=when, what=Meddling(self.what), every=self.every)
