"""Which inputs wait for which causes in `settle produce` (contract section 12)."""

import pytest

from scripts.produce import CAUSES, may_depend
from topics.catalogue import (
    ACCOUNTS,
    APEX_JOURNAL_RESULTS,
    CLIENTS,
    CLOCK,
    FUNDINGS,
    INPUT_ORDER,
    INSTRUMENTS,
    NET_WIRES,
    ORDERS,
    PRICE_TICKS,
)


@pytest.mark.parametrize(
    ("cause", "waiting"),
    [
        (CLIENTS, set(INPUT_ORDER) - {CLIENTS}),
        (INSTRUMENTS, set(INPUT_ORDER) - {INSTRUMENTS}),
        (ACCOUNTS, set(INPUT_ORDER) - {ACCOUNTS}),
        (PRICE_TICKS, {ORDERS, FUNDINGS, NET_WIRES, CLOCK}),
        (ORDERS, set()),
        (FUNDINGS, set()),
        (NET_WIRES, set()),
        (APEX_JOURNAL_RESULTS, set()),
        (CLOCK, set()),
    ],
)
def test_what_waits_for_a_cause(cause: str, waiting: set[str]) -> None:
    assert {topic for topic in INPUT_ORDER if may_depend(topic, cause)} == waiting
    assert (cause in CAUSES) == bool(waiting)
