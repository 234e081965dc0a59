"""What every instance of a fleet should look like, worked out once for all of its slots."""

from __future__ import annotations

from dataclasses import dataclass

from desired_state.model import Fleet, ServeWhen, SsmImage
from providers.observed import Observation

USER_DATA_TAG_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A fleet's launch, as it would be now.

    `image` is None while its SSM parameter is not resolved, `zones` are zone ids and None while one of the declared is
    not known to this account. `staged_groups` are those in which a replacement waits for its commit, empty where it
    may serve at once. `user_data` is the value of our tag for the boot script.
    """

    fleet: Fleet
    image: str | None
    groups: tuple[str, ...]
    staged_groups: tuple[str, ...]
    zones: frozenset[str] | None
    user_data: str | None


def blueprint_of(fleet: Fleet, observation: Observation) -> Blueprint:
    """The blueprint of a declared fleet in this cell."""
    spec = fleet.instance
    image = spec.image
    zones = [observation.zone_id(zone) for zone in fleet.placement.zones]
    waits = fleet.stateful and fleet.serve is ServeWhen.AFTER_COMMIT
    return Blueprint(
        fleet=fleet,
        image=observation.images.get(image.ssm) if isinstance(image, SsmImage) else image,
        groups=tuple(sorted(spec.security_groups)),
        staged_groups=tuple(sorted(spec.staging_security_groups)) if waits else (),
        zones=None if None in zones else frozenset(zone for zone in zones if zone),
        user_data=user_data_tag(spec.user_data.sha256 if spec.user_data else None),
    )


def user_data_tag(sha256: str | None) -> str | None:
    """The beginning of the hash tells one boot script from another."""
    return sha256[:USER_DATA_TAG_LENGTH] if sha256 else None
