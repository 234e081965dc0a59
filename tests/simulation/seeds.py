"""What a seed stands for: fleets, faults, deaths and people, all drawn at once from one source of chance.

Swarm testing: each seed switches a random set of kinds of faults on, with random intensity; a few have none.
"""

from __future__ import annotations

import random  # noqa: TID251 - a run's one source of chance, made from its seed
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from providers.simulated import faults
from providers.simulated.faults import Fault, Meddling
from tests.simulation.menu import BY_HAND, MENU, MINUTE, TYPES, ZONES

KINDS = (*MENU, "F1", "F2", "F26")
"""The others are the controller's own: it dies, dies again while it recovers, and its journal fails."""
SHARE_OF_SEEDS = 0.35
"""That each kind of fault is on in. The soak asks for a fifth at least."""
CALM_SHARE = 0.03
BACKED_UP_SHARE = 0.8
"""Of databases where no fault is about snapshots."""
COPIED_SHARE = 0.18
"""Of the seeds, where anything is backed up."""
TWOFOLD_SHARE = 0.2
"""Of the seeds: databases with snapshots and no archive have a second volume, for their log."""
ARCHIVED_SHARE = 0.3
"""Of the seeds: their databases archive what they write."""
ARCHIVED_ALONE_SHARE = 0.3
"""Of those, where no fault is about snapshots: the archive is the only backup."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSnapshots:
    """How often each data volume is backed up, and how long each grain is kept, by its name."""

    every: timedelta
    keep: Mapping[str, timedelta]
    copied: bool = False
    """To another region as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFleet:
    """A fleet as it is declared; see `declaration`. `snapshots` None and not `archived` is a claim without a backup."""

    name: str
    replicas: int
    zones: tuple[str, ...]
    types: tuple[str, ...]
    probe: bool
    rolling: bool
    reboots: bool
    restarts: bool
    stateful: bool
    snapshots: DrawnSnapshots | None
    launches_per_hour: int
    launches_per_day: int
    cutover_after: timedelta = 20 * MINUTE
    """How long a prepared restore waits for the original to recover."""
    archived: bool = False
    twofold: bool = False
    """Two claims, whose snapshots are taken together."""

    @property
    def backed_up(self) -> bool:
        """Whether its claims have a backup of any kind."""
        return self.archived or self.snapshots is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """What befalls archives. `reads_fail` is how likely those of one address can't be read within a minute."""

    reads_fail: float = 0.0
    bases_break_off: bool = False
    """No base backup is finished as long as there are faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """How likely something happens at a step of a call that changes something, and at a look: of these there are far
    more.
    """

    step: float = 0.0
    look: float = 0.0

    def at(self, *, step: bool) -> float:
        """At one of the two."""
        return self.step if step else self.look


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """How likely the controller dies at a point of its life, and at one of its first pass after a death."""

    usual: Likely = Likely()
    while_recovering: Likely = Likely()
    loses_store: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Everything that is drawn for a seed. `kinds` are the keys of the fault model that are on."""

    seed: int
    kinds: frozenset[str]
    fleets: tuple[DrawnFleet, ...]
    redeclared: tuple[DrawnFleet, ...] | None
    redeclared_after: timedelta
    faults: tuple[Fault, ...]
    deaths: Deaths
    meddling: Likely
    meddles: tuple[Meddling, ...]
    spoiling: float
    """How likely somebody does something to the snapshots of a volume just as a call about one is on its way."""
    journal_fails: float
    chaos: timedelta
    interval: timedelta
    archiving: Archiving = Archiving()
    prefixes: tuple[int, ...] = ()
    """How many actions of each of the first plans are carried out; of later plans all."""

    def __str__(self) -> str:
        fleets = ", ".join(f"{fleet.name} x {fleet.replicas}" for fleet in self.fleets)
        on = " ".join(sorted(self.kinds, key=lambda key: int(key[1:]))) or "none"
        minutes = self.chaos // MINUTE
        return f"seed {self.seed}: {fleets}; faults {on}; {minutes} min, a pass every {self.interval.seconds} s"


