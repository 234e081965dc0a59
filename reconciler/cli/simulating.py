"""How far replays are, while they run: a line that moves on a terminal, a line now and then in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from reconciler.simulation.runs import Progress
from reconciler.surface import words
from reconciler.surface.terminal import carried, in_colour

if TYPE_CHECKING:
    from rich.status import Status

TOLD_EVERY = timedelta(hours=6)
"""In a pipe: whenever the slowest replay has gone on for so long."""

PREPARING = "the fleets are being prepared"


class Shown:
    """Use as a context manager; `names` are those of the runs, `lasts` is how long the trouble of each is."""

    def __init__(
        self, names: Sequence[str], lasts: timedelta, stream: TextIO, environ: Mapping[str, str]
    ) -> None:
        self._names = names
        self._lasts = lasts
        self._stream = stream
        self._moving = in_colour(stream, environ)
        self._status: Status | None = None
        self._said: tuple[int, int] | None = None

    def tell(self, progress: Progress) -> None:
        """Show how far it is."""
        text = self._text(progress)
        if self._status is not None:
            self._status.update(text)
            return
        steps = min((at // TOLD_EVERY for at in _in_trouble(progress)), default=-1)
        if (progress.done, steps) != self._said and progress.done < progress.runs:
            self._said = (progress.done, steps)
            self._stream.write(carried(text, self._stream.encoding) + "\n")
            self._stream.flush()

    def _text(self, progress: Progress) -> str:
        done = f"{progress.done} of {words.count(progress.runs, 'replay')} done"
        under_way = [
            f"{self._names[number]}: {words.duration(at)} of {words.duration(self._lasts)},"
            f" {words.count(down, 'slot')} down"
            for number, (at, down) in sorted(progress.reached.items())
            if at >= timedelta()
        ]
        return "; ".join([done, *under_way] if under_way else [done, PREPARING])

    def __enter__(self) -> Self:
        if self._moving:
            from rich.console import Console  # noqa: PLC0415 - a pipe never needs it

            console = Console(file=self._stream, emoji=False, markup=False, highlight=False)
            self._status = console.status(PREPARING)
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()


def _in_trouble(progress: Progress) -> list[timedelta]:
    """How far those replays are whose trouble has begun."""
    return [at for at, _ in progress.reached.values() if at >= timedelta()]
