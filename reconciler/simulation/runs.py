"""Many replays side by side: each in a process of its own, as many at once as there are cores."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context, parent_process
from multiprocessing.queues import Queue
from queue import Empty
from typing import Any

from reconciler.simulation.record import Replayed
from reconciler.simulation.replaying import Run, replay

LOOKED_AT_EVERY_S = 0.5
COLLECTS_AFTER = (50_000, 20, 50)
"""Objects, then rounds, until Python looks for cycles. A pass makes many objects, hardly any of them in a cycle: at
the usual 700 a fifth of a replay is spent looking.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the replays are; `reached` and `down` by the number of the run, of those that are under way."""

    done: int
    runs: int
    reached: dict[int, tuple[timedelta, int]] = field(default_factory=dict)
    """How far the trouble has gone, and how many slots are down."""


Tell = Callable[[Progress], None]

_told: Any = None
"""In a worker: where it tells how far it is."""


def replay_all(runs: Sequence[Run], tell: Tell) -> tuple[Replayed, ...]:
    """All replays, in the order of `runs`; they are the same however many run at once."""
    context = get_context("spawn")
    told = context.Queue()
    workers = min(len(runs), os.cpu_count() or 1)
    with ProcessPoolExecutor(
        max_workers=workers, mp_context=context, initializer=_begin, initargs=(told,)
    ) as pool:
        waiting = [pool.submit(_replay, number, run) for number, run in enumerate(runs)]
        try:
            _watch(waiting, told, tell)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return tuple(future.result() for future in waiting)


def _watch(waiting: Sequence[Future[Replayed]], told: Queue[Any], tell: Tell) -> None:
    """Until all have ended; the first that failed ends it."""
    reached: dict[int, tuple[timedelta, int]] = {}
    open_ = set(waiting)
    while open_:
        ended, open_ = wait(open_, timeout=LOOKED_AT_EVERY_S, return_when=FIRST_COMPLETED)
        for future in ended:
            future.result()
        _drain(told, reached)
        for number, future in enumerate(waiting):
            if future.done():
                reached.pop(number, None)
        tell(Progress(done=len(waiting) - len(open_), runs=len(waiting), reached=dict(reached)))


def _drain(told: Queue[Any], reached: dict[int, tuple[timedelta, int]]) -> None:
    while True:
        try:
            number, at, down = told.get_nowait()
        except Empty:
            return
        reached[number] = (at, down)


def _begin(told: Any) -> None:
    global _told  # noqa: PLW0603 - a worker has no other place for what it was begun with
    _told = told
    gc.set_threshold(*COLLECTS_AFTER)


def _replay(number: int, run: Run) -> Replayed:
    def tell(at: timedelta, down: int) -> None:
        parent = parent_process()
        if parent is None or not parent.is_alive():
            os._exit(1)  # Whoever asked was killed, and nobody waits for the rest.
        _told.put((number, at, down))

    return replay(run, tell)
