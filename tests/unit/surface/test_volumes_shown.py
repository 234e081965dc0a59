"""How the volumes of a slot are shown: in `explain`, `plan` and `status`, and in their JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.health.volumes import VolumeCondition
from reconciler.planning.case import Case
from reconciler.planning.outcome import Plan
from reconciler.planning.plan import plan
from reconciler.surface.explain import explain_document, explain_lines
from reconciler.surface.layout import plain_text
from reconciler.surface.plan_json import plan_document
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.status import Standing, status_lines
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, postgres_fleet
from tests.support.resources import slot, volume_id

SLOT = slot("shared-postgres/0")
VOLUME = volume_id(str(SLOT))


@pytest.fixture
def scene() -> Scene:
    """Three databases in service."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    return scene


def planned(scene: Scene) -> tuple[Case, Plan]:
    case = scene.case()
    return case, plan(case)


def explained(scene: Scene) -> str:
    return " ".join(plain_text(explain_lines(*planned(scene), SLOT, (), width=100)).split())


def shown_by_status(scene: Scene) -> str:
    case, made = planned(scene)
    standing = Standing(case=case, plan=made, last_pass=None)
    return " ".join(plain_text(status_lines(standing, width=100)).split())


def shown_by_plan(scene: Scene) -> str:
    return " ".join(plain_text(plan_lines(*planned(scene), width=100)).split())


def test_a_claim_is_explained_with_the_condition_of_its_volume_and_the_evidence(
    scene: Scene,
) -> None:
    well = explained(scene)
    assert f"data attached: {VOLUME} is attached on" in well
    assert "well since" in well
    assert "good io-performance (volume-status): ok, since" in well
    scene.stalled(VOLUME, lasting=2 * MINUTE)
    shown = explained(scene)
    assert "suspect since 2026-04-21T11:58:00Z, 2 min ago" in shown
    assert "changes at 2026-04-21T12:01:00Z" in shown
    assert "bad io-performance (volume-status): impaired: stalled, since" in shown


def test_a_volume_in_trouble_is_told_by_plan_and_status(scene: Scene) -> None:
    for show in (shown_by_plan, shown_by_status):
        assert VOLUME not in show(scene)
    scene.stalled(VOLUME, lasting=10 * MINUTE, disabled=True)
    for show in (shown_by_plan, shown_by_status):
        assert (
            f"{SLOT}: {VOLUME} (data) is io-disabled since 2026-04-21T11:50:00Z, 10 min ago: "
            "volume-status says I/O is disabled; EC2 offers enable-volume-io" in show(scene)
        )


def test_a_volume_that_recovers_is_told_until_it_is_well(scene: Scene) -> None:
    scene.stalled(VOLUME, lasting=10 * MINUTE)
    del scene.volume_status[VOLUME]
    assert f"{VOLUME} (data) is suspect" in shown_by_status(scene)
    assert "and nothing speaks against it any more" in shown_by_status(scene)


def test_json_has_every_claim_with_the_verdict_on_its_volume(scene: Scene) -> None:
    scene.stalled(VOLUME, lasting=2 * MINUTE)
    case, made = planned(scene)
    for document in (plan_document(made)["slots"][0], explain_document(case, made, SLOT, ())):
        [claim] = document["claims"]
        assert (claim["claim"], claim["standing"], claim["volumeId"]) == (
            "data",
            "attached",
            VOLUME,
        )
        verdict = claim["verdict"]
        assert (verdict["condition"], verdict["changesAt"]) == ("suspect", "2026-04-21T12:01:00Z")
        assert [item["source"] for item in verdict["evidence"]] == ["volume-status"]


def test_a_claim_without_a_volume_or_of_a_case_that_judged_none_has_no_verdict() -> None:
    empty = Scene(postgres_fleet(replicas=1))
    [claim] = plan_document(planned(empty)[1])["slots"][0]["claims"]
    assert (claim["standing"], claim["volumeId"], claim["verdict"]) == ("never-filled", None, None)
    empty.in_service()
    old = replace(empty.case(), volume_verdicts={})
    [claim] = plan_document(plan(old))["slots"][0]["claims"]
    assert (claim["volumeId"], claim["verdict"]) == (VOLUME, None)
    assert empty.case().volume_verdicts[VOLUME].condition is VolumeCondition.WELL
