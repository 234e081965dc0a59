"""Who is asked first: what is owed, courses under way, tiers by their shares, the longest down, the cheaper restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from providers.requests import StopInstance
from reconciler.planning.actions import Action, Course, Gate, Reason
from reconciler.planning.decision import Draft
from reconciler.planning.gates.queueing import in_order
from reconciler.planning.intents import IntentState
from reconciler.planning.nature import Nature
from tests.support.actions import (
    action,
    commit,
    data_volume,
    launch,
    retag,
    snapshot,
    terminate,
)
from tests.support.brakes import PACE
from tests.support.cases import Scene
from tests.support.databases import DATABASES
from tests.support.fleets import HOUR, MINUTE, SECOND, safety_policy, web_fleet
from tests.support.plans import done
from tests.support.resources import NOW, instance_id

POLICY = safety_policy(pace=PACE)
TIERS = {"routers": 0, "git": 1, "web": 2, "batch": 3}


def quiet() -> Scene:
    fleets = [replace(web_fleet(replicas=50), name=name, tier=tier) for name, tier in TIERS.items()]
    return Scene(*fleets, policy=POLICY)


def draft(action: Action, *, down: timedelta | None = None, continuation: bool = False) -> Draft:
    return Draft(
        action=action,
        treated=1,
        nature=Nature.CONSTRUCTIVE,
        continuation=continuation,
        down_since=NOW - down if down is not None else None,
    )


def replacements(fleet: str, count: int) -> list[Draft]:
    return [draft(launch(f"{fleet}/{n}", course=Course.REPLACE), down=HOUR) for n in range(count)]


def order(scene: Scene, *drafts: Draft) -> list[str]:
    """Kind and slot of each, as they are asked."""
    actions = (item.action for item in in_order(drafts, scene.case()))
    return [f"{item.request.kind} {item.slot}" for item in actions]


def shares(scene: Scene, drafts: Iterable[Draft], first: int) -> dict[str, int]:
    """How many of the first so many each fleet has."""
    slots = [item.action.slot for item in in_order(drafts, scene.case())]
    return dict(Counter(slot.fleet for slot in slots[:first] if slot))


def fence(text: str) -> Draft:
    request = StopInstance(instance_id=instance_id(text))
    owed = action(text, request, course=Course.KEEP_THE_DATA, reason=Reason.WRITE_FENCE)
    return draft(owed, continuation=True)


def test_what_is_owed_comes_first_then_courses_under_way_then_the_tiers_and_backups_last() -> None:
    copying = replace(draft(snapshot("routers/1")), behind_since=NOW - HOUR)
    assert order(
        quiet(),
        copying,
        draft(snapshot("routers/2")),
        draft(launch("routers/3", course=Course.REPLACE), down=HOUR),
        draft(terminate("routers/4"), continuation=True),
        draft(commit("web/5")),
        fence("web/6"),
    ) == [
        "stop web/6",
        "tag web/5",
        "terminate routers/4",
        "launch routers/3",
        "snapshot routers/2",
        "snapshot routers/1",
    ]


def test_a_stop_on_our_own_judgement_is_no_fence() -> None:
    request = StopInstance(instance_id=instance_id("web/6"))
    step = action("web/6", request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
    first = order(quiet(), draft(step), draft(commit("web/5")))[0]
    assert first == "tag web/5"


# Within a tier


def test_the_longest_down_goes_first() -> None:
    down = {"web/0": 10, "web/1": 40, "web/2": 30}
    drafts = [draft(launch(t, course=Course.REPLACE), down=m * MINUTE) for t, m in down.items()]
    assert order(quiet(), *drafts) == ["launch web/1", "launch web/2", "launch web/0"]


def restore(text: str, gib: int, *, down: timedelta) -> Draft:
    volumes = (data_volume(size_gib=gib),)
    made = launch(text, course=Course.RESTORE, request={"volumes": volumes})
    return draft(made, down=down)


def test_of_those_that_fell_together_the_cheaper_restore_goes_first() -> None:
    drafts = [
        restore("web/0", 900, down=HOUR + 4 * MINUTE),
        restore("web/1", 100, down=HOUR + 2 * MINUTE),
        restore("web/2", 10, down=50 * MINUTE),
    ]
    assert order(quiet(), *drafts) == ["launch web/1", "launch web/0", "launch web/2"]


# Shares


def test_tiers_share_the_tokens_and_later_ones_share_the_last_part() -> None:
    drafts = [item for fleet in TIERS for item in replacements(fleet, 50)]
    given = shares(quiet(), drafts, 40)
    assert (given["routers"], given["git"], given["web"]) == (24, 10, 6)


def test_what_a_tier_does_not_want_flows_to_the_others() -> None:
    drafts = [*replacements("routers", 2), *replacements("git", 50), *replacements("web", 50)]
    given = shares(quiet(), drafts, 42)
    assert (given["routers"], given["git"], given["web"]) == (2, 25, 15)
    assert shares(quiet(), replacements("batch", 50), 40) == {"batch": 40}


def test_the_top_tier_has_the_first_token() -> None:
    drafts = [*replacements("web", 1), *replacements("routers", 1)]
    assert order(quiet(), *drafts)[0] == "launch routers/0"


def waiting(scene: Scene, ago: timedelta, *fleets: str) -> None:
    """Those fleets' first slots are held by the pace for so long."""
    held = {f"{fleet}/0|{Gate.PACE}": scene.now - ago for fleet in fleets}
    scene.remembering(held_since={**scene.memory.held_since, **held})


