"""What the demo claims, asked of the simulated cloud's own truth and its log of every change, and of nothing that the
controller says or remembers.

    living        who lives in each slot now
    occupants     who of them holds it
    Stall         a volume that was made to stall
    Claim         one sentence with what speaks against it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.simulated.changes import Cause, Change
from providers.simulated.records import Data, Guest, Instance, Io, Volume
from providers.simulated.world import Truth
from reconciler.demo.in_service import ROLE, InService, slot_of

INCARNATION = "fleet-reconciler:incarnation"
QUARANTINE_UNTIL = "fleet-reconciler:quarantine-until"

LOSS_TOLERANCE = timedelta(seconds=90)
"""Words that round down to whole minutes, and two passes of 15 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence about the truth; it holds when nothing speaks against it."""

    text: str
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A volume that was made to stall, whose data was on it, and the slot and the instance that it filled then."""

    slot: str
    volume_id: str
    lineage: str
    instance_id: str

    def began(self, changes: Iterable[Change]) -> datetime:
        """When it stalled for the first time. ValueError when it never did."""
        for change in changes:
            stalled = isinstance(change.after, Volume) and change.after.io is Io.STALLED
            if change.resource_id == self.volume_id and stalled:
                return change.at
        raise ValueError(f"{self.volume_id} never stalled")


def living(truth: Truth) -> dict[str, list[Instance]]:
    """Every living instance under `fleet/slot` as its tags say; those of other people are left out."""
    found: dict[str, list[Instance]] = {}
    for instance in truth.instances.values():
        slot = slot_of(instance)
        if instance.alive and slot is not None:
            found.setdefault(slot, []).append(instance)
    return found


def occupants(truth: Truth, slot: str) -> list[Instance]:
    """The living instances that hold a slot: committed, and of the latest incarnation that was."""
    held = [item for item in living(truth).get(slot, []) if item.tags.get(ROLE) == "occupant"]
    latest = max((_incarnation(item) for item in held), default=0)
    return [item for item in held if _incarnation(item) == latest]


def data_volumes(instance: Instance) -> dict[str, str]:
    """The volumes on an instance but its root, by device."""
    return {
        item.device: item.volume_id
        for item in instance.attachments
        if item.device != instance.root_device
    }


def lineages(truth: Truth, instance: Instance) -> dict[str, tuple[str, str]]:
    """By device: the data volume's id, and which empty volume its data began with."""
    return {
        device: (volume_id, _data(truth, volume_id).lineage)
        for device, volume_id in data_volumes(instance).items()
    }


def each_slot_is_filled(
    truth: Truth,
    wanted: Mapping[str, Mapping[str, str]],
    *,
    left_behind: Mapping[str, str] | None = None,
) -> Claim:
    """`wanted` holds the tags that people declared, by slot; `left_behind` the one instance that a restore may have
    left in a slot, provided that it is stopped and bears the date until which it is kept.
    """
    left = left_behind or {}
    found = {
        slot: [item for item in instances if item.id != left.get(slot) or not _is_kept_apart(item)]
        for slot, instances in living(truth).items()
    }
    against = [f"{slot}: nobody declared it" for slot in sorted(found.keys() - wanted.keys())]
    for slot, tags in wanted.items():
        against += [f"{slot}: {fault}" for fault in _faults_ofslot_of(found.get(slot, []), tags)]
    but = (
        f", but for what a restore left behind, stopped: {', '.join(left.values())}" if left else ""
    )
    return Claim(
        text=f"each of the {len(wanted)} declared slots has one living instance, which runs, is well and has its "
        f"declared tags; there is no other{but}",
        against=tuple(against),
    )


def data_is_kept(truth: Truth, before: Mapping[str, Mapping[str, tuple[str, str]]]) -> Claim:
    """`before` holds `lineages` by slot, as they were when the slots first came up."""
    found = living(truth)
    against = []
    for slot, held in before.items():
        now = [lineages(truth, instance) for instance in found.get(slot, [])]
        if now != [held]:
            against.append(f"{slot}: its instances hold {now} instead of {held}")
    return Claim(
        text=f"{' and '.join(before)} are each on the volume and on the data that they began with",
        against=tuple(against),
    )


