"""All oracles together, hooked into a simulated cloud: asked before every call and after every effect.

Where no controller can be shown to break a rule the rule is open: S8's quarantine and S10's brakes are not built;
S11 needs two controllers; S13 is what the second phase of a run demands of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from providers.simulated.changes import Change
from providers.simulated.gate import Call
from tests.simulation.oracles.archives import OneWriterAnArchive, ReplayedFromItsOwn
from tests.simulation.oracles.backups import (
    OneAtATime,
    OnlyOfTheWell,
    RestoredFromItsOwn,
    RestorePointsStay,
)
from tests.simulation.oracles.copies import CopiedForItself, CopiesStay, OneCopyAtATime
from tests.simulation.oracles.data import DataOutlives, RightPlace, SingleWriter
from tests.simulation.oracles.disclosure import NothingDisclosed
from tests.simulation.oracles.freshness import FreshView
from tests.simulation.oracles.intents import IntentBeforeEffect, TokenDiscipline
from tests.simulation.oracles.ledger import Ledger
from tests.simulation.oracles.losses import LossesAsDeclared
from tests.simulation.oracles.occupancy import AbsenceIsNotEvidence, AtMostOne
from tests.simulation.oracles.oracle import Breach, Oracle
from tests.simulation.oracles.ownership import OursAndNamed
from tests.simulation.oracles.reclaimed import HeldElsewhere
from tests.simulation.oracles.taking_down import NeverTheLast, NotTooMany, NotWhatServes

ORACLES: tuple[type[Oracle], ...] = (
    AtMostOne,
    IntentBeforeEffect,
    OursAndNamed,
    AbsenceIsNotEvidence,
    FreshView,
    SingleWriter,
    RightPlace,
    DataOutlives,
    HeldElsewhere,
    RestorePointsStay,
    OnlyOfTheWell,
    OneAtATime,
    RestoredFromItsOwn,
    OneWriterAnArchive,
    ReplayedFromItsOwn,
    LossesAsDeclared,
    CopiedForItself,
    OneCopyAtATime,
    CopiesStay,
    NeverTheLast,
    NotTooMany,
    NotWhatServes,
    TokenDiscipline,
    NothingDisclosed,
)


class Watch:
    """Asks every oracle about everything. `breaches` are in the order in which they came about.

    `more` are oracles beside those of every run.
    """

    def __init__(
        self,
        ledger: Ledger,
        now: Callable[[], datetime],
        more: Iterable[Callable[[Ledger], Oracle]] = (),
    ) -> None:
        self.ledger = ledger
        self.breaches: list[Breach] = []
        self._now = now
        makers: list[Callable[[Ledger], Oracle]] = [*ORACLES, *more]
        self._oracles = [make(ledger) for make in makers]

    def call(self, call: Call) -> None:
        """A hook for the gate, before the effect of a call."""
        now = self._now()
        sent = self.ledger.note_call(call, now)
        if not call.mutating:
            return
        for oracle in self._oracles:
            self._note(oracle, oracle.before_call(sent, now))

    def changes(self, changes: Sequence[Change]) -> None:
        """A listener of the world, after an effect."""
        now = self._now()
        self.ledger.note_changes(changes)
        for oracle in self._oracles:
            self._note(oracle, oracle.after_effect(changes, now))

    def end(self) -> None:
        """The run is over."""
        for oracle in self._oracles:
            self._note(oracle, oracle.at_the_end())

    def store_lost(self) -> None:
        """The journal that was is no more."""
        self.ledger.store_lost_at = self._now()
        for oracle in self._oracles:
            if isinstance(oracle, IntentBeforeEffect):
                oracle.forget()

    def _note(self, oracle: Oracle, found: Iterable[str]) -> None:
        self.breaches.extend(Breach(oracle.rule, what) for what in found)
