"""Stage customer_funding: deposits, withdrawals, adjustments (contract section 8).

Runs in the settlement task, on the same books as cash_call. A funding is a small state machine:

    deposit      none -> INITIATED -> SETTLED -> RETURNED      (or none -> SETTLED)
                         INITIATED -> RETURNED, CANCELLED, DECLINED
    withdrawal   none -> ACCEPTED -> PAID -> SENT_BACK         (or none -> REFUSED)
                         ACCEPTED -> REJECTED
    adjustment   none -> ADJUSTED

The model that an account has at a funding's first step governs all its steps: Marketplace money is
posted, of an Apex account the files get a memo row, and a Net Settlement account's funding is not
ours. Settled cash, which an account may have from before, can be withdrawn under any model.
"""

import datetime as dt
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from schemas.cash_call import Direction
from schemas.funding import (
    CashAdjusted,
    Funding,
    FundingFlag,
    FundingFlagged,
    WithdrawalAccepted,
    WithdrawalRefusal,
    WithdrawalRefused,
)
from schemas.instant import Micros, time_text
from schemas.money import DOLLAR, Cents, usd
from settlement import ledger
from settlement.ach_return_codes import RETURN_CODES, RETURN_WINDOWS
from settlement.calendar import bank_days_after, civil_date
from settlement.cash_call import Settlement
from settlement.cause import Cause, Out
from settlement.customer_account import CustomerAccount, announce
from settlement.remembered import checksum, fingerprint
from topics.catalogue import CLIENT_LINES, FUNDING_UPDATES, FUNDINGS
from topics.decode import Refused

WITHDRAWAL_MINIMUM: Cents = 10 * DOLLAR
_SIXTY_DAYS = dt.timedelta(days=60)


class State(IntEnum):
    """Where a funding stands."""

    NONE = 0
    INITIATED = 1
    SETTLED = 2
    RETURNED = 3
    CANCELLED = 4
    DECLINED = 5
    ACCEPTED = 6
    REFUSED = 7
    PAID = 8
    REJECTED = 9
    SENT_BACK = 10
    ADJUSTED = 11


# What each event makes of each state; any other step is a dead letter. A requested withdrawal may
# end up REFUSED instead.
TRANSITIONS: dict[tuple[str, State], State] = {
    ("DepositInitiated", State.NONE): State.INITIATED,
    ("DepositSettled", State.NONE): State.SETTLED,
    ("DepositSettled", State.INITIATED): State.SETTLED,
    ("DepositReturned", State.INITIATED): State.RETURNED,
    ("DepositReturned", State.SETTLED): State.RETURNED,
    ("DepositCancelled", State.INITIATED): State.CANCELLED,
    ("DepositDeclined", State.INITIATED): State.DECLINED,
    ("WithdrawalRequested", State.NONE): State.ACCEPTED,
    ("WithdrawalSettled", State.ACCEPTED): State.PAID,
    ("WithdrawalRejected", State.ACCEPTED): State.REJECTED,
    ("WithdrawalReturned", State.PAID): State.SENT_BACK,
    ("CashAdjusted", State.NONE): State.ADJUSTED,
}
# Where a record keeps the checksum of each step's content, and in which states the step may have
# been taken before.
_TAKEN: dict[str, tuple[int, frozenset[State]]] = {
    "DepositInitiated": (
        0,
        frozenset(
            {State.INITIATED, State.SETTLED, State.RETURNED, State.CANCELLED, State.DECLINED}
        ),
    ),
    "DepositSettled": (1, frozenset({State.SETTLED, State.RETURNED})),
    "DepositReturned": (2, frozenset({State.RETURNED})),
    "DepositCancelled": (2, frozenset({State.CANCELLED})),
    "DepositDeclined": (2, frozenset({State.DECLINED})),
    "WithdrawalRequested": (
        0,
        frozenset({State.ACCEPTED, State.REFUSED, State.PAID, State.REJECTED, State.SENT_BACK}),
    ),
    "WithdrawalSettled": (1, frozenset({State.PAID, State.SENT_BACK})),
    "WithdrawalRejected": (2, frozenset({State.REJECTED})),
    "WithdrawalReturned": (2, frozenset({State.SENT_BACK})),
    "CashAdjusted": (0, frozenset({State.ADJUSTED})),
}


