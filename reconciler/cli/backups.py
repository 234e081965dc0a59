"""`reconciler backups`: what every claim would lose if its volume stuck now."""

from __future__ import annotations

from reconciler.cli.options import cell_options, output_option
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.main import declared, look, reaching
from reconciler.planning.backups.objectives import claim_backups
from reconciler.settings import Settings
from reconciler.surface.backups import CellBackups, backups_document, backups_lines
from reconciler.surface.layout import BLANK, Line

SOMETHING_TO_DO = 2


@subcommand("backups")
@output_option
@cell_options
def command(*, settings: Settings, output: str) -> int:
    """Show what every claim would lose if its volume stuck now.

    Each claim with its newest restore point and the loss, against `maxLoss`; those outside their objective first.
    Looks at the cloud now and changes nothing. The exit code is 2 when any claim is not shown to be within its
    objective, for monitoring.

      reconciler backups --desired fleets/ --owner prod-east
      reconciler backups -o json | jq '.cells[].claims[] | select(.protection != "good")'
    """
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        cells = [
            CellBackups(case=seen.case, claims=claim_backups(seen.world.slots, seen.case.now))
            for seen in look(reach, desired)
        ]
    if output == "json":
        print_document(backups_document(cells))
    else:
        lines: list[Line] = []
        for cell in cells:
            lines += [
                *((BLANK, BLANK) if lines else ()),
                *backups_lines(cell, width=stdout_width()),
            ]
        print_lines(lines)
    return 0 if all(cell.within for cell in cells) else SOMETHING_TO_DO
