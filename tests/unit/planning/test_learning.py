"""What a pass teaches: which ids are known, since when any is absent, and whether the cell is cold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.observed import GapSubject, InstanceState, Presence
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.learning import learn_cold, learn_known, missing_ids
from reconciler.planning.memory import KnownResource, Memory
from tests.support.actions import terminate
from tests.support.backed_up import VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, postgres_fleet, safety_policy, web_fleet
from tests.support.resources import OWNER, instance_id, slot, volume_id

WEB = instance_id("web/1")


def quiet() -> Scene:
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    return scene


def learnt(scene: Scene) -> dict[str, KnownResource]:
    now, memory = scene.now, scene.memory
    return dict(learn_known(memory, scene.observation(), OWNER, safety_policy(), now))


def test_what_is_shown_is_known_with_slot_claim_and_incarnation() -> None:
    scene = quiet()
    scene.remembering(known={})
    known = learnt(scene)[volume_id("shared-postgres/2")]
    assert (known.kind, known.slot, known.claim) == ("volume", slot("shared-postgres/2"), "data")
    assert (known.incarnation, known.zone, known.ended) == (1, "use1-az4", False)


def test_a_steady_cell_leaves_its_memory_as_it_is() -> None:
    scene = quiet()
    known = learnt(scene)
    assert all(known[id_] is item for id_, item in scene.memory.known.items())


def test_slot_and_incarnation_once_known_stay_known() -> None:
    scene = quiet()
    tags = {**scene.instances[WEB].tags, Tag.SLOT.value: "7", Tag.INCARNATION.value: "9"}
    scene.change(WEB, tags=tags)
    assert (learnt(scene)[WEB].slot, learnt(scene)[WEB].incarnation) == (slot("web/1"), 1)


def test_a_root_volume_is_not_remembered_since_it_goes_with_its_instance() -> None:
    scene = quiet()
    identifier = instance_id("shared-postgres/0")
    root = replace(scene.volumes[volume_id("shared-postgres/0")], id="vol-0root", tags={})
    tags = dict(scene.volumes[volume_id("shared-postgres/0")].tags)
    scene.volumes["vol-0root"] = replace(root, tags=tags)
    scene.attached("vol-0root", identifier, device="/dev/xvda")
    assert "vol-0root" not in learnt(scene)


def test_absence_is_dated_from_the_first_time_that_an_id_is_not_found() -> None:
    scene = quiet()
    scene.vanished(WEB)
    first = learnt(scene)[WEB]
    assert (first.absent_since, first.absent_checks) == (scene.now, 1)
    scene.remembering(known=learnt(scene))
    scene.now += MINUTE
    second = learnt(scene)[WEB]
    assert (second.absent_since, second.absent_checks) == (scene.now - MINUTE, 2)


def test_an_id_that_could_not_be_read_or_was_not_asked_for_is_no_more_absent_than_before() -> None:
    for presence in (None, Presence.UNREADABLE):
        scene = quiet()
        scene.vanished(WEB, by_id=presence)
        assert learnt(scene)[WEB].absent_since is None


def test_an_incomplete_observation_dates_no_absence() -> None:
    scene = quiet()
    scene.vanished(WEB)
    scene.gap(GapSubject.INSTANCES, zone="use1-az4")
    assert learnt(scene)[WEB].absent_since is None


def test_an_id_that_is_found_again_begins_anew() -> None:
    scene = quiet()
    scene.vanished(WEB, by_id=Presence.FOUND, absent_for=HOUR)
    assert learnt(scene)[WEB].absent_since is None


def test_what_was_seen_to_end_has_ended() -> None:
    scene = quiet()
    scene.terminated("web/1")
    assert learnt(scene)[WEB].ended


def test_what_ended_without_its_tags_has_ended_too() -> None:
    scene = quiet()
    scene.terminated("web/1")
    scene.change(WEB, tags={})
    assert learnt(scene)[WEB].ended


def test_what_lives_without_its_tags_has_not_ended() -> None:
    scene = quiet()
    scene.change(WEB, tags={})
    assert not learnt(scene)[WEB].ended


def test_what_is_proved_gone_is_not_asked_for_for_ever() -> None:
    scene = quiet()
    scene.vanished(WEB, absent_for=5 * MINUTE)
    assert learnt(scene)[WEB].ended
    scene.remembering(known=learnt(scene))
    assert missing_ids(scene.memory, scene.observation()) == ()


def test_what_an_open_intent_is_about_is_asked_for_until_the_intent_has_ended() -> None:
    """Whoever learnt that it is gone may have died before it could tell the intent."""
    scene = quiet()
    scene.began(terminate("web/1"), state=IntentState.ACCEPTED)
    scene.ended(WEB)
    assert missing_ids(scene.memory, scene.observation()) == ((WEB, "instance"),)
    scene.remembering(open_intents=())
    assert missing_ids(scene.memory, scene.observation()) == ()


def test_what_lives_after_all_is_alive_again() -> None:
    scene = quiet()
    known = {**scene.memory.known, WEB: replace(scene.memory.known[WEB], ended=True)}
    scene.remembering(known=known)
    assert not learnt(scene)[WEB].ended


def test_an_instance_that_ended_is_forgotten_after_a_day_and_a_volume_never() -> None:
    scene = quiet()
    scene.ended(WEB)
    scene.ended(volume_id("shared-postgres/0"))
    aged = {
        key: replace(item, last_seen_at=scene.now - DAY) for key, item in scene.memory.known.items()
    }
    scene.remembering(known=aged)
    known = learnt(scene)
    assert WEB not in known
    assert volume_id("shared-postgres/0") in known


def test_known_ids_that_the_lists_lack_are_worth_reading() -> None:
    scene = quiet()
    scene.vanished(WEB)
    scene.ended(instance_id("web/2"))
    assert missing_ids(scene.memory, scene.observation()) == ((WEB, "instance"),)


# Cold


def test_resources_of_ours_without_any_record_make_a_cell_cold() -> None:
    scene = quiet()
    cold = learn_cold(Memory(), scene.observation(), OWNER)
    assert cold is not None
    assert (cold.since, cold.complete_observations, cold.released) == (scene.now, 1, False)


def test_an_empty_cell_and_a_cell_with_a_record_are_not_cold() -> None:
    assert learn_cold(Memory(), Scene(web_fleet()).observation(), OWNER) is None
    scene = quiet()
    recorded = Memory(passes=1, known=scene.memory.known)
    assert learn_cold(recorded, scene.observation(), OWNER) is None
    begun = Memory(highest_attempts={"launch": 1})
    assert learn_cold(begun, scene.observation(), OWNER) is None


def test_looks_that_showed_nothing_are_no_record() -> None:
    """The lists may have come back empty, and those of snapshots show first that we were here."""
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE)
    seen = replace(scene.observation(), instances={}, volumes={})
    assert learn_cold(Memory(passes=2), seen, OWNER) is not None


def test_only_complete_observations_warm_a_cell() -> None:
    scene = quiet()
    scene.cold(since=timedelta(), complete=1)
    scene.change(WEB, state=InstanceState.RUNNING)
    seen = learn_cold(scene.memory, scene.observation(), OWNER)
    assert seen is not None
    assert seen.complete_observations == 2
    scene.gap(GapSubject.VOLUMES)
    unseen = learn_cold(scene.memory, scene.observation(), OWNER)
    assert unseen is not None
    assert unseen.complete_observations == 1
