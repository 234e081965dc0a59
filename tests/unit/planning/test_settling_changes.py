"""How changes end that are read back: tags, groups, options, sizes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import (
    AttachmentState,
    InstanceState,
    Volume,
)
from providers.requests import (
    KeepVolumeOnTermination,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
)
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import (
    Resend,
    Settled,
    Waiting,
)
from tests.support.acting import action_of
from tests.support.settling import (
    DATA,
    DB,
    POLICY,
    WEB,
    held,
    intent_of,
    later,
    observed,
    on_db,
    on_web,
    seen_as,
    settled_one,
)


def volume_as(volume: Volume, **changes: Any) -> ResizeVolume:
    wanted = {
        "volume_id": volume.id,
        "size_gib": volume.size_gib,
        "type": volume.type,
        "iops": volume.iops,
        "throughput_mib_s": volume.throughput_mib_s,
        **changes,
    }
    return ResizeVolume(**wanted)


READ_BACK: dict[str, tuple[Request, Request]] = {
    "tags of an instance": (
        SetTags(resource_id=WEB, tags={"team": "shop"}),
        SetTags(resource_id=WEB, tags={"team": "other"}),
    ),
    "tags of a volume": (
        SetTags(resource_id=DATA, tags={Tag.CLAIM: "data"}),
        SetTags(resource_id=DATA, tags={Tag.CLAIM: "logs"}),
    ),
    "security groups": (
        SetSecurityGroups(instance_id=WEB, security_groups=("sg-service",)),
        SetSecurityGroups(instance_id=WEB, security_groups=("sg-service", "sg-more")),
    ),
    "size": (
        volume_as(observed().volumes[DATA]),
        volume_as(observed().volumes[DATA], size_gib=999),
    ),
    "rate": (
        volume_as(observed().volumes[DATA], iops=None),
        volume_as(observed().volumes[DATA], iops=16_000),
    ),
}


@pytest.mark.parametrize(("same", "different"), READ_BACK.values(), ids=READ_BACK)
def test_a_change_is_observed_once_it_reads_as_set(same: Request, different: Request) -> None:
    slot = "shared-postgres/0" if DATA in str(same) else "web/0"
    settlement = settled_one(intent_of(action_of(slot, same)), observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED
    unset = action_of(slot, different)
    assert isinstance(settled_one(intent_of(unset), observed()), Resend)
    accepted = intent_of(unset, IntentState.ACCEPTED, ago=timedelta(0))
    assert isinstance(settled_one(accepted, observed()), Waiting)
    settlement = settled_one(accepted, later(observed(), POLICY.deadlines.ambiguous))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_metadata_options_are_observed_once_both_read_as_set() -> None:
    intent = intent_of(on_web(SetMetadataOptions))
    assert isinstance(settled_one(intent, observed()), Settled)
    assert isinstance(settled_one(intent, seen_as(WEB, tags_in_metadata=False)), Resend)
    assert isinstance(settled_one(intent, seen_as(WEB, imds_v2_required=False)), Resend)


def test_a_kept_volume_is_observed_once_it_no_longer_goes_with_its_instance() -> None:
    keep = on_db(KeepVolumeOnTermination(instance_id=DB, volume_id=DATA, device="/dev/sdf"))
    assert isinstance(settled_one(intent_of(keep), observed()), Settled)
    (attachment,) = held(AttachmentState.ATTACHED)
    doomed = (replace(attachment, delete_on_termination=True),)
    assert isinstance(settled_one(intent_of(keep), seen_as(DB, attachments=doomed)), Resend)


def test_changes_of_an_instance_that_ended_are_dead() -> None:
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    tags = action_of("web/0", SetTags(resource_id=WEB, tags={"team": "other"}))
    settlement = settled_one(intent_of(tags, IntentState.ACCEPTED), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD
