"""The real controller on the simulated cloud: adapter, store, judging, planning, executor, loop; one thread.

cell = SimulatedCell(tmp_path, postgres_fleet(replicas=2), seed=7)
cell.until_converged()
cell.cloud.by_hand(Meddling.TERMINATE, cell.occupants()[0].id)
cell.until_converged()
"""

from __future__ import annotations

import random  # noqa: TID251 - every source is seeded
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from desired_state.model import Fleet
from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import CellClients
from providers.errors import CloudError, EndpointUnreachable
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.faults import Fault
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Instance
from providers.simulated.world import Truth
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import RetryBudget
from reconciler.loop.assess import Senses
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.planning.identity import Role, Tag, role_of, slot_of
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.support.fleets import ACCOUNT, IMAGE, REGION, SECOND, desired
from tests.support.resources import OWNER

PASS = 15 * SECOND


def clients_of(cloud: SimulatedCloud) -> CellClients:
    """The simulated clients where boto3's are expected."""
    clients: dict[str, Any] = {"ec2": cloud.ec2, "sts": cloud.sts, "ssm": lambda: cloud.ssm}
    return CellClients(**clients, endpoint=cloud.endpoint, credential_key=cloud.credential_key)


class SimulatedCell:
    """A controller over a simulated account that has what the fleets need."""

    def __init__(
        self, directory: Path, *fleets: Fleet, seed: int = 1, faults: Iterable[Fault] = ()
    ) -> None:
        self.fleets = fleets
        layout = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
        self.cloud = SimulatedCloud(chance=random.Random(seed), layout=layout, serves=self._serves)
        self.store = Store.open(directory / "store.sqlite")
        ec2 = Ec2Cloud(clients_of(self.cloud), account=ACCOUNT, region=REGION)
        identity = ec2.identity()
        for fault in faults:
            self.cloud.add_fault(fault)
        senses = Senses(
            cloud=ec2, prober=self.cloud.prober, rhythm=ProbeRhythm(), checks=(), owner=OWNER
        )
        self.cell = Cell(identity=identity, senses=senses, store=self.store.cell(identity))
        self.cell.store.acquire(this_process("reconciler run", self.cloud.clock.now()))
        self.means = Means(
            clock=self.cloud.clock,
            randomness=random.Random(seed),
            handlers=STANDARD,
            budget=RetryBudget(),
            log=structlog.get_logger(),
            workers=1,
        )

    def one(self) -> PassResult | None:
        """One pass, and then the rest of the 15 seconds; None when the cell could not be looked at."""
        next_at = self.cloud.clock.now() + PASS
        try:
            return reconcile(self.cell, desired(*self.fleets), self.means)
        except (CloudError, EndpointUnreachable):
            return None
        finally:
            self.cloud.clock.advance(next_at)

    def until_converged(self, *, within: timedelta = timedelta(hours=1)) -> int:
        """How many passes it took until a plan had nothing to do, to wait for or to withhold."""
        result = None
        for count in range(1, int(within / PASS) + 1):
            result = self.one()
            if result is not None and result.assessment.plan.converged:
                return count
        assert result is not None, "the cell could not be looked at"
        plan = result.assessment.plan
        told = [f"{item.slot} {item.bucket}: {item.summary}" for item in plan.slots]
        raise AssertionError(f"not converged within {within}: {told}, {plan.withheld}")

    def mutating_calls_in(self, duration: timedelta) -> int:
        """How many mutating calls the passes of that time make."""
        before = self.cloud.gate.mutating_calls
        for _ in range(int(duration / PASS)):
            self.one()
        return self.cloud.gate.mutating_calls - before

    def occupants(self) -> list[Instance]:
        """The living instances with the occupant's role, in the order of their slots."""
        found = [
            item
            for item in self.cloud.truth.instances.values()
            if item.alive and role_of(item.tags) is Role.OCCUPANT
        ]
        return sorted(found, key=lambda item: (item.tags[Tag.FLEET], int(item.tags[Tag.SLOT])))

    def close(self) -> None:
        """The test is over."""
        self.store.close()

    def _serves(self, instance: Instance, truth: Truth) -> bool:
        """A service answers where it has its groups, its role and its data."""
        ref = slot_of(instance.tags)
        fleet = next((item for item in self.fleets if ref and item.name == ref.fleet), None)
        if fleet is None or instance.guest is not Guest.WELL:
            return False
        if set(instance.security_groups) != set(fleet.instance.security_groups):
            return False
        devices = {item.device for item in instance.attachments if item.state == "attached"}
        in_role = not fleet.stateful or role_of(instance.tags) is Role.OCCUPANT
        return in_role and all(claim.device in devices for claim in fleet.claims)
