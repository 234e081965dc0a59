"""Random scenes: every slot has a story of its own, and the cell may have gaps, pauses, intents and approvals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from desired_state.model import Fleet, Mode, UpdateStrategy
from providers.observed import (
    AttachmentState,
    CheckStatus,
    GapSubject,
    Instance,
    InstanceState,
    Presence,
    ProbeOutcome,
    VolumeState,
)
from providers.requests import DetachVolume, RebootInstance, StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.case import Case
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.properties.random_orders import tell_of_orders
from tests.support.actions import action, launch
from tests.support.cases import Scene
from tests.support.fleets import (
    HOUR,
    MINUTE,
    data_claim,
    health_spec,
    http_probe,
    postgres_fleet,
    tcp_probe,
    web_fleet,
)
from tests.support.resources import instance_id, volume_id

Draw = Callable[[st.SearchStrategy[Any]], Any]
SPANS = st.sampled_from([MINUTE, 5 * MINUTE, 12 * MINUTE, 40 * MINUTE, 5 * HOUR])
ENDED_STATES = [IntentState.OBSERVED, IntentState.DEAD, IntentState.LOST, IntentState.REJECTED]


def web_fleets() -> st.SearchStrategy[Fleet]:
    return st.builds(
        web_fleet,
        replicas=st.integers(0, 4),
        mode=st.sampled_from(Mode),
        paused=st.booleans(),
        update=st.sampled_from(UpdateStrategy),
        health=st.sampled_from([health_spec(), health_spec(http_probe())]),
    )


def database_fleets() -> st.SearchStrategy[Fleet]:
    two = (data_claim(), data_claim("wal", device="/dev/sdg"))
    return st.builds(
        postgres_fleet,
        replicas=st.integers(1, 3),
        mode=st.sampled_from(Mode),
        update=st.sampled_from(UpdateStrategy),
        claims=st.sampled_from([(data_claim(),), two]),
        health=st.sampled_from([health_spec(), health_spec(tcp_probe())]),
    )


@st.composite
def scenes(draw: Draw) -> Scene:
    """A scene in which anything may have happened to any slot."""
    fleets = [draw(web_fleets()), draw(database_fleets())]
    if draw(st.booleans()):  # Mostly nothing but facts holds a slot back.
        fleets = [replace(fleet, mode=Mode.AUTO, paused=False) for fleet in fleets]
    scene = Scene(*fleets)
    slots = []
    for fleet in fleets:
        surplus = draw(st.integers(0, 2))
        slots += [f"{fleet.name}/{ordinal}" for ordinal in range(fleet.replicas + surplus)]
    for text in slots:
        tell(draw, scene, text)
    tell_of_the_cell(draw, scene)
    tell_of_orders(draw, scene, slots)
    return scene


@st.composite
def cases(draw: Draw) -> Case:
    """The case of such a scene; sometimes with everything approved that can be."""
    scene: Scene = draw(scenes())
    if draw(st.booleans()):
        for item in plan(scene.case()).withheld:
            if item.approval_id is not None:
                scene.approved(
                    item.approval_id, item.gate, max_loss=item.loss, empty=item.only_stand_in
                )
    return scene.case()


# Slots


def tell(draw: Draw, scene: Scene, text: str) -> None:
    """What happened to one slot."""
    story = draw(st.sampled_from(STORIES))
    if story is nothing_ever:
        return
    scene.in_service(text, since=draw(SPANS))
    story(draw, scene, text)
    if draw(st.integers(0, 3)) == 0:
        tell_of_claims(draw, scene, text)
    if draw(st.integers(0, 3)) == 0:
        tell_of_intents(draw, scene, text)


def nothing_ever(_draw: Draw, _scene: Scene, _text: str) -> None:
    """The slot was never filled."""


def in_service(_draw: Draw, _scene: Scene, _text: str) -> None:
    """Nothing happened."""


def terminated(draw: Draw, scene: Scene, text: str) -> None:
    scene.terminated(text)
    if draw(st.booleans()):
        scene.change(instance_id(text), state=InstanceState.SHUTTING_DOWN)


def gone(draw: Draw, scene: Scene, text: str) -> None:
    scene.terminated(text)
    if draw(st.booleans()):
        scene.ended(instance_id(text))
        return
    scene.vanished(
        instance_id(text),
        by_id=draw(st.sampled_from([None, *Presence])),
        absent_for=draw(st.sampled_from([None, MINUTE, 10 * MINUTE])),
    )


def stopped(draw: Draw, scene: Scene, text: str) -> None:
    scene.stopped(text, ago=draw(SPANS))
    if draw(st.booleans()):
        scene.change(instance_id(text), state=InstanceState.STOPPING)


def sick(draw: Draw, scene: Scene, text: str) -> None:
    signs = [Sign.SYSTEM_CHECK, Sign.INSTANCE_CHECK, Sign.ATTACHED_EBS_CHECK, Sign.PROBE]
    for sign in draw(st.lists(st.sampled_from(signs), min_size=1, max_size=2, unique=True)):
        scene.sick(text, sign, lasting=draw(SPANS))


def without_data(draw: Draw, scene: Scene, text: str) -> None:
    identifier = instance_id(text)
    if draw(st.booleans()):
        scene.checks.pop(identifier, None)
        return
    status = draw(st.sampled_from([CheckStatus.INITIALIZING, CheckStatus.INSUFFICIENT_DATA]))
    checks = scene.checks[identifier]
    scene.checks[identifier] = replace(checks, instance=replace(checks.instance, status=status))


def pending(draw: Draw, scene: Scene, text: str) -> None:
    scene.change(instance_id(text), state=InstanceState.PENDING)


def replaced(draw: Draw, scene: Scene, text: str) -> None:
    """A replacement lives beside the original, committed or not; the original may be anything."""
    draw(st.sampled_from([in_service, sick, stopped, terminated]))(draw, scene, text)
    committed = draw(st.booleans())
    scene.instance(
        text,
        incarnation=2,
        role=Role.OCCUPANT if committed else Role.REPLACEMENT,
        age=draw(SPANS),
        state=draw(st.sampled_from([InstanceState.RUNNING, InstanceState.PENDING])),
        zone=scene.instances[instance_id(text)].zone,
    )
    if draw(st.integers(0, 3)) == 0:
        scene.terminated(text, incarnation=2)


def duplicated(draw: Draw, scene: Scene, text: str) -> None:
    """A copy with the very tags of the original, or without its role."""
    original = scene.instances[instance_id(text)]
    tags = dict(original.tags)
    if draw(st.booleans()):
        del tags[Tag.ROLE]
    copy = replace(original, id=f"{original.id[:-1]}z", tags=tags, attachments=())
    scene.instances[copy.id] = copy


def edited(draw: Draw, scene: Scene, text: str) -> None:
    """Somebody edited or removed one of our tags, or one of the user's."""
    original = scene.instances[instance_id(text)]
    keys = [Tag.OWNER, Tag.SLOT, Tag.INCARNATION, Tag.ROLE, Tag.IN_SERVICE_SINCE, "team"]
    key = draw(st.sampled_from(keys))
    tags = {name: value for name, value in original.tags.items() if name != key}
    if draw(st.booleans()):
        tags[key] = draw(st.sampled_from(["7", "other", "replacement"]))
    scene.change(original.id, tags=tags)


