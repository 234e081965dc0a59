"""A scene as a look at its cell would assess it, for tests of what begins with such a look."""

from __future__ import annotations

from reconciler.loop.assess import Assessment
from reconciler.loop.judging_brakes import judge_brakes
from reconciler.planning.deciding import decide_all
from reconciler.planning.judging.instances import judge_all
from reconciler.planning.judging.volumes import judge_volumes
from reconciler.planning.learning import Lessons
from reconciler.planning.plan import plan_of, world_of
from tests.support.cases import Scene


def assessed(scene: Scene) -> Assessment:
    """All that a look makes of the scene; nothing is learnt from it."""
    case = scene.case()
    world = world_of(case)
    judgement = judge_all(world, case.desired, case.observation, case.memory, case.now)
    volumes = judge_volumes(world, case.observation, case.memory, case.now)
    decided = decide_all(case, world)
    return Assessment(
        case=case,
        plan=plan_of(case, world, decided),
        settlements=(),
        lessons=Lessons(
            as_of=case.now,
            complete_looks=1,
            known=case.memory.known,
            health=judgement.remembered,
            volumes={},
            held_since={},
            cold=None,
        ),
        world=world,
        judgement=judgement,
        volume_judgement=volumes,
        brakes=judge_brakes(
            world,
            judgement,
            volumes,
            desired=case.desired,
            observation=case.observation,
            memory=case.memory,
            now=case.now,
            last=None,
        ),
        decided=decided,
    )
