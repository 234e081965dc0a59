"""The way of every call: parameters, network, buckets, control plane, the effect, and back. Faults lie along it.

sent         hooks `before_effect`; a lost request ends here
admitted     buckets, overload, brownout, a disrupted zone: refused, with no effect
carried out  the one place that changes the truth
answered     hooks `after_effect`; the reply, or what became of it
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from providers.simulated import refusals
from providers.simulated.chance import happens
from providers.simulated.changes import Cause
from providers.simulated.control_plane import ControlPlane
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import (
    Brownout,
    Copy,
    ErrorAfterEffect,
    Fault,
    NotFoundForExisting,
    RequestDelayed,
    RequestLost,
    RequestRepeated,
    ResponseLost,
    Throttled,
    ZoneDisrupted,
)
from providers.simulated.outages import ImageUnknown, OperationsOff
from providers.simulated.parameters import check_parameters
from providers.simulated.refusals import Refused
from providers.simulated.throttling import Throttling
from providers.simulated.touching import exists, ids_named, zones_named
from providers.simulated.world import World

Reply = dict[str, Any]
Effect = Callable[[Mapping[str, Any]], Reply]

Kind = TypeVar("Kind", bound=Fault)

READING = ("Describe", "Get")
OTHER_SERVICES = ("GetCallerIdentity", "GetParameters", "GetMetricData")
"""Neither EC2's buckets nor trouble in a zone concern them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `number` counts from 1; `zones` None is a call that names nothing in a zone.

    One that goes to another region has that as its only zone.
    """

    number: int
    operation: str
    parameters: Mapping[str, Any]
    zones: frozenset[str] | None
    region: str | None = None
    """Another region than the world's own."""

    @property
    def mutating(self) -> bool:
        """Whether the truth may be different afterwards."""
        return not self.operation.startswith(READING)


Hook = Callable[[Call], None]