def drifted(draw: Draw, scene: Scene, text: str) -> None:
    fields = draw(
        st.sampled_from(
            [
                {"image": "ami-0000000000000000f"},
                {"type": "t3.micro"},
                {"security_groups": ("sg-other",)},
                {"imds_v2_required": False},
                {"security_groups": ("sg-staging",)},
            ]
        )
    )
    scene.change(instance_id(text), **fields)


STORIES = [
    nothing_ever,
    in_service,
    in_service,
    terminated,
    gone,
    stopped,
    sick,
    sick,
    without_data,
    pending,
    replaced,
    replaced,
    duplicated,
    edited,
    drifted,
]


# Claims


def tell_of_claims(draw: Draw, scene: Scene, text: str) -> None:
    """Something happened to one of the slot's volumes."""
    fleet = scene.fleets[text.partition("/")[0]]
    for claim in fleet.claims:
        identifier = volume_id(text, claim.name)
        if identifier in scene.volumes:
            draw(st.sampled_from(CLAIM_STORIES))(draw, scene, identifier)


def _holders(scene: Scene, volume: str) -> list[Instance]:
    return [scene.instances[item.instance_id] for item in scene.volumes[volume].attachments]


def detached(_draw: Draw, scene: Scene, volume: str) -> None:
    scene.detached(volume)


def lost(draw: Draw, scene: Scene, volume: str) -> None:
    scene.detached(volume)
    scene.vanished(
        volume,
        by_id=draw(st.sampled_from([None, *Presence])),
        absent_for=draw(st.sampled_from([None, 10 * MINUTE])),
    )


def in_error(_draw: Draw, scene: Scene, volume: str) -> None:
    scene.change(volume, state=VolumeState.ERROR)


