"""Puts the simulated cloud together.

cloud = SimulatedCloud(chance=random.Random(7), faults=[Throttled(when=When(share=0.1))])
clients = CellClients(ec2=cloud.ec2, ec2_in=cloud.ec2_in, sts=cloud.sts, ssm=lambda: cloud.ssm,
                      cloudwatch=lambda: cloud.cloudwatch, endpoint=cloud.endpoint, credential_key=cloud.credential_key)
Ec2Cloud(clients, account=cloud.layout.account, region=cloud.layout.region)

cloud.clock.advance(to)        time passes, and lifecycles with it
cloud.truth                    what is so, whatever the calls say
cloud.world.on_change          listeners, told after every effect
cloud.gate.before_effect       hooks around every call
cloud.archiving.start(…)       databases archive into cloud.bucket from now on
cloud.plan.hits                how often each fault came to bear, by operation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from providers.simulated.archives import ArchivingDatabases, SimulatedBucket
from providers.simulated.attachments import Attachments
from providers.simulated.capacity import Capacity
from providers.simulated.chance import Chance
from providers.simulated.changes import Cause
from providers.simulated.clock import VirtualClock
from providers.simulated.control_plane import SATURATING, ControlPlane, Saturation
from providers.simulated.describing import Describing
from providers.simulated.disasters import Disasters
from providers.simulated.durations import Durations
from providers.simulated.elsewhere import OtherRegion
from providers.simulated.face import SimulatedEc2, SimulatedSsm, SimulatedSts
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import Fault, Meddling
from providers.simulated.gate import Gate
from providers.simulated.health import Health
from providers.simulated.instance_calls import InstanceCalls
from providers.simulated.launching import Launching
from providers.simulated.layout import Layout
from providers.simulated.lifecycle import Lifecycle
from providers.simulated.metrics import SimulatedCloudWatch
from providers.simulated.prober import Serves, SimulatedProber
from providers.simulated.records import Guest, Io, ScheduledEvent
from providers.simulated.snapshots import Snapshots
from providers.simulated.throttling import Throttling
from providers.simulated.views import Views
from providers.simulated.volumes import Volumes
from providers.simulated.world import Truth, World


class SimulatedCloud:
    """One account in one region. `chance` is the only source of chance, e.g. `random.Random(seed)`."""

    def __init__(
        self,
        *,
        chance: Chance,
        layout: Layout | None = None,
        durations: Durations | None = None,
        faults: Iterable[Fault] = (),
        room: Mapping[tuple[str, str], int] | None = None,
        clock: VirtualClock | None = None,
        serves: Serves | None = None,
        read_timeout_s: float = 20.0,
        saturation: Saturation | None = SATURATING,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.layout = layout or Layout()
        self.world = World(
            clock=self.clock,
            chance=chance,
            layout=self.layout,
            durations=durations or Durations(),
        )
        self.plan = FaultPlan(faults, clock=self.clock, chance=chance)
        self.health = Health(self.world)
        self.throttling = Throttling(self.clock)
        self.capacity = Capacity(self.world, self.plan, room or {})
        self.control_plane = ControlPlane(
            self.clock,
            chance,
            self.plan,
            read_timeout_s=read_timeout_s,
            saturation=saturation,
        )
        self.gate = Gate(self.world, self.plan, self.throttling, self.control_plane)
        attachments = Attachments(self.world, self.plan, self.health)
        lifecycle = Lifecycle(self.world, attachments, self.health, self.plan)
        describing = Describing(self.world, self.plan, Views(self.world, self.plan))
        snapshots = Snapshots(self.world, self.plan, describing.replies)
        self.disasters = Disasters(
            self.world,
            self.plan,
            lifecycle=lifecycle,
            attachments=attachments,
            health=self.health,
            snapshots=snapshots,
        )
        self.ec2 = self._ec2(attachments, lifecycle, describing, snapshots)
        self._elsewhere: dict[str, OtherRegion] = {}
        self.sts = SimulatedSts(self.gate, lambda: self.layout.account)
        self.ssm = SimulatedSsm(self.world, self.gate)
        self.cloudwatch = SimulatedCloudWatch(self.world, self.gate, self.plan)
        self.bucket = SimulatedBucket()
        self.archiving = ArchivingDatabases(self.world, self.bucket)
        self.prober = SimulatedProber(self.world, self.plan, serves)

    @property
    def truth(self) -> Truth:
        """The side door for tests: what is so, read-only."""
        return self.world.truth

    @property
    def endpoint(self) -> str:
        """Part of the cell's identity."""
        return self.layout.endpoint

    def ec2_in(self, region: str) -> OtherRegion:
        """The EC2 client of another region."""
        if region not in self._elsewhere:
            self._elsewhere[region] = OtherRegion(region, self.world, self.gate, self.plan)
        return self._elsewhere[region]

    def credential_key(self) -> str:
        """The credentials in use; there is one set."""
        return "AKIASIMULATED"

    def add_fault(self, fault: Fault) -> None:
        """One more fault; its times count from the beginning of virtual time."""
        self.plan.add(fault)
        self.disasters.expect(fault)

    def heal(self) -> None:
        """All faults end for good, and what can recover is well again."""
        self.plan.heal()
        self.disasters.heal()

    def by_hand(self, what: Meddling, identifier: str) -> None:
        """Somebody does that to that resource now, behind the controller's back."""
        self.disasters.meddle(what, identifier)

    def make_sick(self, identifier: str, condition: Guest | Io) -> None:
        """That instance or volume is so from now on."""
        if isinstance(condition, Guest):
            guest = condition
            self.world.effect(Cause.FAULT, lambda: self.health.set_guest(identifier, guest))
        else:
            io = condition
            self.world.effect(Cause.FAULT, lambda: self.health.set_io(identifier, io))

    def schedule_event(self, instance_id: str, code: str, *, not_before: datetime) -> None:
        """EC2 announces maintenance, e.g. `instance-retirement`. Nothing happens when its time comes."""
        event = ScheduledEvent(
            id=self.world.mint("event"),
            code=code,
            description="The instance is running on degraded hardware",
            not_before=not_before,
        )
        self.world.effect(Cause.TIME, lambda: self.health.schedule(instance_id, event))

    def _ec2(
        self,
        attachments: Attachments,
        lifecycle: Lifecycle,
        describing: Describing,
        snapshots: Snapshots,
    ) -> SimulatedEc2:
        volumes = Volumes(
            self.world,
            attachments=attachments,
            capacity=self.capacity,
            health=self.health,
            replies=describing.replies,
        )
        launching = Launching(
            self.world,
            lifecycle=lifecycle,
            volumes=volumes,
            capacity=self.capacity,
            throttling=self.throttling,
            health=self.health,
            replies=describing.replies,
        )
        return SimulatedEc2(
            self.world,
            self.gate,
            describing=describing,
            launching=launching,
            instances=InstanceCalls(
                self.world,
                lifecycle=lifecycle,
                capacity=self.capacity,
                throttling=self.throttling,
            ),
            volumes=volumes,
            snapshots=snapshots,
        )