def drawn(seed: int) -> Draw:
    """The draw of a seed; always the same."""
    chance = random.Random(f"draw {seed}")
    chaos = chance.randrange(45, 150) * MINUTE
    kinds = _kinds(chance)
    fleets = _with_archives(seed, _with_copies(seed, _fleets(chance, kinds)), kinds)
    fleets = _with_two_claims(seed, fleets)
    stalling = any(fleet.archived or fleet.twofold for fleet in fleets)
    deaths = _deaths(chance, kinds)
    befalling = tuple(
        fault for key in sorted(kinds & MENU.keys()) for fault in MENU[key](chance, chaos)
    )
    meddles = tuple(item for item in BY_HAND if chance.random() < 0.5)
    if stalling:
        befalling += _stalls(seed, chaos)
    if deaths.loses_store:
        # Whoever takes our tags off while the store is lost leaves nothing that could tell what is ours.
        befalling = tuple(fault for fault in befalling if not _takes_tags_off(fault))
        meddles = tuple(item for item in meddles if item is not Meddling.REMOVE_TAGS)
    return Draw(
        seed=seed,
        kinds=kinds | {"F20"} if stalling else kinds,
        fleets=fleets,
        redeclared=_redeclared(chance, fleets) if chance.random() < 0.3 else None,
        redeclared_after=chaos * chance.uniform(0.3, 0.8),
        faults=befalling,
        deaths=deaths,
        meddling=Likely(step=chance.choice((0.02, 0.06)), look=0.0005)
        if "F24" in kinds
        else Likely(),
        meddles=meddles or (Meddling.TERMINATE,),
        spoiling=chance.choice((0.05, 0.2)) if "F19" in kinds else 0.0,
        journal_fails=chance.choice((0.02, 0.05)) if "F26" in kinds else 0.0,
        chaos=chaos,
        interval=timedelta(seconds=chance.choice((15, 20, 30))),
        archiving=_archiving(seed),
    )


def _with_copies(seed: int, fleets: tuple[DrawnFleet, ...]) -> tuple[DrawnFleet, ...]:
    """From a chance of its own, so that all else of a seed is as it was before there were copies."""
    if random.Random(f"copies {seed}").random() >= COPIED_SHARE:
        return fleets
    return tuple(
        fleet
        if fleet.snapshots is None
        else replace(fleet, snapshots=replace(fleet.snapshots, copied=True))
        for fleet in fleets
    )


def _with_archives(
    seed: int, fleets: tuple[DrawnFleet, ...], kinds: frozenset[str]
) -> tuple[DrawnFleet, ...]:
    """Likewise."""
    chance = random.Random(f"archives {seed}")
    if chance.random() >= ARCHIVED_SHARE:
        return fleets
    alone = chance.random() < ARCHIVED_ALONE_SHARE and "F19" not in kinds
    return tuple(
        replace(
            fleet,
            archived=True,
            snapshots=None if alone else fleet.snapshots,
            cutover_after=chance.randrange(3, 16) * MINUTE,
        )
        if fleet.stateful
        else fleet
        for fleet in fleets
    )


def _with_two_claims(seed: int, fleets: tuple[DrawnFleet, ...]) -> tuple[DrawnFleet, ...]:
    """Likewise."""
    chance = random.Random(f"twofold {seed}")
    if chance.random() >= TWOFOLD_SHARE:
        return fleets
    cutover_after = chance.randrange(3, 16) * MINUTE
    return tuple(
        replace(fleet, twofold=True, cutover_after=cutover_after)
        if fleet.snapshots and not fleet.archived
        else fleet
        for fleet in fleets
    )


