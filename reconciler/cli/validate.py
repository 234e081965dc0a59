"""`reconciler validate`: are the files right? Touches no cloud and no store."""

from __future__ import annotations

from pathlib import Path

import click

from desired_state.load import DesiredStateError, load
from reconciler.cli.options import desired_option, output_option
from reconciler.cli.output import print_document, print_lines, say
from reconciler.cli.subcommand import subcommand
from reconciler.settings import SettingsError
from reconciler.surface.validation import refused_document, valid_document, valid_lines


@subcommand("validate")
@desired_option
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@output_option
def command(*, desired: tuple[Path, ...], paths: tuple[Path, ...], output: str) -> int:
    """Check the declared fleets; every error at once, with its position.

    PATHS are files and directories, in place of --desired. Warnings are for what is legal and unwise; they don't
    change the exit code, which is 0 for a usable desired state and 1 for any other.

      reconciler validate fleets/
      reconciler validate -o json fleets/web.yaml policies/
    """
    chosen = paths or desired
    if not chosen:
        raise SettingsError(
            "nothing to validate: name files or directories, or set RECONCILER_DESIRED"
        )
    try:
        found = load(chosen)
    except DesiredStateError as error:
        if output != "json":
            raise
        print_document(refused_document(error.diagnostics))
        return 1
    for warning in found.warnings:
        say(warning)
    if output == "json":
        print_document(valid_document(found))
    else:
        print_lines(valid_lines(found))
    return 0
