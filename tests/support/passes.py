"""Pass after pass over a small cell in memory, without threads or disk: what is decided is done, and time goes on.

    passes = Passes(postgres_fleet(replicas=2))
    passes.until_converged()
    passes.cloud.terminate_by_hand(passes.occupant("shared-postgres/0").id)
    passes.until_converged()

The journal is a dictionary that follows the same rules as the store: intent before effect, attempts and incarnations
counted from what was begun, closed intents recent for a day. Prechecks are those of the executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState, Fleet, SafetyPolicy
from providers.errors import CloudError, RetryClass
from providers.observed import Instance, InstanceState, ProbeOutcome, ProbeResult, Volume
from providers.port import ProbeTarget
from providers.requests import LaunchInstance, Request, StartInstance
from reconciler.execution.precheck import DataVolumes, Reread, precheck, to_read
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.snapshot_rhythm import SnapshotRhythm
from reconciler.loop.volume_rhythm import VolumeRhythm
from reconciler.planning.actions import Action, Gate, SlotRef
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of, slot_of
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Approval, CapacityMemory, Memory
from reconciler.planning.orders import Order, OrderKind
from reconciler.planning.outcome import Plan
from reconciler.planning.settling.settle import Missing, Resend, Settled
from tests.support.cases import CELL
from tests.support.fleets import DAY, SECOND, desired
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import OWNER, slot

PASS = 15 * SECOND
RETRY = 30 * SECOND


@dataclass(slots=True)
class Services:
    """A prober for the cloud in memory: a service answers where it has its groups, its role and its data."""

    cloud: MemoryCloud
    fleets: dict[str, Fleet]
    down: set[str] = field(default_factory=set)
    """Instances whose service does not answer, whatever EC2 says."""

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        return {target.instance_id: self._look(target.instance_id, now) for target in targets}

    def _look(self, key: str, now: datetime) -> ProbeResult:
        instance = self.cloud.world.instances[key]
        answers = key not in self.down and self._serves(instance)
        outcome = ProbeOutcome.PASSED if answers else ProbeOutcome.FAILED
        detail = "connected" if answers else "refused"
        return ProbeResult(instance_id=key, outcome=outcome, detail=detail, at=now)

    def _serves(self, instance: Instance) -> bool:
        ref = slot_of(instance.tags)
        fleet = self.fleets.get(ref.fleet) if ref else None
        if fleet is None or instance.state is not InstanceState.RUNNING:
            return False
        if set(instance.security_groups) != set(fleet.instance.security_groups):
            return False
        if not all(self.cloud.answers(item.volume_id) for item in instance.attachments):
            return False
        devices = {item.device for item in instance.attachments}
        in_role = not fleet.stateful or role_of(instance.tags) is Role.OCCUPANT
        return in_role and all(claim.device in devices for claim in fleet.claims)


class Passes:
    """A controller over `cloud` with `memory`; each pass is 15 seconds of the clock."""

    def __init__(self, *fleets: Fleet, policy: SafetyPolicy | None = None) -> None:
        self.clock = ManualClock()
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        self.fleets = {fleet.name: fleet for fleet in fleets}
        self.services = Services(self.cloud, self.fleets)
        self.policy = policy
        self.memory = Memory()
        self.refused: list[str] = []
        self._rhythm = ProbeRhythm()
        self._snapshots = SnapshotRhythm()
        self._volumes = VolumeRhythm()
        self._journal: dict[str, Intent] = {}

    # Passes.

    def one(self) -> Plan:
        """One pass: look, settle, plan, check, act, learn; then the clock moves on."""
        now = self.clock.now()
        senses = Senses(
            cloud=self.cloud,
            prober=self.services,
            rhythm=self._rhythm,
            checks=(),
            owner=OWNER,
            snapshots=self._snapshots,
            volumes=self._volumes,
        )
        assessment = assess(senses, self.desired(), self.memory, now)
        self._settle(assessment)
        for action in assessment.plan.actions:
            self._carry_out(action, assessment)
        self._learn(assessment, now)
        self.clock.advance(PASS)
        return assessment.plan

    def some(self, count: int) -> list[Plan]:
        """That many passes, as they were planned."""
        return [self.one() for _ in range(count)]

    def lasting(self, duration: timedelta) -> list[Plan]:
        """As many passes as fit in that time."""
        return self.some(int(duration / PASS))

    def until_converged(self, *, within: timedelta = timedelta(hours=1)) -> list[Plan]:
        """Passes until a plan has nothing to do, to wait for or to withhold; AssertionError when none has in time."""
        plans: list[Plan] = []
        for _ in range(int(within / PASS)):
            plans.append(self.one())
            if plans[-1].converged:
                return plans
        raise AssertionError(f"not converged within {within}: {_told(plans[-1])}")

    def stays_quiet(self, *, lasting: timedelta = timedelta(hours=1)) -> bool:
        """Whether every plan of that time is converged and not one mutating request is sent."""
        before = len(self.cloud.mutations)
        plans = self.lasting(lasting)
        return all(plan.converged for plan in plans) and len(self.cloud.mutations) == before

    # What people do.

    def declare(self, fleet: Fleet) -> None:
        """Declare that fleet, or declare it anew."""
        self.fleets[fleet.name] = fleet

    def approve(
        self,
        identifier: str | None,
        gate: Gate,
        *,
        lasting: timedelta = DAY,
        max_loss: timedelta | None = None,
        empty: bool = False,
    ) -> None:
        """A person approves that id, for a loss of at most so much."""
        assert identifier is not None, "nothing to approve"
        now = self.clock.now()
        approval = Approval(
            id=identifier,
            gate=gate,
            granted_at=now,
            expires_at=now + lasting,
            granted_by="erin",
            max_loss=max_loss,
            empty=empty,
        )
        approvals = {**self.memory.approvals, identifier: approval}
        self.memory = replace(self.memory, approvals=approvals)

    def order(self, text: str, kind: OrderKind, *, lasting: timedelta = DAY) -> None:
        """A person orders that for whoever holds the slot now."""
        now = self.clock.now()
        order = Order(
            slot=slot(text),
            kind=kind,
            incarnation=max((incarnation_of(item.tags) for item in self.alive(text)), default=0),
            reason="a person knows better",
            given_at=now,
            expires_at=now + lasting,
            given_by="erin",
        )
        self.memory = replace(self.memory, orders=(*self.memory.orders, order))

    def forget(self) -> None:
        """The store is lost: all memory and the whole journal."""
        self.memory = Memory()
        self._journal.clear()

    # What is there.

    def desired(self) -> DesiredState:
        return desired(*self.fleets.values(), policy=self.policy)

    def alive(self, text: str) -> list[Instance]:
        """Living instances of that slot as they truly are, oldest incarnation first."""
        here = [item for item in self.cloud.alive() if str(slot_of(item.tags)) == text]
        return sorted(here, key=lambda item: int(item.tags[Tag.INCARNATION]))

    def occupant(self, text: str) -> Instance:
        """The newest living instance with the occupant's role in that slot."""
        return [item for item in self.alive(text) if role_of(item.tags) is Role.OCCUPANT][-1]

    def data_volumes(self, text: str) -> list[Volume]:
        """Volumes of that slot that are named for a claim, as they truly are."""
        self.cloud.world.let_time_work()
        return [
            item
            for item in self.cloud.world.volumes.values()
            if str(slot_of(item.tags)) == text and Tag.CLAIM in item.tags
        ]

    def sent(self, kind: type[Request]) -> list[Request]:
        """The mutating requests of that type so far."""
        return [item for item in self.cloud.mutations if isinstance(item, kind)]

    # Acting.

    def _settle(self, assessment: Assessment) -> None:
        now = self.clock.now()
        for item in assessment.settlements:
            intent = self._journal[item.operation_id]
            match item:
                case Settled(state=state, resource_id=resource_id):
                    changed = replace(intent, state=state, resource_id=resource_id, updated_at=now)
                    self._journal[item.operation_id] = changed
                case Missing(first_missed_at=first_missed_at):
                    changed = replace(intent, first_missed_at=first_missed_at)
                    self._journal[item.operation_id] = changed
                case Resend():
                    self._send(intent)
                case _:
                    pass

    def _carry_out(self, action: Action, assessment: Assessment) -> None:
        objection = self._objection(action, assessment)
        if objection is not None:
            self.refused.append(objection)
            return
        now = self.clock.now()
        intent = Intent(action=action, state=IntentState.BEGUN, begun_at=now, updated_at=now)
        assert action.operation_id not in self._journal, "an operation is begun once"
        self._journal[action.operation_id] = intent
        self._send(intent)

    def _objection(self, action: Action, assessment: Assessment) -> str | None:
        asked = to_read(action.request)
        reread = Reread(
            instances=self.cloud.read_instances(asked.instances),
            volumes=self.cloud.read_volumes(asked.volumes),
            snapshots=self.cloud.read_snapshots(asked.snapshots) if asked.snapshots else {},
            probe=assessment.case.observation.probes.get(
                getattr(action.request, "instance_id", "")
            ),
        )
        data = DataVolumes(devices=None, volumes=frozenset())
        return precheck(action, reread, OWNER, data)

    def _send(self, intent: Intent) -> None:
        now, request = self.clock.now(), intent.action.request
        try:
            receipt = self.cloud.perform(request)
        except CloudError as fault:
            if fault.retry is RetryClass.TRANSIENT:
                return
            if fault.retry is RetryClass.CAPACITY:
                self._remember_shortage(request)
            ended = replace(
                intent,
                state=IntentState.REJECTED,
                updated_at=now,
                error_code=fault.code,
                error_message=fault.message,
                retry_at=now + RETRY,
            )
        else:
            ended = replace(
                intent,
                state=IntentState.ACCEPTED,
                updated_at=now,
                resource_id=receipt.resource_id,
            )
        self._journal[intent.action.operation_id] = ended

    def _remember_shortage(self, request: Request) -> None:
        if isinstance(request, LaunchInstance):
            zone, kind = request.zone, request.type
        elif isinstance(request, StartInstance):
            instance = self.cloud.world.instances[request.instance_id]
            zone, kind = instance.zone, instance.type
        else:
            return
        now = self.clock.now()
        until = now + timedelta(minutes=3)
        short = CapacityMemory(zone=zone, type=kind, failures=1, last_failed_at=now, until=until)
        others = (i for i in self.memory.capacity if (i.zone, i.type) != (zone, kind))
        self.memory = replace(self.memory, capacity=(*others, short))

    # Remembering.

    def _learn(self, assessment: Assessment, now: datetime) -> None:
        lessons = assessment.lessons
        intents = sorted(self._journal.values(), key=lambda item: item.begun_at)
        self.memory = replace(
            self.memory,
            passes=self.memory.passes + lessons.complete_looks,
            recorded_since=self.memory.recorded_since or now,
            cold=lessons.cold,
            known=lessons.known,
            health=lessons.health,
            volumes=lessons.volumes,
            held_since=lessons.held_since,
            conditions=lessons.conditions,
            reads=lessons.reads,
            open_intents=tuple(item for item in intents if item.open),
            recent_intents=tuple(
                item
                for item in intents
                if not item.open
                and (now - item.updated_at < DAY or item.state is IntentState.ABANDONED)
            ),
            highest_incarnations=_highest_incarnations(intents),
            highest_attempts=_highest_attempts(intents),
        )


def _highest_incarnations(intents: Iterable[Intent]) -> dict[SlotRef, int]:
    highest: dict[SlotRef, int] = {}
    for intent in intents:
        slot = intent.action.slot
        launched = isinstance(intent.action.request, LaunchInstance)
        if slot is not None and launched and intent.state is not IntentState.REJECTED:
            highest[slot] = max(highest.get(slot, 0), intent.action.incarnation)
    return highest


def _highest_attempts(intents: Iterable[Intent]) -> dict[str, int]:
    highest: dict[str, int] = {}
    for intent in intents:
        family = intent.action.family
        highest[family] = max(highest.get(family, 0), intent.action.attempt)
    return highest


def _told(plan: Plan) -> str:
    slots = [f"{item.slot} {item.bucket}: {item.summary}" for item in plan.slots]
    held = [f"{item.slot} {item.gate}: {item.reason}" for item in plan.withheld]
    return "; ".join([*slots, *held])
