"""Where clients find their files: an S3 bucket for each, one for all, or a local folder.

A file is created where nothing is, and never replaced (docs/decisions/0011). The signature of a put
covers its bytes, so a server takes all of them or none.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, S3Store

from schemas.report import PutReason

# In a URL: the place of a client's code.
CLIENT = "{client}"
LOCAL = "file:"
S3 = "s3://"
# What a server says, without the rest of its answer: that may repeat a key id.
_STATUS = re.compile(r"status code: (\d{3}[ A-Za-z]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_TRANSPORT = re.compile(r"kind: (Timeout|Connect|Request|Decode|Interrupted)\b")
_SYSTEM = re.compile(r'message: "([^"]+)"')
_TRANSPORT_SAID = {
    "Timeout": "no answer in time",
    "Connect": "no connection",
    "Request": "the connection was cut",
    "Decode": "the answer was cut off",
    "Interrupted": "the answer was cut off",
}


_DETAIL_CHARACTERS = 512


def without_authority(url: str) -> str:
    """Return `file:///FOLDER` as `file:/FOLDER`, and any other URL as it is."""
    if not url.startswith(f"{LOCAL}///"):
        return url
    return LOCAL + unquote(url.removeprefix(f"{LOCAL}//"))


class BucketRefusedError(Exception):
    """A bucket did not do what was asked. `reason` is a code, `detail` for a person.

    Nothing is known then of what is in it: an answer may be lost behind a put that was done.
    """

    def __init__(self, reason: PutReason, detail: str) -> None:
        """Take why; `detail` holds no credentials, and its first 512 characters are kept."""
        self.reason: PutReason = reason
        # It becomes part of a state record, and a bucket can answer anything.
        self.detail = detail[:_DETAIL_CHARACTERS]
        super().__init__(f"{reason}: {self.detail}")


@dataclass(frozen=True, slots=True)
class Buckets:
    """All clients' buckets. `url`: `file:FOLDER` or `s3://BUCKET[/PREFIX]` (`without_authority`).

    `{client}` in it stands for the client's code, in small letters in the name of a bucket, as S3
    wants it; without it, each client has a prefix of its own. `config` and `client_options` are
    obstore's, never shown. `conditional`: the server knows `If-None-Match`; if not, it is looked
    first, which two writers at once may both do.
    """

    url: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    conditional: bool = True
    # For a command that ends soon: obstore's threads, which answer a loop, abort a process that
    # ends while they do so.
    blocking: bool = False
    _stores: dict[str, S3Store | LocalStore] = field(default_factory=dict, repr=False)

    async def put(self, client: str, key: str, content: bytes) -> bool:
        """Create a file; return False if it is there already with the same content.

        Raises:
            BucketRefusedError: another content is there (`OTHER_CONTENT`), or it could not be put.
        """
        created = True
        try:
            store, path = self._place(client, key)
            try:
                await self._create(store, path, content)
            except AlreadyExistsError:
                await self._compare(store, path, content)
                created = False
            if isinstance(store, LocalStore):
                await asyncio.to_thread(_to_disk, self._local(client, key))
        except (BaseError, OSError, ValueError, NotImplementedError) as error:
            raise refusal(error) from None
        return created

    async def read(self, client: str, key: str) -> bytes | None:
        """Return the content of a file, None if there is none.

        Raises:
            BucketRefusedError: it can't be read, or the bucket is not there.
        """
        if self.url.startswith(LOCAL) and not self._local(client, "").is_dir():
            return None  # and none is made for the asking
        try:
            store, path = self._place(client, key)
            return await self._get(store, path)
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise refusal(error) from None
            return None
        except (BaseError, OSError, ValueError) as error:
            raise refusal(error) from None

    def where(self, client: str, key: str) -> str:
        """Return the address of a file, as a person reads it."""
        if self.url.startswith(LOCAL):
            return str(self._local(client, key))
        bucket, prefix = self._s3(client)
        return f"{S3}{bucket}/{prefix}{key}"

    async def _create(self, store: S3Store | LocalStore, path: str, content: bytes) -> None:
        attributes = (
            {"Content-Type": "text/csv; charset=utf-8", "sha256": sha256(content).hexdigest()}
            if isinstance(store, S3Store)
            else None
        )
        if not self.conditional and isinstance(store, S3Store):
            try:
                await self._size(store, path)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
            else:
                raise AlreadyExistsError(path)
        conditional = self.conditional or isinstance(store, LocalStore)
        options: dict[str, Any] = {
            "mode": "create" if conditional else "overwrite",
            "use_multipart": False,  # of many parts, none would be conditional
            "attributes": attributes,
        }
        if self.blocking:
            obstore.put(store, path, content, **options)
        else:
            await obstore.put_async(store, path, content, **options)

    async def _size(self, store: S3Store | LocalStore, path: str) -> int:
        if self.blocking:
            return obstore.head(store, path)["size"]
        return (await obstore.head_async(store, path))["size"]

    async def _get(self, store: S3Store | LocalStore, path: str) -> bytes:
        if self.blocking:
            return bytes(obstore.get(store, path).bytes())
        return bytes(await (await obstore.get_async(store, path)).bytes_async())

    async def _compare(self, store: S3Store | LocalStore, path: str, content: bytes) -> None:
        """Demand that what is there is what was to be put."""
        size = await self._size(store, path)
        if size == len(content) and await self._get(store, path) == content:
            return
        raise BucketRefusedError(
            "OTHER_CONTENT",
            f"{path} is there with another content of {size} bytes, ours has"
            f" {len(content)}; it was not touched",
        )

    def _place(self, client: str, key: str) -> tuple[S3Store | LocalStore, str]:
        if self.url.startswith(LOCAL):
            folder = self._local(client, "")
            return self._stores.setdefault(client, LocalStore(folder, mkdir=True)), key
        bucket, prefix = self._s3(client)
        store = self._stores.get(bucket)
        if store is None:
            store = self._stores[bucket] = S3Store(
                bucket,
                config=dict(self.config),  # type: ignore[arg-type]  # made of our settings
                client_options=dict(self.client_options),  # type: ignore[arg-type]  # as above
                retry_config={"max_retries": 0},  # who asks knows better when to ask again
            )
        return store, prefix + key

    def _local(self, client: str, key: str) -> Path:
        folder = self.url.removeprefix(LOCAL)
        folder = folder if CLIENT in folder else f"{folder.rstrip('/')}/{CLIENT}"
        return (Path(folder.replace(CLIENT, client)) / key).absolute()

    def _s3(self, client: str) -> tuple[str, str]:
        """Return a client's bucket, and what its keys begin with there."""
        bucket, _, prefix = self.url.removeprefix(S3).partition("/")
        prefix = prefix.strip("/")
        if CLIENT not in self.url:
            prefix = f"{prefix}/{CLIENT}" if prefix else CLIENT
        prefix = prefix.replace(CLIENT, client)
        return bucket.replace(CLIENT, client.lower()), f"{prefix}/" if prefix else ""


def _to_disk(path: Path) -> None:
    """Return when a file and its name are on disk, also after a power cut."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _code(error: Exception) -> str | None:
    """Return S3's own code of an error."""
    found = _CODE.search(str(error))
    return found and found[1]


def refusal(error: Exception) -> BucketRefusedError:
    """Return what an error of obstore or of the system means, for a person, without credentials."""
    text = str(error)
    status, code = _STATUS.search(text), _code(error)
    system, transport = _SYSTEM.search(text), _TRANSPORT.search(text)
    if status is not None:
        detail = status[1].strip() + (f" ({code})" if code else "")
    elif transport is not None:
        detail = _TRANSPORT_SAID[transport[1]] + (f" ({system[1]})" if system else "")
    elif system is not None:
        detail = system[1]
    elif isinstance(error, OSError) and error.strerror:
        detail = error.strerror
    else:
        detail = text.partition("\n")[0] or type(error).__name__
    reason: PutReason = "UNAVAILABLE"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        reason = "NOT_ALLOWED"
    elif code == "NoSuchBucket":
        reason = "NO_BUCKET"
    return BucketRefusedError(reason, detail)
