"""A cell's memory is kept between passes; whatever is written, by whomever, it is what the store would be read as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.health.conditions import Condition, RememberedCondition, Scope, ScopeKind
from reconciler.health.reads import Look, RememberedReads
from reconciler.health.verdict import RememberedHealth, Status
from reconciler.health.volumes import RememberedVolume, VolumeCondition, VolumeSign
from reconciler.planning.actions import Action, Gate
from reconciler.planning.intents import MOVES, IntentState
from reconciler.planning.memory import Approval, CapacityMemory, ColdStart, Override, Pause
from reconciler.store.cell import CellStore
from reconciler.store.errors import IntentRefused
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from tests.support.actions import launch, snapshot
from tests.support.cases import CELL
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.memory_of_passes import known, lessons
from tests.support.resources import NOW

SLOTS = ("web/0", "web/1", "web/2")


@dataclass
class Room:
    """The store as the controller has it open, and as a person's command has."""

    ours: CellStore
    theirs: CellStore
    path: Path
    now: datetime = NOW
    attempts: dict[str, int] = field(default_factory=dict)

    def read_afresh(self) -> object:
        with Store.open(self.path, read_only=True) as store:
            return store.cell(CELL).memory(self.now)


Step = Callable[[Room], None]

slots = st.sampled_from(SLOTS)
waits = st.sampled_from(
    (timedelta(), timedelta(seconds=15), -MINUTE, MINUTE, HOUR, DAY - MINUTE, DAY)
)


def _passes(slot_texts: frozenset[str], failures: int, cold: int | None, looks: int) -> Step:
    def step(room: Room) -> None:
        resources = {item.id: item for item in (known(text) for text in sorted(slot_texts))}
        learnt = lessons(
            as_of=room.now,
            complete_looks=looks,
            known=resources,
            health={
                id_: RememberedHealth(
                    status=Status.SUSPECT, status_since=NOW, probe_failures=failures
                )
                for id_ in resources
            },
            volumes={
                f"vol-{text}": RememberedVolume(
                    condition=VolumeCondition.STUCK,
                    condition_since=NOW + failures * MINUTE,
                    since={VolumeSign.IO_PERFORMANCE: NOW},
                )
                for text in sorted(slot_texts)
                if failures
            },
            held_since={"web/0|paused": NOW + failures * MINUTE} if failures else {},
            cold=None if cold is None else ColdStart(since=NOW, complete_observations=cold),
            conditions=dict.fromkeys(_places(slot_texts), _sick(failures)),
            reads={"use1-az1": RememberedReads(looks=(Look(at=NOW, lacked="Unavailable"),))}
            if failures
            else {},
        )
        short = CapacityMemory(
            zone="use1-az1",
            type="m5.large",
            failures=failures,
            last_failed_at=NOW,
            until=NOW + HOUR,
        )
        room.ours.record_pass(PassRecord(lessons=learnt, capacity=(short,) if failures else ()))

    return step


def _places(slot_texts: frozenset[str]) -> list[Scope]:
    """In no order of theirs: the store's is by how they are written."""
    zones = [Scope(ScopeKind.ZONE, text) for text in slot_texts]
    return [*zones, *(Scope(ScopeKind.FLEET, text) for text in slot_texts)]


def _sick(minutes: int) -> RememberedCondition:
    return RememberedCondition(
        condition=Condition.DEGRADED, since=NOW, calm_since=NOW + minutes * MINUTE
    )


def _steady(room: Room) -> None:
    """What a pass over a cell in which nothing changed leaves behind."""
    memory = room.ours.memory(room.now)
    room.ours.record_pass(
        PassRecord(
            lessons=lessons(
                as_of=room.now,
                known=memory.known,
                health=memory.health,
                volumes=memory.volumes,
                held_since=memory.held_since,
                cold=memory.cold,
                conditions=memory.conditions,
                reads=memory.reads,
            ),
            capacity=memory.capacity,
        )
    )


