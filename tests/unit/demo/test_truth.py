"""The demo's claims about the truth: each is held against a world in which it is false."""

from __future__ import annotations

from typing import Any

from providers.simulated.faults import Meddling
from providers.simulated.records import Guest
from reconciler.demo import truth
from reconciler.demo.truth import INCARNATION, ROLE, SLOT
from tests.support.simulated_account import SimulatedAccount

OURS = {"fleet-reconciler:fleet": "db", ROLE: "occupant", INCARNATION: "1", "team": "data"}


def tags(ordinal: int, **changed: str) -> dict[str, Any]:
    """What a launch hands over to be the occupant of db/<ordinal>."""
    pairs = {**OURS, SLOT: str(ordinal), **changed}
    listed = [{"Key": key, "Value": value} for key, value in pairs.items()]
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": listed}]}


def account_with_two_databases() -> tuple[SimulatedAccount, str, str]:
    account = SimulatedAccount()
    return account, account.launched(**tags(0)), account.launched(**tags(1))


def test_slots_that_are_filled_as_declared_are_called_so() -> None:
    account, _, _ = account_with_two_databases()
    wanted = {"db/0": {"team": "data"}, "db/1": {"team": "data"}}
    assert truth.each_slot_is_filled(account.truth, wanted).against == ()


def test_an_empty_a_doubled_a_strange_and_a_mistagged_slot_are_each_named() -> None:
    account, _, _ = account_with_two_databases()
    doubled = account.launched(**tags(1))
    wanted = {"db/0": {"team": "web"}, "db/1": {}, "db/2": {}}
    account.launched(**tags(7))
    against = truth.each_slot_is_filled(account.truth, wanted).against
    assert doubled in {item.id for item in truth.living(account.truth)["db/1"]}
    assert [item.partition(":")[0] for item in against] == ["db/7", "db/0", "db/1", "db/2"]
    assert "'data' instead of 'web'" in against[1]
    assert "2 living instances instead of one" in against[2]
    assert "0 living instances instead of one" in against[3]


def test_a_sick_occupant_does_not_fill_its_slot() -> None:
    account, first, _ = account_with_two_databases()
    account.cloud.make_sick(first, Guest.HUNG)
    claim = truth.each_slot_is_filled(account.truth, {"db/0": {}, "db/1": {}})
    assert claim.against == (f"db/0: {first} is running, its system hung",)


def test_an_empty_volume_in_the_place_of_the_data_is_seen() -> None:
    account, first, second = account_with_two_databases()
    before = {
        f"db/{n}": truth.lineages(account.truth, account.instance(item))
        for n, item in enumerate((first, second))
    }
    assert truth.data_is_kept(account.truth, before).against == ()
    account.cloud.by_hand(Meddling.TERMINATE, second)
    account.wait(minutes=5)
    account.launched(**tags(1))
    (against,) = truth.data_is_kept(account.truth, before).against
    assert against.startswith("db/1: its instances hold")


def test_two_occupants_in_service_at_once_are_seen_with_their_time() -> None:
    account, first, _ = account_with_two_databases()
    changes = account.truth.changes
    assert truth.never_two_in_service(changes, with_data={"db/0"}).against == ()
    double = account.launched(**tags(0))
    claim = truth.never_two_in_service(account.truth.changes, with_data={"db/0"})
    assert claim.text.endswith("(most at once: 2)")
    assert claim.against
    assert first in claim.against[0]
    assert double in claim.against[0]


def test_a_replacement_and_a_sick_predecessor_are_not_in_service_together() -> None:
    account, first, _ = account_with_two_databases()
    account.cloud.make_sick(first, Guest.HUNG)
    account.launched(**tags(0))
    claim = truth.never_two_in_service(account.truth.changes, with_data=set())
    assert claim.against == ()


def test_one_incarnation_that_was_launched_twice_is_seen() -> None:
    account, _, _ = account_with_two_databases()
    once = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=1)
    assert once.against == ()
    assert once.text.startswith("2 instances were launched")
    account.launched(**tags(0))
    twice = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=1)
    assert twice.against == ("db/0 incarnation 1: 2 instances",)


def test_a_story_in_which_no_answer_was_lost_proves_nothing_about_doubles() -> None:
    account, _, _ = account_with_two_databases()
    claim = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=0)
    assert claim.against


def test_a_volume_taken_from_an_instance_that_runs_is_seen_and_one_from_a_stopped_is_fine() -> None:
    account, first, second = account_with_two_databases()
    account.ec2.stop_instances(InstanceIds=[first])
    account.wait(minutes=2)
    account.ec2.detach_volume(VolumeId=account.data_volume(first).id)
    account.wait(minutes=2)
    claim = truth.volumes_left_only_what_could_not_write(account.truth.changes)
    assert claim.against == ()
    assert "instance: 1," in claim.text
    volume = account.data_volume(second).id
    account.ec2.detach_volume(VolumeId=volume)
    claim = truth.volumes_left_only_what_could_not_write(account.truth.changes)
    assert claim.against == (f"{volume} was taken from {second}, which was running",)


def test_a_story_in_which_no_volume_was_moved_proves_nothing_about_fences() -> None:
    account, _, _ = account_with_two_databases()
    assert truth.volumes_left_only_what_could_not_write(account.truth.changes).against


def test_a_stranger_that_is_tagged_or_stopped_was_not_left_alone() -> None:
    account = SimulatedAccount()
    tagged, stopped, alone = (account.launched() for _ in range(3))
    account.ec2.create_tags(Resources=[tagged], Tags=[{"Key": "team", "Value": "ours"}])
    account.ec2.stop_instances(InstanceIds=[stopped])
    account.wait(minutes=2)
    assert truth.a_stranger_was_left_alone(account.truth, tagged).against
    assert truth.a_stranger_was_left_alone(account.truth, stopped).against
    assert truth.a_stranger_was_left_alone(account.truth, alone).against == ()
