"""A prober in memory: every service answers, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from providers.observed import ProbeOutcome, ProbeResult
from providers.port import ProbeTarget


@dataclass(slots=True)
class MemoryProber:
    """Implements providers.port.Prober. `outcomes` holds what differs from passed, by instance id."""

    outcomes: dict[str, ProbeOutcome] = field(default_factory=dict)
    probed: list[ProbeTarget] = field(default_factory=list)

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        results = {}
        for target in targets:
            self.probed.append(target)
            outcome = self.outcomes.get(target.instance_id, ProbeOutcome.PASSED)
            results[target.instance_id] = ProbeResult(
                instance_id=target.instance_id, outcome=outcome, detail=outcome.value, at=now
            )
        return results
