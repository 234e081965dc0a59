"""The oracle of losses speaks of every restore that loses more than was declared, and is silent of the others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from providers.simulated.archives import BASE_TAKES
from providers.simulated.records import Guest, Io
from tests.simulation.archives import archives_to
from tests.simulation.declaration import DEVICE
from tests.simulation.oracles.ledger import DECIDED_WITHIN
from tests.simulation.reckless import DATABASE, MINUTE, US, Scene
from tests.simulation.run import make_empty_store

MORE = DATABASE.max_loss + DECIDED_WITHIN + MINUTE
LESS = DATABASE.max_loss - MINUTE


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(make_empty_store(tmp_path / "store.sqlite3"))


def goes_by(scene: Scene, time: timedelta) -> None:
    scene.cloud.clock.sleep(time.total_seconds())


def restored(scene: Scene, snapshot: str | None = None, *, replays: int | None = None) -> list[str]:
    """What is said of losses when the slot serves again from that."""
    scene.launches(incarnation=2, restored_from=snapshot, replays=replays)
    return [item.what for item in scene.watch.breaches if "which loses" in item.what]


def test_what_is_served_after_the_snapshot_for_longer_than_declared_is_too_great_a_loss(
    scene: Scene,
) -> None:
    taken = scene.snapshots(scene.data_of(scene.launches()))
    goes_by(scene, MORE)
    (said,) = restored(scene, taken)
    assert said.startswith(f"db/0 serves from {taken} on i-")
    assert said.endswith("which loses 43 min, 40 are allowed")


def test_a_person_may_take_a_greater_loss_and_no_greater_one(scene: Scene) -> None:
    taken = scene.snapshots(scene.data_of(scene.launches()))
    goes_by(scene, MORE)
    scene.watch.ledger.may_lose["db/0"] = MORE
    assert restored(scene, taken) == []
    goes_by(scene, 2 * MORE)
    scene.launches(incarnation=3, restored_from=taken)
    assert len([item for item in scene.watch.breaches if "which loses" in item.what]) == 1


def test_a_smaller_loss_needs_no_word(scene: Scene) -> None:
    taken = scene.snapshots(scene.data_of(scene.launches()))
    goes_by(scene, LESS)
    assert restored(scene, taken) == []


@pytest.mark.parametrize("why", ["its volume is stuck", "its application is dead"])
def test_time_in_which_the_slot_did_not_serve_is_no_loss(scene: Scene, why: str) -> None:
    instance = scene.launches()
    taken = scene.snapshots(scene.data_of(instance))
    goes_by(scene, LESS)
    if why == "its volume is stuck":
        scene.cloud.make_sick(scene.data_of(instance), Io.STALLED)
    else:
        scene.cloud.make_sick(instance, Guest.DEAD)
    goes_by(scene, MORE)
    assert restored(scene, taken) == []


def test_that_it_served_again_for_some_minutes_nobody_need_have_seen(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    taken = scene.snapshots(volume)
    goes_by(scene, LESS)
    scene.cloud.make_sick(volume, Io.STALLED)
    goes_by(scene, MORE)
    scene.cloud.make_sick(volume, Io.NORMAL)
    goes_by(scene, 5 * MINUTE)
    scene.cloud.make_sick(volume, Io.STALLED)
    assert restored(scene, taken) == []


def test_data_that_moves_on_with_its_volume_loses_nothing(scene: Scene) -> None:
    first = scene.launches()
    taken = scene.snapshots(scene.data_of(first))
    goes_by(scene, LESS)
    assert restored(scene, taken) == []
    goes_by(scene, MORE)
    (copy,) = (item for item in scene.cloud.truth.instances.values() if item.id != first)
    volume = scene.data_of(copy.id)
    scene.cloud.ec2.stop_instances(InstanceIds=[copy.id])
    goes_by(scene, 20 * MINUTE)
    scene.cloud.ec2.detach_volume(VolumeId=volume, InstanceId=copy.id, Device=DEVICE)
    goes_by(scene, 5 * MINUTE)
    third = scene.launches(incarnation=3, data=False)
    scene.cloud.ec2.attach_volume(VolumeId=volume, InstanceId=third, Device=DEVICE)
    goes_by(scene, 5 * MINUTE)
    assert scene.data_of(third) == volume
    assert not [item for item in scene.watch.breaches if "which loses" in item.what]


def test_a_younger_snapshot_of_the_same_volume_does_not_excuse_an_older_one(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    taken = scene.snapshots(volume)
    goes_by(scene, MORE)
    scene.snapshots(volume)
    assert len(restored(scene, taken)) == 1


def test_what_an_archive_lacks_is_lost(scene: Scene) -> None:
    scene.cloud.archiving.start(lambda item: archives_to(item, owner=US, archived={"db"}))
    scene.launches()
    goes_by(scene, 2 * BASE_TAKES)
    scene.cloud.archiving.start(lambda _: None)
    goes_by(scene, MORE)
    (said,) = restored(scene, replays=1)
    assert said.startswith("db/0 serves from the archive of incarnation 1 on i-")


@pytest.mark.parametrize("onto", ["a snapshot", "an empty volume"])
def test_an_archive_that_goes_on_loses_nothing(scene: Scene, onto: str) -> None:
    scene.cloud.archiving.start(lambda item: archives_to(item, owner=US, archived={"db"}))
    volume = scene.data_of(scene.launches())
    taken = scene.snapshots(volume) if onto == "a snapshot" else None
    goes_by(scene, 2 * BASE_TAKES + MORE)
    assert restored(scene, taken, replays=1) == []
