"""The items of EC2's lists in XML, field by field as EC2 sends them."""

from __future__ import annotations

from datetime import timedelta

from tests.bench.prepared_cell import (
    ACCOUNT,
    DATA_GIB,
    GROUP,
    IMAGE,
    PROFILE,
    REGION,
    SUBNETS,
    TYPE,
    ZONES,
    Place,
    stable_hex,
    tag_set,
)

GROUPS = (
    f"<groupSet><item><groupId>{GROUP}</groupId><groupName>postgres</groupName></item></groupSet>"
)


def instance(place: Place) -> str:
    """One reservation with one instance, about 5 kB."""
    attached = f"{place.launched_at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.000Z}"
    return (
        f"<item><reservationId>r-0{stable_hex(place.instance_id, 16)}</reservationId>"
        f"<ownerId>{ACCOUNT}</ownerId><groupSet/><instancesSet><item>"
        f"<instanceId>{place.instance_id}</instanceId><imageId>{IMAGE}</imageId>"
        "<instanceState><code>16</code><name>running</name></instanceState>"
        f"<privateDnsName>ip-{place.address.replace('.', '-')}.ec2.internal</privateDnsName><dnsName/>"
        f"<reason/><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>{TYPE}</instanceType>"
        f"<launchTime>{place.launched_at:%Y-%m-%dT%H:%M:%S.000Z}</launchTime>"
        f"<placement><availabilityZone>{ZONES[place.zone]}</availabilityZone>"
        f"<availabilityZoneId>{place.zone}</availabilityZoneId><groupName/><tenancy>default</tenancy></placement>"
        "<monitoring><state>disabled</state></monitoring>"
        f"<subnetId>{SUBNETS[place.zone]}</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>"
        f"<privateIpAddress>{place.address}</privateIpAddress><sourceDestCheck>true</sourceDestCheck>{GROUPS}"
        "<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>"
        "<rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping>"
        f"{block_device('/dev/xvda', place.root_volume_id, attached, delete=True)}"
        f"{block_device('/dev/sdf', place.volume_id, attached, delete=False)}"
        "</blockDeviceMapping><virtualizationType>hvm</virtualizationType>"
        f"<clientToken>{stable_hex(place.instance_id + 'token', 64)}</clientToken>"
        f"{tag_set(place.tags(None))}<hypervisor>xen</hypervisor>{network_interface(place, attached)}"
        f"<iamInstanceProfile><arn>arn:aws:iam::{ACCOUNT}:instance-profile/{PROFILE}</arn>"
        "<id>AIPAEXAMPLEEXAMPLEAAA</id></iamInstanceProfile><ebsOptimized>false</ebsOptimized>"
        "<enaSupport>true</enaSupport><cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore>"
        "</cpuOptions><capacityReservationSpecification><capacityReservationPreference>open"
        "</capacityReservationPreference></capacityReservationSpecification><hibernationOptions><configured>false"
        "</configured></hibernationOptions><metadataOptions><state>applied</state><httpTokens>required</httpTokens>"
        "<httpPutResponseHopLimit>1</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint>"
        "<httpProtocolIpv6>disabled</httpProtocolIpv6><instanceMetadataTags>enabled</instanceMetadataTags>"
        "</metadataOptions><enclaveOptions><enabled>false</enabled></enclaveOptions>"
        "<bootMode>uefi-preferred</bootMode><platformDetails>Linux/UNIX</platformDetails>"
        "<usageOperation>RunInstances</usageOperation>"
        f"<usageOperationUpdateTime>{place.launched_at:%Y-%m-%dT%H:%M:%S.000Z}</usageOperationUpdateTime>"
        "<privateDnsNameOptions><hostnameType>ip-name</hostnameType><enableResourceNameDnsARecord>false"
        "</enableResourceNameDnsARecord><enableResourceNameDnsAAAARecord>false</enableResourceNameDnsAAAARecord>"
        "</privateDnsNameOptions><maintenanceOptions><autoRecovery>default</autoRecovery>"
        "<rebootMigration>default</rebootMigration></maintenanceOptions>"
        "<currentInstanceBootMode>uefi</currentInstanceBootMode><networkPerformanceOptions><bandwidthWeighting>default"
        "</bandwidthWeighting></networkPerformanceOptions><operator><managed>false</managed></operator>"
        "</item></instancesSet></item>"
    )


def block_device(device: str, volume_id: str, attached: str, *, delete: bool) -> str:
    """One entry of an instance's `blockDeviceMapping`."""
    return (
        f"<item><deviceName>{device}</deviceName><ebs><volumeId>{volume_id}</volumeId><status>attached</status>"
        f"<attachTime>{attached}</attachTime><deleteOnTermination>{str(delete).lower()}</deleteOnTermination>"
        f"<volumeOwnerId>{ACCOUNT}</volumeOwnerId><operator><managed>false</managed></operator></ebs></item>"
    )


