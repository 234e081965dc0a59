"""The table of error codes, and botocore's exceptions in the port's words."""

from __future__ import annotations

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from providers.ec2 import error_codes
from providers.ec2.error_codes import CREDENTIAL_CODES, RETRY_CLASSES, classified, known
from providers.ec2.failures import translated
from providers.ec2.operations import OPERATIONS, Operation
from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)

READ = OPERATIONS["describe_instances"]
WRITE = OPERATIONS["run_instances"]
URL = "https://ec2.us-east-1.amazonaws.com/"


def client_error(code: str, message: str = "told", **metadata: object) -> Exception:
    reply = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return botocore_errors.ClientError(reply, "Anything")  # type: ignore[arg-type]


# The table


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        ("RequestLimitExceeded", RetryClass.THROTTLE),
        ("Unavailable", RetryClass.TRANSIENT),
        ("InsufficientInstanceCapacity", RetryClass.CAPACITY),
        ("InsufficientFreeAddressesInSubnet", RetryClass.QUOTA),
        ("InvalidInstanceID.NotFound", RetryClass.CONSISTENCY),
        ("IncorrectState", RetryClass.STATE),
        ("IdempotentParameterMismatch", RetryClass.TOKEN_MISMATCH),
        ("IdempotentInstanceTerminated", RetryClass.TOKEN_TERMINATED),
        ("UnauthorizedOperation", RetryClass.DENIED),
        ("InvalidAMIID.NotFound", RetryClass.INVALID),
    ],
)
def test_a_known_code_means_the_same_for_reads_and_writes(code: str, retry: RetryClass) -> None:
    assert classified(code, mutating=False) is retry
    assert classified(code, mutating=True) is retry


def test_an_unknown_code_is_fatal_on_a_read_and_ambiguous_on_a_write() -> None:
    assert not known("BrandNewTrouble")
    assert classified("BrandNewTrouble", mutating=False) is RetryClass.INVALID
    assert classified("BrandNewTrouble", mutating=True) is RetryClass.TRANSIENT


def test_every_class_has_codes_and_no_code_is_listed_twice() -> None:
    listed = [code for codes in error_codes._CODES.values() for code in codes]
    assert len(listed) == len(set(listed))
    assert not CREDENTIAL_CODES & set(listed)
    assert set(RETRY_CLASSES.values()) == set(RetryClass)


# Botocore's exceptions, on a read


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.EndpointConnectionError(endpoint_url=URL, error="refused"),
        botocore_errors.ConnectTimeoutError(endpoint_url=URL),
        botocore_errors.ProxyConnectionError(proxy_url="http://proxy:1"),
        botocore_errors.SSLError(endpoint_url=URL, error=OSError("certificate verify failed")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_read_that_finds_no_connection_means_the_endpoint_is_unreachable(
    error: Exception,
) -> None:
    assert isinstance(translated(error, READ), EndpointUnreachable)


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.NoCredentialsError(),
        botocore_errors.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        botocore_errors.TokenRetrievalError(provider="sso", error_msg="expired"),
        botocore_errors.UnauthorizedSSOTokenError(),
        botocore_errors.CredentialRetrievalError(provider="process", error_msg="exit 1"),
        client_error("ExpiredToken"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_read_without_good_credentials_says_what_to_do(error: Exception) -> None:
    failure = translated(error, READ)
    assert isinstance(failure, CredentialsError)
    assert "Set AWS_PROFILE" in str(failure)


# … and on a write, where it matters what may have happened


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (
            botocore_errors.EndpointConnectionError(endpoint_url=URL, error="refused"),
            RetryClass.TRANSIENT,
        ),
        (botocore_errors.ConnectTimeoutError(endpoint_url=URL), RetryClass.TRANSIENT),
        (botocore_errors.NoCredentialsError(), RetryClass.DENIED),
    ],
    ids=["refused", "connect time-out", "no credentials"],
)
def test_a_write_that_never_left_says_so(error: Exception, retry: RetryClass) -> None:
    failure = translated(error, WRITE)
    assert isinstance(failure, CloudError)
    assert (failure.code, failure.retry) == (NOT_SENT, retry)


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.ReadTimeoutError(endpoint_url=URL),
        botocore_errors.ConnectionClosedError(endpoint_url=URL),
        botocore_errors.HTTPClientError(error="reset"),
        botocore_errors.SSLError(endpoint_url=URL, error=OSError("bad record")),
        ResponseParserError("not XML"),
        client_error("503"),
        client_error("InternalError"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_write_that_may_have_been_carried_out_is_ambiguous(error: Exception) -> None:
    failure = translated(error, WRITE)
    assert isinstance(failure, CloudError)
    assert failure.retry is RetryClass.TRANSIENT
    assert failure.code != NOT_SENT


@pytest.mark.parametrize("operation", [READ, WRITE], ids=["read", "write"])
def test_a_request_that_botocore_refuses_to_send_can_never_succeed(operation: Operation) -> None:
    error = botocore_errors.ParamValidationError(report="Missing required parameter")
    failure = translated(error, operation)
    assert isinstance(failure, CloudError)
    assert failure.retry is RetryClass.INVALID


# Messages


def test_a_denial_names_the_permission_and_drops_the_encoded_blob() -> None:
    message = (
        "You are not authorized to perform this operation. Encoded authorization failure message: "
        "kq7_SECRETLOOKINGBLOB"
    )
    failure = translated(client_error("UnauthorizedOperation", message), WRITE)
    assert "ec2:RunInstances" in str(failure)
    assert "BLOB" not in str(failure)


def test_a_denial_names_the_permission_that_ec2_names() -> None:
    """A launch may lack iam:PassRole rather than ec2:RunInstances."""
    message = (
        "User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: y"
    )
    failure = translated(client_error("UnauthorizedOperation", message), WRITE)
    assert "need the permission iam:PassRole" in str(failure)


def test_the_request_id_is_kept_for_the_support_bundle() -> None:
    failure = translated(client_error("InternalError", RequestId="abc-123"), WRITE)
    assert isinstance(failure, CloudError)
    assert failure.request_id == "abc-123"


def test_a_message_is_one_line() -> None:
    error = botocore_errors.ParamValidationError(report="first\nsecond")
    assert "\n" not in str(translated(error, READ))


def test_an_error_without_code_or_message_is_still_told() -> None:
    failure = translated(botocore_errors.ClientError({}, "Anything"), READ)
    assert str(failure) == "DescribeInstances: Unknown: no message"
