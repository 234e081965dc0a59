"""Barman's layout in a cloud (github.com/EnterpriseDB/barman: cloud backup and WAL archive).

<server>/base/<id>/backup.info         status, dates and log of a backup; written for failed ones too
<server>/wals/<first 16 digits>/<segment>[.<ext>], <server>/wals/<timeline>.history

The URL is the path that Barman's commands are given; it holds one server, whatever its name. Ids are dates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from providers.archives.bases import Archive, Base, nothing
from providers.archives.log import DEFAULT_SEGMENT_BYTES, Naming, segment_of
from providers.archives.objects import Folder, UnreadableDocumentError

BASES, SEGMENTS, INFO = "base", "wals", "backup.info"
DONE = "DONE"
BACKUPS_READ = 5
"""Of the newest: when none of them is done, somebody has to look anyway."""
NAMING = Naming(
    segment=re.compile(r"(?:[0-9A-F]{16}/)?([0-9A-F]{24})(?:\.(?!partial)[a-z0-9]+)?"),
    history=re.compile(r"(?:[0-9A-F]{16}/)?([0-9A-F]{8})\.history(?:\.[a-z0-9]+)?"),
)


def read(folder: Folder) -> Archive:
    """The newest complete backup and the log after it."""
    _, servers = folder.one_level()
    if len(servers) != 1:
        told = f"{len(servers)} servers, {', '.join(servers)}" if servers else "no server"
        return nothing(f"it has {told}; one is expected")
    server = folder.folder(servers[0])
    _, ids = server.folder(BASES).one_level()
    passed_over = []
    for id_ in sorted(ids, reverse=True)[:BACKUPS_READ]:
        path = f"{BASES}/{id_}/{INFO}"
        text = server.text_if_there(path)
        fields = fields_of(text) if text is not None else {}
        if fields.get("status") != DONE:
            passed_over.append(f"{id_} is {fields.get('status', 'unfinished')}")
            continue
        base, size = base_of(id_, fields, f"{server.url}/{path}"), segment_bytes_of(fields)
        log = server.folder(SEGMENTS)
        start = fields["begin_wal"]
        objects = log.everything(after=f"{start[:16]}/{start[:-1]}")
        return Archive(base=base, log=NAMING.log_of(objects, size))
    return nothing("it has no complete backup" + "".join(f"; {item}" for item in passed_over))


def fields_of(text: str) -> dict[str, str]:
    """The fields of a backup.info."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def base_of(id_: str, fields: Mapping[str, str], name: str) -> Base:
    """The backup as its document tells it. Raises UnreadableDocumentError."""
    size = segment_bytes_of(fields)
    first = segment_of(fields.get("begin_wal", ""), size)
    last = segment_of(fields.get("end_wal", ""), size)
    try:
        finished_at = datetime.fromisoformat(fields.get("end_time", ""))
    except ValueError as error:
        raise UnreadableDocumentError(f"{name} has no readable end_time: {error}") from error
    if first is None or last is None:
        raise UnreadableDocumentError(f"{name} names no segments of its log")
    aware = finished_at if finished_at.tzinfo else finished_at.replace(tzinfo=UTC)
    return Base(name=id_, finished_at=aware, first=first, last_number=last.number)


def segment_bytes_of(fields: Mapping[str, str]) -> int:
    """The size of a segment, which is chosen when a database is made."""
    text = fields.get("xlog_segment_size", "")
    size = int(text) if text.isascii() and text.isdigit() else 0
    return size or DEFAULT_SEGMENT_BYTES
