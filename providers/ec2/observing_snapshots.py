"""The snapshots of a cell: ours, and those that anybody made of our volumes; and our copies in another region."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from providers.ec2.calls import Calls
from providers.ec2.lists import PAGE, Lists
from providers.ec2.observing import OWNER_TAG, UNREACHABLE
from providers.errors import CloudError, CredentialsError, EndpointUnreachable
from providers.observed import Gap, GapSubject, Snapshot, SnapshotList

REFUSED = "CredentialsRefused"


def observe_snapshots(
    calls: Calls, lists: Lists, *, owner: str, volume_ids: Collection[str], now: datetime
) -> SnapshotList:
    """One list of all snapshots of the account, of which ours are kept: it costs pages, never calls for each volume.

    A list that fails is a gap, a missing permission too: without backups the rest is healed all the same. Raises
    CredentialsError.
    """
    volumes = frozenset(volume_ids)

    def concerns_us(snapshot: Snapshot) -> bool:
        return snapshot.tags.get(OWNER_TAG) == owner or snapshot.volume_id in volumes

    found: dict[str, Snapshot] = {}
    gap = None
    try:
        everything = lists.snapshots(PAGE)
        found = {key: item for key, item in everything.items() if concerns_us(item)}
    except EndpointUnreachable as error:
        gap = _gap(UNREACHABLE, str(error))
    except CloudError as error:
        gap = _gap(error.code, f"{error.operation}: {error.message}")
    return SnapshotList(as_of=now, snapshots=found, gap=gap, calls=dict(calls.counts))


def observe_copies(
    calls: Calls, lists: Callable[[], Lists], *, owner: str, region: str, now: datetime
) -> SnapshotList:
    """One list of ours in another region; anything that fails is a gap, for what is there is needed by nothing here.

    A region that refuses credentials which were verified (one that is not enabled does) speaks of itself alone.
    """
    found: dict[str, Snapshot] = {}
    gap = None
    ours = {"Name": f"tag:{OWNER_TAG}", "Values": [owner]}
    try:
        found = lists().snapshots({"Filters": [ours], **PAGE})
    except EndpointUnreachable as error:
        gap = _gap(UNREACHABLE, str(error), region)
    except CredentialsError as error:
        gap = _gap(REFUSED, str(error), region)
    except CloudError as error:
        gap = _gap(error.code, f"{error.operation}: {error.message}", region)
    return SnapshotList(as_of=now, snapshots=found, gap=gap, calls=dict(calls.counts))


def _gap(code: str, detail: str, region: str | None = None) -> Gap:
    subject = GapSubject.SNAPSHOTS if region is None else GapSubject.COPIES
    return Gap(subject=subject, zone=region, code=code, detail=detail)
