"""The kinds of faults that a seed chooses from: for each a way to draw when, where, how often and how badly."""

from __future__ import annotations

import random  # noqa: TID251 - handed in by the draw, which makes it from the seed
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from providers.simulated import faults
from providers.simulated.faults import Copy, Fault, Meddling, When

MINUTE = timedelta(minutes=1)
ZONES = ("use1-az1", "use1-az2", "use1-az4")
TYPES = ("m6i.large", "m5.large")
LAGS_S = (30, 60, 120, 300)
FLEETS_ARE_UP = timedelta(minutes=8)
"""What befalls instances finds none before."""
CHANGING = frozenset(
    {
        "RunInstances",
        "TerminateInstances",
        "StopInstances",
        "StartInstances",
        "RebootInstances",
        "AttachVolume",
        "DetachVolume",
        "CreateTags",
        "ModifyInstanceAttribute",
        "ModifyInstanceMetadataOptions",
        "CreateSnapshot",
        "DeleteSnapshot",
    }
)


def _when(
    chance: random.Random,
    chaos: timedelta,
    *,
    share: tuple[float, float],
    lasting: tuple[float, float] = (0.3, 1.0),
    zones: bool = False,
    not_before: timedelta = timedelta(),
    operations: frozenset[str] | None = None,
) -> When:
    begins = not_before + (chaos - not_before) * chance.uniform(0.0, 0.6)
    some = chance.sample(ZONES, chance.randrange(1, 3))
    return When(
        since=begins,
        until=begins + chaos * chance.uniform(*lasting),
        share=chance.uniform(*share),
        zones=frozenset(some) if zones and chance.random() < 0.7 else None,
        operations=operations,
    )


def _some_calls(chance: random.Random, chaos: timedelta, *, of_all: tuple[float, float]) -> When:
    """Of all calls a share as given, or a far larger one of those alone that change something."""
    if chance.random() < 0.5:
        return _when(chance, chaos, share=of_all)
    return _when(chance, chaos, share=(0.2, 0.7), operations=CHANGING)


Drawing = Callable[[random.Random, timedelta], tuple[Fault, ...]]


