"""Every failure ends as one message: expected ones in their own words, surprises with a way to see more."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from importlib import import_module

import click
import pytest

from providers.errors import CloudError, CredentialsError, EndpointUnreachable, RetryClass
from reconciler.cli.failures import EXPECTED, PREFACES, message_of, report
from reconciler.settings import SettingsError
from reconciler.store.errors import LeaseHeld, StoreError, StoreUnusable

DENIED = CloudError(
    operation="RunInstances",
    code="UnauthorizedOperation",
    message="not allowed. The credentials need the permission ec2:RunInstances",
    retry=RetryClass.DENIED,
    request_id="4a1c",
)


def reported(error: BaseException, **environ: str) -> str:
    """What stderr gets."""
    stream = io.StringIO()
    assert report(error, stream, environ) == 1
    return stream.getvalue()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_class_that_is_expected_exists(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)


def test_only_what_is_expected_has_a_preface() -> None:
    assert set(PREFACES) <= EXPECTED


@pytest.mark.parametrize(
    "error",
    [
        CredentialsError("no usable AWS credentials"),
        EndpointUnreachable("http://127.0.0.1:1 does not answer"),
        StoreError("the store is not readable"),
        StoreUnusable("the disk is full"),
        LeaseHeld(
            cell="1/us-east-1", holder="`reconciler run`", since=datetime(2026, 4, 21, tzinfo=UTC)
        ),
        SettingsError("no owner is given"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_expected_failure_is_one_message_in_its_own_words(error: Exception) -> None:
    said = reported(error)
    assert said.startswith("error: ")
    assert str(error) in said
    assert said.count("\n") == 1


def test_what_the_cloud_refused_names_the_permission_and_the_request() -> None:
    said = reported(DENIED)
    assert "ec2:RunInstances" in said
    assert said.endswith("(request id 4a1c)\n")


def test_an_interrupt_says_what_becomes_of_what_was_begun() -> None:
    assert "journal" in reported(click.Abort())
    assert message_of(KeyboardInterrupt()) == message_of(click.Abort())


def test_a_surprise_says_so_and_how_to_see_more() -> None:
    said = reported(ZeroDivisionError("division by zero"))
    assert "this should not have happened: ZeroDivisionError: division by zero" in said
    assert "RECONCILER_DEBUG=1" in said
    assert "Traceback" not in said


def test_with_debug_the_traceback_follows() -> None:
    try:
        int("a")
    except ValueError as error:
        said = reported(error, RECONCILER_DEBUG="1")
    assert "Traceback" in said
    assert 'int("a")' in said


def test_an_error_of_the_system_names_the_file() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/nowhere")
    assert reported(error) == "error: /nowhere: No such file or directory\n"


def test_a_message_cannot_move_the_cursor() -> None:
    assert "\x1b" not in reported(StoreError("a name with \x1b[2J in it"))