def _stalls(seed: int, chaos: timedelta) -> tuple[Fault, ...]:
    """Volumes that stand still until restores are made: by chance alone few are."""
    chance = random.Random(f"stalls {seed}")
    begins = (chaos * chance.uniform(0.15, 0.6) for _ in range(chance.randrange(1, 4)))
    return tuple(
        faults.VolumesSick(
            when=faults.When(
                since=since,
                until=since + chaos * chance.uniform(0.2, 0.8),
                share=chance.uniform(0.4, 1.0),
            )
        )
        for since in begins
    )


def _archiving(seed: int) -> Archiving:
    chance = random.Random(f"archiving {seed}")
    return Archiving(
        reads_fail=chance.choice((0.0, 0.1, 0.6)), bases_break_off=chance.random() < 0.2
    )


def _takes_tags_off(fault: Fault) -> bool:
    return isinstance(fault, faults.ByHand) and fault.what is Meddling.REMOVE_TAGS


def _kinds(chance: random.Random) -> frozenset[str]:
    if chance.random() < CALM_SHARE:
        return frozenset()
    on = {key for key in KINDS if chance.random() < SHARE_OF_SEEDS}
    # There is no second death without a first, and no attachment moves while everybody is well.
    on |= {"F1"} if "F2" in on else set()
    on |= {"F20"} if "F18" in on else set()
    return frozenset(on)


def _fleets(chance: random.Random, kinds: frozenset[str]) -> tuple[DrawnFleet, ...]:
    with_data = (("db",), ("db", "web"))
    about_data = not kinds.isdisjoint({"F18", "F19"})
    which = chance.choice(with_data if about_data else (("web",), *with_data))
    return tuple(_fleet(chance, name, kinds) for name in which)


def _fleet(chance: random.Random, name: str, kinds: frozenset[str]) -> DrawnFleet:
    wide = chance.random() < 0.8
    backed_up = name == "db" and ("F19" in kinds or chance.random() < BACKED_UP_SHARE)
    return DrawnFleet(
        name=name,
        replicas=chance.randrange(1, 4),
        zones=tuple(sorted(chance.sample(ZONES, chance.randrange(1, 4)))),
        types=TYPES,
        probe=chance.random() < 0.7,
        rolling=name == "web" and chance.random() < 0.5,
        reboots=chance.random() < 0.25,
        restarts=chance.random() < 0.25,
        stateful=name == "db",
        snapshots=_snapshots(chance) if backed_up else None,
        launches_per_hour=8 if wide else 2,
        launches_per_day=40 if wide else 4,
    )


def _snapshots(chance: random.Random) -> DrawnSnapshots:
    """So often, and kept for so short a time, that they come and go within a run."""
    every = chance.randrange(5, 16) * MINUTE
    keep = {"all": every * chance.randrange(2, 5)}
    if chance.random() < 0.3:
        keep["hourly"] = chance.randrange(2, 5) * HOUR
    return DrawnSnapshots(every=every, keep=keep)


def _redeclared(
    chance: random.Random, fleets: tuple[DrawnFleet, ...]
) -> tuple[DrawnFleet, ...] | None:
    """Another number of web servers, or another type for them."""
    web = [fleet for fleet in fleets if fleet.name == "web"]
    if not web:
        return None
    change = chance.choice(("more", "fewer", "types"))
    if change == "types":
        other = replace(web[0], types=("m7i.large",))
    else:
        other = replace(web[0], replicas=max(1, web[0].replicas + (1 if change == "more" else -1)))
    return tuple(other if fleet is web[0] else fleet for fleet in fleets)


def _deaths(chance: random.Random, kinds: frozenset[str]) -> Deaths:
    if "F1" not in kinds:
        return Deaths()
    usual = Likely(step=chance.choice((0.02, 0.04, 0.08)), look=chance.choice((0.0002, 0.001)))
    return Deaths(
        usual=usual,
        while_recovering=Likely(step=0.15, look=0.02) if "F2" in kinds else usual,
        loses_store=chance.choice((0.0, 0.0, 0.2)),
    )
