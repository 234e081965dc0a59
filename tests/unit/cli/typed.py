"""A command line as a person types it, in this process: what it prints and how it exits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reconciler.cli.entry import main


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    """Run `reconciler` with these words."""
    with pytest.raises(SystemExit) as exited:
        main(list(words))
    shown = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return Ended(exited.value.code, shown.out, shown.err)
