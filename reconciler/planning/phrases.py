"""Short clauses for the reader of a plan: spans of time and verdicts, in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from desired_state.model import Fleet
from reconciler.health.verdict import Verdict, Weight
from reconciler.planning.memory import Approval

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def span(duration: timedelta) -> str:
    """A span of time for people: `12 s`, `4 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 2 * MINUTE_S:
        return f"{seconds} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds // MINUTE_S} min"
    if seconds < 2 * DAY_S:
        hours, rest = divmod(seconds, HOUR_S)
        return f"{hours} h {rest // MINUTE_S} min" if rest >= MINUTE_S else f"{hours} h"
    days, rest = divmod(seconds, DAY_S)
    return f"{days} d {rest // HOUR_S} h" if rest >= HOUR_S else f"{days} d"


def since_clause(since: datetime, now: datetime) -> str:
    """`for 4 min`."""
    return f"for {span(now - since)}"


def clause_of(verdict: Verdict) -> str:
    """What speaks against an instance, or what is not known, in one clause."""
    for weight in (Weight.BAD, Weight.NEUTRAL):
        said = [f"{item.sign} {item.detail}" for item in verdict.evidence if item.weight is weight]
        if said:
            return "; ".join(said)
    return "claims not attached yet" if verdict.evidence else "no data"


def approved_for_less(
    approval: Approval | None, now: datetime, loss: timedelta | None
) -> str | None:
    """`erin approved a loss of 2 h at most`, where an approval in force does not reach; None where none is short."""
    if approval is None or loss is None or now >= approval.expires_at:
        return None
    if approval.releases(now, loss):
        return None
    if approval.empty:
        return f"{approval.granted_by} approved an empty stand-in, not this loss"
    if approval.max_loss is None:
        return f"{approval.granted_by} approved it without a loss that was shown"
    return f"{approval.granted_by} approved a loss of {span(approval.max_loss)} at most"


def slots_of(count: int, fleet: str) -> str:
    """`1 slot of web is`, `3 slots of web are`."""
    return f"1 slot of {fleet} is" if count == 1 else f"{count} slots of {fleet} are"


def declared_size(fleet: Fleet) -> str:
    """`web declares 6 replicas`."""
    return f"{fleet.name} declares {fleet.replicas} replica{'' if fleet.replicas == 1 else 's'}"
