"""What EBS accepts per volume type: sizes, iops, throughput; and which device names a claim may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from desired_state.documents.document import Problem
from desired_state.reading.quantities import format_size

VolumeType = Literal["gp3", "gp2", "io2", "io1", "st1", "sc1", "standard"]

DEVICE_PATTERN = r"/dev/(?:sd|xvd)([f-p])|/dev/xvd([b-d][a-z])"
_DEVICE = re.compile(DEVICE_PATTERN)
_ROOT_DEVICES = ("/dev/sda", "/dev/sda1", "/dev/xvda")

GP3_BASELINE_IOPS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Of one volume type (EBS user guide, "Amazon EBS volume types"); a range of None means: cannot be set."""

    size_gib: tuple[int, int]
    iops: tuple[int, int] | None = None
    iops_per_gib: int = 0
    iops_required: bool = False
    throughput_mib_s: tuple[int, int] | None = None


_LIMITS: dict[str, _Limits] = {
    "gp3": _Limits(
        size_gib=(1, 65536), iops=(3000, 80000), iops_per_gib=500, throughput_mib_s=(125, 2000)
    ),
    "gp2": _Limits(size_gib=(1, 16384)),
    "io2": _Limits(size_gib=(4, 65536), iops=(100, 256000), iops_per_gib=1000, iops_required=True),
    "io1": _Limits(size_gib=(4, 16384), iops=(100, 64000), iops_per_gib=50, iops_required=True),
    "st1": _Limits(size_gib=(125, 16384)),
    "sc1": _Limits(size_gib=(125, 16384)),
    "standard": _Limits(size_gib=(1, 1024)),
}


_WITH_IOPS = "only gp3, io2 and io1 have iops of their own"


def size_problems(volume_type: VolumeType, size_gib: int) -> Iterator[Problem]:
    """What EBS would refuse about the size."""
    smallest, largest = _LIMITS[volume_type].size_gib
    if not smallest <= size_gib <= largest:
        sizes = f"{format_size(smallest)} to {format_size(largest)}"
        yield Problem(message=f"must be {sizes} for {volume_type}, not {format_size(size_gib)}")


def iops_problems(
    volume_type: VolumeType, size_gib: int | None, iops: int | None
) -> Iterator[Problem]:
    """What EBS would refuse about the iops; `size_gib` is None when the size is not known."""
    limits = _LIMITS[volume_type]
    if iops is None:
        if limits.iops_required:
            yield Problem(message=f"is missing: {volume_type} has no default")
    elif limits.iops is None:
        yield Problem(message=f"cannot be set for a {volume_type} volume", hint=_WITH_IOPS)
    elif not limits.iops[0] <= iops <= limits.iops[1]:
        message = f"must be {limits.iops[0]} to {limits.iops[1]} for {volume_type}, not {iops}"
        yield Problem(message=message)
    elif size_gib is not None and iops > max(limits.iops[0], limits.iops_per_gib * size_gib):
        message = f"must be at most {limits.iops_per_gib} per GiB for {volume_type}, not {iops}"
        needed_gib = -(-iops // limits.iops_per_gib)
        yield Problem(message=message, hint=f"{iops} iops need {needed_gib}GiB")


def throughput_problems(
    volume_type: VolumeType, iops: int | None, throughput_mib_s: int | None
) -> Iterator[Problem]:
    """What EBS would refuse about the throughput."""
    limits = _LIMITS[volume_type].throughput_mib_s
    if throughput_mib_s is None:
        return
    if limits is None:
        hint = "only gp3 has a throughput of its own"
        yield Problem(message=f"cannot be set for a {volume_type} volume", hint=hint)
        return
    by_iops = (iops or GP3_BASELINE_IOPS) // 4
    if not limits[0] <= throughput_mib_s <= limits[1]:
        message = f"must be {limits[0]} to {limits[1]} MiB/s, not {throughput_mib_s}"
        yield Problem(message=message)
    elif throughput_mib_s > by_iops:
        message = f"must be at most a quarter of the iops, {by_iops} MiB/s, not {throughput_mib_s}"
        hint = f"{throughput_mib_s} MiB/s need {throughput_mib_s * 4} iops"
        yield Problem(message=message, hint=hint)


def device_problem(device: str) -> Problem | None:
    """What is wrong with a claim's device name (EC2 user guide, "Device names for volumes")."""
    if device in _ROOT_DEVICES:
        return Problem(message=f"is {device}, the root device", hint="use /dev/sdf to /dev/sdp")
    if _DEVICE.fullmatch(device) is None:
        message = f"must be /dev/sdf to /dev/sdp, or /dev/xvdf, not '{device[:60]}'"
        return Problem(message=message)
    return None


def device_slot(device: str) -> str:
    """What tells device names apart: Linux shows /dev/sdf as /dev/xvdf, so one slot has both."""
    found = _DEVICE.fullmatch(device)
    return device if found is None else found[1] or found[2]
