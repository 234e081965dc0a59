"""`reconciler simulate`: an outage replayed in virtual time against a desired state."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.failures import Refused
from reconciler.cli.options import desired_option
from reconciler.cli.output import print_document, print_lines, say, stdout_width
from reconciler.cli.quantities import Duration, Moment
from reconciler.cli.subcommand import subcommand

if TYPE_CHECKING:  # `--help` must not load the controller.
    from desired_state.model import DesiredState
    from reconciler.simulation.report import Report
    from reconciler.simulation.scenario import Scenario

NOT_ALL_WELL = 2


@subcommand("simulate")
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="Show the scenarios that ship, and end.")
@desired_option
@click.option(
    "--policy",
    "policies",
    multiple=True,
    default=("default",),
    show_default=True,
    metavar="NAME|FILE",
    help="default, naive, or a file with a SafetyPolicy; repeatable, to compare them.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.IntRange(min=0),
    default=(1,),
    show_default=True,
    metavar="N",
    help="What is drawn (which volumes stick, how long things take) follows from it; repeatable.",
)
@click.option(
    "--saturation",
    type=click.Choice(["on", "off", "both"]),
    default="on",
    show_default=True,
    help="Whether EC2's control plane gives way under load, as it did.",
)
@click.option(
    "--slots",
    type=click.IntRange(min=1),
    metavar="N",
    help="Scale the fleets to so many slots in all.",
)
@click.option(
    "--until",
    type=Moment(),
    metavar="MOMENT",
    help="Replay no further than that, as in 11h13m, counted from the beginning of the trouble.",
)
@click.option(
    "--approve-after",
    type=Duration(),
    metavar="DURATION",
    help="A simulated person approves what has waited so long; without this nobody is there.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with charts too.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table for people, or versioned JSON.",
)
def command(
    *,
    scenario: str | None,
    listed: bool,
    desired: tuple[Path, ...],
    policies: tuple[str, ...],
    seeds: tuple[int, ...],
    saturation: str,
    slots: int | None,
    until: timedelta | None,
    approve_after: timedelta | None,
    html: Path | None,
    output: str,
) -> int:
    """Replay an outage in virtual time against your desired state; needs no AWS.

    SCENARIO is the name of one that ships, or a file. The controller is the real one, on a simulated EC2 in which your
    fleets have been healthy for a month; without --desired it is an example platform. Each policy, seed and kind of
    control plane is a run in a process of its own. What is reported is judged by the simulated cloud's own records.
    Exit code 0: everything came back, and nothing was destroyed. 2: something stayed down, or was destroyed.

      reconciler simulate --list
      reconciler simulate us-east-1-2011-04-21 --policy default --policy naive --html april.html
      reconciler simulate us-east-1-2011-04-21 --slots 200 --until 2h
      reconciler simulate zone-power-loss --desired fleets/ --approve-after 1h
    """
    if listed:
        return _list()
    if scenario is None:
        raise click.UsageError(
            "Missing argument 'SCENARIO'; `reconciler simulate --list` shows those that ship."
        )
    if html is not None and not html.parent.is_dir():
        raise Refused(f"{html} can't be written: there is no directory {html.parent}")
    report = _report(
        scenario,
        desired,
        policies=tuple(dict.fromkeys(policies)),
        seeds=tuple(dict.fromkeys(seeds)),
        saturations={"on": (True,), "off": (False,), "both": (True, False)}[saturation],
        slots=slots,
        until=until,
        approve_after=approve_after,
    )
    if html is not None:
        from reconciler.simulation.page import page  # noqa: PLC0415 - not every report is a page

        html.write_text(page(report), encoding="utf-8")
    return _show(report, output)


def _list() -> int:
    from reconciler.simulation.scenario import (  # noqa: PLC0415 - `--help` must not load it
        load_scenario,
        shipped_scenarios,
    )
    from reconciler.surface.layout import Span, Style, columns  # noqa: PLC0415 - likewise

    found = [load_scenario(name) for name in shipped_scenarios()]
    print_lines(
        columns([(Span(item.name, Style.STRONG), Span(item.title)) for item in found], indent=0)
    )
    return 0


def _report(
    name: str,
    paths: tuple[Path, ...],
    *,
    policies: tuple[str, ...],
    seeds: tuple[int, ...],
    saturations: tuple[bool, ...],
    slots: int | None,
    until: timedelta | None,
    approve_after: timedelta | None,
) -> Report:
    from desired_state.load import load_policy  # noqa: PLC0415 - `--help` must not load the controller
    from reconciler.cli.simulating import Shown  # noqa: PLC0415 - likewise
    from reconciler.simulation.replaying import Run  # noqa: PLC0415 - likewise
    from reconciler.simulation.report import Report  # noqa: PLC0415 - likewise
    from reconciler.simulation.runs import replay_all  # noqa: PLC0415 - likewise

    scenario, afterwards = _played(name, until)
    desired = _desired(paths, slots)
    runs = [
        Run(
            scenario=scenario,
            desired=desired,
            policy_name=policy,
            policy=rules,
            seed=seed,
            saturation=saturated,
            approves_after=approve_after,
            afterwards=afterwards,
        )
        for saturated in saturations
        for policy, rules in ((item, load_policy(item)) for item in policies)
        for seed in seeds
    ]
    names = [run.name for run in runs]
    with Shown(names, scenario.lasts, sys.stderr, os.environ) as shown:
        replays = replay_all(runs, shown.tell)
    return Report(
        scenario=scenario,
        slots=sum(fleet.replicas for fleet in desired.fleets),
        approves_after=approve_after,
        replays=replays,
    )


def _played(name: str, until: timedelta | None) -> tuple[Scenario, timedelta]:
    """The scenario as far as it is replayed, and how long slots are waited for after its end."""
    from reconciler.simulation.replaying import AFTERWARDS  # noqa: PLC0415 - `--help` must not load it
    from reconciler.simulation.scenario import load_scenario  # noqa: PLC0415 - likewise

    scenario = load_scenario(name)
    if until is None:
        return scenario, AFTERWARDS
    return scenario.cut(until), max(until - scenario.lasts, timedelta())


def _desired(paths: tuple[Path, ...], slots: int | None) -> DesiredState:
    """What the outage is replayed against. Raises Refused, DesiredStateError."""
    from desired_state.load import load  # noqa: PLC0415 - `--help` must not load the controller
    from reconciler.simulation.account import PLATFORM, of_one_cell  # noqa: PLC0415 - likewise
    from reconciler.simulation.casting import scaled  # noqa: PLC0415 - likewise

    declared = load(list(paths) or [PLATFORM])
    if not declared.fleets:
        raise Refused("no fleet is declared, so there is nothing to replay an outage against")
    desired = of_one_cell(declared)
    left_out = sorted({f.name for f in declared.fleets} - {f.name for f in desired.fleets})
    if left_out:
        place = desired.fleets[0].placement
        say(
            f"only what is in {place.account}/{place.region} is replayed, without {', '.join(left_out)}"
        )
    return desired if slots is None else scaled(desired, slots)


def _show(report: Report, output: str) -> int:
    from reconciler.simulation.measures import came_through  # noqa: PLC0415 - `--help` must not load it
    from reconciler.simulation.report import report_lines  # noqa: PLC0415 - likewise
    from reconciler.simulation.report_json import report_document  # noqa: PLC0415 - likewise

    if output == "json":
        print_document(report_document(report))
    else:
        print_lines(report_lines(report, width=stdout_width()))
    return 0 if all(came_through(item) for item in report.replays) else NOT_ALL_WELL
