"""S14: what a boot script says stays in the boot script."""

from __future__ import annotations

from collections.abc import Iterable

from tests.simulation.oracles.oracle import Oracle

CANARY = "canary-of-the-boot-script"


class NothingDisclosed(Oracle):
    """S14, for the journal. Boot scripts may hold what nobody else is to read: only their hash is kept.

    Logs, errors and the surface have tests of their own.
    """

    rule = "S14"

    def at_the_end(self) -> Iterable[str]:
        if CANARY.encode() in self.ledger.store.read_bytes():
            yield "the text of a boot script is in the store"
