"""Which faults came to bear where: the table of fault x point.

P1  before an intent is committed         P6  while something is waited for, or between passes
P2  committed, the call not sent          P7  during an observation
P3  sent, not applied                     P8  taking the lease
P4  applied, the answer lost              P9  in the first pass of a process that follows another
P5  answered, the outcome not journaled
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

POINTS = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9")

MEANINGFUL: Mapping[str, str] = {
    "F1": "P1 P2 P3 P4 P5 P6 P7 P8 P9",
    "F2": "P1 P2 P3 P4 P5 P6 P7 P8 P9",
    "F4": "P3 P7 P9",
    "F5": "P4 P9",
    "F6": "P4 P9",
    "F7": "P4 P6 P9",
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
    "F18": "P3 P6 P9",
    "F20": "P6 P7",
    "F21": "P3 P6 P7 P9",
    "F24": "P1 P2 P5 P6 P7 P9",
    "F26": "P1 P5 P9",
}
"""The cells of the reliability reference that a single controller on one store can meet.

Open, since what they need is not built: F19 (no snapshot is asked for yet), F22 (sentinels), F3, F23, F25, F27, F29,
F30, and leases at P8 of any kind but deaths.
"""


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

    def missing(self) -> list[str]:
        """Cells that could be hit and were not."""
        return [
            f"{fault} x {point}"
            for fault, points in MEANINGFUL.items()
            for point in points.split()
            if not self.hits[fault, point]
        ]

    def rare(self, *, share: float, hits: int) -> list[str]:
        """Faults that were on in too few seeds, or came to bear too seldom."""
        found = []
        for fault in MEANINGFUL:
            seldom = sum(self.hits[fault, point] for point in POINTS) < hits
            if self.on[fault] < share * self.seeds or seldom:
                found.append(fault)
        return found

    def table(self) -> str:
        """Hits of each cell; `·` where the reference sees no meaning, or the cell is open."""
        lines = [f"{'':<6}{'seeds':>8}" + "".join(f"{point:>9}" for point in POINTS)]
        for fault, meant in MEANINGFUL.items():
            cells = "".join(f"{self._cell(fault, point, meant):>9}" for point in POINTS)
            lines.append(f"{fault:<6}{self.on[fault] / max(1, self.seeds):>8.0%}{cells}")
        return "\n".join(lines)

    def _cell(self, fault: str, point: str, meant: str) -> str:
        count = self.hits[fault, point]
        return f"{count:,}" if count or point in meant.split() else "·"
