"""How probes are judged: a passing one is serving, a failing one alone needs patience, none is no evidence."""

from __future__ import annotations

from typing import Any

from providers.observed import ProbeOutcome
from reconciler.health.verdict import Evidence, Sign, Status, Weight
from tests.support.fleets import HOUR, MINUTE, SECOND, health_spec, tcp_probe
from tests.support.resources import NOW
from tests.support.subjects import (
    Watched,
    a_claim,
    an_instance,
    checks,
    impaired,
    judged,
    probe,
    was_healthy,
)

PROBED = health_spec(tcp_probe())
PASSED, FAILED, UNKNOWN = ProbeOutcome.PASSED, ProbeOutcome.FAILED, ProbeOutcome.UNKNOWN


def watched(**fields: Any) -> Watched:
    return Watched(spec=PROBED, **fields)


def fail(watching: Watched, times: int) -> list[Status]:
    return [watching.look(probe=probe(FAILED, at=watching.now)).status for _ in range(times)]


def test_a_passing_probe_is_serving_although_a_check_fails() -> None:
    verdict = judged(
        spec=PROBED, probe=probe(PASSED), checks=checks(system=impaired(since=NOW - HOUR))
    )
    assert verdict.status is Status.UNHEALTHY
    assert verdict.serving


def test_a_probe_counts_as_failing_after_three_failures_in_a_row() -> None:
    watching = watched()
    signs = []
    for _ in range(3):
        verdict = watching.look(probe=probe(FAILED, at=watching.now))
        signs.append(Sign.PROBE in verdict.bad_signs)
    assert signs == [False, False, True]


def test_one_success_begins_the_count_anew() -> None:
    watching = watched()
    fail(watching, 2)
    watching.look(probe=probe(PASSED, at=watching.now))
    fail(watching, 2)
    assert watching.look(probe=probe(UNKNOWN, at=watching.now)).bad_signs == frozenset()


def test_the_same_look_seen_in_two_passes_counts_once() -> None:
    watching = watched()
    once = probe(FAILED, at=watching.now)
    for _ in range(5):
        verdict = watching.look(probe=once)
    assert verdict.bad_signs == frozenset()


def test_a_probe_that_fails_alone_must_last_three_times_as_long() -> None:
    watching = watched()
    fail(watching, 3)
    began = watching.now
    while watching.look(probe=probe(FAILED, at=watching.now)).status is not Status.UNHEALTHY:
        assert watching.now - began < 10 * MINUTE
    assert watching.now - began == 9 * MINUTE


def test_with_a_failing_check_beside_it_the_usual_patience_is_enough() -> None:
    since = {Sign.PROBE: NOW - 4 * MINUTE}
    remembered = was_healthy(since=since, trouble_since=NOW - 4 * MINUTE, probe_failures=16)
    fields: dict[str, Any] = {"spec": PROBED, "probe": probe(FAILED), "remembered": remembered}
    assert judged(**fields).status is Status.SUSPECT
    worse = checks(instance=impaired(since=NOW - MINUTE))
    assert judged(**fields, checks=worse).status is Status.UNHEALTHY


def test_beside_the_attached_ebs_check_it_waits_for_a_volume_to_be_named() -> None:
    """A volume that does not answer fails both, and is named minutes later."""
    since = NOW - 9 * MINUTE
    remembered = was_healthy(since={Sign.PROBE: since}, trouble_since=since, probe_failures=36)
    watching = watched(
        remembered=remembered,
        claims=(a_claim(attached=True),),
        probe=probe(FAILED),
        checks=checks(attached_ebs=impaired(since=since)),
    )
    assert watching.until(Status.UNHEALTHY) == MINUTE
    watching.remembered = remembered
    both = checks(attached_ebs=impaired(since=since), instance=impaired(since=since))
    assert watching.look(checks=both).status is Status.UNHEALTHY


def test_a_probe_that_says_nothing_is_no_evidence_either_way() -> None:
    verdict = judged(spec=PROBED, probe=probe(UNKNOWN))
    assert verdict.status is Status.UNKNOWN
    assert not verdict.serving


def test_a_service_that_was_not_probed_is_unknown() -> None:
    assert judged(spec=PROBED, probe=None).status is Status.UNKNOWN


def test_a_new_instance_may_fail_its_probe_during_its_grace() -> None:
    watching = watched(instance=an_instance(age=MINUTE), remembered=None)
    statuses = fail(watching, 16)
    assert set(statuses) == {Status.STARTING}


def test_what_serves_from_a_volume_is_not_blamed_while_the_volume_is_elsewhere() -> None:
    watching = watched(claims=(a_claim(attached=False),))
    verdict = watching.look(probe=probe(FAILED, at=watching.now))
    fail(watching, 100)
    verdict = watching.look(probe=probe(FAILED, at=watching.now))
    assert verdict.status is Status.STARTING
    assert verdict.bad_signs == frozenset()


def test_it_has_its_whole_grace_once_its_data_came() -> None:
    watching = watched(claims=(a_claim(attached=False),))
    fail(watching, 100)
    came = watching.now
    watching.fields |= {"claims": (a_claim(attached=True),), "restarted_at": came}
    while watching.look(probe=probe(FAILED, at=watching.now)).status is not Status.UNHEALTHY:
        assert watching.now - came < HOUR
    assert watching.now - came == 10 * MINUTE + 9 * MINUTE + 15 * SECOND


def test_a_users_check_is_a_sign_like_the_others() -> None:
    lag = Evidence(
        sign=Sign.USER_CHECK,
        source="replication-lag",
        weight=Weight.BAD,
        since=NOW - 5 * MINUTE,
        detail="12 min behind",
    )
    verdict = judged(reported=(lag,))
    assert verdict.status is Status.UNHEALTHY
    assert verdict.bad_signs == {Sign.USER_CHECK}
