"""Which intents were written lately is known until too many were."""

from __future__ import annotations

from reconciler.store.journaled import KEPT, Journaled


def test_what_was_written_since_is_told() -> None:
    written = Journaled()
    written.note("a")
    read_at = written.count
    written.note("b")
    written.note("a")
    assert written.since(read_at) == {"a", "b"}
    assert written.since(written.count) == frozenset()


def test_who_has_not_read_for_long_reads_everything() -> None:
    written = Journaled()
    for number in range(KEPT + 1):
        written.note(f"operation-{number}")
    assert written.since(0) is None
    assert written.since(written.count) == frozenset()
