"""What `reconciler backups` tells, to people and to programs."""

from __future__ import annotations

from providers.observed import GapSubject, SnapshotState
from reconciler.planning.backups.objectives import claim_backups
from reconciler.planning.plan import world_of
from reconciler.surface.backups import CellBackups, backups_document, backups_lines
from reconciler.surface.layout import plain_text
from tests.support.archived import UNFINISHED, archived, archived_databases, state
from tests.support.backed_up import VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.copied import copied_databases
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import volume_id


def seen(scene: Scene) -> CellBackups:
    case = scene.case()
    world = world_of(case)
    return CellBackups(case=case, claims=claim_backups(world.slots, case.now))


def told(scene: Scene) -> str:
    return plain_text(backups_lines(seen(scene), width=120)).partition("snapshots  ")[2]


def three() -> Scene:
    """One database is backed up in time, one too long ago, one never."""
    scene = backed_up(databases(replicas=3))
    scene.snapshot(VOLUME, ago=12 * MINUTE)
    late = volume_id("shared-postgres/1")
    scene.snapshot(late, ago=2 * HOUR)
    scene.snapshot(late, ago=HOUR, state=SnapshotState.PENDING)
    return scene


def test_those_outside_their_objective_come_first_with_what_would_be_lost() -> None:
    assert told(three()) == (
        "2026-04-21T12:00:00Z, just now\n"
        "\n"
        "If its volume stuck now\n"
        "  shared-postgres/2  data  unprotected  all would be lost\n"
        "  shared-postgres/1  data  late         2 h of 45 min would be lost     "
        "snapshot snap-00000000000000001 of 2026-04-21T10:00:00Z, snap-00000000000000002 is pending\n"
        "  shared-postgres/0  data  good         12 min of 45 min would be lost  "
        "snapshot snap-00000000000000000 of 2026-04-21T11:48:00Z\n"
        "\n"
        "2 of 3 claims not within what is declared.\n"
    )
    assert not seen(three()).within


def test_all_within_is_said_in_a_sentence() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE)
    assert told(scene).endswith("\n1 claim within what is declared.\n")
    assert seen(scene).within


def test_a_cell_that_holds_no_data_has_nothing_to_lose() -> None:
    assert told(Scene(databases())).endswith("No claim holds data yet.\n")


def test_what_was_not_read_is_said() -> None:
    scene = backed_up()
    scene.gap(GapSubject.SNAPSHOTS, code="RequestLimitExceeded")
    shown = told(scene)
    assert "unknown  not known" in shown
    assert "snapshots could not be read: RequestLimitExceeded" in shown
    assert not seen(scene).within


def test_programs_get_ids_instants_and_seconds() -> None:
    (cell,) = backups_document([seen(three())])["cells"]
    assert cell["within"] is False
    assert cell["snapshotsAsOf"] == "2026-04-21T12:00:00Z"
    never, late, good = cell["claims"]
    assert never["restorePoint"] is None
    assert (late["protection"], late["pending"]) == ("late", "snap-00000000000000002")
    assert (late["lossSeconds"], late["maxLossSeconds"]) == (7_200.0, 2_700.0)
    assert good["restorePoint"] == {
        "kind": "snapshot",
        "id": "snap-00000000000000000",
        "at": "2026-04-21T11:48:00Z",
        "sizeGib": 200,
    }


def test_an_archive_is_told_with_what_it_goes_up_to_and_what_is_wrong_with_it() -> None:
    scene = backed_up(archived_databases(replicas=2))
    scene.snapshot(VOLUME, ago=12 * MINUTE)
    archived(scene, state(scene, ago=2 * MINUTE))
    archived(
        scene,
        state(scene, why_not=UNFINISHED, text="shared-postgres/1"),
        text="shared-postgres/1",
    )
    assert told(scene).partition("stuck now\n")[2] == (
        "  shared-postgres/1  data  unprotected  all would be lost              "
        "no archive: s3://backups/shared-postgres/1/1: none of its 1 base backups is finished\n"
        "  shared-postgres/0  data  good         2 min of 45 min would be lost  "
        "archive s3://backups/shared-postgres/0/1 up to 2026-04-21T11:58:00Z\n"
        "\n"
        "1 of 2 claims not within what is declared.\n"
    )
    (cell,) = backups_document([seen(scene)])["cells"]
    broken, good = cell["claims"]
    assert broken["archiveProblem"].endswith("none of its 1 base backups is finished")
    assert good["archiveProblem"] is None
    assert good["restorePoint"] == {
        "kind": "archive",
        "id": "s3://backups/shared-postgres/0/1",
        "at": "2026-04-21T11:58:00Z",
        "incarnation": 1,
        "base": "base_000000010000000000000005",
        "baseFinishedAt": "2026-04-21T06:00:00Z",
    }


# Copies in another region


def copied() -> Scene:
    """One has a copy of its newest snapshot, one an old copy, one none though there is long something to copy."""
    scene = Scene(copied_databases(replicas=3))
    scene.in_service()
    for ordinal, ago in enumerate((10 * MINUTE, 2 * HOUR, 2 * HOUR)):
        volume = volume_id(f"shared-postgres/{ordinal}")
        snapshot = scene.snapshot(volume, ago=ago)
        if ordinal < 2:
            scene.copied(snapshot)
        if ordinal > 0:
            scene.snapshot(volume, ago=5 * MINUTE)
    return scene


def test_each_claim_is_shown_with_its_newest_copy_and_late_ones_are_noted() -> None:
    text = told(copied())
    assert "in eu-west-1 snap-10000000000000000 of 2026-04-21T11:50:00Z" in text
    assert "in eu-west-1 snap-10000000000000001 of 2026-04-21T10:00:00Z" in text
    assert "in eu-west-1 none yet" in text
    (note,) = [part for part in text.split("  * ") if part.startswith("in eu-west-1")]
    assert " ".join(note.split("\n\n")[0].split()).endswith(
        "there is none: shared-postgres/1 data and shared-postgres/2 data"
    )


def test_a_late_copy_is_no_reason_to_call_a_claim_outside_its_objective() -> None:
    assert seen(copied()).within


def test_a_region_that_was_not_read_is_not_called_late() -> None:
    scene = copied()
    scene.gap(GapSubject.COPIES, zone="eu-west-1")
    assert "in eu-west-1 not read" in told(scene)
    assert "older than `maxLoss`" not in told(scene)


def test_a_program_is_told_of_copies_too() -> None:
    document = backups_document([seen(copied())])
    (cell,) = document["cells"]
    by_slot = {claim["slot"]: claim["elsewhere"] for claim in cell["claims"]}
    assert by_slot["shared-postgres/0"] == {
        "region": "eu-west-1",
        "read": True,
        "id": "snap-10000000000000000",
        "at": "2026-04-21T11:50:00Z",
        "late": False,
    }
    assert (by_slot["shared-postgres/2"]["id"], by_slot["shared-postgres/2"]["late"]) == (
        None,
        True,
    )
