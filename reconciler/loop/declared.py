"""The desired state in force while the controller runs: reloaded when its files change, never for the worse.

An unreadable, invalid or drastically smaller desired state is refused; the last good one stays in force and the
reason is kept for the log and the status (design section 9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from desired_state.load import DesiredStateError
from desired_state.model import DesiredState

SMALLEST_SHARE_KEPT = 0.5
"""A change that drops more than half of all declared slots at once is more likely a lost file than a wish."""


@dataclass(slots=True)
class Declared:
    """`fingerprint` tells whether the files changed; `load` reads them, raising DesiredStateError."""

    load: Callable[[], DesiredState]
    fingerprint: Callable[[], str]
    in_force: DesiredState
    refused: str | None = None
    _seen: str = field(default="", repr=False)

    @staticmethod
    def read(load: Callable[[], DesiredState], fingerprint: Callable[[], str]) -> Declared:
        """The first reading, which has to succeed. Raises DesiredStateError."""
        seen = fingerprint()
        return Declared(load=load, fingerprint=fingerprint, in_force=load(), _seen=seen)

    def refresh(self, *, forced: bool = False) -> bool:
        """Read again if the files changed; True when another desired state is in force now."""
        seen = self.fingerprint()
        if seen == self._seen and not forced:
            return False
        self._seen = seen
        try:
            fresh = self.load()
        except DesiredStateError as fault:
            self.refused = (
                f"the changed files are invalid, the last good ones stay in force:\n{fault}"
            )
            return False
        before, after = _slots(self.in_force), _slots(fresh)
        if after < before * SMALLEST_SHARE_KEPT:
            self.refused = (
                f"the changed files declare {after} slots instead of {before}: too few to be meant; the last good "
                "ones stay in force. Restart the controller to accept them."
            )
            return False
        changed = fresh != self.in_force
        self.in_force, self.refused = fresh, None
        return changed


def _slots(desired: DesiredState) -> int:
    return sum(fleet.replicas for fleet in desired.fleets)
