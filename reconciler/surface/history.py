"""The journal for people: what was done when, to which slot, how it went on, and why it was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.intents import Intent, IntentState
from reconciler.store.journal import HistoryEntry
from reconciler.store.words import GivenOrder, GivenOverride
from reconciler.surface import words
from reconciler.surface.action_text import describe, why
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import GAP, Field, Line, Span, Style, fields, line, wrapped
from reconciler.surface.plan_json import action_document

FORMAT_VERSION = "1.2"
INDENT = 4

STATE_STYLES: dict[IntentState, Style] = {
    IntentState.BEGUN: Style.CHANGE,
    IntentState.ACCEPTED: Style.CHANGE,
    IntentState.OBSERVED: Style.GOOD,
    IntentState.REJECTED: Style.BAD,
    IntentState.DEAD: Style.BAD,
    IntentState.LOST: Style.BAD,
    IntentState.ABANDONED: Style.BAD,
}


NOTHING = "Nothing was done: the journal holds no action for this."


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was done in a cell (`account/region`) and what people ordered, each oldest first."""

    cell: str
    entries: Sequence[HistoryEntry]
    orders: Sequence[GivenOrder] = ()
    overrides: Sequence[GivenOverride] = ()


def whole_history_lines(history: History, *, width: int) -> list[Line]:
    """What was done and what was ordered, by date; a full sentence when there is neither."""
    told = [(entry.at, entry_lines(entry, width=width)) for entry in history.entries]
    for given in history.orders:
        order = given.order
        what = f"{order.kind.value} by {order.given_by}: {order.reason}"
        ended = f"{order.kind.value}, ordered {words.instant(order.given_at)}"
        told += _said(
            str(order.slot), "ordered", (order.given_at, what), (given.ended_at, ended), width
        )
    for lifted in history.overrides:
        word = lifted.override
        what = f"until {words.instant(word.expires_at)} by {word.given_by}: {word.reason}"
        ended = f"lifted {words.instant(word.given_at)}"
        told += _said(
            "the brakes", "lifted", (word.given_at, what), (lifted.ended_at, ended), width
        )
    told.sort(key=lambda item: item[0])
    return [part for _, lines in told for part in lines] or [line(NOTHING)]


def _said(
    about: str,
    event: str,
    given: tuple[datetime, str],
    ended: tuple[datetime | None, str],
    width: int,
) -> Iterator[tuple[datetime, list[Line]]]:
    """What a person said, and that it was taken back where it was: each at its date."""
    for at, name, what in ((given[0], event, given[1]), (ended[0], "ended", ended[1])):
        if at is not None:
            head = line(
                Span(words.instant(at), Style.DIM),
                GAP,
                Span(name.ljust(9), Style.CHANGE),
                GAP,
                Span(about, Style.STRONG),
                GAP,
            )
            yield at, wrapped(line(what), width=width, first=head, indent=INDENT)


def history_lines(entries: Sequence[HistoryEntry], *, width: int) -> list[Line]:
    """The entries in the order given; a full sentence when there are none."""
    if not entries:
        return [line(NOTHING)]
    return [item for entry in entries for item in entry_lines(entry, width=width)]


def entry_lines(entry: HistoryEntry, *, width: int) -> list[Line]:
    """When, slot, what and how it went on; below it why it was begun, what it made, and the error if there was one."""
    title = describe(entry.action.request).title
    head = line(
        Span(words.instant(entry.at), Style.DIM),
        GAP,
        Span(entry.event.ljust(9), _style(entry.event)),
        GAP,
        Span(words.slots([entry.action.slot]), Style.STRONG),
        GAP,
    )
    rows: list[Field] = []
    if entry.event == IntentState.BEGUN:
        rows.append(("why", line(why(entry.action))))
    if entry.event == IntentState.ACCEPTED and (entry.resource_id or title) not in title:
        rows.append(("resource", line(entry.resource_id or "")))
    if entry.error_code is not None:
        message = f": {entry.message}" if entry.message else ""
        rows.append(("error", line(Span(f"{entry.error_code}{message}", Style.BAD))))
    elif entry.message and entry.message != entry.event:
        rows.append(("note", line(entry.message)))
    return [
        *wrapped(line(title), width=width, first=head, indent=INDENT),
        *fields(rows, width=width, indent=INDENT),
    ]


def histories_document(histories: Sequence[History]) -> Json:
    """The histories of several cells as JSON, in the order given."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "history",
        "cells": [
            {
                "cell": item.cell,
                "entries": [entry_document(entry) for entry in item.entries],
                "orders": [
                    {**json_value(given.order), "endedAt": json_value(given.ended_at)}
                    for given in item.orders
                ],
                "overrides": [
                    {**json_value(given.override), "endedAt": json_value(given.ended_at)}
                    for given in item.overrides
                ],
            }
            for item in histories
        ],
    }


def entry_document(entry: HistoryEntry) -> Json:
    """One event of the journal with the whole action that it is about."""
    return {
        "at": json_value(entry.at),
        "event": entry.event,
        "slot": json_value(entry.action.slot),
        "resourceId": entry.resource_id,
        "errorCode": entry.error_code,
        "message": entry.message,
        "epoch": entry.epoch,
        "action": action_document(entry.action),
    }


def intent_document(intent: Intent) -> Json:
    """One intent with the whole action that it stands for."""
    return {
        "state": intent.state.value,
        "begunAt": json_value(intent.begun_at),
        "updatedAt": json_value(intent.updated_at),
        "resourceId": intent.resource_id,
        "errorCode": intent.error_code,
        "errorMessage": intent.error_message,
        "retryAt": json_value(intent.retry_at),
        "action": action_document(intent.action),
    }


def _style(event: str) -> Style:
    """`resent` and `missed` are events of the journal that are no states."""
    known = {state.value: style for state, style in STATE_STYLES.items()}
    return known.get(event, Style.DIM)
