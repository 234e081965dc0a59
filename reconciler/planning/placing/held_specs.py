"""Specs that fail wherever they are launched: what is wrong is what is declared, and no zone (design section 7.1).

Two starts in a row of the same spec that miss their deadline, end themselves or are refused as invalid hold further
launches of it, until the declaration changes, an instance of it proves itself, or a person says so. Repairs go on with
the newest proven spec where it boots the same script. Pure.
"""

from __future__ import annotations

from collections import defaultdict

from providers.requests import LaunchInstance
from reconciler.health.capabilities import CapabilityKind
from reconciler.planning.actions import Course, Gate
from reconciler.planning.blueprint import Blueprint
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.refusal import Refusal
from reconciler.planning.settling.launch_outcomes import SPECS_FAULT, Fate, Look, Start, starts_of
from reconciler.planning.settling.specs import Proofs, Spec

STARTS_IN_A_ROW = 2
OF_REPAIRS = frozenset({Course.REPAIR, Course.REPLACE, Course.KEEP_THE_DATA, Course.RESTORE})


class HeldSpecs:
    """What the journal says of each spec; looked up when something asks."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._known: tuple[Proofs, dict[Spec, list[Start]]] | None = None

    def why(self, spec: Spec) -> str | None:
        """Why no more instances of it are launched; None where they may be."""
        if self._case.desired.policy.capabilities is None:
            return None
        proofs, starts = self._looked_up()
        if proofs.is_proven(spec, self._case.now):
            return None
        failed: list[Start] = []
        for start in reversed(starts.get(spec, [])):
            if start.fate is Fate.PROVEN:
                break
            failed.append(start)
        if len(failed) < STARTS_IN_A_ROW:
            return None
        return f"{spec.image} failed {len(failed)} times in a row, the last time: {failed[0].said}"

    def image_for(self, blueprint: Blueprint, course: Course) -> tuple[str | None, str]:
        """The image to launch, and what to say where it is not the declared one."""
        image, fleet = blueprint.image, blueprint.fleet.name
        if image is None or course not in OF_REPAIRS:
            return image, ""
        declared = Spec(fleet=fleet, image=image, user_data=blueprint.user_data)
        why = self.why(declared)
        proven = self._newest_proven(declared) if why is not None else None
        if proven is None:
            return image, ""
        return proven, f"; with {proven}, the newest that proved itself: {why}"

    def refusal(self, draft: Draft) -> Refusal | None:
        """Holds the launch of a spec that failed before."""
        request, slot = draft.action.request, draft.action.slot
        if not isinstance(request, LaunchInstance) or slot is None:
            return None
        why = self.why(Spec.of_request(slot.fleet, request))
        return Refusal(gate=Gate.SPEC, reason=why, approvable=True) if why is not None else None

    def _newest_proven(self, declared: Spec) -> str | None:
        """Of the images that were healthy for long enough with the same boot script, the one launched last."""
        proofs, _ = self._looked_up()
        launched = [
            (instance.launched_at, instance.image)
            for instance in self._case.observation.instances.values()
            if (spec := Spec.of_instance(instance)).fleet == declared.fleet
            and spec.user_data == declared.user_data
            and proofs.is_proven(spec, self._case.now)
        ]
        return max(launched)[1] if launched else None

    def _looked_up(self) -> tuple[Proofs, dict[Spec, list[Start]]]:
        if self._known is None:
            self._known = _look_up(self._case)
        return self._known


def _look_up(case: Case) -> tuple[Proofs, dict[Spec, list[Start]]]:
    """Starts that say something of their spec, in the order in which that became known."""
    intents = (*case.memory.recent_intents, *case.memory.open_intents)
    proofs = Proofs(intents, case.memory, case.observation)
    look = Look(
        memory=case.memory,
        observation=case.observation,
        fleets={fleet.name: fleet for fleet in case.desired.fleets},
        policy=case.desired.policy,
        proofs=proofs,
        now=case.now,
    )
    starts: defaultdict[Spec, list[Start]] = defaultdict(list)
    for intent in intents:
        request = intent.action.request
        if isinstance(request, LaunchInstance):
            for start in starts_of(intent, request, look):
                if start.fate is Fate.PROVEN or _is_the_specs_fault(start, case, proofs):
                    starts[start.spec].append(start)
    for own in starts.values():
        own.sort(key=lambda start: (start.known_at, start.intent.action.operation_id))
    return proofs, starts


def _is_the_specs_fault(start: Start, case: Case, proofs: Proofs) -> bool:
    if start.fate in SPECS_FAULT:
        return True
    if start.fate is not Fate.LATE or proofs.is_proven(start.spec, start.known_at):
        return False
    return case.capabilities.works(start.zone, CapabilityKind.LAUNCH)
