"""How the cloud in memory says no, in the classes of the port."""

from __future__ import annotations

from providers.errors import CloudError, RetryClass


def refused(
    operation: str, code: str, message: str, retry: RetryClass = RetryClass.STATE
) -> CloudError:
    """The call is not carried out; where nothing else is said, for the state of the resource."""
    return CloudError(operation=operation, code=code, message=message, retry=retry)


def not_found(operation: str, code: str, key: str) -> CloudError:
    """No such id, or not yet visible."""
    return CloudError(
        operation=operation,
        code=code,
        message=f"{key} does not exist",
        retry=RetryClass.CONSISTENCY,
    )
