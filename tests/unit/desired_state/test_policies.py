"""The safety policy: one file holds every number with its reason, and a document overrides what it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from desired_state.load import DEFAULT_POLICY_FILE, default_policy
from desired_state.model import Deadlines, SafetyPolicy
from tests.support.brakes import BREAKERS, CONDITIONS, PACE
from tests.unit.desired_state.written import POLICY, WEB, load_files, refusal_of, with_change

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

OFF_BY_DEFAULT = [
    "conditions.zone_degraded.all_of",
    "conditions.zone_critical.leave_count",
    "conditions.volumes_degraded.all_of",
    "conditions.volumes_critical.leave_count",
    "conditions.region_degraded.all_of",
    "conditions.region_critical.all_of",
    "conditions.region_critical.leave_count",
    "conditions.fleet_breaker.all_of",
    "conditions.fleet_breaker.leave_count",
]
"""Parts that a rule may have and that the default leaves out."""


def policy_of(spec: str) -> SafetyPolicy:
    """The policy in force beside a document with this spec."""
    policy = with_change(POLICY, "spec: {}", spec)
    return load_files({"web.yaml": WEB, "policy.yaml": policy}).policy


def test_without_a_policy_the_default_one_is_in_force() -> None:
    assert load_files({"web.yaml": WEB}).policy == default_policy()


def test_the_default_numbers_are_those_of_the_design() -> None:
    assert default_policy() == SafetyPolicy(
        name="default",
        deadlines=Deadlines(
            pending=5 * MINUTE,
            start=10 * MINUTE,
            create=5 * MINUTE,
            attach=3 * MINUTE,
            detach=6 * MINUTE,
            stop=3 * MINUTE,
            stop_forced=2 * MINUTE,
            stop_unproven=6 * MINUTE,
            terminate=15 * MINUTE,
            reboot=5 * MINUTE,
            ambiguous=10 * MINUTE,
        ),
        consistency_window=5 * MINUTE,
        stopped_by_hand_for=4 * HOUR,
        mass_disappearance_count=3,
        mass_disappearance_percent=10.0,
        terminations_per_hour_count=5,
        terminations_per_hour_percent=10.0,
        repairs_at_once_count=2,
        repairs_at_once_percent=20.0,
        shrink_free_slots=2,
        shrink_free_percent=10.0,
        capacity_backoff=(MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE),
        capacity_forgotten_after=2 * HOUR,
        attached_ebs_unnamed_after=10 * MINUTE,
        orphan_grace=10 * MINUTE,
        plan_expires_after=MINUTE,
        approval_lasts=24 * HOUR,
        pause_lasts=4 * HOUR,
        pause_lasts_at_most=7 * 24 * HOUR,
        override_lasts=HOUR,
        conditions=CONDITIONS,
        capabilities=BREAKERS,
        pace=PACE,
    )


def without_reason(policy: Path) -> list[str]:
    """Lines of a policy that ships and that no comment stands above."""
    spec = policy.read_text(encoding="utf-8").partition("\nspec:\n")[2].splitlines()
    return [
        line.strip()
        for before, line in zip(["", *spec], spec, strict=False)
        if re.match(r"\s+\w+:", line)
        and not before.strip().startswith("#")
        # A count and a share have one reason, above the name of both.
        and not re.match(r"    (count|share):", line)
    ]


def test_a_policy_changes_what_it_names_and_leaves_the_rest() -> None:
    changed = policy_of(
        dedent("""\
        spec:
          deadlines: {attach: 90s}
          terminationsPerHour: {share: 5%}
          capacityBackoff: [2m, 2m]
        """)
    )
    assert changed == replace(
        default_policy(),
        name="careful",
        deadlines=replace(default_policy().deadlines, attach=timedelta(seconds=90)),
        terminations_per_hour_percent=5.0,
        capacity_backoff=(2 * MINUTE, 2 * MINUTE),
    )


def test_a_policy_that_changes_nothing_is_the_default_by_another_name() -> None:
    assert policy_of("spec: {}") == replace(default_policy(), name="careful")


def test_every_number_can_be_changed() -> None:
    """A field that resolving forgot would keep its default."""
    text = DEFAULT_POLICY_FILE.read_text(encoding="utf-8")
    spec = text[text.index("\nspec:\n") + 1 :].replace("7d", "8d").replace("[1m,", "[61s,")
    spec = spec.replace("[30s,", "[31s,").replace("[60%,", "[59%,")
    spec = re.sub(r": (\d+)([smh%])", lambda found: f": {int(found[1]) + 1}{found[2]}", spec)
    spec = re.sub(r": (0\.\d+)", lambda found: f": {float(found[1]) * 2}", spec)
    spec = re.sub(r": (\d+)(?=[,}\n])", lambda found: f": {int(found[1]) + 1}", spec)
    changed = dict(leaves(policy_of(spec)))
    same = [name for name, value in leaves(default_policy()) if changed[name] == value]
    assert same == OFF_BY_DEFAULT


def leaves(numbers: Any, where: str = "") -> Iterator[tuple[str, object]]:
    """Each number, those of parts included, with the names that lead to it."""
    for field in fields(numbers):
        value, name = getattr(numbers, field.name), f"{where}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "spec: {orphanGrace: 10}",
            (
                "4:21: error: `spec.orphanGrace` must be a duration such as 90s, 15m, 12h or 7d, "
                "not the number 10"
            ),
        ),
        (
            "spec: {terminationsPerHour: {share: 10}}",
            (
                "4:37: error: `spec.terminationsPerHour.share` must be a share such as 20%, "
                "not the number 10"
            ),
        ),
        (
            "spec: {terminationsPerHour: {count: -1}}",
            "4:37: error: `spec.terminationsPerHour.count` must be at least 0, not -1",
        ),
        (
            "spec: {capacityBackoff: [3m, 1m]}",
            "4:30: error: `spec.capacityBackoff[1]` is 1m, which cannot come after 3m",
        ),
        (
            "spec: {pauseLasts: 8d}",
            "4:20: error: `spec.pauseLasts` must be at most `spec.pauseLastsAtMost`, 7d, not 8d",
        ),
        (
            "spec: {capacityForgottenAfter: 10m}",
            (
                "4:32: error: `spec.capacityForgottenAfter` must be at least the longest of "
                "`spec.capacityBackoff`, 30m, not 10m"
            ),
        ),
        (
            "spec: {deadlines: {atach: 3m}}",
            "4:20: error: unknown key 'atach' in `spec.deadlines`",
        ),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(spec: str, expected: str) -> None:
    refusal = refusal_of(with_change(POLICY, "spec: {}", spec))
    assert refusal.splitlines()[0] == f"fleets.yaml:{expected}"
