"""The archives of a run's databases: who writes where, and the object store as a process reaches it."""

from __future__ import annotations

import random  # noqa: TID251 - which reads fail follows from the seed, the place and the minute alone
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from providers.archives.objects import Listing
from providers.errors import EndpointUnreachable
from providers.simulated.archives import SimulatedBucket
from providers.simulated.records import Instance
from tests.simulation.oracles.archives import path_of
from tests.simulation.oracles.tags import OWNER


def archives_to(instance: Instance, *, owner: str, archived: Collection[str]) -> str | None:
    """Where a database that serves archives to, as a good boot script lets it: under its instance's incarnation."""
    path = path_of(instance.tags) if instance.tags.get(OWNER) == owner else None
    return path if path and path.partition("/")[0] in archived else None


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
