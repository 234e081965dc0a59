"""The IAM policy: generated from the calls, committed, and as narrow as it says."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from providers.ec2.installation import Installation
from providers.ec2.observing import OWNER_TAG
from providers.ec2.operations import OPERATIONS
from providers.ec2.permissions import policy, policy_text
from reconciler.planning.identity import Tag
from tests.support.iam_policy import Asked, allowed

REPOSITORY = Path(__file__).resolve().parents[3]
ADAPTERS = (REPOSITORY / "providers" / "ec2", REPOSITORY / "providers" / "archives")

ACCOUNT = "123456789012"
REGION = "us-east-1"
ELSEWHERE = "eu-central-1"
POLICY = policy(
    Installation(
        account=ACCOUNT,
        region=REGION,
        owner="prod",
        roles=("postgres", "web"),
        copy_regions=(ELSEWHERE,),
    )
)

CALLED_FOR_US = {
    "iam:PassRole",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
"""Not calls of the adapter: EC2 checks them when a launch names a profile or a key."""


def granted_actions() -> set[str]:
    return {
        action
        for statement in POLICY["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


# The policy, the table and the source say the same


def test_the_committed_policy_is_the_generated_one() -> None:
    committed = (REPOSITORY / "deploy" / "iam" / "policy.json").read_text()
    assert committed == policy_text(Installation()), "run: make schema"


def test_the_command_prints_the_policy_with_its_values_filled_in() -> None:
    printed = subprocess.run(
        [
            sys.executable,
            "-m",
            "providers.ec2.permissions",
            *("--account", ACCOUNT, "--region", REGION, "--owner", "prod"),
            *("--role", "postgres", "--role", "web"),
            *("--copy-region", ELSEWHERE),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(printed.stdout) == POLICY


def test_every_operation_of_the_table_is_granted_and_nothing_else() -> None:
    used = {operation.action for operation in OPERATIONS.values()}
    assert granted_actions() == used | CALLED_FOR_US


def test_every_call_in_the_adapter_is_in_the_table_and_the_other_way_round() -> None:
    """Found in the source: any attribute that is a method of one of the five clients."""
    assert set(methods_named_in_the_adapter()) == set(OPERATIONS)


def methods_named_in_the_adapter() -> Iterator[str]:
    session = botocore.session.Session()
    methods = {
        xform_name(operation)
        for service in ("ec2", "ssm", "sts", "cloudwatch", "s3")
        for operation in session.get_service_model(service).operation_names
    }
    for source in sorted(file for folder in ADAPTERS for file in folder.glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in methods:
                yield node.attr


@pytest.mark.parametrize("method", sorted(OPERATIONS))
def test_an_operation_has_the_name_that_its_method_has_on_the_wire(method: str) -> None:
    operation = OPERATIONS[method]
    service = operation.action.partition(":")[0]
    model = botocore.session.Session().get_service_model(service)
    assert operation.name in model.operation_names
    assert xform_name(operation.name) == method


def test_the_owner_tag_is_the_one_that_planning_writes() -> None:
    assert OWNER_TAG == Tag.OWNER


def test_a_linter_of_templates_knows_every_action_and_condition(tmp_path: Path) -> None:
    """It also finds misspelt actions."""
    template = {
        "Resources": {
            "Policy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": POLICY},
            }
        }
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template))
    checked = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", path],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_policy_fits_into_a_managed_policy() -> None:
    """6,144 characters without white space (IAM user guide, quotas)."""
    assert len(json.dumps(POLICY, separators=(",", ":"))) < 6144


# What it lets through and what it stops


def arn(resource_type: str, *, account: str = ACCOUNT, region: str = REGION) -> str:
    return f"arn:aws:ec2:{region}:{account}:{resource_type}/x"


def resource_tag(owner: str) -> dict[str, str]:
    return {f"aws:ResourceTag/{OWNER_TAG}": owner}


def request_tag(owner: str) -> dict[str, str]:
    return {f"aws:RequestTag/{OWNER_TAG}": owner}


CHANGES = sorted(
    operation.action for operation in OPERATIONS.values() if operation.reach == "changing"
)
READS = sorted(
    operation.action
    for operation in OPERATIONS.values()
    if operation.reach == "reading" and operation.action.startswith("ec2:")
)


@pytest.mark.parametrize("resource_type", ["instance", "volume"])
@pytest.mark.parametrize("action", CHANGES)
def test_what_is_ours_can_be_changed_and_what_is_not_cannot(
    action: str, resource_type: str
) -> None:
    def may(resource: str, context: dict[str, str]) -> bool:
        return allowed(POLICY, Asked(action=action, resource=resource, context=context))

    assert may(arn(resource_type), resource_tag("prod"))
    assert not may(arn(resource_type), {})
    assert not may(arn(resource_type), resource_tag("staging"))
    assert not may(arn(resource_type), request_tag("prod"))
    assert not may(arn(resource_type, account="999999999999"), resource_tag("prod"))
    assert not may(arn(resource_type, region="eu-west-1"), resource_tag("prod"))


@pytest.mark.parametrize("action", READS)
def test_lists_are_read_in_the_one_region(action: str) -> None:
    for region, expected in ((REGION, True), ("eu-west-1", False)):
        asked = Asked(action=action, resource="*", context={"aws:RequestedRegion": region})
        assert allowed(POLICY, asked) is expected


@pytest.mark.parametrize(
    ("resource", "context", "expected"),
    [
        (arn("instance"), request_tag("prod"), True),
        (arn("volume"), request_tag("prod"), True),
        (arn("instance"), {}, False),
        (arn("volume"), {}, False),
        (arn("instance"), request_tag("staging"), False),
        (arn("subnet"), {}, True),
        (arn("image", account=""), {}, True),
        (arn("subnet"), request_tag("staging"), False),
        (arn("subnet", region="eu-west-1"), {}, False),
        (arn("elastic-gpu"), {}, False),
    ],
)
def test_a_launch_must_be_tagged_as_ours(
    resource: str,
    context: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    asked = Asked(action="ec2:RunInstances", resource=resource, context=context)
    assert allowed(POLICY, asked) is expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (resource_tag("prod"), True),
        (resource_tag("prod") | request_tag("prod"), True),
        (request_tag("prod") | {"ec2:CreateAction": "RunInstances"}, True),
        # Taking over what is not ours: untagged, or somebody else's.
        (request_tag("prod"), False),
        (resource_tag("staging") | request_tag("prod"), False),
        (request_tag("prod") | {"ec2:CreateAction": "CreateVolume"}, False),
        # Giving away what is ours.
        (resource_tag("prod") | request_tag("staging"), False),
        (request_tag("staging") | {"ec2:CreateAction": "RunInstances"}, False),
        ({"ec2:CreateAction": "RunInstances"}, False),
        ({}, False),
    ],
)
def test_tags_are_written_at_launch_and_on_ours_and_never_change_the_owner(
    context: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    for resource_type in ("instance", "volume"):
        asked = Asked(action="ec2:CreateTags", resource=arn(resource_type), context=context)
        assert allowed(POLICY, asked) is expected


SNAPSHOT = arn("snapshot", account="")


@pytest.mark.parametrize("action", ["ec2:CreateSnapshot", "ec2:CreateSnapshots"])
@pytest.mark.parametrize(
    ("resource", "context", "expected"),
    [
        (arn("volume"), resource_tag("prod") | request_tag("prod"), True),
        (arn("instance"), resource_tag("prod") | request_tag("prod"), True),
        (arn("volume"), request_tag("prod"), False),
        (arn("volume"), resource_tag("prod") | request_tag("staging"), False),
        (arn("volume"), resource_tag("staging") | request_tag("prod"), False),
        (SNAPSHOT, request_tag("prod"), True),
        (SNAPSHOT, {}, False),
        (SNAPSHOT, request_tag("staging"), False),
    ],
)
def test_only_ours_is_snapshot_and_only_under_our_tag(
    action: str,
    resource: str,
    context: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    assert allowed(POLICY, Asked(action=action, resource=resource, context=context)) is expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [(resource_tag("prod"), True), (resource_tag("staging"), False), ({}, False)],
)
def test_only_our_snapshots_are_deleted(
    context: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    asked = Asked(action="ec2:DeleteSnapshot", resource=SNAPSHOT, context=context)
    assert allowed(POLICY, asked) is expected


@pytest.mark.parametrize("creating", ["CreateSnapshot", "CreateSnapshots"])
def test_a_snapshot_is_tagged_when_it_is_made_and_never_afterwards(creating: str) -> None:
    def may(context: dict[str, str]) -> bool:
        asked = Asked(action="ec2:CreateTags", resource=SNAPSHOT, context=context)
        return allowed(POLICY, asked)

    assert may(request_tag("prod") | {"ec2:CreateAction": creating})
    assert not may(request_tag("staging") | {"ec2:CreateAction": creating})
    assert not may(resource_tag("prod"))


COPY = f"arn:aws:ec2:{ELSEWHERE}::snapshot/snap-0123456789abcdef0"


@pytest.mark.parametrize(
    ("resource", "context", "expected"),
    [
        (SNAPSHOT, resource_tag("prod") | request_tag("prod"), True),
        (SNAPSHOT, resource_tag("staging") | request_tag("prod"), False),
        (SNAPSHOT, request_tag("prod"), False),
        (COPY, request_tag("prod"), True),
        (COPY, request_tag("staging"), False),
        (COPY, {}, False),
        (COPY.replace(ELSEWHERE, "ap-south-1"), request_tag("prod"), False),
    ],
)
def test_only_ours_is_copied_only_under_our_tag_and_only_to_where_copies_go(
    resource: str,
    context: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    asked = Asked(action="ec2:CopySnapshot", resource=resource, context=context)
    assert allowed(POLICY, asked) is expected


def test_only_our_copies_are_deleted_and_tags_are_written_only_as_they_are_made() -> None:
    def may(action: str, context: dict[str, str]) -> bool:
        return allowed(POLICY, Asked(action=action, resource=COPY, context=context))

    assert may("ec2:DeleteSnapshot", resource_tag("prod"))
    assert not may("ec2:DeleteSnapshot", resource_tag("staging"))
    assert may("ec2:CreateTags", request_tag("prod") | {"ec2:CreateAction": "CopySnapshot"})
    assert not may("ec2:CreateTags", request_tag("staging") | {"ec2:CreateAction": "CopySnapshot"})
    assert not may("ec2:CreateTags", request_tag("prod") | {"ec2:CreateAction": "CreateSnapshot"})
    assert not may("ec2:CreateTags", resource_tag("prod"))


def test_nothing_but_snapshots_is_read_where_copies_go() -> None:
    def may(action: str) -> bool:
        context = {"aws:RequestedRegion": ELSEWHERE}
        return allowed(POLICY, Asked(action=action, resource="*", context=context))

    assert may("ec2:DescribeSnapshots")
    assert not may("ec2:DescribeInstances")


def test_no_tag_is_ever_removed() -> None:
    """Not even beside a wider policy, since the deny is explicit."""
    wide = {"Effect": "Allow", "Action": ["*"], "Resource": "*"}
    beside_administrator = {"Statement": [wide, *POLICY["Statement"]]}
    asked = Asked(action="ec2:DeleteTags", resource=arn("instance"), context=resource_tag("prod"))
    assert not allowed(beside_administrator, asked)
    assert allowed(beside_administrator, Asked(action="ec2:CreateVolume", resource=arn("volume")))


def test_a_volume_is_deleted_only_when_it_is_ours_and_was_dated() -> None:
    """AWS itself refuses the end of a volume in service, whatever we might ask for."""
    dated = {"aws:ResourceTag/fleet-reconciler:quarantine-until": "2026-01-31T00:00:00Z"}

    def may(resource: str, context: dict[str, str]) -> bool:
        asked = Asked(action="ec2:DeleteVolume", resource=resource, context=context)
        return allowed(POLICY, asked)

    assert may(arn("volume"), resource_tag("prod") | dated)
    assert not may(arn("volume"), resource_tag("prod"))
    assert not may(arn("volume"), resource_tag("staging") | dated)


@pytest.mark.parametrize(
    ("role", "service", "expected"),
    [
        ("postgres", "ec2.amazonaws.com", True),
        ("web", "ec2.amazonaws.com", True),
        ("administrator", "ec2.amazonaws.com", False),
        ("postgres", "lambda.amazonaws.com", False),
    ],
)
def test_only_the_roles_of_the_fleets_are_passed_and_only_to_ec2(
    role: str,
    service: str,
    expected: bool,  # noqa: FBT001 - a table of answers
) -> None:
    asked = Asked(
        action="iam:PassRole",
        resource=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        context={"iam:PassedToService": service},
    )
    assert allowed(POLICY, asked) is expected


@pytest.mark.parametrize(
    "action",
    [
        "ec2:CreateVolume",
        "ec2:DeleteSnapshot",
        "ec2:ReplaceRoute",
        "ec2:AuthorizeSecurityGroupIngress",
        "iam:CreateAccessKey",
        "ssm:GetParameter",
        "ssm:SendCommand",
        "sts:AssumeRole",
        "s3:DeleteObject",
    ],
)
def test_what_the_adapter_never_calls_is_not_allowed(action: str) -> None:
    context = resource_tag("prod") | request_tag("prod") | {"aws:RequestedRegion": REGION}
    assert not allowed(POLICY, Asked(action=action, resource=arn("instance"), context=context))
