"""Bugs that other controllers had, as changes of this one's source.

`number` is that of the reliability reference's catalogue. The groups:

A  lost answers, views that lag, doubled or leaked creations    D  health, storms, the wrong victim
B  tokens                                                       E  throttling, paging, clocks
C  volumes and zones                                            F  leadership and fencing

A bug is caught when the command in `caught_by` fails on the changed source. Seeds are stopped at the first failure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """`old` stands exactly once in `file`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One bug. `caught_by` are arguments of `python -m`."""

    group: str
    number: int
    what: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]
    hangs: bool = False

    def __str__(self) -> str:
        return f"{self.group} {self.number}: {self.what}"


def _seeds(first: int, end: int) -> tuple[str, ...]:
    return ("tests.simulation", "--seeds", f"{first}..{end}", "--stop")


def _tests(path: str) -> tuple[str, ...]:
    return ("pytest", "-q", "-x", "-p", "no:cacheprovider", path)


def _bug(
    group: str,
    number: int,
    what: str,
    *,
    file: str,
    old: str,
    new: str,
    caught_by: tuple[str, ...] | None = None,
    hangs: bool = False,
) -> Bug:
    edit = Edit(file=file, old=old, new=new)
    seeds = caught_by or _seeds(0, 40)
    return Bug(group=group, number=number, what=what, edits=(edit,), caught_by=seeds, hangs=hangs)


BUGS = (
    _bug(
        "A",
        1,
        "an id that is not found once counts as gone",
        file="reconciler/planning/slots/absence.py",
        old="proven = is_missed_twice(resource, sight) and why_doubted(resource, sight) is None",
        new="proven = True",
    ),
    _bug(
        "A",
        10,
        "a restart forgets what it began",
        file="reconciler/store/recent.py",
        old="intents.c.state.in_(OPEN_STATES)",
        new="intents.c.state.in_(())",
    ),
    _bug(
        "A",
        4,
        "a launch without a token is repeated after a lost answer",
        file="providers/ec2/launching.py",
        old='        "ClientToken": request.client_token,\n',
        new="",
    ),
    _bug(
        "A",
        9,
        "an intent on what is gone never ends",
        file="reconciler/planning/settling/settle.py",
        old='    return view.missed(view.settled(state, f"{target} is gone"))',
        new='    return view.waiting(f"{target} is gone")',
        caught_by=_tests("tests/unit/planning/test_settling_instances.py"),
    ),
    _bug(
        "A",
        11,
        "only the first record of an answer is looked at",
        file="providers/ec2/lists.py",
        old="                    found[item.id] = item",
        new="                    found.setdefault(next(iter(found), item.id), item)",
    ),
    _bug(
        "A",
        3,
        "the id that a launch answered is not kept",
        file="reconciler/execution/sending.py",
        old='        return self._accepted(intent, receipt.resource_id, "accepted")',
        new='        return _ambiguous(context, "accepted")',
        caught_by=_tests("tests/unit/execution/test_carrying_out.py"),
    ),
    _bug(
        "B",
        17,
        "the token of a refused launch is used for another type",
        file="reconciler/planning/decision.py",
        old="    attempt = attempts.get(family, 0) + 1\n    return family",
        new="    attempt = 1\n    return family",
        caught_by=_tests("tests/unit/planning/test_filling_slots.py"),
    ),
    _bug(
        "B",
        19,
        "a mismatch of a token is a failure, though the instance runs",
        file="reconciler/execution/sending.py",
        old="                return self._mismatched(context, fault)",
        new="                return self._rejected(context, doubt, message, terms.rejected_for, fault)",
        caught_by=_tests("tests/unit/execution/test_carrying_out.py"),
    ),
    _bug(
        "B",
        20,
        "the token of a terminated instance is tried for ever",
        file="reconciler/execution/sending.py",
        old="                return self._dead(context.action, message, fault=fault)",
        new="                return _ambiguous(context, message, fault)",
        caught_by=_tests("tests/unit/execution/test_carrying_out.py"),
    ),
    _bug(
        "C",
        28,
        "a volume is attached under another device",
        file="providers/ec2/sending.py",
        old='            Device=request.device,\n        )\n        return _about_volume(request, "attach_volume"',
        new='            Device="/dev/sdz",\n        )\n        return _about_volume(request, "attach_volume"',
    ),
    _bug(
        "C",
        31,
        "a detach by somebody else is never noticed",
        file="reconciler/planning/courses/moving.py",
        old="        if claim.standing not in SETTLED:",
        new="        if claim.standing not in (*SETTLED, Standing.FREE):",
    ),
    Bug(
        group="C",
        number=38,
        what="a volume is taken from an instance that only looks dead",
        edits=(
            Edit(
                file="reconciler/planning/courses/moving.py",
                old="            return write_fence(here, occupant, holder)",
                new="            return _detach(here, holder, view, attachment)",
            ),
            Edit(
                file="reconciler/execution/precheck.py",
                old="    fenced = {InstanceState.STOPPED, InstanceState.TERMINATED}",
                new="    fenced = set(InstanceState)",
            ),
        ),
        caught_by=_tests("tests/unit/execution/test_prechecks.py"),
    ),
    _bug(
        "C",
        40,
        "a replacement is launched in another zone than its volume",
        file="reconciler/planning/placing/reach.py",
        old="    return tuple(sorted({claim.volume.zone for claim in here.view.claims if claim.volume}))",
        new="    return tuple(here.case.observation.zones)",
    ),
    _bug(
        "D",
        57,
        "tags that others set count as a change of the declaration",
        file="reconciler/planning/slots/drift.py",
        old="        if instance.tags.get(key) != value",
        new='        if instance.tags.get(key) != value or "edited-by" in instance.tags',
    ),
    _bug(
        "D",
        63,
        "the original is killed instead of its replacement's undoing",
        file="reconciler/planning/courses/keeping.py",
        old="        return let_go_of_superseded(here, instance, occupant)",
        new="        return let_go_of_superseded(here, occupant, instance)",
    ),
    _bug(
        "D",
        62,
        "the sick one is terminated before its replacement runs",
        file="reconciler/planning/courses/repair.py",
        old="            return launch_replacement(\n"
        "                here, occupant, reason, detail, course=course, by_judgement=verdict.by_judgement\n"
        "            )\n",
        new="            from reconciler.planning.courses.replacing import end_instance\n"
        "            return end_instance(here, occupant, nature=Nature.DISRUPTIVE, course=course,"
        " reason=reason, detail=detail)\n",
    ),
    _bug(
        "E",
        71,
        "further pages are not asked for",
        file="providers/ec2/calls.py",
        old='        while token := page.get("NextToken"):',
        new='        while token := page.get("NoToken"):',
        caught_by=_tests("tests/contract/test_ec2_observation.py"),
    ),
    _bug(
        "E",
        73,
        "a list whose token repeats is read for ever",
        file="providers/ec2/calls.py",
        old="                if token in tokens:",
        new="                if len(tokens) > 50:",
        caught_by=_tests("tests/contract/test_ec2_observation.py"),
        hangs=True,
    ),
    _bug(
        "E",
        69,
        "trouble is answered with a storm of retries",
        file="reconciler/execution/retrying.py",
        old="            if len(self._retries) >= max(self.always, int(len(self._calls) * self.share)):",
        new="            if len(self._retries) >= 10_000:",
        caught_by=_tests("tests/unit/execution/test_carrying_out.py"),
    ),
    _bug(
        "E",
        66,
        "a throttled list counts as an empty one",
        file="providers/ec2/reading_by_zone.py",
        old="            if not self.zones or not _fault_of_service(error):\n                self.note(error, None)\n",
        new="            if not self.zones or not _fault_of_service(error):\n",
        caught_by=_tests("tests/contract/test_ec2_observation.py"),
    ),
    _bug(
        "F",
        78,
        "whoever lost the cell goes on writing",
        file="reconciler/store/leases.py",
        old="    if renewed.rowcount == 0:\n",
        new="    if renewed.rowcount < 0:\n",
        caught_by=_tests("tests/unit/store/test_leases.py"),
    ),
    _bug(
        "F",
        77,
        "a cell that is held is taken all the same",
        file="reconciler/store/leases.py",
        old="            os.close(descriptor)\n            return False",
        new="            os.close(descriptor)\n            return True",
        caught_by=_tests("tests/unit/store/test_leases.py"),
    ),
    _bug(
        "F",
        87,
        "the epoch does not rise with a new holder",
        file="reconciler/store/leases.py",
        old="            epoch=case((mine, leases.c.epoch), else_=leases.c.epoch + 1),",
        new="            epoch=leases.c.epoch,",
        caught_by=_tests("tests/unit/store/test_leases.py"),
    ),
    _bug(
        "F",
        83,
        "closing the store does not free the cell",
        file="reconciler/store/leases.py",
        old="            os.close(self._descriptor)\n            self._descriptor = None",
        new="            self._descriptor = None",
        caught_by=_tests("tests/unit/store/test_leases.py"),
    ),
)
