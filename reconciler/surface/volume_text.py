"""How the volumes of a slot serve, in words: what is in trouble, and all evidence about each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from reconciler.health.verdict import Weight
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.outcome import ClaimOutcome, SlotOutcome
from reconciler.surface import words
from reconciler.surface.layout import GAP, Line, Span, Style, line, wrapped

CONDITION_STYLES: dict[VolumeCondition, Style] = {
    VolumeCondition.WELL: Style.GOOD,
    VolumeCondition.SUSPECT: Style.STRONG,
    VolumeCondition.STUCK: Style.BAD,
    VolumeCondition.IO_DISABLED: Style.BAD,
    VolumeCondition.UNKNOWN: Style.DIM,
}
WEIGHT_STYLES: dict[Weight, Style] = {
    Weight.GOOD: Style.GOOD,
    Weight.BAD: Style.BAD,
    Weight.NEUTRAL: Style.DIM,
}
IN_TROUBLE = (VolumeCondition.SUSPECT, VolumeCondition.STUCK, VolumeCondition.IO_DISABLED)


def troubles(outcomes: Iterable[SlotOutcome], *, now: datetime) -> list[str]:
    """One clause for each volume that something speaks against, in the order of the slots."""
    return [
        f"{outcome.slot}: {_trouble(claim, now)}"
        for outcome in outcomes
        for claim in outcome.claims
        if claim.verdict is not None and claim.verdict.condition in IN_TROUBLE
    ]


def _trouble(claim: ClaimOutcome, now: datetime) -> str:
    verdict = claim.verdict
    if verdict is None:
        raise ValueError(f"the volume of claim {claim.claim} was not judged")
    said = [
        f"{item.source} says {item.detail}"
        for item in verdict.evidence
        if item.weight is not Weight.GOOD
    ]
    since = words.ago(verdict.since, now)
    why = f": {'; '.join(said)}" if said else ", and nothing speaks against it any more"
    return f"{claim.volume_id} ({claim.claim}) is {verdict.condition.value} since {since}{why}"


def claim_lines(claims: Iterable[ClaimOutcome], *, now: datetime, width: int) -> list[Line]:
    """Every claim with its standing, the condition of its volume and all evidence; nothing without claims."""
    lines: list[Line] = []
    for claim in claims:
        head = line(GAP, Span(claim.claim, Style.STRONG), GAP, f"{claim.standing.value}: ")
        lines += wrapped(line(claim.detail), width=width, first=head, indent=6)
        lines += _condition_lines(claim, now=now, width=width)
    return [line(Span("Claims", Style.HEADING)), *lines] if lines else []


def _condition_lines(claim: ClaimOutcome, *, now: datetime, width: int) -> list[Line]:
    verdict = claim.verdict
    if verdict is None:
        return []
    condition = verdict.condition
    changes = f"; changes at {words.ahead(verdict.changes_at, now)}" if verdict.changes_at else ""
    lines = [
        line(
            GAP,
            GAP,
            Span(condition.value, CONDITION_STYLES[condition]),
            f" since {words.ago(verdict.since, now)}{changes}",
        )
    ]
    for item in verdict.evidence:
        head = line(GAP, GAP, Span(item.weight.value.ljust(7), WEIGHT_STYLES[item.weight]), GAP)
        what = (
            f"{item.sign.value} ({item.source}): {item.detail}, since {words.ago(item.since, now)}"
        )
        lines += wrapped(line(what), width=width, first=head)
    return lines
