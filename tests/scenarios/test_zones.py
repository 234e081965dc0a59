"""One zone in trouble: what was in it comes back elsewhere where that is right; nobody else is braked or touched."""

from __future__ import annotations

import pytest

from tests.scenarios.playing import (
    HOUR,
    MINUTE,
    A,
    B,
    C,
    D,
    Story,
    all_well,
    busiest,
    fleets,
    played,
)

STATELESS = ("routers", "web")
STATEFUL = ("dedicated-postgres", "git", "shared-postgres")
FLEETS = {"dedicated_postgres": 12, "git": 4, "shared_postgres": 4, "routers": 8, "web": 16}


def other_zones_were_left_alone(story: Story) -> bool:
    """They were never in trouble themselves, and nothing was done to what runs there."""
    bands = [band for zone in (B, C, D) for band in story.bands(f"zone {zone}")]
    return not bands and story.taken_out() <= story.in_zone(A)


# A zone loses its power for three hours


@pytest.fixture(scope="module")
def power_loss() -> Story:
    return played("zone-power-loss", fleets(**FLEETS), lasts=4 * HOUR)


def test_a_power_loss_hits_its_zone_alone_and_all_is_well_in_the_end(power_loss: Story) -> None:
    assert power_loss.hit == power_loss.in_zone(A)
    assert other_zones_were_left_alone(power_loss)
    assert all_well(power_loss)


def test_stateless_slots_are_back_elsewhere_soon_after_the_zone_is_shown_at_the_usual_pace(
    power_loss: Story,
) -> None:
    assert power_loss.back_by(power_loss.in_zone(A, *STATELESS)) <= 25 * MINUTE
    launches = power_loss.made("RunInstances")
    assert not any(A in call.zones for call in launches)
    assert busiest(launches, MINUTE) <= 3
    assert min(call.at for call in launches) >= 10 * MINUTE, "what is not seen is not judged"


def test_databases_with_archives_and_git_servers_are_restored_while_their_zone_is_critical(
    power_loss: Story,
) -> None:
    restored = {item.slot: item for item in power_loss.record.restores}
    assert restored.keys() == power_loss.in_zone(A, "dedicated-postgres", "git")
    assert all(item.at <= 40 * MINUTE for item in restored.values())
    archived = [item for item in restored.values() if item.source == "archive"]
    assert len(archived) == 3
    assert all(item.lost is not None and item.lost <= 2 * MINUTE for item in archived)
    (critical,) = power_loss.bands(f"zone {A}", "critical")
    fences = power_loss.made("StopInstances", "ModifyInstanceAttribute")
    assert frozenset(restored) == frozenset(slot for call in fences for slot in call.slots)
    assert all(critical.since < call.at < critical.until for call in fences)


def test_what_a_restore_replaced_serves_no_more_when_the_power_is_back(power_loss: Story) -> None:
    for slot in power_loss.in_zone(A, "dedicated-postgres", "git"):
        (occupant,) = power_loss.occupants[slot]
        assert power_loss.instances[occupant].zone != A


def test_databases_whose_restore_nobody_approves_wait_untouched_for_their_zone(
    power_loss: Story,
) -> None:
    shared = power_loss.in_zone(A, "shared-postgres")
    assert power_loss.back_by(shared) == 3 * HOUR
    dark = [call for call in power_loss.calls if call.at < 3 * HOUR]
    assert not shared & frozenset(slot for call in dark for slot in call.slots)
    assert {item.gate for item in power_loss.record.approvals if item.slot in shared} >= {
        "mode-approve"
    }


# A zone can't be reached for 45 minutes


@pytest.fixture(scope="module")
def partition() -> Story:
    return played("zone-partition", fleets(**FLEETS), lasts=90 * MINUTE)


def test_nothing_that_serves_behind_a_partition_goes_down(partition: Story) -> None:
    assert partition.hit == frozenset()
    assert all_well(partition)


def test_databases_behind_a_partition_are_not_touched_as_probes_alone_speak_against_them(
    partition: Story,
) -> None:
    stateful = partition.in_zone(A, *STATEFUL)
    assert not partition.taken_out() & stateful
    asked = {item.slot for item in partition.record.approvals if item.gate == "third-sign"}
    assert asked == stateful


def test_stateless_slots_behind_a_partition_are_moved_elsewhere_first_and_no_others(
    partition: Story,
) -> None:
    assert partition.taken_out() == partition.in_zone(A, *STATELESS)
    assert not any(A in call.zones for call in partition.made("RunInstances"))
    assert other_zones_were_left_alone(partition)


# A zone comes and goes


@pytest.fixture(scope="module")
def flapping() -> Story:
    return played("flapping-zone", fleets(**FLEETS), lasts=3 * HOUR + 30 * MINUTE)


def test_a_zone_that_comes_and_goes_is_one_long_trouble_of_its_own(flapping: Story) -> None:
    (critical,) = flapping.bands(f"zone {A}", "critical")
    assert critical.until >= 2 * HOUR, "no recovery is trusted in between"
    assert flapping.hit == flapping.in_zone(A)
    assert other_zones_were_left_alone(flapping)
    assert all_well(flapping)


def test_who_replaces_what_flaps_keeps_its_pace_and_its_measure(flapping: Story) -> None:
    launches = flapping.made("RunInstances")
    assert busiest(launches, MINUTE) <= 3
    assert busiest(launches, HOUR) <= 16
    assert flapping.back_by(flapping.in_zone(A, *STATELESS)) <= 30 * MINUTE


def test_nothing_is_done_any_more_but_backups_once_the_zone_is_steady(flapping: Story) -> None:
    late = {call.operation for call in flapping.calls if call.at > 3 * HOUR}
    assert late <= {"CreateSnapshot"}
