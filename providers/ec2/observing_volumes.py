"""How the volumes of a cell serve reads and writes: their status, and the metrics of those that are suspected."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from providers.ec2.calls import Calls
from providers.ec2.interning import InternedCell
from providers.ec2.lists import Lists
from providers.ec2.metrics import volume_io
from providers.ec2.observing import UNREACHABLE, Observing
from providers.ec2.session import CellClients
from providers.errors import CloudError, EndpointUnreachable
from providers.observed import Gap, GapSubject, VolumeIoList, VolumeStatusList, Zone


def observe_volume_status(
    observing: Observing,
    calls: Calls,
    lists: Lists,
    interned: InternedCell,
    *,
    volume_ids: Collection[str],
    now: datetime,
) -> VolumeStatusList:
    """One list of all volumes of the account, of which these are kept: a status knows no tags, and ids no pages.

    When the service fails it as a whole, zones are asked. A failure is a gap, a missing permission too: without it the
    rest is healed all the same. Raises CredentialsError.
    """
    zones = {
        id_: Zone(id=id_, name=name, state="unknown") for name, id_ in observing.zone_ids.items()
    }
    try:
        found = observing.by_zone_if_need_be(
            GapSubject.VOLUME_STATUS, lists.volume_status, [], zones
        )
    except CloudError as denied:
        observing.gaps.append(_gap(GapSubject.VOLUME_STATUS, denied))
        found = {}
    wanted = frozenset(volume_ids)
    return VolumeStatusList(
        as_of=now,
        statuses=interned.volume_status.listed(
            {id_: status for id_, status in found.items() if id_ in wanted},
            whole=not observing.gaps,
        ),
        gaps=tuple(observing.gaps),
        calls=dict(calls.counts),
    )


def observe_volume_io(
    calls: Calls, clients: CellClients, *, volume_ids: Collection[str], now: datetime
) -> VolumeIoList:
    """The last minutes of these volumes in CloudWatch. A failure, whatever it is, is a gap. Raises CredentialsError."""
    readings, gap = {}, None
    try:
        readings = volume_io(calls, clients.cloudwatch(), sorted(volume_ids), now)
    except (CloudError, EndpointUnreachable) as error:
        gap = _gap(GapSubject.VOLUME_METRICS, error)
    return VolumeIoList(as_of=now, readings=readings, gap=gap, calls=dict(calls.counts))


def _gap(subject: GapSubject, error: CloudError | EndpointUnreachable) -> Gap:
    if isinstance(error, CloudError):
        detail = f"{error.operation}: {error.message}"
        return Gap(subject=subject, zone=None, code=error.code, detail=detail)
    return Gap(subject=subject, zone=None, code=UNREACHABLE, detail=str(error))
