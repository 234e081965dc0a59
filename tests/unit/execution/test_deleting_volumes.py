"""A volume is read again right before it is deleted, together with all that makes it dispensable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.observed import SnapshotState, VolumeState
from providers.requests import DeleteVolume
from reconciler.execution.outcomes import Result
from reconciler.planning.actions import Action, Course
from reconciler.planning.identity import Tag
from tests.support.acting import Acting
from tests.support.backed_up import DATABASE, VOLUME
from tests.support.cases import Scene
from tests.support.fleets import DAY
from tests.support.kept import final_snapshot, left_behind, undone_copy
from tests.support.plans import planned
from tests.support.restored import COPY, OLD


def prepared(acting: Acting, scene: Scene) -> Action:
    """The cloud is as the scene has it; the deletion that its plan asks for."""
    (action,) = [item for item in planned(scene).actions if item.course is Course.RECLAIM]
    assert isinstance(action.request, DeleteVolume)
    acting.cloud.world.instances.update(scene.instances)
    acting.cloud.world.volumes.update(scene.volumes)
    acting.cloud.world.backups.by_id.update(scene.snapshots)
    return action


@pytest.fixture
def going(acting: Acting) -> Action:
    """What a restore left behind has had its time, and its final snapshot is completed."""
    scene = left_behind()
    final_snapshot(scene)
    return prepared(acting, scene)


def refused(acting: Acting, action: Action) -> str:
    (outcome,) = acting.carry_out(action)
    assert outcome.result is Result.PRECHECK_FAILED
    assert not [item for item in acting.cloud.mutations if isinstance(item, DeleteVolume)]
    assert acting.journal.intent(action.operation_id) is None
    return outcome.message


def change(acting: Acting, **fields: Any) -> None:
    volumes = acting.cloud.world.volumes
    volumes[VOLUME] = replace(volumes[VOLUME], **fields)


def test_what_was_left_behind_goes(acting: Acting, going: Action) -> None:
    (outcome,) = acting.carry_out(going)
    assert outcome.result is Result.ACCEPTED
    assert acting.cloud.world.volumes[VOLUME].state is VolumeState.DELETED
    assert acting.cloud.world.volumes[COPY].state is VolumeState.IN_USE


def test_a_copy_that_was_not_needed_goes_without_a_snapshot_of_its_own(acting: Acting) -> None:
    (outcome,) = acting.carry_out(prepared(acting, undone_copy()))
    assert outcome.result is Result.ACCEPTED
    assert acting.cloud.world.volumes[COPY].state is VolumeState.DELETED


def test_it_stays_when_somebody_has_moved_its_date(acting: Acting, going: Action) -> None:
    later = {Tag.QUARANTINE_UNTIL.value: f"{acting.clock.now() + DAY:%Y-%m-%dT%H:%M:%SZ}"}
    change(acting, tags={**acting.cloud.world.volumes[VOLUME].tags, **later})
    assert "another one now" in refused(acting, going)


def test_it_stays_when_somebody_has_put_it_to_use(acting: Acting, going: Action) -> None:
    attachments = acting.cloud.world.volumes[COPY].attachments
    change(acting, state=VolumeState.IN_USE, attachments=attachments)
    assert "not available" in refused(acting, going)


@pytest.mark.parametrize("which", [0, 1], ids=["its final snapshot", "a restore point"])
@pytest.mark.parametrize(
    "fields", [{"state": SnapshotState.ERROR}, {"storage_tier": "archive"}, {"tags": {}}]
)
def test_it_stays_when_what_should_stay_instead_is_no_longer_usable_or_ours(
    acting: Acting, going: Action, which: int, fields: dict[str, Any]
) -> None:
    request = going.request
    assert isinstance(request, DeleteVolume)
    key = (request.final_snapshot_id or "", *request.restore_point_ids)[which]
    found = acting.cloud.world.backups.by_id
    found[key] = replace(found[key], **fields)
    assert key in refused(acting, going)


def test_it_stays_when_its_final_snapshot_is_gone(acting: Acting, going: Action) -> None:
    request = going.request
    assert isinstance(request, DeleteVolume)
    acting.cloud.world.backups.delete(request.final_snapshot_id or "")
    assert "was not found" in refused(acting, going)


def test_it_stays_when_it_carries_the_tags_of_another_slot(acting: Acting, going: Action) -> None:
    tags = {**acting.cloud.world.volumes[VOLUME].tags, Tag.SLOT.value: "7"}
    change(acting, tags=tags)
    assert DATABASE in refused(acting, going)
    assert OLD in acting.cloud.world.instances
