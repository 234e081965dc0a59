"""Whether the cell can be read: the `describe` breaker of each zone, from what the lists lacked lately.

Every pass reads the same whatever came of the last one, so an open breaker holds no read back: it says that what is
shown of the zone may be old. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from desired_state.safety import BreakerRules
from providers.observed import Gap, GapSubject
from reconciler.health.capabilities import BreakerState, Capability, CapabilityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a zone, and what it lacked; None when it was whole."""

    at: datetime
    lacked: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedReads:
    """The looks at a zone since the first that lacked something; of a zone that can be read nothing is kept."""

    looks: tuple[Look, ...]
    open_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedReads:
    """The `describe` breaker of each zone that is, or lately was, not read whole; every other one is closed."""

    breakers: Mapping[str, Capability] = field(default_factory=dict)
    remembered: Mapping[str, RememberedReads] = field(default_factory=dict)


NOTHING = JudgedReads()
"""Everything is read whole, and was."""
READ_BY_ZONE = frozenset(
    {GapSubject.INSTANCES, GapSubject.STATUS_CHECKS, GapSubject.VOLUMES, GapSubject.ZONES}
)
"""What every pass reads of every zone; the rest has rhythms of its own."""
EVIDENCE_SHOWN = 3


def judge_reads(
    gaps: Iterable[Gap],
    zones: Iterable[str],
    remembered: Mapping[str, RememberedReads],
    rules: BreakerRules | None,
    now: datetime,
) -> JudgedReads:
    """The breakers after this look. Without rules all are closed."""
    if rules is None:
        return NOTHING
    found = [gap for gap in gaps if gap.subject in READ_BY_ZONE]
    if not found and not remembered:
        return NOTHING
    known: dict[str, RememberedReads] = {}
    for zone in sorted({*zones, *remembered}):
        lacked = next((_said(gap) for gap in found if gap.zone in (None, zone)), None)
        before = remembered.get(zone)
        if before is None and lacked is None:
            continue
        after = _after(before, Look(at=now, lacked=lacked), rules)
        if after is not None:
            known[zone] = after
    breakers = {zone: _breaker(zone, item, rules) for zone, item in known.items()}
    return JudgedReads(breakers=breakers, remembered=known)


def _said(gap: Gap) -> str:
    return f"{gap.subject}: {gap.code}"


def _after(
    before: RememberedReads | None, look: Look, rules: BreakerRules
) -> RememberedReads | None:
    """The looks with this one. A breaker that closes, and a zone without a failure in the window, is forgotten."""
    oldest = look.at - rules.window
    looks = tuple(item for item in (*(before.looks if before else ()), look) if item.at > oldest)
    open_since = before.open_since if before else None
    if open_since is not None and _proven(looks) >= rules.proven_in_a_row:
        return None
    if all(item.lacked is None for item in looks) and open_since is None:
        return None
    if open_since is None and _opens(looks, rules):
        open_since = look.at
    return RememberedReads(looks=looks, open_since=open_since)


def _proven(looks: Sequence[Look]) -> int:
    """Whole looks in a row, up to the last."""
    return sum(1 for _ in takewhile(lambda item: item.lacked is None, reversed(looks)))


def _opens(looks: Sequence[Look], rules: BreakerRules) -> bool:
    """Enough of the looks failed, or all of the few that there are. They are counted from the first that failed."""
    failed = sum(item.lacked is not None for item in looks)
    if len(looks) < rules.failures:
        return failed == len(looks) >= rules.failures_in_a_row
    return failed >= rules.failures and failed * 100 >= rules.percent * len(looks)


def _breaker(zone: str, known: RememberedReads, rules: BreakerRules) -> Capability:
    failed = [item for item in known.looks if item.lacked is not None]
    evidence = tuple(
        f"{item.lacked} at {item.at:%H:%M:%S}Z" for item in reversed(failed[-EVIDENCE_SHOWN:])
    )
    reason = f"{len(failed)} of the last {len(known.looks)} looks were not whole"
    state = BreakerState.CLOSED
    if known.open_since is not None:
        state = BreakerState.HALF_OPEN if _proven(known.looks) else BreakerState.OPEN
    if state is BreakerState.HALF_OPEN:
        reason += f"; the last {_proven(known.looks)} of {rules.proven_in_a_row} that are asked for"
    return Capability(
        kind=CapabilityKind.DESCRIBE,
        zone=zone,
        state=state,
        since=known.open_since,
        reason=reason,
        evidence=evidence,
    )
