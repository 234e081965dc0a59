"""The controller's memory is lost in mid-restore: nothing is done twice, and a person's word lets it go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from providers.simulated.records import Instance, Io
from reconciler.planning.actions import Gate
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    heals,
    is_committed,
    lasts,
    living,
    occupant,
    until,
    volume_of,
    with_an_empty_store,
    withheld,
    witnessed,
)
from tests.support.fleets import HOUR, MINUTE

Moment = Callable[[VirtualGuard, Instance], bool]

MOMENTS: dict[str, Moment] = {
    "its copy is launched": lambda guard, _: len(living(guard)) == 2,
    "its copy is committed": lambda guard, _: is_committed(guard),
    "its original is fenced": lambda guard, original: _state(guard, original) == "stopped",
}


def _state(guard: VirtualGuard, instance: Instance) -> str:
    return guard.cloud.truth.instances[instance.id].state


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_a_restore_goes_on_where_it_was_after_its_store_was_lost_when(
    moment: Moment, folder: Path
) -> None:
    with witnessed(DATABASES, folder) as (guard, witness):
        before = occupant(guard)
        stuck = volume_of(before)
        guard.cloud.make_sick(stuck, Io.STALLED)
        until(guard, lambda: moment(guard, before))
        prepared = living(guard)[-1]
        launched = guard.cloud.gate.counts["RunInstances"]
        with with_an_empty_store(guard, witness, folder / "another.sqlite"):
            lasts(guard, 30 * MINUTE)
            guard.cell.store.release_cold()
            heals(guard, within=2 * HOUR)
            assert occupant(guard).id == prepared.id
            assert guard.cloud.gate.counts["RunInstances"] == launched
            assert _state(guard, before) == "stopped"


def test_without_its_memory_a_restore_neither_commits_nor_fences_before_a_persons_word(
    folder: Path,
) -> None:
    with witnessed(DATABASES, folder) as (guard, witness):
        before = occupant(guard)
        guard.cloud.make_sick(volume_of(before), Io.STALLED)
        until(guard, lambda: len(living(guard)) == 2)
        with with_an_empty_store(guard, witness, folder / "another.sqlite"):
            lasts(guard, HOUR)
            assert not is_committed(guard)
            assert _state(guard, before) == "running"
            assert Gate.COLD in {gate for _, gate in withheld(guard)}
            guard.cell.store.release_cold()
            heals(guard)
            assert occupant(guard).id != before.id
