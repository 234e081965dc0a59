"""The simulated account that a desired state is replayed in: zones, subnets and images as documents name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import desired_state
from desired_state.model import DesiredState, Fleet, SsmImage
from providers.simulated.layout import Layout
from reconciler.loop.cells import places_of

PLATFORM = Path(desired_state.__file__).parent / "examples" / "platform"
"""The fleets that an outage is replayed against unless others are declared."""
IMAGE_OF_PARAMETERS = "ami-00000000000000001"
"""What every parameter of Systems Manager names."""


def of_one_cell(desired: DesiredState) -> DesiredState:
    """The fleets of the account and region with most slots: an outage is replayed in one cell."""
    slots = {place: _slots_in(place, desired) for place in places_of(desired)}
    if not slots:
        raise ValueError("nothing is declared, so there is nothing to replay an outage against")
    chosen = max(sorted(slots), key=lambda place: slots[place])
    return replace(
        desired, fleets=tuple(fleet for fleet in desired.fleets if _place(fleet) == chosen)
    )


def layout_of(desired: DesiredState) -> Layout:
    """An account that has everything that the fleets name."""
    account, region = _place(desired.fleets[0])
    declared = {zone for fleet in desired.fleets for zone in fleet.placement.zones}
    ids = zone_ids(sorted(declared), region)
    images = (fleet.instance.image for fleet in desired.fleets)
    return Layout(
        account=account,
        region=region,
        zones={
            zone_id: name if name != zone_id else f"{region}{chr(ord('a') + number)}"
            for number, (name, zone_id) in enumerate(ids.items())
        },
        subnets={
            subnet: ids[zone]
            for fleet in desired.fleets
            for zone, subnet in fleet.instance.subnets.items()
            if zone in ids
        },
        parameters={
            image.ssm: IMAGE_OF_PARAMETERS for image in images if isinstance(image, SsmImage)
        },
    )


def zone_ids(zones: list[str], region: str) -> Mapping[str, str]:
    """The id of each zone: its own where documents use ids, else one made of its name."""
    return {
        zone: f"{region}-{zone.removeprefix(region)}-id" if zone.startswith(region) else zone
        for zone in zones
    }


def _slots_in(place: tuple[str, str], desired: DesiredState) -> int:
    return sum(fleet.replicas for fleet in desired.fleets if _place(fleet) == place)


def _place(fleet: Fleet) -> tuple[str, str]:
    return fleet.placement.account, fleet.placement.region
