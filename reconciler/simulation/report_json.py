"""The report of replays as a versioned JSON document.

Additions raise the minor number of `formatVersion`; a field that changes its meaning or goes raises the major one.
"""

from __future__ import annotations

from reconciler.simulation.measures import calls_of, came_through, measures_of
from reconciler.simulation.record import Replayed
from reconciler.simulation.report import Report
from reconciler.simulation.summary import Summary
from reconciler.surface.json_values import Json, json_value

FORMAT_VERSION = "1.0"


def report_document(report: Report) -> Json:
    """Every replay with all that was recorded of it; times in seconds from the beginning of the trouble."""
    scenario = report.scenario
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "simulation",
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "beginsAt": json_value(scenario.begins_at),
            "lastsSeconds": json_value(scenario.lasts),
            "phases": json_value(scenario.phases),
            "sources": json_value(scenario.sources),
        },
        "slots": report.slots,
        "approvesAfterSeconds": json_value(report.approves_after),
        "summaries": [_summary(item) for item in report.summaries],
        "replays": [_replay(item) for item in report.replays],
    }


def _summary(item: Summary) -> Json:
    return {
        "policy": item.policy,
        "saturation": item.saturation,
        "seeds": [replayed.seed for replayed in item.replays],
        "tiers": json_value(item.tiers),
        "calls": json_value(item.calls),
        "restores": json_value(item.restores),
        "approvals": json_value(item.approvals),
        "launches": item.launches,
        "destroyed": item.destroyed,
        "stopped": item.stopped,
    }


def _replay(item: Replayed) -> Json:
    return {
        **json_value(item),
        "measures": json_value(measures_of(item)),
        "callParts": json_value(calls_of(item)),
        "cameThrough": came_through(item),
    }