def launched(scene: Scene, fleet: str, count: int, *, ago: timedelta) -> None:
    for ordinal in range(count):
        begun = launch(f"{fleet}/{40 + ordinal}", course=Course.REPLACE)
        scene.began(begun, ago=ago, state=IntentState.OBSERVED)


def one_at_a_time(scene: Scene, fleets: tuple[str, ...], passes: int) -> dict[str, int]:
    """What each is given when there is one token a pass, and each has more to do than that."""
    given: Counter[str] = Counter()
    for _ in range(passes):
        drafts = [item for fleet in fleets for item in replacements(fleet, 3)]
        slot = in_order(drafts, scene.case())[0].action.slot
        assert slot is not None
        given[slot.fleet] += 1
        launched(scene, slot.fleet, 1, ago=timedelta())
        scene.remembering(
            recent_intents=tuple(
                replace(item, begun_at=item.begun_at - 10 * SECOND)
                for item in scene.memory.recent_intents
            )
        )
    return dict(given)


def test_shares_hold_over_passes_with_a_token_each() -> None:
    scene = quiet()
    waiting(scene, 20 * MINUTE, "routers", "git", "web")
    given = one_at_a_time(scene, ("routers", "git", "web"), 40)
    assert given == {"routers": 24, "git": 10, "web": 6}


def test_a_tier_that_begins_to_wait_catches_up_on_nothing() -> None:
    scene = quiet()
    waiting(scene, 10 * MINUTE, "routers", "git")
    launched(scene, "routers", 48, ago=5 * MINUTE)
    launched(scene, "git", 20, ago=5 * MINUTE)
    waiting(scene, MINUTE, "web")
    drafts = [item for fleet in ("routers", "git", "web") for item in replacements(fleet, 30)]
    given = shares(scene, drafts, 20)
    assert (given["routers"], given["git"], given["web"]) == (12, 5, 3)


def test_what_takes_no_token_uses_up_no_share() -> None:
    scene = quiet()
    tags = [draft(retag(f"routers/{n}")) for n in range(10)]
    drafts = [*tags, *replacements("routers", 1), *replacements("web", 1)]
    assert order(scene, *drafts)[-1] == "launch web/0"


def test_without_a_pace_the_tiers_go_one_after_the_other() -> None:
    scene = quiet()
    scene.policy = safety_policy(pace=None)
    drafts = [*replacements("web", 3), *replacements("routers", 20)]
    assert shares(scene, drafts, 20) == {"routers": 20}


def test_one_tier_in_a_plan_takes_all_the_tokens_that_others_do_not_want() -> None:
    scene = Scene(
        replace(web_fleet(replicas=12), tier=0), replace(DATABASES, tier=2), policy=POLICY
    )
    scene.in_service()
    for ordinal in (0, 1):
        scene.terminated(f"web/{ordinal}")
    assert len(done(scene)) == 2
