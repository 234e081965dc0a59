"""What is taken over from the last pass is what a pass without a past would have found (design section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.simulated.faults import (
    Fault,
    ListShort,
    Meddling,
    NotFoundForExisting,
    PageLost,
    ReadsGoBack,
    RequestLost,
    ResponseLost,
    StaleReads,
    When,
    ZonePartitioned,
)
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Io
from reconciler.loop.assess import Assessment
from reconciler.loop.judging_brakes import judge_brakes
from reconciler.loop.reconcile import PassResult
from reconciler.planning.deciding import decide_all
from reconciler.planning.judging.instances import judge_all
from reconciler.planning.judging.volumes import judge_volumes
from reconciler.planning.memory import Approval
from reconciler.planning.plan import plan_of, world_of
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.support.fleets import (
    ACCOUNT,
    DAY,
    HOUR,
    IMAGE,
    MINUTE,
    REGION,
    SECOND,
    data_claim,
    desired,
    postgres_fleet,
    snapshots_of,
    web_fleet,
)

LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))

VOLUME_HEALTH = frozenset({"DescribeVolumeStatus", "GetMetricData"})

Happening = Callable[[VirtualGuard], None]


def _passes(count: int) -> Happening:
    def happen(guard: VirtualGuard) -> None:
        for _ in range(count):
            passed = guard.one_pass()
            if isinstance(passed, PassResult):
                _compare_with_a_cold_run(passed.assessment)

    return happen


def _compare_with_a_cold_run(warm: Assessment) -> None:
    case = warm.case
    assert warm.volume_judgement.verdicts == case.volume_verdicts
    world = world_of(case)
    judgement = judge_all(world, case.desired, case.observation, case.memory, case.now)
    assert warm.judgement.verdicts == judgement.verdicts
    assert warm.judgement.remembered == judgement.remembered
    volumes = judge_volumes(world, case.observation, case.memory, case.now)
    assert warm.volume_judgement.verdicts == volumes.verdicts
    assert warm.volume_judgement.remembered == volumes.remembered
    cold = judge_brakes(
        world,
        judgement,
        volumes,
        desired=case.desired,
        observation=case.observation,
        memory=case.memory,
        now=case.now,
        last=None,
    )
    assert warm.brakes.census.census == cold.census.census
    assert warm.brakes.capabilities == cold.capabilities == case.capabilities
    assert warm.brakes.conditions == cold.conditions
    decided = decide_all(case, world)
    assert warm.decided.decisions == decided.decisions
    assert warm.plan == plan_of(case, world, decided)


def _waits(for_: timedelta) -> Happening:
    return lambda guard: guard.cloud.clock.sleep(for_.total_seconds())


def _by_hand(what: Meddling, pick: int) -> Happening:
    def happen(guard: VirtualGuard) -> None:
        truth = guard.cloud.truth
        volumes = what in (Meddling.DETACH, Meddling.DELETE_VOLUME)
        candidates = sorted((truth.volumes if volumes else truth.instances).keys())
        if candidates:
            guard.cloud.by_hand(what, candidates[pick % len(candidates)])

    return happen


def _sickens(condition: Guest | Io, pick: int) -> Happening:
    def happen(guard: VirtualGuard) -> None:
        truth = guard.cloud.truth
        items = truth.instances if isinstance(condition, Guest) else truth.volumes
        candidates = sorted(
            id_ for id_, item in items.items() if item.state in ("running", "in-use")
        )
        if candidates:
            guard.cloud.make_sick(candidates[pick % len(candidates)], condition)

    return happen


def _fails(fault: Callable[[When], Fault]) -> Happening:
    def happen(guard: VirtualGuard) -> None:
        since = guard.cloud.clock.elapsed
        guard.cloud.add_fault(fault(When(since=since, until=since + 5 * MINUTE, share=0.4)))

    return happen


def _declares(web: int, databases: int) -> Happening:
    def happen(guard: VirtualGuard) -> None:
        guard.desired = desired(web_fleet(replicas=web), postgres_fleet(replicas=databases))

    return happen


def _approves(guard: VirtualGuard) -> None:
    """Whatever waits for a person's word is released."""
    last = guard.cell.last.assessment
    for item in last.plan.withheld if last else ():
        if item.approval_id is not None:
            now = guard.cloud.clock.now()
            guard.cell.store.grant(
                Approval(
                    id=item.approval_id,
                    gate=item.gate,
                    granted_at=now,
                    expires_at=now + HOUR,
                    granted_by="erin",
                    max_loss=item.loss,
                )
            )


