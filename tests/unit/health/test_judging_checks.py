"""How EC2's words are judged: states, status checks, and what is not said at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from providers.observed import Check, CheckStatus, InstanceState, ProbeOutcome, ScheduledEvent
from reconciler.health.verdict import Sign, Status, Weight
from tests.support.fleets import DAY, HOUR, MINUTE, SECOND, health_spec, tcp_probe
from tests.support.resources import NOW
from tests.support.subjects import (
    Watched,
    a_claim,
    an_instance,
    checks,
    impaired,
    judged,
    probe,
    remembered_after,
    was_healthy,
)

INITIALIZING = Check(status=CheckStatus.INITIALIZING)
NEVER = None


def test_an_instance_whose_checks_are_ok_is_healthy_and_serves() -> None:
    verdict = judged()
    assert verdict.status is Status.HEALTHY
    assert verdict.serving
    assert verdict.since == NOW - DAY


@pytest.mark.parametrize("check", ["system", "instance"])
def test_a_failing_check_is_suspect_until_it_has_lasted_three_minutes(check: str) -> None:
    since = NOW - 2 * MINUTE
    verdict = judged(checks=checks(**{check: impaired(since=since)}))
    assert verdict.status is Status.SUSPECT
    assert verdict.changes_at == since + 3 * MINUTE
    assert not verdict.serving
    later = judged(checks=checks(**{check: impaired(since=NOW - 3 * MINUTE)}))
    assert later.status is Status.UNHEALTHY


def test_a_check_that_ec2_does_not_date_is_counted_from_its_first_sight() -> None:
    watched = Watched()
    watched.look(checks=checks(system=impaired()))
    assert watched.until(Status.UNHEALTHY) == 3 * MINUTE - 15 * SECOND


def test_a_bad_sign_that_pauses_is_counted_from_its_return() -> None:
    watched = Watched()
    watched.look(checks=checks(system=impaired()))
    for _ in range(8):
        watched.look()
    watched.look(checks=checks())
    assert watched.look(checks=checks(system=impaired())).status is Status.SUSPECT
    assert watched.until(Status.UNHEALTHY) == 3 * MINUTE - 15 * SECOND


def test_the_attached_ebs_check_of_a_stateless_instance_counts_like_the_others() -> None:
    failing = checks(attached_ebs=impaired(since=NOW - 4 * MINUTE))
    assert judged(checks=failing).status is Status.UNHEALTHY


def test_with_claims_the_attached_ebs_check_waits_ten_minutes_for_a_volume_to_be_named() -> None:
    claims = (a_claim(attached=True),)
    for minutes, status in ((9, Status.SUSPECT), (10, Status.UNHEALTHY)):
        failing = checks(attached_ebs=impaired(since=NOW - minutes * MINUTE))
        assert judged(checks=failing, claims=claims).status is status


def test_bad_signs_do_not_count_within_the_startup_grace() -> None:
    young = an_instance(age=5 * MINUTE)
    failing = checks(system=impaired(since=NOW - 4 * MINUTE))
    verdict = judged(instance=young, checks=failing, remembered=NEVER)
    assert verdict.status is Status.STARTING
    assert verdict.changes_at == NOW + 5 * MINUTE + 3 * MINUTE


def test_our_own_restart_begins_the_grace_anew() -> None:
    trouble = was_healthy(status=Status.UNHEALTHY, trouble_since=NOW - 20 * MINUTE)
    failing = checks(instance=impaired(since=NOW - 20 * MINUTE))
    restarted = judged(checks=failing, remembered=trouble, restarted_at=NOW - 2 * MINUTE)
    assert restarted.status is Status.STARTING
    assert restarted.changes_at == NOW + 8 * MINUTE + 3 * MINUTE


def test_no_status_checks_at_all_is_unknown_and_no_reason_to_act() -> None:
    verdict = judged(checks=None)
    assert verdict.status is Status.UNKNOWN
    assert not verdict.serving
    assert verdict.changes_at is None


def test_insufficient_data_is_unknown() -> None:
    verdict = judged(checks=checks(instance=Check(status=CheckStatus.INSUFFICIENT_DATA)))
    assert verdict.status is Status.UNKNOWN


def test_what_never_was_healthy_and_stays_initializing_is_unhealthy_past_its_start_deadline() -> (
    None
):
    watched = Watched(
        instance=an_instance(age=timedelta()),
        checks=checks(instance=INITIALIZING),
        remembered=NEVER,
    )
    assert watched.look().status is Status.STARTING
    assert watched.until(Status.UNHEALTHY) < 11 * MINUTE


def test_initializing_again_after_a_restart_does_not_last_for_ever() -> None:
    watched = Watched(checks=checks(instance=impaired(since=NOW - 10 * MINUTE)))
    watched.look()
    watched.look(checks=checks(instance=INITIALIZING), restarted_at=watched.now)
    assert watched.until(Status.UNHEALTHY) < 12 * MINUTE


def test_an_instance_in_service_that_initializes_for_a_moment_is_only_suspect() -> None:
    assert judged(checks=checks(instance=INITIALIZING)).status is Status.SUSPECT


def test_a_pending_instance_is_starting_until_its_deadline_and_then_unhealthy() -> None:
    for age, status in ((4 * MINUTE, Status.STARTING), (5 * MINUTE, Status.UNHEALTHY)):
        pending = an_instance(age=age, state=InstanceState.PENDING)
        assert judged(instance=pending, checks=None, remembered=NEVER).status is status


def test_a_stop_by_somebody_else_is_left_alone_for_four_hours() -> None:
    stopped = an_instance(state=InstanceState.STOPPED, state_changed_at=NOW - 3 * HOUR)
    verdict = judged(instance=stopped, checks=None)
    assert verdict.status is Status.SUSPECT
    assert verdict.changes_at == NOW + HOUR
    late = an_instance(state=InstanceState.STOPPED, state_changed_at=NOW - 4 * HOUR)
    assert judged(instance=late, checks=None).status is Status.UNHEALTHY


def test_a_stop_that_ec2_does_not_date_is_counted_from_its_first_sight() -> None:
    stopped = an_instance(state=InstanceState.STOPPED, state_changed_at=None)
    watched = Watched(instance=stopped, checks=None, every=10 * MINUTE)
    assert watched.until(Status.UNHEALTHY) == 4 * HOUR


def test_our_own_stop_needs_no_waiting() -> None:
    stopped = an_instance(state=InstanceState.STOPPED, state_changed_at=NOW)
    verdict = judged(instance=stopped, checks=None, stopped_by_us=True)
    assert verdict.status is Status.UNHEALTHY
    assert verdict.bad_signs == {Sign.STOPPED}


def test_a_claim_that_is_not_attached_makes_it_starting_whatever_its_checks_say() -> None:
    verdict = judged(claims=(a_claim(attached=False),))
    assert verdict.status is Status.STARTING
    assert not verdict.serving


def test_a_claim_in_error_is_unhealthy_at_once() -> None:
    verdict = judged(claims=(a_claim(attached=True, in_error=True),))
    assert verdict.status is Status.UNHEALTHY
    assert verdict.bad_signs == {Sign.CLAIM_ERROR}


def test_a_scheduled_event_is_evidence_with_a_date_and_no_verdict() -> None:
    event = ScheduledEvent(code="instance-retirement", description="", not_before=NOW + DAY)
    verdict = judged(checks=checks(events=(event,)))
    assert verdict.status is Status.HEALTHY
    (evidence,) = [item for item in verdict.evidence if item.sign is Sign.SCHEDULED_EVENT]
    assert evidence.weight is Weight.NEUTRAL
    assert evidence.detail == "instance-retirement at 2026-04-22 12:00Z"


# While blind


def test_while_its_checks_could_not_be_read_it_is_unknown_and_nothing_is_forgotten() -> None:
    trouble = was_healthy(
        status=Status.SUSPECT,
        since={Sign.SYSTEM_CHECK: NOW - 2 * MINUTE},
        trouble_since=NOW - 2 * MINUTE,
    )
    fields: dict[str, Any] = {"checks": None, "blind": True, "remembered": trouble}
    assert judged(**fields).status is Status.UNKNOWN
    assert remembered_after(**fields) is trouble


def test_timers_do_not_run_out_while_blind() -> None:
    trouble = was_healthy(
        since={Sign.PROBE: NOW - HOUR}, trouble_since=NOW - HOUR, probe_failures=99
    )
    failing: dict[str, Any] = {
        "spec": health_spec(tcp_probe()),
        "probe": probe(ProbeOutcome.FAILED),
    }
    assert judged(**failing, remembered=trouble).status is Status.UNHEALTHY
    unread = judged(**failing, checks=None, blind=True, remembered=trouble)
    assert unread.status is Status.UNKNOWN


# Recovery


def test_recovery_must_last_two_minutes() -> None:
    watched = Watched(checks=checks(system=impaired(since=NOW - 5 * MINUTE)))
    assert watched.look().status is Status.UNHEALTHY
    assert watched.look(checks=checks()).status is Status.SUSPECT
    assert watched.until(Status.HEALTHY) == 2 * MINUTE - 15 * SECOND


def test_a_relapse_begins_the_recovery_anew() -> None:
    watched = Watched(checks=checks(system=impaired(since=NOW - 5 * MINUTE)))
    watched.look()
    watched.look(checks=checks())
    watched.look(checks=checks(system=impaired()))
    watched.look(checks=checks())
    assert watched.until(Status.HEALTHY) == 2 * MINUTE - 15 * SECOND


def test_a_moment_without_data_does_not_cut_a_recovery_short() -> None:
    watched = Watched(checks=checks(system=impaired(since=NOW - 5 * MINUTE)))
    watched.look()
    assert watched.look(checks=None).status is Status.UNKNOWN
    assert watched.look(checks=checks()).status is Status.SUSPECT


def test_trouble_is_dated_from_when_it_left_healthy_until_it_is_healthy_again() -> None:
    watched = Watched(checks=checks(system=impaired(since=NOW - 5 * MINUTE)))
    began = watched.now
    watched.look()
    watched.look(checks=checks())
    assert watched.remembered is not None
    assert watched.remembered.trouble_since == began
    watched.until(Status.HEALTHY)
    assert watched.remembered.trouble_since is None


def test_a_steady_instance_leaves_its_memory_as_it_is() -> None:
    steady = was_healthy()
    assert remembered_after(remembered=steady) is steady
