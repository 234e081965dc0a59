"""AWS's error codes and what may be done about each.

The table follows the EC2 API reference, "Error codes for the Amazon EC2 API", and botocore's list of throttling codes.
A code that is not in it is fatal on a read and ambiguous on a write.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.errors import RetryClass

_CODES: Mapping[RetryClass, tuple[str, ...]] = {
    RetryClass.THROTTLE: (
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
    RetryClass.TRANSIENT: (
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",  # CloudWatch's.
        "InternalServiceFault",  # CloudWatch's.
        "ServerInternal",
        "ServiceUnavailable",
        "Unavailable",
        # botocore's code for an error without a readable body is its HTTP status.
        "500",
        "502",
        "503",
        "504",
    ),
    RetryClass.CAPACITY: (
        "InsufficientAddressCapacity",
        "InsufficientCapacity",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "InsufficientVolumeCapacity",
        # The type does not exist in the zone: another zone or type helps, time does not.
        "Unsupported",
    ),
    RetryClass.QUOTA: (
        "AttachmentLimitExceeded",
        "InstanceLimitExceeded",
        "InsufficientFreeAddressesInSubnet",
        "MaxIOPSLimitExceeded",
        "NetworkInterfaceLimitExceeded",
        "PendingSnapshotLimitExceeded",
        "PendingVerification",
        "ResourceLimitExceeded",
        "SecurityGroupsPerInterfaceLimitExceeded",
        "SnapshotLimitExceeded",
        "TagLimitExceeded",
        "VcpuLimitExceeded",
        "VolumeLimitExceeded",
    ),
    RetryClass.CONSISTENCY: (
        "InvalidID",  # CreateTags says this of a resource that it does not see yet.
        "InvalidInstanceID.NotFound",
        "InvalidSnapshot.NotFound",
        "InvalidVolume.NotFound",
    ),
    RetryClass.STATE: (
        "ConcurrentSnapshotLimitExceeded",
        "ConcurrentTagAccess",
        "DependencyViolation",
        "IncorrectInstanceState",
        "IncorrectModificationState",
        "IncorrectState",
        "InvalidAttachment.NotFound",
        "InvalidSnapshot.InUse",  # An image was made of it.
        "SnapshotCreationPerVolumeRateExceeded",  # About one volume: slowing all calls down would not help.
        "VolumeInUse",
        "VolumeModificationRateExceeded",
    ),
    RetryClass.TOKEN_MISMATCH: ("IdempotentParameterMismatch",),
    RetryClass.TOKEN_TERMINATED: ("IdempotentInstanceTerminated",),
    RetryClass.DENIED: (
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "Blocked",
        "CustomerKeyHasBeenRevoked",
        "OptInRequired",
        "UnauthorizedOperation",
    ),
    RetryClass.INVALID: (
        "InvalidAMIID.Malformed",
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Unavailable",
        "InvalidBlockDeviceMapping",
        "InvalidDevice.InUse",
        "InvalidGroup.NotFound",
        "InvalidGroupId.Malformed",
        "InvalidInstanceID.Malformed",
        "InvalidNextToken",  # CloudWatch's.
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidRequest",
        "InvalidSecurityGroupID.Malformed",
        "InvalidSecurityGroupID.NotFound",
        "InvalidSnapshotID.Malformed",
        "InvalidSubnetID.Malformed",
        "InvalidSubnetID.NotFound",
        "InvalidUserData.Malformed",
        "InvalidVolume.ZoneMismatch",
        "InvalidVolumeID.Duplicate",
        "InvalidVolumeID.Malformed",
        "InvalidVolumeID.ZoneMismatch",
        "MissingParameter",
        "NoSuchBucket",  # S3's.
        "NoSuchKey",  # S3's.
        "OperationNotPermitted",  # Termination or stop protection: a person has set it.
        "UnknownParameter",
        "UnsupportedOperation",
        "VPCIdNotSpecified",
    ),
}

RETRY_CLASSES: Mapping[str, RetryClass] = {
    code: retry for retry, codes in _CODES.items() for code in codes
}

CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The credentials themselves are refused, whatever was asked."""

CLOCK_CODES = frozenset(
    {"AuthFailure", "InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch"}
)
"""Also what a machine is told whose clock is minutes off."""


def classified(code: str, *, mutating: bool) -> RetryClass:
    """The reaction to a code; an unknown one is fatal on a read and ambiguous on a write."""
    if code in CREDENTIAL_CODES:
        return RetryClass.DENIED
    unknown = RetryClass.TRANSIENT if mutating else RetryClass.INVALID
    return RETRY_CLASSES.get(code, unknown)


def known(code: str) -> bool:
    """False for a code that this release has never heard of."""
    return code in RETRY_CLASSES or code in CREDENTIAL_CODES