picks = st.integers(0, 20)
happenings = st.one_of(
    st.sampled_from((1, 2, 6, 20)).map(_passes),
    st.sampled_from((SECOND, MINUTE, 10 * MINUTE, HOUR, DAY)).map(_waits),
    st.builds(
        _by_hand,
        st.sampled_from(
            (
                Meddling.TERMINATE,
                Meddling.STOP,
                Meddling.START,
                Meddling.DETACH,
                Meddling.EDIT_TAGS,
                Meddling.REMOVE_TAGS,
            )
        ),
        picks,
    ),
    st.builds(_sickens, st.sampled_from((Guest.DEAD, Guest.HUNG, Guest.WELL, *Io)), picks),
    st.sampled_from(
        (
            lambda when: StaleReads(when=when, lag=MINUTE),
            lambda when: ReadsGoBack(when=when, lag=MINUTE),
            lambda when: NotFoundForExisting(when=when),
            lambda when: ListShort(when=when, kept=0.5),
            lambda when: PageLost(when=when),
            lambda when: RequestLost(when=when),
            lambda when: RequestLost(when=replace(when, operations=VOLUME_HEALTH)),
            lambda when: ResponseLost(when=when),
            lambda when: ZonePartitioned(when=when),
        )
    ).map(_fails),
    st.builds(_declares, st.integers(1, 3), st.integers(1, 2)),
    st.just(lambda guard: guard.cloud.heal()),
    st.just(_approves),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(happenings, min_size=3, max_size=12), st.integers(0, 1_000))
def test_a_pass_with_a_past_finds_what_one_without_would(story: list[Happening], seed: int) -> None:
    with TemporaryDirectory() as folder:
        declared = desired(
            web_fleet(replicas=2),
            postgres_fleet(replicas=2, claims=(data_claim(backup=snapshots_of(15 * MINUTE)),)),
        )
        store = Path(folder) / "store.sqlite"
        with virtual_guard(declared, store=store, layout=LAYOUT, seed=seed) as guard:
            _passes(20)(guard)
            for happening in story:
                happening(guard)
                _passes(2)(guard)


def test_a_steady_cell_is_neither_judged_nor_decided_again(tmp_path: Path) -> None:
    declared = desired(
        web_fleet(replicas=3), postgres_fleet(replicas=2, claims=(data_claim(backup=None),))
    )
    with virtual_guard(declared, store=tmp_path / "store", layout=LAYOUT, seed=1) as guard:
        for _ in guard.until_converged(within=HOUR):
            pass
        for _ in guard.passes(lasting=10 * MINUTE):
            pass  # Until EC2 says that new volumes are well.
        first, second = _assessed(guard), _assessed(guard)
        assert first.world.slots == second.world.slots
        for before, after in zip(first.decided.decisions, second.decided.decisions, strict=True):
            assert after is before
        for id_, verdict in second.judgement.verdicts.items():
            assert verdict is first.judgement.verdicts[id_]
        for id_, judged in second.volume_judgement.verdicts.items():
            assert judged is first.volume_judgement.verdicts[id_]
        assert second.case.observation.volume_status is first.case.observation.volume_status
        assert second.lessons.volumes == {}
        assert second.case.observation.instances is first.case.observation.instances
        assert second.lessons.known == first.lessons.known


def _assessed(guard: VirtualGuard) -> Assessment:
    passed = guard.one_pass()
    assert isinstance(passed, PassResult)
    return passed.assessment