def _begins(text: str, action: Callable[..., Action], *, by_others: bool) -> Step:
    def step(room: Room) -> None:
        cell = room.theirs if by_others else room.ours
        if any(
            str(intent.action.slot) == text for intent in room.ours.memory(room.now).open_intents
        ):
            return
        room.attempts[text] = room.attempts.get(text, 0) + 1
        cell.begin(action(text, attempt=room.attempts[text]), room.now)

    return step


def _moves(pick: int) -> Step:
    def step(room: Room) -> None:
        for intent in room.ours.memory(room.now).open_intents[:1]:
            states = sorted(MOVES[intent.state])
            state = states[pick % len(states)]
            resource = "i-0a1b2c3d4e5f60001" if state is IntentState.ACCEPTED else None
            room.ours.move(intent.action.operation_id, state, room.now, resource_id=resource)

    return step


def _sends_again(room: Room) -> None:
    for intent in room.ours.memory(room.now).open_intents:
        if intent.state is IntentState.BEGUN:
            room.ours.resent(intent.action.operation_id, room.now)


def _misses(room: Room) -> None:
    for intent in room.ours.memory(room.now).open_intents:
        room.ours.missed(intent.action.operation_id, room.now)


def _is_refused(room: Room) -> None:
    """A transaction that was rolled back."""
    for intent in room.ours.memory(room.now).open_intents[:1]:
        with pytest.raises(IntentRefused):
            room.ours.move(intent.action.operation_id, IntentState.BEGUN, room.now)


def _waits(for_: timedelta) -> Step:
    def step(room: Room) -> None:
        room.now += for_

    return step


def _grants(room: Room) -> None:
    room.theirs.grant(
        Approval(
            id="web-0-0a1b2c",
            gate=Gate.APPROVE,
            granted_at=room.now,
            expires_at=room.now + HOUR,
            granted_by="erin",
        )
    )


def _pauses(room: Room) -> None:
    room.theirs.pause(
        Pause(
            scope="web",
            reason="upgrade",
            paused_at=room.now,
            expires_at=room.now + HOUR,
            paused_by="erin",
        )
    )


def _overrides(room: Room) -> None:
    room.theirs.override(
        Override(
            reason="it is real",
            given_at=room.now,
            expires_at=room.now + HOUR,
            given_by="erin",
        )
    )


def _ends_override(room: Room) -> None:
    room.theirs.end_override(room.now)


def _looks(room: Room) -> None:
    room.ours.memory(room.now)
    room.ours.owed_after()


steps = st.one_of(
    st.builds(
        _passes,
        st.frozensets(slots),
        st.integers(0, 3),
        st.none() | st.integers(0, 3),
        st.integers(0, 2),
    ),
    st.just(_steady),
    st.builds(_begins, slots, st.sampled_from((launch, snapshot)), by_others=st.booleans()),
    st.integers(0, 4).map(_moves),
    waits.map(_waits),
    st.sampled_from((_sends_again, _misses, _is_refused)),
    st.sampled_from((_looks, _grants, _pauses, _overrides, _ends_override)),
    st.just(lambda room: room.theirs.release_cold()),
    st.just(lambda room: room.ours.release_cold()),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(steps, max_size=14))
def test_what_is_kept_between_passes_is_what_the_store_holds(sequence: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        with Store.open(path) as first, Store.open(path) as second:
            room = Room(ours=first.cell(CELL), theirs=second.cell(CELL), path=path)
            for step in sequence:
                step(room)
                assert room.ours.memory(room.now) == room.read_afresh()


def test_a_steady_cell_is_not_read_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.sqlite") as store:
        cell = store.cell(CELL)
        before = cell.memory(NOW)
        assert cell.memory(NOW + MINUTE) is before
        cell.record_pass(PassRecord(lessons=lessons(known={known("web/0").id: known("web/0")})))
        learnt = cell.memory(NOW + MINUTE)
        cell.record_pass(PassRecord(lessons=lessons(known=dict(learnt.known))))
        again = cell.memory(NOW + 2 * MINUTE)
        assert again == replace(learnt, passes=learnt.passes + 1)
        assert again.known is learnt.known
