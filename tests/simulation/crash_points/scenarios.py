"""The reference scenarios: what is declared before, what happens, and what is declared from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from desired_state.model import Fleet, HealthSpec, LadderStep, UpdateStrategy
from tests.simulation.crash_points.stage import Stage
from tests.support.fleets import (
    SECOND,
    http_probe,
    instance_spec,
    postgres_fleet,
    repair_spec,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story. `before` is declared and converged when it begins; then `happens`, and `declared` is in force."""

    name: str
    before: tuple[Fleet, ...]
    happens: Callable[[Stage], None]
    declared: tuple[Fleet, ...]


def _nothing(_stage: Stage) -> None:
    """Only the declaration changes."""


SCENARIOS = (
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
