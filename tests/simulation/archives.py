"""The archives of a run's databases: who writes where, and the object store as a process reaches it.

Who writes where is told from tags alone and not by the product's own addresses, so that a mistake in those would show.
"""

from __future__ import annotations

import random  # noqa: TID251 - which reads fail follows from the seed, the place and the minute alone
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from providers.archives.objects import Listing
from providers.errors import EndpointUnreachable
from providers.simulated.archives import SimulatedBucket
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance
from providers.simulated.world import Truth
from tests.simulation.oracles.archives import path_of
from tests.simulation.oracles.tags import OWNER
from tests.simulation.process import OWNER as US
from tests.simulation.seeds import Draw

MOSTLY = 0.5
"""Of the reads."""


def archives_to(instance: Instance, *, owner: str, archived: Collection[str]) -> str | None:
    """Where a database that serves archives to, as a good boot script lets it: under its instance's incarnation."""
    path = path_of(instance.tags) if instance.tags.get(OWNER) == owner else None
    return path if path and path.partition("/")[0] in archived else None


class Archives:
    """Those of one run, with what befalls them until they are healed. `store` is how a process reaches them."""

    def __init__(
        self, cloud: SimulatedCloud, draw: Draw, *, serves: Callable[[Instance, Truth], bool]
    ) -> None:
        self.store = UnreliableBucket(
            cloud.bucket, seed=draw.seed, now=cloud.clock.now, fails=lambda: self._reads_fail
        )
        self._cloud = cloud
        self._serves = serves
        self._archived = {fleet.name for fleet in draw.fleets if fleet.archived}
        self._bases_break_off = draw.archiving.bases_break_off
        self._reads_fail = draw.archiving.reads_fail

    def begin(self) -> None:
        """Databases that are declared so archive from now on."""
        if not self._archived:
            return
        self._cloud.archiving.bases_break_off = self._bases_break_off
        self._cloud.archiving.start(self._path)

    def heal(self) -> None:
        """Bases are finished and all can be read."""
        self._cloud.archiving.bases_break_off = False
        self._reads_fail = 0.0

    @property
    def mostly_unread(self) -> bool:
        """Whether nobody can be asked to know what they hold."""
        return bool(self._archived) and self._reads_fail > MOSTLY

    def _path(self, instance: Instance) -> str | None:
        if not self._serves(instance, self._cloud.truth):
            return None
        return archives_to(instance, owner=US, archived=self._archived)


class UnreliableBucket:
    """Implements providers.archives.objects.ObjectStore; `fails` is how likely a place can't be reached in a minute."""

    def __init__(
        self,
        bucket: SimulatedBucket,
        *,
        seed: int,
        now: Callable[[], datetime],
        fails: Callable[[], float],
    ) -> None:
        self._bucket = bucket
        self._seed = seed
        self._now = now
        self._fails = fails

    @property
    def counts(self) -> Mapping[str, int]:
        return self._bucket.counts

    def objects_under(
        self, bucket: str, prefix: str, *, one_level: bool = False, after: str | None = None
    ) -> Listing:
        self._reach(prefix)
        return self._bucket.objects_under(bucket, prefix, one_level=one_level, after=after)

    def content_of(self, bucket: str, key: str) -> bytes:
        self._reach(key)
        return self._bucket.content_of(bucket, key)

    def _reach(self, place: str) -> None:
        """Asked from several threads, so it must not depend on who comes first. Raises EndpointUnreachable."""
        chance = random.Random(f"{self._seed} {place} {self._now():%d %H:%M}")
        if chance.random() < self._fails():
            raise EndpointUnreachable(f"s3://{place} does not answer")
