"""Every command line that we tell somebody to type is one that the command line understands."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.entry import COMMANDS, group
from reconciler.surface.words import GATES
from tests.architecture.violations import assert_none
from tests.support.repository import ROOT, files

CONSOLE = re.compile(r"^\s*\$ (?:sudo -u reconciler )?(reconciler (?:.*\\\n)*.*)$", re.MULTILINE)
SPAN = re.compile(r"`(reconciler [a-z][^`\n[…]*)`")
"""Without those that show a form (`history [SLOT]`) rather than something to type."""


def documented() -> Iterator[tuple[str, str]]:
    """Where a command line is told, and the command line."""
    for document in files(".md"):
        text = document.read_text(encoding="utf-8")
        for command in (*CONSOLE.findall(text), *SPAN.findall(text)):
            yield str(document), command.replace("\\\n", " ")
    for gate, words in GATES.items():
        for command in SPAN.findall(words):
            yield f"what opens {gate}", command
    yield from deployed()


def deployed() -> Iterator[tuple[str, str]]:
    """What the container and the service run."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    arguments = re.search(r"^CMD (.*)$", dockerfile, re.MULTILINE)
    assert arguments is not None
    yield "Dockerfile", shlex.join(["reconciler", *json.loads(arguments[1])])
    unit = (ROOT / "deploy" / "systemd" / "fleet-reconciler.service").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=\S*/(reconciler .*)$", unit, re.MULTILINE)
    assert command is not None
    yield "fleet-reconciler.service", command[1]


def misunderstood(where: str, command: str) -> Iterator[str]:
    """What the command line would say to it, if it would not understand it."""
    _, *arguments = shlex.split(command, comments=True)
    try:
        with group.make_context("reconciler", arguments, resilient_parsing=False) as context:
            name, subcommand, rest = group.resolve_command(context, arguments)
            assert subcommand is not None
            subcommand.make_context(name, rest, parent=context).close()
    except click.exceptions.Exit:
        return
    except click.ClickException as error:
        yield f"{where}: {command}: {error.format_message()}"


def test_every_documented_command_is_understood() -> None:
    told = sorted(set(documented()))

    assert len(told) > 10
    assert_none(fault for where, command in told for fault in misunderstood(where, command))


def test_a_command_that_is_not_understood_is_seen(tmp_path: Path) -> None:
    assert list(misunderstood("here", "reconciler validate --desired fleets/")) == []
    assert list(misunderstood("here", "reconciler validat"))
    assert list(misunderstood("here", "reconciler validate --desird fleets/"))


def test_every_command_says_what_it_does_without_the_marks_of_its_layout() -> None:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.help, name
        assert "\\b" not in command.help, f"{name}: \\b is told instead of keeping lines apart"
