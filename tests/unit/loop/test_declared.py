"""The desired state in force: reloaded when its files change, never for the worse."""

from __future__ import annotations

from desired_state.load import DesiredStateError
from desired_state.model import DesiredState
from desired_state.reading.diagnostics import Diagnostic
from reconciler.loop.declared import Declared
from tests.support.fleets import desired, web_fleet


class Files:
    """Files whose content and fingerprint a test sets."""

    def __init__(self, content: DesiredState | DesiredStateError) -> None:
        self.content = content
        self.version = 1

    def load(self) -> DesiredState:
        if isinstance(self.content, DesiredStateError):
            raise self.content
        return self.content

    def fingerprint(self) -> str:
        return str(self.version)

    def change(self, content: DesiredState | DesiredStateError) -> None:
        self.content = content
        self.version += 1


def invalid() -> DesiredStateError:
    fault = Diagnostic(file="web.yaml", message="unknown key", line=3, column=1)
    return DesiredStateError([fault])


SIX, FIVE, TWO = (desired(web_fleet(replicas=n)) for n in (6, 5, 2))


def reading(files: Files) -> Declared:
    return Declared.read(files.load, files.fingerprint)


def test_files_that_did_not_change_are_not_read_again() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.content = FIVE
    assert not declared.refresh()
    assert declared.in_force == SIX


def test_changed_files_are_in_force_at_the_next_look() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.change(FIVE)
    assert declared.refresh()
    assert declared.in_force == FIVE


def test_a_forced_refresh_reads_files_that_did_not_change() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.content = FIVE
    assert declared.refresh(forced=True)
    assert declared.in_force == FIVE


def test_invalid_files_leave_the_last_good_ones_in_force_and_say_why() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.change(invalid())
    assert not declared.refresh()
    assert declared.in_force == SIX
    assert declared.refused is not None
    assert "unknown key" in declared.refused


def test_a_drastically_smaller_desired_state_is_refused() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.change(TWO)
    assert not declared.refresh()
    assert declared.in_force == SIX
    assert declared.refused is not None
    assert "2 slots instead of 6" in declared.refused


def test_good_files_after_bad_ones_end_the_refusal() -> None:
    files = Files(SIX)
    declared = reading(files)
    files.change(invalid())
    declared.refresh()
    files.change(FIVE)
    assert declared.refresh()
    assert declared.refused is None
