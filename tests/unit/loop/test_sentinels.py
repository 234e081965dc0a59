"""Sentinels: looked at beside the services, under names of their own, and never without a word when they are silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Fleet
from providers.observed import ProbeOutcome
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.sentinels import sentinel
from reconciler.planning.memory import Memory
from tests.support.fleets import HOUR, SECOND, desired, http_probe, web_fleet
from tests.support.memory_prober import MemoryProber
from tests.support.passes import Passes
from tests.support.resources import OWNER

RESOLVER = sentinel("10.0.0.2", 53)
GATEWAY = sentinel("fd00::1", 443)


class Watched:
    """A fleet that was brought up, looked at with a resolver and a gateway for sentinels."""

    def __init__(self, fleet: Fleet) -> None:
        self.passes = Passes(fleet)
        self.passes.until_converged()
        self.prober = MemoryProber()
        self.senses = Senses(
            cloud=self.passes.cloud,
            prober=self.prober,
            rhythm=ProbeRhythm(),
            checks=(),
            owner=OWNER,
            sentinels=(RESOLVER, GATEWAY),
        )

    def look(self, memory: Memory | None = None) -> Assessment:
        return assess(
            self.senses,
            desired(*self.passes.fleets.values()),
            memory or self.passes.memory,
            self.passes.clock.now(),
        )

    def silence(self, *keys: str) -> None:
        self.prober.outcomes = dict.fromkeys(keys, ProbeOutcome.FAILED)


@pytest.fixture
def watched() -> Watched:
    probed = web_fleet(replicas=2)
    return Watched(replace(probed, health=replace(probed.health, probe=http_probe())))


def test_they_are_found_among_the_probes_under_names_of_their_own(watched: Watched) -> None:
    observation = watched.look().case.observation
    assert [look.instance_id for look in observation.sentinels] == [
        "sentinel 10.0.0.2:53",
        "sentinel [fd00::1]:443",
    ]
    assert len(observation.probes) == 4
    asked = {target.instance_id: target for target in watched.prober.probed}
    assert (asked["sentinel [fd00::1]:443"].address, asked["sentinel [fd00::1]:443"].port) == (
        "fd00::1",
        443,
    )


def test_they_have_a_rhythm_of_their_own(watched: Watched) -> None:
    watched.look()
    watched.passes.clock.advance(5 * SECOND)
    watched.look()
    assert watched.prober.probed.count(RESOLVER) == 1
    watched.passes.clock.advance(5 * SECOND)
    watched.look()
    assert watched.prober.probed.count(RESOLVER) == 2


def test_no_slot_verdict_or_action_is_ever_about_one(watched: Watched) -> None:
    before = watched.look()
    watched.silence(RESOLVER.instance_id, GATEWAY.instance_id)
    watched.passes.clock.advance(HOUR)
    after = watched.look()
    assert before.case.verdicts.keys() == after.case.verdicts.keys()
    assert after.plan.converged
    assert not any("sentinel" in key for key in after.lessons.health)
    assert not any("sentinel" in key for key in after.lessons.known)


def test_one_that_is_silent_beside_another_that_answers_is_noted(watched: Watched) -> None:
    watched.silence(RESOLVER.instance_id)
    (note,) = watched.look().plan.notes
    assert note == (
        "sentinel 10.0.0.2:53 does not answer (failed): 1 of 2 do, so the prober can see"
    )


def test_when_none_answers_each_is_noted_with_what_it_keeps_back(watched: Watched) -> None:
    watched.silence(RESOLVER.instance_id, GATEWAY.instance_id)
    watched.passes.clock.advance(timedelta(days=1))
    notes = watched.look().plan.notes
    assert len(notes) == 2
    assert all("failing probes tell nothing of the services" in note for note in notes)


def test_while_all_answer_nothing_is_said(watched: Watched) -> None:
    assert watched.look().plan.notes == ()
