"""A cell in which nothing is to be done: the desired state that people would write, and EC2's items that match it.

Every slot has its occupant in service and its data volume attached. The items are as large as real ones: a dozen
tags, two block devices, a network interface, and all the fields that EC2 sends and nobody asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from providers.observed import CellIdentity
from reconciler.planning.actions import SlotRef
from reconciler.planning.identity import Role, Tag, operation_family, operation_id

ACCOUNT = "210987654321"
REGION = "us-east-1"
OWNER = "bench"
IMAGE = "ami-0abc1234def567890"
TYPE = "m6i.large"
PROFILE = "postgres"
GROUP = "sg-0123456789abcdef0"
ZONES = {"use1-az1": "us-east-1a", "use1-az2": "us-east-1b", "use1-az4": "us-east-1c"}
SUBNETS = {zone: f"subnet-0aaaaaaaaaaaaaa{number:02}" for number, zone in enumerate(ZONES)}
DATA_GIB = 200
USER_TAGS = {"team": "data", "environment": "production", "cost-centre": "4711", "service": "db"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSize:
    """So many fleets of so many slots; every slot has one instance and one data volume."""

    fleets: int
    slots: int

    @property
    def instances(self) -> int:
        """Instances, and data volumes, in the whole cell."""
        return self.fleets * self.slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One slot with the ids that fill it."""

    slot: SlotRef
    number: int
    zone: str
    launched_at: datetime

    @property
    def instance_id(self) -> str:
        """EC2's form: `i-` and 17 hex digits."""
        return f"i-0{self.number:016x}"

    @property
    def volume_id(self) -> str:
        """The data volume; the root volume is `root_volume_id`."""
        return f"vol-0{self.number:016x}"

    @property
    def root_volume_id(self) -> str:
        """The root volume, which is not ours and on no list."""
        return f"vol-1{self.number:016x}"

    @property
    def address(self) -> str:
        """Private address of the instance."""
        return f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"

    def tags(self, claim: str | None) -> dict[str, str]:
        """Ours, as the creating call set them, and those of the document."""
        family = operation_family(CELL, self.slot, 1, None, "launch")
        ours = {
            Tag.OWNER: OWNER,
            Tag.FLEET: self.slot.fleet,
            Tag.SLOT: str(self.slot.ordinal),
            Tag.INCARNATION: "1",
            Tag.OPERATION: operation_id(family, 1),
        }
        if claim is None:
            ours |= {
                Tag.ROLE: Role.OCCUPANT,
                Tag.IN_SERVICE_SINCE: f"{self.launched_at + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
            }
        else:
            ours |= {Tag.CLAIM: claim}
        return {"Name": str(self.slot)} | USER_TAGS | {str(key): ours[key] for key in ours}


CELL = CellIdentity(account=ACCOUNT, region=REGION, endpoint="")


def places(size: CellSize, now: datetime) -> Iterator[Place]:
    """Every slot of the cell, fleet by fleet, spread over the zones; all were launched 30 days ago."""
    zones = list(ZONES)
    for number in range(size.instances):
        fleet, ordinal = divmod(number, size.slots)
        yield Place(
            slot=SlotRef(fleet_name(fleet), ordinal),
            number=number,
            zone=zones[ordinal % len(zones)],
            launched_at=(now - timedelta(days=30)).astimezone(UTC),
        )


def fleet_name(number: int) -> str:
    """`postgres-000` and so on."""
    return f"postgres-{number:03}"


def write_desired_state(directory: Path, size: CellSize) -> None:
    """One file a fleet, as a platform engineer would write it."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(size.fleets):
        text = document(fleet_name(number), size.slots)
        (directory / f"{fleet_name(number)}.yaml").write_text(text, encoding="utf-8")


def document(name: str, replicas: int) -> str:
    """A stateful fleet of this name and size."""
    subnets = ", ".join(f"{zone}: {subnet}" for zone, subnet in SUBNETS.items())
    tags = ", ".join(f'{key}: "{value}"' for key, value in USER_TAGS.items())
    return f"""\
apiVersion: reconciler/v1
kind: Fleet
metadata: {{name: {name}}}
spec:
  tier: 1
  replicas: {replicas}
  mode: auto
  placement:
    account: "{ACCOUNT}"
    region: {REGION}
    zones: [{", ".join(ZONES)}]
  instance:
    image: {IMAGE}
    types: [{TYPE}, m5.large]
    subnets: {{{subnets}}}
    securityGroups: [{GROUP}]
    instanceProfile: {PROFILE}
    tags: {{{tags}}}
  volumes:
    - name: data
      device: /dev/sdf
      size: {DATA_GIB}GiB
      type: gp3
      backup: none
  health:
    startupGrace: 10m
    unhealthyAfter: 3m
    recoverAfter: 2m
  repair:
    maxUnavailable: 1
"""


def tag_set(tags: dict[str, str]) -> str:
    """EC2's `tagSet`."""
    items = "".join(
        f"<item><key>{escape(key)}</key><value>{escape(value)}</value></item>"
        for key, value in tags.items()
    )
    return f"<tagSet>{items}</tagSet>"


def stable_hex(text: str, digits: int) -> str:
    """Ids that nobody reads, the same in every run."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
