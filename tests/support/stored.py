"""An object store in memory with the archives of databases in it, as their tools lay them out.

bucket = Bucket()
wal_g = WalG(bucket, "shared-postgres/0/1", began=NOW - DAY)
wal_g.base(1)
wal_g.segments(1, 30)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.archives.objects import SLASH, Listing, StoredObject
from providers.errors import CloudError, RetryClass

MINUTE = timedelta(minutes=1)
BEGAN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BUCKET = "backups"
SEGMENT_BYTES = 16 * 1024 * 1024
SHA1 = "0123456789abcdef0123456789abcdef01234567"


def segment(number: int, timeline: int = 1) -> str:
    """The name of that segment of 16 MiB."""
    return f"{timeline:08X}{number // 256:08X}{number % 256:08X}"


def minute(number: int) -> datetime:
    """When segment `number` came: one a minute."""
    return BEGAN + number * MINUTE


class Bucket:
    """An ObjectStore of one bucket. `refused` prefixes are not answered."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[datetime, bytes]] = {}
        self.refused: dict[str, str] = {}
        self.asked: list[str] = []
        self.listed_after: list[str | None] = []

    @property
    def counts(self) -> Mapping[str, int]:
        return {"ListObjectsV2": len(self.asked)}

    def put(self, key: str, at: datetime, content: str | bytes = b"x") -> None:
        """An object as of then."""
        data = content.encode() if isinstance(content, str) else content
        self.contents[key] = (at, data)

    def objects_under(
        self, bucket: str, prefix: str, *, one_level: bool = False, after: str | None = None
    ) -> Listing:
        self._answer(bucket, prefix)
        self.listed_after.append(after)
        objects: list[StoredObject] = []
        folders: dict[str, None] = {}
        for key in sorted(self.contents):
            if not key.startswith(prefix) or (after is not None and key <= after):
                continue
            folder, slash, _ = key.removeprefix(prefix).partition(SLASH)
            if one_level and slash:
                folders[f"{prefix}{folder}{SLASH}"] = None
            else:
                at, content = self.contents[key]
                objects.append(StoredObject(key=key, last_modified=at, size=len(content)))
        return Listing(objects=tuple(objects), folders=tuple(folders))

    def content_of(self, bucket: str, key: str) -> bytes:
        self._answer(bucket, key)
        if key not in self.contents:
            raise refusal("NoSuchKey", "GetObject")
        return self.contents[key][1]

    def _answer(self, bucket: str, key: str) -> None:
        self.asked.append(key)
        if bucket != BUCKET:
            raise refusal("NoSuchBucket", "ListObjectsV2")
        for prefix, code in self.refused.items():
            if key.startswith(prefix):
                raise refusal(code, "ListObjectsV2")


def refusal(code: str, operation: str) -> CloudError:
    """As S3 refuses."""
    return CloudError(operation=operation, code=code, message="refused", retry=RetryClass.INVALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes an archive in its tool's layout. Segment `n` comes at minute `n`, timeline 1 unless told otherwise."""

    bucket: Any
    path: str

    def put(self, name: str, at: datetime, content: str = "x") -> None:
        self.bucket.put(f"{self.path}/{name}", at, content)

    def take_away(self, name: str) -> None:
        """Somebody deleted it."""
        del self.bucket.contents[f"{self.path}/{name}"]


class WalG(Writer):
    """WAL-G."""

    def base(
        self, first: int, *, last: int | None = None, rests_on: int | None = None, timeline: int = 1
    ) -> str:
        """A complete base whose log is from `first` to `last`; it was finished when its last segment came."""
        last = first if last is None else last
        name = f"base_{segment(first, timeline)}"
        name += f"_D_{segment(rests_on, timeline)}" if rests_on is not None else ""
        self.unfinished_base(name, first)
        metadata = {
            "start_time": minute(first).isoformat(),
            "finish_time": minute(last).strftime("%Y-%m-%dT%H:%M:%S.000000001Z"),
            "finish_lsn": last * SEGMENT_BYTES + 312,
        }
        self.put(f"basebackups_005/{name}/metadata.json", minute(last), json.dumps(metadata))
        self.put(f"basebackups_005/{name}_backup_stop_sentinel.json", minute(last), "{}")
        return name

    def unfinished_base(self, name: str, number: int) -> None:
        """A base that was begun and not finished."""
        self.put(f"basebackups_005/{name}/tar_partitions/part_001.tar.lz4", minute(number))

    def segments(self, first: int, last: int, *, timeline: int = 1) -> None:
        """The log from `first` to `last`."""
        for number in range(first, last + 1):
            self.put(f"wal_005/{segment(number, timeline)}.lz4", minute(number))

    def history(self, timeline: int) -> None:
        """The history of a later timeline."""
        self.put(f"wal_005/{timeline:08X}.history.lz4", minute(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PgBackRest(Writer):
    """pgBackRest, with the stanza `main` of PostgreSQL 16."""

    backups: dict[str, dict[str, Any]] = field(default_factory=dict)

    def base(self, label: str, first: int, *, last: int | None = None, rests_on: str = "") -> str:
        """A complete backup in backup.info, with its manifest."""
        last = first if last is None else last
        self.backups[label] = {
            "backup-archive-start": segment(first),
            "backup-archive-stop": segment(last),
            "backup-timestamp-start": int(minute(first).timestamp()),
            "backup-timestamp-stop": int(minute(last).timestamp()),
            "backup-type": "incr" if rests_on else "full",
            "backup-reference": [rests_on] if rests_on else None,
            "db-id": 1,
        }
        self.put(f"backup/main/{label}/backup.manifest", minute(last))
        self.unfinished_base(label, first)
        self._write_info(minute(last))
        return label

    def unfinished_base(self, label: str, number: int) -> None:
        """A backup that was begun: it has only the copy of its manifest."""
        self.put(f"backup/main/{label}/backup.manifest.copy", minute(number))

    def _write_info(self, at: datetime) -> None:
        lines = [
            "[backrest]",
            "backrest-format=5",
            'backrest-version="2.55"',
            "",
            "[backup:current]",
        ]
        lines += [f"{label}={json.dumps(item)}" for label, item in self.backups.items()]
        lines += ["", "[db]", "db-id=1", 'db-version="16"', "", "[db:history]"]
        lines += ['1={"db-version":"16"}', ""]
        self.put("backup/main/backup.info", at, "\n".join(lines))

    def segments(self, first: int, last: int) -> None:
        """The log from `first` to `last`."""
        for number in range(first, last + 1):
            name = segment(number)
            self.put(f"archive/main/16-1/{name[:16]}/{name}-{SHA1}.zst", minute(number))


class Barman(Writer):
    """Barman, with the server `main`."""

    def base(
        self,
        id_: str,
        first: int,
        *,
        last: int | None = None,
        status: str = "DONE",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> str:
        """A backup that came to that end; its document is written whatever it is."""
        last = first if last is None else last
        text = (
            f"backup_label=None\nbegin_time={minute(first)}\nend_time={minute(last)}\n"
            f"begin_wal={segment(first)}\nend_wal={segment(last)}\nstatus={status}\n"
            f"xlog_segment_size={segment_bytes}\n"
        )
        self.put(f"main/base/{id_}/backup.info", minute(last), text)
        self.put(f"main/base/{id_}/data.tar", minute(last))
        return id_

    def segments(self, first: int, last: int) -> None:
        """The log from `first` to `last`."""
        for number in range(first, last + 1):
            name = segment(number)
            self.put(f"main/wals/{name[:16]}/{name}.gz", minute(number))
