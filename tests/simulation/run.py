"""One seed, from its draw to its verdict.

chaos      the drawn faults are on; the rules of the oracles are checked after every effect
healing    all faults are over; the fleets must converge within a bound
stability  and stay so, with not one mutating call but due snapshots and their expiry (see `stability`)

A run is one thread on virtual time, and all its chance comes from the seed.
"""

from __future__ import annotations

import random  # noqa: TID251 - the one place that makes a run's chance, from its seed
import shutil
import traceback
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from providers.errors import CloudError, CredentialsError, EndpointUnreachable
from providers.simulated.changes import Cause
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.fault_plan import Hit
from providers.simulated.faults import ListShort
from providers.simulated.layout import Layout
from providers.simulated.records import Instance
from providers.simulated.world import Truth
from reconciler.health.volumes import VolumeCondition
from reconciler.loop.runner import backoff_s, next_pass_in_s
from reconciler.planning.actions import Bucket
from reconciler.planning.checks.last_look import PlanViolationError
from reconciler.planning.outcome import Plan
from reconciler.store.errors import StoreError
from reconciler.store.store import Store
from tests.simulation.archives import Archives
from tests.simulation.coverage import Coverage
from tests.simulation.crash_points.steps import Killed
from tests.simulation.declaration import GROUP, SUBNETS, declared, devices_of, known
from tests.simulation.interruptions import Interruptions
from tests.simulation.lasting import Lasting
from tests.simulation.narrative import Narrative
from tests.simulation.oracles.ledger import Ledger
from tests.simulation.oracles.oracle import Breach
from tests.simulation.oracles.tags import FLEET, INCARNATION, OWNER, ROLE, SLOT
from tests.simulation.oracles.watch import Watch
from tests.simulation.pending import pending
from tests.simulation.people import Person
from tests.simulation.process import OWNER as US
from tests.simulation.process import Process
from tests.simulation.seeds import Draw, DrawnFleet
from tests.simulation.stability import not_due

HEALS_WITHIN = timedelta(hours=30)
"""A slot that was replaced as often as a day allows waits for the next day."""
MOST_PASSES = 3_000
"""While healing. A controller that is always about to do something is not converging."""
PATIENT_AFTER = timedelta(hours=1)
PATIENT_INTERVAL = timedelta(minutes=5)
"""When only time is waited for, fewer looks show the same."""
STABLE_FOR = timedelta(hours=1)
EXPECTED = (CloudError, CredentialsError, EndpointUnreachable, StoreError)
"""Faults of the surroundings, as the runner knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a run ended. `pending` is why it did not converge or stay; `surprise` what was not expected at all."""

    draw: Draw
    breaches: tuple[Breach, ...]
    pending: str | None
    surprise: str | None
    fingerprint: str
    narrative: Narrative
    coverage: Coverage
    passes: int
    lasted: timedelta

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.breaches or self.pending or self.surprise)

    def __str__(self) -> str:
        if self.good:
            return f"{self.draw}: good after {self.passes} passes and {self.lasted}"
        wrong = [f"  broken   {breach}" for breach in self.breaches[:5]]
        wrong += [f"  pending  {self.pending}"] if self.pending else []
        wrong += [f"  surprise {self.surprise}"] if self.surprise else []
        return "\n".join([str(self.draw), *wrong, f"  replay   make sim SEED={self.draw.seed}"])


def run(draw: Draw, folder: Path, empty_store: Path) -> Verdict:
    """Run a seed in an empty folder. `empty_store` is a store's file as it is made, to be copied."""
    return _Run(draw, folder, empty_store).verdict()


def make_empty_store(path: Path) -> Path:
    """A store with its schema and nothing in it: migrations take longer than a run."""
    with Store.open(path):
        pass
    return path