def network_interface(place: Place, attached: str) -> str:
    """The `networkInterfaceSet` of an instance with its one interface."""
    unique = stable_hex(place.address, 16)
    host_name = f"ip-{place.address.replace('.', '-')}.ec2.internal"
    return (
        f"<networkInterfaceSet><item><networkInterfaceId>eni-0{unique}</networkInterfaceId>"
        f"<subnetId>{SUBNETS[place.zone]}</subnetId><vpcId>vpc-0123456789abcdef0</vpcId><description/>"
        f"<ownerId>{ACCOUNT}</ownerId><status>in-use</status><macAddress>02:{unique[0:2]}:{unique[2:4]}:"
        f"{unique[4:6]}:{unique[6:8]}:{unique[8:10]}</macAddress>"
        f"<privateIpAddress>{place.address}</privateIpAddress><privateDnsName>{host_name}</privateDnsName>"
        f"<sourceDestCheck>true</sourceDestCheck>{GROUPS}"
        f"<attachment><attachmentId>eni-attach-0{unique}</attachmentId><deviceIndex>0</deviceIndex>"
        f"<status>attached</status><attachTime>{attached}</attachTime><deleteOnTermination>true"
        "</deleteOnTermination><networkCardIndex>0</networkCardIndex></attachment>"
        f"<privateIpAddressesSet><item><privateIpAddress>{place.address}</privateIpAddress>"
        f"<privateDnsName>{host_name}</privateDnsName><primary>true</primary></item></privateIpAddressesSet>"
        "<ipv6AddressesSet/><interfaceType>interface</interfaceType><operator><managed>false</managed></operator>"
        "</item></networkInterfaceSet>"
    )


def volume(place: Place) -> str:
    """The data volume of a slot, about 2 kB."""
    return (
        f"<item><volumeId>{place.volume_id}</volumeId><size>{DATA_GIB}</size><snapshotId/>"
        f"<availabilityZone>{ZONES[place.zone]}</availabilityZone><availabilityZoneId>{place.zone}"
        "</availabilityZoneId><status>in-use</status>"
        f"<createTime>{place.launched_at:%Y-%m-%dT%H:%M:%S.123Z}</createTime><attachmentSet><item>"
        f"<volumeId>{place.volume_id}</volumeId><instanceId>{place.instance_id}</instanceId>"
        "<device>/dev/sdf</device><status>attached</status>"
        f"<attachTime>{place.launched_at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.000Z}</attachTime>"
        "<deleteOnTermination>false</deleteOnTermination></item></attachmentSet>"
        f"{tag_set(place.tags('data'))}<volumeType>gp3</volumeType><iops>3000</iops><encrypted>true</encrypted>"
        f"<kmsKeyId>arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-0123456789ab</kmsKeyId>"
        "<multiAttachEnabled>false</multiAttachEnabled><throughput>125</throughput>"
        "<operator><managed>false</managed></operator></item>"
    )


def status(place: Place) -> str:
    """One item of DescribeInstanceStatus with every check passed."""
    passed = "<status>ok</status><details><item><name>reachability</name><status>passed</status></item></details>"
    return (
        f"<item><instanceId>{place.instance_id}</instanceId>"
        f"<availabilityZone>{ZONES[place.zone]}</availabilityZone><availabilityZoneId>{place.zone}"
        "</availabilityZoneId><instanceState><code>16</code><name>running</name></instanceState>"
        f"<systemStatus>{passed}</systemStatus><instanceStatus>{passed}</instanceStatus>"
        f"<attachedEbsStatus>{passed}</attachedEbsStatus><operator><managed>false</managed></operator></item>"
    )


def volume_statuses(place: Place) -> list[str]:
    """The items of DescribeVolumeStatus: the data volume, and the root volume that nobody asked for."""
    return [
        _volume_status(place, volume_id) for volume_id in (place.volume_id, place.root_volume_id)
    ]


def _volume_status(place: Place, volume_id: str) -> str:
    return (
        f"<item><volumeId>{volume_id}</volumeId><availabilityZone>{ZONES[place.zone]}</availabilityZone>"
        f"<availabilityZoneId>{place.zone}</availabilityZoneId><volumeStatus><status>ok</status><details>"
        "<item><name>io-enabled</name><status>passed</status></item>"
        "<item><name>io-performance</name><status>normal</status></item></details></volumeStatus>"
        f"<eventsSet/><actionsSet/><attachmentStatuses><item><instanceId>{place.instance_id}</instanceId>"
        "<ioPerformance>normal</ioPerformance></item></attachmentStatuses>"
        "<operator><managed>false</managed></operator></item>"
    )


def zone(zone_id: str) -> str:
    """One item of DescribeAvailabilityZones."""
    return (
        "<item><optInStatus>opt-in-not-required</optInStatus><messageSet/>"
        f"<regionName>{REGION}</regionName><zoneName>{ZONES[zone_id]}</zoneName><zoneId>{zone_id}</zoneId>"
        f"<groupName>{REGION}-zg-1</groupName><networkBorderGroup>{REGION}</networkBorderGroup>"
        "<zoneType>availability-zone</zoneType><zoneState>available</zoneState></item>"
    )
