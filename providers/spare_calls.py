"""What a cell may ask beyond its constant work: fallbacks, second looks and retries, which trouble would multiply."""

from __future__ import annotations

from typing import Protocol


class SpareCalls(Protocol):
    """Counts every call of a cell, and gives out the few that are extra."""

    def count(self) -> None:
        """A call was made, of whatever kind."""
        ...

    def spend(self) -> bool:
        """Take one extra call; False when there is none to spare now."""
        ...


class Unbounded:
    """For a single look by hand, which may ask what it needs."""

    def count(self) -> None:
        """Nobody adds them up."""

    def spend(self) -> bool:
        """Always."""
        return True