class _Run:
    def __init__(self, draw: Draw, folder: Path, empty_store: Path) -> None:
        self._draw = draw
        self._folder = folder
        self._empty_store = empty_store
        self._store = folder / "store.sqlite3"
        self._chance = random.Random(f"run {draw.seed}")
        self._cloud = SimulatedCloud(
            chance=random.Random(f"cloud {draw.seed}"),
            layout=Layout(subnets=SUBNETS),
            faults=draw.faults,
            serves=self._serves,
        )
        self._clock = self._cloud.clock
        self._narrative = Narrative(self._clock.beginning)
        self._ledger = Ledger(
            owner=US,
            truth=self._cloud.truth,
            store=self._store,
            archives=self._cloud.archiving.truth,
        )
        self._watch = Watch(self._ledger, self._clock.now)
        self._person = Person(self._cloud, self._tell)
        self._interruptions = Interruptions(draw, self._cloud, self._chance, self._tell)
        self._lasting = Lasting(self._cloud)
        self._archives = Archives(self._cloud, draw, serves=self._serves)
        self._process: Process | None = None
        self._processes = 0
        self._failures = 0
        self._passes = 0
        self._plan: Plan | None = None
        self._suspects: list[str] = []
        self._told_breaches = 0
        self._prefixes = iter(draw.prefixes)
        self._fleets = draw.fleets

    def verdict(self) -> Verdict:
        shutil.copyfile(self._empty_store, self._store)
        self._store.chmod(0o600)
        self._strangers_launch()
        self._hook()
        self._declare(self._draw.fleets)
        self._archives.begin()
        why, surprise = None, None
        try:
            self._chaos()
            self._heal()
            why = self._converges() or self._stays()
        except _Stopped as fault:
            surprise = str(fault)
        except Exception:  # noqa: BLE001 - a bug of ours, of whatever kind: its seed has to be told
            surprise = traceback.format_exc()
        finally:
            if self._process is not None:
                self._process.end()
        self._watch.end()
        coverage = Coverage()
        coverage.add(self._draw.kinds, self._interruptions.hits)
        return Verdict(
            draw=self._draw,
            breaches=tuple(self._watch.breaches),
            pending=why,
            surprise=surprise,
            fingerprint=self._narrative.fingerprint,
            narrative=self._narrative,
            coverage=coverage,
            passes=self._passes,
            lasted=self._clock.elapsed,
        )

    # Phases.

    def _chaos(self) -> None:
        redeclared = self._draw.redeclared
        while self._clock.elapsed < self._draw.chaos:
            if redeclared and self._clock.elapsed >= self._draw.redeclared_after:
                self._declare(redeclared)
                redeclared = None
            self._live(self._draw.interval)

    def _heal(self) -> None:
        self._tell("FAULT", "all faults are over")
        self._interruptions.on = False
        self._archives.heal()
        self._cloud.heal()

    def _converges(self) -> str | None:
        began, passes = self._clock.now(), self._passes
        while True:
            waited = self._clock.now() - began
            self._live(PATIENT_INTERVAL if waited > PATIENT_AFTER else self._draw.interval)
            why = self._why_pending() or self._why_unsure()
            if why is None:
                return None
            if waited > HEALS_WITHIN or self._passes - passes > MOST_PASSES:
                return f"not converged {waited} after all faults were over: {why}"

    def _stays(self) -> str | None:
        sent, until = len(self._ledger.calls), self._clock.now() + STABLE_FOR
        while self._clock.now() < until:
            self._live(self._draw.interval * 2)
            why = not_due(
                self._ledger.calls[sent:],
                self._fleets,
                truth=self._cloud.truth,
                lasted=STABLE_FOR,
            )
            if why is not None:
                return why
            if (why := self._why_pending()) is not None:
                return f"converged, and then: {why}"
        return None

    def _why_unsure(self) -> str | None:
        """What EC2 says of volumes comes late: one that is well may be taken for stuck once more."""
        return f"{', '.join(self._suspects)} may be stuck after all" if self._suspects else None

    def _why_pending(self) -> str | None:
        if self._plan is None:
            return "the last pass failed"
        return pending(self._plan, self._ledger, self._fleets) or self._person.owes

    # Passes.

    def _live(self, interval: timedelta) -> None:
        """A pass, and then as long as the runner would wait; or the controller's death."""
        self._passes += 1
        self._plan = None
        try:
            self._plan = self._one_pass()
        except Killed:
            wait_s = self._died()
        except PlanViolationError as fault:
            raise _Stopped(f"the plan broke a rule: {fault}") from fault
        except EXPECTED as fault:
            wait_s = self._failed(fault, interval)
        else:
            wait_s = next_pass_in_s(self._plan, self._clock.now(), interval.total_seconds())
        self._tell_breaches()
        self._clock.sleep(wait_s)

    def _one_pass(self) -> Plan:
        self._note_what_lasts()
        if self._process is None:
            self._interruptions.process_begins(follows_another=self._processes > 0)
            self._processes += 1
            self._process = Process(
                cloud=self._cloud,
                path=self._store,
                interruptions=self._interruptions,
                chance=self._chance,
                archives=self._archives.store,
            )
        else:
            self._interruptions.reach("P6", "between passes")
        at_most = next(self._prefixes, None)
        seen = self._process.one_pass(self._desired, at_most=at_most).assessment
        plan = seen.plan
        self._suspects = [
            identifier
            for identifier, verdict in seen.case.volume_verdicts.items()
            if verdict.condition is VolumeCondition.SUSPECT
        ]
        self._failures = 0
        self._interruptions.pass_ends()
        self._interruptions.waits_for_something = any(
            slot.bucket is Bucket.WAITING for slot in plan.slots
        )
        self._tell_plan(plan)
        self._person.look_after(plan, self._process)
        return plan

    def _died(self) -> float:
        """The process is gone; somebody starts another. Sometimes its file is gone as well."""
        if self._process is not None:
            self._process.end()
            self._process = None
        if self._chance.random() < self._draw.deaths.loses_store:
            self._tell("DEATH", "the store is lost")
            shutil.copyfile(self._empty_store, self._store)
            self._watch.store_lost()
        self._failures = 0
        return self._chance.choice((1.0, 10.0, 60.0, 400.0))

    def _failed(self, fault: Exception, interval: timedelta) -> float:
        """As the runner backs off."""
        self._failures += 1
        self._tell("PASS", f"failed: {type(fault).__name__}: {fault}")
        return backoff_s(self._failures, interval.total_seconds())

    # Around it.

    def _hook(self) -> None:
        gate, world = self._cloud.gate, self._cloud.world
        gate.before_effect += [
            lambda call: self._narrative.call(call, self._clock.now()),
            self._watch.call,
            self._interruptions.before_effect,
        ]
        gate.after_effect.append(self._interruptions.after_effect)
        world.on_change += [self._narrative.changes, self._watch.changes, self._person.hear]
        self._cloud.plan.on_hit += [self._interruptions.fault_hit, self._tell_hit]

    def _declare(self, fleets: tuple[DrawnFleet, ...]) -> None:
        self._fleets = fleets
        self._desired = declared(fleets, self._folder / "fleets")
        self._ledger.declared.update(known(fleets))
        for fleet in fleets:
            self._tell("HAND", f"declares {fleet.name} x {fleet.replicas} of {fleet.types}")

    def _serves(self, instance: Instance, _truth: Truth) -> bool:
        """A database answers as the occupant with its data; a web server answers."""
        fleet = next((item for item in self._fleets if item.name == instance.tags.get(FLEET)), None)
        if fleet is None or not fleet.stateful:
            return True
        attached = {item.device for item in instance.attachments if item.state == "attached"}
        return instance.tags.get(ROLE) == "occupant" and attached.issuperset(devices_of(fleet))

    def _strangers_launch(self) -> None:
        """Another installation has instances in the same account, of fleets with the same names."""
        for fleet in self._draw.fleets:
            tags = {OWNER: "another", FLEET: fleet.name, SLOT: "0", INCARNATION: "9"}
            tags[ROLE] = "occupant"
            launch = partial(self._cloud.ec2.run_instances, **_stranger(tags))
            self._cloud.world.effect(Cause.BY_HAND, launch)

    def _note_what_lasts(self) -> None:
        """Faults of the world that last: their zones are in trouble to our eyes, and we look at them."""
        for zone in self._lasting.zones_in_trouble():
            self._ledger.zones_in_trouble_until[zone] = self._clock.now()
        if self._cloud.plan.on(ListShort):
            self._ledger.snapshots_unlisted_until = self._clock.now()
        if self._archives.mostly_unread:
            self._ledger.archives_unread_until = self._clock.now()
        self._interruptions.looks_on(self._lasting.faults(), self._lasting.hanging())

    def _tell(self, what: str, then: str) -> None:
        self._narrative.tell(self._clock.now(), what, "", then)

    def _tell_hit(self, hit: Hit) -> None:
        self._tell("FAULT", f"{hit.fault.key} {type(hit.fault).__name__} on {hit.operation}")

    def _tell_plan(self, plan: Plan) -> None:
        for action in plan.actions:
            then = f"{action.request.kind}: {action.detail}"
            self._narrative.tell(self._clock.now(), "PASS", str(action.slot), then)
        for item in plan.withheld:
            then = f"withheld by {item.gate}: {item.reason}"
            self._narrative.tell(self._clock.now(), "PASS", str(item.slot), then)

    def _tell_breaches(self) -> None:
        for breach in self._watch.breaches[self._told_breaches :]:
            self._tell("BREACH", str(breach))
        self._told_breaches = len(self._watch.breaches)


class _Stopped(Exception):  # noqa: N818 - the run ends here; its text is the verdict
    """The controller stands still, and nothing will change that."""


def _stranger(tags: dict[str, str]) -> dict[str, Any]:
    return {
        "ImageId": "ami-0abc1234def567890",
        "InstanceType": "m5.large",
        "MinCount": 1,
        "MaxCount": 1,
        "SubnetId": min(SUBNETS),
        "SecurityGroupIds": [GROUP],
        "TagSpecifications": [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    }
