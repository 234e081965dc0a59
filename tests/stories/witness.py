"""Who watches every story: all oracles of the simulation, and three more about who serves, from the truth alone.

The oracles are asked before every call and after every effect, so that no moment of a story is left out, however short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from desired_state.model import Fleet
from providers.simulated.changes import Change
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance, Io, Volume
from reconciler.demo.truth import data_volumes
from reconciler.simulation.guard import OWNER
from tests.simulation.oracles.ledger import DeclaredFleet, Ledger, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import ROLE, incarnation_of, slot_of
from tests.simulation.oracles.watch import Watch
from tests.support.fleets import DAY, HOUR

CAN_WRITE = ("running", "stopping", "shutting-down")
ANSWERING = (Io.NORMAL, Io.SLOW)


class OneServes(Oracle):
    """S6. At no moment can two instances of a slot serve: occupants that run, with the service's groups and with a
    data volume on them that takes writes.
    """

    rule = "S6"

    def __init__(self, ledger: Ledger, groups: frozenset[str]) -> None:
        super().__init__(ledger)
        self._groups = groups

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for slot in _slots_of(changes):
            serving = [item.id for item in self.ledger.living(slot) if self._can_serve(item)]
            if len(serving) > 1:
                yield f"{' and '.join(serving)} can serve {slot} at once"

    def _can_serve(self, instance: Instance) -> bool:
        let_in = self._groups <= set(instance.security_groups)
        occupant = instance.tags.get(ROLE) == "occupant"
        return instance.state in CAN_WRITE and occupant and let_in and self._writes(instance)

    def _writes(self, instance: Instance) -> bool:
        held = data_volumes(instance).values()
        volumes = [self.ledger.truth.volumes.get(item) for item in held]
        return any(volume is not None and volume.io in ANSWERING for volume in volumes)


class FencedBeforeLetIn(Oracle):
    """S6. Nobody is let into the service while an instance of a lower incarnation of its slot can still write data, and
    is not cut off either.
    """

    rule = "S6"

    def __init__(self, ledger: Ledger, cut_off: frozenset[str]) -> None:
        super().__init__(ledger)
        self._cut_off = cut_off

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "ModifyInstanceAttribute" or "Groups" not in call.parameters:
            return
        let_in = self.ledger.truth.instances[call.parameters["InstanceId"]]
        slot = slot_of(let_in.tags)
        for item in self.ledger.living(slot) if slot else ():
            older = incarnation_of(item.tags) < incarnation_of(let_in.tags)
            apart = self._cut_off and set(item.security_groups) == self._cut_off
            if older and not apart and item.state in CAN_WRITE and data_volumes(item):
                yield f"{let_in.id} is let in while {item.id} of {slot} is {item.state}"


class OwnArchive(Oracle):
    """S7. An occupant that runs writes an archive under its slot and incarnation, read from its own tags: under one
    prefix writes one instance, for ever; and what is launched beside a living one is no occupant yet.
    """

    rule = "S7"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._writer_of: dict[tuple[str, int], str] = {}

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            instance = change.after
            if not isinstance(instance, Instance) or (slot := slot_of(instance.tags)) is None:
                continue
            occupant = instance.tags.get(ROLE) == "occupant"
            if change.before is None and occupant and len(self.ledger.living(slot)) > 1:
                yield f"{instance.id} was launched as the occupant of {slot} beside another"
            if occupant and instance.state in CAN_WRITE:
                prefix = (slot, incarnation_of(instance.tags))
                writer = self._writer_of.setdefault(prefix, instance.id)
                if writer != instance.id:
                    yield f"{instance.id} writes the archive of {writer}: {slot}/{prefix[1]}"


class Witness:
    """Looks at all that happens to a cloud, and remembers what should not have."""

    def __init__(self, cloud: SimulatedCloud, fleet: Fleet, store: Path) -> None:
        self._ledger = Ledger(
            owner=OWNER,
            truth=cloud.truth,
            store=store,
            archives=cloud.archiving.truth,
            declared={fleet.name: _known(fleet)},
        )
        groups = frozenset(fleet.instance.security_groups)
        isolation = fleet.instance.isolation
        cut_off = frozenset({isolation.empty} if isolation else ())
        more = (
            partial(OneServes, groups=groups),
            partial(FencedBeforeLetIn, cut_off=cut_off),
            OwnArchive,
        )
        self._watch = Watch(self._ledger, cloud.clock.now, more)
        cloud.gate.before_effect.append(self._watch.call)
        cloud.world.on_change.append(self._watch.changes)

    def store_lost(self, new_one: Path) -> None:
        """The journal that was is no more; another file is the journal from now on."""
        self._ledger.store = new_one
        self._watch.store_lost()

    def may_stand_in(self, slot: str) -> None:
        """A person let empty volumes stand in for the data of that slot."""
        self._ledger.may_stand_in.add(slot)

    def may_lose(self, slot: str, loss: timedelta) -> None:
        """A person took a loss as great as that for that slot."""
        self._ledger.may_lose[slot] = loss

    @property
    def objections(self) -> list[str]:
        """Every rule that was broken until now, and how."""
        return [str(item) for item in self._watch.breaches]

    def objects_to_nothing(self) -> None:
        """The story is over. Raises AssertionError when a rule was broken at any moment of it."""
        self._watch.end()
        assert not self.objections, "\n".join(self.objections)


def _known(fleet: Fleet) -> DeclaredFleet:
    """What the oracles need to know of a declaration."""
    launches = {limit.window: limit.count for limit in fleet.repair.max_replacements_per_slot}
    return DeclaredFleet(
        replicas=fleet.replicas,
        stateful=fleet.stateful,
        devices=tuple(claim.device for claim in fleet.claims),
        probed=fleet.health.probe is not None,
        launches_per_hour=launches[HOUR],
        launches_per_day=launches[DAY],
        max_loss=min(
            (item.backup.max_loss for item in fleet.claims if item.backup), default=timedelta()
        ),
    )


def _slots_of(changes: Sequence[Change]) -> list[str]:
    """The slots whose instances or volumes changed, each once."""
    found = {
        slot
        for change in changes
        if isinstance(change.after, (Instance, Volume)) and (slot := slot_of(change.after.tags))
    }
    return sorted(found)
