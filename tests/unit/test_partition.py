"""Keys go where Kafka's own clients send them (contract section 1)."""

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as of_aiokafka

from topics.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        # The known values of Kafka's own test (UtilsTest.testMurmur2), as signed 32-bit numbers.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_known_hashes(key: bytes, hash_: int) -> None:
    assert murmur2(key) == hash_ & 0xFFFFFFFF


def test_every_length_hashes_as_in_aiokafka() -> None:
    chance = random.Random(5)
    for length in range(70):
        for _ in range(20):
            key = chance.randbytes(length)
            assert murmur2(key) == of_aiokafka(key) & 0xFFFFFFFF, key


@pytest.mark.parametrize("partitions", [1, 3, 4, 7, 64])
def test_keys_go_where_aiokafka_sends_them(partitions: int) -> None:
    partitioner, everywhere = DefaultPartitioner(), list(range(partitions))
    for number in range(500):
        for key in (f"ACME{number:04}", f"{number:X}USD", "ÄÖ" * (number % 9)):
            expected = partitioner(key.encode(), everywhere, everywhere)
            assert partition_of(key, partitions) == expected, key
