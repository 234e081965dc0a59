"""What an oracle is: a rule that is asked after every effect and before every call, and says what breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from providers.simulated.changes import Change
from tests.simulation.oracles.ledger import Ledger, SentCall


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule: which, and how, in one sentence with ids."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


class Oracle:
    """The base of all: says nothing. `rule` is the invariant's number in the reliability reference."""

    rule: ClassVar[str]

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        """What is wrong with a mutating call that is about to be carried out."""
        return ()

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        """What is wrong with the truth as it has just become."""
        return ()

    def at_the_end(self) -> Iterable[str]:
        """What is wrong with the whole run."""
        return ()
