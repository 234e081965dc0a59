"""Tells the story on the simulated cloud as it happens: a line for what was done in a pass, under the virtual time."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from reconciler.demo.truth import Claim
from reconciler.execution.outcomes import Outcome, Result
from reconciler.health.volumes import VolumeCondition
from reconciler.loop.assess import Assessment
from reconciler.planning.outcome import Plan
from reconciler.simulation.guard import Blind, Passed, PassedOver
from reconciler.surface import words
from reconciler.surface.action_text import describe, why
from reconciler.surface.layout import GAP, Line, Span, Style, line, wrapped
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.terminal import show, width_of
from reconciler.surface.volume_text import troubles

TIME_WIDTH = 9


@dataclass(frozen=True, slots=True)
class Narrator:
    """Writes to stdout; `began` is the virtual instant from which times are counted."""

    began: datetime

    def chapter(self, title: str, *remarks: str) -> None:
        """The title of a part of the story, and what one has to know of it."""
        heading = line(Span(f"# {title}", Style.STRONG))
        self._show([line(""), *wrapped(heading, width=self._width, indent=2)])
        for remark in remarks:
            self._show(wrapped(line(remark), width=self._width, first=line("  ")))

    def deeds(self, *deeds: str) -> None:
        """What happens to the fleets."""
        for deed in deeds:
            self._show(wrapped(line(deed), width=self._width, first=line("  - ")))

    def plan(self, seen: Assessment) -> None:
        """A plan as `reconciler plan` shows it."""
        self._show([line(""), *plan_lines(seen.case, seen.plan, width=self._width)])

    def passed(self, passed: Passed, began: datetime) -> None:
        """What a pass that began then has done; nothing for one that did nothing."""
        if isinstance(passed, Blind):
            self.at(
                began,
                Span(f"EC2 can't be looked at, so nothing is done: {passed.reason}", Style.HELD),
            )
            return
        if isinstance(passed, PassedOver):
            return
        for _, group in groupby(passed.outcomes, key=_sort_of):
            self.at(began, *_told(list(group)))

    def volumes(self, plan: Plan, instant: datetime, *, told: Collection[str]) -> set[str]:
        """Which volumes the controller takes for stuck, and why, where that is another matter than what was `told`;
        the ids of all that are stuck now.
        """
        stuck = set(told)
        for outcome in plan.slots:
            for claim in outcome.claims:
                if claim.volume_id is None or claim.verdict is None:
                    continue
                is_stuck = claim.verdict.condition is VolumeCondition.STUCK
                if is_stuck == (claim.volume_id in stuck):
                    continue
                said = " ".join(troubles([outcome], now=plan.made_at))
                style = Style.BAD if is_stuck else Style.GOOD
                self.at(instant, Span(said or f"{claim.volume_id} is well", style))
                stuck ^= {claim.volume_id}
        return stuck

    def standing(self, plan: Plan, slots: Collection[str]) -> None:
        """Where these slots stand by a plan."""
        for outcome in plan.slots:
            if str(outcome.slot) in slots:
                head = Span(str(outcome.slot), Style.STRONG)
                self.at(plan.made_at, head, f" {outcome.bucket}: {outcome.summary}")

    def at(self, instant: datetime, *parts: str | Span) -> None:
        """A line under a virtual time."""
        seconds = int((instant - self.began).total_seconds())
        since = f"{timedelta(seconds=seconds)!s:>{TIME_WIDTH}}"
        first = line(Span(since, Style.DIM), GAP)
        self._show(wrapped(line(*parts), width=self._width, first=first, indent=TIME_WIDTH + 6))

    def claims(self, claims: Iterable[Claim]) -> None:
        """Claims with what the truth says to them."""
        for claim in claims:
            said = Span("FALSE", Style.BAD) if claim.against else Span("true ", Style.GOOD)
            self._show(wrapped(line(claim.text), width=self._width, first=line("  ", said, GAP)))
            for fault in claim.against:
                self._show(wrapped(line(fault), width=self._width, first=line(" " * 9, "- ")))

    @property
    def _width(self) -> int:
        return width_of(sys.stdout, os.environ)

    def _show(self, lines: Iterable[Line]) -> None:
        show(lines, sys.stdout, os.environ)
        sys.stdout.flush()


def _sort_of(outcome: Outcome) -> tuple[str, str, Result]:
    """Outcomes of one sort are told in one line."""
    return describe(outcome.action.request).many, why(outcome.action), outcome.result


def _told(alike: Sequence[Outcome]) -> list[str | Span]:
    first = alike[0]
    described = describe(first.action.request)
    made = first.resource_id
    title = described.title + (f" ({made})" if made and made not in described.title else "")
    slots = words.slots([outcome.action.slot for outcome in alike])
    told: list[str | Span] = [
        Span(described.verb.symbol, described.verb.style),
        " ",
        Span(slots, Style.STRONG),
        f" {title if len(alike) == 1 else described.many.format(n=len(alike))}",
    ]
    if first.result is Result.ACCEPTED:
        return [*told, Span(f" · {why(first.action)}", Style.DIM)]
    return [*told, " · ", Span(str(first.result), Style.HELD), f" {first.message}"]
