"""`reconciler observe`: record all that a plan rests on."""

from __future__ import annotations

from pathlib import Path

import click

from providers.observed import CellIdentity
from reconciler.cli.options import cell_options
from reconciler.cli.output import print_lines, say, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.main import declared, look, reaching
from reconciler.settings import Settings
from reconciler.surface.case_file import write_case
from reconciler.surface.plan_text import header_lines


@subcommand("observe")
@click.option(
    "-o",
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Record the case in this file; with several cells, one file each.",
)
@cell_options
def command(*, settings: Settings, record: Path | None) -> int:
    """Record a case: all that a plan rests on, without secrets.

    A case holds the declared fleets, what was read of the cloud, the verdicts, and what the store remembers; of user
    data only the hash. `plan --case` plans it again on any machine, without credentials. Without -o only what was
    seen is shown.

      reconciler observe -o case.json
      reconciler plan --case case.json
    """
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        cases = [seen.case for seen in look(reach, desired)]
    for case in cases:
        cell = case.observation.cell
        print_lines(header_lines(case, width=stdout_width()))
        if record is not None:
            file = record if len(cases) == 1 else _of_cell(record, cell)
            write_case(case, file)
            say(f"recorded {cell} in {file}")
    return 0


def _of_cell(file: Path, cell: CellIdentity) -> Path:
    """`case.json` as `case-210987654321-us-east-1.json`."""
    return file.with_name(f"{file.stem}-{cell.account}-{cell.region}{file.suffix}")
