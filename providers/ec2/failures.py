"""What botocore raises, as the port's errors: one clear sentence that says what failed and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from providers.ec2.error_codes import CLOCK_CODES, CREDENTIAL_CODES, classified
from providers.ec2.operations import Operation
from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)

PortError = CloudError | CredentialsError | EndpointUnreachable

RAISED_BY_BOTOCORE = (
    botocore_errors.BotoCoreError,
    botocore_errors.ClientError,
    ResponseParserError,
)
"""All that a call through boto3 raises; ResponseParserError stands outside botocore's own hierarchy."""

READ_TIMEOUT = "ReadTimeout"
CONNECTION_CLOSED = "ConnectionClosed"
UNREADABLE_REPLY = "UnreadableReply"
FOREIGN_OWNER = "ForeignOwner"

_NOT_CONNECTED = (
    botocore_errors.EndpointConnectionError,
    botocore_errors.ConnectTimeoutError,
    botocore_errors.ProxyConnectionError,
)
_WITHOUT_CREDENTIALS = (
    botocore_errors.CredentialRetrievalError,
    botocore_errors.InvalidConfigError,
    botocore_errors.LoginError,
    botocore_errors.NoAuthTokenError,
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.ProfileNotFound,
    botocore_errors.RefreshWithMFAUnsupportedError,
    botocore_errors.SSOError,
    botocore_errors.TokenRetrievalError,
    botocore_errors.UnknownCredentialError,
)
_ANSWER_LOST: Mapping[type[Exception], str] = {
    botocore_errors.ReadTimeoutError: READ_TIMEOUT,
    botocore_errors.ConnectionClosedError: CONNECTION_CLOSED,
}
_ACTION_IN_MESSAGE = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z]+)")
_ENCODED_DETAIL = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)


def translated(error: Exception, operation: Operation) -> PortError:
    """The port's error for one of botocore's. A write only ever becomes a CloudError.

    Of a write, the code NOT_SENT says that no byte of it reached the service; any other loss is ambiguous.
    """
    if isinstance(error, botocore_errors.ClientError):
        return _refused(error, operation)
    if isinstance(error, _WITHOUT_CREDENTIALS):
        return _without_credentials(error, operation)
    if isinstance(error, _NOT_CONNECTED):
        return _not_connected(error, operation)
    if isinstance(error, botocore_errors.SSLError) and not operation.mutating:
        return EndpointUnreachable(_certificate_advice(error))
    if isinstance(error, botocore_errors.ParamValidationError):
        return _failed(operation, "ParamValidation", _one_line(error), RetryClass.INVALID)
    if isinstance(error, ResponseParserError):
        return unreadable(operation, "the reply is not a document of this service")
    for lost, code in _ANSWER_LOST.items():
        if isinstance(error, lost):
            return _failed(operation, code, _one_line(error), RetryClass.TRANSIENT)
    return _failed(operation, type(error).__name__, _one_line(error), RetryClass.TRANSIENT)


def unreadable(operation: Operation, what: str) -> CloudError:
    """A reply with status 200 that does not say what it should; of a write the effect is unknown."""
    return _failed(operation, UNREADABLE_REPLY, what, RetryClass.TRANSIENT)


def credentials_error(cause: str) -> CredentialsError:
    """`cause` with what to do about it."""
    return CredentialsError(
        f"no usable AWS credentials: {cause}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, log in again, or run where a role is attached"
    )


def _refused(error: botocore_errors.ClientError, operation: Operation) -> PortError:
    reply: Mapping[str, Any] = error.response
    code = str(reply.get("Error", {}).get("Code") or "Unknown")
    message = str(reply.get("Error", {}).get("Message") or "no message")
    retry = classified(code, mutating=operation.mutating)
    hint = _clock_hint(reply) if code in CLOCK_CODES else ""
    if code in CREDENTIAL_CODES and not operation.mutating:
        return credentials_error(f"{operation.name} was refused with {code}, {message}{hint}")
    if retry is RetryClass.DENIED:
        message = _denial(message, operation) + hint
    request_id = reply.get("ResponseMetadata", {}).get("RequestId")
    return _failed(operation, code, message, retry, request_id)


def _denial(message: str, operation: Operation) -> str:
    """EC2's words without the encoded blob, and the IAM action that is missing."""
    plain = _ENCODED_DETAIL.sub("", message).rstrip(".")
    named = _ACTION_IN_MESSAGE.search(plain)
    action = named.group(1) if named else operation.action
    return f"{plain}. The credentials need the permission {action} (deploy/iam/policy.json)"


def _clock_hint(reply: Mapping[str, Any]) -> str:
    """A signature from a clock that is minutes off is refused like a wrong key."""
    answered_at = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    said = f", the endpoint's says {answered_at}" if answered_at else ""
    return f"; is this machine's clock right{said}?"


def _without_credentials(error: Exception, operation: Operation) -> PortError:
    advice = credentials_error(_one_line(error).rstrip("."))
    if not operation.mutating:
        return advice
    return _failed(operation, NOT_SENT, str(advice), RetryClass.DENIED)


def _not_connected(error: Exception, operation: Operation) -> PortError:
    advice = f"{_one_line(error).rstrip('.')}. Check the network and the region, and AWS_ENDPOINT_URL if it is set"
    if not operation.mutating:
        return EndpointUnreachable(advice)
    return _failed(operation, NOT_SENT, advice, RetryClass.TRANSIENT)


def _certificate_advice(error: Exception) -> str:
    return f"{_one_line(error).rstrip('.')}. Check the certificate and AWS_CA_BUNDLE"


def _failed(
    operation: Operation,
    code: str,
    message: str,
    retry: RetryClass,
    request_id: str | None = None,
) -> CloudError:
    return CloudError(
        operation=operation.name, code=code, message=message, retry=retry, request_id=request_id
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
