"""What documents mean: the design's example with every field, and each default."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from desired_state.model import (
    Archive,
    Backup,
    Claim,
    Fleet,
    HealthSpec,
    HttpProbe,
    InstanceSpec,
    Isolation,
    LadderStep,
    Mode,
    Placement,
    RepairSpec,
    ReplacementLimit,
    ServeWhen,
    Share,
    SnapshotSchedule,
    SourcePosition,
    SsmImage,
    TcpProbe,
    UpdateStrategy,
)
from desired_state.user_data import hashed
from tests.unit.desired_state.written import POSTGRES, WEB, load_text, with_change

EVERY_FIELD = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: shared-postgres}
spec:
  tier: 0
  replicas: 12
  mode: auto
  paused: true
  placement:
    account: "210987654321"
    region: us-east-1
    zones: [use1-az1, use1-az2, use1-az4]
  instance:
    image: {ssm: /aws/service/image}
    types: [m6i.large, m5.large]
    subnets: {use1-az4: subnet-3, use1-az1: subnet-1, use1-az2: subnet-2}
    securityGroups: [sg-1]
    stagingSecurityGroups: [sg-2]
    isolationSecurityGroups: {untracked: sg-3, empty: sg-4}
    instanceProfile: postgres
    userData: {file: boot.sh}
    tags: {team: data}
  volumes:
    - name: data
      device: /dev/sdf
      size: 200GiB
      type: gp3
      iops: 4000
      throughput: 500
      encrypted: true
      kmsKeyId: alias/data
      backup:
        snapshots: {every: 15m, keep: {all: 24h, hourly: 3d, daily: 30d}}
        archive: {tool: wal-g, url: "s3://backups/{fleet}/{slot}/{incarnation}"}
        maxLoss: 45m
        copyTo: us-west-2
  health:
    startupGrace: 11m
    unhealthyAfter: 4m
    recoverAfter: 3m
    probe: {http: {port: 8080, path: /healthz}, interval: 15s, timeout: 3s, threshold: 4}
  repair:
    ladder: [restart, replace]
    cutoverAfter: 25m
    maxUnavailable: 20%
    maxReplacementsPerSlot: {24h: 5, 1h: 3}
  restore: {serve: beforeCommit}
  update: {strategy: rolling}
"""


def test_every_field_is_carried_over() -> None:
    Path("boot.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    assert load_text(EVERY_FIELD).fleets == (
        Fleet(
            name="shared-postgres",
            tier=0,
            replicas=12,
            mode=Mode.AUTO,
            paused=True,
            placement=Placement(
                account="210987654321",
                region="us-east-1",
                zones=("use1-az1", "use1-az2", "use1-az4"),
            ),
            instance=InstanceSpec(
                image=SsmImage(ssm="/aws/service/image"),
                types=("m6i.large", "m5.large"),
                subnets={"use1-az1": "subnet-1", "use1-az2": "subnet-2", "use1-az4": "subnet-3"},
                security_groups=("sg-1",),
                staging_security_groups=("sg-2",),
                isolation=Isolation(untracked="sg-3", empty="sg-4"),
                instance_profile="postgres",
                user_data=hashed("#!/bin/sh\n"),
                tags={"team": "data"},
            ),
            claims=(
                Claim(
                    name="data",
                    device="/dev/sdf",
                    size_gib=200,
                    type="gp3",
                    iops=4000,
                    throughput_mib_s=500,
                    encrypted=True,
                    kms_key_id="alias/data",
                    backup=Backup(
                        snapshots=SnapshotSchedule(
                            every=timedelta(minutes=15),
                            keep={
                                "all": timedelta(days=1),
                                "hourly": timedelta(days=3),
                                "daily": timedelta(days=30),
                            },
                        ),
                        archive=Archive(
                            tool="wal-g", url="s3://backups/{fleet}/{slot}/{incarnation}"
                        ),
                        max_loss=timedelta(minutes=45),
                        copy_to="us-west-2",
                    ),
                ),
            ),
            health=HealthSpec(
                startup_grace=timedelta(minutes=11),
                unhealthy_after=timedelta(minutes=4),
                recover_after=timedelta(minutes=3),
                probe=HttpProbe(
                    port=8080,
                    path="/healthz",
                    interval=timedelta(seconds=15),
                    timeout=timedelta(seconds=3),
                    threshold=4,
                ),
            ),
            repair=RepairSpec(
                ladder=(LadderStep.RESTART, LadderStep.REPLACE),
                cutover_after=timedelta(minutes=25),
                max_unavailable=Share(percent=20.0),
                max_replacements_per_slot=(
                    ReplacementLimit(window=timedelta(hours=1), count=3),
                    ReplacementLimit(window=timedelta(days=1), count=5),
                ),
            ),
            serve=ServeWhen.BEFORE_COMMIT,
            update=UpdateStrategy.ROLLING,
            source=SourcePosition(file="fleets.yaml", line=3, column=18),
        ),
    )


