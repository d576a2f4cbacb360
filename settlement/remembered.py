"""Ids that were acted on: for ever, in few bytes each (contract section 1, idempotency).

A Python dict spends over 150 bytes on an id. Here a record is a fixed number of bytes in an
open-addressed table that is at most 75% and, after its first growth, at least 50% full; 256 shards
grow one at a time, so that growing never holds a second copy of everything.
"""

from hashlib import blake2b

# 12 bytes of a cryptographic hash: with 10^9 ids, two collide with a probability below 10^-11.
KEY_BYTES = 12
_EMPTY = bytes(KEY_BYTES)
_SLOTS_FIRST = 8


def fingerprint(*parts: str) -> bytes:
    """Return the key of an id that consists of `parts`."""
    return blake2b("\x1f".join(parts).encode(), digest_size=KEY_BYTES).digest()


class RememberedIds:
    """A map from 12-byte fingerprints to values of `value_bytes` bytes. Nothing is ever removed."""

    __slots__ = ("_counts", "_shards", "_width", "value_bytes")

    def __init__(self, value_bytes: int) -> None:
        """Make an empty map."""
        self.value_bytes = value_bytes
        self._width = KEY_BYTES + value_bytes
        self._shards = [bytearray(_SLOTS_FIRST * self._width) for _ in range(256)]
        self._counts = [0] * 256

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return sum(self._counts)

    def bytes_used(self) -> int:
        """Return the size of the tables in bytes."""
        return sum(len(shard) for shard in self._shards)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a fingerprint, None if it was never put."""
        table = self._shards[key[0]]
        at = self._slot(table, key)
        if table[at : at + KEY_BYTES] != key:
            return None
        return bytes(table[at + KEY_BYTES : at + self._width])

    def put(self, key: bytes, value: bytes) -> None:
        """Remember a fingerprint with its value, or replace the value."""
        shard = key[0]
        table = self._shards[shard]
        at = self._slot(table, key)
        if table[at : at + KEY_BYTES] != key:
            self._counts[shard] += 1
            if self._counts[shard] * self._width * 4 > len(table) * 3:
                table = self._shards[shard] = self._grown(table)
                at = self._slot(table, key)
        table[at : at + self._width] = key + value

    def _slot(self, table: bytearray, key: bytes) -> int:
        """Return where `key` is, or the empty slot where it would go."""
        width = self._width
        at = int.from_bytes(key[1:6], "big") * width % len(table)
        while (found := table[at : at + KEY_BYTES]) != key and found != _EMPTY:
            at += width
            if at == len(table):
                at = 0
        return at

    def _grown(self, table: bytearray) -> bytearray:
        larger = bytearray(len(table) // self._width * 3 // 2 * self._width)
        for start in range(0, len(table), self._width):
            record = table[start : start + self._width]
            if record[:KEY_BYTES] != _EMPTY:
                at = self._slot(larger, bytes(record[:KEY_BYTES]))
                larger[at : at + self._width] = record
        return larger
