"""Where moto is not EC2, pinned: each test says what EC2 does and fails on moto. One that passes tells us of a fix.

Every difference here is one that the controller's safety rests on, so nothing about it may be concluded from moto.
Sources: EC2 API reference and user guide; the table of differences was measured with moto 5.2.
"""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from providers.errors import CloudError, RetryClass
from providers.observed import AttachmentState, InstanceState
from providers.requests import AttachVolume, DetachVolume, StopInstance, TerminateInstance
from tests.support.ec2_cell import OWNED, Ec2Cell, data_volume
from tests.support.fault_proxy import running_fault_proxy


def not_in_moto(what: str) -> pytest.MarkDecorator:
    """The test must fail, and only in what it asserts or what it waits for to be raised."""
    return pytest.mark.xfail(
        reason=f"moto {what}", strict=True, raises=(AssertionError, pytest.fail.Exception)
    )


# Client tokens


@not_in_moto("launches again for the same client token")
def test_the_same_client_token_is_answered_with_the_same_instance(cell: Ec2Cell) -> None:
    assert cell.launched() == cell.launched()


@not_in_moto("launches for a token that was used with other parameters")
def test_a_client_token_with_other_parameters_is_refused(cell: Ec2Cell) -> None:
    cell.launched()
    with pytest.raises(CloudError, match="IdempotentParameterMismatch"):
        cell.launched(type="m5.xlarge")


@not_in_moto("launches for the token of an instance that has ended")
def test_the_client_token_of_a_terminated_instance_is_refused(cell: Ec2Cell) -> None:
    cell.cloud.perform(TerminateInstance(instance_id=cell.launched()))
    with pytest.raises(CloudError, match="IdempotentInstanceTerminated"):
        cell.launched()


