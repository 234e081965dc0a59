"""`reconciler demo`: the whole story on this machine, no AWS needed."""

from __future__ import annotations

import os

import click

from reconciler.cli.subcommand import subcommand


@subcommand("demo")
@click.option(
    "--cloud",
    type=click.Choice(["simulated", "moto"]),
    default="simulated",
    show_default=True,
    help="simulated: in this process, in virtual time; moto: the commands themselves, over EC2's wire.",
)
def command(*, cloud: str) -> int:
    """Watch fleets being brought up, broken and healed; needs no AWS.

    Two fleets come up on a simulated EC2, minutes in a blink: the controller is the real one. People terminate and
    detach, a host fails, a root disk is damaged, EC2 itself loses requests and answers. At the end each claim is held
    against the simulated cloud's own records: exit code 1 when one is false.

    With `moto` (the extra of that name) the same commands that are used against AWS are run one by one, against an
    embedded cloud that speaks EC2's wire in a process of its own. Either way nothing beyond this machine is touched
    and nothing is left behind.

      reconciler demo
      reconciler demo --cloud moto
    """
    if cloud == "moto":
        from reconciler.demo import wire_story  # noqa: PLC0415 - needs the extra, and starts a process

        return wire_story.tell(os.environ)
    from reconciler.demo import virtual_story  # noqa: PLC0415 - `--help` must not load the controller

    return virtual_story.tell()
