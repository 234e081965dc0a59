"""Continuous backups in the simulated cloud: a bucket, and databases that archive into it as WAL-G does.

A database that runs, and whose volumes take writes, archives a segment a minute and a base backup a day. Whatever stops
it, an ended instance, a stuck volume, stops its archive at that minute.

Days of hundreds of databases are a million objects, so a long simulation does without them: `ArchivesByTruth` tells
what a reader of the bucket would find.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.archives.objects import NO_SUCH_KEY, SLASH, Listing, StoredObject
from providers.archives.reading import ARCHIVES_READ, INCARNATION
from providers.errors import CloudError, RetryClass
from providers.observed import ArchiveList
from providers.observed_archives import ArchiveAddress, ArchiveHistory, ArchiveState
from providers.simulated.records import Guest, Instance, Io
from providers.simulated.world import World

SEGMENT_EVERY = timedelta(minutes=1)
BASE_EVERY = timedelta(days=1)
BASE_TAKES = timedelta(minutes=5)
SEGMENT_BYTES = 16 * 1024 * 1024

Writes = Callable[[Instance], str | None]
"""Where the database on an instance archives to, as a key in the bucket; None for one that serves nobody."""


class SimulatedBucket:
    """Implements providers.archives.objects.ObjectStore. Every bucket is this one."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[datetime, bytes]] = {}
        self._counts = {"ListObjectsV2": 0, "GetObject": 0}

    @property
    def counts(self) -> Mapping[str, int]:
        """The calls made so far, by operation."""
        return self._counts

    def put(self, key: str, at: datetime, content: str = "") -> None:
        """Write an object."""
        self._objects[key] = (at, content.encode())

    def objects_under(
        self, bucket: str, prefix: str, *, one_level: bool = False, after: str | None = None
    ) -> Listing:
        """As S3 lists."""
        del bucket
        self._counts["ListObjectsV2"] += 1
        objects: list[StoredObject] = []
        folders: dict[str, None] = {}
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            if after is not None and key <= after:
                continue
            folder, slash, _ = key.removeprefix(prefix).partition(SLASH)
            if one_level and slash:
                folders[f"{prefix}{folder}{SLASH}"] = None
            else:
                at, content = self._objects[key]
                objects.append(StoredObject(key=key, last_modified=at, size=len(content)))
        return Listing(objects=tuple(objects), folders=tuple(folders))

    def content_of(self, bucket: str, key: str) -> bytes:
        """The content of an object. Raises CloudError."""
        del bucket
        self._counts["GetObject"] += 1
        if key not in self._objects:
            raise CloudError(
                operation="GetObject",
                code=NO_SUCH_KEY,
                message="The specified key does not exist.",
                retry=RetryClass.INVALID,
            )
        return self._objects[key][1]


@dataclass(slots=True, kw_only=True)
class Archived:
    """The truth of one archive: by whom it is written, and how far it goes."""

    writers: set[str] = field(default_factory=set)
    segments: int = 0
    last_at: datetime | None = None
    base_begun_at: datetime | None = None
    base_first: int = 0
    base_finished: bool = True
    bases: int = 0
    """How many base backups were begun."""
    newest: Base | None = None
    """The newest that was finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base backup that was finished."""

    name: str
    finished_at: datetime


