"""`reconciler schema`: the JSON Schemas of the declaration files and of scenarios."""

from __future__ import annotations

import click

from desired_state.schema import SCHEMA_FILE, schema_text, write_schema
from reconciler.cli.output import print_text, say
from reconciler.cli.subcommand import subcommand
from reconciler.simulation.scenario_schema import (
    SCENARIO_SCHEMA_FILE,
    scenario_schema_text,
    write_scenario_schema,
)


@subcommand("schema")
@click.option("--scenario", is_flag=True, help="That of scenarios instead.")
@click.option(
    "--write", is_flag=True, help="Bring the committed schemas up to date (for developers)."
)
def command(*, scenario: bool, write: bool) -> int:
    """Print the JSON Schema of the declaration files, for editors.

    Put `# yaml-language-server: $schema=PATH` on the first line of a file and editors check and complete it.

      reconciler schema > fleet.schema.json
    """
    if write:
        write_schema()
        say(f"wrote {SCHEMA_FILE}")
        write_scenario_schema()
        say(f"wrote {SCENARIO_SCHEMA_FILE}")
    elif scenario:
        print_text(scenario_schema_text())
    else:
        print_text(schema_text())
    return 0
