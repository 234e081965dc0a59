"""A whole region in trouble: what serves is kept, what can be restored comes back, and calls stay few."""

from __future__ import annotations

import pytest

from reconciler.simulation.measures import calls_of
from tests.scenarios.playing import (
    HOUR,
    MINUTE,
    TAKES_OUT,
    A,
    Story,
    all_well,
    busiest,
    fleets,
    played,
)

MOSTLY_WEB = {"dedicated_postgres": 8, "git": 2, "shared_postgres": 2, "routers": 4, "web": 24}
BACKUPS = {"CreateSnapshot"}


# April 2011: volumes are stuck in one zone, and launches fail in all


@pytest.fixture(scope="module")
def april() -> Story:
    """Up to launches working again after 11 hours and 13 minutes, and a little longer."""
    databases = fleets(dedicated_postgres=40, git=4, shared_postgres=16, routers=4)
    return played("us-east-1-2011-04-21", databases, lasts=12 * HOUR)


def test_stuck_databases_with_archives_are_restored_in_other_zones(april: Story) -> None:
    stuck = {slot for slot in april.hit if slot.startswith("dedicated-postgres")}
    assert stuck
    assert {item.slot for item in april.record.restores if item.source == "archive"} >= stuck
    for slot in stuck:
        (occupant,) = april.occupants[slot]
        assert april.instances[occupant].zone != A
    assert april.back_by(stuck) <= 11 * HOUR + 43 * MINUTE


def test_what_was_lost_is_minutes_and_was_stated_as_no_less(april: Story) -> None:
    archived = [item for item in april.record.restores if item.source == "archive"]
    for item in archived:
        assert item.lost is not None
        assert item.stated is not None
        assert item.lost <= 2 * MINUTE
        assert item.lost - item.stated <= MINUTE


def test_a_storm_takes_nothing_that_serves_and_no_only_copy(april: Story) -> None:
    assert april.hit <= april.in_zone(A)
    assert april.taken_out() == frozenset()
    assert not april.record.destroyed
    assert april.record.stopped is None


def test_what_is_still_down_are_shared_databases_that_wait_for_a_person(april: Story) -> None:
    """Their newest snapshot is of yesterday, and their fleet is in mode approve."""
    down = {item.slot for item in april.record.down if item.until is None}
    asked = {str(item.slot) for item in april.withheld if item.gate == "mode-approve"}
    assert down == asked
    assert all(slot.startswith("shared-postgres") for slot in down)


def test_the_zone_of_the_storm_is_not_normal_while_its_slots_are_down(april: Story) -> None:
    bands = april.bands(f"zone {A}", "degraded", "critical")
    assert bands
    assert not [
        band
        for zone in ("use1-az2", "use1-az4", "use1-az6")
        for band in april.bands(f"zone {zone}")
    ]


def test_launches_that_fail_are_few(april: Story) -> None:
    assert busiest(april.made("RunInstances"), HOUR) <= 12


# October 2025: launches are refused, then late, while instances stay healthy


@pytest.fixture(scope="module")
def october() -> Story:
    """To the end of the late networks. A person approves what has waited for two and a half hours."""
    return played(
        "us-east-1-2025-10-20",
        fleets(**MOSTLY_WEB),
        lasts=12 * HOUR,
        approves_after=150 * MINUTE,
    )


def test_what_ran_before_goes_on_although_checks_flap_and_launches_fail(october: Story) -> None:
    assert {item.since for item in october.record.down} == {30 * MINUTE}, "those that really fail"
    assert all_well(october)


def test_launches_that_are_refused_everywhere_or_late_open_their_breaker_again_and_again(
    october: Story,
) -> None:
    bands = [band for band in october.record.bands if band.what.startswith("launch in")]
    assert sum(band.state == "open" for band in bands) >= 4
    assert busiest(october.made("RunInstances"), HOUR) <= 12


def test_while_ec2_collapses_nothing_that_serves_is_taken_out(october: Story) -> None:
    collapse = [call for call in october.made(*TAKES_OUT) if 157 * MINUTE <= call.at < 340 * MINUTE]
    assert not [call for call in collapse if call.serving]


# Calls of EC2 fail


@pytest.fixture(scope="module")
def brown_out() -> Story:
    return played("api-brown-out", fleets(**MOSTLY_WEB))


def test_a_brown_out_is_asked_no_more_than_peace_is(brown_out: Story) -> None:
    before = calls_of(brown_out.record).before.an_hour or 0
    calls = brown_out.record.calls
    during = sum(item.all for item in calls if 0 <= item.minute < 30) * 2
    after = sum(item.all for item in calls if 40 <= item.minute < 90) * 60 / 50
    assert during <= 1.2 * before
    assert after <= 1.1 * before


def test_a_brown_out_is_told_and_hardly_anything_is_changed_in_it(brown_out: Story) -> None:
    calls = [item for item in brown_out.record.calls if 0 <= item.minute < 30]
    assert sum(item.mutating for item in calls) <= 3
    assert brown_out.bands("API", "trouble")
    assert brown_out.bands("region us-east-1", "critical")


def test_what_failed_in_a_brown_out_is_mended_right_after_it(brown_out: Story) -> None:
    assert brown_out.hit
    assert brown_out.back_by(brown_out.hit) <= 40 * MINUTE
    assert all_well(brown_out)


# Nobody measures anything


@pytest.fixture(scope="module")
def blackout() -> Story:
    return played("monitoring-blackout", fleets(**MOSTLY_WEB))


def test_without_metrics_and_checks_nothing_is_done_and_nothing_is_called_in_trouble(
    blackout: Story,
) -> None:
    assert {call.operation for call in blackout.calls} <= BACKUPS
    assert blackout.record.bands == ()
    assert not blackout.record.destroyed
    assert blackout.record.stopped is None


def test_a_database_that_dies_in_a_blackout_waits_for_a_person_who_believes_the_probe(
    blackout: Story,
) -> None:
    (slot,) = blackout.hit
    (asked,) = blackout.record.approvals
    assert (asked.slot, asked.gate) == (slot, "third-sign")
