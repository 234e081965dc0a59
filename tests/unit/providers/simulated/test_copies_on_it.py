"""Copies in another region: what the simulated cloud makes of them, and the whole controller at work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.model import Fleet
from providers.simulated.faults import (
    Brownout,
    ErrorAfterEffect,
    Fault,
    ListShort,
    ReadsGoBack,
    RequestLost,
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
from reconciler.planning.actions import Bucket
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.support.copied import ELSEWHERE
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
from tests.support.simulated_account import SimulatedAccount

LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
EVERY = 10 * MINUTE
KEPT = 40 * MINUTE
THERE = frozenset({ELSEWHERE})
GuardOf = Callable[..., VirtualGuard]


# The region


class Account(SimulatedAccount):
    """With a client of the other region."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.there = self.cloud.ec2_in(ELSEWHERE)
        self.source = self.ec2.create_snapshot(VolumeId=self.volume())["SnapshotId"]
        self.wait(minutes=10)

    def copied(self, **changed: object) -> Snapshot:
        """A copy that was just asked for, as it truly is."""
        asked = {"SourceRegion": "us-east-1", "SourceSnapshotId": self.source} | changed
        return self.now(self.there.copy_snapshot(**asked)["SnapshotId"])

    def now(self, copy_id: str) -> Snapshot:
        return self.truth.copies_in(ELSEWHERE)[copy_id]


def test_a_copy_takes_its_time_and_holds_what_its_source_holds() -> None:
    account = Account()
    copy = account.copied()
    assert copy.state == "pending"
    account.wait(minutes=10)
    source = account.truth.snapshots[account.source]
    assert account.now(copy.id).state == "completed"
    assert account.now(copy.id).data == source.data
    assert account.now(copy.id).started_at > source.started_at


def test_trouble_there_is_not_trouble_here() -> None:
    account = Account(
        SnapshotFails(when=When(zones=THERE)), Throttled(when=When(zones=THERE, share=1.0))
    )
    assert account.code(account.there.describe_snapshots) == "RequestLimitExceeded"
    assert account.code(account.ec2.describe_snapshots) == "ok"
    account.cloud.heal()
    account.cloud.add_fault(SnapshotFails(when=When(zones=THERE)))
    copy = account.copied()
    account.wait(minutes=10)
    assert account.now(copy.id).state == "error"
    assert account.truth.snapshots[account.source].state == "completed"


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("arn:aws:kms:us-east-1:210987654321:key/0a1b", "error"),
        ("arn:aws:kms:eu-west-1:210987654321:key/0a1b", "completed"),
        ("mrk-0a1b", "completed"),
    ],
)
def test_a_key_of_another_region_is_taken_and_then_fails(key: str, state: str) -> None:
    account = Account()
    copy = account.copied(Encrypted=True, KmsKeyId=key)
    account.wait(minutes=10)
    assert account.now(copy.id).state == state


def test_a_copy_fails_whose_source_is_deleted_meanwhile() -> None:
    account = Account()
    copy = account.copied()
    account.ec2.delete_snapshot(SnapshotId=account.source)
    account.wait(minutes=10)
    assert account.now(copy.id).state == "error"


# The controller


@pytest.fixture
def guard_of(tmp_path: Path) -> Iterator[GuardOf]:
    """A controller over an empty account that has what these fleets need."""
    with ExitStack() as opened:

        def make(fleet: Fleet) -> VirtualGuard:
            store = tmp_path / "store.sqlite"
            guard = opened.enter_context(
                virtual_guard(desired(fleet), store=store, layout=LAYOUT, seed=1)
            )
            for _ in guard.until_converged(within=HOUR):
                pass
            return guard

        yield make


def copied_databases(replicas: int = 1) -> Fleet:
    backup = replace(snapshots_of(EVERY, all=KEPT), copy_to=ELSEWHERE)
    return postgres_fleet(replicas=replicas, claims=(data_claim(size_gib=8, backup=backup),))


def copies(guard: VirtualGuard) -> list[Snapshot]:
    return list(guard.cloud.truth.copies_in(ELSEWHERE).values())


def good(guard: VirtualGuard) -> dict[str, list[str]]:
    """What the completed copies of each slot hold, oldest first."""
    found: dict[str, list[str]] = {}
    for item in copies(guard):
        if item.state == "completed":
            found.setdefault(item.tags[Tag.SLOT], []).append(item.tags[Tag.TAKEN_AT])
    return {slot: sorted(taken) for slot, taken in found.items()}


