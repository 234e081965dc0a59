"""Every claim with its newest restore point, and what would be lost if its volume stuck now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from providers.observed import Snapshot
from reconciler.planning.backups.objectives import OUTSIDE, ClaimBackup, Protection
from reconciler.planning.case import Case
from reconciler.planning.slots.archives import ArchivePoint
from reconciler.planning.slots.copied import Elsewhere
from reconciler.surface import words
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import (
    BLANK,
    Line,
    Span,
    Style,
    bounded_width,
    columns,
    line,
    wrapped,
)
from reconciler.surface.plan_json import cell_document
from reconciler.surface.plan_text import header_lines

FORMAT_VERSION = "1.0"

_STYLES = {
    Protection.UNPROTECTED: Style.BAD,
    Protection.LATE: Style.BAD,
    Protection.UNKNOWN: Style.HELD,
    Protection.NOT_DECLARED: Style.DIM,
    Protection.GOOD: Style.GOOD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellBackups:
    """The claims of a cell, those outside their objective first."""

    case: Case
    claims: tuple[ClaimBackup, ...]

    @property
    def within(self) -> bool:
        """Whether every claim is shown to be within its objective."""
        return not any(item.protection in OUTSIDE for item in self.claims)


def backups_lines(backups: CellBackups, *, width: int) -> list[Line]:
    """The backups of one cell."""
    width = bounded_width(width)
    seen = backups.case.observation.snapshots_as_of
    when = words.ago(seen, backups.case.now) if seen else "not read"
    sections = (
        header_lines(backups.case, width=width, more=[("snapshots", line(when))]),
        _claims(backups.claims),
        _notes(backups, width=width),
        wrapped((Span(_sum(backups.claims), Style.STRONG),), width=width),
    )
    return [item for section in sections if section for item in (*section, BLANK)][:-1]


def backups_document(cells: Iterable[CellBackups]) -> Json:
    """The backups of several cells in one document."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "backups",
        "cells": [
            {
                **cell_document(item.case),
                "snapshotsAsOf": json_value(item.case.observation.snapshots_as_of),
                "within": item.within,
                "claims": [_claim_document(claim) for claim in item.claims],
            }
            for item in cells
        ],
    }


def _claim_document(item: ClaimBackup) -> Json:
    point = item.restore_point
    return {
        "slot": json_value(item.slot),
        "claim": item.claim,
        "protection": item.protection.value,
        "restorePoint": None if point is None else _point_document(point),
        "archiveProblem": item.archive_why_not,
        "pending": item.pending.id if item.pending else None,
        "lossSeconds": json_value(item.loss),
        "maxLossSeconds": json_value(item.max_loss),
        "elsewhere": None if item.elsewhere is None else _elsewhere_document(item.elsewhere),
    }


def _elsewhere_document(elsewhere: Elsewhere) -> Json:
    copy = elsewhere.copy
    return {
        "region": elsewhere.region,
        "read": elsewhere.read,
        "id": copy.id if copy else None,
        "at": json_value(copy.started_at) if copy else None,
        "late": elsewhere.late,
    }


def _point_document(point: Snapshot | ArchivePoint) -> Json:
    """A snapshot by its id, an archive by its URL."""
    if isinstance(point, ArchivePoint):
        return {
            "kind": "archive",
            "id": point.url,
            "at": json_value(point.until),
            "incarnation": point.incarnation,
            "base": point.base,
            "baseFinishedAt": json_value(point.recoverable_from),
        }
    return {
        "kind": "snapshot",
        "id": point.id,
        "at": json_value(point.started_at),
        "sizeGib": point.size_gib,
    }


def _claims(claims: Sequence[ClaimBackup]) -> list[Line]:
    if not claims:
        return []
    rows = [
        (
            Span(str(item.slot), Style.STRONG),
            Span(item.claim),
            Span(item.protection.value, _STYLES[item.protection]),
            Span(_loss(item)),
            Span(_restore_point(item), Style.DIM),
        )
        for item in claims
    ]
    return [line(Span("If its volume stuck now", Style.HEADING)), *columns(rows)]


def _loss(item: ClaimBackup) -> str:
    """`12 min of 45 min would be lost`."""
    allowed = f" of {words.duration(item.max_loss)}" if item.max_loss is not None else ""
    if item.loss is None:
        return "not known" if item.protection is Protection.UNKNOWN else "all would be lost"
    return f"{words.duration(item.loss)}{allowed} would be lost"


def _restore_point(item: ClaimBackup) -> str:
    parts = []
    if item.restore_point is not None:
        parts.append(_point(item.restore_point))
    if item.pending is not None:
        parts.append(f"{item.pending.id} is pending")
    if item.archive_why_not is not None:
        parts.append(f"no archive: {item.archive_why_not}")
    if item.elsewhere is not None:
        parts.append(_elsewhere(item.elsewhere))
    return ", ".join(parts)


def _point(point: Snapshot | ArchivePoint) -> str:
    if isinstance(point, ArchivePoint):
        return f"archive {point.url} up to {words.instant(point.until)}"
    return f"snapshot {point.id} of {words.instant(point.started_at)}"


def _elsewhere(elsewhere: Elsewhere) -> str:
    """`in eu-west-1 snap-1 of 2026-04-21T11:45:00Z`."""
    if elsewhere.copy is None:
        return f"in {elsewhere.region} {'none yet' if elsewhere.read else 'not read'}"
    copy = elsewhere.copy
    return f"in {elsewhere.region} {copy.id} of {words.instant(copy.started_at)}"


def _notes(backups: CellBackups, *, width: int) -> list[Line]:
    told = [
        line(f"{gap.subject} could not be read: {gap.code}: {gap.detail}")
        for gap in backups.case.observation.gaps
    ]
    for region, late in _late_elsewhere(backups.claims).items():
        told.append(
            line(
                f"in {region} the newest copy is older than `maxLoss` and an interval, or there is none: "
                f"{words.listed(late)}"
            )
        )
    return [item for note in told for item in wrapped(note, width=width, first=line("  * "))]


def _late_elsewhere(claims: Sequence[ClaimBackup]) -> dict[str, list[str]]:
    """Claims by region, in their order."""
    late: dict[str, list[str]] = {}
    for item in claims:
        if item.elsewhere is not None and item.elsewhere.late:
            late.setdefault(item.elsewhere.region, []).append(f"{item.slot} {item.claim}")
    return late


def _sum(claims: Sequence[ClaimBackup]) -> str:
    if not claims:
        return "No claim holds data yet."
    outside = sum(item.protection in OUTSIDE for item in claims)
    if not outside:
        return f"{words.count(len(claims), 'claim')} within what is declared."
    return f"{outside} of {words.count(len(claims), 'claim')} not within what is declared."
