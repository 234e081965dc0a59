"""What becomes of a volume that is modified or deleted on the cloud in memory; refused as EC2 refuses it."""

from __future__ import annotations

from dataclasses import replace

from providers.errors import RetryClass
from providers.observed import Volume, VolumeState
from providers.requests import ResizeVolume
from tests.support.memory_refusals import refused


def resized(volume: Volume, request: ResizeVolume) -> Volume:
    """ModifyVolume. Raises CloudError."""
    if request.size_gib < volume.size_gib:
        message = "a volume can only grow"
        raise refused("ModifyVolume", "InvalidParameterValue", message, RetryClass.INVALID)
    return replace(
        volume,
        size_gib=request.size_gib,
        type=request.type,
        iops=request.iops,
        throughput_mib_s=request.throughput_mib_s,
    )


def deleted(volume: Volume) -> Volume:
    """DeleteVolume. Raises CloudError."""
    if volume.attachments:
        raise refused("DeleteVolume", "VolumeInUse", f"{volume.id} is {volume.state}")
    return replace(volume, state=VolumeState.DELETED)
