"""One intent and one observation, for tests of how intents end.

Everything of two small fleets is in service, as seen just now; each function changes one thing of that view.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from providers.observed import (
    Attachment,
    AttachmentState,
    Gap,
    GapSubject,
    Observation,
)
from providers.requests import (
    AttachVolume,
    DetachVolume,
    Request,
)
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import MOVES, Intent, IntentState
from reconciler.planning.settling.settle import (
    Settled,
    Settlement,
    settle,
)
from tests.support.acting import action_of
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, postgres_fleet, safety_policy, web_fleet
from tests.support.resources import NOW, instance_id, volume_id

POLICY = safety_policy()
WINDOW = POLICY.consistency_window
WEB = instance_id("web/0")
DB = instance_id("shared-postgres/0")
DATA = volume_id("shared-postgres/0")


def observed(**changes: Any) -> Observation:
    """Everything in service, as seen just now."""
    scene = Scene(web_fleet(replicas=2), postgres_fleet(replicas=1))
    scene.in_service()
    return replace(scene.case().observation, as_of=NOW, **changes)


def without(observation: Observation, key: str) -> Observation:
    """The same view with that instance or volume in no list."""
    instances = {k: v for k, v in observation.instances.items() if k != key}
    volumes = {k: v for k, v in observation.volumes.items() if k != key}
    return replace(observation, instances=instances, volumes=volumes)


def seen_as(key: str, **changes: Any) -> Observation:
    """Everything in service, but that instance or volume reads so."""
    view = observed()
    if key in view.instances:
        changed = replace(view.instances[key], **changes)
        return replace(view, instances={**view.instances, key: changed})
    return replace(view, volumes={**view.volumes, key: replace(view.volumes[key], **changes)})


def launched(action: Action, **changes: Any) -> Observation:
    """Everything in service, and an instance with that launch's operation tag."""
    view = observed()
    made = replace(
        view.instances[WEB],
        id="i-made",
        client_token=None,
        tags={**view.instances[WEB].tags, Tag.OPERATION: action.operation_id},
        launched_at=NOW - MINUTE,
        **changes,
    )
    return replace(view, instances={**view.instances, "i-made": made})


def blind(view: Observation, subject: GapSubject, zone: str | None = None) -> Observation:
    """The same view with a gap."""
    gap = Gap(subject=subject, zone=zone, code="Unavailable", detail="")
    return replace(view, gaps=(gap,))


def later(view: Observation, by: timedelta) -> Observation:
    """The same things seen again."""
    return replace(view, as_of=view.as_of + by)


def intent_of(
    action: Action,
    state: IntentState = IntentState.BEGUN,
    *,
    ago: timedelta = 30 * SECOND,
    **fields: Any,
) -> Intent:
    """That action in the journal."""
    return Intent(action=action, state=state, begun_at=NOW - ago, updated_at=NOW - ago, **fields)


def settled_one(intent: Intent, view: Observation, now: datetime | None = None) -> Settlement:
    """The settlement of this one intent; a move that the store would refuse fails the test."""
    (settlement,) = settle([intent], view, POLICY, now or view.as_of)
    if isinstance(settlement, Settled):
        assert settlement.state in MOVES[intent.state], "the store would refuse this move"
    return settlement


def on_web(request_type: Any, **fields: Any) -> Action:
    """A call on the web instance."""
    return action_of("web/0", request_type(instance_id=WEB, **fields))


ATTACH = AttachVolume(volume_id=DATA, instance_id=DB, device="/dev/sdf")
DETACH = DetachVolume(volume_id=DATA, instance_id=DB, device="/dev/sdf")


def on_db(request: Request) -> Action:
    """A call on the database's instance or volume."""
    return action_of("shared-postgres/0", request)


def held(state: AttachmentState, *, on: str = DB, device: str = "/dev/sdf") -> tuple[Attachment]:
    """The data volume's attachment, in that state."""
    return (
        Attachment(
            volume_id=DATA,
            instance_id=on,
            device=device,
            state=state,
            delete_on_termination=False,
        ),
    )
