"""Ids that were acted on: for ever, in few bytes each (contract section 1, idempotency).

A Python dict spends over 150 bytes on an id. Here a record is a fixed number of bytes in one of
many small buckets, found by the C search of `bytearray.find`. The buckets are a linear hash table:
with every few ids one bucket is split in two, so it grows without a pause or a second copy.
"""

from hashlib import blake2b
from struct import iter_unpack
from zlib import crc32

# 12 bytes of a cryptographic hash: with 10^9 ids, two collide with a probability below 10^-11.
KEY_BYTES = 12
# A checksum of what an input says: what a repeat of its id must share.
CONTENT_BYTES = 4
# More records per bucket make a search longer, fewer make the buckets' own overhead weigh more.
_RECORDS_PER_BUCKET = 16


def fingerprint(*parts: str) -> bytes:
    """Return the key of an id that consists of `parts`."""
    return blake2b("\x1f".join(parts).encode(), digest_size=KEY_BYTES).digest()


def checksum(text: str) -> bytes:
    """Return what tells a repeat with other content from an honest one.

    No money depends on it; the id itself is compared by 96 bits.
    """
    return crc32(text.encode()).to_bytes(CONTENT_BYTES, "big")


class RememberedIds:
    """A map from 12-byte fingerprints to values of a fixed size. Nothing is ever removed."""

    __slots__ = ("_buckets", "_count", "_mask", "_upper_mask", "_width", "fresh")

    def __init__(self, value_bytes: int) -> None:
        """Make an empty map for values of `value_bytes` bytes."""
        self._width = KEY_BYTES + value_bytes
        self._count = 0
        # A power of two less one: buckets up to it are complete, those above are split already.
        self._mask = 0
        self._upper_mask = 1  # twice as many buckets
        self._buckets = [bytearray()]
        # What was put lately, for an engine that keeps it elsewhere too and empties this; None:
        # nobody asks.
        self.fresh: dict[bytes, bytes] | None = None

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return self._count

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a fingerprint, None if it was never put."""
        bucket, at = self._find(key)
        return None if at < 0 else bytes(bucket[at + KEY_BYTES : at + self._width])

    def put(self, key: bytes, value: bytes) -> None:
        """Remember a fingerprint with its value, or replace the value."""
        if self.fresh is not None:
            self.fresh[key] = value
        bucket, at = self._find(key)
        if at >= 0:
            bucket[at + KEY_BYTES : at + self._width] = value
        else:
            self._append(bucket, key + value)

    def recall(self, key: bytes, value: bytes) -> bytes | None:
        """Return the value of a fingerprint; if it was never put, remember it with `value`."""
        # `_find`, written out: every order comes here.
        buckets = self._buckets
        number = int.from_bytes(key[:4], "big")
        place = number & self._upper_mask
        bucket = buckets[place if place < len(buckets) else number & self._mask]
        at = bucket.find(key)
        if at >= 0:
            known = self.get(key)
            if known is not None:
                return known
        if self.fresh is not None:
            self.fresh[key] = value
        self._append(bucket, key + value)
        return None

    def _append(self, bucket: bytearray, record: bytes) -> None:
        bucket += record
        self._count += 1
        if self._count > _RECORDS_PER_BUCKET * len(self._buckets):
            self._split()

    def _bucket(self, key: bytes) -> bytearray:
        buckets = self._buckets
        number = int.from_bytes(key[:4], "big")
        place = number & self._upper_mask
        return buckets[place if place < len(buckets) else number & self._mask]

    def _find(self, key: bytes) -> tuple[bytearray, int]:
        """Return the bucket of a key, and where in it its record begins; -1: it has none."""
        bucket = self._bucket(key)
        at = bucket.find(key)
        while at > 0 and at % self._width:  # found across two records
            at = bucket.find(key, at + 1)
        return bucket, at

    def _split(self) -> None:
        """Give half of the next bucket's records to a new one."""
        new = len(self._buckets)
        if new == 2 * (self._mask + 1):
            self._mask = self._upper_mask
            self._upper_mask = 2 * self._mask + 1
        old = new & self._mask
        records = [record for (record,) in iter_unpack(f"{self._width}s", self._buckets[old])]
        # The two buckets differ in one bit of the number, which stands in one of its four bytes.
        bit = self._mask.bit_length()
        byte, bit_of_byte = 3 - bit // 8, 1 << bit % 8
        stay = b"".join([record for record in records if not record[byte] & bit_of_byte])
        go = b"".join([record for record in records if record[byte] & bit_of_byte])
        self._buckets[old] = bytearray(stay)
        self._buckets.append(bytearray(go))
