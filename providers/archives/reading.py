"""Reading archives: which incarnations have one, and what the newest of them hold.

observe_archives      each address for itself: one that can't be read is a gap, and spoils no other
  incarnations        one list of what comes where `{incarnation}` stands
  states              newest first, down to the first that is usable
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from providers.archives import barman, pgbackrest, wal_g
from providers.archives.bases import Archive, state_of
from providers.archives.objects import SLASH, Folder, ObjectStore, UnreadableDocumentError
from providers.errors import CloudError, EndpointUnreachable
from providers.observed import ArchiveList, Gap, GapSubject
from providers.observed_archives import ArchiveAddress, ArchiveHistory, ArchiveState

INCARNATION = "{incarnation}"
ARCHIVES_READ = 3
"""Of one claim: the newest; one that was just begun has no base yet, and the one before it still counts."""
READERS = 8
"""Addresses that are read at once: one takes a few calls, one after the other."""
UNREACHABLE, UNREADABLE = "EndpointUnreachable", "UnreadableDocument"

LAYOUTS: Mapping[str, Callable[[Folder], Archive]] = {
    "wal-g": wal_g.read,
    "pgbackrest": pgbackrest.read,
    "barman": barman.read,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArchives:
    """Implements providers.port.Archives over an object store."""

    store: ObjectStore

    def observe_archives(
        self, addresses: Iterable[ArchiveAddress], *, now: datetime
    ) -> ArchiveList:
        """What the archives at these addresses hold; what can't be read is a gap. Raises CredentialsError."""
        before = dict(self.store.counts)
        with ThreadPoolExecutor(max_workers=READERS) as pool:
            read = list(pool.map(lambda address: _read(self.store, address, now), addresses))
        found = {item.url: item for item in read if isinstance(item, ArchiveHistory)}
        gaps = dict(item for item in read if not isinstance(item, ArchiveHistory))
        calls = {
            name: count - before.get(name, 0)
            for name, count in self.store.counts.items()
            if count > before.get(name, 0)
        }
        return ArchiveList(as_of=now, archives=found, gaps=gaps, calls=calls)


def _read(
    store: ObjectStore, address: ArchiveAddress, now: datetime
) -> ArchiveHistory | tuple[str, Gap]:
    """What the archives at one address hold, or the gap with the address's URL. Raises CredentialsError."""
    try:
        return _history(store, address, now)
    except CloudError as error:
        code, detail = error.code, f"{error.operation}: {error.message}"
    except EndpointUnreachable as error:
        code, detail = UNREACHABLE, str(error)
    except UnreadableDocumentError as error:
        code, detail = UNREADABLE, str(error)
    return address.url, _gap(address, code, detail)


def _history(store: ObjectStore, address: ArchiveAddress, now: datetime) -> ArchiveHistory:
    layout = LAYOUTS[address.tool]
    bucket, _, template = address.url.removeprefix("s3://").partition(SLASH)
    incarnations = _incarnations(store, bucket, template)
    states: list[ArchiveState] = []
    for incarnation in sorted(incarnations, reverse=True)[:ARCHIVES_READ]:
        path = template.replace(INCARNATION, str(incarnation)).strip(SLASH)
        folder = Folder(store=store, bucket=bucket, prefix=f"{path}{SLASH}")
        state = state_of(layout(folder), url=folder.url, incarnation=incarnation)
        states.append(state)
        if state.usable:
            break
    return ArchiveHistory(
        url=address.url, as_of=now, incarnations=tuple(sorted(incarnations)), states=tuple(states)
    )


def _incarnations(store: ObjectStore, bucket: str, template: str) -> set[int]:
    """The numbers for which there is anything where `{incarnation}` stands."""
    before, _, after = template.partition(INCARNATION)
    rest = after.partition(SLASH)[0]
    listing = store.objects_under(bucket, before, one_level=True)
    pattern = re.compile(re.escape(before) + r"([1-9][0-9]*)" + re.escape(rest) + SLASH)
    matches = (pattern.fullmatch(folder) for folder in listing.folders)
    return {int(found.group(1)) for found in matches if found}


def _gap(address: ArchiveAddress, code: str, detail: str) -> Gap:
    subject = GapSubject.ARCHIVES
    return Gap(subject=subject, zone=None, code=code, detail=f"{address.url}: {detail}")