class Record(NamedTuple):
    """What is remembered of a funding for ever, as 19 bytes.

    `amount` in cents is the first step's; `settled_on` counts CT days since 1970; the checksums are
    those of the contents of the steps taken, 0 where there was none. `memo`: nothing is posted.
    """

    state: State = State.NONE
    amount: Cents = 0
    settled_on: int = 0
    contents: tuple[int, int, int] = (0, 0, 0)
    memo: bool = False

    def packed(self) -> bytes:
        """Return the record's bytes."""
        return _HEAD.pack(self.state | self.memo * _MEMO, self.settled_on) + b"".join(
            (
                self.amount.to_bytes(7, "big", signed=True),
                *(content.to_bytes(3, "big") for content in self.contents),
            )
        )


_HEAD = Struct(">BH")
# Beside the state, in its byte.
_MEMO = 0x80
RECORD_BYTES = _HEAD.size + 7 + 3 * 3
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()


def _unpacked(record: bytes | None) -> Record:
    if record is None:
        return Record()
    state, settled_on = _HEAD.unpack_from(record)
    rest = record[_HEAD.size :]
    return Record(
        State(state & ~_MEMO),
        int.from_bytes(rest[:7], "big", signed=True),
        settled_on,
        (
            int.from_bytes(rest[7:10], "big"),
            int.from_bytes(rest[10:13], "big"),
            int.from_bytes(rest[13:16], "big"),
        ),
        memo=bool(state & _MEMO),
    )


def _content(event: Funding) -> int:
    """Return a checksum, never 0, of all but `event_id` and `event_time`."""
    content: tuple[object, ...]
    if isinstance(event, CashAdjusted):
        content = (event.adjustment_type, event.amount, event.reference)
    else:
        content = (event.instrument_type, event.amount, event.reference, event.return_code)
    # Three bytes of it: a record has room for those of three steps.
    return int.from_bytes(checksum(repr(content)), "big") & 0xFFFFFF | 1


def _content_before(record: Record, kind: str) -> int:
    """Return the checksum of the step of this type that was taken before, 0 if none was."""
    slot, states = _TAKEN[kind]
    return record.contents[slot] if record.state in states else 0


def refusal(settlement: Settlement, event: Funding) -> Refused | None:
    """Return why a funding is dead-lettered, None if it is not. Changes nothing."""
    if event.account_id not in settlement.accounts:
        return Refused("UNKNOWN_ACCOUNT", f"no AccountUpdated for {event.account_id}")
    record = _unpacked(settlement.fundings.get(fingerprint(event.account_id, event.funding_id)))
    before = _content_before(record, event.type)
    if before:
        if before != _content(event):
            return Refused("CONFLICT", f"{event.type} of this funding_id had other content")
        return None
    if (event.type, record.state) not in TRANSITIONS:
        return Refused("BAD_TRANSITION", f"{event.type} of a funding that is {record.state.name}")
    if record.state is State.NONE:
        if not _is_ours(settlement.accounts[event.account_id], event):
            return Refused("FUNDING_NOT_OURS", "the client of a Net Settlement account funds it")
    elif event.amount != record.amount:
        return Refused("AMOUNT_MISMATCH", f"the first step was over {usd(record.amount)}")
    return None


