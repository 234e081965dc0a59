"""Which intents this process has written lately, so that memory reads those again and no others."""

from __future__ import annotations

KEPT = 500
"""So many: who has not read for longer reads everything."""


class Journaled:
    """The operations of one cell whose intents were written, or were about to be, in order."""

    def __init__(self) -> None:
        self._count = 0
        self._forgotten = 0
        self._written: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How often anything was written; what came later can be asked for."""
        return self._count

    def note(self, operation_id: str) -> None:
        """The intent of that operation is written in this transaction, whether or not that will hold."""
        self._count += 1
        self._written.pop(operation_id, None)
        self._written[operation_id] = self._count
        if len(self._written) > KEPT:
            self._written.clear()
            self._forgotten = self._count

    def since(self, count: int) -> frozenset[str] | None:
        """The operations that were noted after so many; None when that is not known any more."""
        if count < self._forgotten:
            return None
        return frozenset(id_ for id_, noted in self._written.items() if noted > count)
