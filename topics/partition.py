"""Which partition a key belongs to (contract section 1): murmur2, as Java clients do."""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Return the 32-bit hash that Kafka's own clients take of a key."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if length & 3:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def key_text(key: bytes) -> str:
    """Return a Kafka key as text that gives the same bytes again, also if it is not UTF-8."""
    return key.decode(errors="surrogateescape")


def key_bytes(key: str) -> bytes:
    """Return the bytes of a Kafka key."""
    return key.encode(errors="surrogateescape")


# Keys come again and again: accounts, clients, symbols.
@lru_cache(maxsize=1 << 16)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key among `partitions`; `key_bytes` says how it is written."""
    return (murmur2(key_bytes(key)) & 0x7FFFFFFF) % partitions
