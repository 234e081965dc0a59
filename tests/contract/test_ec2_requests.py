"""Each kind of request, from our words to EC2's wire and back by plain boto3."""

from __future__ import annotations

import base64
import hashlib

import boto3
import pytest

from providers.errors import CloudError, RetryClass
from providers.requests import (
    AttachVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    RebootInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.demo.embedded import REGION
from tests.support.ec2_cell import OWNED, OWNER, Ec2Cell, data_volume
from tests.support.fault_proxy import Parameters


def last_sent(cell: Ec2Cell, operation: str) -> Parameters:
    """The form of the last such call, as it was on the wire."""
    return [form for form in cell.proxy.sent if form.get("Action") == operation][-1]


# Launch


def test_a_launch_makes_one_instance_with_its_tags_and_answers_with_its_id(cell: Ec2Cell) -> None:
    receipt = cell.cloud.perform(cell.launch())
    assert receipt.resource_id is not None
    assert receipt.request_id
    made = cell.instance(receipt.resource_id)
    assert {"Key": "fleet-reconciler:owner", "Value": OWNER} in made["Tags"]
    assert made["SubnetId"] == cell.launch().subnet
    assert [group["GroupId"] for group in made["SecurityGroups"]] == [cell.security_group]
    assert len(cell.aws.describe_instances()["Reservations"]) == 1


def test_a_launch_asks_for_imds_v2_one_hop_away_and_for_tags_in_metadata(cell: Ec2Cell) -> None:
    """On the wire and not on the stand-in, whose defaults are its own."""
    cell.launched()
    sent = last_sent(cell, "RunInstances")
    assert sent["MetadataOptions.HttpTokens"] == "required"
    assert sent["MetadataOptions.HttpPutResponseHopLimit"] == "1"
    assert sent["MetadataOptions.HttpEndpoint"] == "enabled"
    assert sent["MetadataOptions.InstanceMetadataTags"] == "enabled"


def test_a_launch_is_for_exactly_one_instance_under_the_operation_id(cell: Ec2Cell) -> None:
    cell.launched(client_token="f" * 64)
    sent = last_sent(cell, "RunInstances")
    assert (sent["MinCount"], sent["MaxCount"], sent["ClientToken"]) == ("1", "1", "f" * 64)


def test_the_data_volumes_of_a_launch_carry_their_tags_and_outlive_the_instance(
    cell: Ec2Cell,
) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    cell.cloud.perform(TerminateInstance(instance_id=instance_id))
    kept = cell.aws.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    assert kept["State"] == "available"
    assert {"Key": "fleet-reconciler:claim", "Value": "data"} in kept["Tags"]


def test_a_data_volume_is_asked_for_in_full(cell: Ec2Cell) -> None:
    """Moto ignores iops and throughput of a launch, so the wire is looked at."""
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    cell.launched(volumes=(data_volume(iops=4000, throughput_mib_s=250, kms_key_id=key),))
    sent = last_sent(cell, "RunInstances")
    prefix = "BlockDeviceMapping.1."
    assert {
        name.removeprefix(prefix): value
        for name, value in sent.items()
        if name.startswith(prefix)
    } == {
        "DeviceName": "/dev/sdf",
        "Ebs.VolumeSize": "8",
        "Ebs.VolumeType": "gp3",
        "Ebs.Iops": "4000",
        "Ebs.Throughput": "250",
        "Ebs.Encrypted": "true",
        "Ebs.KmsKeyId": key,
        "Ebs.DeleteOnTermination": "false",
    }  # fmt: skip


def test_user_data_is_encoded_once(cell: Ec2Cell) -> None:
    text = "#!/bin/sh\necho grüezi\n"
    request = cell.launch(user_data_sha256=hashlib.sha256(text.encode()).hexdigest())
    cell.cloud.perform(request, user_data=text)
    assert base64.b64decode(last_sent(cell, "RunInstances")["UserData"]).decode() == text


@pytest.mark.parametrize("given", [None, "another text"])
def test_a_launch_with_other_user_data_than_planned_is_never_sent(
    cell: Ec2Cell, given: str | None
) -> None:
    request = cell.launch(user_data_sha256=hashlib.sha256(b"the planned text").hexdigest())
    with pytest.raises(CloudError, match="nothing was sent") as raised:
        cell.cloud.perform(request, user_data=given)
    assert raised.value.retry is RetryClass.INVALID
    assert cell.proxy.mutating_calls == {}


def test_an_instance_profile_is_passed_by_name(cell: Ec2Cell) -> None:
    iam = boto3.client("iam", region_name=REGION, endpoint_url=cell.proxy.upstream)
    iam.create_instance_profile(InstanceProfileName="postgres")
    instance_id = cell.launched(instance_profile="postgres")
    assert cell.observe().instances[instance_id].instance_profile == "postgres"


def test_a_subnet_that_does_not_exist_can_never_succeed(cell: Ec2Cell) -> None:
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(cell.launch(subnet="subnet-00000000000000000"))
    assert raised.value.retry is RetryClass.INVALID
    assert raised.value.operation == "RunInstances"


# States


def test_an_instance_is_stopped_started_rebooted_and_terminated(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    states = []
    for request in (
        StopInstance(instance_id=instance_id),
        StartInstance(instance_id=instance_id),
        RebootInstance(instance_id=instance_id),
        TerminateInstance(instance_id=instance_id),
    ):
        assert cell.cloud.perform(request).resource_id == instance_id
        states.append(cell.instance(instance_id)["State"]["Name"])
    assert states == ["stopped", "running", "running", "terminated"]


def test_only_a_forced_stop_does_not_wait_for_a_guest_that_hangs(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    words = []
    for forced in (False, True):
        cell.cloud.perform(StopInstance(instance_id=instance_id, forced=forced))
        sent = last_sent(cell, "StopInstances")
        words.append((sent["Force"], sent["SkipOsShutdown"]))
    assert words == [("false", "false"), ("true", "true")]


def test_an_unknown_instance_is_a_matter_of_consistency(cell: Ec2Cell) -> None:
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(StopInstance(instance_id="i-00000000000000000"))
    assert raised.value.code == "InvalidInstanceID.NotFound"
    assert raised.value.retry is RetryClass.CONSISTENCY


# Volumes


def test_a_detach_names_volume_instance_and_device_and_never_forces(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    cell.cloud.perform(
        DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf")
    )
    sent = last_sent(cell, "DetachVolume")
    assert (sent["VolumeId"], sent["InstanceId"], sent["Device"]) == (
        volume_id,
        instance_id,
        "/dev/sdf",
    )
    assert "Force" not in sent
    assert cell.aws.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]["State"] == "available"


def test_a_volume_moves_to_another_instance(cell: Ec2Cell) -> None:
    first, second = cell.launched(), cell.launched(client_token="b" * 64, volumes=())
    volume_id = cell.data_volume_of(first)
    cell.cloud.perform(DetachVolume(volume_id=volume_id, instance_id=first, device="/dev/sdf"))
    cell.cloud.perform(AttachVolume(volume_id=volume_id, instance_id=second, device="/dev/sdg"))
    [attachment] = cell.observe().volumes[volume_id].attachments
    assert (attachment.instance_id, attachment.device) == (second, "/dev/sdg")


def test_a_volume_grows_in_place(cell: Ec2Cell) -> None:
    volume_id = cell.data_volume_of(cell.launched())
    cell.cloud.perform(
        ResizeVolume(volume_id=volume_id, size_gib=20, type="gp3", iops=4000, throughput_mib_s=250)
    )
    sent = last_sent(cell, "ModifyVolume")
    assert (sent["Size"], sent["VolumeType"]) == ("20", "gp3")
    assert (sent["Iops"], sent["Throughput"]) == ("4000", "250")
    assert cell.observe().volumes[volume_id].size_gib == 20


def test_a_volume_can_be_kept_when_its_instance_ends(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    cell.aws.modify_instance_attribute(
        InstanceId=instance_id,
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}],
    )
    [before] = cell.observe().instances[instance_id].attachments
    cell.cloud.perform(
        KeepVolumeOnTermination(instance_id=instance_id, volume_id=volume_id, device="/dev/sdf")
    )
    [after] = cell.observe().instances[instance_id].attachments
    assert (before.delete_on_termination, after.delete_on_termination) == (True, False)


# Settings


def test_tags_are_set_on_the_one_resource_and_the_others_stay(cell: Ec2Cell) -> None:
    instance_id = cell.launched(tags=OWNED | {"team": "data"})
    cell.cloud.perform(
        SetTags(resource_id=instance_id, tags={"fleet-reconciler:role": "occupant"}, commit=True)
    )
    assert cell.observe().instances[instance_id].tags == OWNED | {
        "team": "data",
        "fleet-reconciler:role": "occupant",
    }


def test_the_security_groups_of_an_instance_are_replaced(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    staging = cell.aws.create_security_group(
        GroupName="staging", Description="tests", VpcId=cell.instance(instance_id)["VpcId"]
    )["GroupId"]
    cell.cloud.perform(SetSecurityGroups(instance_id=instance_id, security_groups=(staging,)))
    assert cell.observe().instances[instance_id].security_groups == (staging,)


def test_metadata_options_of_a_running_instance_are_set_like_those_of_a_launch(
    cell: Ec2Cell,
) -> None:
    reservation = cell.aws.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in OWNED.items()],
            }
        ],
    )
    instance_id = reservation["Instances"][0]["InstanceId"]
    before = cell.observe().instances[instance_id]
    cell.cloud.perform(SetMetadataOptions(instance_id=instance_id))
    after = cell.observe().instances[instance_id]
    assert (before.imds_v2_required, before.tags_in_metadata) == (False, False)
    assert (after.imds_v2_required, after.tags_in_metadata) == (True, True)


# What is never sent


@pytest.mark.parametrize(
    "request_with_a_blank",
    [
        TerminateInstance(instance_id=""),
        StopInstance(instance_id=" "),
        DetachVolume(volume_id="vol-1", instance_id="", device="/dev/sdf"),
        DetachVolume(volume_id="vol-1", instance_id="i-1", device=""),
        AttachVolume(volume_id="", instance_id="i-1", device="/dev/sdf"),
        SetTags(resource_id="", tags={"a": "b"}),
        SetTags(resource_id="i-1", tags={}),
    ],
    ids=repr,
)
def test_a_request_with_a_blank_is_never_sent(
    cell: Ec2Cell,
    request_with_a_blank: TerminateInstance | StopInstance | DetachVolume | AttachVolume | SetTags,
) -> None:
    with pytest.raises(CloudError, match="is empty; nothing was sent") as raised:
        cell.cloud.perform(request_with_a_blank)
    assert raised.value.retry is RetryClass.INVALID
    assert cell.proxy.calls == {}
