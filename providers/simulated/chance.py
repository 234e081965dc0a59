"""The one source of chance, handed in: `random.Random(seed)` has this face. Draws are made in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

Item = TypeVar("Item")

Range = tuple[float, float]
"""Seconds, from the shortest to the longest."""


class Chance(Protocol):
    """What the simulated cloud asks of `random.Random`."""

    def random(self) -> float:
        """A number from 0 up to, without, 1."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """A number between the two."""
        ...

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 up to, without, `stop`."""
        ...


def happens(chance: Chance, share: float) -> bool:
    """True in that share of the cases. Nothing is drawn where there is nothing to decide."""
    if share >= 1.0:
        return True
    return share > 0.0 and chance.random() < share


def drawn_time(chance: Chance, between: Range) -> timedelta:
    """A duration from a range of seconds; nothing is drawn from a range of one value."""
    shortest, longest = between
    return timedelta(seconds=shortest if shortest == longest else chance.uniform(shortest, longest))


def one_of(chance: Chance, items: Sequence[Item]) -> Item:
    """One of the items, which have an order of their own."""
    return items[chance.randrange(len(items))]
