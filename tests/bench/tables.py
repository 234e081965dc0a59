"""Tables and verdicts as text that also reads well in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promise of the design with what was measured; `limit` is the most that is allowed, or the exact value."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    exact: bool = False

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.measured == self.limit if self.exact else self.measured <= self.limit

    def __str__(self) -> str:
        allowed = "exactly" if self.exact else "at most"
        unit = f" {self.unit}" if self.unit else ""
        verdict = "pass" if self.met else "FAIL"
        return (
            f"- {verdict}: {self.what}: {self.measured:.4g}{unit}, {allowed} {self.limit:.4g}{unit}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One benchmark's table, its targets, and what could not be measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether everything was measured and every target is met."""
        return not self.notes and all(target.met for target in self.targets)

    def __str__(self) -> str:
        parts = [f"## {self.title}", "", *table(self.columns, self.rows), ""]
        # Figures of a command that failed say nothing of its targets.
        parts += [f"- FAIL: {note}" for note in self.notes] or map(str, self.targets)
        return "\n".join(parts) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned rows between bars: the first column to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    rule = "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths))
    return [bars(columns, widths), f"|{rule}|", *(bars(row, widths) for row in rows)]


def bars(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row."""
    first, *rest = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join([first, *rest])} |"
