"""What is asked of an object store: S3's own, and one that is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from providers.errors import CloudError

SLASH = "/"
NO_SUCH_KEY = "NoSuchKey"
"""S3's code for an object that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object as a list shows it."""

    key: str
    last_modified: datetime
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Objects in the order of their keys; `folders` are common prefixes, each with its slash at the end."""

    objects: tuple[StoredObject, ...] = ()
    folders: tuple[str, ...] = ()


class ObjectStore(Protocol):
    """Reads objects, from several threads. Failures raise CredentialsError, EndpointUnreachable or CloudError; a list
    is whole or fails.
    """

    def objects_under(
        self, bucket: str, prefix: str, *, one_level: bool = False, after: str | None = None
    ) -> Listing:
        """All objects whose keys begin with `prefix` and come after the key `after`; of `one_level`, what lies deeper
        is told by its folder alone.
        """
        ...

    def content_of(self, bucket: str, key: str) -> bytes:
        """The content of a small object."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """The calls made so far, by operation."""
        ...


class UnreadableDocumentError(Exception):
    """A document of an archive that does not say what it should; names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A place in a bucket; names in it are keys without `prefix`, which ends with a slash or is empty."""

    store: ObjectStore
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """As people write it."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip(SLASH)

    def folder(self, name: str) -> Folder:
        """The folder of that name in it."""
        return Folder(store=self.store, bucket=self.bucket, prefix=f"{self.prefix}{name}{SLASH}")

    def one_level(self) -> tuple[dict[str, StoredObject], tuple[str, ...]]:
        """The objects right in it and the folders in it, by name."""
        found = self.store.objects_under(self.bucket, self.prefix, one_level=True)
        objects = {self._name(item.key): item for item in found.objects}
        folders = tuple(self._name(key).rstrip(SLASH) for key in found.folders)
        return objects, folders

    def everything(self, *, after: str = "") -> dict[str, StoredObject]:
        """All objects in it, however deep, whose names come after that one."""
        start = f"{self.prefix}{after}" if after else None
        found = self.store.objects_under(self.bucket, self.prefix, after=start)
        return {self._name(item.key): item for item in found.objects}

    def text_if_there(self, name: str) -> str | None:
        """The text of a document in it; None when there is none of that name. Raises as `text` does."""
        try:
            return self.text(name)
        except CloudError as error:
            if error.code == NO_SUCH_KEY:
                return None
            raise

    def text(self, name: str) -> str:
        """The text of a document in it. Raises UnreadableDocumentError as well."""
        content = self.store.content_of(self.bucket, f"{self.prefix}{name}")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            why = "it is no text; is the repository encrypted by its tool?"
            raise UnreadableDocumentError(f"{self.url}/{name}: {why}") from error

    def _name(self, key: str) -> str:
        return key.removeprefix(self.prefix)
