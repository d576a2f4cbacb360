"""Batches whose records have header names that are no UTF-8: no client library writes them."""

import struct
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

# Appended to the headers of every record of such a batch; the bytes replace it in the batch.
HEADER = ("h-name!", b"x")
_NO_UTF_8 = b"\xff\xfe\xc3(\x80\xa0\xff"
# Where the checksum of a record batch stands, and what it covers.
_CRC_AT, _CRC_FROM = 17, 21


class _Renaming:
    """A builder of aiokafka whose batch gets other header names when it is built."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._inner, name)

    def build(self) -> bytearray:
        batch = bytearray(self._inner.build()).replace(HEADER[0].encode(), _NO_UTF_8)
        struct.pack_into(">I", batch, _CRC_AT, calc_crc32c(bytes(batch[_CRC_FROM:])))
        return batch


def rename(batch: BatchBuilder) -> None:
    """Let a closed batch, not compressed and not idempotent, be sent with such names."""
    batch._builder = _Renaming(batch._builder)  # noqa: SLF001 - no other way to bad bytes
