"""How the deletion of a volume ends; and that what we delete vanishes is no fault of the view."""

from __future__ import annotations

from dataclasses import replace

from providers.observed import Presence, VolumeState
from providers.requests import DeleteVolume
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import Missing, Resend, Settled, Waiting
from reconciler.planning.slots.absence import mass_disappearance, sight_of
from tests.support.acting import action_of
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, postgres_fleet
from tests.support.resources import NOW, volume_id
from tests.support.settling import DATA, POLICY, intent_of, later, observed, settled_one

REQUEST = DeleteVolume(
    volume_id=DATA, quarantined_until=NOW, final_snapshot_id=None, restore_point_ids=()
)
DELETING = action_of("shared-postgres/0", REQUEST)


def test_without_an_answer_it_is_asked_for_again_while_the_plan_is_fresh() -> None:
    intent = intent_of(DELETING, state=IntentState.BEGUN)
    assert isinstance(settled_one(intent, observed()), Resend)


def test_a_volume_that_is_being_deleted_takes_its_time() -> None:
    seen = observed()
    going = replace(seen.volumes[DATA], state=VolumeState.DELETING)
    seen = replace(seen, volumes={**seen.volumes, DATA: going})
    intent = intent_of(DELETING, state=IntentState.ACCEPTED)
    assert isinstance(settled_one(intent, seen), Waiting)
    late = later(seen, POLICY.deadlines.ambiguous)
    settlement = settled_one(intent, late)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_it_is_done_once_two_looks_and_its_id_say_that_it_is_gone() -> None:
    seen = observed()
    rest = {key: item for key, item in seen.volumes.items() if key != DATA}
    gone = replace(seen, volumes=rest)
    intent = intent_of(DELETING, state=IntentState.ACCEPTED)
    assert isinstance(settled_one(intent, gone), Waiting), "its id was not read"
    refuted = replace(gone, by_id={DATA: Presence.NOT_FOUND})
    assert isinstance(settled_one(intent, refuted), Missing)
    missed = replace(intent, first_missed_at=seen.as_of)
    settlement = settled_one(missed, later(refuted, POLICY.consistency_window + MINUTE))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED


def test_volumes_that_we_delete_together_are_no_mass_disappearance() -> None:
    scene = Scene(postgres_fleet(replicas=5))
    scene.in_service()
    slots = [f"shared-postgres/{ordinal}" for ordinal in range(5)]
    for text in slots:
        del scene.volumes[volume_id(text)]
    case = scene.case()
    sight = sight_of(case.observation, case.desired.policy, case.now)
    assert len(mass_disappearance(case.memory, sight)) == 5
    for text in slots:
        deleting = replace(DELETING, request=replace(REQUEST, volume_id=volume_id(text)))
        scene.began(deleting, ago=HOUR, state=IntentState.OBSERVED)
    assert mass_disappearance(scene.case().memory, sight) == frozenset()
