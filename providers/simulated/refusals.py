"""How the simulated cloud says no: EC2's code, its sentence, its HTTP status. The face makes botocore's error of it."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - what the request is
    """The request was not carried out."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> Refused:
    """A parameter whose value can't be."""
    return Refused("InvalidParameterValue", message)


def missing(name: str) -> Refused:
    """A parameter that is required."""
    return Refused("MissingParameter", f"The request must contain the parameter {name}")


def no_instance(*identifiers: str) -> Refused:
    """All missing ids in one sentence, as EC2 does."""
    if len(identifiers) == 1:
        return Refused(
            "InvalidInstanceID.NotFound", f"The instance ID '{identifiers[0]}' does not exist"
        )
    return Refused(
        "InvalidInstanceID.NotFound",
        f"The instance IDs '{', '.join(identifiers)}' do not exist",
    )


def no_volume(identifier: str) -> Refused:
    """One missing volume; EC2 names the first one only."""
    return Refused("InvalidVolume.NotFound", f"The volume '{identifier}' does not exist.")


def no_snapshot(identifier: str) -> Refused:
    """One missing snapshot."""
    return Refused("InvalidSnapshot.NotFound", f"The snapshot '{identifier}' does not exist.")


def not_found(identifier: str) -> Refused:
    """The same for an id of any kind; CreateTags calls an id of no known kind invalid."""
    if identifier.startswith("i-"):
        return no_instance(identifier)
    if identifier.startswith("vol-"):
        return no_volume(identifier)
    if identifier.startswith("snap-"):
        return no_snapshot(identifier)
    return Refused("InvalidID", f"The ID '{identifier}' is not valid")


def malformed(kind: str, identifier: str) -> Refused:
    """An id of the wrong form: `kind` is the code's first part, `InvalidInstanceID` for one."""
    return Refused(f"{kind}.Malformed", f'Invalid id: "{identifier}"')


def incorrect_state(message: str) -> Refused:
    """A volume or attachment in the wrong state."""
    return Refused("IncorrectState", message)


def incorrect_instance_state(message: str) -> Refused:
    """An instance in the wrong state."""
    return Refused("IncorrectInstanceState", message)


def throttled() -> Refused:
    """A bucket is empty."""
    return Refused("RequestLimitExceeded", "Request limit exceeded.", 503)
