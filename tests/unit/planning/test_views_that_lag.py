"""What was done a moment ago counts, although a view that lags does not show it yet (EC2 is eventually consistent)."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import LadderStep
from providers.requests import LaunchInstance, SetTags
from reconciler.loop.assess import Senses, assess
from reconciler.loop.gathering import ProbeRhythm
from reconciler.planning.identity import Tag
from reconciler.planning.outcome import Plan
from tests.support.fleets import MINUTE, health_spec, http_probe, repair_spec, web_fleet
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.passes import Passes
from tests.support.resources import OWNER


def as_it_is(passes: Passes) -> MemoryCloud:
    """What a view that lags shows from now on."""
    return passes.cloud.copied(ManualClock(instant=passes.clock.instant))


def planned_on(view: MemoryCloud, passes: Passes) -> Plan:
    """The plan of a controller that sees this view now, with the memory that there is."""
    senses = Senses(
        cloud=view, prober=passes.services, rhythm=ProbeRhythm(), checks=(), owner=OWNER
    )
    return assess(senses, passes.desired(), passes.memory, passes.clock.now()).plan


def just_before(passes: Passes, tag: str, value: str | None = None) -> MemoryCloud:
    """The view just before a tag is set for the next time; it is set by now, and that is settled."""
    before = len(passes.sent(SetTags))
    for _ in range(100):
        view = as_it_is(passes)
        passes.one()
        for request in passes.sent(SetTags)[before:]:
            assert isinstance(request, SetTags)
            if tag in request.tags and request.tags[tag] == (value or request.tags[tag]):
                settled_only(passes)
                return view
    raise AssertionError(f"{tag} was never set")


def settled_only(passes: Passes) -> None:
    """One more pass that begins nothing."""
    fleets = list(passes.fleets.values())
    for fleet in fleets:
        passes.declare(replace(fleet, paused=True))
    passes.one()
    for fleet in fleets:
        passes.declare(fleet)


def test_a_committed_replacement_holds_its_slot_before_any_view_shows_its_role() -> None:
    ladder = repair_spec(ladder=(LadderStep.REPLACE,))
    passes = Passes(web_fleet(health=health_spec(http_probe()), repair=ladder))
    passes.until_converged()
    sick = passes.occupant("web/1").id
    passes.cloud.impair(sick, "system")
    passes.services.down.add(sick)
    behind = just_before(passes, Tag.ROLE, "occupant")
    plan = planned_on(behind, passes)
    assert [item for item in plan.actions if isinstance(item.request, LaunchInstance)] == []


def test_the_date_of_service_is_not_written_again_by_a_view_that_lacks_it() -> None:
    passes = Passes(web_fleet(replicas=1))
    behind = just_before(passes, Tag.IN_SERVICE_SINCE)
    assert planned_on(behind, passes).actions == ()
    passes.clock.advance(6 * MINUTE)
    (again,) = planned_on(behind, passes).actions
    assert isinstance(again.request, SetTags)


def test_a_launch_that_no_view_shows_yet_counts_where_the_next_one_goes() -> None:
    passes = Passes(web_fleet(replicas=1))
    behind = as_it_is(passes)
    passes.one()
    (first,) = passes.sent(LaunchInstance)
    passes.declare(web_fleet(replicas=2))
    (second,) = [item.request for item in planned_on(behind, passes).actions]
    assert isinstance(first, LaunchInstance)
    assert isinstance(second, LaunchInstance)
    assert second.zone != first.zone