def funded(settlement: Settlement, event: Funding, at: Micros, out: Out) -> None:
    """Apply a funding that is not refused; a repeat has no effect."""
    funding_id = fingerprint(event.account_id, event.funding_id)
    record = _unpacked(settlement.fundings.get(funding_id))
    if _content_before(record, event.type):
        return
    account = settlement.accounts[event.account_id]
    cause = Cause(FUNDINGS, event.event_id, at)
    new = TRANSITIONS[event.type, record.state]
    memo = record.memo if record.state is not State.NONE else _is_memo(account, event)
    activity_id = event.event_id
    if new is State.ACCEPTED and not memo:
        new, activity_id = _decide_withdrawal(account, event, cause, out)
    if memo:
        _note_activity(account, event, new, activity_id, cause, out, memo=True)
    elif new is not State.REFUSED:
        postings = _postings(account, event, record.state, new)
        settlement.ledger.book(account, postings, cause, out)
        _flag(account, event, record, new, cause, out)
        _note_activity(account, event, new, activity_id, cause, out)
        if isinstance(event, CashAdjusted) and event.adjustment_type == "PARTNER_WRITE_OFF":
            _note_write_off(account, event, cause, out)
        announce(account, cause, out)

    contents = list(record.contents)
    contents[_TAKEN[event.type][0]] = _content(event)
    settled_on = record.settled_on
    if new in {State.SETTLED, State.PAID}:
        settled_on = civil_date(at).toordinal() - _EPOCH_DAY
    amount = event.amount if record.state is State.NONE else record.amount
    settlement.fundings.put(
        funding_id,
        Record(new, amount, settled_on, (contents[0], contents[1], contents[2]), memo).packed(),
    )


def _is_ours(account: CustomerAccount, event: Funding) -> bool:
    """Whether we have to do with it: of a Net Settlement account, cash from before its model."""
    if account.funding_model != "NET_SETTLEMENT":
        return True
    return event.type == "WithdrawalRequested" and account.cash > 0


def _is_memo(account: CustomerAccount, event: Funding) -> bool:
    """Whether the clearing firm moves this money, and the files only mention it."""
    withdraws_ours = event.type == "WithdrawalRequested" and account.cash > 0
    return account.funding_model == "APEX_CLEARING" and not withdraws_ours


def withdrawal_refusal(account: CustomerAccount, amount: Cents) -> WithdrawalRefusal | None:
    """Say why a withdrawal is refused: settled cash less open WITHDRAWAL calls must cover it."""
    if account.mode == "LOCKED":
        return "ACCOUNT_RESTRICTED"
    if amount < WITHDRAWAL_MINIMUM:
        return "BELOW_MINIMUM"
    if amount > account.cash - account.open_withdrawals:
        return "INSUFFICIENT_FUNDS"
    return None


def is_late(return_code: str | None, settled_on: dt.date, today: dt.date) -> bool:
    """Whether a return comes after its window, counted from settlement, last day included."""
    window = RETURN_WINDOWS.get(return_code or "")
    if window == "TWO_BANK_DAYS":
        return today > bank_days_after(settled_on, 2)
    if window == "SIXTY_DAYS":
        return today > settled_on + _SIXTY_DAYS
    return False


