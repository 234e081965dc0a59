"""S6 and S7 for archives: nobody writes into another's, and what is replayed is the newest that its own slot wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from providers.simulated.archives import Archived
from tests.simulation.oracles.backups import tags_asked_for
from tests.simulation.oracles.ledger import DECIDED_WITHIN, OLDEST_VIEW, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import RESTORE_FROM, incarnation_of, slot_of

READ_EVERY = timedelta(minutes=5)
READ_WITHIN = READ_EVERY + OLDEST_VIEW + DECIDED_WITHIN


def path_of(tags: Mapping[str, str]) -> str | None:
    """Where the database on an instance with these tags archives to; None when they do not say."""
    slot, incarnation = slot_of(tags), incarnation_of(tags)
    return f"{slot}/{incarnation}" if slot and incarnation else None


class OneWriterAnArchive(Oracle):
    """S6. An archive has been written by one instance, however many were launched and however they fared."""

    rule = "S6"

    def at_the_end(self) -> Iterable[str]:
        for path, archived in self.ledger.archives.items():
            if len(archived.writers) > 1:
                yield f"{path} was written by {', '.join(sorted(archived.writers))}"


class ReplayedFromItsOwn(Oracle):
    """S7 for restores from archives. What a launch is to replay has a finished base, and was written by an earlier
    incarnation of the same slot, of which none that came after it had an archive to replay, once that can be known: it
    can't be while most reads fail.
    """

    rule = "S7"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        tags = tags_asked_for(call) if call.operation == "RunInstances" else {}
        slot, parent = slot_of(tags), tags.get(RESTORE_FROM)
        if parent is None:
            return
        archived = self.ledger.archives.get(f"{slot}/{parent}")
        if archived is None or archived.newest is None:
            yield f"{slot} is to replay the archive of incarnation {parent}, which holds no base"
        unread = self.ledger.archives_unread_until
        if unread is not None and now - unread <= READ_WITHIN:
            return
        for later in range(int(parent) + 1, incarnation_of(tags)):
            if self._was_usable(self.ledger.archives.get(f"{slot}/{later}"), now):
                yield f"{slot} is to replay the archive of incarnation {parent}, though {later} has one"

    def _was_usable(self, archived: Archived | None, now: datetime) -> bool:
        base = archived.newest if archived else None
        return base is not None and now - base.finished_at > READ_WITHIN
