"""The group: what it costs to ask for help, and what it says to a typing error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from reconciler.cli.entry import COMMANDS
from tests.unit.cli.typed import typed

HEAVY = {
    "alembic",
    "boto3",
    "botocore",
    "lxml",
    "moto",
    "pydantic",
    "rich",
    "sqlalchemy",
    "structlog",
    "tenacity",
    "yaml",
}

ASK_FOR_HELP = """
import json, sys
from reconciler.cli.entry import main
try:
    main(["--help"])
except SystemExit:
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK_FOR_HELP], capture_output=True, text=True, check=True
    )
    imported = set(json.loads(done.stderr))
    assert "click" in imported
    assert imported & HEAVY == set()


def test_the_list_of_commands_names_every_module_of_a_command() -> None:
    folder = Path(str(import_module("reconciler.cli").__path__[0]))
    modules = {
        path.stem
        for path in folder.glob("*.py")
        if "\n@subcommand(" in path.read_text(encoding="utf-8")
    }
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_line_in_the_list_is_the_first_of_the_commands_own_help(name: str) -> None:
    command: click.Command = import_module(f"reconciler.cli.{name}").command
    assert command.help is not None
    own = " ".join(command.help.partition("\n\n")[0].split())
    assert COMMANDS[name] == own
    assert command.name == name


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_every_command_shows_an_example_and_fits_its_help_on_a_screen(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = typed(capsys, name, "--help")
    assert ended.code == 0
    assert f"    reconciler {name}" in ended.out
    assert len(ended.out.splitlines()) <= 60


def test_every_option_with_an_environment_twin_names_it() -> None:
    for name in COMMANDS:
        command: click.Command = import_module(f"reconciler.cli.{name}").command
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar:
                twin = "RECONCILER_" + option.opts[-1].removeprefix("--").replace("-", "_").upper()
                assert option.envvar == twin
                assert option.show_envvar


def test_a_command_that_is_nearly_right_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "pln")
    assert ended.code == 1
    assert "No such command 'pln'. Did you mean 'plan'?" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--flet", "web"),
        ("explain",),
        ("explain", "web"),
        ("pause", "--for", "soon"),
        ("history", "--limit", "0"),
        ("plan", "-o", "xml"),
    ],
    ids=" ".join,
)
def test_a_usage_error_exits_with_1_and_says_what_is_wrong(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    ended = typed(capsys, *words)
    assert ended.code == 1
    assert ended.out == ""
    assert f"reconciler {words[0]} --help" in ended.err


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "--version")
    assert (ended.code, ended.out) == (0, f"reconciler {version('fleet-reconciler')}\n")


def test_a_reader_that_goes_away_is_an_error_and_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "schema"],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: the reader of the output went away before all of it was written\n"
    )
