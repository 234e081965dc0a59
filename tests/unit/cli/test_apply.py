"""What an apply does once a person has said yes: what was shown, what follows from it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from desired_state.model import Fleet
from providers.requests import TerminateInstance
from reconciler.cli.apply import Proposal
from reconciler.cli.confirmations import Confirmations, confirmed, require_released
from reconciler.cli.converging import once, until_converged
from reconciler.cli.failures import Refused
from reconciler.cli.shown import exactly, in_its_course
from reconciler.clock import system_randomness
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import RetryBudget
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means
from reconciler.planning.actions import Bucket, Gate
from reconciler.planning.outcome import Plan, SlotOutcome
from reconciler.planning.plan import plan
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.support.actions import launch, retag, terminate
from tests.support.brakes import PACE
from tests.support.cases import CELL, Scene
from tests.support.fleets import DAY, HOUR, desired, safety_policy, web_fleet
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.passes import Services
from tests.support.resources import NOW, OWNER, slot


class Room:
    """One cell over a cloud in memory and a store in a file, on a clock that sleeping moves."""

    def __init__(self, store: Store, *fleets: Fleet) -> None:
        self.fleets = list(fleets)
        self.clock = ManualClock()
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        prober = Services(self.cloud, {fleet.name: fleet for fleet in fleets})
        senses = Senses(
            cloud=self.cloud, prober=prober, rhythm=ProbeRhythm(), checks=(), owner=OWNER
        )
        self.cell = Cell(identity=CELL, senses=senses, store=store.cell(CELL))
        self.cell.store.acquire(this_process("reconciler apply", self.clock.now()))
        self.means = Means(
            clock=self.clock,
            randomness=system_randomness(),
            handlers=STANDARD,
            budget=RetryBudget(),
            log=structlog.get_logger(),
        )

    def seen(self) -> Assessment:
        """A look at the cell as it is now."""
        now = self.clock.now()
        return assess(self.cell.senses, desired(*self.fleets), self.cell.store.memory(now), now)

    def bring_up(self) -> None:
        """Everything as declared."""
        plan = self.seen().plan
        ending = until_converged(self.cell, desired(*self.fleets), self.means, plan, timeout=HOUR)
        assert ending.converged

    def kinds(self) -> list[str]:
        """Every mutating request so far, by kind."""
        return [request.kind for request in self.cloud.mutations]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


def wishes(*, shrink: bool = False, retire: tuple[str, ...] = ()) -> Confirmations:
    """The flags of an apply."""
    return Confirmations(shrink=shrink, retire=retire, by="erin", lasts=DAY)


# Only what was shown


def test_only_actions_that_were_shown_are_accepted() -> None:
    accepts = exactly(Plan(made_at=NOW, actions=(terminate("web/1"),)))
    assert accepts(terminate("web/1", detail="told otherwise"))
    assert not accepts(terminate("web/2"))


@pytest.mark.parametrize(
    "change",
    [{"zone": "use1-az1"}, {"type": "m5.large"}, {"image": "ami-new"}, {"security_groups": ()}],
    ids=["zone", "type", "image", "groups"],
)
def test_a_launch_of_anything_else_than_was_shown_is_not_what_was_shown(
    change: dict[str, object],
) -> None:
    accepts = exactly(Plan(made_at=NOW, actions=(launch("web/1"),)))
    assert accepts(launch("web/1"))
    assert not accepts(launch("web/1", request=change))


def test_what_follows_is_accepted_for_the_slots_that_were_shown_and_no_others() -> None:
    plan = Plan(
        made_at=NOW,
        actions=(launch("web/1"),),
        slots=(
            SlotOutcome(slot=slot("web/2"), bucket=Bucket.WAITING, summary=""),
            SlotOutcome(slot=slot("web/3"), bucket=Bucket.HEALTHY, summary=""),
        ),
    )
    accepts = in_its_course(plan)
    assert accepts(retag("web/1"))
    assert accepts(terminate("web/2"))
    assert not accepts(terminate("web/3"))
    assert not accepts(terminate("web/4"))


# Passes


def test_without_waiting_one_pass_is_done(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    room = Room(store, web_fleet())
    ending = once(room.cell, desired(*room.fleets), room.means, room.seen().plan)
    assert room.kinds() == ["launch"] * 3
    assert not ending.converged
    assert ending.failed == ()
    assert capsys.readouterr().out.count(": accepted\n") == 3


def test_what_was_not_shown_is_left_and_said(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Room(store, web_fleet())
    shown = room.seen().plan
    only_first = replace(shown, actions=shown.actions[:1])
    once(room.cell, desired(*room.fleets), room.means, only_first)
    assert len(room.kinds()) == 1
    assert "2 actions of the plan of now differ from what was shown" in capsys.readouterr().err


def test_waiting_goes_on_until_all_stands_as_declared_and_then_stops(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Room(store, web_fleet())
    room.bring_up()
    assert room.seen().plan.converged
    progress = capsys.readouterr().err.splitlines()
    assert progress[0] == "[0 s] 0 of 3 slots healthy, 3 acting"
    assert progress[-1].endswith("] 3 of 3 slots healthy")


def test_new_trouble_in_a_slot_that_was_not_shown_is_left_to_the_next_apply(store: Store) -> None:
    room = Room(store, web_fleet())
    room.bring_up()
    first, second = (item for item in room.cloud.alive() if item.zone != "use1-az1")
    room.cloud.terminate_by_hand(first.id)
    shown = room.seen().plan
    room.cloud.terminate_by_hand(second.id)
    before = len(room.kinds())
    ending = until_converged(room.cell, desired(*room.fleets), room.means, shown, timeout=HOUR)
    launched = [kind for kind in room.kinds()[before:] if kind == "launch"]
    assert launched == ["launch"]
    assert not ending.converged


def test_waiting_for_a_person_is_not_waited_for(store: Store) -> None:
    room = Room(store, web_fleet(replicas=6))
    room.bring_up()
    room.fleets = [web_fleet(replicas=2)]
    shown = room.seen().plan
    assert {item.gate for item in shown.withheld} == {Gate.SHRINK}
    started = room.clock.now()
    ending = until_converged(room.cell, desired(*room.fleets), room.means, shown, timeout=HOUR)
    assert not ending.converged
    assert ending.withheld == len(shown.withheld)
    assert room.clock.now() - started < timedelta(minutes=1)


def test_what_does_not_converge_in_time_is_refused_with_how_far_it_came(store: Store) -> None:
    room = Room(store, web_fleet())
    plan = room.seen().plan
    with pytest.raises(Refused, match="not yet as declared after 5 s: 0 of 3 slots healthy"):
        until_converged(
            room.cell,
            desired(*room.fleets),
            room.means,
            plan,
            timeout=timedelta(seconds=5),
        )


# Confirmations


def test_a_confirmed_shrink_is_planned_before_anything_is_granted(store: Store) -> None:
    room = Room(store, web_fleet(replicas=6))
    room.bring_up()
    room.fleets = [web_fleet(replicas=2)]
    plan, approvals = confirmed(room.seen(), wishes(shrink=True))
    assert any(isinstance(item.request, TerminateInstance) for item in plan.actions)
    assert {item.gate for item in approvals} == {Gate.SHRINK}
    assert room.cell.store.memory(room.clock.now()).approvals == {}


def test_without_the_flag_a_shrink_stays_withheld(store: Store) -> None:
    room = Room(store, web_fleet(replicas=6))
    room.bring_up()
    room.fleets = [web_fleet(replicas=2)]
    plan, approvals = confirmed(room.seen(), wishes())
    assert plan.actions == ()
    assert approvals == ()


def test_a_retired_fleet_ends_once_it_is_no_longer_declared(store: Store) -> None:
    room = Room(store, web_fleet(), web_fleet("old", replicas=1))
    room.bring_up()
    room.fleets = [web_fleet()]
    seen = room.seen()
    require_released(("old",), [seen.plan])
    plan, approvals = confirmed(seen, wishes(retire=("old",)))
    assert [item.slot for item in plan.actions] == [slot("old/0")]
    assert [item.gate for item in approvals] == [Gate.RETIRE]


def test_a_declared_or_unknown_fleet_cannot_be_retired(store: Store) -> None:
    room = Room(store, web_fleet())
    plan = room.seen().plan
    with pytest.raises(Refused, match="web is still declared: take it out"):
        require_released(("web",), [plan])
    with pytest.raises(Refused, match="there is no fleet wep to retire; there are web"):
        require_released(("wep",), [plan])


def test_what_waits_for_its_turn_alone_is_followed_by_an_apply_that_waits(store: Store) -> None:
    scene = Scene(web_fleet(), policy=safety_policy(pace=PACE))
    scene.in_service()
    scene.terminated("web/1")
    scene.remembering(recorded_since=scene.now)
    case = scene.case()
    proposal = Proposal(cell=Room(store).cell, case=case, plan=plan(case), approvals=())
    assert proposal.plan.actions == ()
    assert proposal.in_turn == 1
    assert proposal.acts(waiting=True)
    assert not proposal.acts(waiting=False)
