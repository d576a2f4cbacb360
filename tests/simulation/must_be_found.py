"""Damage that the audit has to find: as stored, and when what is stored of it is made to fit."""

import pytest

from audit.directory import audit_directory
from replay.difference import DifferenceError
from tests.simulation.damage import Damage
from tests.simulation.replay_copy import ReplayCopy

STORED = pytest.mark.parametrize("stored_anew", [False, True], ids=["as stored", "stored anew"])


def must_be_found(copy: ReplayCopy, damage: Damage, *, stored_anew: bool) -> None:
    """Damage a copy; the audit's one line must name the place, what is expected, what is found."""
    named = damage(copy)
    if stored_anew:
        copy.store_anew()
    else:
        copy.save()
    with pytest.raises(DifferenceError) as found:
        audit_directory(copy.root)
    message = str(found.value)
    assert named in message, message
    assert "\n" not in message
    assert ": expected " in message
    assert ", found " in message
