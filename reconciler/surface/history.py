"""The journal for people: what was done when, to which slot, how it ended, and why it was done."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.planning.intents import Intent, IntentState
from reconciler.surface import words
from reconciler.surface.action_text import describe, why
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import GAP, Line, Span, Style, fields, line, wrapped
from reconciler.surface.plan_json import action_document

FORMAT_VERSION = "1.0"
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


def history_lines(intents: Sequence[Intent], *, width: int) -> list[Line]:
    """The intents in the order given, two to four lines each; a full sentence when there are none."""
    if not intents:
        return [line("Nothing was done: the journal holds no action for this.")]
    return [item for intent in intents for item in intent_lines(intent, width=width)]


def intent_lines(intent: Intent, *, width: int) -> list[Line]:
    """When, slot, action and state; below it the reason, and the error where there was one."""
    action = intent.action
    where = words.slots([action.slot])
    head = line(
        Span(words.instant(intent.begun_at), Style.DIM), GAP, Span(where, Style.STRONG), GAP
    )
    what = line(
        describe(action.request).title + ",",
        " ",
        Span(intent.state.value, STATE_STYLES[intent.state]),
        Span(f" {_how_long(intent)}", Style.DIM),
    )
    rows = [("why", line(why(action)))]
    if intent.resource_id is not None and intent.resource_id not in describe(action.request).title:
        rows.append(("made", line(intent.resource_id)))
    if intent.error_code is not None:
        message = f": {intent.error_message}" if intent.error_message else ""
        rows.append(("error", line(Span(f"{intent.error_code}{message}", Style.BAD))))
    if intent.retry_at is not None:
        rows.append(("retry", line(f"not before {words.instant(intent.retry_at)}")))
    return [
        *wrapped(what, width=width, first=head, indent=INDENT),
        *fields(rows, width=width, indent=INDENT),
    ]


def history_document(intents: Sequence[Intent]) -> Json:
    """The intents as JSON, in the order given."""
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "history",
        "intents": [intent_document(intent) for intent in intents],
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


def _how_long(intent: Intent) -> str:
    if intent.open:
        return f"since {words.instant(intent.updated_at)}"
    return f"after {words.duration(intent.updated_at - intent.begun_at)}"
