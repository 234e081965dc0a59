"""The port: everything that the core asks of a cloud. Adapters and fakes implement it whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from providers.observed import (
    ArchiveList,
    CellIdentity,
    Instance,
    Observation,
    Presence,
    ProbeResult,
    Snapshot,
    SnapshotList,
    Volume,
    VolumeIoList,
    VolumeStatusList,
)
from providers.observed_archives import ArchiveAddress
from providers.requests import LaunchInstance, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a mutating call answered: the id of what it made or named, and EC2's request id."""

    resource_id: str | None
    request_id: str | None


class Cloud(Protocol):
    """One cell of a cloud. No method retries, sleeps, or waits for a state; each call has a time-out."""

    def identity(self) -> CellIdentity:
        """The verified account, region and endpoint.

        Raises CredentialsError, EndpointUnreachable or CloudError.
        """
        ...

    def observe(self, *, owner: str, image_parameters: Iterable[str], now: datetime) -> Observation:
        """All that carries our owner tag, in as few calls as pages allow. Failures are gaps, never exceptions,
        except CredentialsError, EndpointUnreachable (not even the first call found a connection) and CloudError of
        class DENIED, which names the missing permission. Probes are not part of it.
        """
        ...

    def observe_snapshots(
        self, *, owner: str, volume_ids: Collection[str], now: datetime
    ) -> SnapshotList:
        """All snapshots with our owner tag, and all of these volumes, whoever made them. A list that fails, for any
        reason, is the gap that comes with it. Raises what `identity` raises.
        """
        ...

    def observe_copies(self, *, owner: str, region: str, now: datetime) -> SnapshotList:
        """The snapshots with our owner tag in another region. Whatever fails there is the gap that comes with it, a
        missing permission and credentials that the region refuses too. Raises what `identity` raises.
        """
        ...

    def observe_volume_status(
        self, *, volume_ids: Collection[str], now: datetime
    ) -> VolumeStatusList:
        """The status of these volumes, in as few calls as pages allow. What fails, for any reason, is a gap that comes
        with it. Raises what `identity` raises.
        """
        ...

    def observe_volume_io(self, *, volume_ids: Collection[str], now: datetime) -> VolumeIoList:
        """The metrics of these volumes over the last minutes, in as few calls as batches allow. A failure, for any
        reason, is the gap that comes with it. Raises what `identity` raises.
        """
        ...

    def read_instances(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Instance | None]]:
        """Each id read by name; a bad id does not spoil the others. Raises what `observe` raises."""
        ...

    def read_volumes(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Volume | None]]:
        """Each id read by name; a bad id does not spoil the others. Raises what `observe` raises."""
        ...

    def read_snapshots(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        """Each id read by name; a bad id does not spoil the others. Raises what `observe` raises."""
        ...

    def read_copies(
        self, ids: Iterable[str], *, region: str
    ) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        """Each id read by name in another region; a bad id does not spoil the others.

        Raises CloudError of class DENIED.
        """
        ...

    def find_launch(self, request: LaunchInstance) -> Instance | None:
        """The instance of this client token, if EC2 shows one. None is not proof that there is none."""
        ...

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        """Send one mutating request once. Raises CloudError only; its code NOT_SENT proves that nothing was sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTarget:
    """A service to look at; `path` None means a TCP connection is enough."""

    instance_id: str
    address: str
    port: int
    path: str | None
    timeout_s: float


class Prober(Protocol):
    """Looks at services over the network."""

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        """One result per target, all within the longest time-out."""
        ...


class Archives(Protocol):
    """Looks at continuous backups of databases."""

    def observe_archives(
        self, addresses: Iterable[ArchiveAddress], *, now: datetime
    ) -> ArchiveList:
        """What the archives at these addresses hold. One that can't be read, for any reason, is a gap and never an
        archive without anything in it. Raises CredentialsError.
        """
        ...
