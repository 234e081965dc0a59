"""What the demo claims, asked of the simulated cloud's own truth and its log of every change, and of nothing that the
controller says or remembers.

    living        who lives in each slot now
    Claim         one sentence with what speaks against it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from providers.simulated.changes import Cause, Change
from providers.simulated.records import Data, Guest, Instance, Volume
from providers.simulated.world import Truth

FLEET, SLOT = "fleet-reconciler:fleet", "fleet-reconciler:slot"
ROLE, INCARNATION = "fleet-reconciler:role", "fleet-reconciler:incarnation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence about the truth; it holds when nothing speaks against it."""

    text: str
    against: tuple[str, ...] = ()


def living(truth: Truth) -> dict[str, list[Instance]]:
    """Every living instance under `fleet/slot` as its tags say; those of other people are left out."""
    found: dict[str, list[Instance]] = {}
    for instance in truth.instances.values():
        slot = _slot(instance)
        if instance.alive and slot is not None:
            found.setdefault(slot, []).append(instance)
    return found


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


def each_slot_is_filled(truth: Truth, wanted: Mapping[str, Mapping[str, str]]) -> Claim:
    """`wanted` holds the tags that people declared, by slot."""
    found = living(truth)
    against = [f"{slot}: nobody declared it" for slot in sorted(found.keys() - wanted.keys())]
    for slot, tags in wanted.items():
        against += [f"{slot}: {fault}" for fault in _faults_of_slot(found.get(slot, []), tags)]
    return Claim(
        text=f"each of the {len(wanted)} declared slots has one living instance, which runs, is well and has its "
        "declared tags; there is no other",
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
        text=f"each of the {len(before)} databases is on the volume and on the data it began with",
        against=tuple(against),
    )


def never_two_in_service(changes: Iterable[Change], *, with_data: Collection[str]) -> Claim:
    """At every moment of the story. In service is an occupant that runs and is well, in slots `with_data` one that has
    a data volume: a replacement that was committed without it serves nothing yet, and its predecessor nothing more.
    """
    serving: dict[str, set[str]] = {}
    most, against = 0, []
    for change in _of_instances(changes):
        for record in (change.before, change.after):
            if not isinstance(record, Instance) or (slot := _slot(record)) is None:
                continue
            held = serving.setdefault(slot, set())
            held.discard(record.id)
            if record is change.after and _in_service(record, needs_data=slot in with_data):
                held.add(record.id)
                most = max(most, len(held))
                if len(held) > 1:
                    against.append(f"{slot} at {change.at:%H:%M:%S}: {', '.join(sorted(held))}")
    return Claim(
        text=f"at no moment were two instances of one slot in service (most at once: {most})",
        against=tuple(against),
    )


def nothing_was_launched_twice(changes: Iterable[Change], *, answers_lost: int) -> Claim:
    """One instance for each slot and incarnation, although answers to launches were lost."""
    launched = Counter(
        f"{_slot(change.after)} incarnation {change.after.tags.get(INCARNATION)}"
        for change in _of_instances(changes)
        if isinstance(change.after, Instance) and change.before is None and _slot(change.after)
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


def _faults_of_slot(instances: Sequence[Instance], tags: Mapping[str, str]) -> Iterator[str]:
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


def _in_service(instance: Instance, *, needs_data: bool) -> bool:
    able = instance.state == "running" and instance.guest is Guest.WELL
    occupant = instance.tags.get(ROLE) == "occupant"
    return able and occupant and (bool(data_volumes(instance)) or not needs_data)


def _holder(change: Change) -> str:
    """The instance that a volume was attached to."""
    held = change.before.attachment if isinstance(change.before, Volume) else None
    return held.instance_id if held else "nothing"


def _slot(instance: Instance) -> str | None:
    fleet, ordinal = instance.tags.get(FLEET), instance.tags.get(SLOT)
    return f"{fleet}/{ordinal}" if fleet and ordinal else None


def _data(truth: Truth, volume_id: str) -> Data:
    return truth.volumes[volume_id].data