def watch(guard: VirtualGuard, *, lasting: timedelta) -> None:
    """Pass after pass; what the newest copy of a slot holds never grows older."""
    newest: dict[str, str] = {}
    for _ in guard.passes(lasting=lasting):
        found = {slot: taken[-1] for slot, taken in good(guard).items()}
        for slot, taken in newest.items():
            assert found.get(slot, "") >= taken, f"{slot} lost its newest copy"
        newest = found
        pending = [item.tags[Tag.SLOT] for item in copies(guard) if item.state == "pending"]
        assert len(pending) == len(set(pending)), "two copies of a claim are under way"


def age_of_newest(guard: VirtualGuard) -> timedelta:
    """Of the slot that is furthest behind."""
    taken = min(times[-1] for times in good(guard).values())
    return guard.cloud.clock.now() - guard.cloud.clock.now().fromisoformat(taken)


def test_every_snapshot_has_its_copy_and_no_more_are_kept_there_than_here(
    guard_of: GuardOf,
) -> None:
    guard = guard_of(copied_databases(replicas=2))
    watch(guard, lasting=2 * HOUR)
    assert set(good(guard)) == {"0", "1"}
    assert age_of_newest(guard) <= EVERY + 16 * MINUTE
    for taken in good(guard).values():
        assert KEPT / EVERY - 1 <= len(taken) <= KEPT / EVERY + 2


def test_a_copy_is_found_by_its_tags_alone_and_holds_the_data_of_its_slot(
    guard_of: GuardOf,
) -> None:
    guard = guard_of(copied_databases(replicas=2))
    watch(guard, lasting=HOUR / 2)
    truth = guard.cloud.truth
    lineage = {item.tags[Tag.SLOT]: item.data.lineage for item in truth.snapshots.values()}
    for item in copies(guard):
        assert item.data.lineage == lineage[item.tags[Tag.SLOT]]
        assert item.tags[Tag.COPIED_FROM_REGION] == REGION
        assert item.tags[Tag.CLAIM] == "data"


def test_while_that_region_is_away_everything_here_goes_on(guard_of: GuardOf) -> None:
    guard = guard_of(copied_databases())
    watch(guard, lasting=HOUR)
    here = guard.cloud.clock.elapsed
    guard.cloud.add_fault(RequestLost(when=When(since=here, zones=THERE), connected=False))
    for passed in guard.passes(lasting=HOUR):
        assert isinstance(passed, PassResult)
        assert {item.bucket for item in passed.assessment.plan.slots} == {Bucket.HEALTHY}
    newest = max(item.started_at for item in guard.cloud.truth.snapshots.values())
    assert guard.cloud.clock.now() - newest <= EVERY + MINUTE
    guard.cloud.heal()
    watch(guard, lasting=HOUR / 2)
    assert age_of_newest(guard) <= EVERY + 16 * MINUTE


STORMS: tuple[tuple[Fault, ...], ...] = (
    (ResponseLost(when=When(share=0.5)),),
    (ErrorAfterEffect(when=When(share=0.4)), Brownout(when=When(share=0.3))),
    (StaleReads(lag=4 * MINUTE), ListShort(when=When(share=0.4), kept=0.5)),
    (ReadsGoBack(lag=4 * MINUTE), Throttled(when=When(share=0.3))),
    (SnapshotFails(when=When(share=0.5)), SnapshotSlow(when=When(share=0.3), longer=HOUR)),
)


@pytest.mark.parametrize(
    "faults", STORMS, ids=lambda item: "-".join(type(i).__name__ for i in item)
)
def test_no_storm_takes_the_newest_copy(guard_of: GuardOf, faults: tuple[Fault, ...]) -> None:
    guard = guard_of(copied_databases())
    newest: dict[str, str] = {}
    for _ in guard.passes(lasting=HOUR / 2):
        newest = {slot: taken[-1] for slot, taken in good(guard).items()}
    for fault in faults:
        guard.cloud.add_fault(fault)
    for _ in guard.passes(lasting=HOUR):
        found = {slot: taken[-1] for slot, taken in good(guard).items()}
        assert all(found.get(slot, "") >= taken for slot, taken in newest.items())
        newest = found
    guard.cloud.heal()
    for _ in guard.passes(lasting=1.5 * HOUR):
        pass
    assert age_of_newest(guard) <= EVERY + 16 * MINUTE
    assert not [item for item in copies(guard) if item.state == "error"]


def test_a_request_that_arrives_twice_makes_one_more_that_goes_by_keep(guard_of: GuardOf) -> None:
    guard = guard_of(copied_databases(replicas=1))
    operations = frozenset({"CopySnapshot"})
    here = guard.cloud.clock.elapsed
    guard.cloud.add_fault(RequestRepeated(when=When(since=here, operations=operations, most=1)))
    for _ in guard.passes(lasting=1.5 * HOUR):
        pass
    sources = [item.tags[Tag.COPIED_FROM] for item in copies(guard)]
    assert len(sources) == len(set(sources))
    assert age_of_newest(guard) <= EVERY + 16 * MINUTE