def test_the_defaults_are_those_that_the_fields_document() -> None:
    fleet = load_text(WEB).fleets[0]
    assert fleet.tier == 1
    assert not fleet.paused
    assert fleet.claims == ()
    assert fleet.instance.staging_security_groups == ()
    assert fleet.instance.instance_profile is None
    assert fleet.instance.user_data is None
    assert fleet.instance.tags == {}
    assert fleet.health == HealthSpec(
        startup_grace=timedelta(minutes=10),
        unhealthy_after=timedelta(minutes=3),
        recover_after=timedelta(minutes=2),
        probe=TcpProbe(
            port=80, interval=timedelta(seconds=10), timeout=timedelta(seconds=2), threshold=3
        ),
    )
    assert fleet.repair == RepairSpec(
        ladder=(LadderStep.REBOOT, LadderStep.RESTART, LadderStep.REPLACE),
        cutover_after=timedelta(minutes=20),
        max_unavailable=Share(count=1),
        max_replacements_per_slot=(
            ReplacementLimit(window=timedelta(hours=1), count=2),
            ReplacementLimit(window=timedelta(days=1), count=4),
        ),
    )
    assert fleet.serve is ServeWhen.AFTER_COMMIT
    assert fleet.update is UpdateStrategy.ON_REPLACE


def test_the_defaults_of_a_volume_are_those_that_the_fields_document() -> None:
    (claim,) = load_text(POSTGRES).fleets[0].claims
    assert claim.type == "gp3"
    assert claim.encrypted
    assert (claim.iops, claim.throughput_mib_s, claim.kms_key_id) == (None, None, None)
    assert claim.backup is not None
    assert claim.backup.snapshots is not None
    assert claim.backup.snapshots.keep == {
        "all": timedelta(days=1),
        "hourly": timedelta(days=3),
        "daily": timedelta(days=30),
    }


def test_a_fleet_with_volumes_asks_before_it_acts_and_one_without_does_not() -> None:
    assert load_text(POSTGRES).fleets[0].mode is Mode.APPROVE
    assert load_text(WEB).fleets[0].mode is Mode.AUTO


@pytest.mark.parametrize(
    ("replicas", "unavailable"), [(1, 1), (49, 1), (50, 1), (100, 2), (149, 2), (5000, 100)]
)
def test_the_default_budget_is_two_percent_and_at_least_one(
    replicas: int, unavailable: int
) -> None:
    fleet = load_text(with_change(WEB, "replicas: 6", f"replicas: {replicas}")).fleets[0]
    assert fleet.repair.max_unavailable.of(replicas) == unavailable


def test_user_data_in_place_is_taken_as_written() -> None:
    script = dedent("""\
        #!/bin/sh
        echo "two  spaces"
        """)
    block = "".join(f"        {line}\n" for line in script.splitlines())
    document = with_change(WEB, "[sg-1]", f"[sg-1]\n    userData:\n      text: |\n{block}".rstrip())
    assert load_text(document).fleets[0].instance.user_data == hashed(script)


def test_zones_may_be_names() -> None:
    document = WEB.replace("use1-az1", "us-east-1a").replace("use1-az2", "us-east-1b")
    assert load_text(document).fleets[0].placement.zones == ("us-east-1a", "us-east-1b")


def test_fleets_are_in_the_order_of_their_names() -> None:
    documents = "---\n".join(WEB.replace("name: web", f"name: {name}") for name in "cab")
    assert [fleet.name for fleet in load_text(documents).fleets] == ["a", "b", "c"]
