"""`spec.repair`: how a slot is repaired and how much at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.fields import CountOrShare, Duration
from desired_state.model import LadderStep, Share
from desired_state.reading.quantities import QuantityError, format_duration, parse_duration

_STEPS = [step.value for step in LadderStep]


def _check_ladder(ladder: list[str]) -> list[str]:
    def problems() -> Iterator[Problem]:
        for index in range(1, len(ladder)):
            step, before = ladder[index], ladder[index - 1]
            if _STEPS.index(step) <= _STEPS.index(before):
                message = f"is '{step}', which cannot come after '{before}'"
                yield Problem(
                    message=message, at=(index,), hint=f"the order is {', '.join(_STEPS)}"
                )

    refuse(problems())
    return ladder


def _check_limits(limits: dict[timedelta, int]) -> dict[timedelta, int]:
    windows = sorted(limits)
    for shorter, longer in pairwise(windows):
        if limits[longer] < limits[shorter]:
            message = (
                f"allows {limits[longer]} in {format_duration(longer)} "
                f"but {limits[shorter]} in {format_duration(shorter)}"
            )
            refuse([Problem(message=message, hint="a longer window cannot allow fewer")])
    return limits


def _check_windows(limits: object) -> object:
    """Two ways to write one window would silently become one entry."""

    def problems(written: dict[str, object]) -> Iterator[Problem]:
        seen: dict[timedelta, str] = {}
        for window in written:
            try:
                duration = parse_duration(window)
            except QuantityError:
                continue  # Reported with the key itself.
            if duration in seen:
                message = f"repeats the window {seen[duration]} as {window}"
                yield Problem(message=message, at=(window, "[key]"), hint="remove one")
            seen[duration] = window

    if isinstance(limits, dict):
        refuse(problems(limits))
    return limits


ReplacementLimits = Annotated[
    dict[Duration, Annotated[int, Field(ge=1, le=1000)]],
    BeforeValidator(_check_windows),
    AfterValidator(_check_limits),
]


class RepairDocument(Document):
    """How a slot is repaired, and how many serving slots may be taken out for it."""

    ladder: Annotated[
        list[Literal["reboot", "restart", "replace"]], AfterValidator(_check_ladder)
    ] = Field(
        default=["reboot", "restart", "replace"],
        min_length=1,
        description="Steps, mildest first; those that the evidence makes pointless are skipped. "
        "Default: [reboot, restart, replace].",
    )
    cutover_after: Duration = Field(
        default=timedelta(minutes=20),
        description="A prepared restore waits this long for the original to recover. Default: 20m.",
    )
    max_unavailable: CountOrShare | None = Field(
        default=None,
        description="Serving slots that may be out at once for work on them: a count, or a share of "
        "`replicas` rounded down. Default: 2%, but at least 1.",
    )
    max_replacements_per_slot: ReplacementLimits = Field(
        default={timedelta(hours=1): 2, timedelta(days=1): 4},
        min_length=1,
        description="Replacements of one slot in each sliding window; more waits for a person. "
        "Default: {1h: 2, 24h: 4}.",
    )


def default_max_unavailable(replicas: int) -> Share:
    """2 % of the slots rounded down, but at least one."""
    return Share(count=max(1, Share(percent=2.0).of(replicas)))
