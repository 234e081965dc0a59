"""The real EC2 adapter on the simulated cloud: what it asks for, it gets; what is refused, it classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from providers.ec2.cloud import Ec2Cloud
from providers.errors import CloudError, EndpointUnreachable, RetryClass
from providers.observed import (
    AttachmentState,
    CheckStatus,
    GapSubject,
    InstanceState,
    Observation,
    Presence,
    VolumeState,
)
from providers.requests import (
    AttachVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    LaunchVolume,
    RebootInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from providers.simulated.faults import (
    CapacityShort,
    Fault,
    ListShort,
    NotFoundForExisting,
    PageLost,
    PageTrouble,
    QuotaReached,
    RequestLost,
    ResponseLost,
    Throttled,
    When,
    ZoneDisrupted,
)
from providers.simulated.layout import Layout
from reconciler.simulation.guard import clients_of
from tests.support.simulated_account import OTHER_SUBNET, OTHER_ZONE, ZONE, SimulatedAccount

OWNER = "installation"
OWNED = {"fleet-reconciler:owner": OWNER}
NO_INSTANCE, NO_VOLUME = "i-0123456789abcdef0", "vol-0123456789abcdef0"
DATA = LaunchVolume(
    device="/dev/sdf",
    size_gib=8,
    type="gp3",
    iops=4000,
    throughput_mib_s=250,
    encrypted=True,
    kms_key_id=None,
)
LAUNCH = LaunchInstance(
    client_token="a" * 64,
    image="ami-12345678",
    type="m5.large",
    zone=ZONE,
    subnet="subnet-az1",
    security_groups=("sg-service",),
    instance_profile="postgres",
    user_data_sha256=None,
    tags=OWNED | {"fleet-reconciler:slot": "3"},
    volume_tags=OWNED | {"fleet-reconciler:claim": "data"},
    volumes=(DATA,),
)


class Adapter:
    """The adapter over an account; `cloud` is the port, `account` the side door."""

    def __init__(self, *faults: Fault, layout: Layout | None = None) -> None:
        self.account = SimulatedAccount(layout=layout or Layout())
        clients = clients_of(self.account.cloud)
        here = self.account.cloud.layout
        self.cloud = Ec2Cloud(clients, account=here.account, region=here.region)
        self.cloud.identity()
        for fault in faults:
            self.account.cloud.add_fault(fault)

    def launched(self, **changed: Any) -> str:
        """The id of an instance that runs."""
        receipt = self.cloud.perform(replace(LAUNCH, **changed))
        self.account.wait(minutes=6)
        assert receipt.resource_id is not None
        return receipt.resource_id

    def observe(self) -> Observation:
        """What the adapter sees of OWNER."""
        now = self.account.clock.now()
        return self.cloud.observe(owner=OWNER, image_parameters=[], now=now)

    def refused(self, request: Any) -> CloudError:
        """The error of a request."""
        with pytest.raises(CloudError) as raised:
            self.cloud.perform(request)
        return raised.value


def test_a_launch_is_observed_as_it_was_asked_for() -> None:
    adapter = Adapter()
    instance_id = adapter.launched()
    seen = adapter.observe()
    instance = seen.instances[instance_id]
    [volume] = _data(seen)
    assert seen.complete
    assert not seen.gaps
    assert instance.state is InstanceState.RUNNING
    assert (instance.type, instance.zone, instance.image) == ("m5.large", ZONE, "ami-12345678")
    assert instance.security_groups == ("sg-service",)
    assert (instance.instance_profile, instance.client_token) == ("postgres", "a" * 64)
    assert instance.imds_v2_required
    assert instance.tags_in_metadata
    assert instance.tags == LAUNCH.tags
    assert (volume.iops, volume.throughput_mib_s, volume.encrypted) == (4000, 250, True)
    assert (volume.state, volume.tags) == (VolumeState.IN_USE, LAUNCH.volume_tags)
    assert volume.attachments[0].state is AttachmentState.ATTACHED
    assert seen.checks[instance_id].system.status is CheckStatus.OK
    assert set(seen.zones) == {"use1-az1", "use1-az2", "use1-az4"}


def _data(seen: Observation) -> list[Any]:
    """The data volumes; EC2 puts the tags on the root volume too."""
    return [item for item in seen.volumes.values() if item.attachments[0].device == "/dev/sdf"]


def test_a_launch_is_found_by_its_token_in_its_own_zone() -> None:
    adapter = Adapter()
    here = adapter.launched()
    there = adapter.launched(zone=OTHER_ZONE, subnet=OTHER_SUBNET)
    found = adapter.cloud.find_launch(LAUNCH)
    assert found is not None
    assert found.id == here != there
    assert adapter.cloud.find_launch(replace(LAUNCH, client_token="b")) is None


def test_a_launch_that_is_sent_again_is_the_same_launch() -> None:
    adapter = Adapter()
    assert adapter.launched() == adapter.launched()


def test_a_bad_id_does_not_spoil_the_others() -> None:
    adapter = Adapter()
    instance_id = adapter.launched()
    volume_id = adapter.account.data_volume(instance_id).id
    instances = adapter.cloud.read_instances([instance_id, NO_INSTANCE])
    volumes = adapter.cloud.read_volumes([volume_id, NO_VOLUME])
    assert instances[instance_id][0] is volumes[volume_id][0] is Presence.FOUND
    assert instances[NO_INSTANCE][0] is volumes[NO_VOLUME][0] is Presence.NOT_FOUND


@pytest.mark.parametrize(
    ("make", "holds"),
    [
        (lambda i, v: StopInstance(instance_id=i), lambda i, v: i.state == "stopped"),
        (lambda i, v: StopInstance(instance_id=i, forced=True), lambda i, v: i.state == "stopped"),
        (lambda i, v: StartInstance(instance_id=i), lambda i, v: i.state == "running"),
        (lambda i, v: RebootInstance(instance_id=i), lambda i, v: i.state == "running"),
        (lambda i, v: TerminateInstance(instance_id=i), lambda i, v: i.state == "terminated"),
        (
            lambda i, v: DetachVolume(instance_id=i, volume_id=v, device="/dev/sdf"),
            lambda i, v: v.state == "available",
        ),
        (
            lambda i, v: SetTags(resource_id=v, tags={"a": "b"}),
            lambda i, v: v.tags["a"] == "b",
        ),
        (
            lambda i, v: SetSecurityGroups(instance_id=i, security_groups=("sg-b", "sg-a")),
            lambda i, v: i.security_groups == ("sg-a", "sg-b"),
        ),
        (
            lambda i, v: KeepVolumeOnTermination(instance_id=i, volume_id=v, device="/dev/sdf"),
            lambda i, v: not v.attachment.delete_on_termination,
        ),
        (
            lambda i, v: SetMetadataOptions(instance_id=i),
            lambda i, v: i.metadata_options["HttpTokens"] == "required",
        ),
        (
            lambda i, v: ResizeVolume(
                volume_id=v, size_gib=16, type="gp3", iops=5000, throughput_mib_s=None
            ),
            lambda i, v: (v.size_gib, v.iops) == (16, 5000),
        ),
    ],
)
def test_each_request_has_its_effect(
    make: Callable[[str, str], Any], holds: Callable[[Any, Any], bool]
) -> None:
    adapter = Adapter()
    instance_id = adapter.launched()
    volume_id = adapter.account.data_volume(instance_id).id
    adapter.cloud.perform(make(instance_id, volume_id))
    adapter.account.wait(minutes=5)
    truth = adapter.account.truth
    assert holds(truth.instances[instance_id], truth.volumes[volume_id])


@pytest.mark.parametrize(
    ("fault", "retry"),
    [
        (Throttled(), RetryClass.THROTTLE),
        (CapacityShort(), RetryClass.CAPACITY),
        (QuotaReached(), RetryClass.QUOTA),
        (ResponseLost(), RetryClass.TRANSIENT),
        (RequestLost(), RetryClass.TRANSIENT),
        (RequestLost(connected=False), RetryClass.TRANSIENT),
        (ZoneDisrupted(when=When(zones=frozenset({ZONE}))), RetryClass.CAPACITY),
    ],
)
def test_a_launch_that_fails_is_classed(fault: Fault, retry: RetryClass) -> None:
    assert Adapter(fault).refused(LAUNCH).retry is retry


def test_each_refusal_is_classed() -> None:
    adapter = Adapter()
    first = adapter.launched()
    second = adapter.launched(client_token="b", volumes=())
    volume_id = adapter.account.data_volume(first).id
    attach = AttachVolume(volume_id=volume_id, instance_id=second, device="/dev/sdf")
    assert adapter.refused(attach).retry is RetryClass.STATE
    assert adapter.refused(replace(LAUNCH, type="m5.xlarge")).retry is RetryClass.TOKEN_MISMATCH
    assert adapter.refused(TerminateInstance(instance_id=NO_INSTANCE)).code.endswith(".NotFound")
    adapter.cloud.perform(TerminateInstance(instance_id=first))
    adapter.account.wait(minutes=5)
    assert adapter.refused(LAUNCH).retry is RetryClass.TOKEN_TERMINATED
    assert adapter.refused(StartInstance(instance_id=first)).retry is RetryClass.STATE


def test_every_code_that_the_simulated_cloud_gives_here_is_known_to_the_adapter() -> None:
    """A code that it does not know would be fatal on a read."""
    adapter = Adapter(
        Throttled(when=When(share=0.2)),
        NotFoundForExisting(when=When(share=0.2)),
        ResponseLost(when=When(share=0.2)),
    )
    for number in range(30):
        request = replace(LAUNCH, client_token=str(number))
        try:
            adapter.cloud.perform(request)
            adapter.observe()
        except (CloudError, EndpointUnreachable):
            continue
        finally:
            adapter.account.wait(minutes=1)
    assert adapter.cloud.unknown_error_codes == {}


# Observing in trouble.


def test_a_disrupted_zone_is_a_gap_and_the_others_are_read() -> None:
    adapter = Adapter()
    adapter.launched()
    elsewhere = adapter.launched(client_token="b", zone=OTHER_ZONE, subnet=OTHER_SUBNET)
    adapter.account.cloud.add_fault(ZoneDisrupted(when=When(zones=frozenset({ZONE}))))
    seen = adapter.observe()
    assert list(seen.instances) == [elsewhere]
    assert {(gap.subject, gap.zone) for gap in seen.gaps} == {
        (GapSubject.INSTANCES, ZONE),
        (GapSubject.VOLUMES, ZONE),
        (GapSubject.STATUS_CHECKS, ZONE),
    }


@pytest.mark.parametrize("trouble", list(PageTrouble))
def test_a_lost_page_loses_the_list(trouble: PageTrouble) -> None:
    adapter = Adapter()
    for number in range(5):
        adapter.launched(client_token=str(number))
    adapter.account.cloud.add_fault(
        PageLost(trouble=trouble, when=When(operations=frozenset({"DescribeInstances"})))
    )
    seen = adapter.observe()
    assert not seen.instances
    assert {gap.subject for gap in seen.gaps} == {GapSubject.INSTANCES}


def test_a_list_that_is_short_looks_complete() -> None:
    """Nothing in such a reply tells: only what is known from before can."""
    adapter = Adapter()
    adapter.launched()
    adapter.account.cloud.add_fault(ListShort())
    seen = adapter.observe()
    assert not seen.instances
    assert seen.complete
