"""`spec.instance`: what each instance of a fleet is launched with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.fields import (
    ImageId,
    InstanceProfile,
    InstanceType,
    SecurityGroupId,
    SsmParameter,
    SubnetId,
    UniqueList,
    Zone,
)
from desired_state.documents.secret_values import secret_problems
from desired_state.documents.tags import Tags

LARGEST_USER_DATA_BYTES = 16_384
"""EC2's limit, before base64."""


class SsmImageDocument(Document):
    """An image named by an SSM parameter: resolved at plan time and pinned; a change of it is an update."""

    ssm: SsmParameter = Field(description="Name of the parameter that holds the image id.")


def _form_of_image(value: object) -> str | None:
    return "(id)" if isinstance(value, str) else "(ssm)" if isinstance(value, dict) else None


Image = Annotated[
    Annotated[ImageId, Tag("(id)")] | Annotated[SsmImageDocument, Tag("(ssm)")],
    Discriminator(
        _form_of_image,
        custom_error_type="image_form",
        custom_error_message="must be an image id, or {ssm: /parameter}",
    ),
]


def user_data_problems(text: str) -> Iterator[Problem]:
    """What is wrong with the text of user data, wherever it comes from."""
    size = len(text.encode())
    if size > LARGEST_USER_DATA_BYTES:
        message = f"must be at most {LARGEST_USER_DATA_BYTES:,} bytes, not {size:,}"
        yield Problem(message=message, hint="let the script fetch the rest")
        return
    yield from secret_problems(text)


def _check_user_data(text: str) -> str:
    refuse(user_data_problems(text))
    return text


class UserDataDocument(Document):
    """The boot script, either in a file or in place. At most 16 KiB of UTF-8 text, and no secrets."""

    file: str | None = Field(
        default=None,
        min_length=1,
        description="Path relative to the document; it must lie inside the directory that is loaded.",
    )
    text: Annotated[str, AfterValidator(_check_user_data)] | None = Field(
        default=None, min_length=1, description="The script itself."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is None) == (self.text is None):
            refuse([Problem(message="must have either `file` or `text`")])
        return self


class IsolationDocument(Document):
    """Groups that cut off a superseded instance whose stop hangs, so that what replaced it may serve."""

    untracked: SecurityGroupId = Field(
        description="Allows all traffic in and out, so that no connection is tracked."
    )
    empty: SecurityGroupId = Field(description="Has no rule at all.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.untracked == self.empty:
            refuse([Problem(message="`untracked` and `empty` must be two groups")])
        return self


class InstanceDocument(Document):
    """What each instance is launched with. IMDSv2 is required and tags are in its metadata, always."""

    image: Image = Field(description="An image id, or {ssm: /parameter}.")
    types: UniqueList[InstanceType] = Field(
        min_length=1,
        description="Instance types in order of preference; the next one is used when capacity is short.",
    )
    subnets: dict[Zone, SubnetId] = Field(
        description="One subnet for each zone of the placement, by the zone as written there."
    )
    security_groups: UniqueList[SecurityGroupId] = Field(
        min_length=1, max_length=16, description="Groups of an instance in service."
    )
    staging_security_groups: UniqueList[SecurityGroupId] = Field(
        default=[],
        max_length=16,
        description="Groups of a replacement until its commit. Default: the same groups as in service.",
    )
    isolation_security_groups: IsolationDocument | None = Field(
        default=None,
        description="Groups that cut a superseded instance off whose stop hangs. Default: none; a person is asked.",
    )
    instance_profile: InstanceProfile | None = Field(
        default=None, description="Name of the IAM instance profile. Default: none."
    )
    user_data: UserDataDocument | None = Field(
        default=None, description="The boot script. Default: none."
    )
    tags: Tags = Field(
        default={},
        description="Tags on instances and volumes, at most 40, beside the controller's own. Default: none.",
    )
