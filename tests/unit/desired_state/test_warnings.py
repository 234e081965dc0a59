"""What is legal and unwise: a warning with its place, and the desired state all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desired_state.advice import snapshots_kept
from desired_state.model import SnapshotSchedule
from tests.unit.desired_state.written import POSTGRES, WEB, load_files, load_text, with_change


def warnings_of(document: str) -> list[str]:
    return list(load_text(document).warnings)


ONE_ZONE = with_change(
    with_change(WEB, "[use1-az1, use1-az2]", "[use1-az1]"), ", use1-az2: subnet-2", ""
)


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        (
            ONE_ZONE,
            (
                "9:12: warning: `spec.placement.zones` names one zone: when that is in trouble, "
                "so is the whole fleet"
            ),
        ),
        (
            with_change(WEB, "  health:\n    probe: {tcp: 80}\n", ""),
            (
                "4:1: warning: `spec.health` has no `probe`: an instance that runs and does not serve "
                "counts as healthy"
            ),
        ),
        (
            with_change(WEB, "probe: {tcp: 80}", "startupGrace: 5m"),
            (
                "16:5: warning: `spec.health` has no `probe`: an instance that runs and does not serve "
                "counts as healthy"
            ),
        ),
        (
            with_change(WEB, "{tcp: 80}", "{tcp: 80, interval: 1m, threshold: 4}"),
            (
                "16:12: warning: `spec.health.probe` needs 4m for 4 failures in a row, longer than "
                "`unhealthyAfter`, 3m"
            ),
        ),
        (
            WEB + "  repair: {maxUnavailable: 15%}\n",
            (
                "17:28: warning: `spec.repair.maxUnavailable` comes to 0 of 6 slots (15%, rounded down): "
                "no serving slot is ever taken out for repair or update"
            ),
        ),
        (
            with_change(WEB, "[sg-1]", "[sg-1]\n    userData: {text: echo hello}"),
            (
                "15:15: warning: `spec.instance.userData` begins with neither `#!` nor `#cloud-config`: "
                "cloud-init ignores it"
            ),
        ),
        (
            with_change(WEB, "[sg-1]", '[sg-1]\n    userData: {text: "#!/bin/sh\\r\\necho"}'),
            (
                "15:15: warning: `spec.instance.userData` has Windows line ends: the interpreter is "
                "not found"
            ),
        ),
        (
            with_change(POSTGRES, "        copyTo: us-west-2\n", ""),
            (
                "22:9: warning: `spec.volumes[0].backup` has no `copyTo`: no copy leaves the region, "
                "whose control plane fails as one"
            ),
        ),
        (
            POSTGRES + "    - {name: log, device: /dev/sdg, size: 1GiB, backup: none}\n",
            (
                "25:57: warning: `spec.volumes[1].backup` is `none`: what is lost with the volume "
                "stays lost"
            ),
        ),
        (
            with_change(POSTGRES, "replicas: 6", "replicas: 5000"),
            (
                "22:28: warning: `spec.volumes[0].backup.snapshots.every` brings all schedules in "
                "us-east-1 to 5.6 snapshots a second; EC2 takes 5, and restores need some of them"
            ),
        ),
    ],
)
def test_what_is_unwise_is_told_at_its_place(document: str, warning: str) -> None:
    assert f"fleets.yaml:{warning}" in warnings_of(document)


def test_too_many_snapshots_kept_are_told() -> None:
    # 96 of a day, 48 hourly ones of the two days after it, 27 daily ones of the rest of the month.
    many = with_change(POSTGRES, "replicas: 6", "replicas: 500")
    assert warnings_of(many) == [
        (
            "fleets.yaml:22:9: warning: `spec.volumes[0].backup.snapshots.keep` brings all schedules "
            "in us-east-1 to 85,500 snapshots kept; the default quota is 100,000"
        )
    ]
    assert warnings_of(with_change(POSTGRES, "replicas: 6", "replicas: 467")) == []


def test_a_grain_finer_than_the_schedule_keeps_no_more_than_the_schedule_makes() -> None:
    schedule = SnapshotSchedule(
        every=timedelta(hours=6), keep={"hourly": timedelta(days=2), "daily": timedelta(days=9)}
    )
    assert snapshots_kept(schedule) == 8 + 7


def test_schedules_are_summed_over_the_fleets_of_one_account_and_region() -> None:
    half = with_change(POSTGRES, "replicas: 6", "replicas: 250")
    other = with_change(half, "name: shared-postgres", "name: other")
    told = load_files({"a.yaml": half, "b.yaml": other}).warnings
    assert len(told) == 1
    assert "85,500 snapshots kept" in told[0]
    elsewhere = with_change(other, '"210987654321"', '"123456789012"')
    assert load_files({"a.yaml": half, "b.yaml": elsewhere}).warnings == ()


def test_a_file_without_a_document_is_told() -> None:
    warnings = load_files({"web.yaml": WEB, "empty.yaml": "# nothing yet\n"}).warnings
    assert warnings == ("empty.yaml: warning: holds no document",)


def test_warnings_are_in_reading_order() -> None:
    warnings = load_files(
        {"b.yaml": ONE_ZONE, "a.yaml": with_change(POSTGRES, "tcp: 80", "tcp: 80, interval: 2m")}
    ).warnings
    assert [warning.partition(" warning")[0] for warning in warnings] == [
        "a.yaml:16:12:",
        "b.yaml:9:12:",
    ]
