"""Two databases on the simulated cloud with the whole controller, and what the cloud's truth says of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from desired_state.model import Fleet
from providers.simulated.layout import Layout
from providers.simulated.records import Instance
from reconciler.demo import truth
from reconciler.demo.virtual import VirtualGuard, virtual_guard
from reconciler.planning.identity import Role, role_of
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
def guarding(fleet: Fleet, folder: Path, *, seed: int = 4) -> Iterator[VirtualGuard]:
    """A fleet in service for an hour, with snapshots every quarter of an hour. Fails when a rule was broken at any
    moment, before or after.
    """
    store = folder / "store.sqlite"
    with virtual_guard(desired(fleet), store=store, layout=LAYOUT, seed=seed) as guard:
        witness = Witness(guard.cloud, fleet, store)
        heals(guard)
        lasts(guard, HOUR)
        yield guard
        witness.objects_to_nothing()


def heals(guard: VirtualGuard, *, within: timedelta = HOUR) -> None:
    """Pass after pass until everything stands as declared."""
    for _ in guard.until_converged(within=within):
        pass


def lasts(guard: VirtualGuard, for_: timedelta) -> None:
    """Pass after pass for that long."""
    for _ in guard.passes(lasting=for_):
        pass


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


def withheld(guard: VirtualGuard) -> list[tuple[str, str]]:
    """What the controller would hold back now, as slot and gate."""
    plan = guard.look().plan
    return [(str(item.slot), str(item.gate)) for item in plan.withheld]
