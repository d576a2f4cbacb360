"""Sums in the state of client-books may exceed the 64 bits of a JSON integer: those are text."""

import orjson
import pytest

from pipeline.client_lines import count_of, count_record
from pipeline.client_nets import changed_nets, restore_net, restored_nets
from settlement.clients import Clients
from settlement.net_settlement import Net
from settlement.reports.rows import MemoryRows

# 200,000 wires of the largest amount, in cents.
BEYOND = 200_000 * 99_999_999_999_999


@pytest.mark.parametrize("amount", [BEYOND, -BEYOND, 0])
def test_nets_and_shares_come_back_as_they_were(amount: int) -> None:
    assert abs(amount) > 2**64 or amount == 0
    before, after = Clients(MemoryRows()), Clients(MemoryRows())
    net = before.nets.of("ACME")
    net.lines[5] = (amount, 3)
    net.advance, net.wires_in, net.wires_out = amount, amount + 1, amount + 2
    net.closed[7] = Net(amount, 4, amount + 3)
    share = before.shares.of("ACME")
    share.bps = 99_999_999_999_999  # 999,999.99999999
    share.months["2026-03"] = (amount, amount + 4)
    share.carried, share.stated, share.deducted, share.paid = range(amount, amount + 4)
    before.touched.add("ACME")
    before.nets.touched.add(("ACME", 7))
    for key, value in changed_nets(before):
        assert value is not None
        assert restore_net(after, key, value)
    restored_nets(after)
    found = after.nets.of("ACME")
    assert (found.lines, found.advance, found.wires_in, found.wires_out) == (
        {5: (amount, 3)},
        amount,
        amount + 1,
        amount + 2,
    )
    closed = found.closed[7]
    assert (closed.amount, closed.executions, closed.outstanding) == (amount, 4, amount + 3)
    again = after.shares.of("ACME")
    assert (again.bps, again.months) == (99_999_999_999_999, {"2026-03": (amount, amount + 4)})
    assert (again.carried, again.stated, again.deducted, again.paid) == tuple(
        range(amount, amount + 4)
    )


@pytest.mark.parametrize("total", [BEYOND, -BEYOND, 0])
def test_a_count_of_lines_comes_back_as_it_was(total: int) -> None:
    assert count_of(orjson.loads(orjson.dumps(count_record([5, total])))) == [5, total]
