"""Intents and what became of them: written before every effect, moved only along the declared graph.

Each function works inside a transaction of its caller; those that write are handed one that has proved its lease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args, get_type_hints

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from providers.requests import (
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
)
from reconciler.planning.actions import Action, SlotRef, target_of
from reconciler.planning.identity import operation_id
from reconciler.planning.intents import MOVES, OPEN_STATES, Intent, IntentState
from reconciler.store.encoding import decode_action, encode_action
from reconciler.store.errors import IntentRefused
from reconciler.store.journaled import Journaled
from reconciler.store.schema import intent_events, intents

BACKUP_KINDS = tuple(
    str(get_args(get_type_hints(request)["kind"])[0])
    for request in (CreateSnapshot, CreateSnapshots, DeleteSnapshot, CopySnapshot, DeleteCopy)
)
"""The kinds of requests of which there are hundreds a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of a slot's history: what happened to an intent, when. `event` is a state, or `resent` or `missed`."""

    at: datetime
    event: str
    action: Action
    resource_id: str | None
    error_code: str | None
    message: str | None
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A transaction on one cell's journal, under the epoch that it proved; 0 where no lease is held."""

    connection: Connection
    cell: str
    epoch: int
    journaled: Journaled


def begin(writing: Writing, action: Action, now: datetime) -> Intent:
    """Write the intent down. The same action begun again without an answer is the same intent.

    Raises IntentRefused when the operation id is taken by another request or has an answer, and when the slot is busy.
    """
    if action.operation_id != operation_id(action.family, action.attempt):
        raise IntentRefused(f"the operation id of {action.family} is not derived from it")
    known = find(writing.connection, action.operation_id)
    if known:
        return _begun_again(known, action)
    busy = _busy(action)
    if busy:
        _refuse_second(writing, busy, action)
    writing.connection.execute(
        insert(intents).values(
            operation_id=action.operation_id,
            cell=writing.cell,
            family=action.family,
            attempt=action.attempt,
            fleet=action.slot.fleet if action.slot else None,
            ordinal=action.slot.ordinal if action.slot else None,
            incarnation=action.incarnation,
            kind=action.request.kind,
            state=IntentState.BEGUN,
            busy=busy,
            resource_id=target_of(action.request),
            begun_at=now,
            updated_at=now,
            after_owed=False,
            epoch=writing.epoch,
            action=encode_action(action),
        )
    )
    intent = Intent(
        action=action,
        state=IntentState.BEGUN,
        begun_at=now,
        updated_at=now,
        resource_id=target_of(action.request),
    )
    _note(writing, intent, IntentState.BEGUN, now)
    return intent


