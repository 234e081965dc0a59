"""Plans with planted actions, and the rules of the last look that they break."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.planning.actions import Action
from reconciler.planning.checks.last_look import PlanViolationError, check_plan
from reconciler.planning.plan import plan
from tests.support.cases import Scene


def violations(scene: Scene, *planted: Action, **changes: Any) -> list[str]:
    """The rules that the scene's plan breaks with those actions instead of its own, and with other changes to it."""
    case = scene.case()
    spoilt = replace(plan(case), actions=planted, **changes)
    try:
        check_plan(spoilt, case)
    except PlanViolationError as fault:
        return [item.rule for item in fault.violations]
    return []