@pytest.mark.xfail(
    reason="moto has no filter client-token: it answers with a page of HTML",
    strict=True,
    raises=CloudError,
)
def test_a_launch_is_found_by_its_client_token(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    found = cell.cloud.find_launch(cell.launch())
    assert found is not None
    assert found.id == instance_id


def test_what_moto_answers_to_a_search_by_token_is_a_fault_and_not_none(cell: Ec2Cell) -> None:
    """None would read as "not there"."""
    cell.launched()
    with pytest.raises(CloudError) as raised:
        cell.cloud.find_launch(cell.launch())
    assert (raised.value.code, raised.value.retry) == ("UnreadableReply", RetryClass.TRANSIENT)


# Attachments


@not_in_moto("attaches a volume that is in use, and so steals it")
def test_a_volume_in_use_is_not_attached_a_second_time(cell: Ec2Cell) -> None:
    first, second = cell.launched(), cell.launched(client_token="b" * 64, volumes=())
    volume_id = cell.data_volume_of(first)
    with pytest.raises(CloudError, match="VolumeInUse"):
        cell.cloud.perform(AttachVolume(volume_id=volume_id, instance_id=second, device="/dev/sdf"))


@not_in_moto("attaches across zones")
def test_a_volume_is_not_attached_to_an_instance_of_another_zone(cell: Ec2Cell) -> None:
    volume_id = cell.data_volume_of(first := cell.launched())
    cell.cloud.perform(DetachVolume(volume_id=volume_id, instance_id=first, device="/dev/sdf"))
    elsewhere = cell.launched(
        client_token="b" * 64, zone="use1-az2", subnet=cell.subnets["use1-az2"], volumes=()
    )
    with pytest.raises(CloudError, match="ZoneMismatch"):
        cell.cloud.perform(
            AttachVolume(volume_id=volume_id, instance_id=elsewhere, device="/dev/sdf")
        )


@not_in_moto("shows an attachment as attached at once")
def test_an_attachment_takes_time(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    cell.cloud.perform(
        DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf")
    )
    cell.cloud.perform(
        AttachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf")
    )
    [attachment] = cell.observe().volumes[volume_id].attachments
    assert attachment.state is AttachmentState.ATTACHING


@not_in_moto("has another code for the detach of what is not attached")
def test_a_detach_of_what_is_not_attached_is_an_incorrect_state(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    detach = DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf")
    cell.cloud.perform(detach)
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(detach)
    assert raised.value.retry is RetryClass.STATE  # Both codes are of the class that plans again.
    assert raised.value.code == "IncorrectState"


# Lifecycles


@not_in_moto("shows a launched instance as running at once")
def test_a_launched_instance_is_pending_first(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    assert cell.observe().instances[instance_id].state is InstanceState.PENDING


@not_in_moto("shows a stopped instance as stopped at once")
def test_an_instance_is_stopping_before_it_is_stopped(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.cloud.perform(StopInstance(instance_id=instance_id))
    assert cell.observe().instances[instance_id].state is InstanceState.STOPPING


@not_in_moto("makes no root volume when a launch names block devices")
def test_an_instance_with_a_data_volume_has_a_root_volume_too(cell: Ec2Cell) -> None:
    [instance] = cell.aws.describe_instances(InstanceIds=[cell.launched()])["Reservations"]
    assert len(instance["Instances"][0]["BlockDeviceMappings"]) == 2


# What volumes are made of


@not_in_moto("ignores iops and throughput of a launch")
def test_a_data_volume_has_the_iops_and_throughput_that_were_asked_for(cell: Ec2Cell) -> None:
    cell.launched(volumes=(data_volume(iops=4000, throughput_mib_s=250),))
    [volume] = cell.observe().volumes.values()
    assert (volume.iops, volume.throughput_mib_s) == (4000, 250)


@not_in_moto("leaves DeleteOnTermination out of a volume's attachments")
def test_a_volume_says_whether_it_goes_with_its_instance(cell: Ec2Cell) -> None:
    cell.launched()
    [volume] = cell.aws.describe_volumes()["Volumes"]
    assert "DeleteOnTermination" in volume["Attachments"][0]


# Lists


@not_in_moto("answers with every volume whatever MaxResults says")
def test_volumes_come_in_pages(cell: Ec2Cell) -> None:
    for token in "abcdef":
        cell.launched(client_token=token * 64)
    page = cell.aws.describe_volumes(MaxResults=5)
    assert len(page["Volumes"]) == 5
    assert page["NextToken"]


@not_in_moto("answers with every status whatever MaxResults says")
def test_instance_statuses_come_in_pages(cell: Ec2Cell) -> None:
    for token in "abcdef":
        cell.launched(client_token=token * 64, volumes=())
    page = cell.aws.describe_instance_status(MaxResults=5)
    assert len(page["InstanceStatuses"]) == 5


@not_in_moto("names every volume that was asked for, found or not")
def test_an_error_about_volumes_names_only_the_missing_one(cell: Ec2Cell) -> None:
    volume_id = cell.data_volume_of(cell.launched())
    with pytest.raises(ClientError) as raised:
        cell.aws.describe_volumes(VolumeIds=[volume_id, "vol-00000000000000001"])
    assert volume_id not in str(raised.value)


# Permissions


@not_in_moto("carries out whatever it is asked, by whomever")
def test_a_caller_without_a_policy_may_do_nothing(cell: Ec2Cell) -> None:
    nobody = boto3.client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=cell.proxy.upstream,
        aws_access_key_id="AKIANOBODYNOBODYNOBO",
        aws_secret_access_key="none",
    )
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        nobody.describe_instances()


# What the fault proxy adds, so that idempotency can be tested at all


def test_behind_a_proxy_that_honours_client_tokens_a_launch_is_made_once(cell: Ec2Cell) -> None:
    with running_fault_proxy(cell.proxy.upstream, honours_client_tokens=True) as proxy:
        cloud = cell.cloud_at(proxy.endpoint)
        first = cloud.perform(cell.launch()).resource_id
        assert cloud.perform(cell.launch()).resource_id == first
        found = cloud.find_launch(cell.launch())
        assert found is not None
        assert (found.id, found.tags) == (first, cell.launch().tags)
        assert cloud.find_launch(cell.launch(client_token="c" * 64)) is None
        with pytest.raises(CloudError, match="IdempotentParameterMismatch"):
            cloud.perform(cell.launch(tags=OWNED))
        cloud.perform(TerminateInstance(instance_id=found.id))
        with pytest.raises(CloudError, match="IdempotentInstanceTerminated"):
            cloud.perform(cell.launch())
