"""Reading named ids over the wire: what is found, what EC2 says is not there, and what nobody knows."""

from __future__ import annotations

import pytest

from providers.errors import CloudError, CredentialsError
from providers.observed import Presence
from providers.requests import TerminateInstance
from tests.support.ec2_cell import ZONE, Ec2Cell
from tests.support.edited_replies import without_items
from tests.support.fault_proxy import AnswerError, DropReply, EditReply, Effect, Rule

MISSING_INSTANCE = "i-00000000000000001"
MISSING_VOLUME = "vol-00000000000000001"


def presences(answers: object) -> dict[str, Presence]:
    assert isinstance(answers, dict)
    return {id_: presence for id_, (presence, _) in answers.items()}


def test_an_instance_that_is_not_there_does_not_spoil_one_that_is(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    answers = cell.cloud.read_instances([MISSING_INSTANCE, instance_id, "i-00000000000000002"])
    assert presences(answers) == {
        instance_id: Presence.FOUND,
        MISSING_INSTANCE: Presence.NOT_FOUND,
        "i-00000000000000002": Presence.NOT_FOUND,
    }
    _, found = answers[instance_id]
    assert found is not None
    assert (found.id, found.zone) == (instance_id, ZONE)


def test_a_volume_that_is_not_there_does_not_spoil_one_that_is(cell: Ec2Cell) -> None:
    """Moto's error names every id that it was asked for, found or not; none of that may be believed."""
    volume_id = cell.data_volume_of(cell.launched())
    answers = cell.cloud.read_volumes([volume_id, MISSING_VOLUME])
    assert presences(answers) == {volume_id: Presence.FOUND, MISSING_VOLUME: Presence.NOT_FOUND}


def test_a_terminated_instance_is_found_as_terminated(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.cloud.perform(TerminateInstance(instance_id=instance_id))
    presence, found = cell.cloud.read_instances([instance_id])[instance_id]
    assert presence is Presence.FOUND
    assert found is not None
    assert not found.alive


def test_ids_are_read_together_in_one_call(cell: Ec2Cell) -> None:
    ids = [cell.launched(client_token=token * 64) for token in "ab"]
    cell.observe()
    cell.proxy.forget_calls()
    cell.cloud.read_instances(ids)
    assert dict(cell.proxy.calls) == {"DescribeInstances": 1}


def test_no_ids_cost_no_call(cell: Ec2Cell) -> None:
    assert cell.cloud.read_instances([]) == {}
    assert cell.cloud.read_volumes([]) == {}
    assert cell.proxy.calls == {}


@pytest.mark.parametrize(
    "effect",
    [
        AnswerError("InternalError", 500),
        AnswerError("RequestLimitExceeded", 503),
        DropReply(),
        EditReply(without_items("reservationSet")),
    ],
    ids=["fault", "throttled", "reply lost", "empty reply"],
)
def test_an_id_that_could_not_be_asked_about_is_unreadable_and_not_gone(
    cell: Ec2Cell, effect: Effect
) -> None:
    instance_id = cell.launched()
    cell.proxy.add(Rule("DescribeInstances", effect))
    assert cell.cloud.read_instances([instance_id]) == {instance_id: (Presence.UNREADABLE, None)}


def test_a_not_found_that_names_none_of_the_ids_proves_nothing(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.proxy.add(Rule("DescribeInstances", AnswerError("InvalidInstanceID.NotFound")))
    assert presences(cell.cloud.read_instances([instance_id])) == {instance_id: Presence.UNREADABLE}


def test_an_id_of_the_wrong_form_is_unreadable_and_not_gone(cell: Ec2Cell) -> None:
    instance_id = cell.launched()
    cell.proxy.add(
        Rule(
            "DescribeInstances",
            AnswerError("InvalidInstanceID.Malformed", message='Invalid id: "i-x"'),
            when=lambda sent: "i-x" in sent.values(),
        )
    )
    assert presences(cell.cloud.read_instances(["i-x", instance_id])) == {
        "i-x": Presence.UNREADABLE,
        instance_id: Presence.FOUND,
    }


def test_an_id_within_a_longer_one_is_not_taken_for_it(cell: Ec2Cell) -> None:
    """The error names `i-12`; `i-1` is not meant."""
    cell.proxy.add(
        Rule(
            "DescribeInstances",
            AnswerError(
                "InvalidInstanceID.NotFound", message="The instance ID 'i-12' does not exist"
            ),
        )
    )
    assert presences(cell.cloud.read_instances(["i-1", "i-12"])) == {
        "i-1": Presence.UNREADABLE,
        "i-12": Presence.NOT_FOUND,
    }


def test_a_missing_permission_is_an_error_and_no_answer_about_any_id(cell: Ec2Cell) -> None:
    cell.proxy.add(Rule("DescribeVolumes", AnswerError("UnauthorizedOperation", 403)))
    with pytest.raises(CloudError, match="ec2:DescribeVolumes"):
        cell.cloud.read_volumes([MISSING_VOLUME])


def test_under_another_accounts_credentials_nothing_is_declared_gone(cell: Ec2Cell) -> None:
    """There, every id of ours would be NotFound."""
    stranger = cell.cloud_of_account("999999999999")
    with pytest.raises(CredentialsError):
        stranger.read_instances([MISSING_INSTANCE])
    assert cell.proxy.calls.keys() == {"GetCallerIdentity"}
