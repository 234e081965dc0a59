"""One circuit breaker, folded from the outcomes of the calls of one kind in one zone (design sections 7.3 and 7.4).

    closed ── too many failures ──> open ── two proven in a row ──> closed, its use growing round by round
                                     ^                                      │
                                     └────────── two failures in a row ─────┘

Nothing is remembered but the outcomes. Whatever is worse about them gives a breaker that lets no more through: windows
are not cleared when it closes, rounds begin at the same instants whenever it closed, and each failure counts anew
which calls may prove the zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from desired_state.safety import BreakerRules
from reconciler.health.capabilities import (
    BreakerState,
    CallOutcome,
    CallResult,
    Capability,
    CapabilityKind,
)

FORGOTTEN_AFTER = timedelta(hours=2)
"""Without another bad sign. Nobody may have had reason to try; then it is used again, one call a round at first."""
EVIDENCE = 5
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SMALLEST_ROUND = 1.0
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What opens a breaker besides its own failures: of launches, throttles and shortage everywhere at once."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The calls behind a breaker: those that wait, whether one has no answer yet, and its evidence, newest first."""

    kind: CapabilityKind
    zone: str
    waiting: tuple[CallOutcome, ...]
    unanswered: bool
    evidence: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Breaker:
    """The fold. `most` is what a round may hold at most, `usual` what it holds at the usual pace.

    Outcomes are handed over in the order in which they became known.
    """

    rules: BreakerRules
    most: float
    usual: float
    begun: Sequence[datetime]
    """When the calls of this kind in this zone began, sorted."""
    opened_at: datetime | None = None
    reason: str = ""
    last_bad_at: datetime | None = None
    closed_at: datetime | None = None
    """Since when its use grows; None when it never was open, or has long grown up."""
    level: float = SMALLEST_ROUND
    _window: deque[tuple[datetime, bool]] = field(default_factory=deque)
    _in_a_row: int = 0
    """Proven while it is open, failed while it is closed."""
    _proves_since: datetime | None = None
    """Calls begun before this prove nothing of the zone as it is now."""
    _round_ends_at: datetime | None = None
    _round_proven: bool = False
    _round_failed: bool = False

    def take(self, outcome: CallOutcome) -> None:
        """The next result; whatever waits, was throttled or found no capacity is none."""
        if outcome.result is CallResult.WAITING or outcome.throttled or outcome.short:
            return
        failed = outcome.result is CallResult.FAILED
        self.advance(outcome.known_at)
        self._window.append((outcome.known_at, failed))
        if failed:
            self._fail(outcome.known_at)
        elif self.opened_at is None:
            self._in_a_row, self._round_proven = 0, True
        elif self._proves_since is None or outcome.began_at >= self._proves_since:
            self._in_a_row += 1
            if self._in_a_row >= self.rules.proven_in_a_row:
                self._close(outcome.known_at)

    def trouble(self, trouble: Trouble) -> None:
        """It is open, whatever its own calls say."""
        self.advance(trouble.at)
        self.last_bad_at = trouble.at
        if self.opened_at is None:
            self._open(trouble.at, trouble.reason)

    def advance(self, now: datetime) -> None:
        """What time alone brings about until then."""
        if self.opened_at is not None and self.last_bad_at is not None:
            forgotten_at = self.last_bad_at + FORGOTTEN_AFTER
            if now >= forgotten_at:
                self._close(forgotten_at)
        while self._round_ends_at is not None and now >= self._round_ends_at:
            self._end_round(self._round_ends_at)

    def _fail(self, at: datetime) -> None:
        self.last_bad_at = at
        self._proves_since = at - self.rules.window
        if self.opened_at is not None:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self.closed_at is not None:
            self._round_failed = True
            self.level = max(SMALLEST_ROUND, self.level / 2)
        if (why := self._too_many(at)) is not None:
            self._open(at, why)

    def _too_many(self, at: datetime) -> str | None:
        """Why it opens at this failure, by the results of the sliding window."""
        while self._window and self._window[0][0] <= at - self.rules.window:
            self._window.popleft()
        failures = sum(1 for _, failed in self._window if failed)
        few = len(self._window) < self.rules.failures or self.closed_at is not None
        if few and self._in_a_row >= self.rules.failures_in_a_row:
            return f"{self._in_a_row} calls in a row failed"
        if failures < self.rules.failures:
            return None
        if 100 * failures < self.rules.percent * len(self._window):
            return None
        minutes = self.rules.window / MINUTE
        return f"{failures} of {len(self._window)} calls failed in {minutes:g} min"

    def _open(self, at: datetime, why: str) -> None:
        self.opened_at, self.reason = at, why
        self.closed_at = self._round_ends_at = None
        self._in_a_row = 0
        self._proves_since = at - self.rules.window

    def _close(self, at: datetime) -> None:
        self.opened_at, self.closed_at = None, at
        self.level, self._in_a_row = SMALLEST_ROUND, 0
        self._round_ends_at = self._round_of(at) + self.rules.ramp_round
        # The first round is a part of one: it shows nothing yet.
        self._round_proven, self._round_failed = False, True

    def _end_round(self, ends_at: datetime) -> None:
        if self._round_proven and not self._round_failed:
            self.level = min(self.most, self.level * 2)
        used = self._begun_within(ends_at - self.rules.ramp_round, ends_at)
        grown_up = self.level >= self.most and used <= self.usual
        forgotten = (
            self.last_bad_at is not None and ends_at >= self.last_bad_at + 2 * FORGOTTEN_AFTER
        )
        if grown_up or forgotten:
            self.closed_at = self._round_ends_at = None
            return
        self._round_ends_at = ends_at + self.rules.ramp_round
        self._round_proven = self._round_failed = False

    def _round_of(self, at: datetime) -> datetime:
        """Rounds begin at the same instants whenever it closed."""
        return at - (at - EPOCH) % self.rules.ramp_round

    def _begun_within(self, since: datetime, until: datetime) -> int:
        return bisect_left(self.begun, until) - bisect_left(self.begun, since)

    def _begun_since(self, since: datetime) -> int:
        return len(self.begun) - bisect_left(self.begun, since)

    def as_of(self, now: datetime, told: Told) -> Capability:
        """The breaker at that instant; the fold stays as it is."""
        later = replace(self, _window=deque(self._window))
        later.advance(now)
        return later.tell(now, told)

    def tell(self, now: datetime, told: Told) -> Capability:
        """How it stands, once it was brought up to that instant."""
        return self._working(now, told) if self.opened_at is None else self._not_closed(now, told)

    def _working(self, now: datetime, told: Told) -> Capability:
        growing = self.closed_at is not None
        return Capability(
            kind=told.kind,
            zone=told.zone,
            state=BreakerState.CLOSED,
            since=self.closed_at,
            reason="works again; its use grows round by round" if growing else "",
            waiting=len(told.waiting),
            level=self.level if growing else None,
            round_used=self._begun_since(self._round_of(now)) if growing else 0,
            round_ends_at=self._round_ends_at,
        )

    def _not_closed(self, now: datetime, told: Told) -> Capability:
        next_at = None if told.unanswered else self._next_probe_at(told)
        trying = any(item.began_at > (self.opened_at or now) for item in told.waiting)
        due = next_at is not None and now >= next_at
        return Capability(
            kind=told.kind,
            zone=told.zone,
            state=BreakerState.HALF_OPEN if trying or due else BreakerState.OPEN,
            since=self.opened_at,
            reason=self.reason,
            evidence=told.evidence,
            next_probe_at=next_at,
            waiting=len(told.waiting),
        )

    def _next_probe_at(self, told: Told) -> datetime | None:
        """When the next call may be tried: counted from the last one's beginning, whether or not it is proven."""
        if self.opened_at is None:
            return None
        tried = len(self.begun) - bisect_right(self.begun, self.opened_at)
        waits = self.rules.probes
        wait = waits[min(tried, len(waits) - 1)]
        since = self.begun[-1] if tried else self.opened_at
        name = f"{told.zone}|{told.kind}|{tried}"
        return since + wait * _jitter(name, self.rules.probe_jitter_percent)


def told_of(kind: CapabilityKind, zone: str, outcomes: Sequence[CallOutcome]) -> Told:
    """What a breaker tells of its calls besides its state. `outcomes` are in the order in which they became known."""
    bad = [item.said for item in outcomes if _is_bad(item)]
    return Told(
        kind=kind,
        zone=zone,
        waiting=tuple(item for item in outcomes if item.result is CallResult.WAITING),
        unanswered=any(item.unanswered for item in outcomes),
        evidence=tuple(reversed(bad[-EVIDENCE:])),
    )


def _is_bad(outcome: CallOutcome) -> bool:
    return outcome.result is CallResult.FAILED or outcome.throttled or outcome.short


def _jitter(name: str, percent: float) -> float:
    """A factor around 1, always the same for the same name, so that zones are not tried in step."""
    share = int.from_bytes(sha256(name.encode()).digest()[:4]) / 0xFFFFFFFF
    return 1 + (2 * share - 1) * percent / 100