def _decide_withdrawal(
    account: CustomerAccount, event: Funding, cause: Cause, out: Out
) -> tuple[State, str]:
    """Answer a request; return the new state and the id of the answer, which moved the money."""
    reason = withdrawal_refusal(account, event.amount)
    if reason is None:
        accepted: WithdrawalAccepted = {
            "type": "WithdrawalAccepted",
            "event_id": cause.event_id("WithdrawalAccepted", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "funding_id": event.funding_id,
            "amount": usd(event.amount),
            "reason": None,
        }
        out.append((FUNDING_UPDATES, account.account_id, accepted))
        return State.ACCEPTED, accepted["event_id"]
    refused: WithdrawalRefused = {
        "type": "WithdrawalRefused",
        "event_id": cause.event_id("WithdrawalRefused", account.account_id),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "account_id": account.account_id,
        "client": account.client,
        "funding_id": event.funding_id,
        "amount": usd(event.amount),
        "reason": reason,
    }
    out.append((FUNDING_UPDATES, account.account_id, refused))
    return State.REFUSED, refused["event_id"]


def _postings(account: CustomerAccount, event: Funding, old: State, new: State) -> ledger.Postings:
    """Return the entry of the step from `old` to `new` (contract section 9)."""
    names, amount = account.ledger_names(), event.amount
    if isinstance(event, CashAdjusted):
        return ledger.cash_adjusted(names, account.client, amount, event.adjustment_type)
    match new:
        case State.INITIATED:
            return ledger.deposit_initiated(names, amount)
        case State.SETTLED:
            return ledger.deposit_settled(names, amount, initiated=old is State.INITIATED)
        case State.RETURNED if old is State.SETTLED:
            return ledger.deposit_returned(names, amount)
        case State.RETURNED | State.CANCELLED | State.DECLINED:
            return ledger.deposit_ended(names, amount)
        case State.ACCEPTED:
            return ledger.withdrawal_accepted(names, amount)
        case State.PAID:
            return ledger.withdrawal_settled(names, amount)
        case State.REJECTED:
            return ledger.withdrawal_rejected(names, amount)
        case State.SENT_BACK:
            return ledger.withdrawal_returned(names, amount)
        case _:
            raise AssertionError(f"no entry for a funding that becomes {new.name}")


def _flag(
    account: CustomerAccount, event: Funding, record: Record, new: State, cause: Cause, out: Out
) -> None:
    """Say what a person should look at; the money is posted all the same."""
    flags: list[FundingFlag] = []
    lowers_cash = False
    if isinstance(event, CashAdjusted):
        lowers_cash = event.amount < 0
    elif new in {State.RETURNED, State.SENT_BACK}:
        if record.state in {State.SETTLED, State.PAID}:
            settled_on = dt.date.fromordinal(record.settled_on + _EPOCH_DAY)
            if is_late(event.return_code, settled_on, civil_date(cause.at)):
                flags.append("LATE_RETURN")
            lowers_cash = new is State.RETURNED
        if event.return_code is not None and event.return_code not in RETURN_CODES:
            flags.append("UNKNOWN_RETURN_CODE")
    if lowers_cash and account.cash < 0:
        flags.append("NEGATIVE_BALANCE")
    for reason in flags:
        flagged: FundingFlagged = {
            "type": "FundingFlagged",
            "event_id": cause.event_id("FundingFlagged", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "funding_id": event.funding_id,
            "amount": usd(event.amount),
            "reason": reason,
        }
        out.append((FUNDING_UPDATES, account.account_id, flagged))


# What a row says of these states; of an Apex account the clearing firm accepts and pays.
_STATUS = {State.SENT_BACK: "RETURNED", State.ACCEPTED: "REQUESTED", State.PAID: "SETTLED"}


def _note_activity(
    account: CustomerAccount,
    event: Funding,
    new: State,
    activity_id: str,
    cause: Cause,
    out: Out,
    *,
    memo: bool = False,
) -> None:
    """Tell the client's books of a step that changed cash or pending: a row of cash activity.

    A memo tells of each step at the clearing firm.
    """
    if new is State.PAID and not memo:
        return  # only what was set aside left
    if isinstance(event, CashAdjusted):
        instrument: str = event.adjustment_type
        direction: Direction = "DEPOSIT" if event.amount > 0 else "WITHDRAWAL"
        status = "SETTLED"
    else:
        instrument = event.instrument_type
        direction = "WITHDRAWAL" if event.type.startswith("Withdrawal") else "DEPOSIT"
        status = _STATUS.get(new, new.name) if memo or new is State.SENT_BACK else new.name
    out.append(
        (
            CLIENT_LINES,
            account.client,
            {
                "type": "CashActivityLine",
                "account_id": account.account_id,
                "activity_id": activity_id,
                "instrument_type": instrument,
                "direction": direction,
                "amount": usd(abs(event.amount)),
                "status": status,
                "occurred_at": time_text(cause.at),
                "reference": event.reference or "",
            },
        )
    )


def _note_write_off(account: CustomerAccount, event: CashAdjusted, cause: Cause, out: Out) -> None:
    """Tell the client's books what is deducted from its revenue share."""
    line = {
        "type": "PartnerWriteOffLine",
        "account_id": account.account_id,
        "amount": usd(event.amount),
        "occurred_at": cause.at_text,
    }
    out.append((CLIENT_LINES, account.client, line))
