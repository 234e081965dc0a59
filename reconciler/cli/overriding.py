"""`--override-brakes`: a person's word that lifts the brakes of a cell for an hour, said wherever the cell is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from desired_state.model import SafetyPolicy
from reconciler.cli.failures import Refused
from reconciler.planning.case import Case
from reconciler.planning.memory import Override

override_option = click.option(
    "--override-brakes",
    metavar="REASON",
    help="Lift the brakes of conditions in the whole cell for an hour; say why. Kept, and shown everywhere.",
)


def override_of(
    reason: str | None, by: str, now: datetime, policy: SafetyPolicy
) -> Override | None:
    """The word that was typed; None where none was. Refused without a reason in it."""
    if reason is None:
        return None
    if not reason.strip():
        raise Refused("--override-brakes needs a reason; it is kept and shown")
    return Override(
        reason=reason.strip(), given_at=now, expires_at=now + policy.override_lasts, given_by=by
    )


def with_override(case: Case, word: Override | None) -> Case:
    """The case as it will be once the word counts."""
    return case if word is None else replace(case, memory=replace(case.memory, override=word))
