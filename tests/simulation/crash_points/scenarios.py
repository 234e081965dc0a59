"""The reference scenarios: what is declared before, what happens, and what is declared from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from desired_state.model import Fleet, HealthSpec, LadderStep, UpdateStrategy
from reconciler.planning.actions import SlotRef
from reconciler.planning.backups.schedule import last_due
from tests.simulation.crash_points.stage import Stage
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    data_claim,
    http_probe,
    instance_spec,
    postgres_fleet,
    repair_spec,
    snapshots_of,
    tcp_probe,
    web_fleet,
)

SOON = HealthSpec(
    startup_grace=60 * SECOND,
    unhealthy_after=30 * SECOND,
    recover_after=30 * SECOND,
    probe=None,
)
REPLACE = repair_spec(ladder=(LadderStep.REPLACE,))

WEB = web_fleet(replicas=2, health=replace(SOON, probe=http_probe()), repair=REPLACE)
DATABASE = postgres_fleet(replicas=1, health=replace(SOON, probe=tcp_probe()), repair=REPLACE)

BACKED_UP = replace(DATABASE, claims=(data_claim(backup=snapshots_of(DAY, all=12 * HOUR)),))
"""A snapshot a day, kept for half a day; no date but the first comes while a story is told, unless it is about one."""
SLOT = SlotRef("shared-postgres", 0)


def cutting_over_after(wait: timedelta) -> Fleet:
    """The database, whose stuck volume is given that long to answer again."""
    return replace(BACKED_UP, repair=replace(REPLACE, cutover_after=wait))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story. `before` is declared and converged when it begins; then `happens`, and `declared` is in force."""

    name: str
    before: tuple[Fleet, ...]
    happens: Callable[[Stage], None]
    declared: tuple[Fleet, ...]
    lasts: timedelta = timedelta()
    """At least, from what happens on."""


def _nothing(_stage: Stage) -> None:
    """Only the declaration changes."""


def _a_snapshot_is_due(stage: Stage) -> None:
    """It is the first instant of the slot's next date."""
    now = stage.clock.now()
    stage.clock.advance(last_due(SLOT, DAY, now) + DAY - now)


REFERENCE = (
    Scenario(name="bring-up", before=(), happens=_nothing, declared=(WEB, DATABASE)),
    Scenario(
        name="scale up",
        before=(WEB, DATABASE),
        happens=_nothing,
        declared=(replace(WEB, replicas=3), replace(DATABASE, replicas=2)),
    ),
    Scenario(
        name="replace stateless, gone",
        before=(WEB,),
        happens=lambda stage: stage.is_terminated("web/1"),
        declared=(WEB,),
    ),
    Scenario(
        name="replace stateless, unhealthy",
        before=(WEB,),
        happens=lambda stage: stage.fails("web/1"),
        declared=(WEB,),
    ),
    Scenario(
        name="keep the data, gone",
        before=(DATABASE,),
        happens=lambda stage: stage.is_terminated("shared-postgres/0"),
        declared=(DATABASE,),
    ),
    Scenario(
        name="keep the data, unhealthy",
        before=(DATABASE,),
        happens=lambda stage: stage.fails("shared-postgres/0"),
        declared=(DATABASE,),
    ),
    Scenario(
        name="rolling update",
        before=(replace(WEB, update=UpdateStrategy.ROLLING),),
        happens=_nothing,
        declared=(
            replace(
                WEB,
                update=UpdateStrategy.ROLLING,
                instance=instance_spec(types=("m7i.large",)),
            ),
        ),
    ),
    Scenario(
        name="scale down",
        before=(replace(WEB, replicas=4),),
        happens=_nothing,
        declared=(WEB,),
    ),
)
BACKUPS_AND_RESTORES = (
    Scenario(
        name="a snapshot is taken, an older one goes",
        before=(BACKED_UP,),
        happens=_a_snapshot_is_due,
        declared=(BACKED_UP,),
    ),
    Scenario(
        name="restore, in error",
        before=(BACKED_UP,),
        happens=lambda stage: stage.volume_fails(str(SLOT)),
        declared=(BACKED_UP,),
    ),
    Scenario(
        name="restore, stuck",
        before=(cutting_over_after(3 * MINUTE),),
        happens=lambda stage: stage.volume_sticks(str(SLOT)),
        declared=(cutting_over_after(3 * MINUTE),),
    ),
    Scenario(
        name="restore, answers again before the commit",
        before=(cutting_over_after(HOUR),),
        happens=lambda stage: stage.volume_sticks(str(SLOT), lasts_after_launch=2 * MINUTE),
        declared=(cutting_over_after(HOUR),),
        lasts=2 * HOUR,
    ),
)
SCENARIOS = (*REFERENCE, *BACKUPS_AND_RESTORES)
