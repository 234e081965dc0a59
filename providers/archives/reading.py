"""Reading archives: which incarnations have one, and what the newest of them hold.

observe_archives      each address for itself: one that can't be read is a gap, and spoils no other
  incarnations        one list of what comes where `{incarnation}` stands
  states              newest first, down to the first that is usable
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
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
        found: dict[str, ArchiveHistory] = {}
        gaps: dict[str, Gap] = {}
        for address in addresses:
            try:
                found[address.url] = _history(self.store, address, now)
            except CloudError as error:
                gaps[address.url] = _gap(address, error.code, f"{error.operation}: {error.message}")
            except EndpointUnreachable as error:
                gaps[address.url] = _gap(address, UNREACHABLE, str(error))
            except UnreadableDocumentError as error:
                gaps[address.url] = _gap(address, UNREADABLE, str(error))
        calls = {
            name: count - before.get(name, 0)
            for name, count in self.store.counts.items()
            if count > before.get(name, 0)
        }
        return ArchiveList(as_of=now, archives=found, gaps=gaps, calls=calls)


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
