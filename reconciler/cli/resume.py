"""`reconciler resume`: end a pause, or say that a person has looked."""

from __future__ import annotations

from datetime import datetime

import click

from providers.observed import CellIdentity
from reconciler.cli.failures import Refused
from reconciler.cli.options import cell_options
from reconciler.cli.output import say
from reconciler.cli.scopes import EVERYTHING, known_cells, said
from reconciler.cli.subcommand import subcommand
from reconciler.clock import SystemClock
from reconciler.settings import Settings
from reconciler.store.store import Store


@subcommand("resume")
@click.argument("scope", required=False)
@click.option(
    "--cold", is_flag=True, help="Let cells act whose store is new although resources are there."
)
@click.option(
    "--endpoint", is_flag=True, help="Accept the endpoint through which the cells are reached now."
)
@click.option("--brakes", is_flag=True, help="Put brakes back in force that were overridden.")
@cell_options
def command(
    *, settings: Settings, scope: str | None, cold: bool, endpoint: bool, brakes: bool
) -> int:
    """End a pause or an override, or let a cold cell or a new endpoint act.

    SCOPE is what was paused: a fleet, a slot or, when left out, everything. A pause of a fleet is not ended by
    resuming one of its slots.

      reconciler resume
      reconciler resume shared-postgres
      reconciler resume --cold
      reconciler resume --brakes
      reconciler resume --endpoint --desired fleets/ --owner prod-east
    """
    if endpoint:
        _accept_endpoint(settings)
    if cold:
        _release_cold(settings)
    if brakes:
        _end_override(settings)
    if scope is not None or not (cold or endpoint or brakes):
        _end_pause(settings, scope or EVERYTHING)
    return 0


def _end_pause(settings: Settings, scope: str) -> None:
    now = SystemClock().now()
    cells = known_cells(settings)
    with Store.open(settings.store) as store:
        pauses = {
            pause.scope: pause for cell in cells for pause in store.cell(cell).memory(now).pauses
        }
        ended = [cell for cell in cells if store.cell(cell).resume(scope)]
    if not ended:
        there = ", ".join(said(name) for name in pauses) or "nothing"
        raise Refused(f"{said(scope)} is not paused; paused now: {there}")
    for cell in ended:
        say(f"{said(scope)} resumed in {cell}")


def _release_cold(settings: Settings) -> None:
    now = SystemClock().now()
    cells = known_cells(settings)
    with Store.open(settings.store) as store:
        cold = [cell for cell in cells if _is_cold(store, cell, now)]
        if not cold:
            raise Refused("no cell is cold; `reconciler status` shows what holds it")
        for cell in cold:
            store.cell(cell).release_cold()
            say(f"{cell} is no longer cold: disruptive actions are allowed from the next pass on")


def _end_override(settings: Settings) -> None:
    now = SystemClock().now()
    cells = known_cells(settings)
    with Store.open(settings.store) as store:
        ended = [cell for cell in cells if store.cell(cell).end_override(now)]
    if not ended:
        raise Refused("the brakes are in force; nothing overrides them")
    for cell in ended:
        say(f"the brakes of {cell} are in force again")


def _accept_endpoint(settings: Settings) -> None:
    from reconciler.main import declared, identities, reaching  # noqa: PLC0415 - the other two ask no cloud

    desired = declared(settings)
    with reaching(settings, read_only=False) as reach:
        for identity in identities(reach, desired):
            reach.store.confirm_endpoint(identity)
            say(f"{identity} is reached through {identity.endpoint} from now on")


def _is_cold(store: Store, cell: CellIdentity, now: datetime) -> bool:
    cold = store.cell(cell).memory(now).cold
    return cold is not None and not cold.released
