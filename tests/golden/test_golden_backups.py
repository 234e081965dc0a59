"""Golden output of `reconciler backups`: what every claim would lose, those outside their objective first."""

from __future__ import annotations

from dataclasses import replace

from providers.observed import SnapshotState
from reconciler.planning.backups.objectives import claim_backups
from reconciler.surface.backups import CellBackups, backups_document, backups_lines
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import plain_text
from tests.golden.test_golden_plans import CASES, WIDTH, compare
from tests.support.assessed import assessed
from tests.support.backed_up import databases
from tests.support.cases import Scene
from tests.support.copied import copied_databases
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.resources import volume_id

FOLDER = CASES.parent / "backups_cases"


def of_every_kind() -> Scene:
    """One claim is well backed up, one late, one has only a pending snapshot, one declares no backups.

    Of two with copies in another region one has an old one there, and one none.
    """
    scratch = postgres_fleet("scratch", replicas=1, claims=(data_claim(),))
    ledger = postgres_fleet("ledger", replicas=1, claims=(data_claim(backup=snapshots_of(HOUR)),))
    catalog = replace(copied_databases(replicas=2), name="catalog")
    scene = Scene(databases(replicas=3), scratch, ledger, catalog)
    scene.in_service()
    scene.snapshot(volume_id("shared-postgres/0"), ago=12 * MINUTE)
    scene.snapshot(volume_id("shared-postgres/1"), ago=2 * DAY)
    scene.snapshot(volume_id("shared-postgres/2"), ago=5 * MINUTE, state=SnapshotState.PENDING)
    scene.snapshot(volume_id("ledger/0"), ago=2 * HOUR)
    scene.copied(scene.snapshot(volume_id("catalog/0"), ago=2 * HOUR))
    for text in ("catalog/0", "catalog/1"):
        scene.snapshot(volume_id(text), ago=4 * MINUTE)
    return scene


def cell() -> CellBackups:
    """The claims of that scene, as the command shows them."""
    seen = assessed(of_every_kind())
    return CellBackups(case=seen.case, claims=claim_backups(seen.world.slots, seen.case.now))


def test_the_backups_read_as_they_were_kept() -> None:
    compare(FOLDER / "backups.txt", plain_text(backups_lines(cell(), width=WIDTH)))


def test_the_backups_as_json_are_as_they_were_kept() -> None:
    compare(FOLDER / "backups.json", json_text(backups_document([cell()])))


def test_a_claim_outside_its_objective_is_told_before_any_that_is_within() -> None:
    shown = [item.protection.value for item in cell().claims]
    assert shown.index("good") > max(shown.index("late"), shown.index("unprotected"))
    assert not cell().within