def _request_lost(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    connected = chance.random() < 0.7
    when = _some_calls(chance, chaos, of_all=(0.02, 0.2))
    return (faults.RequestLost(when=when, connected=connected),)


def _response_lost(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    return (faults.ResponseLost(when=_some_calls(chance, chaos, of_all=(0.02, 0.2))),)


def _repeated(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    return tuple(
        faults.RequestRepeated(
            when=_when(chance, chaos, share=(0.2, 0.6), lasting=(0.5, 1.0)),
            copy=copy,
            delay=chance.choice((timedelta(), MINUTE, 3 * MINUTE)),
        )
        for copy in Copy
    )


def _delayed(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    delay = chance.uniform(0.2, 4.0) * MINUTE
    return (faults.RequestDelayed(when=_when(chance, chaos, share=(0.05, 0.4)), delay=delay),)


def _error_after(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    return (faults.ErrorAfterEffect(when=_some_calls(chance, chaos, of_all=(0.05, 0.4))),)


def _throttled(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    return (faults.Throttled(when=_some_calls(chance, chaos, of_all=(0.05, 0.4))),)


def _brownout(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    operations = CHANGING if chance.random() < 0.5 else None
    when = _when(chance, chaos, share=(0.3, 0.95), lasting=(0.2, 0.6), operations=operations)
    return (faults.Brownout(when=when, slower=chance.choice((3.0, 20.0))),)


def _stale(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    lag = timedelta(seconds=chance.choice(LAGS_S))
    return (faults.StaleReads(when=_when(chance, chaos, share=(0.1, 1.0)), lag=lag),)


def _goes_back(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    lag = timedelta(seconds=chance.choice(LAGS_S))
    return (faults.ReadsGoBack(when=_when(chance, chaos, share=(0.1, 1.0)), lag=lag),)


def _not_found(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    """In spells that are shorter than the time that EC2 asks its callers to allow: that is what proofs rest on."""
    spells, begins = [], chaos * chance.uniform(0.0, 0.2)
    while begins < chaos:
        until = begins + chance.uniform(1.0, 4.5) * MINUTE
        share = chance.uniform(0.1, 0.9)
        spells.append(faults.NotFoundForExisting(when=When(since=begins, until=until, share=share)))
        begins = until + chance.uniform(8.0, 20.0) * MINUTE
    return tuple(spells)


def _missed(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    period = chance.uniform(1.0, 5.0) * MINUTE
    return (faults.TransitionsMissed(when=_when(chance, chaos, share=(1.0, 1.0)), period=period),)


def _pages(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    trouble = chance.choice(tuple(faults.PageTrouble))
    return (faults.PageLost(when=_when(chance, chaos, share=(0.1, 0.6)), trouble=trouble),)


def _short(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    kept = chance.choice((0.0, 0.3, 0.7))
    return (faults.ListShort(when=_when(chance, chaos, share=(0.1, 0.9)), kept=kept),)


def _capacity(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    when = _when(chance, chaos, share=(0.3, 1.0), zones=True)
    types = frozenset({chance.choice(TYPES)}) if chance.random() < 0.5 else None
    kinds: tuple[Fault, ...] = (
        faults.CapacityShort(when=when, types=types),
        faults.QuotaReached(when=when),
        faults.LaunchDies(when=when),
    )
    return tuple(chance.sample(kinds, chance.randrange(1, 3)))


def _attachments(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    """Sick instances too, since data moves only then. Some of the calls that move it are not answered, which is when a
    hanging attachment is hardest to tell.
    """
    begins = FLEETS_ARE_UP + (chaos - FLEETS_ARE_UP) * chance.uniform(0.0, 0.3)
    when = When(since=begins, until=chaos, share=chance.uniform(0.3, 1.0))
    sick = replace(when, share=chance.uniform(0.4, 0.8))
    moves = frozenset({"AttachVolume", "DetachVolume"})
    unheard = replace(when, operations=moves, share=chance.uniform(0.4, 0.9))
    others: tuple[Fault, ...] = (
        faults.AttachStuck(when=when),
        faults.DetachBusy(when=when),
        faults.DeviceClash(when=when),
        faults.WrongDevice(when=when),
    )
    return (
        faults.InstancesSick(when=sick, guest=chance.choice(("dead", "hung"))),
        faults.ResponseLost(when=unheard),
        chance.choice((faults.AttachStuck(when=when), faults.DetachStuck(when=when))),
        *chance.sample(others, chance.randrange(1, 4)),
    )


WITH_SNAPSHOTS = (
    Meddling.DELETE_SNAPSHOT,
    Meddling.TAKE_SNAPSHOT,
    Meddling.IMITATE_SNAPSHOT,
    Meddling.RELABEL_SNAPSHOT,
)


def _snapshots(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    longer = chance.choice((5, 30, 180)) * MINUTE
    kinds: tuple[Fault, ...] = (
        faults.SnapshotSlow(when=_when(chance, chaos, share=(0.3, 1.0)), longer=longer),
        faults.SnapshotFails(when=_when(chance, chaos, share=(0.3, 1.0))),
        *(
            faults.SnapshotsByHand(
                when=_when(chance, chaos, share=(0.5, 1.0)),
                what=what,
                every=chance.uniform(3.0, 15.0) * MINUTE,
            )
            for what in WITH_SNAPSHOTS
        ),
    )
    return tuple(chance.sample(kinds, chance.randrange(2, 5)))


def _sick(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    def when() -> When:
        # Long enough for a replacement: trouble that passes is not answered with one.
        return _when(
            chance,
            chaos,
            share=(0.4, 1.0),
            lasting=(0.4, 1.2),
            zones=chance.random() < 0.5,
            not_before=FLEETS_ARE_UP,
        )

    guests = ("dead", "dead", "hung", "hung", "unreachable", "misjudged")
    instances = [
        faults.InstancesSick(when=when(), guest=chance.choice(guests))
        for _ in range(chance.randrange(1, 4))
    ]
    volumes = faults.VolumesSick(when=when(), io=chance.choice(("stalled", "slow")))
    return (*instances, volumes) if chance.random() < 0.4 else tuple(instances)


def _zones(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    when = _when(chance, chaos, share=(1.0, 1.0), lasting=(0.1, 0.5), zones=True)
    kinds: tuple[Fault, ...] = (
        faults.ZoneDisrupted(
            when=when,
            instances_down=chance.random() < 0.5,
            lists_by_zone=chance.random() < 0.7,
        ),
        faults.ZonePartitioned(when=when),
        faults.RegionSaturated(when=when, others=chance.choice((120, 400))),
    )
    return (chance.choice(kinds),)


BY_HAND = (
    Meddling.TERMINATE,
    Meddling.STOP,
    Meddling.START,
    Meddling.ATTACH,
    Meddling.DETACH,
    Meddling.EDIT_TAGS,
    Meddling.REMOVE_TAGS,
)


def _by_hand(chance: random.Random, chaos: timedelta) -> tuple[Fault, ...]:
    every = chance.uniform(5.0, 30.0) * MINUTE
    return (
        faults.ByHand(
            when=_when(chance, chaos, share=(0.5, 1.0), not_before=FLEETS_ARE_UP),
            what=chance.choice(BY_HAND),
            every=every,
        ),
    )


MENU: Mapping[str, Drawing] = {
    "F4": _request_lost,
    "F5": _response_lost,
    "F6": _repeated,
    "F7": _delayed,
    "F8": _error_after,
    "F9": _throttled,
    "F10": _brownout,
    "F11": _stale,
    "F12": _goes_back,
    "F13": _not_found,
    "F14": _missed,
    "F15": _pages,
    "F16": _short,
    "F17": _capacity,
    "F18": _attachments,
    "F19": _snapshots,
    "F20": _sick,
    "F21": _zones,
    "F24": _by_hand,
}
"""By the number in the fault model of the reliability reference."""
