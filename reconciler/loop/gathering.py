"""Gathering: one observation of a whole cell, for everything that is decided in a pass (design section 5).

gather      the lists; the known ids that they lack, one by one; a second look before a first bring-up; probes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState, Fleet, HttpProbe, SsmImage
from providers.observed import (
    Instance,
    InstanceState,
    Observation,
    Presence,
    ProbeOutcome,
    ProbeResult,
    Volume,
)
from providers.port import Cloud, Prober, ProbeTarget
from providers.spare_calls import SpareCalls, Unbounded
from reconciler.execution.handlers import CheckContext, CheckHandler
from reconciler.health.verdict import Evidence, Sign, Weight
from reconciler.loop.sentinels import LOOKED_AT_EVERY
from reconciler.planning.declared_here import replicas_here
from reconciler.planning.identity import owner_of, slot_key, slot_of
from reconciler.planning.learning import missing_ids
from reconciler.planning.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """An observation, and how many complete looks it rests on."""

    observation: Observation
    complete_looks: int
    reported: Mapping[str, tuple[Evidence, ...]]
    """What users' own checks yielded, by instance id."""


@dataclass(slots=True)
class ProbeRhythm:
    """The last look at each service, so that each is probed at its own interval and not at every pass.

    A service that passes again keeps its result: it is dated from the first of the looks that said the same.
    """

    last: dict[str, ProbeResult] = field(default_factory=dict)
    looked_at: dict[str, datetime] = field(default_factory=dict)

    def is_due(self, identifier: str, interval: timedelta, now: datetime) -> bool:
        """Whether it is time to look again."""
        at = self.looked_at.get(identifier)
        return at is None or identifier not in self.last or now - at >= interval

    def keep(self, looks: Mapping[str, ProbeResult], now: datetime) -> dict[str, ProbeResult]:
        """The results of these looks, where nothing changed as the same objects as before."""
        self.looked_at.update(dict.fromkeys(looks, now))
        return {key: self._same(key, look) for key, look in looks.items()}

    def _same(self, key: str, look: ProbeResult) -> ProbeResult:
        last = self.last.get(key)
        if last is None or look.outcome is not ProbeOutcome.PASSED:
            return look
        return last if (look.outcome, look.detail) == (last.outcome, last.detail) else look


def gather(
    *,
    cloud: Cloud,
    prober: Prober,
    rhythm: ProbeRhythm,
    checks: Sequence[CheckHandler],
    desired: DesiredState,
    memory: Memory,
    owner: str,
    now: datetime,
    sentinels: Sequence[ProbeTarget] = (),
    spare: SpareCalls | None = None,
) -> Gathered:
    """Everything a case needs to know of the cell.

    Raises CredentialsError, EndpointUnreachable, and CloudError when a permission to read is missing.
    """
    images = sorted(
        {f.instance.image.ssm for f in desired.fleets if isinstance(f.instance.image, SsmImage)}
    )
    observation = cloud.observe(owner=owner, image_parameters=images, now=now)
    looks = int(observation.complete)
    if memory.passes == 0 and observation.complete and _has_empty_slots(desired, observation):
        # "None yet" takes two complete observations (design rule 6); later passes have the first on record.
        again = cloud.observe(owner=owner, image_parameters=images, now=now)
        looks += int(again.complete)
        observation = replace(again, calls=_added(observation.calls, again.calls))
    observation = _read_missing(cloud, observation, memory, spare or Unbounded())
    targets = _targets(desired, observation, owner)
    targets += [(target, LOOKED_AT_EVERY) for target in sentinels]
    probes = _probe(prober, rhythm, targets, now)
    return Gathered(
        observation=replace(observation, probes=probes),
        complete_looks=looks,
        reported=_ask_checks(checks, desired, observation, owner=owner, now=now),
    )


def _has_empty_slots(desired: DesiredState, observation: Observation) -> bool:
    taken = {slot_of(instance.tags) for instance in observation.instances.values()}
    return len(taken - {None}) < replicas_here(desired, observation.cell)


def _added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}


