"""What became of the actions of a pass, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.execution.outcomes import Outcome, Result
from reconciler.surface import words
from reconciler.surface.action_text import describe
from reconciler.surface.layout import GAP, Line, Span, Style, bounded_width, line, wrapped

RESULT_STYLES: dict[Result, Style] = {
    Result.ACCEPTED: Style.GOOD,
    Result.REJECTED: Style.BAD,
    Result.AMBIGUOUS: Style.HELD,
    Result.DEAD: Style.BAD,
    Result.PRECHECK_FAILED: Style.HELD,
    Result.SKIPPED: Style.DIM,
}


def outcome_lines(outcomes: Sequence[Outcome], *, width: int) -> list[Line]:
    """One line for what was accepted; for the others also what was said."""
    return [item for outcome in outcomes for item in _outcome(outcome, width=bounded_width(width))]


def _outcome(outcome: Outcome, *, width: int) -> list[Line]:
    described = describe(outcome.action.request)
    head = line(
        GAP,
        Span(described.verb.symbol, described.verb.style),
        " ",
        Span(words.slots([outcome.action.slot]), Style.STRONG),
        GAP,
    )
    made = outcome.resource_id
    named = f" ({made})" if made is not None and made not in described.title else ""
    said = [Span(outcome.result.value, RESULT_STYLES[outcome.result])]
    if outcome.result is not Result.ACCEPTED:
        said.append(Span(f" {outcome.message}"))
    return wrapped(line(f"{described.title}{named}: ", *said), width=width, first=head, indent=6)
