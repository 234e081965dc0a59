"""The whole controller on the simulated cloud: it brings fleets up, heals them, and then leaves them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.model import Fleet
from providers.simulated.faults import (
    Brownout,
    Meddling,
    ResponseLost,
    StaleReads,
    Throttled,
    When,
)
from providers.simulated.layout import Layout
from reconciler.demo import truth
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.support.fleets import ACCOUNT, IMAGE, REGION, desired, postgres_fleet, web_fleet

HOUR = timedelta(hours=1)
LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))

GuardOf = Callable[..., VirtualGuard]


@pytest.fixture
def guard_of(tmp_path: Path) -> Iterator[GuardOf]:
    """A controller over an empty account that has what these fleets need."""
    with ExitStack() as opened:

        def make(*fleets: Fleet, seed: int = 1) -> VirtualGuard:
            store = tmp_path / "store.sqlite"
            return opened.enter_context(
                virtual_guard(desired(*fleets), store=store, layout=LAYOUT, seed=seed)
            )

        yield make


def come_up(guard: VirtualGuard, *, within: timedelta = HOUR) -> None:
    for _ in guard.until_converged(within=within):
        pass


def mutating_calls_in_an_hour(guard: VirtualGuard) -> int:
    before = guard.cloud.gate.mutating_calls
    for _ in guard.passes(lasting=HOUR):
        pass
    return guard.cloud.gate.mutating_calls - before


def test_a_small_fleet_comes_up_and_then_nothing_is_changed_any_more(guard_of: GuardOf) -> None:
    guard = guard_of(web_fleet(replicas=2), postgres_fleet(replicas=2))
    come_up(guard)
    assert [len(found) for found in truth.living(guard.cloud.truth).values()] == [1, 1, 1, 1]
    assert mutating_calls_in_an_hour(guard) == 0


def test_a_terminated_instance_is_replaced_with_its_data_kept(guard_of: GuardOf) -> None:
    fleet = postgres_fleet(replicas=2)
    guard = guard_of(fleet)
    come_up(guard)
    [lost] = truth.living(guard.cloud.truth)[f"{fleet.name}/0"]
    guard.cloud.by_hand(Meddling.TERMINATE, lost.id)
    come_up(guard)
    [found] = truth.living(guard.cloud.truth)[f"{fleet.name}/0"]
    assert found.id != lost.id
    assert truth.data_volumes(found) == truth.data_volumes(lost) != {}


@pytest.mark.parametrize("seed", range(3))
def test_a_fleet_comes_up_through_lost_answers_lags_and_throttles(
    guard_of: GuardOf, seed: int
) -> None:
    until = timedelta(minutes=30)
    guard = guard_of(web_fleet(replicas=2), postgres_fleet(replicas=1), seed=seed)
    for fault in (
        ResponseLost(when=When(share=0.3, until=until)),
        StaleReads(when=When(until=until), lag=timedelta(minutes=1)),
        Throttled(when=When(share=0.2, until=until)),
        Brownout(when=When(share=0.5, since=timedelta(minutes=5), until=timedelta(minutes=10))),
    ):
        guard.cloud.add_fault(fault)
    for _ in guard.passes(lasting=until):
        pass
    guard.cloud.heal()
    come_up(guard, within=2 * HOUR)
    assert [len(found) for found in truth.living(guard.cloud.truth).values()] == [1, 1, 1]
    assert mutating_calls_in_an_hour(guard) == 0
