"""WAL-G's layout (github.com/wal-g/wal-g: storage of PostgreSQL backups).

basebackups_005/<name>/…                             the base; `metadata.json` in it says when it was finished
basebackups_005/<name>_backup_stop_sentinel.json     written last: without it there is no base
wal_005/<segment>.<ext>, wal_005/<timeline>.history.<ext>

A name is `base_<first segment>`, of a delta `base_<first segment>_D_<first segment of what it rests on>`. Names do not
sort by time; WAL-G's own LATEST is the newest sentinel by the date that S3 gives it, and so is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from providers.archives.bases import Archive, Base, nothing
from providers.archives.log import Naming, segment_of, segment_of_lsn
from providers.archives.objects import Folder, StoredObject, UnreadableDocumentError

BASES, SEGMENTS = "basebackups_005", "wal_005"
SENTINEL = "_backup_stop_sentinel.json"
_BASE = re.compile(r"base_([0-9A-F]{24})(?:_D_([0-9A-F]{24}))?(?:_[0-9A-F]+)?")
NAMING = Naming(
    segment=re.compile(r"([0-9A-F]{24})(?:\.(?!partial)[a-z0-9]+)?"),
    history=re.compile(r"([0-9A-F]{8})\.history(?:\.[a-z0-9]+)?"),
)


def read(folder: Folder) -> Archive:
    """The newest complete base and the log after it."""
    objects, begun = folder.folder(BASES).one_level()
    sentinels = sentinels_of(objects)
    if not sentinels:
        told = (
            f"none of its {len(begun)} base backups is finished"
            if begun
            else "it has no base backup"
        )
        return nothing(told)
    name, sentinel = max(sentinels.items(), key=lambda item: (item[1].last_modified, item[0]))
    if (missing := missing_of_chain(name, sentinels)) is not None:
        return nothing(f"base {name} rests on {missing}, which is not complete")
    base = base_of(name, sentinel, _metadata(folder, name))
    if base is None:
        return nothing(f"base {name} has a name that tells no segment")
    before = _first_segment(name)[:-1]
    return Archive(base=base, log=NAMING.log_of(folder.folder(SEGMENTS).everything(after=before)))


def sentinels_of(objects: Mapping[str, StoredObject]) -> dict[str, StoredObject]:
    """The sentinel of each complete base by the base's name."""
    return {
        name.removesuffix(SENTINEL): item
        for name, item in objects.items()
        if name.endswith(SENTINEL)
    }


def missing_of_chain(name: str, complete: Iterable[str]) -> str | None:
    """The first segment of a base that a delta rests on and that is not complete; None when its chain is whole."""
    by_segment = {_first_segment(item): item for item in complete}
    seen: set[str] = set()
    current: str | None = name
    while current is not None and current not in seen:
        seen.add(current)
        found = _BASE.fullmatch(current)
        parent = found.group(2) if found else None
        if parent is None:
            return None
        if parent not in by_segment:
            return f"base_{parent}"
        current = by_segment[parent]
    return name


def base_of(name: str, sentinel: StoredObject, metadata: Mapping[str, Any]) -> Base | None:
    """The base as its name and metadata tell it; without metadata it was finished when its sentinel came."""
    first = segment_of(_first_segment(name))
    if first is None:
        return None
    finish = metadata.get("finish_lsn")
    last = segment_of_lsn(finish) if isinstance(finish, int) else first.number
    return Base(
        name=name,
        finished_at=_instant(metadata.get("finish_time")) or sentinel.last_modified,
        first=first,
        last_number=max(last, first.number),
    )


def _first_segment(name: str) -> str:
    found = _BASE.fullmatch(name)
    return found.group(1) if found else ""


def _metadata(folder: Folder, name: str) -> Mapping[str, Any]:
    path = f"{BASES}/{name}/metadata.json"
    text = folder.text_if_there(path)
    if text is None:
        return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableDocumentError(f"{folder.url}/{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UnreadableDocumentError(f"{folder.url}/{path} is not a JSON object")
    return document


def _instant(text: object) -> datetime | None:
    """RFC 3339 as Go writes it, with up to nine digits of a second."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
