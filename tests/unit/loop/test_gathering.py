"""Gathering: one observation for everything that is decided in a pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from desired_state.model import Fleet, SsmImage
from providers.observed import Presence, ProbeOutcome, ProbeResult
from providers.port import ProbeTarget
from providers.spare_calls import SpareCalls, Unbounded
from reconciler import on
from reconciler.execution.handlers import CheckHandler
from reconciler.loop.gathering import Gathered, ProbeRhythm, gather
from reconciler.planning.learning import learn_known
from reconciler.planning.memory import Memory
from tests.support.fleets import SECOND, desired, http_probe, safety_policy, web_fleet
from tests.support.passes import Passes
from tests.support.resources import OWNER


class CountingProber:
    """Answers for every service, and counts the looks."""

    def __init__(self) -> None:
        self.looked_at: list[ProbeTarget] = []

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        asked = list(targets)
        self.looked_at += asked
        return {
            target.instance_id: ProbeResult(
                instance_id=target.instance_id, outcome=ProbeOutcome.PASSED, detail="ok", at=now
            )
            for target in asked
        }


class Looker:
    """A cell in which `fleet` was brought up, looked at with one prober and one rhythm."""

    def __init__(self, fleet: Fleet) -> None:
        self.passes = Passes(fleet)
        self.prober = CountingProber()
        self.rhythm = ProbeRhythm()
        self.spare: SpareCalls = Unbounded()

    def look(self, memory: Memory, *checks: CheckHandler) -> Gathered:
        return gather(
            cloud=self.passes.cloud,
            prober=self.prober,
            rhythm=self.rhythm,
            checks=checks,
            desired=desired(*self.passes.fleets.values()),
            memory=memory,
            owner=OWNER,
            now=self.passes.clock.now(),
            spare=self.spare,
        )


@pytest.fixture
def looker() -> Looker:
    probed = web_fleet(replicas=2)
    return Looker(replace(probed, health=replace(probed.health, probe=http_probe())))


def observed(looker: Looker) -> int:
    return sum(call.operation == "Observe" for call in looker.passes.cloud.calls)


def test_an_empty_cell_without_a_record_is_looked_at_twice(looker: Looker) -> None:
    gathered = looker.look(Memory())
    assert gathered.complete_looks == 2
    assert observed(looker) == 2


def test_a_cell_with_a_record_is_looked_at_once(looker: Looker) -> None:
    assert looker.look(Memory(passes=1)).complete_looks == 1
    assert observed(looker) == 1


def test_a_known_id_that_the_lists_lack_is_read_by_id(looker: Looker) -> None:
    looker.passes.until_converged()
    seen = looker.look(Memory(passes=1)).observation
    known = learn_known(Memory(passes=1), seen, OWNER, safety_policy(), looker.passes.clock.now())
    gone = next(iter(seen.instances))
    del looker.passes.cloud.world.instances[gone]
    again = looker.look(Memory(passes=2, known=known)).observation
    assert again.by_id == {gone: Presence.NOT_FOUND}


def test_an_instance_that_lost_our_tags_is_found_by_its_id(looker: Looker) -> None:
    looker.passes.until_converged()
    seen = looker.look(Memory(passes=1)).observation
    known = learn_known(Memory(passes=1), seen, OWNER, safety_policy(), looker.passes.clock.now())
    bare = next(iter(seen.instances))
    looker.passes.cloud.tag_by_hand(bare, dict.fromkeys(seen.instances[bare].tags))
    again = looker.look(Memory(passes=2, known=known)).observation
    assert again.by_id == {bare: Presence.FOUND}
    assert bare in again.instances


def test_a_service_is_probed_at_its_own_interval_and_not_at_every_pass(looker: Looker) -> None:
    looker.passes.until_converged()
    memory = Memory(passes=1)
    first = looker.look(memory).observation.probes
    looker.passes.clock.advance(SECOND)
    second = looker.look(memory).observation.probes
    assert len(looker.prober.looked_at) == 2
    assert second == first
    looker.passes.clock.advance(http_probe().interval)
    looker.look(memory)
    assert len(looker.prober.looked_at) == 4


def test_users_checks_are_asked_about_each_running_instance(looker: Looker) -> None:
    looker.passes.until_converged()

    @on.check
    def replication(context: on.CheckContext) -> Iterator[on.Evidence]:
        yield on.Evidence(
            sign=on.Sign.USER_CHECK,
            source="replication",
            weight=on.Weight.BAD,
            since=context.now,
            detail=f"{context.slot} lags",
        )

    reported = looker.look(Memory(passes=1), replication).reported
    assert sorted(evidence.detail for (evidence,) in reported.values()) == [
        "web/0 lags",
        "web/1 lags",
    ]


def test_a_check_that_fails_is_no_data_about_the_instance(looker: Looker) -> None:
    looker.passes.until_converged()

    @on.check
    def broken(context: on.CheckContext) -> Iterator[on.Evidence]:
        raise RuntimeError("no route")

    for (evidence,) in looker.look(Memory(passes=1), broken).reported.values():
        assert evidence.sign is on.Sign.NO_DATA
        assert evidence.weight is on.Weight.NEUTRAL
        assert "no route" in evidence.detail


def test_image_parameters_of_all_fleets_are_resolved_in_the_same_look(looker: Looker) -> None:
    fleet = next(iter(looker.passes.fleets.values()))
    named = replace(fleet, instance=replace(fleet.instance, image=SsmImage(ssm="/images/web")))
    looker.passes.declare(named)
    looker.passes.cloud.images = {"/images/web": "ami-1"}
    assert looker.look(Memory(passes=1)).observation.images == {"/images/web": "ami-1"}


class Spare:
    """So many calls to spare, and whether any were asked for."""

    def __init__(self, left: int) -> None:
        self.left = left

    def count(self) -> None:
        """Nothing is added up here."""

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def test_without_a_call_to_spare_what_the_lists_lack_is_not_asked_for_and_proves_nothing(
    looker: Looker,
) -> None:
    looker.passes.until_converged()
    seen = looker.look(Memory(passes=1)).observation
    known = learn_known(Memory(passes=1), seen, OWNER, safety_policy(), looker.passes.clock.now())
    gone = next(iter(seen.instances))
    del looker.passes.cloud.world.instances[gone]
    looker.spare = Spare(left=0)
    assert looker.look(Memory(passes=2, known=known)).observation.by_id == {}
    looker.spare = Spare(left=1)
    again = looker.look(Memory(passes=2, known=known)).observation
    assert again.by_id == {gone: Presence.NOT_FOUND}