def in_motion(draw: Draw, scene: Scene, volume: str) -> None:
    state = draw(st.sampled_from(AttachmentState))
    attachments = scene.volumes[volume].attachments
    scene.change(volume, attachments=tuple(replace(item, state=state) for item in attachments))


def doomed(_draw: Draw, scene: Scene, volume: str) -> None:
    for holder in _holders(scene, volume):
        kept = tuple(replace(item, delete_on_termination=True) for item in holder.attachments)
        scene.change(holder.id, attachments=kept)


def on_another(draw: Draw, scene: Scene, volume: str) -> None:
    scene.detached(volume)
    if scene.instances:
        scene.attached(volume, draw(st.sampled_from(sorted(scene.instances))))


def without_name(_draw: Draw, scene: Scene, volume: str) -> None:
    tags = {key: value for key, value in scene.volumes[volume].tags.items() if key != Tag.CLAIM}
    scene.change(volume, tags=tags)


def twofold(_draw: Draw, scene: Scene, volume: str) -> None:
    copy = replace(scene.volumes[volume], id=f"{volume[:-1]}z", attachments=())
    scene.volumes[copy.id] = replace(copy, state=VolumeState.AVAILABLE)


CLAIM_STORIES = [
    detached,
    detached,
    lost,
    in_error,
    in_motion,
    doomed,
    on_another,
    without_name,
    twofold,
]


# Intents and the cell


def tell_of_intents(draw: Draw, scene: Scene, text: str) -> None:
    """We did something about the slot, and it ended, or is open."""
    target = instance_id(text)
    requests = [
        RebootInstance(instance_id=target),
        StopInstance(instance_id=target),
        StopInstance(instance_id=target, forced=True),
        DetachVolume(volume_id=volume_id(text), instance_id=target, device="/dev/sdf"),
    ]
    kept = draw(st.booleans())
    course = Course.KEEP_THE_DATA if kept else Course.REPAIR
    done = (
        launch(text, course=Course.REPLACE, incarnation=2)
        if draw(st.booleans())
        else action(
            text, draw(st.sampled_from(requests)), course=course, reason=Reason.SYSTEM_CHECK
        )
    )
    state = draw(st.sampled_from([IntentState.ACCEPTED, *ENDED_STATES, *ENDED_STATES]))
    retry_at = scene.now + MINUTE if state is IntentState.REJECTED else None
    scene.began(done, ago=draw(SPANS), state=state, retry_at=retry_at)


def tell_of_the_cell(draw: Draw, scene: Scene) -> None:
    """Gaps, zones in trouble, capacity, pauses, a cold store, a released fleet."""
    zones = [None, *scene.zones]
    if draw(st.integers(0, 2)) == 0:
        scene.gap(draw(st.sampled_from(GapSubject)), zone=draw(st.sampled_from(zones)))
    if draw(st.integers(0, 3)) == 0:
        zone = draw(st.sampled_from(sorted(scene.zones)))
        scene.zones[zone] = replace(scene.zones[zone], state="impaired")
    if draw(st.integers(0, 3)) == 0:
        for kind in draw(st.sampled_from([["m6i.large"], ["m6i.large", "m5.large"]])):
            scene.no_capacity(draw(st.sampled_from(sorted(scene.zones))), kind)
    if draw(st.integers(0, 7)) == 0:
        scene.paused(draw(st.sampled_from(["*", "web", "shared-postgres/0"])))
    if draw(st.integers(0, 7)) == 0:
        scene.cold(since=draw(SPANS), complete=draw(st.integers(1, 3)))
    if draw(st.integers(0, 7)) == 0:
        scene.release("web")
        if draw(st.booleans()):
            scene.approved("web-retire", Gate.RETIRE)
    for probe in list(scene.probes.values()):
        if draw(st.integers(0, 9)) == 0:
            outcome = draw(st.sampled_from(ProbeOutcome))
            scene.probes[probe.instance_id] = replace(probe, outcome=outcome)


def shuffled(draw: Draw, case: Case) -> Case:
    """The same case with everything observed and remembered in another order."""

    def reordered(items: Any) -> dict[Any, Any]:
        return dict(draw(st.permutations(list(items.items()))))

    observation, memory = case.observation, case.memory
    return replace(
        case,
        observation=replace(
            observation,
            instances=reordered(observation.instances),
            volumes=reordered(observation.volumes),
            checks=reordered(observation.checks),
            zones=reordered(observation.zones),
            by_id=reordered(observation.by_id),
        ),
        verdicts=reordered(case.verdicts),
        memory=replace(
            memory,
            known=reordered(memory.known),
            health=reordered(memory.health),
            approvals=reordered(memory.approvals),
        ),
    )
