"""Backups by the whole controller on the simulated cloud: on time, thinned, and through faults never without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from desired_state.model import Fleet
from providers.simulated.faults import (
    Brownout,
    ByHand,
    Fault,
    ListShort,
    Meddling,
    NotFoundForExisting,
    PageLost,
    ReadsGoBack,
    RequestRepeated,
    ResponseLost,
    SnapshotFails,
    SnapshotSlow,
    StaleReads,
    Throttled,
    When,
)
from providers.simulated.layout import Layout
from providers.simulated.records import Snapshot
from reconciler.loop.reconcile import PassResult
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.support.fleets import (
    ACCOUNT,
    HOUR,
    IMAGE,
    MINUTE,
    REGION,
    data_claim,
    desired,
    postgres_fleet,
    snapshots_of,
)

LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
EVERY = 10 * MINUTE
KEPT = 40 * MINUTE

GuardOf = Callable[..., VirtualGuard]


@pytest.fixture
def guard_of(tmp_path: Path) -> Iterator[GuardOf]:
    """A controller over an empty account that has what these fleets need."""
    with ExitStack() as opened:

        def make(*fleets: Fleet, seed: int = 1) -> VirtualGuard:
            store = tmp_path / "store.sqlite"
            guard = opened.enter_context(
                virtual_guard(desired(*fleets), store=store, layout=LAYOUT, seed=seed)
            )
            for _ in guard.until_converged(within=HOUR):
                pass
            return guard

        yield make


def databases(replicas: int = 2) -> Fleet:
    claim = data_claim(size_gib=8, backup=snapshots_of(EVERY, all=KEPT))
    return postgres_fleet(replicas=replicas, claims=(claim,))


def snapshots(guard: VirtualGuard) -> list[Snapshot]:
    return list(guard.cloud.truth.snapshots.values())


def completed_by_slot(guard: VirtualGuard) -> Counter[str]:
    return Counter(item.tags[Tag.SLOT] for item in snapshots(guard) if item.state == "completed")


def watch(guard: VirtualGuard, *, lasting: timedelta) -> None:
    """Pass after pass; whatever had a completed snapshot never has none again."""
    backed_up: set[str] = set()
    for _ in guard.passes(lasting=lasting):
        found = completed_by_slot(guard)
        assert backed_up <= set(found), "a slot lost its last good restore point"
        backed_up |= set(found)


def test_each_slot_has_one_an_interval_and_no_more_than_are_kept(guard_of: GuardOf) -> None:
    guard = guard_of(databases())
    watch(guard, lasting=3 * HOUR)
    now = guard.cloud.clock.now()
    for slot in ("0", "1"):
        taken = sorted(i.started_at for i in snapshots(guard) if i.tags[Tag.SLOT] == slot)
        gaps = [later - earlier for earlier, later in pairwise(taken)]
        assert max(gaps) <= EVERY + MINUTE
        assert now - taken[-1] <= EVERY + MINUTE
        assert now - taken[0] <= KEPT + 6 * MINUTE
        assert len(taken) >= KEPT / EVERY


def test_slots_are_not_taken_at_one_moment(guard_of: GuardOf) -> None:
    guard = guard_of(databases(replicas=6))
    watch(guard, lasting=HOUR)
    latest = {item.tags[Tag.SLOT]: item.started_at for item in snapshots(guard)}
    assert len({at.minute for at in latest.values()}) >= 4


def test_nothing_but_due_snapshots_and_their_expiry_is_sent(guard_of: GuardOf) -> None:
    guard = guard_of(databases())
    watch(
        guard, lasting=10 * MINUTE
    )  # The first ones wait until EC2 says that new volumes are well.
    before = Counter(guard.cloud.gate.counts)
    watch(guard, lasting=2 * HOUR)
    sent = Counter(guard.cloud.gate.counts) - before
    mutating = {name for name in sent if not name.startswith(("Describe", "Get"))}
    assert mutating == {"CreateSnapshot", "DeleteSnapshot"}
    assert sent["CreateSnapshot"] == 24
    assert sent["DescribeSnapshots"] <= 24 + 2 * sent["DeleteSnapshot"]


def test_a_pass_in_which_nothing_is_due_stays_converged_while_snapshots_are_pending(
    guard_of: GuardOf,
) -> None:
    guard = guard_of(databases())
    guard.cloud.add_fault(SnapshotSlow(longer=3 * HOUR))
    pending = 0
    for passed in guard.passes(lasting=HOUR):
        assert isinstance(passed, PassResult)
        plan = passed.assessment.plan
        assert plan.converged or plan.actions
        pending = max(pending, sum(item.state == "pending" for item in snapshots(guard)))
        by_volume = Counter(i.volume_id for i in snapshots(guard) if i.state == "pending")
        assert max(by_volume.values(), default=0) <= 1
    assert pending == 2


def test_coupled_volumes_are_taken_at_one_instant(guard_of: GuardOf) -> None:
    claims = (
        data_claim(size_gib=8, backup=snapshots_of(EVERY, all=KEPT)),
        data_claim("log", size_gib=8, device="/dev/sdg", backup=snapshots_of(EVERY, all=KEPT)),
        data_claim("scratch", size_gib=8, device="/dev/sdh"),
    )
    guard = guard_of(postgres_fleet(replicas=1, claims=claims))
    watch(guard, lasting=2 * HOUR)
    sets: dict[str, list[Snapshot]] = {}
    for item in snapshots(guard):
        sets.setdefault(item.tags[Tag.OPERATION], []).append(item)
    assert len(sets) >= 4
    for taken in sets.values():
        assert {item.tags[Tag.CLAIM] for item in taken} == {"data", "log"}
        assert len({item.started_at for item in taken}) == 1


def test_a_failing_snapshot_is_repeated_in_time_and_cleared_away(guard_of: GuardOf) -> None:
    guard = guard_of(databases(replicas=1))
    watch(guard, lasting=HOUR)
    guard.cloud.add_fault(SnapshotFails(when=When(since=guard.cloud.clock.elapsed, most=2)))
    watch(guard, lasting=HOUR)
    good = [item for item in snapshots(guard) if item.state == "completed"]
    assert not [item for item in snapshots(guard) if item.state == "error"]
    newest = max(item.started_at for item in good)
    assert guard.cloud.clock.now() - newest <= 2 * EVERY


def test_a_lost_answer_makes_one_more_at_most(guard_of: GuardOf) -> None:
    guard = guard_of(databases(replicas=1))
    here = guard.cloud.clock.elapsed
    operations = frozenset({"CreateSnapshot"})
    guard.cloud.add_fault(ResponseLost(when=When(since=here, operations=operations, most=1)))
    before = guard.cloud.gate.counts["CreateSnapshot"]
    watch(guard, lasting=HOUR)
    assert 6 <= guard.cloud.gate.counts["CreateSnapshot"] - before <= 7


STORMS: tuple[tuple[Fault, ...], ...] = (
    (ResponseLost(when=When(share=0.5)), RequestRepeated(when=When(share=0.3))),
    (StaleReads(lag=4 * MINUTE), ListShort(when=When(share=0.4), kept=0.5)),
    (ReadsGoBack(lag=4 * MINUTE), NotFoundForExisting(when=When(share=0.3))),
    (
        PageLost(when=When(share=0.5)),
        Throttled(when=When(share=0.3)),
        Brownout(when=When(share=0.3)),
    ),
    (SnapshotFails(when=When(share=0.5)), ByHand(what=Meddling.EDIT_TAGS)),
    (SnapshotSlow(when=When(share=0.3), longer=HOUR), ResponseLost(when=When(share=0.3))),
)


@pytest.mark.parametrize(
    "faults", STORMS, ids=lambda item: "-".join(type(i).__name__ for i in item)
)
def test_no_storm_takes_the_last_good_one(guard_of: GuardOf, faults: tuple[Fault, ...]) -> None:
    guard = guard_of(databases())
    watch(guard, lasting=HOUR / 2)
    for fault in faults:
        guard.cloud.add_fault(fault)
    watch(guard, lasting=2 * HOUR)
    guard.cloud.heal()
    for _ in guard.passes(lasting=HOUR / 2):
        pass
    now = guard.cloud.clock.now()
    newest = [item.started_at for item in snapshots(guard) if item.state == "completed"]
    assert now - max(newest) <= EVERY + 6 * MINUTE