class Gate:
    """Every call of every client goes through here, one at a time.

    A hook may raise whatever it likes: the caller then never comes to know how the call ended, as in a crash.
    """

    def __init__(
        self,
        world: World,
        faults: FaultPlan,
        throttling: Throttling,
        control_plane: ControlPlane,
    ) -> None:
        self._world = world
        self._faults = faults
        self._throttling = throttling
        self._control_plane = control_plane
        self._elsewhere: dict[str, Throttling] = {}
        self._turn = threading.RLock()
        self.before_effect: list[Hook] = []
        self.after_effect: list[Hook] = []
        self.counts: Counter[str] = Counter()
        """Calls by operation, failed ones too."""

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.counts.total()

    @property
    def mutating_calls(self) -> int:
        """How many calls could have changed something."""
        return sum(n for name, n in self.counts.items() if not name.startswith(READING))

    def call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        effect: Effect,
        *,
        region: str | None = None,
    ) -> Reply:
        """One call; with `region` it goes to another one, whose buckets and control plane are its own.

        Raises what boto3 raises: ClientError, BotoCoreError.
        """
        with self._turn:
            check_parameters(operation, parameters)
            self.counts[operation] += 1
            call = Call(
                number=self.calls,
                operation=operation,
                parameters=parameters,
                zones=frozenset({region}) if region else zones_named(self._world, parameters),
                region=region,
            )
            try:
                return self._answered(call, effect)
            except Refused as refusal:
                raise self._client_error(call, refusal) from refusal

    def pass_over(self, operation: str) -> None:
        """Count a read whose answer is known, with the time and the token that it takes; no fault comes to bear."""
        call = Call(number=self.calls + 1, operation=operation, parameters={}, zones=None)
        self.counts[operation] += 1
        for hook in self.before_effect:
            hook(call)
        self._control_plane.serve(operation)
        if operation not in OTHER_SERVICES:
            self._throttling.take_request(operation, unbounded_list=False)
        for hook in self.after_effect:
            hook(call)

    def _answered(self, call: Call, effect: Effect) -> Reply:
        for hook in self.before_effect:
            hook(call)
        overtaken = self._arrive(call, effect)
        self._hold_switched_off(call)
        in_time = call.region is not None or self._control_plane.serve(call.operation)
        try:
            fails_after = self._admit(call)
            reply = self._carry_out(call, effect)
        except Refused:
            if in_time:
                raise
            raise self._no_answer() from None  # The refusal comes when nobody waits any more.
        for hook in self.after_effect:
            hook(call)
        if not in_time:
            raise self._no_answer()
        reply = self._repeat(call, effect, reply, overtaken)
        if fails_after:
            raise Refused("Unavailable", "The server is overloaded and can't handle it.", 503)
        if self._strikes(ResponseLost, call):
            raise self._no_answer()
        if error := self._strikes(ErrorAfterEffect, call):
            raise Refused(error.code, "An internal error has occurred", 500)
        return reply

    # Along the way.

    def _arrive(self, call: Call, effect: Effect) -> RequestRepeated | None:
        """Raises BotoCoreError when the call does not arrive in time; else the fault by which only a copy arrives."""
        if lost := self._strikes(RequestLost, call):
            if not lost.connected:
                raise EndpointConnectionError(endpoint_url=self._endpoint)
            raise self._no_answer()
        if call.mutating and (late := self._strikes(RequestDelayed, call)):
            self._world.later(late.delay, lambda: self._in_vain(call, effect, late))
            raise ConnectionClosedError(endpoint_url=self._endpoint)
        return self._repeated(call, Copy.OVERTAKEN)

    def _admit(self, call: Call) -> bool:
        """Let the call in, or raise Refused. True when a fault will hit it after its effect."""
        if self._strikes(Throttled, call):
            raise refusals.throttled()
        if call.operation not in OTHER_SERVICES:
            unbounded = not {"Filters", "MaxResults"} & call.parameters.keys()
            self._throttling_in(call.region).take_request(
                call.operation, unbounded_list=unbounded and not ids_named(call.parameters)
            )
        if call.region is None and self._control_plane.refuses(call.operation):
            raise Refused("Unavailable", "The server is overloaded and can't handle it.", 503)
        fails_after = False
        if brownout := self._strikes(Brownout, call):
            fails_after = happens(self._world.chance, brownout.after_effect)
            if not fails_after:
                raise Refused("Unavailable", "The server is overloaded and can't handle it.", 503)
        self._refuse_disrupted(call)
        if self._switched_off(call, times_out=False):
            raise Refused("Unavailable", "The service is unavailable in this zone.", 503)
        self._refuse_unknown_image(call)
        self._refuse_unseen(call)
        return fails_after

    def _refuse_disrupted(self, call: Call) -> None:
        """While a zone is in trouble, a call that names something there, or a list without ids, fails as a whole."""
        if call.operation in ("DescribeAvailabilityZones", *OTHER_SERVICES) or call.region:
            return
        if call.operation == "RunInstances" and call.zones is not None:
            return  # Refused for lack of capacity, by `capacity`.
        named = bool(ids_named(call.parameters))
        for fault in self._faults.on(ZoneDisrupted):
            if fault.when.operations is not None and call.operation not in fault.when.operations:
                continue
            zones = fault.when.zones or frozenset(self._world.layout.zones)
            whole = not named and (call.zones is None or not fault.lists_by_zone)
            if whole or (call.zones is not None and not zones.isdisjoint(call.zones)):
                self._faults.count(fault, call.operation)
                raise Refused("Unavailable", "The service is unavailable in this zone.", 503)

    def _hold_switched_off(self, call: Call) -> None:
        """What is switched off without an answer is never carried out."""
        if self._switched_off(call, times_out=True):
            self._control_plane.hold(call.operation)
            raise self._no_answer()

    def _switched_off(self, call: Call, *, times_out: bool) -> bool:
        if call.region is not None or not self._faults.on(OperationsOff):
            return False

        def concerns(fault: OperationsOff) -> bool:
            somewhere = fault.when.zones is None or call.zones is not None
            return somewhere and fault.times_out is times_out

        return (
            self._faults.strikes(
                OperationsOff, call.operation, zones=call.zones, call=call.number, fits=concerns
            )
            is not None
        )

    def _refuse_unknown_image(self, call: Call) -> None:
        image = call.parameters.get("ImageId")
        if image is not None and self._faults.strikes(
            ImageUnknown, call.operation, fits=lambda fault: image in fault.images
        ):
            raise Refused("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")

    def _refuse_unseen(self, call: Call) -> None:
        """An id that exists is not found: the part of EC2 that was asked has not heard of it yet."""
        ids = ids_named(call.parameters)
        if not self._faults.on(NotFoundForExisting):
            return
        for identifier in ids:
            if exists(self._world, identifier) and self._strikes(NotFoundForExisting, call):
                raise refusals.not_found(identifier)

    def _carry_out(self, call: Call, effect: Effect) -> Reply:
        if call.mutating:
            reply = self._world.effect(Cause.CALL, lambda: effect(call.parameters))
        else:
            reply = effect(call.parameters)
        return {**reply, "ResponseMetadata": self._metadata(call, 200)}

    def _repeat(
        self, call: Call, effect: Effect, first: Reply, overtaken: RequestRepeated | None
    ) -> Reply:
        """The request may arrive a second time; of a copy that comes at once the caller hears the answer."""
        if overtaken is None and self._repeated(call, Copy.AT_ONCE) is not None:
            return self._carry_out(call, effect)
        again = overtaken or self._repeated(call, Copy.AFTER_THE_ANSWER)
        if again is not None and again.delay:
            self._world.later(again.delay, lambda: self._in_vain(call, effect, again))
        elif again is not None:
            self._in_vain(call, effect, again)
        return first

    def _repeated(self, call: Call, copy: Copy) -> RequestRepeated | None:
        if not call.mutating:
            return None
        return self._faults.strikes(
            RequestRepeated,
            call.operation,
            zones=self._touched(call),
            call=call.number,
            fits=lambda fault: fault.copy is copy,
        )

    def _in_vain(self, call: Call, effect: Effect, fault: Fault) -> None:
        """Carried out with nobody there to hear the answer."""
        self._faults.tell(fault, f"late: {call.operation}")
        try:
            self._carry_out(call, effect)
        except Refused:
            return

    # Small steps.

    def _throttling_in(self, region: str | None) -> Throttling:
        if region is None:
            return self._throttling
        return self._elsewhere.setdefault(region, Throttling(self._world.clock))

    def _strikes(self, kind: type[Kind], call: Call) -> Kind | None:
        return self._faults.strikes(
            kind, call.operation, zones=self._touched(call), call=call.number
        )

    def _touched(self, call: Call) -> frozenset[str]:
        """What names no zone touches all of this region's, and no other region."""
        return call.zones or frozenset(self._world.layout.zones)

    @property
    def _endpoint(self) -> str:
        return self._world.layout.endpoint

    def _no_answer(self) -> ReadTimeoutError:
        return ReadTimeoutError(endpoint_url=self._endpoint)

    def _metadata(self, call: Call, status: int) -> Reply:
        return {
            "RequestId": f"req-{call.number:08d}",
            "HTTPStatusCode": status,
            "HTTPHeaders": {"date": f"{self._world.now:%a, %d %b %Y %H:%M:%S GMT}"},
            "RetryAttempts": 0,
        }

    def _client_error(self, call: Call, refusal: Refused) -> ClientError:
        reply: Any = {
            "Error": {"Code": refusal.code, "Message": refusal.message},
            "ResponseMetadata": self._metadata(call, refusal.status),
        }
        return ClientError(reply, call.operation)
