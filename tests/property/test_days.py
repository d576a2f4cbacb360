"""Whole random days (days.py), with what contract section 9 promises after every single input.

To look harder: SETTLE_HYPOTHESIS=thorough make test ARGS=tests/property
"""

import pytest
from hypothesis import given, note, settings

from tests.property.day_words import Line
from tests.property.days import days
from tests.property.promises_of_cash import (
    apex_calls_follow_their_journals,
    balances_are_the_journal,
    calls_are_retried,
    calls_end_at_most_once,
    calls_fail_for_a_reason,
    calls_move_their_money,
    entries_balance,
    executions_are_called,
    only_returns_and_adjustments_go_below_zero,
    positions_are_never_negative,
    the_fbo_holds_all_cash,
    withdrawals_are_covered,
)
from tests.property.promises_of_clients import (
    aged_rows_are_the_open_failed_calls,
    nets_are_their_lines,
    shares_add_up,
)
from tests.property.promises_of_orders import (
    bad_lines_are_never_lost,
    fills_keep_to_the_order,
    ids_are_used_once,
    orders_end_once,
    times_never_go_back,
    windows_open_once_and_in_order,
)
from tests.property.told_day import last_steps, tell

# So many that they come to all that is to be reached.
MORE = settings(max_examples=settings().max_examples * 3)
PROMISES = (
    entries_balance,
    the_fbo_holds_all_cash,
    positions_are_never_negative,
    calls_move_their_money,
    executions_are_called,
    calls_end_at_most_once,
    calls_are_retried,
    apex_calls_follow_their_journals,
    calls_fail_for_a_reason,
    withdrawals_are_covered,
    only_returns_and_adjustments_go_below_zero,
    balances_are_the_journal,
    ids_are_used_once,
    times_never_go_back,
    orders_end_once,
    fills_keep_to_the_order,
    windows_open_once_and_in_order,
    aged_rows_are_the_open_failed_calls,
    nets_are_their_lines,
    shares_add_up,
    bad_lines_are_never_lost,
)
# What so many days must have come to: else the promises would be empty words.
REACHED = {
    "OrderAccepted",
    "OrderTriggered",
    "OrderFilled",
    "OrderExpired END_OF_DAY",
    "OrderExpired EXPIRE_TIME",
    "OrderCancelled CLIENT_REQUEST",
    "OrderCancelled MAINTENANCE",
    "OrderCancelled ACCOUNT_NOT_OPEN",
    "OrderCancelRejected",
    "Execution",
    "CashCallSettled",
    "CashCallFailed INSUFFICIENT_FUNDS",
    "CashCallFailed ACCOUNT_RESTRICTED",
    "CashCallFailed LIMIT_REVIEW",
    "CashCallFailed TIMEOUT",
    "CashCallWrittenOff",
    "ApexJournalRequested",
    "AgedFailure",
    "WithdrawalAccepted",
    "WithdrawalRefused BELOW_MINIMUM",
    "WithdrawalRefused INSUFFICIENT_FUNDS",
    "FundingFlagged LATE_RETURN",
    "FundingFlagged UNKNOWN_RETURN_CODE",
    "FundingFlagged NEGATIVE_BALANCE",
    "NetSettlementLine",
    "NetSettlement",
    "NetSettlementStatus PENDING",
    "NetSettlementStatus CONFIRMED",
    "NetSettlementStatus DISPUTED",
    "NetSettlementStatus PAID",
    "NetSettlementStatus OVERPAID",
    "RevenueShareStatement",
    "DeadLetter AMOUNT_MISMATCH",
    "DeadLetter BAD_TRANSITION",
    "DeadLetter CONFLICT",
    "DeadLetter CROSSED_TICK",
    "DeadLetter FUNDING_NOT_OURS",
    "DeadLetter INVALID",
    "DeadLetter MALFORMED",
    "DeadLetter UNKNOWN_ACCOUNT",
    "DeadLetter UNKNOWN_JOURNAL",
    "DeadLetter UNKNOWN_REASON",
    "DeadLetter CONTRADICTION",
}


@pytest.mark.slow
def test_every_promise_holds_on_every_day() -> None:
    reached: set[str] = set()

    @MORE
    @given(days())
    def keeps_its_promises(lines: list[Line]) -> None:
        told = tell(lines)
        for event in told.emitted():
            said = event.get("reason") or event.get("status")
            reached.update({event["type"], f"{event['type']} {said}"})
        for promise in PROMISES:
            try:
                promise(told)
            except AssertionError:
                note(f"{promise.__name__}: {promise.__doc__}\n{last_steps(told.steps, 12)}")
                raise

    keeps_its_promises()
    assert reached >= REACHED, sorted(REACHED - reached)
