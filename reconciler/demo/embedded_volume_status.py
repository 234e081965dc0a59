"""DescribeVolumeStatus, which moto lacks. In the embedded cloud a volume is stuck while it carries the tag
`embedded-cloud:stalled`, which anybody may write, and well without it; all are on one page.
"""

from __future__ import annotations

from typing import Any

STALLED = "embedded-cloud:stalled"


def answer_volume_status() -> None:
    """Have this process's moto answer it. Contract tests tell when moto does so by itself."""
    from moto.core.responses import ActionResult  # noqa: PLC0415 - reads the settings of the embedded cloud
    from moto.ec2.responses.elastic_block_store import (  # noqa: PLC0415 - likewise
        ElasticBlockStore,
    )

    def describe_volume_status(self: Any) -> ActionResult:
        volumes = self.ec2_backend.describe_volumes(
            volume_ids=self._get_param("VolumeIds", []),
            filters=self._filters_from_querystring(),
        )
        return ActionResult({"VolumeStatuses": [_status(volume) for volume in volumes]})

    # The method of moto that is replaced only raises.
    ElasticBlockStore.describe_volume_status = describe_volume_status  # type: ignore[method-assign,assignment]


def _status(volume: Any) -> dict[str, Any]:
    stalled = any(tag["key"] == STALLED for tag in volume.get_tags())
    return {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.zone.name,
        "VolumeStatus": {
            "Status": "impaired" if stalled else "ok",
            "Details": [
                {"Name": "io-enabled", "Status": "passed"},
                {"Name": "io-performance", "Status": "stalled" if stalled else "normal"},
            ],
        },
        "Events": [],
        "Actions": [],
    }
