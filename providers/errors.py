"""What can go wrong at the port, as a closed set of classes with one reaction each.

CloudError
    code       the provider's own code, e.g. InsufficientInstanceCapacity
    retry      a RetryClass: what the caller may do about it
    operation  the EC2 operation, so that a message can name the missing permission
CredentialsError    none found, expired, or for another account; nothing was sent or nothing may be
EndpointUnreachable no connection to the endpoint at all
"""

from __future__ import annotations

from enum import StrEnum


class RetryClass(StrEnum):
    """What may be done about an error. The litmus test is who has to change before a repeat can succeed."""

    THROTTLE = "throttle"
    """Nobody but time: the request was not carried out; slow down. Not a sign of a bad zone."""
    TRANSIENT = "transient"
    """The service. On a read: a few more tries. On a write: ambiguous, it may have been carried out."""
    CAPACITY = "capacity"
    """The zone or type: not carried out; another zone or type, or later."""
    QUOTA = "quota"
    """A person: not carried out, a limit of the account is reached."""
    CONSISTENCY = "consistency"
    """The view: a NotFound for an id that may well exist. Read again; never proof of absence by itself."""
    STATE = "state"
    """The resource: not carried out, it is not in the state that the call needs. Look and plan again."""
    TOKEN_MISMATCH = "token-mismatch"
    """Nobody: the token was used with other parameters. Look the resource up by its token and adopt it."""
    TOKEN_TERMINATED = "token-terminated"
    """Nobody: the instance of this token has ended. The next incarnation is due."""
    DENIED = "denied"
    """A person: the permission for this operation is missing."""
    INVALID = "invalid"
    """A person: the request can never succeed as it is, e.g. an unknown image."""


NOT_SENT = "NotSent"
"""Code of a CloudError whose request never left this machine: of a write, proof that it was not carried out."""


class CloudError(Exception):
    """A call to the cloud that failed, with its class."""

    def __init__(
        self,
        *,
        operation: str,
        code: str,
        message: str,
        retry: RetryClass,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation = operation
        self.code = code
        self.message = message
        self.retry = retry
        self.request_id = request_id


class CredentialsError(Exception):
    """No usable credentials, or credentials of another account; says what to do."""


class EndpointUnreachable(Exception):  # noqa: N818 - reads as what it is in "except EndpointUnreachable"
    """The endpoint did not answer at all."""
