"""What people write without us: boto3 and its paginators over the same lists. Prints how many items it saw."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, PaginatorConfigTypeDef


def main(owner: str) -> None:
    """Read the lists of a cell once."""
    boto3.client("sts").get_caller_identity()
    ec2 = boto3.client("ec2")
    ours: list[FilterTypeDef] = [{"Name": "tag:fleet-reconciler:owner", "Values": [owner]}]
    largest: PaginatorConfigTypeDef = {"PageSize": 1000}
    instances = [
        instance
        for page in ec2.get_paginator("describe_instances").paginate(
            Filters=ours, PaginationConfig=largest
        )
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    volumes = [
        volume
        for page in ec2.get_paginator("describe_volumes").paginate(
            Filters=ours, PaginationConfig=largest
        )
        for volume in page["Volumes"]
    ]
    statuses = [
        status
        for page in ec2.get_paginator("describe_instance_status").paginate(
            IncludeAllInstances=True, PaginationConfig=largest
        )
        for status in page["InstanceStatuses"]
    ]
    volume_statuses = [
        status
        for page in ec2.get_paginator("describe_volume_status").paginate(PaginationConfig=largest)
        for status in page["VolumeStatuses"]
    ]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    seen = {
        "instances": len(instances),
        "volumes": len(volumes),
        "statuses": len(statuses),
        "volume_statuses": len(volume_statuses),
        "zones": len(zones),
    }
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
