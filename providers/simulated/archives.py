"""Continuous backups in the simulated cloud: a bucket, and databases that archive into it as WAL-G does.

A database that runs, and whose volumes take writes, archives a segment a minute and a base backup a day. Whatever stops
it, an ended instance, a stuck volume, stops its archive at that minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.archives.objects import NO_SUCH_KEY, SLASH, Listing, StoredObject
from providers.errors import CloudError, RetryClass
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


class ArchivingDatabases:
    """Lets every database archive, minute by minute, once it was started. `bases_break_off` leaves bases unfinished."""

    def __init__(self, world: World, bucket: SimulatedBucket) -> None:
        self.bases_break_off = False
        self.truth: dict[str, Archived] = {}
        self._world = world
        self._bucket = bucket
        self._writes: Writes | None = None

    def start(self, writes: Writes) -> None:
        """From now on, for as long as time goes on."""
        begun = self._writes is not None
        self._writes = writes
        if not begun:
            self._world.clock.after(SEGMENT_EVERY, self._a_minute_later)

    def _a_minute_later(self) -> None:
        for instance in self._world.instances.current.values():
            path = self._writes(instance) if self._writes else None
            if path is not None and self._takes_writes(instance):
                self._archive(path, instance)
        self._world.clock.after(SEGMENT_EVERY, self._a_minute_later)

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
        now, archived = self._world.now, self.truth.setdefault(path, Archived())
        archived.writers.add(instance.id)
        archived.segments += 1
        archived.last_at = now
        self._bucket.put(f"{path}/wal_005/{_segment(archived.segments)}.lz4", now)
        begun_at = archived.base_begun_at
        if begun_at is None or now - begun_at >= BASE_EVERY:
            archived.base_begun_at, archived.base_first = now, archived.segments
            archived.base_finished = False
            name = f"base_{_segment(archived.base_first)}"
            self._bucket.put(f"{path}/basebackups_005/{name}/tar_partitions/part_001.tar.lz4", now)
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
        self._bucket.put(f"{path}/basebackups_005/{name}/metadata.json", now, json.dumps(metadata))
        self._bucket.put(f"{path}/basebackups_005/{name}_backup_stop_sentinel.json", now, "{}")
        archived.base_finished = True


def _segment(number: int) -> str:
    return f"{1:08X}{number // 256:08X}{number % 256:08X}"
