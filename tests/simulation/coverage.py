"""Which faults came to bear where: the table of fault x point.

A hit counts at the point where the controller is when the fault bears on it. What happens to a resource by itself
counts at P6; a look at what is wrong at P7, and at P6 too while something is waited for; everything in a process that
has not ended a pass yet, and has a predecessor, counts at P9 as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

POINTS: Mapping[str, str] = {
    "P1": "before an intent is committed",
    "P2": "committed, the call not sent",
    "P3": "sent, not carried out",
    "P4": "carried out, the answer lost",
    "P5": "answered, the outcome not journaled",
    "P6": "while something is waited for, or between passes",
    "P7": "during an observation",
    "P9": "in the first pass of a process that follows another",
}

MEANINGFUL: Mapping[str, str] = {
    "F1": "P1 P2 P3 P4 P5 P6 P7 P9",
    "F2": "P1 P2 P3 P4 P5 P6 P7 P9",
    "F4": "P3 P7 P9",
    "F5": "P4 P9",
    "F6": "P3 P4 P5 P9",
    "F7": "P3 P4 P6 P9",
    "F8": "P4 P9",
    "F9": "P3 P6 P7 P9",
    "F10": "P3 P4 P6 P7 P9",
    "F11": "P6 P7 P9",
    "F12": "P6 P7 P9",
    "F13": "P3 P6 P7 P9",
    "F14": "P6 P7",
    "F15": "P7 P9",
    "F16": "P7 P9",
    "F17": "P3 P6 P9",
    "F18": "P3 P4 P6 P7 P9",
    "F19": "P3 P6 P7 P9",
    "F20": "P6 P7",
    "F24": "P1 P2 P3 P4 P5 P6 P7 P9",
    "F26": "P1 P5 P9",
}
"""The cells that the reliability reference marks, exhaustive or drawn. Each has to be hit."""

ALSO_DRAWN: Mapping[str, str] = {"F21": "P3 P4 P6 P7 P9"}
"""Shown, and not demanded."""

OPEN: Mapping[str, str] = {
    "P8": "taking and renewing the lease: one controller has the store to itself; only its deaths are drawn there",
    "F3": "pauses: what they endanger is a lease that somebody else takes meanwhile",
    "F21": "zones and regions in trouble: drawn, and hit where they can be; whole outages are replayed as scenarios",
    "F22": "observers that all fail: not drawn; sentinels, the answer to it, have unit tests",
    "F23": "zombie writers: the simulated guest writes nothing after its volume is gone",
    "F25": "clocks: the store's clock and EC2's are one here",
    "F26 at P8": "a store that fails over: it is one SQLite file",
    "F27": "two leaders: a second controller is refused by the lease (unit tests of the store)",
    "F28": "declarations that change: redeclared in a third of the seeds, not counted by point",
    "F29": "upgrades: there is one version of the journal yet",
    "F30": "credentials and permissions: unit tests of the adapter only",
}
"""What the reference has and this table does not, each with its reason."""


class Coverage:
    """Counts by fault and point, and how many seeds had each fault on."""

    def __init__(self) -> None:
        self.hits: Counter[tuple[str, str]] = Counter()
        self.on: Counter[str] = Counter()
        self.seeds = 0

    def add(self, kinds: Iterable[str], hits: Mapping[tuple[str, str], int]) -> None:
        """What one more seed had on, and what came to bear in it."""
        self.seeds += 1
        self.on.update(kinds)
        self.hits.update(hits)

    def merge(self, other: Coverage) -> None:
        """All that was counted elsewhere."""
        self.seeds += other.seeds
        self.on.update(other.on)
        self.hits.update(other.hits)

    def as_text(self) -> str:
        """To be read again by `read`, in another process."""
        hits = {f"{fault} {point}": count for (fault, point), count in self.hits.items()}
        return json.dumps({"seeds": self.seeds, "on": self.on, "hits": hits})

    @classmethod
    def read(cls, text: str) -> Coverage:
        """What `as_text` wrote."""
        written = json.loads(text)
        coverage = cls()
        coverage.seeds = written["seeds"]
        coverage.on.update(written["on"])
        for cell, count in written["hits"].items():
            fault, _, point = cell.partition(" ")
            coverage.hits[fault, point] = count
        return coverage

    def missing(self) -> list[str]:
        """Cells that have to be hit and were not."""
        return [
            f"{fault} x {point}"
            for fault, points in MEANINGFUL.items()
            for point in points.split()
            if not self.hits[fault, point]
        ]

    def rare(self, *, share: float, hits: int) -> list[str]:
        """Faults that were on in too few seeds, or came to bear too seldom."""
        return [
            fault
            for fault, points in MEANINGFUL.items()
            if self.on[fault] < share * self.seeds or self._total(fault, points) < hits
        ]

    def report(self) -> str:
        """The table with its legend, and what it does not show."""
        return "\n".join((self.table(), "", *self._never_hit(), *_legend(), "", *_open()))

    def _never_hit(self) -> list[str]:
        missing = self.missing()
        return [f"never hit: {', '.join(missing)}", ""] if missing else []

    def table(self) -> str:
        """Hits of each cell; `·` where the reference sees no meaning."""
        head = f"{'':<5}{'seeds on':>9}{'hits':>9}" + "".join(f"{point:>8}" for point in POINTS)
        rows = {**MEANINGFUL, **ALSO_DRAWN}
        in_order = sorted(rows, key=lambda fault: int(fault[1:]))
        return "\n".join((head, *(self._row(fault, rows[fault]) for fault in in_order)))

    def _row(self, fault: str, meant: str) -> str:
        share = self.on[fault] / max(1, self.seeds)
        cells = "".join(
            f"{self.hits[fault, point]:>8,}" if point in meant.split() else f"{'·':>8}"
            for point in POINTS
        )
        return f"{fault:<5}{share:>9.0%}{self._total(fault, meant):>9,}{cells}"

    def _total(self, fault: str, points: str) -> int:
        """Of the cells that are shown, but for P9, whose hits count at another point too."""
        return sum(self.hits[fault, point] for point in points.split() if point != "P9")


def _legend() -> list[str]:
    return [f"{point}  {meaning}" for point, meaning in POINTS.items()]


def _open() -> list[str]:
    return ["open:", *(f"  {what:<10}{why}" for what, why in OPEN.items())]
