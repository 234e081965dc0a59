"""Every failure as one clear message on stderr and exit code 1. The one place where exceptions become words.

Expected failures carry their own message: what is wrong, where, and what to do. Anything else is a fault of ours and
says how to see more. Classes are named and not imported, so that saying that a file is malformed needs no SQLAlchemy.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TextIO

import click

FAILED = 1

EXPECTED = frozenset(
    {
        "desired_state.load.DesiredStateError",
        "providers.errors.CloudError",
        "providers.errors.CredentialsError",
        "providers.errors.EndpointUnreachable",
        "reconciler.cli.output.ReaderGone",
        "reconciler.cli.failures.Refused",
        "reconciler.demo.embedded.EmbeddedCloudError",
        "reconciler.execution.loading.HandlersError",
        "reconciler.planning.checks.last_look.PlanViolationError",
        "reconciler.settings.SettingsError",
        "reconciler.simulation.casting.NoSuchFleetError",
        "reconciler.store.errors.StoreError",
        "reconciler.surface.case_file.CaseFileError",
        "reconciler.surface.explain.UnknownSlot",
        "reconciler.surface.selection.UnknownFleet",
    }
)
"""Classes, subclasses included, whose text is made for people."""

PREFACES = {
    "desired_state.load.DesiredStateError": "the desired state is not usable:\n\n",
    "providers.errors.CloudError": "the cloud refused: ",
    "providers.errors.EndpointUnreachable": "the endpoint can't be reached: ",
    "reconciler.planning.checks.last_look.PlanViolationError": (
        "this plan breaks a rule of safety, so nothing of it is done; please report it with the case that "
        "`reconciler observe` records: "
    ),
}


class Refused(Exception):  # noqa: N818 - reads as what it is in "raise Refused"
    """A command that will not do what was asked; says why and what would be needed."""


def report(error: BaseException, stream: TextIO, environ: Mapping[str, str]) -> int:
    """Say what went wrong and return the exit code."""
    if isinstance(error, click.UsageError):
        error.show(stream)
        return FAILED
    stream.write(_printable(f"error: {message_of(error)}\n"))
    if environ.get("RECONCILER_DEBUG") == "1":
        traceback.print_exception(error, file=stream)
    return FAILED


def message_of(error: BaseException) -> str:
    """What a person needs to know of it, without a traceback."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "interrupted; what was begun is in the journal and the next pass settles it"
    if isinstance(error, click.ClickException):
        return error.format_message()
    for name in _names(error):
        if name in EXPECTED:
            return PREFACES.get(name, "") + str(error) + _request_id(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return (
        f"this should not have happened: {type(error).__name__}: {error}. Nothing more was done. "
        "Run it again with RECONCILER_DEBUG=1 for the traceback and report it"
    )


def _names(error: BaseException) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]


def _request_id(error: BaseException) -> str:
    """EC2's id of the failed request, which its support asks for."""
    request_id = getattr(error, "request_id", None)
    return f" (request id {request_id})" if request_id else ""


def _printable(text: str) -> str:
    """Messages quote files and replies; nothing of those may move the cursor."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
