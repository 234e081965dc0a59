"""`reconciler plan`: what would be done, what is withheld, and why. Changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import cell_options, output_option
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.loop.assess import replay
from reconciler.planning.case import Case
from reconciler.planning.outcome import Plan
from reconciler.settings import Settings
from reconciler.surface.case_file import read_case
from reconciler.surface.layout import BLANK, Line
from reconciler.surface.plan_json import plans_document
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.selection import of_fleet, require_fleet

SOMETHING_TO_DO = 2

Planned = tuple[Case, Plan]


@subcommand("plan")
@click.option("--fleet", metavar="NAME", help="Show this fleet alone.")
@click.option(
    "--case",
    "case_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Plan a case that `reconciler observe` recorded; no cloud, store or owner is needed.",
)
@output_option
@cell_options
def command(*, settings: Settings, fleet: str | None, case_file: Path | None, output: str) -> int:
    """Show what would be done, what is withheld, and why. Changes nothing.

    This is the very plan that `apply` and `run` would carry out now: the cloud is read, nothing is cached.
    Exit code 0: nothing to do. 2: something to do, or something withheld. 1: an error.

      reconciler plan --desired fleets/ --owner prod-east
      reconciler plan --fleet shared-postgres
      reconciler plan -o json | jq '.cells[].plan.withheld'
      reconciler plan --case case.json
    """
    planned = [_replayed(case_file)] if case_file is not None else _live(settings)
    if fleet is not None:
        require_fleet(fleet, [plan for _, plan in planned])
        planned = [(case, of_fleet(plan, fleet)) for case, plan in planned]
    if output == "json":
        print_document(plans_document(planned))
    else:
        print_lines(plans_lines(planned, width=stdout_width()))
    return exit_code(planned)


def plans_lines(planned: list[Planned], *, width: int) -> list[Line]:
    """The plans of all cells, one below the other."""
    lines: list[Line] = []
    for case, plan in planned:
        lines += [*((BLANK, BLANK) if lines else ()), *plan_lines(case, plan, width=width)]
    return lines


def exit_code(planned: list[Planned]) -> int:
    """0 when nothing is to do, 2 when something is, or is withheld."""
    return SOMETHING_TO_DO if any(plan.actions or plan.withheld for _, plan in planned) else 0


def _replayed(case_file: Path) -> Planned:
    case = read_case(case_file)
    return case, replay(case)


def _live(settings: Settings) -> list[Planned]:
    from reconciler.main import declared, look, reaching  # noqa: PLC0415 - a recorded case needs no boto3

    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        return [(seen.case, seen.plan) for seen in look(reach, desired)]
