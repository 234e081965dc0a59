"""`spec.volumes`: the claims of every slot and how they are kept restorable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.ebs import (
    DEVICE_PATTERN,
    VolumeType,
    device_problem,
    iops_problems,
    size_problems,
    throughput_problems,
)
from desired_state.documents.fields import ClaimName, Duration, KmsKeyId, Region, SizeGib
from desired_state.reading.diagnostics import quoted
from desired_state.reading.quantities import format_duration

SHORTEST_INTERVAL = timedelta(minutes=5)
"""Snapshots are looked at every five minutes, and EBS allows five of a volume at a time."""

SNAPSHOT_ALLOWANCE = timedelta(minutes=10)
"""Added to twice the interval: a snapshot may be late by a pass, fail once and be repeated, and takes time."""

Grain = Literal["all", "hourly", "daily", "weekly", "monthly"]

_KEEP_DEFAULT: dict[Grain, timedelta] = {
    "all": timedelta(days=1),
    "hourly": timedelta(days=3),
    "daily": timedelta(days=30),
}
_GRAINS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
}
_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\s]*)?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OWN_FOLDER = re.compile(r"/\{incarnation\}(?:/|$)")


class SnapshotsDocument(Document):
    """Snapshots on a schedule. One that is due in an outage is taken as soon as `snapshot` works again."""

    every: Duration = Field(description="Time between two snapshots of a volume; at least 5m.")
    keep: dict[Grain, Duration] = Field(
        default=_KEEP_DEFAULT,
        min_length=1,
        description="How long each grain is kept. Default: {all: 1d, hourly: 3d, daily: 30d}.",
    )

    @field_validator("every")
    @classmethod
    def _check_every(cls, every: timedelta) -> timedelta:
        if every < SHORTEST_INTERVAL:
            shortest = format_duration(SHORTEST_INTERVAL)
            refuse([Problem(message=f"must be at least {shortest}, not {format_duration(every)}")])
        return every

    @field_validator("keep")
    @classmethod
    def _check_keep(
        cls, keep: dict[Grain, timedelta], info: ValidationInfo
    ) -> dict[Grain, timedelta]:
        refuse(_keep_problems(keep, info.data.get("every", SHORTEST_INTERVAL)))
        return keep


def _keep_problems(keep: dict[Grain, timedelta], every: timedelta) -> Iterator[Problem]:
    for grain, kept in keep.items():
        # Two of a grain, so that the last good one is never the one that expires.
        least = 2 * _GRAINS.get(grain, every)
        if kept < least:
            message = f"must be at least {format_duration(least)}, two of its kind"
            yield Problem(message=f"{message}, not {format_duration(kept)}", at=(grain,))


class ArchiveDocument(Document):
    """A continuous backup in S3: base backups and a log that is replayed to its end."""

    tool: Literal["wal-g", "pgbackrest", "barman"] = Field(description="The tool that writes it.")
    url: str = Field(
        max_length=1024,
        description="An S3 URL with {slot} and, as a folder after it, {incarnation}, so that no two instances write "
        "to one place; {fleet} is replaced too.",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        refuse(_url_problems(url))
        return url


def _url_problems(url: str) -> Iterator[Problem]:
    if not _URL.fullmatch(url):
        yield Problem(message=f"must be an S3 URL, not {quoted(url)}")
        return
    named = _PLACEHOLDER.findall(url)
    unknown = sorted(set(named) - {"fleet", "slot", "incarnation"})
    missing = [needed for needed in ("slot", "incarnation") if needed not in named]
    for name in unknown:
        hint = "{fleet}, {slot} and {incarnation} are known"
        yield Problem(message=f"has the unknown placeholder {{{name[:40]}}}", hint=hint)
    for name in missing:
        hint = "without it two instances would write over each other's archive"
        yield Problem(message=f"must contain {{{name}}}", hint=hint)
    if not (unknown or missing):
        yield from _order_problems(url, named)


def _order_problems(url: str, named: Sequence[str]) -> Iterator[Problem]:
    if not _OWN_FOLDER.search(url) or named[-1] != "incarnation" or named.count("incarnation") > 1:
        hint = "what others wrote is found by listing that folder: s3://bucket/{fleet}/{slot}/{incarnation}"
        yield Problem(message="must have {incarnation} once, as a folder after {slot}", hint=hint)
    if "}{" in url:
        hint = "put a / between them: 1 and 12 would read like 11 and 2"
        yield Problem(message="must not have one placeholder right after another", hint=hint)


class BackupDocument(Document):
    """How a claim is kept restorable. Write `backup: none` for a claim that may be lost."""

    snapshots: SnapshotsDocument | None = Field(
        default=None,
        description="EBS snapshots on a schedule. Default: none, then `archive` is needed.",
    )
    archive: ArchiveDocument | None = Field(
        default=None, description="A continuous backup. Default: none, then `snapshots` is needed."
    )
    max_loss: Duration = Field(
        description="The loss up to which a restore needs no approval; without an archive at least "
        "twice `every` and 10m."
    )
    copy_to: Region | None = Field(
        default=None, description="Another region that receives copies of snapshots. Default: none."
    )

    @field_validator("max_loss")
    @classmethod
    def _check_max_loss(cls, max_loss: timedelta, info: ValidationInfo) -> timedelta:
        snapshots = info.data.get("snapshots")
        # An archive that was refused is not in the data, and then nothing is said about it.
        if snapshots is not None and info.data.get("archive", ...) is None:
            least = 2 * snapshots.every + SNAPSHOT_ALLOWANCE
            if max_loss < least:
                message = f"must be at least {format_duration(least)}, twice `every` and 10m"
                hint = "snapshot more often, declare an archive, or accept more loss"
                found = f"{message}, not {format_duration(max_loss)}"
                refuse([Problem(message=found, hint=hint)])
        return max_loss

    @field_validator("copy_to")
    @classmethod
    def _check_copy_to(cls, copy_to: str | None, info: ValidationInfo) -> str | None:
        if copy_to is not None and info.data.get("snapshots", ...) is None:
            refuse([Problem(message="needs `snapshots`: it copies those")])
        return copy_to

    @model_validator(mode="after")
    def _check_kinds(self) -> Self:
        if self.snapshots is None and self.archive is None:
            hint = "write `backup: none` for a claim that may be lost"
            refuse([Problem(message="must have `snapshots` or `archive`", hint=hint)])
        return self


def _form_of_backup(value: object) -> str | None:
    return "(none)" if isinstance(value, str) else "(backup)" if isinstance(value, dict) else None


Backup = Annotated[
    Annotated[Literal["none"], Tag("(none)")] | Annotated[BackupDocument, Tag("(backup)")],
    Discriminator(
        _form_of_backup,
        custom_error_type="backup_form",
        custom_error_message="must be `none`, or a mapping with `snapshots` or `archive`",
    ),
]


def _check_device(device: str) -> str:
    problem = device_problem(device)
    refuse([problem] if problem is not None else [])
    return device


class VolumeDocument(Document):
    """A claim: a volume that every slot has. It outlives the instances that use it."""

    name: ClaimName = Field(description="Unique in the fleet.")
    device: Annotated[str, AfterValidator(_check_device)] = Field(
        description="/dev/sdf to /dev/sdp, unique in the fleet. Guests on Nitro see an NVMe device instead.",
        json_schema_extra={"pattern": f"^(?:{DEVICE_PATTERN})$", "examples": ["/dev/sdf"]},
    )
    type: VolumeType = Field(default="gp3", description="Volume type. Default: gp3.")
    size: SizeGib = Field(description="Whole GiB or TiB. It may grow later, never shrink.")
    iops: int | None = Field(
        default=None,
        ge=1,
        validate_default=True,
        description="Provisioned iops; needed for io1 and io2. Default: 3000 for gp3.",
    )
    throughput: int | None = Field(default=None, ge=1, description="MiB/s, gp3 only. Default: 125.")
    encrypted: bool = Field(default=True, description="Default: true.")
    kms_key_id: KmsKeyId | None = Field(
        default=None, description="Key to encrypt with. Default: the account's key for EBS."
    )
    backup: Backup = Field(
        description="`none`, which must be said, or how the claim is kept restorable."
    )

    # Fields are checked in this order; a field that was refused is not in `info.data`.

    @field_validator("size")
    @classmethod
    def _check_size(cls, size: int, info: ValidationInfo) -> int:
        if "type" in info.data:
            refuse(size_problems(info.data["type"], size))
        return size

    @field_validator("iops")
    @classmethod
    def _check_iops(cls, iops: int | None, info: ValidationInfo) -> int | None:
        if "type" in info.data:
            refuse(iops_problems(info.data["type"], info.data.get("size"), iops))
        return iops

    @field_validator("throughput")
    @classmethod
    def _check_throughput(cls, throughput: int | None, info: ValidationInfo) -> int | None:
        if "type" in info.data and "iops" in info.data:
            refuse(throughput_problems(info.data["type"], info.data["iops"], throughput))
        return throughput

    @field_validator("kms_key_id")
    @classmethod
    def _check_key(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is not None and info.data.get("encrypted") is False:
            refuse([Problem(message="needs `encrypted: true`")])
        return key
