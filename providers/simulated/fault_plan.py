"""Which faults are on, and how often each was hit. Asked at every occasion; draws only where a share is to be drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from providers.simulated.chance import Chance, happens
from providers.simulated.clock import VirtualClock
from providers.simulated.faults import Fault

Kind = TypeVar("Kind", bound=Fault)
OnHit = Callable[["Hit"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault that came to bear on an operation, or on a lifecycle (`lifecycle: …`), a view, the world."""

    fault: Fault
    operation: str


class FaultPlan:
    """The faults of one world. More can be added at any time; `heal` ends them all for good."""

    def __init__(self, faults: Iterable[Fault], *, clock: VirtualClock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._faults: list[Fault] = list(faults)
        self._hits_of: Counter[int] = Counter()
        self._on: dict[type[Fault], tuple[Fault, ...]] = {}
        self.hits: Counter[tuple[str, str]] = Counter()
        """By (key, operation)."""
        self.on_hit: list[OnHit] = []
        self.revision = 0
        """Rises whenever a fault goes on or off."""
        self._watch_all()

    @property
    def faults(self) -> Sequence[Fault]:
        """All of them, on or not."""
        return tuple(self._faults)

    def add(self, fault: Fault) -> None:
        """One more fault; its times count from the beginning of virtual time."""
        self._faults.append(fault)
        self._watch(fault)
        self._refresh()

    def heal(self) -> None:
        """No fault is on, nor will be."""
        self._faults.clear()
        self._refresh()

    def on(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The faults of that kind that are on now, wherever they are."""
        return self._on.get(kind, ())  # type: ignore[return-value]  # Keyed by the type of the values.

    def strikes(
        self,
        kind: type[Kind],
        operation: str,
        *,
        zones: Collection[str] | None = None,
        call: int | None = None,
        fits: Callable[[Kind], bool] | None = None,
    ) -> Kind | None:
        """The fault of that kind that comes to bear on this occasion, counted; None when none does.

        `zones` are those that the occasion touches; None is all of them.
        """
        for fault in self.on(kind):
            when = fault.when
            if when.operations is not None and operation not in when.operations:
                continue
            if when.calls is not None and call not in when.calls:
                continue
            if when.zones is not None and zones is not None and when.zones.isdisjoint(zones):
                continue
            if when.most is not None and self._hits_of[id(fault)] >= when.most:
                continue
            if fits is not None and not fits(fault):
                continue
            if happens(self._chance, when.share):
                self.count(fault, operation)
                return fault
        return None

    def count(self, fault: Fault, operation: str) -> None:
        """One more hit."""
        self._hits_of[id(fault)] += 1
        self.hits[fault.key, operation] += 1
        self.tell(fault, operation)

    def tell(self, fault: Fault, operation: str) -> None:
        """Tell listeners of a hit; by itself, that one which was counted earlier has its effect now (`late: …`)."""
        hit = Hit(fault=fault, operation=operation)
        for listener in self.on_hit:
            listener(hit)

    def is_on(self, fault: Fault) -> bool:
        """Whether this very fault is on now."""
        return any(other is fault for other in self._on.get(type(fault), ()))

    def _watch_all(self) -> None:
        for fault in self._faults:
            self._watch(fault)
        self._refresh()

    def _watch(self, fault: Fault) -> None:
        for edge in (fault.when.since, fault.when.until):
            if edge is not None and edge > self._clock.elapsed:
                self._clock.at(self._clock.beginning + edge, self._refresh)

    def _refresh(self) -> None:
        elapsed = self._clock.elapsed
        on: dict[type[Fault], list[Fault]] = {}
        for fault in self._faults:
            begun = fault.when.since <= elapsed
            if begun and (fault.when.until is None or elapsed < fault.when.until):
                on.setdefault(type(fault), []).append(fault)
        self._on = {kind: tuple(found) for kind, found in on.items()}
        self.revision += 1