def a_copy_took_over(truth: Truth, stall: Stall) -> Claim:
    """The slot is on a volume made from a snapshot of the one that stuck, with its data of a moment before it did."""
    against = []
    stalled_at = stall.began(truth.changes)
    copies = [truth.volumes[volume_id] for volume_id in _volumes_in(truth, stall.slot)]
    if len(copies) != 1:
        against.append(f"{stall.slot} has {len(copies)} data volumes instead of one")
    for copy in copies:
        source = truth.snapshots.get(copy.snapshot_id or "")
        if source is None or source.volume_id != stall.volume_id:
            against.append(f"{copy.id} was made from {copy.snapshot_id}, not of {stall.volume_id}")
        elif source.started_at >= stalled_at:
            against.append(f"{source.id} is of {source.started_at:%H:%M:%S}, after the stall")
        if copy.data.lineage != stall.lineage:
            against.append(f"{copy.id} holds the data of {copy.data.lineage}")
    made = ", ".join(f"{copy.id} from {copy.snapshot_id}" for copy in copies)
    return Claim(
        text=f"{stall.slot} is on a copy, {made}, which was taken of {stall.volume_id} before that stuck",
        against=tuple(against),
    )


def the_loss_was_as_stated(truth: Truth, stall: Stall, stated: timedelta | None) -> Claim:
    """`stated` is the controller's word; the truth is the time from the snapshot in use to the stall.

    It is held to `LOSS_TOLERANCE`: words round down to minutes, and a stall is noticed by a pass, not by itself.
    """
    stalled_at = stall.began(truth.changes)
    copies = [truth.volumes[volume_id] for volume_id in _volumes_in(truth, stall.slot)]
    sources = [truth.snapshots.get(copy.snapshot_id or "") for copy in copies]
    taken_at = min((item.started_at for item in sources if item), default=None)
    if taken_at is None or stated is None:
        text = f"the loss of {stall.slot} was stated before it came about"
        what = "nothing was restored" if taken_at is None else "no loss was stated"
        return Claim(text=text, against=(what,))
    lost = stalled_at - taken_at
    said = f"{_minutes(stated)} of writes would be lost; {_minutes(lost)} were"
    differs = abs(lost - stated) > LOSS_TOLERANCE
    return Claim(
        text=f"the controller stated that the restore of {stall.slot} would lose what was written in "
        f"{_minutes(stated)}; it lost {_minutes(lost)}, from the snapshot to the stall",
        against=(said,) if differs else (),
    )


def what_stuck_is_kept(truth: Truth, stall: Stall) -> Claim:
    """The volume is still there, with its data, on the instance that held it, and that is stopped."""
    volume, holder = truth.volumes.get(stall.volume_id), truth.instances.get(stall.instance_id)
    against = []
    if volume is None:
        against.append(f"{stall.volume_id} is no more")
    elif volume.attachment is None or volume.attachment.instance_id != stall.instance_id:
        against.append(f"{stall.volume_id} was taken from {stall.instance_id}")
    if holder is None or holder.state != "stopped":
        against.append(f"{stall.instance_id} is {holder.state if holder else 'no more'}")
    return Claim(
        text=f"{stall.volume_id}, which stuck, is kept as it is on {stall.instance_id}, which is stopped",
        against=tuple(against),
    )


def what_answered_again_was_spared(truth: Truth, stall: Stall) -> Claim:
    """The slot is held by the instance that held it before, on its volume, which was never detached from it."""
    holders = [item.id for item in occupants(truth, stall.slot)]
    since = stall.began(truth.changes)
    against = [
        str(change)
        for change in truth.changes
        if change.resource_id == stall.volume_id
        and change.at >= since
        and change.what.startswith("attachment")
    ]
    if holders != [stall.instance_id]:
        against.append(f"{stall.slot} is held by {', '.join(holders) or 'nobody'}")
    if stall.volume_id not in truth.volumes or truth.volumes[stall.volume_id].io is not Io.NORMAL:
        against.append(f"{stall.volume_id} never answered again, so that this shows nothing")
    return Claim(
        text=f"{stall.volume_id}, which answered again, never left {stall.instance_id}, which holds {stall.slot} as "
        "before: nothing was lost there",
        against=tuple(against),
    )


