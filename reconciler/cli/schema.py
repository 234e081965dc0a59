"""`reconciler schema`: the JSON Schema of the declaration files."""

from __future__ import annotations

import click

from desired_state.schema import SCHEMA_FILE, schema_text, write_schema
from reconciler.cli.output import print_text, say
from reconciler.cli.subcommand import subcommand


@subcommand("schema")
@click.option(
    "--write", is_flag=True, help="Bring the committed schema.json up to date (for developers)."
)
def command(*, write: bool) -> int:
    """Print the JSON Schema of the declaration files, for editors.

    Put `# yaml-language-server: $schema=PATH` on the first line of a file and editors check and complete it.

      reconciler schema > fleet.schema.json
    """
    if write:
        write_schema()
        say(f"wrote {SCHEMA_FILE}")
    else:
        print_text(schema_text())
    return 0
