"""One observation of a cell over the wire: what it holds, what it costs, and what becomes of it when calls fail."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest

from providers.ec2.cloud import Ec2Cloud
from providers.errors import CloudError, RetryClass
from providers.observed import (
    Attachment,
    AttachmentState,
    CheckStatus,
    Gap,
    GapSubject,
    InstanceState,
    VolumeState,
)
from providers.requests import StopInstance
from reconciler.demo.embedded import REGION
from reconciler.demo.embedded_server import ACCOUNT
from tests.support.ec2_cell import NOW, OWNED, OWNER, ZONE, Ec2Cell
from tests.support.edited_replies import (
    cut_in_half,
    failing_check,
    with_next_token,
    with_texts,
    without_elements,
)
from tests.support.fault_proxy import (
    AnswerError,
    DropReply,
    EditReply,
    Effect,
    Parameters,
    Rule,
)


def whole_list(sent: Parameters) -> bool:
    """True for a list that is not filtered to a zone."""
    return "availability-zone" not in sent.values()


def gaps_of(cell: Ec2Cell, operation: str, effect: Effect, *, nth: int | None = None) -> list[Gap]:
    """The gaps of an observation while calls of this operation fail."""
    cell.proxy.add(Rule(operation, effect, nth=nth))
    return list(cell.observe().gaps)


# What it holds


def test_an_instance_is_seen_with_all_that_planning_compares(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    volume_id = cell.data_volume_of(instance_id)
    seen = cell.observe().instances[instance_id]
    assert seen.owner_account == ACCOUNT
    assert seen.state is InstanceState.RUNNING
    assert (seen.type, seen.image, seen.zone) == ("m5.large", "ami-12345678", ZONE)
    assert seen.subnet == cell.subnets[ZONE]
    assert seen.security_groups == (cell.security_group,)
    assert seen.private_ip is not None
    assert (seen.imds_v2_required, seen.tags_in_metadata) == (True, True)
    assert seen.client_token == "a" * 64
    assert seen.tags == cell.launch().tags
    assert seen.launched_at.tzinfo is UTC
    assert seen.attachments == (
        Attachment(
            volume_id=volume_id,
            instance_id=instance_id,
            device="/dev/sdf",
            state=AttachmentState.ATTACHED,
            delete_on_termination=False,
        ),
    )


def test_a_volume_is_seen_where_it_is_and_on_what(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    [seen] = cell.observe().volumes.values()
    assert (seen.state, seen.size_gib, seen.type) == (VolumeState.IN_USE, 8, "gp3")
    assert seen.encrypted
    assert seen.zone == ZONE
    assert [(item.instance_id, item.device) for item in seen.attachments] == [
        (instance_id, "/dev/sdf")
    ]


def test_an_instance_stopped_by_a_person_says_why_and_when(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.cloud.perform(StopInstance(instance_id=instance_id))
    seen = cell.observe().instances[instance_id]
    assert seen.state is InstanceState.STOPPED
    assert seen.state_reason == "Client.UserInitiatedShutdown"
    assert isinstance(seen.state_changed_at, datetime)


def test_status_checks_are_read_for_stopped_instances_too(cell: Ec2Cell) -> None:
    """Without IncludeAllInstances a filtered instance would look like one without data."""
    instance_id = cell.launched()
    cell.aws.stop_instances(InstanceIds=[instance_id])
    assert set(cell.observe().checks) == {instance_id}


def test_a_failing_check_is_seen_with_its_beginning(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.proxy.add(
        Rule("DescribeInstanceStatus", EditReply(failing_check("attachedEbsStatus", {instance_id})))
    )
    checks = cell.observe().checks[instance_id]
    assert checks.attached_ebs.status is CheckStatus.IMPAIRED
    assert checks.attached_ebs.impaired_since == datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert checks.system.status is CheckStatus.OK


def test_what_belongs_to_another_installation_is_not_seen(cell: Ec2Cell) -> None:
    theirs = {"fleet-reconciler:owner": "somebody-else"}
    cell.launched(tags=theirs, volume_tags=theirs)
    seen = cell.observe()
    assert (seen.instances, seen.volumes, seen.checks) == ({}, {}, {})
    assert seen.complete


def test_zones_are_known_by_id_and_found_by_name(cell: Ec2Cell) -> None:
    seen = cell.observe()
    assert seen.zones[ZONE].state == "available"
    assert seen.zone_id(seen.zones[ZONE].name) == ZONE


def test_image_parameters_are_resolved_ten_at_a_time(cell: Ec2Cell) -> None:
    ssm = boto3.client("ssm", region_name=REGION, endpoint_url=cell.proxy.upstream)
    names = [f"/images/{number}" for number in range(11)]
    for name in names:
        ssm.put_parameter(Name=name, Value=f"ami-of-{name[8:]}", Type="String")
    seen = cell.observe(*names)
    assert seen.images == {name: f"ami-of-{name[8:]}" for name in names}
    assert seen.calls["GetParameters"] == 2


def test_an_image_parameter_that_does_not_exist_is_a_gap_that_names_it(cell: Ec2Cell) -> None:
    [gap] = cell.observe("/images/lost").gaps
    assert (gap.subject, gap.code) == (GapSubject.IMAGES, "ParameterNotFound")
    assert "/images/lost" in gap.detail


# What it costs


def test_an_observation_costs_one_call_a_list_whatever_the_number_of_fleets(cell: Ec2Cell) -> None:
    for number in range(3):
        cell.launched(client_token=f"{number}" * 64)
    cell.proxy.forget_calls()
    seen = cell.observe()
    assert seen.calls == {
        "DescribeAvailabilityZones": 1,
        "DescribeInstances": 1,
        "DescribeVolumes": 1,
        "DescribeInstanceStatus": 1,
    }
    assert dict(cell.proxy.calls) == seen.calls
    assert seen.as_of == NOW


# What becomes of it when calls fail


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        ("DescribeAvailabilityZones", GapSubject.ZONES),
        ("DescribeInstances", GapSubject.INSTANCES),
        ("DescribeVolumes", GapSubject.VOLUMES),
        ("DescribeInstanceStatus", GapSubject.STATUS_CHECKS),
    ],
)
def test_a_list_that_fails_is_a_gap_with_the_code_and_no_items(
    cell: Ec2Cell, operation: str, subject: GapSubject
) -> None:
    cell.launched()
    cell.observe()  # Zone names are known from here on, as in a running controller.
    cell.proxy.add(Rule(operation, AnswerError("RequestLimitExceeded", 503)))
    seen = cell.observe()
    [gap] = [gap for gap in seen.gaps if gap.subject is subject]
    assert (gap.zone, gap.code) == (None, "RequestLimitExceeded")
    assert operation in gap.detail
    lists = {
        GapSubject.ZONES: seen.zones,
        GapSubject.INSTANCES: seen.instances,
        GapSubject.VOLUMES: seen.volumes,
        GapSubject.STATUS_CHECKS: seen.checks,
    }
    assert lists[subject] == {}


def test_a_lost_second_page_loses_the_list_and_not_its_end(cell: Ec2Cell) -> None:
    cell.launched()
    cell.proxy.add(
        Rule("DescribeInstances", EditReply(with_next_token("2")), nth=1),
        Rule(
            "DescribeInstances",
            AnswerError("InternalError", 500),
            when=lambda sent: "NextToken" in sent,
        ),
    )
    seen = cell.observe()
    [gap] = seen.gaps
    assert (gap.subject, gap.zone, gap.code) == (GapSubject.INSTANCES, None, "InternalError")
    assert "page 2" in gap.detail
    assert seen.instances == {}
    assert seen.calls["DescribeInstances"] == 2


def test_a_page_token_that_comes_back_ends_the_list_as_a_gap(cell: Ec2Cell) -> None:
    cell.launched()
    cell.proxy.add(Rule("DescribeVolumes", EditReply(with_next_token("again"))))
    seen = cell.observe()
    [gap] = seen.gaps
    assert (gap.subject, gap.code) == (GapSubject.VOLUMES, "RepeatedToken")
    assert seen.calls["DescribeVolumes"] == 2


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        (EditReply(cut_in_half), "UnreadableReply"),
        (EditReply(without_elements("reservationSet")), "UnreadableReply"),
        (EditReply(without_elements("instanceState")), "UnreadableReply"),
        (EditReply(with_texts({"ownerId": "999999999999"})), "ForeignOwner"),
        (DropReply(), "ConnectionClosed"),
    ],
    ids=["cut in half", "no list", "no state", "another account's", "reply lost"],
)
def test_a_reply_that_cannot_be_trusted_is_a_gap_after_one_call(
    cell: Ec2Cell, effect: Effect, code: str
) -> None:
    cell.launched()
    cell.proxy.add(Rule("DescribeInstances", effect))
    seen = cell.observe()
    [gap] = seen.gaps
    assert (gap.subject, gap.zone, gap.code) == (GapSubject.INSTANCES, None, code)
    assert seen.instances == {}
    assert seen.calls["DescribeInstances"] == 1


def test_while_one_zone_is_in_trouble_the_others_are_still_read(cell: Ec2Cell) -> None:
    """DescribeInstances as a whole fails with it; so do its own."""
    well = cell.launched()
    sick_zone = "use1-az2"
    cell.launched(client_token="b" * 64, zone=sick_zone, subnet=cell.subnets[sick_zone])
    sick_name = cell.observe().zones[sick_zone].name
    cell.proxy.add(
        Rule("DescribeInstances", AnswerError("InternalError", 500), when=whole_list),
        Rule(
            "DescribeInstances",
            AnswerError("InternalError", 500),
            when=lambda sent: sick_name in sent.values(),
        ),
    )
    seen = cell.observe()
    assert set(seen.instances) == {well}
    [gap] = seen.gaps
    assert (gap.subject, gap.zone) == (GapSubject.INSTANCES, sick_zone)
    assert seen.lacks(GapSubject.INSTANCES, ZONE) is None
    assert seen.calls["DescribeInstances"] == 1 + len(seen.zones)


def test_a_throttled_list_is_not_asked_for_again_zone_by_zone(cell: Ec2Cell) -> None:
    cell.proxy.add(Rule("DescribeInstances", AnswerError("RequestLimitExceeded", 503)))
    assert cell.observe().calls["DescribeInstances"] == 1


def test_instances_whose_zone_id_is_not_known_are_a_gap_and_not_a_guess(cell: Ec2Cell) -> None:
    cell.launched()
    cell.proxy.add(Rule("DescribeAvailabilityZones", AnswerError("InternalError", 500)))
    seen = cell.observe()
    assert {gap.subject for gap in seen.gaps} == {
        GapSubject.ZONES,
        GapSubject.INSTANCES,
        GapSubject.VOLUMES,
    }
    assert (seen.instances, seen.volumes) == ({}, {})


def test_zone_ids_once_known_outlast_a_failing_list_of_zones(cell: Ec2Cell) -> None:
    """They never change within an account."""
    instance_id = cell.launched()
    cell.observe()
    cell.proxy.add(Rule("DescribeAvailabilityZones", AnswerError("InternalError", 500)))
    seen = cell.observe()
    assert seen.instances[instance_id].zone == ZONE
    assert [gap.subject for gap in seen.gaps] == [GapSubject.ZONES]


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("DescribeAvailabilityZones", "ec2:DescribeAvailabilityZones"),
        ("DescribeInstances", "ec2:DescribeInstances"),
        ("DescribeVolumes", "ec2:DescribeVolumes"),
        ("DescribeInstanceStatus", "ec2:DescribeInstanceStatus"),
    ],
)
def test_a_missing_permission_is_an_error_that_names_it(
    cell: Ec2Cell, operation: str, action: str
) -> None:
    cell.launched()
    cell.proxy.add(Rule(operation, AnswerError("UnauthorizedOperation", 403)))
    with pytest.raises(CloudError, match=f"need the permission {action}") as raised:
        cell.observe()
    assert raised.value.retry is RetryClass.DENIED


def test_an_error_code_that_nobody_knows_is_a_gap_and_counted(cell: Ec2Cell) -> None:
    [gap] = gaps_of(cell, "DescribeVolumes", AnswerError("BrandNewTrouble"))
    assert gap.code == "BrandNewTrouble"
    assert cell.cloud.unknown_error_codes == {"BrandNewTrouble": 1}


def test_a_cold_adapter_and_a_warm_one_see_the_same(cell: Ec2Cell) -> None:
    cell.launched()
    warm = cell.observe()
    cold = Ec2Cloud(cell.clients, account=ACCOUNT, region=REGION)
    assert cold.observe(owner=OWNER, image_parameters=(), now=NOW) == warm
    assert OWNED.items() <= next(iter(warm.instances.values())).tags.items()
