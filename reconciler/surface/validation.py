"""What validating found: the fleets that are declared, or everything that is wrong with the files."""

from __future__ import annotations

from collections.abc import Iterable

from desired_state.model import DesiredState, Fleet
from desired_state.reading.diagnostics import Diagnostic
from reconciler.surface import words
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import BLANK, Line, Span, Style, columns, line

FORMAT_VERSION = "1.0"


def valid_lines(desired: DesiredState) -> list[Line]:
    """A line per fleet and the sum; warnings are printed apart."""
    rows = [
        [
            Span(fleet.name, Style.STRONG),
            Span(f"tier {fleet.tier}"),
            Span(words.count(fleet.replicas, "replica")),
            Span(f"mode {fleet.mode.value}{', paused' if fleet.paused else ''}"),
            Span(_volumes(fleet)),
            Span(f"{fleet.source.file}:{fleet.source.line}", Style.DIM),
        ]
        for fleet in desired.fleets
    ]
    slots = sum(fleet.replicas for fleet in desired.fleets)
    total = f"{words.count(len(desired.fleets), 'fleet')} with {words.count(slots, 'slot')}"
    warned = f"; {words.count(len(desired.warnings), 'warning')}" if desired.warnings else ""
    policy = f"safety policy {desired.policy.name}"
    return [*columns(rows), BLANK, line(Span(f"Valid: {total}, {policy}{warned}.", Style.STRONG))]


def valid_document(desired: DesiredState) -> Json:
    """The same as JSON."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "validation",
        "valid": True,
        "fleets": [
            {
                "name": fleet.name,
                "tier": fleet.tier,
                "replicas": fleet.replicas,
                "mode": fleet.mode.value,
                "paused": fleet.paused,
                "account": fleet.placement.account,
                "region": fleet.placement.region,
                "claims": [claim.name for claim in fleet.claims],
                "source": json_value(fleet.source),
            }
            for fleet in desired.fleets
        ],
        "policy": desired.policy.name,
        "warnings": list(desired.warnings),
        "errors": [],
    }


def refused_document(diagnostics: Iterable[Diagnostic]) -> Json:
    """Every error of an unusable desired state as JSON."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "validation",
        "valid": False,
        "errors": [json_value(diagnostic) for diagnostic in diagnostics],
    }


def _volumes(fleet: Fleet) -> str:
    if not fleet.claims:
        return "no volumes"
    sizes = ", ".join(f"{claim.name} {claim.size_gib} GiB" for claim in fleet.claims)
    return f"volumes {sizes}"
