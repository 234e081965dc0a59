"""Puts the parts together: settings, desired state, store, cells, clock. The composition root; decides nothing.

look       every cell assessed, nothing changed            plan, status, explain, observe
hold       every cell held by this process, ready to act    apply
guard      a runner over all cells                          run
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, cast

from desired_state.load import load
from desired_state.model import DesiredState
from providers.archives.reading import StoredArchives
from providers.archives.s3 import S3Objects
from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import AwsSession
from providers.observed import CellIdentity
from providers.probes.network import NetworkProber
from providers.spare_calls import SpareCalls, Unbounded
from reconciler.clock import SystemClock, system_randomness
from reconciler.execution.handlers import STANDARD, Handlers
from reconciler.execution.loading import load_handlers
from reconciler.execution.retrying import Metered, RetryBudget
from reconciler.loop.assess import Assessment, Senses, assess
from reconciler.loop.cells import Cell, places_of
from reconciler.loop.declared import Declared
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.loop.runner import Runner
from reconciler.loop.sentinels import sentinel
from reconciler.settings import Settings
from reconciler.store.leases import Holder, this_process
from reconciler.store.store import Store

if TYPE_CHECKING:  # A dry run does without structlog, which takes 5 MB and 60 ms.
    from structlog.typing import FilteringBoundLogger

RETRIES_BY_HAND = 30
"""A minute, while a person waits for an `apply`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How cells are reached: settings, one boto3 session for all, the store, and the handlers in force."""

    settings: Settings
    session: AwsSession
    store: Store
    handlers: Handlers

    def cell(self, account: str, region: str, budget: RetryBudget | None = None) -> Cell:
        """A cell, its account verified. With a `budget`, trouble adds no more calls to its looks than that allows.

        Raises CredentialsError, EndpointUnreachable, CloudError, EndpointChanged.
        """
        spare = Metered(clock=SystemClock(), budget=budget) if budget else Unbounded()
        cloud = self.cloud(account, region, spare)
        identity = cloud.identity()
        return Cell(
            identity=identity,
            senses=Senses(
                cloud=cloud,
                prober=NetworkProber(self.settings.require_probe_proxy()),
                archives=self.archives(region),
                rhythm=ProbeRhythm(),
                checks=self.handlers.checks,
                owner=self.settings.require_owner(),
                sentinels=tuple(starmap(sentinel, self.settings.require_sentinels())),
                spare=spare,
            ),
            store=self.store.cell(identity),
        )

    def cloud(self, account: str, region: str, spare: SpareCalls | None = None) -> Ec2Cloud:
        """The cloud behind a cell, nothing of it asked yet."""
        return Ec2Cloud(self.session.clients(region), account=account, region=region, spare=spare)

    def archives(self, region: str) -> StoredArchives:
        """Where continuous backups are looked at, nothing asked yet; their buckets may be in another region."""
        return StoredArchives(store=S3Objects(cache(partial(self.session.s3, region))))

    def cells(self, desired: DesiredState) -> tuple[Cell, ...]:
        """Every cell that the desired state names."""
        return tuple(self.cell(account, region) for account, region in places_of(desired))


def declared(settings: Settings) -> DesiredState:
    """The desired state as its files say. Raises DesiredStateError and SettingsError."""
    return load(settings.require_desired())


@contextmanager
def reaching(
    settings: Settings, *, read_only: bool, handlers_path: Path | None = None
) -> Iterator[Reach]:
    """The means to reach cells. A read-only store is neither made, migrated nor written."""
    settings.require_owner()
    handlers = load_handlers(handlers_path) if handlers_path else STANDARD
    with Store.open(settings.store, read_only=read_only) as store:
        yield Reach(settings=settings, session=AwsSession(), store=store, handlers=handlers)


def look(reach: Reach, desired: DesiredState) -> tuple[Assessment, ...]:
    """Every cell assessed once; nothing is changed, and what was learnt is dropped."""
    clock = SystemClock()
    assessments = []
    for cell in reach.cells(desired):
        now = clock.now()
        assessments.append(assess(cell.senses, desired, cell.store.memory(now), now))
    return tuple(assessments)


def identities(reach: Reach, desired: DesiredState) -> tuple[CellIdentity, ...]:
    """Every cell as it is reached now, its account verified, whatever endpoint the store knows.

    Raises CredentialsError, EndpointUnreachable, CloudError.
    """
    return tuple(reach.cloud(account, region).identity() for account, region in places_of(desired))


@contextmanager
def hold(reach: Reach, desired: DesiredState, command: str) -> Iterator[tuple[Cell, ...]]:
    """Every cell, held by this process until the end. Raises LeaseHeld, naming who holds one."""
    holder = _holder(command)
    with ExitStack() as held:
        cells = reach.cells(desired)
        for cell in cells:
            cell.store.acquire(holder)
            held.callback(cell.store.release)
        yield cells


def means(reach: Reach, budget: RetryBudget | None = None) -> Means:
    """What passes act with, for one cell; without its `budget`, as one has for what is done by hand."""
    return Means(
        clock=SystemClock(),
        randomness=system_randomness(),
        handlers=reach.handlers,
        budget=budget or RetryBudget(always=RETRIES_BY_HAND),
        log=_log(),
    )


def guard(reach: Reach, *, command: str, interval_s: float | None) -> Runner:
    """A runner over all cells of the settings' desired state, which it reloads when files change."""
    paths = reach.settings.require_desired()
    holder = _holder(command)
    acting: dict[str, Means] = {}

    def open_cell(account: str, region: str) -> Cell:
        budget = RetryBudget()
        cell = reach.cell(account, region, budget)
        cell.store.acquire(holder)
        acting[str(cell.identity)] = means(reach, budget)
        return cell

    def one_pass(cell: Cell, desired: DesiredState, refused: str | None) -> PassResult:
        return reconcile(cell, desired, acting[str(cell.identity)], refused=refused)

    return Runner(
        declared=Declared.read(lambda: load(paths), lambda: fingerprint(paths)),
        open_cell=open_cell,
        one_pass=one_pass,
        clock=SystemClock(),
        log=_log(),
        interval_s=interval_s,
    )


def fingerprint(paths: Sequence[Path]) -> str:
    """Changes when any file below the paths is added, removed or written. A file that is away is a change too."""
    seen = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            try:
                status = file.stat()
            except OSError:
                continue
            seen.update(f"{file}|{status.st_mtime_ns}|{status.st_size}|{status.st_ino}\n".encode())
    return seen.hexdigest()


def _holder(command: str) -> Holder:
    return this_process(command, SystemClock().now())


def _log() -> FilteringBoundLogger:
    import structlog  # noqa: PLC0415 - 5 MB and 60 ms that a dry run can do without

    return cast("FilteringBoundLogger", structlog.get_logger())
