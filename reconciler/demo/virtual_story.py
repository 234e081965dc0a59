"""The demo without a wire: the same story on the simulated cloud, where things take their time and the time is virtual.

Whether it converged is asked of the cloud's own truth, against the list in `_faults`, and not of our planner.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from providers.simulated.faults import Meddling
from providers.simulated.records import Guest
from reconciler.demo.declaration import declare, scale
from reconciler.demo.virtual import Here, VirtualGuard, data_volumes, virtual_guard
from reconciler.surface import words
from reconciler.surface.layout import GAP, Line, Span, Style, line
from reconciler.surface.logs import configure_logging
from reconciler.surface.outcome_text import outcome_lines
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.terminal import show, width_of

WEB, WEB_LATER, DATABASES = 6, 5, 3
PATIENCE = timedelta(hours=6)


@dataclass(slots=True)
class Narrator:
    """Tells the story on stdout, with the virtual time since its beginning."""

    guard: VirtualGuard
    began: datetime

    def say(self, text: str) -> None:
        """A line of the story."""
        self._show([line(""), line(Span(f"# {text}", Style.STRONG))])

    def deed(self, text: str) -> None:
        """Something that happens to the fleets."""
        self._show([line(f"  - {text}")])

    def plan(self) -> None:
        """The plan of now, as `reconciler plan` shows it."""
        seen = self.guard.look()
        self._show([line(""), *plan_lines(seen.case, seen.plan, width=self._width)])

    def heal(self) -> None:
        """Passes until everything stands as declared; those in which something is done are told."""
        self._show([line("")])
        for result in self.guard.passes(within=PATIENCE):
            if result.outcomes:
                since = words.duration(result.assessment.case.now - self.began)
                done = outcome_lines(result.outcomes, width=self._width - 12)
                self._show([line(Span(f"{since:>12}", Style.DIM), GAP, *first) for first in done])
        elapsed = words.duration(self.guard.cloud.clock.now() - self.began)
        self._show([line(Span(f"{elapsed:>12}", Style.DIM), GAP, "everything stands as declared")])

    @property
    def _width(self) -> int:
        return width_of(sys.stdout, os.environ)

    def _show(self, lines: Iterable[Line]) -> None:
        show(lines, sys.stdout, os.environ)
        sys.stdout.flush()


def tell_virtual() -> int:
    """Play the story in virtual time; 0 only when the cloud's truth ends as the list says."""
    configure_logging(sys.stderr, json=False, least=logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder:
        declare(Path(folder) / "fleets", Here())
        with virtual_guard(Path(folder)) as guard:
            narrator = Narrator(guard, guard.cloud.clock.now())
            _bring_up(narrator)
            volumes = {slot: data_volumes(found) for slot, found in guard.living().items()}
            _break(narrator)
            narrator.say("What does the controller make of it? A plan changes nothing.")
            narrator.plan()
            narrator.say("Leave it on guard. Times are virtual: instances boot, checks lag.")
            narrator.heal()
            narrator.say("The same declaration again: nothing to do.")
            narrator.plan()
            faults = _faults(guard, volumes)
    return _verdict(faults)


def _bring_up(narrator: Narrator) -> None:
    narrator.say("A simulated EC2 in this process: no AWS, no account, no cost; virtual time.")
    narrator.say(f"{WEB} web servers and {DATABASES} databases with a volume each are declared.")
    narrator.heal()


def _break(narrator: Narrator) -> None:
    """Hurt the fleets behind the controller's back, let a host fail, and change a wish."""
    guard, cloud = narrator.guard, narrator.guard.cloud
    living = guard.living()
    web, gone, bare, sick = (
        living[slot][0].id for slot in ("web/1", "shared-postgres/0", "shared-postgres/1", "web/4")
    )
    volume = next(iter(data_volumes(living["shared-postgres/1"]).values()))
    narrator.say("Now things break, behind the controller's back:")
    cloud.by_hand(Meddling.TERMINATE, web)
    narrator.deed(f"somebody terminates {web}, the instance of web/1")
    cloud.by_hand(Meddling.TERMINATE, gone)
    narrator.deed(f"somebody terminates {gone}, the instance of shared-postgres/0")
    cloud.by_hand(Meddling.DETACH, volume)
    narrator.deed(f"somebody detaches {volume} from {bare}, the instance of shared-postgres/1")
    cloud.by_hand(Meddling.EDIT_TAGS, living["web/3"][0].id)
    narrator.deed(f"somebody changes the tags of {living['web/3'][0].id}, the instance of web/3")
    cloud.make_sick(sick, Guest.UNREACHABLE)
    narrator.deed(f"the host of {sick}, the instance of web/4, fails; EC2 will notice")
    database = living["shared-postgres/2"][0].id
    cloud.make_sick(database, Guest.HUNG)
    narrator.deed(f"the system of {database}, the instance of shared-postgres/2, hangs")
    scale(guard.fleets, "web", old=WEB, new=WEB_LATER)
    narrator.deed(f"{WEB_LATER} web servers are declared instead of {WEB}")
    cloud.clock.advance(cloud.clock.now() + timedelta(minutes=1))


def _faults(guard: VirtualGuard, volumes: dict[str, dict[str, str]]) -> list[str]:
    """Everything that is not as it must be at the end, written down here and seen in the truth."""
    wanted = [f"web/{n}" for n in range(WEB_LATER)]
    wanted += [f"shared-postgres/{n}" for n in range(DATABASES)]
    living = guard.living()
    faults = [f"{slot}: nobody declared it" for slot in sorted(living.keys() - wanted)]
    for slot in wanted:
        found = living.get(slot, [])
        if len(found) != 1:
            faults.append(f"{slot}: {len(found)} living instances instead of one")
            continue
        team = "web" if slot.startswith("web/") else "data"
        if found[0].state != "running" or found[0].guest is not Guest.WELL:
            faults.append(f"{slot}: {found[0].id} is {found[0].state} and {found[0].guest}")
        if found[0].tags.get("team") != team:
            faults.append(f"{slot}: its team is {found[0].tags.get('team')}")
        if data_volumes(found) != volumes[slot]:
            faults.append(f"{slot}: holds {data_volumes(found)} instead of {volumes[slot]}")
    return faults


def _verdict(faults: list[str]) -> int:
    if faults:
        sys.stdout.write("\nThe demo did not end as it should:\n")
        sys.stdout.writelines(f"  - {fault}\n" for fault in faults)
        return 1
    sys.stdout.write(
        f"\nThe simulated cloud's own truth agrees: {WEB_LATER} web servers and {DATABASES} databases run, "
        "each database on the volume it began with, and nothing else is left.\n"
    )
    return 0
