"""Chance made from a seed: the same on every Python."""

import random
from collections.abc import Callable

# Gives an integer from 0 to below a limit.
Draw = Callable[[int], int]


def chance(seed: int, purpose: str) -> Draw:
    """Return a source of integers from 0 to below a limit.

    One source for each purpose: more of one thing changes nothing of another.
    """
    bits = random.Random(f"{seed}/{purpose}").getrandbits  # noqa: S311 - no secret is made here

    # As even as randrange for limits far below 2^32, and twice as fast.
    def below(limit: int) -> int:
        return bits(32) * limit >> 32

    return below


def between(draw: Draw, bounds: tuple[int, int]) -> int:
    """Return an integer from the lower bound to the upper, both included."""
    low, high = bounds
    return low + draw(high - low + 1)
