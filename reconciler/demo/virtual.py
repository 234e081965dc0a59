"""The controller on the simulated cloud, in virtual time: the real loop, an hour in a second."""

from __future__ import annotations

import random  # noqa: TID251 - seeded here, so that the demo is the same story every time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from desired_state.load import load
from desired_state.model import DesiredState
from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import CellClients
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Instance
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import RetryBudget
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.planning.identity import Role, role_of, slot_of
from reconciler.store.leases import this_process
from reconciler.store.store import Store

SEED = 2011
OWNER = "demo"
PASS = timedelta(seconds=15)

LAYOUT = Layout(
    account="123456789012",
    region="us-east-1",
    zones={"use1-az6": "us-east-1a", "use1-az1": "us-east-1b", "use1-az2": "us-east-1c"},
    subnets={"subnet-0a1": "use1-az1", "subnet-0a2": "use1-az2", "subnet-0a6": "use1-az6"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What a launch needs of the simulated account."""

    image: str = "ami-0abc1234def567890"
    security_group: str = "sg-0a1b2c3d4e5f60010"

    @property
    def subnets(self) -> dict[str, str]:
        """Subnet ids by zone id."""
        return {zone: subnet for subnet, zone in LAYOUT.subnets.items()}


@dataclass(slots=True, kw_only=True)
class VirtualGuard:
    """A controller over one simulated cell; each pass is followed by the rest of its 15 virtual seconds."""

    cloud: SimulatedCloud
    cell: Cell
    means: Means
    fleets: Path

    @property
    def desired(self) -> DesiredState:
        """What the files say now."""
        return load([self.fleets])

    def look(self) -> Assessment:
        """What `reconciler plan` would show now; changes nothing."""
        now = self.cloud.clock.now()
        return assess(self.cell.senses, self.desired, self.cell.store.memory(now), now)

    def passes(self, *, within: timedelta) -> Iterator[PassResult]:
        """Pass after pass, until one finds everything as declared. TimeoutError when none does within that time."""
        desired = self.desired
        for _ in range(int(within / PASS)):
            next_at = self.cloud.clock.now() + PASS
            result = reconcile(self.cell, desired, self.means)
            yield result
            if result.assessment.plan.converged:
                return
            self.cloud.clock.advance(next_at)
        raise TimeoutError(f"the fleets did not come to stand as declared within {within}")

    def living(self) -> dict[str, list[Instance]]:
        """The truth: every living instance by the slot that its tags name, past all views that may lag."""
        found: dict[str, list[Instance]] = {}
        for instance in self.cloud.truth.instances.values():
            if instance.alive:
                found.setdefault(str(slot_of(instance.tags)), []).append(instance)
        return found


@contextmanager
def virtual_guard(folder: Path) -> Iterator[VirtualGuard]:
    """A controller over an empty simulated account, with its fleets in `folder/fleets` and its store beside them."""
    fleets = folder / "fleets"
    cloud = SimulatedCloud(
        chance=random.Random(SEED),  # noqa: S311 - a story, not a secret
        layout=LAYOUT,
        serves=lambda instance, _truth: _serves(instance, load([fleets])),
    )
    ec2 = Ec2Cloud(_clients(cloud), account=LAYOUT.account, region=LAYOUT.region)
    with Store.open(folder / "store.sqlite") as store:
        identity = ec2.identity()
        senses = Senses(
            cloud=ec2, prober=cloud.prober, rhythm=ProbeRhythm(), checks=(), owner=OWNER
        )
        cell = Cell(identity=identity, senses=senses, store=store.cell(identity))
        cell.store.acquire(this_process("reconciler demo", cloud.clock.now()))
        means = Means(
            clock=cloud.clock,
            randomness=random.Random(SEED),  # noqa: S311 - likewise
            handlers=STANDARD,
            budget=RetryBudget(),
            log=structlog.get_logger(),
            workers=1,
        )
        yield VirtualGuard(cloud=cloud, cell=cell, means=means, fleets=fleets)
        cell.store.release()


def _clients(cloud: SimulatedCloud) -> CellClients:
    """The simulated clients where boto3's are expected; they have its face and not its types."""
    faces: dict[str, Any] = {"ec2": cloud.ec2, "sts": cloud.sts, "ssm": lambda: cloud.ssm}
    return CellClients(**faces, endpoint=cloud.endpoint, credential_key=cloud.credential_key)


def _serves(instance: Instance, desired: DesiredState) -> bool:
    """What the boot scripts of the examples do: a database serves as occupant and with its volumes only."""
    slot = slot_of(instance.tags)
    fleet = desired.fleet(slot.fleet) if slot else None
    if fleet is None or instance.guest is not Guest.WELL:
        return False
    devices = {item.device for item in instance.attachments if item.state == "attached"}
    in_role = not fleet.stateful or role_of(instance.tags) is Role.OCCUPANT
    return in_role and devices.issuperset(claim.device for claim in fleet.claims)


def data_volumes(instances: Iterable[Instance]) -> dict[str, str]:
    """The volumes on these instances but their roots, by device."""
    return {
        item.device: item.volume_id
        for instance in instances
        for item in instance.attachments
        if item.device != LAYOUT.root_device
    }