def move(
    writing: Writing,
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
    """Write the intent's new state; a resource id once known is kept. `detail` is for the history alone.

    Raises IntentRefused for an intent that is not there and for a move that is not in `intents.MOVES`.
    """
    known = require(writing.connection, operation_id)
    if state not in MOVES[known.state]:
        raise IntentRefused(f"{_called(known.action)} is {known.state}; it cannot become {state}")
    moved = replace(
        known,
        state=state,
        resource_id=resource_id or known.resource_id,
        error_code=error_code,
        error_message=error_message,
        updated_at=now,
        retry_at=retry_at,
    )
    writing.connection.execute(
        update(intents)
        .where(intents.c.operation_id == operation_id)
        .values(
            state=state,
            busy=_busy(moved.action) if moved.open else None,
            resource_id=moved.resource_id,
            error_code=error_code,
            error_message=error_message,
            updated_at=now,
            retry_at=retry_at,
            after_owed=or_(intents.c.after_owed, literal(after_owed)),
            epoch=writing.epoch,
        )
    )
    _note(writing, moved, state, now, message=error_message or detail)
    return moved


def missed(writing: Writing, operation_id: str, first_missed_at: datetime) -> Intent:
    """Remember the first complete observation that lacked the effect."""
    known = replace(require(writing.connection, operation_id), first_missed_at=first_missed_at)
    writing.connection.execute(
        update(intents)
        .where(intents.c.operation_id == operation_id)
        .values(first_missed_at=first_missed_at, epoch=writing.epoch)
    )
    _note(writing, known, "missed", first_missed_at)
    return known


def resent(writing: Writing, operation_id: str, now: datetime) -> Intent:
    """Write down that the same request is about to be sent again. Raises IntentRefused when it has an answer."""
    known = replace(require(writing.connection, operation_id), updated_at=now)
    if known.state is not IntentState.BEGUN:
        raise IntentRefused(f"{_called(known.action)} is {known.state}; it is not sent again")
    writing.connection.execute(
        update(intents)
        .where(intents.c.operation_id == operation_id)
        .values(updated_at=now, epoch=writing.epoch)
    )
    _note(writing, known, "resent", now)
    return known


def after_done(writing: Writing, operation_id: str) -> None:
    """All `on.after` handlers of this intent have run."""
    writing.connection.execute(
        update(intents).where(intents.c.operation_id == operation_id).values(after_owed=False)
    )


def find(connection: Connection, operation_id: str) -> Intent | None:
    """The intent of that operation, if it was ever begun."""
    row = connection.execute(
        select(intents).where(intents.c.operation_id == operation_id)
    ).one_or_none()
    return _intent(row) if row else None


def require(connection: Connection, operation_id: str) -> Intent:
    """The intent of that operation. Raises IntentRefused when it was never begun."""
    known = find(connection, operation_id)
    if known is None:
        raise IntentRefused(f"operation {operation_id} was never begun")
    return known


def matching(
    connection: Connection, cell: str, *conditions: ColumnElement[bool]
) -> tuple[Intent, ...]:
    """Intents of the cell that meet all conditions, longest unchanged first."""
    rows = connection.execute(
        select(intents)
        .where(intents.c.cell == cell, *conditions)
        .order_by(intents.c.updated_at, intents.c.begun_at, intents.c.operation_id)
    )
    return tuple(_intent(row) for row in rows)


def order_of(intent: Intent) -> tuple[datetime, datetime, str]:
    """What `matching` puts intents in order by."""
    return intent.updated_at, intent.begun_at, intent.action.operation_id


def history(
    connection: Connection, cell: str, slot: SlotRef | None, limit: int
) -> tuple[HistoryEntry, ...]:
    """The newest events of a slot or of the whole cell, newest first."""
    query = (
        select(intent_events, intents.c.action)
        .join(intents, intents.c.operation_id == intent_events.c.operation_id)
        .where(intent_events.c.cell == cell)
        .order_by(intent_events.c.id.desc())
        .limit(limit)
    )
    if slot:
        query = query.where(intents.c.fleet == slot.fleet, intents.c.ordinal == slot.ordinal)
    return tuple(
        HistoryEntry(
            at=row.at,
            event=row.event,
            action=decode_action(row.action),
            resource_id=row.resource_id,
            error_code=row.error_code,
            message=row.message,
            epoch=row.epoch,
        )
        for row in connection.execute(query)
    )


def forget_events(writing: Writing, before: datetime) -> None:
    """Drop the events of intents that ended before that instant; the intents themselves stay, for their numbers."""
    ended = select(intents.c.operation_id).where(
        intents.c.cell == writing.cell,
        intents.c.state.not_in([*OPEN_STATES, IntentState.ABANDONED]),
        intents.c.updated_at < before,
    )
    writing.connection.execute(
        delete(intent_events).where(
            intent_events.c.cell == writing.cell,
            intent_events.c.at < before,
            intent_events.c.operation_id.in_(ended),
        )
    )


def forget_backups(writing: Writing, before: datetime) -> None:
    """Drop snapshots that were taken or deleted as asked before that instant, with their events."""
    done = and_(
        intents.c.cell == writing.cell,
        intents.c.kind.in_(BACKUP_KINDS),
        intents.c.state == IntentState.OBSERVED,
        intents.c.updated_at < before,
        ~intents.c.after_owed,
    )
    ids = select(intents.c.operation_id).where(done)
    writing.connection.execute(delete(intent_events).where(intent_events.c.operation_id.in_(ids)))
    writing.connection.execute(delete(intents).where(done))


def _begun_again(known: Intent, action: Action) -> Intent:
    if known.action.request != action.request:
        raise IntentRefused(
            f"{_called(action)}: its operation id was used for another request; one operation has one request"
        )
    if known.state is not IntentState.BEGUN:
        raise IntentRefused(f"{_called(action)} is {known.state} already; it is not begun again")
    return known


def _refuse_second(writing: Writing, busy: str, action: Action) -> None:
    row = writing.connection.execute(
        select(intents).where(intents.c.cell == writing.cell, intents.c.busy == busy)
    ).one_or_none()
    if row:
        raise IntentRefused(
            f"{_called(action)}: {busy} is busy with {_called(decode_action(row.action))}, which is {row.state}"
        )


def _busy(action: Action) -> str | None:
    """What an exclusive action keeps busy while it is open: its slot, or its resource where there is no slot."""
    if not action.exclusive:
        return None
    return str(action.slot) if action.slot else str(target_of(action.request))


def _called(action: Action) -> str:
    return f"{action.request.kind} of {action.slot or target_of(action.request)} (attempt {action.attempt})"


def _note(
    writing: Writing, intent: Intent, event: str, at: datetime, *, message: str | None = None
) -> None:
    writing.journaled.note(intent.action.operation_id)
    writing.connection.execute(
        insert(intent_events).values(
            cell=writing.cell,
            operation_id=intent.action.operation_id,
            at=at,
            event=event,
            resource_id=intent.resource_id,
            error_code=intent.error_code,
            message=message,
            epoch=writing.epoch,
        )
    )


def _intent(row: Row[Any]) -> Intent:
    return Intent(
        action=decode_action(row.action),
        state=IntentState(row.state),
        begun_at=row.begun_at,
        updated_at=row.updated_at,
        resource_id=row.resource_id,
        error_code=row.error_code,
        error_message=row.error_message,
        retry_at=row.retry_at,
        first_missed_at=row.first_missed_at,
    )