def never_two_in_service(changes: Iterable[Change], *, with_data: Collection[str]) -> Claim:
    """At every moment of the story; `InService` says who is in service. `with_data` are slots that serve data."""
    service = InService(with_data=with_data)
    most, against = 0, []
    for change in changes:
        for slot in service.note(change):
            serving = service.of(slot)
            most = max(most, len(serving))
            if len(serving) > 1:
                against.append(f"{slot} at {change.at:%H:%M:%S}: {', '.join(serving)}")
    return Claim(
        text=f"at no moment were two instances of one slot in service (most at once: {most})",
        against=tuple(against),
    )


def nothing_was_launched_twice(changes: Iterable[Change], *, answers_lost: int) -> Claim:
    """One instance for each slot and incarnation, although answers to launches were lost."""
    launched = Counter(
        f"{slot_of(change.after)} incarnation {change.after.tags.get(INCARNATION)}"
        for change in _of_instances(changes)
        if isinstance(change.after, Instance) and change.before is None and slot_of(change.after)
    )
    against = [f"{what}: {count} instances" for what, count in launched.items() if count > 1]
    if not answers_lost:
        against.append("no answer to a launch was lost, so that this story shows nothing")
    return Claim(
        text=f"{launched.total()} instances were launched, none of them twice, though the answers to "
        f"{answers_lost} of the launches were lost",
        against=tuple(against),
    )


def volumes_left_only_what_could_not_write(changes: Iterable[Change]) -> Claim:
    """Each detach that was called for took the volume from an instance that had stopped or ended."""
    states: dict[str, str] = {}
    taken, against = 0, []
    for change in changes:
        if isinstance(change.after, Instance):
            states[change.resource_id] = change.after.state
        if change.cause is Cause.CALL and change.what == "attachment detaching":
            taken += 1
            holder = _holder(change)
            if states.get(holder) not in ("stopped", "terminated"):
                against.append(
                    f"{change.resource_id} was taken from {holder}, which was {states.get(holder)}"
                )
    if not taken:
        against.append("no volume was moved, so that this story shows nothing")
    return Claim(
        text=f"volumes that the controller took from an instance: {taken}, each from one that had stopped",
        against=tuple(against),
    )


def copies_that_were_not_needed(truth: Truth) -> set[str]:
    """Volumes from snapshots that are on no instance and kept for a while: their replacement never took over."""
    return {
        volume.id
        for volume in truth.volumes.values()
        if volume.snapshot_id and volume.attachment is None and QUARANTINE_UNTIL in volume.tags
    }


def a_stranger_was_left_alone(truth: Truth, stranger: str) -> Claim:
    """Nothing about another team's instance was ever changed but by its own launch and by time."""
    touched = [
        str(change)
        for change in truth.changes
        if change.resource_id == stranger
        and change.cause is Cause.CALL
        and change.before is not None
    ]
    instance = truth.instances.get(stranger)
    if instance is None or instance.state != "running":
        touched.append(f"{stranger} no longer runs")
    return Claim(
        text=f"{stranger}, another team's instance in the same account, was never touched",
        against=tuple(touched),
    )


def _is_kept_apart(instance: Instance) -> bool:
    return instance.state == "stopped" and QUARANTINE_UNTIL in instance.tags


def _faults_ofslot_of(instances: Sequence[Instance], tags: Mapping[str, str]) -> Iterator[str]:
    if len(instances) != 1:
        yield f"{len(instances)} living instances instead of one"
        return
    (instance,) = instances
    if instance.state != "running" or instance.guest is not Guest.WELL:
        yield f"{instance.id} is {instance.state}, its system {instance.guest}"
    for key, value in tags.items():
        if instance.tags.get(key) != value:
            yield f"tag {key} of {instance.id} is {instance.tags.get(key)!r} instead of {value!r}"


def _of_instances(changes: Iterable[Change]) -> Iterator[Change]:
    return (item for item in changes if isinstance(item.after or item.before, Instance))


def _holder(change: Change) -> str:
    """The instance that a volume was attached to."""
    held = change.before.attachment if isinstance(change.before, Volume) else None
    return held.instance_id if held else "nothing"


def _incarnation(instance: Instance) -> int:
    return int(instance.tags.get(INCARNATION, "0"))


def _volumes_in(truth: Truth, slot: str) -> list[str]:
    return [item for holder in occupants(truth, slot) for item in data_volumes(holder).values()]


def _minutes(duration: timedelta) -> str:
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


def _data(truth: Truth, volume_id: str) -> Data:
    return truth.volumes[volume_id].data
