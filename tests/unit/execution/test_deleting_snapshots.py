"""A snapshot is read again right before it is deleted, together with the one that makes it dispensable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.errors import CloudError, RetryClass
from providers.observed import SnapshotState
from providers.requests import DeleteSnapshot
from reconciler.execution.outcomes import Result
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from tests.support.acting import Acting
from tests.support.actions import expiry
from tests.support.backed_up import VOLUME, backed_up
from tests.support.fleets import DAY, HOUR

OLD, NEW = "snap-00000000000000000", "snap-00000000000000001"
BOTH = expiry(OLD, NEW)


@pytest.fixture
def cell(acting: Acting) -> Acting:
    """A database's volume has an old snapshot and a newer one."""
    scene = backed_up()
    scene.snapshot(VOLUME, ago=9 * DAY)
    scene.snapshot(VOLUME, ago=HOUR)
    acting.cloud.world.backups.by_id.update(scene.snapshots)
    return acting


def change(cell: Acting, key: str, **fields: Any) -> None:
    found = cell.cloud.world.backups.by_id
    found[key] = replace(found[key], **fields)


def retag(cell: Acting, key: str, **tags: str) -> None:
    changed = {Tag[name.upper()].value: value for name, value in tags.items()}
    change(cell, key, tags={**cell.cloud.world.snapshots[key].tags, **changed})


def refused(cell: Acting, action: Action) -> str:
    (outcome,) = cell.carry_out(action)
    assert outcome.result is Result.PRECHECK_FAILED
    assert OLD in cell.cloud.world.snapshots
    assert cell.journal.intent(action.operation_id) is None
    return outcome.message


def test_what_still_has_a_newer_restore_point_goes(cell: Acting) -> None:
    (outcome,) = cell.carry_out(BOTH)
    assert outcome.result is Result.ACCEPTED
    assert set(cell.cloud.world.snapshots) == {NEW}


def test_it_stays_when_somebody_deleted_what_should_stay_instead(cell: Acting) -> None:
    cell.cloud.world.backups.delete(NEW)
    assert f"{NEW} was not found" in refused(cell, BOTH)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": SnapshotState.ERROR},
        {"state": SnapshotState.RECOVERABLE},
        {"storage_tier": "archive"},
    ],
)
def test_it_stays_when_what_should_stay_instead_is_no_longer_usable(
    cell: Acting, fields: dict[str, Any]
) -> None:
    change(cell, NEW, **fields)
    assert NEW in refused(cell, BOTH)


def test_it_stays_when_neither_can_be_read(cell: Acting) -> None:
    fault = CloudError(
        operation="DescribeSnapshots", code="X", message="no", retry=RetryClass.INVALID
    )
    cell.cloud.fail_reads(fault, times=9)
    assert "could not be read again" in refused(cell, BOTH)


@pytest.mark.parametrize("key", [OLD, NEW])
@pytest.mark.parametrize("tags", [{"owner": "other"}, {"slot": "7"}, {"claim": "log"}])
def test_it_stays_when_the_tags_of_either_say_something_else(
    cell: Acting, key: str, tags: dict[str, str]
) -> None:
    retag(cell, key, **tags)
    assert key in refused(cell, BOTH)


def test_the_newest_never_goes_for_an_older_one(cell: Acting) -> None:
    assert OLD in refused(cell, expiry(NEW, OLD))


def test_one_that_should_have_failed_stays_when_it_has_not(cell: Acting) -> None:
    assert "not failed" in refused(cell, expiry(OLD))


def test_a_failed_one_needs_no_other(cell: Acting) -> None:
    change(cell, OLD, state=SnapshotState.ERROR)
    (outcome,) = cell.carry_out(expiry(OLD))
    assert outcome.result is Result.ACCEPTED
    assert isinstance(cell.cloud.mutations[-1], DeleteSnapshot)
