"""What is withheld, as lines: what would be done, which gate holds it, why, since when, and what lets it go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from reconciler.planning.actions import Gate, Withheld
from reconciler.planning.alternatives import Alternative
from reconciler.surface import words
from reconciler.surface.action_text import (
    INDENT,
    Verb,
    apart_lines,
    field_rows,
    likeness,
    title_lines,
    verb_of,
    words_of,
)
from reconciler.surface.layout import BLANK, Field, Line, Span, Style, fields, line

UNDECIDED = Verb("?", "not yet decided", Style.HELD)
"""What stands in for a verb where the action is not known until the gate opens."""


def withheld_lines(items: Sequence[Withheld], *, now: datetime, width: int) -> list[Line]:
    """The section of everything that is due and held back; those alike are told once."""
    if not items:
        return []
    lines = [line(Span(f"Withheld: {len(items)} due and held back", Style.HEADING))]
    for group in alike(items):
        lines += [BLANK, *group_lines(group, now=now, width=width)]
    return lines


def group_lines(group: Sequence[Withheld], *, now: datetime, width: int) -> list[Line]:
    """One withheld action, or several that differ only in slot, ids and place in the queue."""
    first = group[0]
    actions = [item.action for item in group if item.action is not None]
    rows: list[Field] = [
        *(field_rows(actions) if actions else ()),
        ("gate", line(Span(first.gate.value, Style.HELD))),
        ("why", line(first.reason)),
        *_ways(first, now),
        *_queue(group, now),
        *_releases(group),
    ]
    return [
        *title_lines(
            withheld_verb(first),
            [item.slot for item in group],
            words_of(actions) if actions else words.COURSES[first.course],
            width=width,
        ),
        *(apart_lines(actions, width=width) if actions else ()),
        *fields(rows, width=width, indent=INDENT),
    ]


def withheld_verb(item: Withheld) -> Verb:
    """The verb of what is held back, as far as it is known."""
    return UNDECIDED if item.action is None else verb_of(item.action.request)


def alike(items: Sequence[Withheld]) -> list[tuple[Withheld, ...]]:
    """Neighbours in the queue that differ only in slot, ids and place."""
    return [tuple(group) for _, group in groupby(items, key=_likeness)]


def _likeness(item: Withheld) -> tuple[object, ...]:
    """Everything that is told once for a group."""
    return (
        item.slot.fleet if item.slot else None,
        item.course,
        item.gate,
        item.reason,
        item.since,
        item.earliest_release,
        item.approval_id is None,
        item.loss,
        item.alternatives,
        item.confirmable_id,
        item.place is None,
        likeness(item.action) if item.action is not None else None,
    )


def _queue(group: Sequence[Withheld], now: datetime) -> list[Field]:
    first = group[0]
    rows: list[Field] = []
    if first.since is not None:
        rows.append(("since", line(words.ago(first.since, now))))
    places = [item.place for item in group if item.place is not None]
    if places:
        rows.append(("place", line(f"{_places(places)} in the queue")))
    if first.earliest_release is not None:
        rows.append(("earliest", line(words.ahead(first.earliest_release, now))))
    return rows


def _places(places: Sequence[int]) -> str:
    if len(places) > 2 and list(places) == list(range(places[0], places[-1] + 1)):
        return f"{places[0]} to {places[-1]}"
    return words.listed(str(place) for place in places)


def _ways(first: Withheld, now: datetime) -> list[Field]:
    """What a person may choose between, one a line: what it is, how old, what it loses, and whether it can be used."""
    ways = [line(_way(item, now)) for item in first.alternatives]
    return [("" if at else "ways", way) for at, way in enumerate(ways)]


def _way(item: Alternative, now: datetime) -> str:
    age = f" of {words.ago(item.taken_at, now)}" if item.taken_at is not None else ""
    lost = (
        f"loses {words.duration(item.loss)} of writes"
        if item.loss is not None
        else "loses whatever nobody brings back by hand"
    )
    return f"{item.what}{age}: {lost}; {item.completion}"


def _releases(group: Sequence[Withheld]) -> list[Field]:
    """The commands that let it go, or in words what does."""
    first = group[0]
    commands = commands_of(group)
    if not commands:
        return [("release", line(words.GATES[first.gate]))]
    rows = [line(Span(command, Style.STRONG)) for command in commands]
    return [("" if at else "release", row) for at, row in enumerate(rows)]


def commands_of(group: Sequence[Withheld]) -> list[str]:
    """What a person may type to let them go; none where no word does.

    One word may release many slots, e.g. a scale-down; an empty stand-in needs a word of its own.
    """
    first = group[0]
    approvals = dict.fromkeys(item.approval_id for item in group if item.approval_id is not None)
    ids = " ".join(approvals)
    commands = [f"reconciler approve {ids}"] if ids and not first.only_stand_in else []
    commands += [f"reconciler approve {ids} --empty"] if ids and first.offers_stand_in else []
    if first.gate is Gate.FENCE and first.earliest_release is not None:
        commands.append(f"reconciler fence {first.slot}")
    if first.confirmable_id is not None:
        said = f'"how you know that {first.confirmable_id} is off"'
        commands.append(f"reconciler fence {first.slot} --confirmed {said}")
    return commands
