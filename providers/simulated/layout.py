"""What an account has before anything is launched: zones, subnets, images, groups, types, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An account in a region. None in place of a set accepts every well-formed name.

    `zones` maps zone ids to names; `subnets` maps subnet ids to zone ids; `parameters` are those of Systems Manager.
    """

    account: str = "210987654321"
    region: str = "us-east-1"
    zones: Mapping[str, str] = field(
        default_factory=lambda: {
            "use1-az1": "us-east-1a",
            "use1-az2": "us-east-1b",
            "use1-az4": "us-east-1d",
        }
    )
    subnets: Mapping[str, str] = field(
        default_factory=lambda: {
            "subnet-az1": "use1-az1",
            "subnet-az2": "use1-az2",
            "subnet-az4": "use1-az4",
        }
    )
    images: frozenset[str] | None = None
    security_groups: frozenset[str] | None = None
    profiles: frozenset[str] | None = None
    types: Mapping[str, frozenset[str]] | None = None
    """Instance type to the zone ids that have it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    root_device: str = "/dev/xvda"
    root_size_gib: int = 8
    instance_limit: int = 100_000
    volume_limit: int = 100_000
    attachment_limit: int = 28
    """Of one instance, root included (Nitro)."""

    @property
    def endpoint(self) -> str:
        """What the cell is reached through; no host has this name."""
        return f"simulated://{self.region}"

    def zone_id(self, name: str) -> str | None:
        """The id of a zone by its name."""
        return next((key for key, known in self.zones.items() if known == name), None)
