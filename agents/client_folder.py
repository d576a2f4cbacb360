"""What a client finds: the files in its bucket or folder, listed and read, never written."""

import errno
from collections.abc import Iterator
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from agents.buckets import CLIENT, LOCAL, S3, Buckets, refusal

# Where a client's files may lie below the place that is named: under its code, in what a replay
# wrote, or right there.
_BELOW_A_FOLDER = ("s3/{client}", "{client}", "")
_BELOW_A_BUCKET = ("{client}", "")


class ClientFolder:
    """The files of one client, by key: `sizes` in bytes."""

    def __init__(self, buckets: Buckets, client: str, folders: tuple[str, ...]) -> None:
        """Find and list the client's files, those of `folders` and those outside of any folder.

        Raises:
            BucketRefusedError: there is no such place, or it can't be listed.
        """
        self.sizes: dict[str, int] = {}
        try:
            self._store, self._prefix, self._where = _found(buckets, client)
            for folder in ("", *folders):
                for entry in obstore.list_with_delimiter(self._store, self._prefix + folder)[
                    "objects"
                ]:
                    self.sizes[entry["path"].removeprefix(self._prefix)] = entry["size"]
        except (BaseError, OSError) as error:
            raise refusal(error) from None

    def where(self, key: str) -> str:
        """Return the address of a file, as a person reads it; of the folder without a key."""
        return f"{self._where}/{key}" if key else self._where

    def lines(self, key: str) -> Iterator[bytes]:
        """Give a file's lines, while it is read.

        Raises:
            BucketRefusedError: it can't be read.
        """
        rest = b""
        try:
            for chunk in obstore.get(self._store, self._prefix + key):
                *lines, rest = (rest + bytes(chunk)).split(b"\n")
                for line in lines:
                    yield line + b"\n"
        except (BaseError, OSError) as error:
            raise refusal(error) from None
        if rest:
            yield rest


def _found(buckets: Buckets, client: str) -> tuple[S3Store | LocalStore, str, str]:
    """Return the store, what the client's keys begin with in it, and its address.

    Raises:
        FileNotFoundError: a local folder is not there.
    """
    if buckets.url.startswith(LOCAL):
        root = Path(buckets.url.removeprefix(LOCAL).replace(CLIENT, client))
        for below in _BELOW_A_FOLDER:
            folder = root / below.replace(CLIENT, client)
            if folder.is_dir():
                return LocalStore(folder.absolute()), "", str(folder)
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(root))
    bucket, _, path = buckets.url.removeprefix(S3).partition("/")
    bucket = bucket.replace(CLIENT, client.lower())
    path = path.strip("/").replace(CLIENT, client)
    store = S3Store(
        bucket,
        config=dict(buckets.config),  # type: ignore[arg-type]  # made of our settings
        client_options=dict(buckets.client_options),  # type: ignore[arg-type]  # as above
    )
    prefix = ""
    for below in _BELOW_A_BUCKET:
        prefix = "/".join(part for part in (path, below.replace(CLIENT, client)) if part)
        prefix += "/" if prefix else ""
        there = obstore.list_with_delimiter(store, prefix)
        if there["objects"] or there["common_prefixes"]:
            break
    return store, prefix, f"{S3}{bucket}/{prefix}".rstrip("/")
