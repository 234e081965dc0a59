"""The plan as text, from plans made by hand: what a reader must find, and what may be told once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.observed import GapSubject
from providers.requests import (
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import (
    Action,
    Bucket,
    Change,
    Course,
    Gate,
    Reason,
    Withheld,
    target_of,
)
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.surface.layout import plain_text
from reconciler.surface.plan_text import plan_lines
from tests.support.actions import (
    action,
    attach,
    commit,
    data_volume,
    launch,
    launch_request,
    retag,
    terminate,
)
from tests.support.cases import Scene
from tests.support.fleets import MINUTE
from tests.support.resources import NOW, instance_id, slot, volume_id

REQUESTS: tuple[Request, ...] = (
    launch_request("web/1"),
    TerminateInstance(instance_id="i-0a"),
    StopInstance(instance_id="i-0b"),
    StopInstance(instance_id="i-0c", forced=True),
    StartInstance(instance_id="i-0d"),
    RebootInstance(instance_id="i-0e"),
    attach("web/1").request,
    DetachVolume(volume_id="vol-0f", instance_id="i-0f", device="/dev/sdf"),
    SetTags(resource_id="i-0g", tags={"team": "shop"}),
    commit("web/1").request,
    SetSecurityGroups(instance_id="i-0h", security_groups=("sg-1", "sg-2")),
    KeepVolumeOnTermination(instance_id="i-0i", volume_id="vol-0i", device="/dev/sdf"),
    SetMetadataOptions(instance_id="i-0j"),
    ResizeVolume(volume_id="vol-0k", size_gib=300, type="gp3", iops=4000, throughput_mib_s=250),
)


def text(plan: Plan, *, width: int = 100, scene: Scene | None = None) -> str:
    """The plan as a pipe would get it."""
    return plain_text(plan_lines((scene or Scene()).case(), plan, width=width))


def doing(*actions: Action) -> Plan:
    """A plan of these actions."""
    return Plan(made_at=NOW, actions=actions)


def holding(*withheld: Withheld) -> Plan:
    """A plan that withholds these."""
    return Plan(made_at=NOW, withheld=withheld)


def held(text_of_slot: str, **fields: object) -> Withheld:
    """A termination that waits for room."""
    given_fields = {
        "slot": slot(text_of_slot),
        "course": Course.REMOVE,
        "gate": Gate.MAX_UNAVAILABLE,
        "reason": "1 of 1 slots that may be out at once is out",
        "action": terminate(text_of_slot),
        **fields,
    }
    return Withheld(**given_fields)  # type: ignore[arg-type]


def squeezed(shown: str) -> str:
    """The text with its line breaks undone."""
    return " ".join(shown.split())


def test_the_header_says_where_and_when_the_plan_looked_and_what_it_could_not_read() -> None:
    scene = Scene()
    scene.gap(GapSubject.VOLUMES, zone="use1-az4", code="RequestLimitExceeded")
    shown = text(Plan(made_at=NOW), scene=scene)
    assert shown.startswith(
        "account   210987654321\n"
        "region    us-east-1\n"
        "endpoint  https://ec2.us-east-1.amazonaws.com\n"
        "owner     prod-east\n"
        "observed  2026-04-21T12:00:00Z: 0 instances, 0 volumes\n"
        "not read  volumes in use1-az4 (RequestLimitExceeded: no answer in 10 s)\n"
    )


def test_a_plan_without_anything_to_do_says_so_in_a_sentence() -> None:
    plan = Plan(
        made_at=NOW,
        slots=(SlotOutcome(slot=slot("web/0"), bucket=Bucket.HEALTHY, summary=""),),
        fleets=(
            FleetSummary(name="web", declared=True, replicas=1, tier=2, counts={Bucket.HEALTHY: 1}),
        ),
    )
    assert text(plan).endswith("\nNo changes. 1 slot of 1 fleet stand as declared.\n")


def test_a_slot_that_is_waited_for_is_not_called_no_changes() -> None:
    waiting = SlotOutcome(
        slot=slot("web/0"),
        bucket=Bucket.WAITING,
        summary="starting: 40 s of 10 min grace",
        next_check_at=NOW + 9 * MINUTE,
    )
    shown = text(Plan(made_at=NOW, slots=(waiting,)))
    assert "No changes" not in shown
    assert "web/0  starting: 40 s of 10 min grace; changes by itself 2026-04-21T12:09:00Z" in shown
    assert shown.endswith("Nothing to do now: 1 slot waiting.\n")


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda item: item.kind)
def test_every_kind_of_request_names_what_it_acts_on_and_why(request_: Request) -> None:
    given_action = action(
        "web/1", request_, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK, detail="for 4 min"
    )
    shown = squeezed(text(doing(given_action)))
    assert target_of(request_) is None or str(target_of(request_)) in shown
    assert "web/1" in shown
    assert "why EC2's system check fails: for 4 min" in shown


def test_a_launch_shows_everything_that_it_is_made_of() -> None:
    request = {
        "instance_profile": "postgres",
        "user_data_sha256": "5d41402abc4b2a76" * 4,
        "volumes": (data_volume(iops=4000, throughput_mib_s=250, snapshot_id="snap-01"),),
    }
    shown = squeezed(text(doing(launch("web/1", request=request))))
    for part in (
        "m6i.large in use1-az2",
        "subnet-az2",
        "ami-0abc1234def567890",
        "sg-service",
        "profile postgres",
        "user data 5d41402abc4b",
        "/dev/sdf 200 GiB gp3, 4000 IOPS, 250 MiB/s, encrypted, from snap-01",
        "team=shop",
    ):
        assert part in shown


def test_a_change_shows_the_old_and_the_new_value_and_names_what_has_none() -> None:
    changes = (
        Change(field="tags.team", old="shop", new="storefront"),
        Change(field="tags.stage", old=None, new="live"),
    )
    request = SetTags(resource_id="i-0a", tags={"team": "storefront", "stage": "live"})
    given_action = action(
        "web/0", request, course=Course.CORRECT, reason=Reason.DRIFT, changes=changes
    )
    shown = text(doing(given_action))
    assert "tags.team   shop → storefront\n" in shown
    assert "tags.stage  (none) → live\n" in shown


def test_the_legend_lists_only_the_symbols_that_occur() -> None:
    legend = text(doing(launch("web/0"), retag("web/1"))).splitlines()[7]
    assert legend == "  + launch  ~ change in place"


def test_alike_actions_are_told_once_with_every_slot_and_zone() -> None:
    shown = text(doing(*(launch(f"web/{number}") for number in range(6))))
    assert "+ web/0 … web/5  launch 6 of m6i.large" in shown
    assert "use1-az1 (subnet-az1)  web/0, web/3\n" in shown
    assert shown.count("why") == 1


def test_alike_actions_on_named_resources_list_every_id() -> None:
    shown = text(doing(*(terminate(f"web/{number}") for number in range(7))))
    assert "- web/0 … web/6  terminate 7 instances" in shown
    for number in range(7):
        assert f"web/{number} {instance_id(f'web/{number}')}" in shown


@pytest.mark.parametrize(
    "other",
    [
        launch("web/1", request={"type": "m5.large"}),
        launch("web/1", request={"image": "ami-other"}),
        launch("web/1", request={"tags": {"team": "other"}}),
        launch("web/1", incarnation=2),
        launch("web/1", attempt=2),
        launch("web/1", reason=Reason.GONE),
        launch("web/1", detail="i-0 was terminated"),
        launch("web/1", course=Course.REPLACE),
        launch("api/1"),
    ],
    ids=["type", "image", "tags", "incarnation", "attempt", "reason", "detail", "course", "fleet"],
)
def test_actions_that_differ_in_anything_that_is_shown_are_told_apart(other: Action) -> None:
    assert text(doing(launch("web/0"), other)).count("why") == 2


def test_changes_from_different_old_values_are_told_apart() -> None:
    assert text(doing(retag("web/0", old="shop"), retag("web/1", old="cart"))).count("why") == 2
    assert text(doing(retag("web/0", old="shop"), retag("web/1", old="shop"))).count("why") == 1


def test_actions_that_different_steps_follow_are_told_apart() -> None:
    outcomes = tuple(
        SlotOutcome(slot=slot(ref), bucket=Bucket.ACTING, summary="", to_come=(step,))
        for ref, step in (("web/0", "attach vol-1"), ("web/1", "attach vol-2"))
    )
    plan = Plan(made_at=NOW, actions=(launch("web/0"), launch("web/1")), slots=outcomes)
    shown = text(plan)
    assert "then      attach vol-1\n" in shown
    assert "then      attach vol-2\n" in shown


def test_the_steps_to_come_are_told_after_the_last_action_of_their_slot() -> None:
    outcome = SlotOutcome(
        slot=slot("web/0"), bucket=Bucket.ACTING, summary="", to_come=("stop i-0", "terminate i-0")
    )
    plan = Plan(made_at=NOW, actions=(retag("web/0"), launch("web/0")), slots=(outcome,))
    shown = text(plan)
    assert shown.count("then ") == 1
    assert shown.index("launch m6i") < shown.index("      then      stop i-0\n")
    assert "                terminate i-0\n" in shown


def test_folding_never_changes_the_order_of_the_plan() -> None:
    shown = text(doing(terminate("web/0"), launch("web/1"), terminate("web/2")))
    positions = [shown.index(f"{mark} web/") for mark in ("- web/0"[:1], "+")]
    assert positions[0] < positions[1] < shown.index("- web/2")


def test_what_is_withheld_names_gate_reason_queue_and_release() -> None:
    item = held(
        "web/1",
        since=NOW - timedelta(hours=2),
        place=3,
        earliest_release=NOW + 4 * MINUTE,
    )
    assert text(holding(item)).partition("Withheld")[2] == (
        ": 1 due and held back\n"
        "\n"
        f"  - web/1  terminate {instance_id('web/1')}\n"
        "      gate      max-unavailable\n"
        "      why       1 of 1 slots that may be out at once is out\n"
        "      since     2026-04-21T10:00:00Z, 2 h ago\n"
        "      place     3 in the queue\n"
        "      earliest  2026-04-21T12:04:00Z, in 4 min\n"
        "      release   another slot of the fleet that serves again\n"
        "\n"
        "Plan: nothing to do now; 1 withheld.\n"
    )


def test_what_an_approval_releases_gives_the_command_to_paste() -> None:
    items = [
        held(f"web/{number}", gate=Gate.APPROVE, approval_id=f"web-{number}-a1b2c3", place=number)
        for number in (1, 2, 3)
    ]
    shown = text(holding(*items))
    assert "release   reconciler approve web-1-a1b2c3 web-2-a1b2c3 web-3-a1b2c3\n" in shown
    assert "place     1 to 3 in the queue\n" in shown


@pytest.mark.parametrize(
    "other",
    [
        {"gate": Gate.PAUSED},
        {"reason": "2 of 2 are out"},
        {"since": NOW - 9 * MINUTE},
        {"earliest_release": NOW + 9 * MINUTE},
        {"approval_id": "web-1-a1b2c3"},
        {"action": None},
        {"place": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_withheld_otherwise_is_told_apart(other: dict[str, object]) -> None:
    first = held("web/0", since=NOW, earliest_release=NOW + MINUTE)
    given_fields = {"since": NOW, "earliest_release": NOW + MINUTE, **other}
    assert text(holding(first, held("web/1", **given_fields))).count("gate  ") == 2


def test_what_has_no_known_action_yet_is_marked_as_undecided() -> None:
    shown = text(holding(held("web/1", action=None, gate=Gate.CONFLICT, reason="two occupants")))
    assert "  ? web/1  remove\n" in shown
    assert "? not yet decided" not in shown.partition("Withheld")[2]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    actions: Sequence[Action] = (
        *(launch(f"web/{number}") for number in range(40)),
        launch("shared-postgres/1", course=Course.KEEP_THE_DATA, incarnation=2, attempt=3),
        *(terminate(f"web/{number}") for number in range(40, 60)),
        attach("shared-postgres/2"),
    )
    fleets = tuple(
        FleetSummary(
            name=name, declared=True, replicas=60, tier=1, counts=dict.fromkeys(Bucket, 10)
        )
        for name in ("web", "shared-postgres")
    )
    plan = Plan(made_at=NOW, actions=tuple(actions), fleets=fleets, withheld=(held("web/61"),))
    widest = max(len(line) for line in text(plan, width=width).splitlines())
    assert widest <= width


def test_notes_that_several_slots_share_are_told_once() -> None:
    note = "changes at its next replacement: image"
    outcomes = tuple(
        SlotOutcome(slot=slot(ref), bucket=Bucket.HEALTHY, summary="", notes=(f"{ref}: {note}",))
        for ref in ("web/0", "web/1", "web/2")
    )
    notes = ("use1-az9 is not a zone of this account", *(item.notes[0] for item in outcomes))
    shown = text(Plan(made_at=NOW, slots=outcomes, notes=notes))
    assert shown.partition("Notes\n")[2].startswith(
        f"  * use1-az9 is not a zone of this account\n  * web/0 … web/2: {note}\n"
    )


def test_the_sum_counts_each_kind_of_action() -> None:
    shown = text(doing(launch("web/0"), launch("web/1"), retag("web/2"), terminate("web/3")))
    assert shown.endswith("Plan: 4 actions to do now (2 launch, 1 change in place, 1 terminate).\n")


KINDS = st.sampled_from([launch, terminate, retag, attach, commit])
ACTIONS = st.lists(
    st.builds(lambda make, number: make(f"web/{number}"), KINDS, st.integers(0, 30)), max_size=12
)


@given(ACTIONS, st.integers(60, 200))
def test_no_action_is_hidden_at_any_width(actions: list[Action], width: int) -> None:
    shown = squeezed(text(doing(*actions), width=width))
    for item in actions:
        target = target_of(item.request)
        assert target is None or target in shown
        if isinstance(item.request, LaunchInstance):
            assert item.request.zone in shown
    verbs = shown.count(" why ")
    assert (verbs == 0) == (not actions)


def test_an_attachment_names_the_volume_the_instance_and_the_device() -> None:
    shown = text(doing(attach("shared-postgres/1")))
    volume, instance = volume_id("shared-postgres/1"), instance_id("shared-postgres/1", 2)
    assert f"attach {volume} to {instance} as /dev/sdf" in squeezed(shown)
