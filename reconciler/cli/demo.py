"""`reconciler demo`: the whole story on this machine, no AWS needed."""

from __future__ import annotations

import os

import click

from reconciler.cli.subcommand import subcommand


@subcommand("demo")
@click.option(
    "--cloud",
    type=click.Choice(["moto", "simulated"]),
    default="moto",
    show_default=True,
    help="moto: the real commands over EC2's wire; simulated: virtual time, and things take theirs.",
)
def command(*, cloud: str) -> int:
    """Watch fleets being brought up, broken and healed; needs no AWS.

    Declares two fleets, brings them up, breaks things behind the controller's back and heals them. With `moto` an
    embedded cloud in a process of its own (the extra `moto`) is met with the same commands that are used against AWS;
    with `simulated` the controller itself runs on a simulated EC2, minutes in a second, and meets a failing host and a
    hanging database too. Nothing beyond this machine is touched and nothing is left behind.

      reconciler demo
      reconciler demo --cloud simulated
    """
    if cloud == "simulated":
        from reconciler.demo.virtual_story import tell_virtual  # noqa: PLC0415 - needs no moto, and no process

        return tell_virtual()
    from reconciler.demo.story import tell  # noqa: PLC0415 - likewise, the other way round

    return tell(os.environ)
