"""S3 through boto3, as the object store of archives. It only reads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from providers.archives.objects import SLASH, Listing, StoredObject
from providers.ec2.calls import REPEATED_TOKEN, Calls, UnknownCodes
from providers.ec2.failures import RAISED_BY_BOTOCORE, translated, unreadable
from providers.ec2.operations import OPERATIONS
from providers.ec2.session import S3Client
from providers.errors import CloudError, RetryClass

LARGEST_DOCUMENT_BYTES = 8 * 1024 * 1024
TOO_LARGE = "DocumentTooLarge"


class S3Objects:
    """Implements providers.archives.objects.ObjectStore. `client` makes the client when it is first needed."""

    def __init__(self, client: Callable[[], S3Client]) -> None:
        self._client = client
        self._unknown_codes = UnknownCodes()
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._making = threading.Lock()  # One client for all threads: its model takes megabytes.

    @property
    def counts(self) -> Mapping[str, int]:
        """The calls made so far, by operation."""
        with self._counting:
            return dict(self._counts)

    def objects_under(
        self, bucket: str, prefix: str, *, one_level: bool = False, after: str | None = None
    ) -> Listing:
        """ListObjectsV2, all pages or none."""
        parameters: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        if one_level:
            parameters["Delimiter"] = SLASH
        if after is not None:
            parameters["StartAfter"] = after
        objects: list[StoredObject] = []
        folders: list[str] = []
        seen: set[str] = set()
        while True:
            page = self._send(self._s3().list_objects_v2, parameters)
            objects.extend(_stored(item) for item in page.get("Contents", ()))
            folders.extend(item["Prefix"] for item in page.get("CommonPrefixes", ()))
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated"):
                return Listing(objects=tuple(objects), folders=tuple(folders))
            if not token or token in seen:
                raise _endless()
            seen.add(token)
            parameters["ContinuationToken"] = token

    def content_of(self, bucket: str, key: str) -> bytes:
        """GetObject of a small document."""
        operation = OPERATIONS["get_object"]
        reply = self._send(self._s3().get_object, {"Bucket": bucket, "Key": key})
        size = reply.get("ContentLength", 0)
        if size > LARGEST_DOCUMENT_BYTES:
            raise CloudError(
                operation=operation.name,
                code=TOO_LARGE,
                message=f"{key} has {size} bytes, no such document has more than {LARGEST_DOCUMENT_BYTES}",
                retry=RetryClass.INVALID,
            )
        try:
            content: bytes = reply["Body"].read()
        except RAISED_BY_BOTOCORE as error:
            raise translated(error, operation) from error
        return content

    def _s3(self) -> S3Client:
        with self._making:
            return self._client()

    def _send(
        self, method: Callable[..., Mapping[str, Any]], parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        calls = Calls(self._unknown_codes)
        try:
            return calls.send(method, **parameters)
        finally:
            with self._counting:
                self._counts.update(calls.counts)


def _stored(item: Mapping[str, Any]) -> StoredObject:
    modified = item.get("LastModified")
    if not isinstance(modified, datetime) or "Key" not in item:
        raise unreadable(OPERATIONS["list_objects_v2"], "an object has no key or no date")
    return StoredObject(key=item["Key"], last_modified=modified, size=int(item.get("Size", 0)))


def _endless() -> CloudError:
    return CloudError(
        operation=OPERATIONS["list_objects_v2"].name,
        code=REPEATED_TOKEN,
        message="a page has no token, or one that was given before, so the list has no end",
        retry=RetryClass.TRANSIENT,
    )
