"""Claims: what EBS takes, and how they are kept restorable."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.unit.desired_state.written import POSTGRES, WEB, load_text, refusal_of, with_change


def with_volume(**fields: str) -> str:
    """A fleet with one volume; fields replace those of a plain one, an empty one is left out."""
    volume = {"name": "data", "device": "/dev/sdf", "size": "200GiB", "backup": "none"} | fields
    written = ", ".join(f"{key}: {value}" for key, value in volume.items() if value)
    return WEB + f"  volumes: [{{{written}}}]\n"


def with_backup(backup: str) -> str:
    return with_volume(backup=backup)


def messages(document: str) -> list[str]:
    """What is said, without positions."""
    return [
        line.partition(" error: ")[2]
        for line in refusal_of(document).splitlines()
        if "error:" in line
    ]


def test_a_volume_must_say_how_it_is_backed_up() -> None:
    assert refusal_of(with_volume(backup="")) == dedent("""\
        fleets.yaml:17:13: error: `spec.volumes[0].backup` is missing
              volumes: [{name: data, device: /dev/sdf, size: 200GiB}]
                        ^""")


def test_no_backup_must_be_said_in_this_word() -> None:
    assert load_text(with_backup("none")).fleets[0].claims[0].backup is None
    assert messages(with_backup("no")) == ["`spec.volumes[0].backup` must be `none`, not 'no'"]
    assert messages(with_backup("false")) == [
        "`spec.volumes[0].backup` must be `none`, or a mapping with `snapshots` or `archive`, not false"
    ]
    assert messages(with_backup("{maxLoss: 1h}")) == [
        "`spec.volumes[0].backup` must have `snapshots` or `archive`"
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": "/dev/sda1"}, "`spec.volumes[0].device` is /dev/sda1, the root device"),
        ({"device": "/dev/xvda"}, "`spec.volumes[0].device` is /dev/xvda, the root device"),
        (
            {"device": "/dev/sdb"},
            "`spec.volumes[0].device` must be /dev/sdf to /dev/sdp, or /dev/xvdf, not '/dev/sdb'",
        ),
        (
            {"device": "/dev/nvme1n1"},
            "`spec.volumes[0].device` must be /dev/sdf to /dev/sdp, or /dev/xvdf, not '/dev/nvme1n1'",
        ),
        (
            {"device": "sdf"},
            "`spec.volumes[0].device` must be /dev/sdf to /dev/sdp, or /dev/xvdf, not 'sdf'",
        ),
        (
            {"name": "Data"},
            "`spec.volumes[0].name` must be lower-case letters, digits and inner hyphens, such as data, not 'Data'",
        ),
        (
            {"type": "gp4"},
            "`spec.volumes[0].type` must be `gp3`, `gp2`, `io2`, `io1`, `st1`, `sc1` or `standard`, not 'gp4'",
        ),
        ({"size": "65TiB"}, "`spec.volumes[0].size` must be 1GiB to 64TiB for gp3, not 65TiB"),
        (
            {"size": "124GiB", "type": "st1"},
            "`spec.volumes[0].size` must be 125GiB to 16TiB for st1, not 124GiB",
        ),
        (
            {"size": "3GiB", "type": "io2", "iops": "100"},
            "`spec.volumes[0].size` must be 4GiB to 64TiB for io2, not 3GiB",
        ),
        (
            {"size": "2TiB", "type": "standard"},
            "`spec.volumes[0].size` must be 1GiB to 1TiB for standard, not 2TiB",
        ),
        ({"type": "io2"}, "`spec.volumes[0].iops` is missing: io2 has no default"),
        ({"type": "io1"}, "`spec.volumes[0].iops` is missing: io1 has no default"),
        ({"type": "gp2", "iops": "3000"}, "`spec.volumes[0].iops` cannot be set for a gp2 volume"),
        ({"iops": "2999"}, "`spec.volumes[0].iops` must be 3000 to 80000 for gp3, not 2999"),
        (
            {"size": "7GiB", "iops": "4000"},
            "`spec.volumes[0].iops` must be at most 500 per GiB for gp3, not 4000",
        ),
        (
            {"type": "io1", "size": "10GiB", "iops": "501"},
            "`spec.volumes[0].iops` must be at most 50 per GiB for io1, not 501",
        ),
        ({"throughput": "124"}, "`spec.volumes[0].throughput` must be 125 to 2000 MiB/s, not 124"),
        (
            {"throughput": "751"},
            "`spec.volumes[0].throughput` must be at most a quarter of the iops, 750 MiB/s, not 751",
        ),
        (
            {"type": "gp2", "throughput": "250"},
            "`spec.volumes[0].throughput` cannot be set for a gp2 volume",
        ),
        (
            {"kmsKeyId": "alias/data", "encrypted": "false"},
            "`spec.volumes[0].kmsKeyId` needs `encrypted: true`",
        ),
        (
            {"kmsKeyId": "my key"},
            "`spec.volumes[0].kmsKeyId` must be a KMS key's id, alias or ARN, such as alias/data, not 'my key'",
        ),
    ],
)
def test_what_ebs_would_refuse_is_refused_here(fields: dict[str, str], message: str) -> None:
    assert messages(with_volume(**fields)) == [message]


@pytest.mark.parametrize(
    "fields",
    [
        {"device": "/dev/sdp"},
        {"device": "/dev/xvdbz"},
        {"size": "64TiB"},
        {"size": "6GiB", "iops": "3000"},
        {"iops": "4000", "throughput": "1000"},
        {"throughput": "750"},
        {"type": "io2", "size": "4GiB", "iops": "4000"},
        {"type": "io1", "iops": "10000"},
        {"type": "st1"},
        {"kmsKeyId": "alias/data"},
        {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/12345678-1234-1234-1234-123456789012"},
    ],
)
def test_what_ebs_takes_is_taken(fields: dict[str, str]) -> None:
    assert len(load_text(with_volume(**fields)).fleets[0].claims) == 1


def test_all_that_is_wrong_with_a_volume_is_told_at_once() -> None:
    fields = {
        "name": "5",
        "type": "io2",
        "size": "3GiB",
        "iops": "50",
        "throughput": "1",
        "backup": "",
    }
    assert messages(with_volume(**fields)) == [
        "`spec.volumes[0].backup` is missing",
        "`spec.volumes[0].name` must be a string, not the number 5",
        "`spec.volumes[0].size` must be 4GiB to 64TiB for io2, not 3GiB",
        "`spec.volumes[0].iops` must be 100 to 256000 for io2, not 50",
    ]


def test_claims_have_different_names_and_devices() -> None:
    second = "    - {name: data, device: /dev/xvdf, size: 1GiB, backup: none}\n"
    assert refusal_of(POSTGRES + second) == dedent("""\
        fleets.yaml:25:14: error: `spec.volumes[1].name` is 'data', as is `spec.volumes[0].name`
                - {name: data, device: /dev/xvdf, size: 1GiB, backup: none}
                         ^
            each name once

        fleets.yaml:25:28: error: `spec.volumes[1].device` is '/dev/xvdf', as is `spec.volumes[0].device`
                - {name: data, device: /dev/xvdf, size: 1GiB, backup: none}
                                       ^
            each device once""")


def test_without_an_archive_the_loss_allows_two_snapshots_to_fail() -> None:
    assert load_text(with_change(POSTGRES, "maxLoss: 45m", "maxLoss: 40m")).fleets
    assert refusal_of(with_change(POSTGRES, "maxLoss: 45m", "maxLoss: 39m")) == dedent("""\
        fleets.yaml:23:18: error: `spec.volumes[0].backup.maxLoss` must be at least 40m, twice `every` and 10m, not 39m
                    maxLoss: 39m
                             ^
            snapshot more often, declare an archive, or accept more loss""")


ARCHIVE = "{tool: wal-g, url: 's3://backups/{fleet}/{slot}/{incarnation}'}"


def test_with_an_archive_the_loss_may_be_small() -> None:
    archived = f"{{snapshots: {{every: 1h}}, archive: {ARCHIVE}, maxLoss: 1m}}"
    backup = load_text(with_backup(archived)).fleets[0].claims[0].backup
    assert backup is not None
    assert backup.archive is not None
    assert backup.archive.url == "s3://backups/{fleet}/{slot}/{incarnation}"


@pytest.mark.parametrize(
    ("backup", "message"),
    [
        ("{snapshots: {every: 1m}, maxLoss: 1h}", "snapshots.every` must be at least 5m, not 1m"),
        (
            "{snapshots: {every: 1h, keep: {all: 1h}}, maxLoss: 3h}",
            "snapshots.keep.all` must be at least 2h, two of its kind, not 1h",
        ),
        (
            "{snapshots: {every: 1h, keep: {daily: 1d}}, maxLoss: 3h}",
            "snapshots.keep.daily` must be at least 2d, two of its kind, not 1d",
        ),
        ("{snapshots: {every: 1h, keep: {}}, maxLoss: 3h}", "snapshots.keep` must not be empty"),
        ("{snapshots: {every: 1h}}", "maxLoss` is missing"),
        (
            "{snapshots: {every: 1h}, maxLoss: 3h, copyTo: us-east-1}",
            "copyTo` must be another region than the fleet's, us-east-1",
        ),
        (
            f"{{archive: {ARCHIVE}, maxLoss: 1h, copyTo: us-west-2}}",
            "copyTo` needs `snapshots`: it copies those",
        ),
        (
            "{archive: {tool: tar, url: 's3://b-1/{slot}/{incarnation}'}, maxLoss: 1h}",
            "archive.tool` must be `wal-g`, `pgbackrest` or `barman`, not 'tar'",
        ),
        (
            "{archive: {tool: wal-g, url: '/srv/backups'}, maxLoss: 1h}",
            "archive.url` must be an S3 URL, not '/srv/backups'",
        ),
        (
            "{archive: {tool: wal-g, url: 's3://backups/{slot}'}, maxLoss: 1h}",
            "archive.url` must contain {incarnation}",
        ),
        (
            "{archive: {tool: wal-g, url: 's3://backups/{slot}/{incarnation}/{host}'}, maxLoss: 1h}",
            "archive.url` has the unknown placeholder {host}",
        ),
        (
            "{archive: {tool: wal-g, url: 's3://backups/{incarnation}/{slot}'}, maxLoss: 1h}",
            "archive.url` must have {incarnation} once, as a folder after {slot}",
        ),
        (
            "{archive: {tool: wal-g, url: 's3://backups/{slot}-{incarnation}'}, maxLoss: 1h}",
            "archive.url` must have {incarnation} once, as a folder after {slot}",
        ),
        (
            "{archive: {tool: wal-g, url: 's3://backups/{fleet}{slot}/{incarnation}'}, maxLoss: 1h}",
            "archive.url` must not have one placeholder right after another",
        ),
    ],
)
def test_a_backup_that_could_not_be_relied_on_is_refused(backup: str, message: str) -> None:
    assert messages(with_backup(backup)) == [f"`spec.volumes[0].backup.{message}"]


SHARED = "is where a claim of fleet web archives to already"


def test_two_fleets_never_archive_to_one_place() -> None:
    without_fleet = "{archive: {tool: wal-g, url: 's3://b-1/{slot}/{incarnation}'}, maxLoss: 1h}"
    first = with_backup(without_fleet)
    both = first + "---\n" + first.replace("name: web", "name: other")
    assert messages(both) == [f"`spec.volumes[0].backup.archive.url` {SHARED}"]
    assert load_text(both.replace("{slot}", "{fleet}/{slot}"))


def test_two_claims_of_a_fleet_never_archive_to_one_place() -> None:
    one = f"backup: {{archive: {ARCHIVE}, maxLoss: 1h}}"
    volumes = ", ".join(
        f"{{name: {name}, device: {device}, size: 200GiB, {one}}}"
        for name, device in (("data", "/dev/sdf"), ("log", "/dev/sdg"))
    )
    written = WEB + f"  volumes: [{volumes}]\n"
    assert messages(written) == [f"`spec.volumes[1].backup.archive.url` {SHARED}"]


def test_a_misspelt_grain_is_told_the_right_one() -> None:
    refusal = refusal_of(with_backup("{snapshots: {every: 1h, keep: {hourlyy: 3d}}, maxLoss: 3h}"))
    assert "a key of `spec.volumes[0].backup.snapshots.keep` must be `all`, `hourly`" in refusal
    assert refusal.endswith("did you mean `hourly`?")
