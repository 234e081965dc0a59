"""`kind: Fleet`: a declared group of alike instances."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from desired_state.documents.document import ApiVersion, Document
from desired_state.documents.fields import Account, FleetName, Region, UniqueList, Zone
from desired_state.documents.health import HealthDocument
from desired_state.documents.instance import InstanceDocument
from desired_state.documents.repair import RepairDocument
from desired_state.documents.volume import VolumeDocument

MOST_REPLICAS = 5000


class FleetMetadata(Document):
    """What the fleet is called."""

    name: FleetName = Field(description="Unique in all files; part of tags and operation ids.")


class PlacementDocument(Document):
    """Where the fleet lives."""

    account: Account = Field(
        description="12 digits in quotes; nothing is done when the credentials are for another."
    )
    region: Region = Field(description="The region; nothing is done anywhere else.")
    zones: UniqueList[Zone] = Field(
        min_length=1,
        description="Zone ids (preferred: they mean the same in every account) or names.",
    )


class RestoreDocument(Document):
    """How a restored slot comes back."""

    serve: Literal["afterCommit", "beforeCommit"] = Field(
        default="afterCommit",
        description="beforeCommit only when two instances of a slot may serve at once. "
        "Default: afterCommit.",
    )


class UpdateDocument(Document):
    """How a changed launch field reaches the instances."""

    strategy: Literal["onReplace", "rolling"] = Field(
        default="onReplace",
        description="With each slot's next replacement, or slot by slot. Default: onReplace.",
    )


class FleetSpec(Document):
    """A fleet without `volumes` is stateless; nothing else tells the two kinds apart."""

    tier: int = Field(default=1, ge=0, le=2, description="0 is repaired first, 2 last. Default: 1.")
    replicas: int = Field(
        ge=0,
        le=MOST_REPLICAS,
        description="Number of slots. Lowering it is what takes capacity away.",
    )
    mode: Literal["observe", "approve", "auto"] | None = Field(
        default=None,
        description="How far the controller goes by itself. Default: approve with volumes, auto without.",
    )
    paused: bool = Field(default=False, description="Nothing is done while true. Default: false.")
    placement: PlacementDocument = Field(description="Where the fleet lives.")
    instance: InstanceDocument = Field(description="What each instance is launched with.")
    volumes: list[VolumeDocument] = Field(
        default=[], max_length=11, description="The claims of every slot. Default: none."
    )
    health: HealthDocument = Field(
        default=HealthDocument(), description="When an instance counts as healthy."
    )
    repair: RepairDocument = Field(default=RepairDocument(), description="How a slot is repaired.")
    restore: RestoreDocument = Field(
        default=RestoreDocument(), description="How a restored slot comes back."
    )
    update: UpdateDocument = Field(
        default=UpdateDocument(), description="How a changed launch field reaches the instances."
    )


class FleetDocument(Document):
    """A declared group of alike instances."""

    api_version: ApiVersion
    kind: Literal["Fleet"]
    metadata: FleetMetadata = Field(description="What the fleet is called.")
    spec: FleetSpec = Field(description="What the fleet is.")
