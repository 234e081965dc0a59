"""The controller on the simulated cloud, in virtual time: the real loader, adapter, journal, planner, executor and
loop in one thread, an hour in seconds.

One that `lasts_long` does without the objects of archives, and tells what they would hold.

with virtual_guard(desired, store=path, layout=layout, seed=7) as guard:
    for result in guard.until_converged(within=timedelta(hours=1)): ...
    guard.cloud.truth        what is so, past all views that may lag
"""

from __future__ import annotations

import logging
import random  # noqa: TID251 - seeded here, so that the same seed is the same story every time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from desired_state.model import DesiredState, Fleet
from providers.archives.reading import INCARNATION, StoredArchives
from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import CellClients
from providers.errors import CloudError, EndpointUnreachable
from providers.simulated.archives import ArchivesByTruth
from providers.simulated.clock import VirtualClock
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.control_plane import SATURATING, Saturation
from providers.simulated.layout import Layout
from providers.simulated.records import Instance
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import Metered, RetryBudget
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.loop.runner import backoff_s, next_pass_in_s, soonest_next_s, usual_interval_s
from reconciler.planning.identity import Role, incarnation_of, role_of, slot_key, slot_of
from reconciler.planning.outcome import Plan
from reconciler.planning.slots.archives import address_of, addresses
from reconciler.simulation.resting import Resting
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from reconciler.surface import words

OWNER = "demo"

_QUIET = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
)
"""Whoever looks at the guard tells what it did; a log would tell it twice."""


class NotConvergedError(Exception):
    """The fleets did not come to stand as declared in time. `plan` is the last one; None when no look succeeded."""

    def __init__(self, within: timedelta, plan: Plan | None) -> None:
        super().__init__(
            f"the fleets did not come to stand as declared within {words.duration(within)}"
        )
        self.plan = plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A pass in which the cell could not be looked at, and so nothing was done."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A pass that could change nothing and was not made, with what it would have come to."""

    assessment: Assessment


Passed = PassResult | PassedOver | Blind


@dataclass(slots=True, kw_only=True)
class VirtualGuard:
    """A controller over one simulated cell. `desired` is what is declared now and may be replaced at any time."""

    cloud: SimulatedCloud
    cell: Cell
    means: Means
    desired: DesiredState
    failures: int = 0
    """Blind passes in a row."""
    resting: Resting | None = None
    """Knows which passes can change nothing; None makes all of them."""
    passed_over: int = 0
    """Passes that could change nothing and were not made."""

    def look(self) -> Assessment:
        """What `reconciler plan` would show now; changes nothing. Raises what `assess` raises."""
        now = self.cloud.clock.now()
        return assess(self.cell.senses, self.desired, self.cell.store.memory(now), now)

    def one_pass(self) -> Passed:
        """One pass, and then as long as the runner would wait. Raises StoreError and PlanViolationError."""
        clock = self.cloud.clock
        regular_s = usual_interval_s(sum(fleet.replicas for fleet in self.desired.fleets))
        passed = self._passed_over() or self._made()
        if isinstance(passed, Blind):
            self.failures += 1
            wait_s = backoff_s(self.failures, regular_s)
        else:
            self.failures = 0
            seen = passed.assessment
            wait_s = next_pass_in_s(seen.plan, clock.now(), regular_s, soonest_next_s(seen))
        clock.sleep(wait_s)
        return passed

    def _passed_over(self) -> PassedOver | None:
        known = self.resting.pass_over(self.desired) if self.resting else None
        if known is None:
            return None
        self.passed_over += 1
        return PassedOver(assessment=known)

    def _made(self) -> PassResult | Blind:
        if self.resting is not None:
            self.resting.begins()
        try:
            made = reconcile(self.cell, self.desired, self.means)
        except (CloudError, EndpointUnreachable) as fault:
            return Blind(reason=str(fault))
        if self.resting is not None:
            self.resting.ended(made, self.desired)
        return made

    def passes(self, *, lasting: timedelta) -> Iterator[Passed]:
        """Pass after pass for that long."""
        end = self.cloud.clock.now() + lasting
        while self.cloud.clock.now() < end:
            yield self.one_pass()

    def until_converged(self, *, within: timedelta) -> Iterator[Passed]:
        """Pass after pass, until one finds nothing to do, to wait for or to withhold. Raises NotConvergedError."""
        plan = None
        for passed in self.passes(lasting=within):
            yield passed
            if not isinstance(passed, Blind):
                plan = passed.assessment.plan
                if plan.converged:
                    return
        raise NotConvergedError(within, plan)


@contextmanager
def virtual_guard(
    desired: DesiredState,
    *,
    store: Path | None,
    layout: Layout,
    seed: int,
    clock: VirtualClock | None = None,
    saturation: Saturation | None = SATURATING,
    lasts_long: bool = False,
    skips: bool = False,
) -> Iterator[VirtualGuard]:
    """A controller over an empty simulated account, with its journal in the file `store`, or in none.

    With `skips`, passes that can change nothing are passed over.
    """
    cloud = SimulatedCloud(
        chance=random.Random(seed),  # noqa: S311 - a story, not a secret
        layout=layout,
        serves=lambda instance, _truth: serves(instance, guard.desired.fleets),
        clock=clock,
        saturation=saturation,
    )
    budget = RetryBudget()
    spare = Metered(clock=cloud.clock, budget=budget)
    ec2 = Ec2Cloud(clients_of(cloud), account=layout.account, region=layout.region, spare=spare)
    with Store.open(store) if store else Store.in_memory() as opened:
        identity = ec2.identity()
        senses = Senses(
            cloud=ec2,
            prober=cloud.prober,
            archives=(
                ArchivesByTruth(cloud.archiving)
                if lasts_long
                else StoredArchives(store=cloud.bucket)
            ),
            rhythm=ProbeRhythm(),
            checks=(),
            owner=OWNER,
            spare=spare,
        )
        cell = Cell(identity=identity, senses=senses, store=opened.cell(identity))
        cell.store.acquire(this_process("reconciler simulate", cloud.clock.now()))
        means = Means(
            clock=cloud.clock,
            randomness=random.Random(seed),  # noqa: S311 - likewise
            handlers=STANDARD,
            budget=budget,
            log=_QUIET,
            workers=1,
        )
        guard = VirtualGuard(cloud=cloud, cell=cell, means=means, desired=desired)
        if skips:
            guard.resting = Resting(cloud, cell, means.budget)
        if addresses(desired, identity):
            cloud.archiving.start(
                lambda instance: archives_to(instance, guard.desired.fleets),
                objects=not lasts_long,
            )
        yield guard
        cell.store.release()


def clients_of(cloud: SimulatedCloud) -> CellClients:
    """The simulated clients where boto3's are expected; they have its face and not its types."""
    faces: dict[str, Any] = {
        "ec2": cloud.ec2,
        "ec2_in": cloud.ec2_in,
        "sts": cloud.sts,
        "ssm": lambda: cloud.ssm,
        "cloudwatch": lambda: cloud.cloudwatch,
    }
    return CellClients(**faces, endpoint=cloud.endpoint, credential_key=cloud.credential_key)


def serves(instance: Instance, fleets: Iterable[Fleet]) -> bool:
    """What a good boot script does: a service answers with its own groups only; a database as the occupant of its slot
    only, and with its volumes.
    """
    slot = slot_key(instance.tags)
    if slot is None:
        return False
    for fleet in fleets:
        if fleet.name == slot[0]:
            return _serves_of(instance, fleet)
    return False


def _serves_of(instance: Instance, fleet: Fleet) -> bool:
    if set(instance.security_groups) != set(fleet.instance.security_groups):
        return False
    if not fleet.stateful:
        return True
    devices = {item.device for item in instance.attachments if item.state == "attached"}
    in_role = role_of(instance.tags) is Role.OCCUPANT
    return in_role and devices.issuperset(claim.device for claim in fleet.claims)


def archives_to(instance: Instance, fleets: Iterable[Fleet]) -> str | None:
    """Where a good boot script lets the database archive that serves on this instance: under its own incarnation."""
    slot = slot_of(instance.tags)
    fleet = next((item for item in fleets if slot and item.name == slot.fleet), None)
    if fleet is None or slot is None or not serves(instance, fleets):
        return None
    found = [address for claim in fleet.claims if (address := address_of(claim, slot)) is not None]
    if not found:
        return None
    url = found[0].url.replace(INCARNATION, str(incarnation_of(instance.tags)))
    return url.removeprefix("s3://").partition("/")[2]
