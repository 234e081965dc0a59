"""The command `reconciler`: a group whose commands are modules, imported when they are used and not before.

Exit codes: 0 nothing to do or done, 2 something to do (withheld counts), 1 an error, a usage error among them.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn

import click

COMMANDS: dict[str, str] = {
    "validate": "Check the declared fleets; every error at once, with its position.",
    "plan": "Show what would be done, what is withheld, and why. Changes nothing.",
    "apply": "Show the plan, ask, and carry out what was shown.",
    "run": "Stay on guard: reconcile every cell until stopped.",
    "status": "Show how every fleet and every slot stands.",
    "explain": "Tell everything about one slot.",
    "backups": "Show what every claim would lose if its volume stuck now.",
    "history": "Show what was done, when and why.",
    "observe": "Record a case: all that a plan rests on, without secrets.",
    "approve": "Release what a gate withholds for a person's word.",
    "replace": "Replace the instance of a slot, launch first, although it may be healthy.",
    "restore": "Restore a slot from its backups, although its volumes may be well.",
    "fence": "Try an owed fence of a slot again, or vouch for what can't be proved.",
    "pause": "Do nothing to a fleet, a slot or everything, for a while.",
    "resume": "End a pause or an override, or let a cold cell or a new endpoint act.",
    "simulate": "Replay an outage in virtual time against your desired state; needs no AWS.",
    "demo": "Watch fleets being brought up, broken and healed; needs no AWS.",
    "schema": "Print the JSON Schema of the declaration files, for editors.",
}
"""In the order in which one meets them; each is the module of that name beside this one."""

ENTRY_HELP = """Keep EC2 fleets and their EBS volumes as declared, and heal them when they break.

\b
  reconciler validate --desired fleets/
  reconciler plan     --desired fleets/ --owner prod-east
  reconciler apply    --desired fleets/ --owner prod-east
  reconciler run      --desired fleets/ --owner prod-east

Credentials, profile and endpoint are AWS's own settings (AWS_PROFILE, AWS_ENDPOINT_URL, ...).
Exit codes: 0 nothing to do, 2 something to do, 1 an error."""


class LazyCommands(click.Group):
    """A group that knows its commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        command: click.Command = import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's callback
    if wanted and not context.resilient_parsing:
        click.echo(f"reconciler {version('fleet-reconciler')}")
        context.exit()


group = LazyCommands(
    name="reconciler",
    help=ENTRY_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    try:
        code: Any = group.main(args=arguments, prog_name="reconciler", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a message
        from reconciler.cli.failures import report  # noqa: PLC0415 - failures are the exception

        code = report(error, sys.stderr, os.environ)
    _let_go_of_stdout()
    sys.exit(code if isinstance(code, int) else 0)


def _let_go_of_stdout() -> None:
    """A reader that went away must not make Python complain while it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
