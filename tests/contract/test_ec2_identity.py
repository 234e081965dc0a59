"""The guard of account and endpoint, and credentials that are missing, old, or somebody else's."""

from __future__ import annotations

import pytest
from botocore.awsrequest import AWSPreparedRequest

from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import AwsSession, Timeouts
from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)
from providers.requests import StopInstance
from reconciler.demo.embedded import REGION
from reconciler.demo.embedded_server import ACCOUNT
from tests.support.ec2_cell import NOW, OWNER, Ec2Cell
from tests.support.edited_replies import with_texts
from tests.support.fault_proxy import (
    AnswerError,
    DropReply,
    EditReply,
    HoldReply,
    Rule,
    closed_endpoint,
)

STOP = StopInstance(instance_id="i-00000000000000001")


def fresh_cloud(timeouts: Timeouts | None = None) -> Ec2Cloud:
    """With a session of its own, for what the environment says now."""
    return Ec2Cloud(AwsSession(timeouts).clients(REGION), account=ACCOUNT, region=REGION)


def test_a_cell_is_account_region_and_endpoint(cell: Ec2Cell) -> None:
    identity = cell.cloud.identity()
    assert (identity.account, identity.region) == (ACCOUNT, REGION)
    assert identity.endpoint == cell.proxy.endpoint


def test_the_account_is_verified_once_for_a_credential(cell: Ec2Cell) -> None:
    cell.observe()
    cell.observe()
    assert "GetCallerIdentity" not in cell.proxy.calls


def test_the_account_is_verified_again_for_other_credentials(cell: Ec2Cell) -> None:
    cloud = cell.cloud_with_credentials(iter(["first", "first", "second"]).__next__)
    for _ in range(3):
        cloud.identity()
    assert cell.proxy.calls == {"GetCallerIdentity": 2}


def test_another_account_is_refused_naming_both(cell: Ec2Cell) -> None:
    with pytest.raises(CredentialsError, match=f"{ACCOUNT}.*999999999999"):
        cell.cloud_of_account("999999999999").identity()


def test_under_another_account_nothing_is_read_and_nothing_is_sent(cell: Ec2Cell) -> None:
    stranger = cell.cloud_of_account("999999999999")
    with pytest.raises(CredentialsError):
        stranger.observe(owner=OWNER, image_parameters=(), now=NOW)
    with pytest.raises(CloudError) as raised:
        stranger.perform(STOP)
    assert (raised.value.code, raised.value.retry) == (NOT_SENT, RetryClass.DENIED)
    assert cell.proxy.calls.keys() == {"GetCallerIdentity"}


def test_missing_credentials_say_what_to_do(cell: Ec2Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsError, match="Set AWS_PROFILE"):
        fresh_cloud().identity()
    assert cell.proxy.calls == {}


def test_a_profile_that_does_not_exist_is_named(
    cell: Ec2Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(CredentialsError, match="no-such-profile"):
        AwsSession()


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired", "InvalidClientTokenId"])
def test_credentials_that_are_refused_are_the_persons_matter(cell: Ec2Cell, code: str) -> None:
    cell.proxy.add(Rule("DescribeAvailabilityZones", AnswerError(code, 403)))
    with pytest.raises(CredentialsError, match=code):
        cell.observe()


def test_a_refused_signature_asks_about_the_clock(cell: Ec2Cell) -> None:
    cell.proxy.add(Rule("DescribeInstances", AnswerError("AuthFailure", 401)))
    with pytest.raises(
        CloudError, match=r"is this machine's clock right, the endpoint's says .*GMT"
    ):
        cell.observe()


def test_an_endpoint_where_nobody_listens_is_unreachable(
    cell: Ec2Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = closed_endpoint()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(EndpointUnreachable, match=f"{endpoint}.*AWS_ENDPOINT_URL"):
        fresh_cloud().identity()


def test_an_endpoint_lost_after_the_account_was_verified_is_unreachable(cell: Ec2Cell) -> None:
    cloud = cell.cloud_at(closed_endpoint())
    with pytest.raises(EndpointUnreachable):
        cloud.observe(owner=OWNER, image_parameters=(), now=NOW)


def test_a_region_that_cannot_be_is_refused_before_any_call(cell: Ec2Cell) -> None:
    with pytest.raises(EndpointUnreachable, match=r"spec\.placement\.region"):
        AwsSession().clients("us east 1")


# How a write fails


def test_a_write_that_found_no_connection_was_provably_not_sent(cell: Ec2Cell) -> None:
    with pytest.raises(CloudError) as raised:
        cell.cloud_at(closed_endpoint()).perform(STOP)
    assert (raised.value.code, raised.value.retry) == (NOT_SENT, RetryClass.TRANSIENT)


def test_a_write_whose_reply_was_lost_is_ambiguous(cell: Ec2Cell) -> None:
    cell.proxy.add(Rule("RunInstances", DropReply()))
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(cell.launch())
    assert (raised.value.code, raised.value.retry) == ("ConnectionClosed", RetryClass.TRANSIENT)
    assert len(cell.observe().instances) == 1


def test_a_write_that_is_not_answered_in_time_is_ambiguous(cell: Ec2Cell) -> None:
    cloud = fresh_cloud(Timeouts(connect_s=1.0, read_s=0.3))
    cloud.identity()
    cell.proxy.add(Rule("RunInstances", HoldReply()))
    with pytest.raises(CloudError) as raised:
        cloud.perform(cell.launch())
    assert (raised.value.code, raised.value.retry) == ("ReadTimeout", RetryClass.TRANSIENT)


@pytest.mark.parametrize(
    ("code", "status", "retry"),
    [
        ("RequestLimitExceeded", 503, RetryClass.THROTTLE),
        ("InsufficientInstanceCapacity", 500, RetryClass.CAPACITY),
        ("VcpuLimitExceeded", 400, RetryClass.QUOTA),
        ("IdempotentParameterMismatch", 400, RetryClass.TOKEN_MISMATCH),
        ("IdempotentInstanceTerminated", 400, RetryClass.TOKEN_TERMINATED),
        ("UnauthorizedOperation", 403, RetryClass.DENIED),
        ("ServiceUnavailable", 503, RetryClass.TRANSIENT),
        ("BrandNewTrouble", 400, RetryClass.TRANSIENT),
        ("ExpiredToken", 403, RetryClass.DENIED),
    ],
)
def test_a_refused_write_is_sent_once_and_classed_by_its_code(
    cell: Ec2Cell, code: str, status: int, retry: RetryClass
) -> None:
    """With status 503 as well: botocore's own retries would send it again."""
    cell.proxy.add(Rule("RunInstances", AnswerError(code, status)))
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(cell.launch())
    assert (raised.value.code, raised.value.retry) == (code, retry)
    assert raised.value.request_id == "injected-request-id"
    assert cell.proxy.mutating_calls == {"RunInstances": 1}


def test_an_answer_about_another_instance_is_ambiguous(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.proxy.add(Rule("StopInstances", EditReply(with_texts({"instanceId": "i-other"}))))
    with pytest.raises(CloudError, match="i-other") as raised:
        cell.cloud.perform(StopInstance(instance_id=instance_id))
    assert raised.value.retry is RetryClass.TRANSIENT


def test_every_call_says_who_is_calling(cell: Ec2Cell) -> None:
    agents: list[str | bytes] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        agents.append(request.headers["User-Agent"])

    cell.clients.ec2.meta.events.register("before-send.ec2", note)
    try:
        cell.observe()
    finally:
        cell.clients.ec2.meta.events.unregister("before-send.ec2", note)
    assert b"fleet-reconciler/" in agents[0]
