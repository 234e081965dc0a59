"""Two databases on the simulated cloud with the whole controller, and what the cloud's truth says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from desired_state.model import Fleet
from providers.simulated.faults import When
from providers.simulated.layout import Layout
from providers.simulated.records import Instance, Snapshot
from reconciler.demo import truth
from reconciler.loop.assess import Senses
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.planning.identity import Role, incarnation_of, role_of
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.stories.witness import Witness
from tests.support.fleets import (
    ACCOUNT,
    HOUR,
    IMAGE,
    MINUTE,
    REGION,
    data_claim,
    desired,
    health_spec,
    postgres_fleet,
    snapshots_of,
    tcp_probe,
)

SLOT = "shared-postgres/0"
LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
DATABASES = postgres_fleet(
    replicas=2,
    claims=(data_claim(backup=snapshots_of(15 * MINUTE)),),
    health=health_spec(tcp_probe()),
)


@contextmanager
def witnessed(
    fleet: Fleet, folder: Path, *, seed: int = 4
) -> Iterator[tuple[VirtualGuard, Witness]]:
    """A fleet in service for an hour, with snapshots every quarter of an hour. Fails when a rule was broken at any
    moment, before or after.
    """
    store = folder / "store.sqlite"
    with virtual_guard(desired(fleet), store=store, layout=LAYOUT, seed=seed) as guard:
        witness = Witness(guard.cloud, fleet, store)
        heals(guard)
        lasts(guard, HOUR)
        yield guard, witness
        witness.objects_to_nothing()


@contextmanager
def guarding(fleet: Fleet, folder: Path, *, seed: int = 4) -> Iterator[VirtualGuard]:
    """The same for those who have nothing to say to the witness."""
    with witnessed(fleet, folder, seed=seed) as (guard, _):
        yield guard


@contextmanager
def with_an_empty_store(guard: VirtualGuard, witness: Witness, path: Path) -> Iterator[None]:
    """The journal is lost. Whoever starts the controller again starts it with an empty one."""
    with Store.open(path) as opened:
        store = opened.cell(guard.cell.identity)
        store.acquire(this_process("reconciler run", guard.cloud.clock.now()))
        senses = Senses(
            cloud=guard.cell.senses.cloud,
            prober=guard.cell.senses.prober,
            rhythm=ProbeRhythm(),
            checks=(),
            owner=guard.cell.senses.owner,
        )
        guard.cell = Cell(identity=guard.cell.identity, senses=senses, store=store)
        witness.store_lost(path)
        yield
        store.release()


def heals(guard: VirtualGuard, *, within: timedelta = HOUR) -> None:
    """Pass after pass until everything stands as declared."""
    for _ in guard.until_converged(within=within):
        pass


def lasts(guard: VirtualGuard, for_: timedelta) -> None:
    """Pass after pass for that long."""
    for _ in guard.passes(lasting=for_):
        pass


def until(guard: VirtualGuard, so: Callable[[], bool], *, within: timedelta = HOUR) -> None:
    """Pass after pass until it is so; fails when it never is."""
    for _ in guard.passes(lasting=within):
        if so():
            return
    raise AssertionError(f"it did not come about within {within}")


def occupant(guard: VirtualGuard) -> Instance:
    """Who holds the slot in truth."""
    (found,) = [
        item
        for item in truth.living(guard.cloud.truth)[SLOT]
        if item.state == "running" and role_of(item.tags) is Role.OCCUPANT
    ]
    return found


def volume_of(instance: Instance) -> str:
    """The volume of its one claim."""
    (volume_id,) = truth.data_volumes(instance).values()
    return volume_id


def living(guard: VirtualGuard) -> list[Instance]:
    """Everything of the slot that lives, oldest first."""
    return sorted(truth.living(guard.cloud.truth)[SLOT], key=lambda item: incarnation_of(item.tags))


def running(guard: VirtualGuard) -> list[str]:
    """The ids of what runs of the slot, oldest first."""
    return [item.id for item in living(guard) if item.state == "running"]


def is_committed(guard: VirtualGuard) -> bool:
    """Whether a second one has become the occupant."""
    return sum(role_of(item.tags) is Role.OCCUPANT for item in living(guard)) > 1


def snapshots_taken_of(guard: VirtualGuard, volume_id: str) -> list[Snapshot]:
    """Those of a volume, oldest first."""
    found = [item for item in guard.cloud.truth.snapshots.values() if item.volume_id == volume_id]
    return sorted(found, key=lambda item: item.started_at)


def source_of(guard: VirtualGuard) -> Snapshot:
    """The snapshot that the occupant's volume was made from."""
    copy = guard.cloud.truth.volumes[volume_of(occupant(guard))]
    return guard.cloud.truth.snapshots[copy.snapshot_id or ""]


def from_now(guard: VirtualGuard, **fields: Any) -> When:
    """A fault's time: from now on, for `lasting` or for ever."""
    since = guard.cloud.clock.elapsed
    lasting = fields.pop("lasting", None)
    return When(since=since, until=since + lasting if lasting else None, **fields)


def withheld(guard: VirtualGuard) -> list[tuple[str, str]]:
    """What the controller would hold back now, as slot and gate."""
    plan = guard.look().plan
    return [(str(item.slot), str(item.gate)) for item in plan.withheld]
