"""`reconciler demo`: the whole story on this machine, no AWS needed."""

from __future__ import annotations

import os

from reconciler.cli.subcommand import subcommand
from reconciler.demo.story import tell


@subcommand("demo")
def command() -> int:
    """Watch fleets being brought up, broken and healed; needs no AWS.

    Starts an embedded cloud in a process of its own (the extra `moto`), declares two fleets, brings them up, breaks
    things behind the controller's back and heals them, with the same commands that are used against AWS. Nothing
    beyond this machine is touched and nothing is left behind.

      reconciler demo
    """
    return tell(os.environ)
