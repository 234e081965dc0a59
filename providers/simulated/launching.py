"""RunInstances: token, parameters, quota, capacity, and then an instance with its volumes (TRUSTED.md, parts A, B)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.simulated.capacity import Capacity
from providers.simulated.health import Health
from providers.simulated.lifecycle import Lifecycle
from providers.simulated.records import Attachment, Instance, Volume
from providers.simulated.refusals import Refused, invalid, missing
from providers.simulated.replies import Item, Replies
from providers.simulated.tagging import refuse_metadata_keys, tags_for
from providers.simulated.throttling import Throttling
from providers.simulated.tokens import ClientTokens
from providers.simulated.volumes import Disk, Volumes
from providers.simulated.world import World

Parameters = Mapping[str, Any]

DEFAULT_TYPE = "m1.small"
MOST_USER_DATA_BYTES = 16 * 1024
METADATA_DEFAULTS: Mapping[str, object] = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a launch goes. `scope` is that of its client token: the zone if it names one, else the region."""

    zone: str
    subnet: str
    scope: str


class Launching:
    """Launches instances."""

    def __init__(
        self,
        world: World,
        *,
        lifecycle: Lifecycle,
        volumes: Volumes,
        capacity: Capacity,
        throttling: Throttling,
        health: Health,
        replies: Replies,
    ) -> None:
        self._world = world
        self._lifecycle = lifecycle
        self._volumes = volumes
        self._capacity = capacity
        self._throttling = throttling
        self._health = health
        self._replies = replies
        self._tokens = ClientTokens(world.durations.token_kept)

    def run_instances(self, parameters: Parameters) -> Item:
        """RunInstances. Raises Refused."""
        place = self._place(parameters)
        token = parameters.get("ClientToken")
        earlier = self._tokens.earlier(token, place.scope, parameters, self._world.now)
        if earlier is not None:
            return self._once_more(earlier.resource_ids)
        count = self._count(parameters)
        self._check_names(parameters)
        instance_type = parameters.get("InstanceType", DEFAULT_TYPE)
        self._check_type(instance_type, place.zone)
        disks = self._volumes.disks_of_launch(parameters)
        self._throttling.take_resources("RunInstances", count)
        self._capacity.claim_quota(
            "RunInstances", place.zone, instances=count, volumes=count * len(disks)
        )
        self._capacity.claim("RunInstances", place.zone, instance_type, count)
        launched = [self._launch(parameters, place, disks) for _ in range(count)]
        self._tokens.use(
            token, place.scope, parameters, tuple(item.id for item in launched), self._world.now
        )
        return self._reply(launched)

    # What is asked for.

    def _place(self, parameters: Parameters) -> Place:
        layout = self._world.layout
        subnet, name = parameters.get("SubnetId"), None
        if placement := parameters.get("Placement"):
            name = placement.get("AvailabilityZone")
        if subnet is not None:
            if subnet not in layout.subnets:
                raise Refused(
                    "InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist"
                )
            zone = layout.subnets[subnet]
            return Place(zone=zone, subnet=subnet, scope=zone)
        if name is not None:
            named = layout.zone_id(name)
            if named is None:
                raise invalid(f"Invalid availability zone: [{name}]")
            return Place(zone=named, subnet=self._subnet_in(named), scope=named)
        zone = min(layout.zones)
        return Place(zone=zone, subnet=self._subnet_in(zone), scope="")

    def _subnet_in(self, zone: str) -> str:
        found = [key for key, where in self._world.layout.subnets.items() if where == zone]
        if not found:
            raise Refused("MissingInput", f"No subnet in {zone}.")
        return found[0]

    def _count(self, parameters: Parameters) -> int:
        least, most = parameters["MinCount"], parameters["MaxCount"]
        if not 1 <= least <= most:
            raise invalid(f"MinCount {least} and MaxCount {most} are not a range from 1 on")
        return int(most)

    def _check_names(self, parameters: Parameters) -> None:
        layout = self._world.layout
        image = parameters.get("ImageId")
        if image is None:
            raise missing("ImageId")
        if not image.startswith("ami-"):
            raise Refused("InvalidAMIID.Malformed", f'Invalid id: "{image}" (expecting "ami-...")')
        if layout.images is not None and image not in layout.images:
            raise Refused("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
        self._check_groups(parameters.get("SecurityGroupIds", ()))
        profile = parameters.get("IamInstanceProfile", {}).get("Name")
        if profile and layout.profiles is not None and profile not in layout.profiles:
            raise invalid(f"Invalid IAM Instance Profile name {profile}")
        if len(_user_data(parameters).encode()) > MOST_USER_DATA_BYTES:
            raise invalid("User data is limited to 16384 bytes")

    def _check_groups(self, groups: Sequence[str]) -> None:
        check_groups(self._world, groups)

    def _check_type(self, instance_type: str, zone: str) -> None:
        types = self._world.layout.types
        if types is None:
            return
        if instance_type not in types:
            raise invalid(f"Invalid value '{instance_type}' for InstanceType.")
        if zone not in types[instance_type]:
            raise Refused(
                "Unsupported",
                f"Your requested instance type ({instance_type}) is not supported in your requested "
                f"Availability Zone ({self._world.layout.zones[zone]}).",
            )

    # What is made.

    def _launch(self, parameters: Parameters, place: Place, disks: Sequence[Disk]) -> Instance:
        world = self._world
        identifier = world.mint("i")
        tags = tags_for("instance", parameters.get("TagSpecifications", ()))
        options = {**METADATA_DEFAULTS, **parameters.get("MetadataOptions", {})}
        refuse_metadata_keys(tags, options)
        made = [
            self._volumes.make_at_launch(disk, identifier, place.zone, parameters) for disk in disks
        ]
        instance = Instance(
            id=identifier,
            reservation_id=world.mint("r"),
            state="pending",
            type=parameters.get("InstanceType", DEFAULT_TYPE),
            image=parameters["ImageId"],
            zone=place.zone,
            subnet=place.subnet,
            private_ip=_address(identifier),
            security_groups=tuple(sorted(parameters.get("SecurityGroupIds", ()))),
            profile=parameters.get("IamInstanceProfile", {}).get("Name"),
            launched_at=world.now.replace(microsecond=0),
            root_device=world.layout.root_device,
            attachments=tuple(_attachment(volume) for volume in made),
            client_token=parameters.get("ClientToken"),
            tags=tags,
            user_data=_user_data(parameters) or None,
            metadata_options=options,
            termination_protected=bool(parameters.get("DisableApiTermination")),
        )
        world.put_instance(instance, "pending")
        self._lifecycle.begin(instance)
        return instance

    def _once_more(self, ids: Sequence[str]) -> Item:
        """The token was used: the same instances, unless one has ended."""
        instances = self._world.instances.current
        found = [instances[key] for key in ids if key in instances]
        if len(found) < len(ids) or not all(item.alive for item in found):
            raise Refused(
                "IdempotentInstanceTerminated",
                "The request uses the same client token as a previous request for which the instance has been "
                "terminated.",
            )
        return self._reply(found)

    def _reply(self, instances: Sequence[Instance]) -> Item:
        return {
            "ReservationId": instances[0].reservation_id,
            "OwnerId": self._world.layout.account,
            "Groups": [],
            "Instances": [self._replies.instance(item) for item in instances],
        }


def check_groups(world: World, groups: Sequence[str]) -> None:
    """Raises Refused for a security group that is not there."""
    known = world.layout.security_groups
    for group in groups:
        if not group.startswith("sg-"):
            raise Refused("InvalidSecurityGroupID.Malformed", f'Invalid id: "{group}"')
        if known is not None and group not in known:
            raise Refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def _attachment(volume: Volume) -> Attachment:
    if volume.attachment is None:
        raise ValueError("a volume that is made at launch is attached")
    return volume.attachment


def _user_data(parameters: Parameters) -> str:
    """As the guest sees it. The caller gave plain text, which boto3 would have encoded for the wire."""
    given = parameters.get("UserData", "")
    return base64.b64decode(given).decode() if isinstance(given, bytes) else str(given)


def _address(identifier: str) -> str:
    """A private address that no other instance of this world has."""
    number = int(identifier.removeprefix("i-"), 16)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