class ArchivingDatabases:
    """Lets every database archive, minute by minute, once it was started. `bases_break_off` leaves bases unfinished."""

    def __init__(self, world: World, bucket: SimulatedBucket) -> None:
        self.bases_break_off = False
        self.truth: dict[str, Archived] = {}
        self._world = world
        self._bucket: SimulatedBucket | None = bucket
        self._writes: Writes | None = None
        self._paths: dict[str, tuple[Instance, str | None]] = {}
        self._sorted: list[str] = []

    def start(self, writes: Writes, *, objects: bool = True) -> None:
        """From now on, for as long as time goes on. Without `objects` nothing is put into the bucket."""
        begun = self._writes is not None
        self._writes = writes
        self._paths.clear()
        if not objects:
            self._bucket = None
        if not begun:
            self._world.clock.after(SEGMENT_EVERY, self._a_minute_later)

    def _a_minute_later(self) -> None:
        for instance in self._world.instances.current.values():
            path = self._path_of(instance)
            if path is not None and self._takes_writes(instance):
                self._archive(path, instance)
        self._world.clock.after(SEGMENT_EVERY, self._a_minute_later)

    def under(self, prefix: str) -> Iterator[str]:
        """The paths of the archives that begin so, in order."""
        for at in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[at].startswith(prefix):
                return
            yield self._sorted[at]

    def _path_of(self, instance: Instance) -> str | None:
        """Asked again only when the instance has changed."""
        known = self._paths.get(instance.id)
        if known is None or known[0] is not instance:
            path = self._writes(instance) if self._writes else None
            known = self._paths[instance.id] = instance, path
        return known[1]

    def _takes_writes(self, instance: Instance) -> bool:
        """A guest that runs, and no volume of its that does not answer."""
        if instance.running_since is None or instance.guest in (Guest.DEAD, Guest.HUNG):
            return False
        volumes = self._world.volumes.current
        return all(
            volumes[item.volume_id].io in (Io.NORMAL, Io.SLOW)
            for item in instance.attachments
            if item.volume_id in volumes
        )

    def _archive(self, path: str, instance: Instance) -> None:
        now, archived = self._world.now, self.truth.get(path)
        if archived is None:
            archived = self.truth[path] = Archived()
            insort(self._sorted, path)
        archived.writers.add(instance.id)
        archived.segments += 1
        archived.last_at = now
        self._put(f"{path}/wal_005/{_segment(archived.segments)}.lz4")
        begun_at = archived.base_begun_at
        if begun_at is None or now - begun_at >= BASE_EVERY:
            archived.base_begun_at, archived.base_first = now, archived.segments
            archived.base_finished = False
            archived.bases += 1
            name = f"base_{_segment(archived.base_first)}"
            self._put(f"{path}/basebackups_005/{name}/tar_partitions/part_001.tar.lz4")
        elif not archived.base_finished and now - begun_at >= BASE_TAKES:
            self._finish_base(path, archived)

    def _finish_base(self, path: str, archived: Archived) -> None:
        if self.bases_break_off:
            return
        now, name = self._world.now, f"base_{_segment(archived.base_first)}"
        metadata = {
            "finish_time": now.isoformat(),
            "finish_lsn": archived.segments * SEGMENT_BYTES + 1,
        }
        self._put(f"{path}/basebackups_005/{name}/metadata.json", json.dumps(metadata))
        self._put(f"{path}/basebackups_005/{name}_backup_stop_sentinel.json", "{}")
        archived.base_finished = True
        archived.newest = Base(name=name, finished_at=now)

    def _put(self, key: str, content: str = "") -> None:
        if self._bucket is not None:
            self._bucket.put(key, self._world.now, content)


@dataclass(frozen=True, slots=True)
class ArchivesByTruth:
    """Implements providers.port.Archives: what WAL-G's layout would be found to hold, told without the objects."""

    archiving: ArchivingDatabases

    def observe_archives(
        self, addresses: Iterable[ArchiveAddress], *, now: datetime
    ) -> ArchiveList:
        """The archives at these addresses; reading them takes no time."""
        calls: Counter[str] = Counter()
        found = {item.url: self._history(item, now, calls) for item in addresses}
        return ArchiveList(as_of=now, archives=found, calls=dict(calls))

    def _history(
        self, address: ArchiveAddress, now: datetime, calls: Counter[str]
    ) -> ArchiveHistory:
        bucket, _, template = address.url.removeprefix("s3://").partition(SLASH)
        calls["ListObjectsV2"] += 1
        incarnations = self._incarnations(template)
        states: list[ArchiveState] = []
        for incarnation in sorted(incarnations, reverse=True)[:ARCHIVES_READ]:
            path = template.replace(INCARNATION, str(incarnation)).strip(SLASH)
            state = self._state(self.archiving.truth[path], f"s3://{bucket}/{path}", incarnation)
            calls.update(
                {"ListObjectsV2": 2, "GetObject": 1} if state.usable else {"ListObjectsV2": 1}
            )
            states.append(state)
            if state.usable:
                break
        return ArchiveHistory(
            url=address.url,
            as_of=now,
            incarnations=tuple(sorted(incarnations)),
            states=tuple(states),
        )

    def _incarnations(self, template: str) -> list[int]:
        """The numbers that stand where `{incarnation}` does."""
        before, _, after = template.partition(INCARNATION)
        return [
            int(number)
            for path in self.archiving.under(before)
            if (number := path.removeprefix(before).removesuffix(after.rstrip(SLASH))).isdigit()
        ]

    def _state(self, archived: Archived, url: str, incarnation: int) -> ArchiveState:
        base = archived.newest
        if base is None:
            why = (
                f"none of its {archived.bases} base backups is finished"
                if archived.bases
                else "it has no base backup"
            )
            return ArchiveState(url=url, incarnation=incarnation, why_not=why)
        return ArchiveState(
            url=url,
            incarnation=incarnation,
            why_not=None,
            base=base.name,
            recoverable_from=base.finished_at,
            recoverable_until=archived.last_at,
            last_segment=_segment(archived.segments),
        )


def _segment(number: int) -> str:
    return f"{1:08X}{number // 256:08X}{number % 256:08X}"