def _read_missing(
    cloud: Cloud, observation: Observation, memory: Memory, spare: SpareCalls
) -> Observation:
    """Known ids that the lists lack are read by id: being absent from a list is not evidence.

    Lists that lack much would make for many calls, so these are spare ones; what is not read now may be later.
    """
    missing = missing_ids(memory, observation) if observation.complete else ()
    asked_least = sorted(missing, key=lambda item: memory.known[item[0]].absent_checks)
    wanted = {
        kind: [id_ for id_, of_kind in asked_least if of_kind == kind]
        for kind in ("instance", "volume")
    }
    read = {kind: bool(ids) and spare.spend() for kind, ids in wanted.items()}
    if not any(read.values()):
        return observation
    instances = cloud.read_instances(wanted["instance"]) if read["instance"] else {}
    volumes = cloud.read_volumes(wanted["volume"]) if read["volume"] else {}
    found_instances: dict[str, Instance] = {
        id_: item for id_, (_, item) in instances.items() if item is not None
    }
    found_volumes: dict[str, Volume] = {
        id_: item for id_, (_, item) in volumes.items() if item is not None
    }
    by_id: dict[str, Presence] = {id_: presence for id_, (presence, _) in instances.items()}
    by_id |= {id_: presence for id_, (presence, _) in volumes.items()}
    return replace(
        observation,
        instances={**observation.instances, **found_instances},
        volumes={**observation.volumes, **found_volumes},
        by_id=by_id,
    )


def _targets(
    desired: DesiredState, observation: Observation, owner: str
) -> list[tuple[ProbeTarget, timedelta]]:
    """Every service that is to be probed, and how often."""
    targets: list[tuple[ProbeTarget, timedelta]] = []
    fleets = {fleet.name: fleet for fleet in desired.fleets}
    for instance in observation.instances.values():
        fleet = _probed_fleet(instance, fleets, owner)
        if fleet is None or fleet.health.probe is None or instance.private_ip is None:
            continue
        target = _target(instance.id, instance.private_ip, fleet)
        targets.append((target, fleet.health.probe.interval))
    return targets


def _probe(
    prober: Prober,
    rhythm: ProbeRhythm,
    targets: Sequence[tuple[ProbeTarget, timedelta]],
    now: datetime,
) -> dict[str, ProbeResult]:
    """A result for everything that is to be probed: a new look where one is due, else the last."""
    due: list[ProbeTarget] = []
    current: dict[str, ProbeResult] = {}
    for target, interval in targets:
        if rhythm.is_due(target.instance_id, interval, now):
            due.append(target)
        else:
            current[target.instance_id] = rhythm.last[target.instance_id]
    current |= rhythm.keep(prober.probe(due, now=now), now) if due else {}
    rhythm.last = dict(current)
    rhythm.looked_at = {key: rhythm.looked_at[key] for key in current}
    return current


def _probed_fleet(instance: Instance, fleets: Mapping[str, Fleet], owner: str) -> Fleet | None:
    """Of what runs; and of what hangs while it stops, where silence is to prove that it is cut off."""
    fleet = _declared_fleet(instance, fleets, owner)
    stopping = instance.state is InstanceState.STOPPING
    proves = stopping and fleet is not None and fleet.instance.isolation is not None
    return fleet if proves or instance.state is InstanceState.RUNNING else None


def _declared_fleet(instance: Instance, fleets: Mapping[str, Fleet], owner: str) -> Fleet | None:
    key = slot_key(instance.tags)
    return fleets.get(key[0]) if key is not None and owner_of(instance.tags) == owner else None


def _ask_checks(
    checks: Sequence[CheckHandler],
    desired: DesiredState,
    observation: Observation,
    *,
    owner: str,
    now: datetime,
) -> dict[str, tuple[Evidence, ...]]:
    """What users' checks say of every running instance of a declared fleet; one that fails is no data."""
    reported: dict[str, tuple[Evidence, ...]] = {}
    fleets = {fleet.name: fleet for fleet in desired.fleets}
    for instance in observation.instances.values() if checks else ():
        slot = slot_of(instance.tags)
        running = instance.state is InstanceState.RUNNING
        if slot is None or not running or _declared_fleet(instance, fleets, owner) is None:
            continue
        context = CheckContext(slot=slot, instance=instance, now=now)
        reported[instance.id] = tuple(
            evidence for check in checks for evidence in _ask(check, context)
        )
    return reported


def _ask(check: CheckHandler, context: CheckContext) -> tuple[Evidence, ...]:
    try:
        return tuple(check.call(context))
    except Exception as fault:  # noqa: BLE001 - users' code; its failure says nothing about the instance
        return (
            Evidence(
                sign=Sign.NO_DATA,
                source=check.name,
                weight=Weight.NEUTRAL,
                since=context.now,
                detail=f"check {check.name} failed: {type(fault).__name__}: {fault}",
            ),
        )


def _target(instance_id: str, address: str, fleet: Fleet) -> ProbeTarget:
    probe = fleet.health.probe
    if probe is None:
        raise ValueError(f"fleet {fleet.name} declares no probe")
    return ProbeTarget(
        instance_id=instance_id,
        address=address,
        port=probe.port,
        path=probe.path if isinstance(probe, HttpProbe) else None,
        timeout_s=probe.timeout.total_seconds(),
    )
