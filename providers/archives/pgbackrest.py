"""pgBackRest's layout (pgbackrest.org: repository format; github.com/pgbackrest/pgbackrest, info and archive).

backup/<stanza>/backup.info                    every complete backup with its log, its dates and what it rests on
backup/<stanza>/<label>/backup.manifest        written last: a folder without it is an unfinished backup
archive/<stanza>/<version>-<id>/<first 16 digits>/<segment>-<sha1>[.<ext>], …/<timeline>.history

The URL is the repository's path; it holds one stanza, whatever its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from providers.archives.bases import Archive, Base, nothing
from providers.archives.log import Naming, segment_of
from providers.archives.objects import Folder, UnreadableDocumentError

BACKUPS, SEGMENTS = "backup", "archive"
INFO, MANIFEST = "backup.info", "backup.manifest"
NAMING = Naming(
    segment=re.compile(r"[0-9A-F]{16}/([0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?"),
    history=re.compile(r"([0-9A-F]{8})\.history"),
)

Info = Mapping[str, Mapping[str, Any]]
"""A document of pgBackRest: values by section and key."""


def read(folder: Folder) -> Archive:
    """The newest complete backup and the log after it."""
    _, stanzas = folder.folder(BACKUPS).one_level()
    if len(stanzas) != 1:
        told = f"{len(stanzas)} stanzas, {', '.join(stanzas)}" if stanzas else "no stanza"
        return nothing(f"it has {told}; one is expected")
    home = folder.folder(BACKUPS).folder(stanzas[0])
    text = home.text_if_there(INFO) or home.text_if_there(f"{INFO}.copy")
    info = info_of(text, f"{home.url}/{INFO}") if text is not None else {}
    label = newest_backup(info)
    if label is None:
        return nothing("it has no complete backup")
    backup = info["backup:current"][label]
    for part in (*_rests_on(backup), label):
        if part not in info["backup:current"] or not _has_manifest(home, part):
            return nothing(f"backup {label} needs {part}, which is not complete")
    base, archive_id = base_of(label, backup), archive_id_of(info, backup)
    if base is None or archive_id is None:
        return nothing(f"backup {label} says neither its log nor its database's version")
    start = str(backup["backup-archive-start"])
    log = folder.folder(SEGMENTS).folder(stanzas[0]).folder(archive_id)
    return Archive(base=base, log=NAMING.log_of(log.everything(after=f"{start[:16]}/{start[:-1]}")))


def info_of(text: str, name: str) -> Info:
    """Sections, keys and values, which are JSON. Raises UnreadableDocumentError."""
    sections: dict[str, dict[str, Any]] = {}
    section: dict[str, Any] = {}
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], {})
        elif "=" in line:
            key, _, value = line.partition("=")
            try:
                section[key] = json.loads(value)
            except ValueError as error:
                raise UnreadableDocumentError(f"{name}: {key} is not JSON: {error}") from error
    if "backrest" not in sections and "db" not in sections:
        raise UnreadableDocumentError(f"{name} is no document of pgBackRest; is it encrypted?")
    return sections


def newest_backup(info: Info) -> str | None:
    """The label of the backup that was finished last."""
    current = info.get("backup:current", {})
    finished = {
        label: backup["backup-timestamp-stop"]
        for label, backup in current.items()
        if isinstance(backup, dict) and isinstance(backup.get("backup-timestamp-stop"), int)
    }
    return max(finished, key=lambda label: (finished[label], label), default=None)


def base_of(label: str, backup: Mapping[str, Any]) -> Base | None:
    """The backup as its entry tells it; None without the segments of its log."""
    first = segment_of(str(backup.get("backup-archive-start")))
    last = segment_of(str(backup.get("backup-archive-stop")))
    if first is None or last is None:
        return None
    return Base(
        name=label,
        finished_at=datetime.fromtimestamp(backup["backup-timestamp-stop"], UTC),
        first=first,
        last_number=last.number,
    )


def archive_id_of(info: Info, backup: Mapping[str, Any]) -> str | None:
    """The folder of the log: the version of the database and the number of its system in this repository."""
    number = backup.get("db-id")
    known = info.get("db:history", {}).get(str(number)) or info.get("db", {})
    version = known.get("db-version")
    return f"{version}-{number}" if version and isinstance(number, int) else None


def _rests_on(backup: Mapping[str, Any]) -> tuple[str, ...]:
    references = backup.get("backup-reference") or ()
    prior = backup.get("backup-prior")
    return (*dict.fromkeys((*references, *([prior] if prior else ()))),)


def _has_manifest(home: Folder, label: str) -> bool:
    objects, _ = home.folder(label).one_level()
    return MANIFEST in objects
