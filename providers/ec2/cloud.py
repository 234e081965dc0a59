"""EC2 as the core sees it: one account in one region through one endpoint.

cloud = Ec2Cloud(AwsSession().clients("us-east-1"), account="210987654321", region="us-east-1")
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from providers.ec2.calls import Calls, UnknownCodes
from providers.ec2.interning import InternedCell
from providers.ec2.lists import Lists
from providers.ec2.observing import Observing
from providers.ec2.observing_snapshots import observe_copies, observe_snapshots
from providers.ec2.observing_volumes import observe_volume_io, observe_volume_status
from providers.ec2.reading_by_id import read_by_id
from providers.ec2.sending import Sender
from providers.ec2.session import CellClients
from providers.ec2.zones_left_out import ZonesLeftOut
from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)
from providers.observed import (
    CellIdentity,
    Instance,
    Observation,
    Presence,
    Snapshot,
    SnapshotList,
    Volume,
    VolumeIoList,
    VolumeStatusList,
)
from providers.port import Receipt
from providers.requests import LaunchInstance, Request
from providers.spare_calls import SpareCalls, Unbounded


class Ec2Cloud:
    """Implements providers.port.Cloud. May be used from several threads.

    `account` is the one that the desired state names; nothing is read or done with credentials for another. `spare` is
    asked before a call that trouble adds to what is always asked.
    """

    def __init__(
        self,
        clients: CellClients,
        *,
        account: str,
        region: str,
        spare: SpareCalls | None = None,
    ) -> None:
        self._clients = clients
        self._cell = CellIdentity(account=account, region=region, endpoint=clients.endpoint)
        self._unknown_codes = UnknownCodes()
        self._verifying = threading.Lock()
        self._verified_credentials: str | None = None
        self._zone_ids: Mapping[str, str] = {}
        self._interned = InternedCell()
        self._left_out = ZonesLeftOut()
        self._spare = spare or Unbounded()

    @property
    def unknown_error_codes(self) -> Mapping[str, int]:
        """Codes of EC2 that the table does not know, and how often each was seen."""
        return self._unknown_codes.counts()

    def identity(self) -> CellIdentity:
        """Verified with STS once for each credential.

        Raises CredentialsError (also for another account), EndpointUnreachable or CloudError.
        """
        credential = self._clients.credential_key()
        with self._verifying:
            if credential != self._verified_credentials:
                self._verify_account()
                self._verified_credentials = credential
        return self._cell

    def observe(self, *, owner: str, image_parameters: Iterable[str], now: datetime) -> Observation:
        """All that carries our owner tag; what could not be read is a gap.

        Raises CredentialsError, EndpointUnreachable, and CloudError of class DENIED, which names the permission.
        """
        cell = self.identity()
        calls = self._calls()
        observing = Observing(
            calls=calls,
            lists=self._lists(calls),
            zone_ids=self._zone_ids,
            interned=self._interned,
            left_out=self._left_out,
            now=now,
        )
        observation = observing.observation(
            cell=cell, owner=owner, image_parameters=image_parameters
        )
        self._zone_ids = observing.zone_ids
        return observation

    def observe_snapshots(
        self, *, owner: str, volume_ids: Collection[str], now: datetime
    ) -> SnapshotList:
        """Ours, and those of these volumes whoever made them; a list that fails is a gap. Raises as `identity` does."""
        self.identity()
        calls = self._calls()
        lists = self._lists(calls)
        return observe_snapshots(calls, lists, owner=owner, volume_ids=volume_ids, now=now)

    def observe_copies(self, *, owner: str, region: str, now: datetime) -> SnapshotList:
        """Ours in another region; whatever fails there is a gap. Raises as `identity` does."""
        self.identity()
        calls = self._calls()
        return observe_copies(
            calls, lambda: self._lists(calls, region), owner=owner, region=region, now=now
        )

    def observe_volume_status(
        self, *, volume_ids: Collection[str], now: datetime
    ) -> VolumeStatusList:
        """The status of these volumes; what could not be read is a gap. Raises as `identity` does."""
        self.identity()
        calls = self._calls()
        lists = self._lists(calls)
        observing = Observing(
            calls=calls,
            lists=lists,
            zone_ids=self._zone_ids,
            interned=self._interned,
            left_out=self._left_out,
            now=now,
        )
        return observe_volume_status(
            observing, calls, lists, self._interned, volume_ids=volume_ids, now=now
        )

    def observe_volume_io(self, *, volume_ids: Collection[str], now: datetime) -> VolumeIoList:
        """The metrics of these volumes; a failure is a gap. Raises as `identity` does."""
        self.identity()
        return observe_volume_io(self._calls(), self._clients, volume_ids=volume_ids, now=now)

    def read_instances(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Instance | None]]:
        """Each id read by name. Raises CredentialsError, and CloudError of class DENIED."""
        lists = self._lists(self._calls())

        def read(batch: Sequence[str]) -> Mapping[str, Instance]:
            zone_ids = self._verified_zone_ids(lists)
            return lists.instances(zone_ids, {"InstanceIds": list(batch)})

        return read_by_id(ids, read, self._spare)

    def read_volumes(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Volume | None]]:
        """Each id read by name. Raises CredentialsError, and CloudError of class DENIED."""
        lists = self._lists(self._calls())

        def read(batch: Sequence[str]) -> Mapping[str, Volume]:
            zone_ids = self._verified_zone_ids(lists)
            return lists.volumes(zone_ids, {"VolumeIds": list(batch)})

        return read_by_id(ids, read, self._spare)

    def read_snapshots(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        """Each id read by name. Raises CredentialsError, and CloudError of class DENIED."""
        lists = self._lists(self._calls())

        def read(batch: Sequence[str]) -> Mapping[str, Snapshot]:
            self.identity()
            return lists.snapshots({"SnapshotIds": list(batch)})

        return read_by_id(ids, read, self._spare)

    def read_copies(
        self, ids: Iterable[str], *, region: str
    ) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        """Each id read by name in another region. Raises CloudError of class DENIED."""
        calls = self._calls()

        def read(batch: Sequence[str]) -> Mapping[str, Snapshot]:
            try:
                return self._lists(calls, region).snapshots({"SnapshotIds": list(batch)})
            except CredentialsError as error:
                # Refused by that region, e.g. one that is not enabled: no word about the credentials in this one.
                raise EndpointUnreachable(str(error)) from error

        return read_by_id(ids, read, self._spare)

    def find_launch(self, request: LaunchInstance) -> Instance | None:
        """The instance of this client token; where the token was used in several zones, the one in the request's.

        Raises CredentialsError, EndpointUnreachable or CloudError; moto, which lacks the filter, answers with a fault.
        """
        lists = self._lists(self._calls())
        token = {"Name": "client-token", "Values": [request.client_token]}
        found = lists.instances(self._verified_zone_ids(lists), {"Filters": [token]})
        return max(
            found.values(),
            key=lambda item: (item.zone == request.zone, item.alive, item.id),
            default=None,
        )

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        """Send one mutating request once. Raises CloudError; with the code NOT_SENT nothing left this machine."""
        self._verify_before(request)
        sender = Sender(calls=self._calls(), clients=self._clients, account=self._cell.account)
        return sender.send(request, user_data)

    def _calls(self) -> Calls:
        return Calls(self._unknown_codes, self._spare)

    def _lists(self, calls: Calls, region: str | None = None) -> Lists:
        """Of the cell's own region, or of another. Raises EndpointUnreachable, CredentialsError when there is none."""
        clients = self._clients
        if region is not None:
            clients = replace(clients, ec2=clients.ec2_in(region))
        return Lists(
            calls=calls,
            clients=clients,
            account=self._cell.account,
            interned=self._interned,
        )

    def _verify_account(self) -> None:
        reply = self._calls().send(self._clients.sts.get_caller_identity)
        if (account := reply.get("Account")) != self._cell.account:
            raise CredentialsError(
                f"the credentials are for account {account} ({reply.get('Arn')}), the desired state is for account "
                f"{self._cell.account}. Use credentials of {self._cell.account}, or correct spec.placement.account"
            )

    def _verify_before(self, request: Request) -> None:
        """A write never goes out under credentials that were not verified. Raises CloudError."""
        try:
            self.identity()
        except CredentialsError as error:
            raise _not_sent(request, str(error), RetryClass.DENIED) from error
        except EndpointUnreachable as error:
            raise _not_sent(request, str(error), RetryClass.TRANSIENT) from error
        except CloudError as error:
            raise _not_sent(request, str(error), error.retry) from error

    def _verified_zone_ids(self, lists: Lists) -> Mapping[str, str]:
        """Zone ids for a read by id. The account first: to another one, everything of ours is NotFound."""
        self.identity()
        if not self._zone_ids:
            self._zone_ids = {zone.name: zone.id for zone in lists.zones().values()}
        return self._zone_ids


def _not_sent(request: Request, message: str, retry: RetryClass) -> CloudError:
    return CloudError(operation=request.kind, code=NOT_SENT, message=message, retry=retry)
