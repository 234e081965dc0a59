"""The store as one cell uses it: memory in, intents and passes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from reconciler.planning.actions import Action, SlotRef
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Approval, CapacityMemory, Memory, Override, Pause
from reconciler.planning.orders import Order, OrderKind
from reconciler.store import journal, leases, passes, recollection, words
from reconciler.store.database import Database, Stamp
from reconciler.store.encoding import UnreadableError
from reconciler.store.errors import CommitUnknown, StoreUnusable
from reconciler.store.journal import HistoryEntry, Writing
from reconciler.store.leases import Holder, Lease, LockFile
from reconciler.store.passes import PassRecord, PassSummary
from reconciler.store.recollection import Recollection, recollect
from reconciler.store.schema import intents
from reconciler.store.words import GivenOrder, GivenOverride

FORGETS_EVERY = timedelta(hours=1)


class CellStore:
    """Memory, journal and words of one cell. Safe to use from several threads.

    Every method raises StoreUnusable when the store cannot be read or written; those that write the journal raise
    LeaseLost once another process has taken the cell.
    """

    def __init__(self, database: Database, cell: str) -> None:
        self._database = database
        self._lock_file = LockFile(database.path, cell) if database.path else None
        self._lease: Lease | None = None
        self._recollected: Recollection | None = None
        self._owed: tuple[Stamp, tuple[Intent, ...]] | None = None
        self._forgot_at: datetime | None = None
        self.cell = cell

    # Holding the cell.

    def acquire(self, holder: Holder) -> None:
        """Hold the cell for this process, or renew the hold. Raises LeaseHeld, naming who holds it."""
        if self._database.read_only:
            raise StoreUnusable("the store was opened to be read; a cell cannot be held through it")
        if self._lock_file and not self._lock_file.take():
            with self._reading() as connection:
                raise leases.held(connection, self.cell)
        try:
            with self._database.write() as connection:
                self._lease = leases.acquire(
                    connection, self.cell, holder, former_is_dead=self._lock_file is not None
                )
        except BaseException:
            if self._lock_file:
                self._lock_file.release()
            raise

    def release(self) -> None:
        """Let go of the cell; nothing happens when it is not held, or no longer ours."""
        if self._lease:
            with self._database.write() as connection:
                leases.give_up(connection, self._lease)
        self.close()

    def close(self) -> None:
        """Let go of the lock file alone, as the end of the process would; Store.close calls it."""
        self._lease = None
        if self._lock_file:
            self._lock_file.release()

    # Reading.

    def memory(self, now: datetime) -> Memory:
        """All that is remembered and in force at that instant, as one consistent value.

        It is read again only when somebody wrote since, or time has changed it: the same value is the same object.
        """
        with self._reading() as connection:
            stamp = self._database.stamp(connection)
            known = self._recollected
            if known is None or not known.holds(stamp, now):
                known = recollect(
                    connection,
                    self.cell,
                    now,
                    stamp=stamp,
                    taught=self._database.taught(connection, self.cell),
                    written=self._database.journaled(self.cell),
                    last=known,
                )
                self._recollected = known
            return known.memory

    def intent(self, operation_id: str) -> Intent | None:
        """The intent of that operation, if it was ever begun."""
        with self._reading() as connection:
            return journal.find(connection, operation_id)

    def owed_after(self) -> tuple[Intent, ...]:
        """Intents whose `on.after` handlers have not all run."""
        with self._reading() as connection:
            stamp = self._database.stamp(connection)
            if self._owed is None or self._owed[0] != stamp:
                owed = journal.matching(connection, self.cell, intents.c.after_owed)
                self._owed = (stamp, owed)
            return self._owed[1]

    def history(self, slot: SlotRef | None, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest events of a slot, or of the whole cell; newest first."""
        with self._reading() as connection:
            return journal.history(connection, self.cell, slot, limit)

    def given_orders(self, slot: SlotRef | None, limit: int) -> tuple[GivenOrder, ...]:
        """The newest orders for a slot, or for the whole cell, in force or not; newest first."""
        with self._reading() as connection:
            return words.given_orders(connection, self.cell, slot, limit)

    def given_overrides(self, limit: int) -> tuple[GivenOverride, ...]:
        """The newest words that lifted the brakes, in force or not; newest first."""
        with self._reading() as connection:
            return words.given_overrides(connection, self.cell, limit)

    def last_pass(self) -> PassSummary | None:
        """The newest pass on record."""
        with self._reading() as connection:
            return passes.last(connection, self.cell)

    # The journal: each of these is on disk when it returns.

    def begin(self, action: Action, now: datetime) -> Intent:
        """Write an intent down before its effect. Raises IntentRefused, and then the call must not be made."""
        try:
            with self._journaling() as writing:
                return journal.begin(writing, action, now)
        except CommitUnknown as fault:
            return self._read_back(action.operation_id, IntentState.BEGUN, fault)

    def move(
        self,
        operation_id: str,
        state: IntentState,
        now: datetime,
        *,
        resource_id: str | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
        retry_at: datetime | None = None,
        detail: str | None = None,
        after_owed: bool = False,
    ) -> Intent:
        """Write down how an intent went on. `detail` is for the history; `after_owed` when `on.after` handlers wait.

        Raises IntentRefused for a move that is not in `intents.MOVES`.
        """
        try:
            with self._journaling() as writing:
                return journal.move(
                    writing,
                    operation_id,
                    state,
                    now,
                    resource_id=resource_id,
                    error_code=error_code,
                    error_message=error_message,
                    retry_at=retry_at,
                    detail=detail,
                    after_owed=after_owed,
                )
        except CommitUnknown as fault:
            return self._read_back(operation_id, state, fault)

    def missed(self, operation_id: str, first_missed_at: datetime) -> Intent:
        """Remember the first complete observation that lacked an intent's effect."""
        with self._journaling() as writing:
            return journal.missed(writing, operation_id, first_missed_at)

    def resent(self, operation_id: str, now: datetime) -> Intent:
        """Write down that the same request is about to be sent again."""
        with self._journaling() as writing:
            return journal.resent(writing, operation_id, now)

    def after_done(self, operation_id: str) -> None:
        """All `on.after` handlers of this intent have run."""
        with self._journaling() as writing:
            journal.after_done(writing, operation_id)

    def record_pass(self, done: PassRecord) -> None:
        """Keep what a pass learnt, in one transaction."""
        now = done.lessons.as_of
        forgets = self._forgot_at is None or now - self._forgot_at >= FORGETS_EVERY
        with self._journaling() as writing:
            others, ours = self._database.stamp(writing.connection)
            known = self._recollected
            if known is not None and known.holds((others, ours - 1), now):
                before, kept = known.memory, replace(known, stamp=(others, ours))
            else:
                before, kept = recollection.recall(writing.connection, self.cell, now), None
            self._database.teach(self.cell)
            taught = self._database.taught(writing.connection, self.cell)
            passes.record(writing, done, before)
            if forgets:
                passes.forget_history(writing, now)
        newly_cold = before.cold is None and done.lessons.cold is not None
        # A person's word may have been there before the cell was known to be cold; it is read from the store.
        if self._owed is not None and self._owed[0] == (others, ours - 1):
            self._owed = (
                (others, ours),
                self._owed[1],
            )  # A pass's record begins and ends no intent.
        self._recollected = None
        if kept is not None and not newly_cold:
            after = passes.memory_after(before, done)
            self._recollected = replace(kept, memory=after, taught=taught)
        self._forgot_at = now if forgets else self._forgot_at

    def remember_capacity(self, items: tuple[CapacityMemory, ...]) -> None:
        """Keep what acting taught about capacity; the whole memory of it."""
        with self._journaling() as writing:
            before = recollection.recall_capacity(writing.connection, self.cell)
            passes.remember_capacity(writing, items, before)

    # What people say; needs no lease, so that it works beside a running controller.

    def grant(self, approval: Approval) -> None:
        """Release what a gate withholds until the approval expires."""
        with self._database.write() as connection:
            words.grant(connection, self.cell, approval)

    def revoke(self, approval_id: str) -> bool:
        """Take an approval back; False when there was none."""
        with self._database.write() as connection:
            return words.revoke(connection, self.cell, approval_id)

    def pause(self, word: Pause) -> None:
        """Do nothing in the pause's scope until it expires."""
        with self._database.write() as connection:
            words.pause(connection, self.cell, word)

    def resume(self, scope: str) -> bool:
        """End the pause of exactly this scope; False when there was none."""
        with self._database.write() as connection:
            return words.resume(connection, self.cell, scope)

    def order(self, given: Order) -> None:
        """Keep what a person orders for a slot until it expires."""
        with self._database.write() as connection:
            words.order(connection, self.cell, given)

    def withdraw(self, slot: SlotRef, kind: OrderKind, now: datetime) -> bool:
        """Take the order of that kind for that slot back; False when none was in force."""
        with self._database.write() as connection:
            return words.withdraw(connection, self.cell, slot, kind, now)

    def override(self, given: Override) -> None:
        """Lift the brakes of the whole cell until the word expires."""
        with self._database.write() as connection:
            words.override(connection, self.cell, given)

    def end_override(self, now: datetime) -> bool:
        """Take back what lifts the brakes; False when nothing did."""
        with self._database.write() as connection:
            return words.end_override(connection, self.cell, now)

    def release_cold(self) -> None:
        """Let a cold cell act: a person has looked."""
        with self._database.write() as connection:
            words.release_cold(connection, self.cell)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._database.read() as connection:
                yield connection
        except UnreadableError as fault:
            raise StoreUnusable(
                f"the store {self._database.path or 'in memory'} holds what this version does not understand:"
                f" use the version that wrote it ({fault})"
            ) from fault

    @contextmanager
    def _journaling(self) -> Iterator[Writing]:
        """A transaction that proves the lease, where one is held, before it writes anything."""
        with self._database.write() as connection:
            if self._lease:
                leases.prove(connection, self._lease)
            epoch = self._lease.epoch if self._lease else 0
            journaled = self._database.journaled(self.cell)
            yield Writing(connection=connection, cell=self.cell, epoch=epoch, journaled=journaled)

    def _read_back(self, operation_id: str, expected: IntentState, fault: CommitUnknown) -> Intent:
        """A commit failed: what is in the store decides, not what was hoped or feared."""
        found = self.intent(operation_id)
        if found and found.state is expected:
            return found
        raise fault
