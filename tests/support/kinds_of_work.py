"""One scene for each kind of work, whose plan does just that: for tests of what holds it."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import LadderStep, UpdateStrategy
from providers.observed import InstanceState
from reconciler.health.verdict import Sign
from reconciler.planning.identity import Role
from reconciler.planning.orders import OrderKind
from tests.support.backed_up import VOLUME as BACKED_UP
from tests.support.backed_up import backed_up
from tests.support.cases import Scene
from tests.support.databases import committed
from tests.support.fleets import DAY, HOUR, MINUTE, health_spec, http_probe, repair_spec, web_fleet
from tests.support.resources import instance_id
from tests.support.restored import quarantined
from tests.support.verdicts import failing

WEB = instance_id("web/0")
NEXT = instance_id("web/0", 2)


def webs(*ladder: LadderStep, probed: bool = False) -> Scene:
    """Three web servers in service, each in a zone of its own."""
    steps = ladder or (LadderStep.REBOOT, LadderStep.RESTART, LadderStep.REPLACE)
    probe = http_probe() if probed else None
    fleet = web_fleet(repair=repair_spec(ladder=steps), health=health_spec(probe))
    scene = Scene(fleet)
    scene.in_service()
    return scene


def sick(*ladder: LadderStep) -> Scene:
    """EC2's system check fails for long."""
    scene = webs(*ladder)
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    return scene


def unseen(*ladder: LadderStep) -> Scene:
    """Its probe fails for long, and EC2 says nothing bad of it."""
    scene = webs(*ladder, probed=True)
    scene.sick("web/0", Sign.PROBE, lasting=HOUR)
    return scene


def reboot() -> Scene:
    """What is only not seen to serve is rebooted."""
    return unseen(LadderStep.REBOOT)


def restart() -> Scene:
    """What EC2 speaks against is stopped and started again."""
    return sick(LadderStep.RESTART)


def exchange_by_order() -> Scene:
    """A person wants a healthy one replaced, and its replacement is proven."""
    scene = webs(probed=True)
    scene.ordered("web/0", OrderKind.REPLACE)
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE)
    return scene


def replacement() -> Scene:
    """A sick one gets a replacement."""
    return sick(LadderStep.REPLACE)


def commit() -> Scene:
    """The replacement of a sick one is proven."""
    scene = sick()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE)
    return scene


def undoing() -> Scene:
    """The replacement of a sick one never served."""
    scene = commit()
    since = scene.now - 10 * MINUTE
    scene.judged(NEXT, failing(Sign.INSTANCE_CHECK, since=since))
    return scene


def end_of_the_superseded() -> Scene:
    """What was replaced goes."""
    scene = webs()
    scene.instance("web/0", incarnation=2, age=HOUR)
    return scene


def fence() -> Scene:
    """What was replaced must not write any more."""
    return committed()


def detach() -> Scene:
    """What was replaced is stopped; its volume can leave it."""
    return committed(original=InstanceState.STOPPED)


def smaller_number() -> Scene:
    """One less is declared."""
    scene = webs()
    scene.declare(replace(scene.fleets["web"], replicas=2))
    return scene


def orphan() -> Scene:
    """One fits nowhere."""
    scene = webs()
    for incarnation in (2, 3):
        scene.instance("web/0", incarnation=incarnation, role=Role.REPLACEMENT, age=2 * HOUR)
    return scene


def drift() -> Scene:
    """A tag differs from the declaration."""
    scene = webs()
    scene.change(WEB, tags={**scene.instances[WEB].tags, "team": "other"})
    return scene


def update() -> Scene:
    """An image differs from the declaration."""
    scene = webs()
    scene.declare(replace(scene.fleets["web"], update=UpdateStrategy.ROLLING))
    scene.change(WEB, image="ami-00000000000000001")
    return scene


def end_of_a_kept_instance() -> Scene:
    """What a restore left behind has had its time."""
    return quarantined(ends_in=-HOUR)


def snapshot() -> Scene:
    """A snapshot is due."""
    return backed_up()


def thinning() -> Scene:
    """A snapshot has had its time."""
    scene = backed_up()
    scene.snapshot(BACKED_UP, ago=MINUTE)
    scene.snapshot(BACKED_UP, ago=30 * DAY)
    return scene
