"""Courses that a changed declaration begins: updates and scale, carried to their end."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import UpdateStrategy
from providers.observed import InstanceState, VolumeState
from reconciler.planning.actions import Gate
from reconciler.planning.identity import Tag
from tests.support.fleets import (
    HOUR,
    health_spec,
    http_probe,
    instance_spec,
    postgres_fleet,
    user_data,
    web_fleet,
)
from tests.unit.planning.brought_up import DATABASE, PROBED, a_database, brought_up, volumes_of


def test_a_rolling_update_of_a_web_fleet_never_has_fewer_than_declared() -> None:
    passes = brought_up(web_fleet(health=health_spec(http_probe())))
    changed = instance_spec(user_data=user_data("#!/bin/sh\necho 2\n"))
    passes.declare(
        web_fleet(health=health_spec(http_probe()), update=UpdateStrategy.ROLLING, instance=changed)
    )
    while not passes.one().converged:
        running = [i for i in passes.cloud.alive() if i.state is InstanceState.RUNNING]
        assert len(running) >= 3
    assert passes.stays_quiet()
    assert {item.tags[Tag.INCARNATION] for item in passes.cloud.alive()} == {"2"}


def test_a_rolling_update_of_databases_takes_out_one_at_a_time() -> None:
    fleet = postgres_fleet(replicas=3, health=PROBED)
    passes = brought_up(fleet)
    volumes = {item.id for item in volumes_of(passes, 3)}
    passes.declare(
        replace(
            fleet,
            update=UpdateStrategy.ROLLING,
            instance=replace(fleet.instance, image="ami-0fedcba9876543210"),
        )
    )
    while not (plan := passes.one()).converged:
        down = [s for s in plan.slots if s.verdict is None or not s.verdict.serving]
        assert len(down) <= 1
    assert {item.image for item in passes.cloud.alive()} == {"ami-0fedcba9876543210"}
    assert {item.id for item in volumes_of(passes, 3)} == volumes
    assert passes.stays_quiet()


def test_an_update_that_is_taken_back_half_way_leaves_the_original() -> None:
    fleet = a_database()
    passes = brought_up(fleet)
    original = passes.occupant(DATABASE).id
    changed = replace(fleet.instance, image="ami-0fedcba9876543210")
    passes.declare(replace(fleet, update=UpdateStrategy.ROLLING, instance=changed))
    passes.some(2)
    assert len(passes.alive(DATABASE)) == 2
    passes.declare(replace(fleet, update=UpdateStrategy.ROLLING))
    passes.until_converged()
    assert [item.id for item in passes.alive(DATABASE)] == [original]
    assert passes.stays_quiet()


def test_a_spec_that_changes_again_during_an_update_is_what_the_update_ends_with() -> None:
    fleet = web_fleet(update=UpdateStrategy.ROLLING, replicas=2)
    passes = brought_up(fleet)
    for image in ("ami-00000000000000002", "ami-00000000000000003"):
        passes.declare(replace(fleet, instance=replace(fleet.instance, image=image)))
        passes.some(2)
    passes.until_converged(within=3 * HOUR)
    assert {item.image for item in passes.cloud.alive()} == {"ami-00000000000000003"}
    assert passes.stays_quiet()


def test_a_small_scale_down_needs_no_word() -> None:
    passes = brought_up(web_fleet(replicas=5))
    passes.declare(web_fleet(replicas=4))
    passes.until_converged()
    assert len(passes.cloud.alive()) == 4
    assert passes.alive("web/4") == []
    assert passes.stays_quiet()


def test_a_database_scale_down_waits_for_a_word_and_keeps_the_volume() -> None:
    fleet = postgres_fleet(replicas=2, health=PROBED)
    passes = brought_up(fleet)
    passes.declare(replace(fleet, replicas=1))
    (held,) = passes.one().withheld
    assert held.gate is Gate.SHRINK
    passes.approve(held.approval_id, held.gate)
    passes.until_converged()
    (volume,) = passes.data_volumes("shared-postgres/1")
    assert volume.state is VolumeState.AVAILABLE
    assert passes.stays_quiet()


def test_a_slot_that_returns_gets_its_old_volume_back() -> None:
    fleet = postgres_fleet(replicas=2, health=PROBED)
    passes = brought_up(fleet)
    (before,) = passes.data_volumes("shared-postgres/1")
    passes.declare(replace(fleet, replicas=1))
    (held,) = passes.one().withheld
    passes.approve(held.approval_id, held.gate)
    passes.until_converged()
    passes.declare(fleet)
    passes.until_converged()
    (after,) = passes.data_volumes("shared-postgres/1")
    assert after.id == before.id
    assert after.attachments[0].instance_id == passes.occupant("shared-postgres/1").id
