"""Copies in another region are read again there before one goes, and what that region fails in ends no pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.errors import NOT_SENT, CloudError, RetryClass
from providers.observed import SnapshotState
from providers.requests import CopySnapshot
from reconciler.execution.outcomes import Result
from reconciler.planning.actions import Action
from reconciler.planning.intents import IntentState
from tests.support.acting import Acting, launch_of
from tests.support.copied import ELSEWHERE, copying, expiring


@pytest.fixture
def expiry(acting: Acting) -> Action:
    """An old copy is to go, a newer one is to stay."""
    scene, action = expiring()
    acting.cloud.world.backups.elsewhere[ELSEWHERE] = dict(scene.copies)
    return action


def refused(acting: Acting, action: Action) -> str:
    (outcome,) = acting.carry_out(action)
    assert outcome.result is Result.PRECHECK_FAILED
    assert acting.journal.intent(action.operation_id) is None
    return outcome.message


def kept(action: Action) -> str:
    return str(getattr(action.request, "restore_point_id", ""))


def test_what_still_has_a_newer_copy_goes(acting: Acting, expiry: Action) -> None:
    (outcome,) = acting.carry_out(expiry)
    assert outcome.result is Result.ACCEPTED
    assert set(acting.cloud.world.backups.elsewhere[ELSEWHERE]) == {kept(expiry)}


def test_it_stays_when_what_should_stay_instead_is_gone_or_fails(
    acting: Acting, expiry: Action
) -> None:
    there = acting.cloud.world.backups.elsewhere[ELSEWHERE]
    newest = there.pop(kept(expiry))
    assert f"{newest.id} was not found" in refused(acting, expiry)
    there[newest.id] = replace(newest, state=SnapshotState.ERROR)
    assert "should stay instead" in refused(acting, expiry)


def test_it_stays_when_what_should_stay_holds_less_though_it_was_made_later(
    acting: Acting, expiry: Action
) -> None:
    there = acting.cloud.world.backups.elsewhere[ELSEWHERE]
    newest = there[kept(expiry)]
    older = {"fleet-reconciler:taken-at": "2001-01-01T00:00:00+00:00"}
    later = newest.started_at + timedelta(days=1)
    there[newest.id] = replace(newest, started_at=later, tags={**newest.tags, **older})
    assert "should stay instead" in refused(acting, expiry)


@pytest.mark.parametrize("retry", [RetryClass.DENIED, RetryClass.TRANSIENT])
def test_a_region_that_can_not_be_reached_keeps_nothing_here_back(
    acting: Acting, retry: RetryClass
) -> None:
    _, copy = copying()
    launch = launch_of("web/0")
    unreachable = CloudError(operation="x", code=NOT_SENT, message="no route", retry=retry)
    acting.cloud.fail_next(CopySnapshot, unreachable, times=3)
    outcomes = acting.carry_out(copy, launch)
    assert [item.result for item in outcomes] == [Result.REJECTED, Result.ACCEPTED]
    assert acting.intent(copy).state is IntentState.REJECTED
