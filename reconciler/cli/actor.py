"""Who types the command, for the record of approvals and pauses."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping


def actor(environ: Mapping[str, str]) -> str:
    """The person's login name; behind sudo the one who called it, and the user's number where there is no name."""
    if environ.get("SUDO_USER"):
        return environ["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"
