"""`reconciler status`: how every fleet and every slot stands."""

from __future__ import annotations

from reconciler.cli.options import cell_options, output_option
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.main import declared, look, reaching
from reconciler.settings import Settings
from reconciler.surface.layout import BLANK, Line
from reconciler.surface.status import Standing, status_lines, statuses_document


@subcommand("status")
@output_option
@cell_options
def command(*, settings: Settings, output: str) -> int:
    """Show how every fleet and every slot stands.

    Looks at the cloud now, and adds what the store knows: actions under way, pauses, approvals, the last pass of the
    controller. Changes nothing; the exit code is 0 whenever the question could be answered.

      reconciler status --desired fleets/ --owner prod-east
      reconciler status -o json | jq '.cells[].slots[] | select(.bucket != "healthy")'
    """
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        standings = [
            Standing(
                case=seen.case,
                plan=seen.plan,
                last_pass=reach.store.cell(seen.case.observation.cell).last_pass(),
            )
            for seen in look(reach, desired)
        ]
    if output == "json":
        print_document(statuses_document(standings))
        return 0
    lines: list[Line] = []
    for standing in standings:
        lines += [*((BLANK, BLANK) if lines else ()), *status_lines(standing, width=stdout_width())]
    print_lines(lines)
    return 0
