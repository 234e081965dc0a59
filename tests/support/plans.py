"""Plans told in short words for tests: what is done, and what is held by which gate."""

from __future__ import annotations

from reconciler.planning.actions import Action, Bucket, Withheld, target_of
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.outcome import Plan
from reconciler.planning.plan import plan
from tests.support.cases import Scene


def planned(scene: Scene) -> Plan:
    """The plan of a scene, which breaks no rule."""
    case = scene.case()
    made = plan(case)
    check_plan(made, case)
    return made


def done(scene: Scene) -> list[str]:
    """What the plan does, e.g. `launch web/1`."""
    return told(planned(scene).actions)


def told(actions: tuple[Action, ...]) -> list[str]:
    """Actions as kind and slot."""
    return [f"{item.request.kind} {item.slot}" for item in actions]


def held(scene: Scene) -> list[str]:
    """What the plan withholds, e.g. `capacity web/1`."""
    return [f"{item.gate} {item.slot}" for item in planned(scene).withheld]


def the_action(scene: Scene) -> Action:
    """The one action of the plan."""
    (action,) = planned(scene).actions
    return action


def the_hold(scene: Scene) -> Withheld:
    """The one thing that the plan withholds."""
    (withheld,) = planned(scene).withheld
    return withheld


def bucket(scene: Scene, text: str) -> Bucket:
    """Where that slot stands."""
    (outcome,) = [item for item in planned(scene).slots if str(item.slot) == text]
    return outcome.bucket


def target(scene: Scene) -> str | None:
    """The id that the one action of the plan acts on."""
    return target_of(the_action(scene).request)
