"""Whose a snapshot is: proved by our tags or by its volume, and never when the two contradict each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import Snapshot, SnapshotState, VolumeState
from reconciler.planning.actions import Gate
from reconciler.planning.identity import Tag
from reconciler.planning.plan import world_of
from reconciler.planning.slots.restore_points import Lineages, lineages
from tests.support.backed_up import DATABASE, VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.plans import done, planned, the_hold
from tests.support.resources import OWNER, volume_id
from tests.support.restored import COPY, prepared, quarantined

CLAIM = ("shared-postgres", 0, "data")


def found(scene: Scene) -> Lineages:
    seen = lineages(scene.observation(), scene.memory, OWNER)
    assert seen is not None
    return seen


def ids(scene: Scene) -> list[str]:
    return [item.id for item in found(scene).by_claim.get(CLAIM, ())]


def retagged(scene: Scene, snapshot: Snapshot, **tags: str) -> None:
    changed = {Tag[name.upper()].value: value for name, value in tags.items()}
    scene.snapshots[snapshot.id] = replace(snapshot, tags={**snapshot.tags, **changed})


def test_they_come_newest_first() -> None:
    scene = backed_up()
    taken = [scene.snapshot(VOLUME, ago=hours * HOUR).id for hours in (3, 1, 2)]
    assert ids(scene) == [taken[1], taken[2], taken[0]]


def test_ours_is_known_by_its_tags_when_its_volume_is_forgotten() -> None:
    scene = backed_up()
    ours = scene.snapshot(VOLUME, ago=HOUR)
    del scene.volumes[VOLUME]
    scene.remembering(known={})
    assert ids(scene) == [ours.id]


def test_tags_that_somebody_copied_prove_nothing_while_the_volume_of_the_claim_is_known() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR, volume_id="vol-0fffffffffffffff0")
    assert ids(scene) == []
    del scene.volumes[VOLUME]
    assert ids(scene) == []


def test_somebody_elses_is_known_by_a_volume_that_fills_the_claim_or_once_did() -> None:
    scene = backed_up()
    theirs = scene.snapshot(VOLUME, ago=HOUR, ours=False)
    del scene.volumes[VOLUME]
    assert ids(scene) == [theirs.id]


def test_neither_tags_nor_a_known_volume_prove_nothing() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR, ours=False, volume_id="vol-ffffffff")
    assert ids(scene) == []


def test_tags_of_another_installation_prove_nothing() -> None:
    scene = backed_up()
    other = scene.snapshot(VOLUME, ago=HOUR, volume_id="vol-ffffffff")
    retagged(scene, other, owner="somebody")
    assert ids(scene) == []


@pytest.mark.parametrize("tags", [{"fleet": "web"}, {"slot": "1"}, {"claim": "log"}])
def test_tags_that_contradict_the_volume_make_it_nobodys(tags: dict[str, str]) -> None:
    scene = backed_up(databases(replicas=2))
    retagged(scene, scene.snapshot(VOLUME, ago=HOUR), **tags)
    assert found(scene).by_claim == {}


def test_tags_of_a_claim_on_one_of_a_root_volume_make_it_nobodys() -> None:
    scene = backed_up()
    root = replace(scene.volumes[VOLUME], id="vol-ffffffff")
    tags = {key: value for key, value in root.tags.items() if key != Tag.CLAIM}
    scene.volumes[root.id] = replace(root, tags=tags)
    scene.snapshot(VOLUME, ago=HOUR, volume_id=root.id)
    assert ids(scene) == []


def test_from_the_same_things_it_is_the_same_object() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR)
    observation = scene.observation()
    first = lineages(observation, scene.memory, OWNER)
    assert lineages(observation, scene.memory, OWNER, first) is first
    read_again = replace(observation, snapshots=dict(observation.snapshots))
    second = lineages(read_again, scene.memory, OWNER, first)
    assert second is not None
    assert second is not first
    assert second == replace(found(scene), of=second.of)


def test_a_claim_with_snapshots_was_filled_before_whatever_was_forgotten() -> None:
    """An empty database must never take the place of one that can be restored."""
    scene = Scene(databases())
    assert done(scene) == [f"launch {DATABASE}"]
    other = backed_up()
    point = other.snapshot(VOLUME, ago=DAY)
    scene.snapshots[point.id] = point
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert point.id in hold.reason


def test_what_is_told_to_restore_from_is_the_newest_that_is_usable() -> None:
    scene = backed_up(databases(replicas=2))
    usable = scene.snapshot(VOLUME, ago=2 * HOUR)
    scene.snapshot(VOLUME, ago=HOUR, storage_tier="archive")
    scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING)
    scene.snapshot(volume_id("shared-postgres/1"), ago=MINUTE)
    scene.terminated(DATABASE)
    scene.forgotten(VOLUME)
    (held,) = [item for item in planned(scene).withheld if item.gate is Gate.RESTORE]
    assert usable.id in held.reason


# Of a volume that another has taken the place of


def restored_two_hours_ago() -> tuple[Scene, dict[str, str]]:
    """Snapshots of the old volume before and after its copy took its place, by hand, and one of the copy."""
    scene = quarantined(ends_in=DAY)
    scene.snapshots.clear()
    scene.change(COPY, created_at=scene.now - 2 * HOUR)
    ids = {
        "before": scene.snapshot(VOLUME, ago=3 * HOUR).id,
        "of the copy": scene.snapshot(COPY, ago=90 * MINUTE).id,
        "after": scene.snapshot(VOLUME, ago=HOUR).id,
    }
    return scene, ids


def restore_points(scene: Scene) -> set[str]:
    """Those of the one claim."""
    case = scene.case()
    world = world_of(case)
    (view,) = world.slots[0].claims
    return {item.id for item in view.snapshots or ()}


def test_what_was_taken_of_a_volume_after_its_copy_took_its_place_is_no_restore_point() -> None:
    scene, ids = restored_two_hours_ago()
    assert restore_points(scene) == {ids["before"], ids["of the copy"]}


def test_nor_is_it_once_the_copy_is_gone_as_well() -> None:
    scene, ids = restored_two_hours_ago()
    del scene.volumes[COPY]
    scene.ended(COPY)
    assert restore_points(scene) == {ids["before"], ids["of the copy"]}


def test_a_copy_that_was_only_prepared_does_not_make_the_originals_snapshots_void() -> None:
    scene = prepared()
    scene.change(COPY, created_at=scene.now - 2 * HOUR)
    newest = scene.snapshot(VOLUME, ago=HOUR)
    assert newest.id in restore_points(scene)


def test_whoever_puts_an_older_volume_back_has_its_snapshots_for_restore_points() -> None:
    scene, ids = restored_two_hours_ago()
    tags = dict(scene.volumes[VOLUME].tags)
    del tags[Tag.QUARANTINE_UNTIL]
    scene.change(VOLUME, tags=tags)
    scene.change(COPY, state=VolumeState.DELETED, attachments=())
    assert {ids["before"], ids["after"]} <= restore_points(scene)
