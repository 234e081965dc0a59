"""The scenes of the golden plans, one function each: what is there, and nothing else.

The name of the function is the name of the folder in `cases/`. A recorded case (`reconciler observe -o case.json`)
needs no function: a folder with a `case.json` is planned from that.
"""

from __future__ import annotations

from desired_state.model import LadderStep
from providers.observed import GapSubject, Presence
from reconciler.health.verdict import Sign
from tests.golden.archives import ARCHIVES
from tests.golden.backups import BACKUPS
from tests.golden.limits import LIMITS
from tests.golden.moves import MOVES
from tests.golden.repairs import REPAIRS
from tests.golden.restores import RESTORES
from tests.golden.stuck import STUCK
from tests.golden.wishes import WISHES
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, postgres_fleet, repair_spec, web_fleet
from tests.support.resources import instance_id


def converged() -> Scene:
    """Everything is as declared."""
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    return scene


def nothing_there_yet() -> Scene:
    """Two fleets are declared and the cell is empty."""
    return Scene(web_fleet(replicas=5), postgres_fleet())


def web_instance_terminated() -> Scene:
    """A stateless slot lost its instance: launch first."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    return scene


def postgres_instance_terminated() -> Scene:
    """A slot with a volume lost its instance: keep the data."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.terminated("shared-postgres/1")
    return scene


def system_check_fails() -> Scene:
    """EC2's system check of an occupant has failed for long enough."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=10 * MINUTE)
    return scene


def stopped_by_hand() -> Scene:
    """Somebody stopped an instance: it is left alone, visibly."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.stopped("web/2")
    return scene


def volumes_not_read() -> Scene:
    """The list of volumes failed: nothing that rests on it is planned, though an instance is gone."""
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    scene.terminated("shared-postgres/1")
    scene.gap(GapSubject.VOLUMES, code="RequestLimitExceeded")
    return scene


def absent_without_proof() -> Scene:
    """The lists no longer show an instance that nobody saw terminated."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.vanished(instance_id("web/1"), by_id=Presence.NOT_FOUND)
    return scene


def scaled_down() -> Scene:
    """Fewer replicas are declared than there are instances."""
    scene = Scene(web_fleet(replicas=5))
    scene.in_service()
    scene.declare(web_fleet(replicas=4))
    return scene


def tags_drifted() -> Scene:
    """A user's tag was changed by hand on two neighbours."""
    scene = Scene(web_fleet())
    scene.in_service()
    for text in ("web/0", "web/1"):
        instance = scene.occupant(text)
        scene.change(instance.id, tags={**instance.tags, "team": "checkout"})
    return scene


def fleet_released() -> Scene:
    """A fleet is no longer declared: reported and left alone."""
    scene = Scene(web_fleet(), web_fleet("old", replicas=2))
    scene.in_service()
    scene.release("old")
    return scene


def store_lost() -> Scene:
    """The store is new although resources are there: a cold cell."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    scene.cold()
    return scene


def a_bad_night() -> Scene:
    """The plan that the README shows: one database is sick, a web server was stopped, a tag was changed."""
    ladder = repair_spec(ladder=(LadderStep.REPLACE,))
    scene = Scene(postgres_fleet(repair=ladder), web_fleet(replicas=4))
    scene.in_service()
    scene.sick("shared-postgres/1", Sign.INSTANCE_CHECK, lasting=6 * MINUTE)
    scene.stopped("web/2", ago=25 * MINUTE)
    drifted = scene.occupant("web/0")
    scene.change(drifted.id, tags={**drifted.tags, "team": "checkout"})
    return scene


SCENES = {
    scene.__name__: scene
    for scene in (
        converged,
        nothing_there_yet,
        web_instance_terminated,
        postgres_instance_terminated,
        system_check_fails,
        stopped_by_hand,
        volumes_not_read,
        absent_without_proof,
        scaled_down,
        tags_drifted,
        fleet_released,
        store_lost,
        a_bad_night,
        *REPAIRS,
        *MOVES,
        *WISHES,
        *LIMITS,
        *ARCHIVES,
        *BACKUPS,
        *STUCK,
        *RESTORES,
    )
}
