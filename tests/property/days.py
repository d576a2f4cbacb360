"""Whole random days: every kind of input that there is, good and bad, in the order of a file.

A day is a list of moves. A move is a few bytes, so that hypothesis can drop and shrink moves one by
one; each byte picks one of several things, the first of them is the plainest. `Telling` turns moves
into lines, and knows just enough of what it has told to go on with it: to take a deposit's next
step, to cancel an order, to say something twice.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson
from hypothesis import strategies as st

from replay.engine import History
from replay.output import WrittenFile
from replay.read import InputLine
from schemas.instant import micros
from settlement.reports.report import Report
from settlement.reports.rows import MemoryRows
from tests.property.day_lines import (
    tell_account,
    tell_client,
    tell_funding,
    tell_instrument,
    tell_tick,
)
from tests.property.day_moves import (
    MOVES,
    PAUSES,
    STALE_AFTER_MS,
)
from tests.property.day_words import (
    ACCOUNTS,
    BEGIN_TIMES,
    CLIENTS,
    MARKETS,
    MICRO,
    MODELS,
    OPENING_AMOUNTS,
    ORPHAN,
    SECOND,
    STARTS,
    STRANGER,
    TERMS,
    Dice,
    Line,
    Telling,
    Value,
    clock_time,
    text_of,
)
from topics.catalogue import INPUT_ORDER
from topics.decode import decode

# What the clearing firm may say, and how often.
ANSWERS = (
    *["completed"] * 6,
    "INSUFFICIENT_FUNDS",
    "ACCOUNT_RESTRICTED",
    "LIMIT_REVIEW",
    "again",
    "another answer",
    "another amount",
    "another id",
    "another account",
    "another reason",
    "the next id",
)


class Firm:
    """The clearing firm: hears what a day's accounts ask for, and says something about it."""

    def __init__(self) -> None:
        """Start unasked."""
        self._asked: list[Value] = []
        self._said: dict[str, Value] = {}

    def event(self, topic: str, event: Mapping[str, Any]) -> None:
        """Hear an event."""
        if topic == "apex-journals":
            self._asked.append(dict(event))

    def report(self, report: Report) -> WrittenFile:
        """Take no notice of a file."""
        for _ in report.rows:
            pass
        return WrittenFile(report.key, 0, 0, "")

    def answered(self, lines: list[Line]) -> list[Line]:
        """Return lines with each place for an answer filled."""
        if not any(_is_place(line) for line in lines):
            return lines
        history = History(self, MemoryRows())
        filled: list[Line] = []
        for number, line in enumerate(lines, 1):
            if _is_place(line):
                line.value.update(self._answer(Dice(bytes(line.value.pop("thrown")))))
            filled.append(line)
            text = orjson.dumps({"topic": line.topic, "value": line.value})
            event = decode(line.topic, orjson.loads(text)["value"])
            at = micros(text_of(line.at))
            rank = INPUT_ORDER.index(line.topic)
            history.apply(InputLine(at, rank, 0, number, line.topic, event, text))
        return filled

    def _answer(self, dice: Dice) -> Value:
        """Return what the dice say of a journal, mostly of one that is unanswered."""
        what = dice.pick(ANSWERS)
        unanswered = [one for one in self._asked if one["journal_id"] not in self._said]
        of = unanswered
        if what in {"again", "another answer"} or not unanswered:
            of = self._asked
        if not of:
            return {}
        asked = dice.pick(of[-1:-9:-1])
        answer: Value = {
            "type": "ApexJournalCompleted",
            "account_id": asked["account_id"],
            "journal_id": asked["journal_id"],
            "amount": asked["amount"],
        }
        said = self._said.get(asked["journal_id"])
        if what in {"again", "another answer"} and said is not None:
            answer = dict(said)
            if what == "another answer":
                answer["reason"] = dice.pick(("INSUFFICIENT_FUNDS", "LIMIT_REVIEW"))
                answer["type"] = "ApexJournalRejected"
            return answer
        match what:
            case "INSUFFICIENT_FUNDS" | "ACCOUNT_RESTRICTED" | "LIMIT_REVIEW":
                answer |= {"type": "ApexJournalRejected", "reason": what}
                answer["amount"] = dice.pick((None, asked["amount"]))
            case "another amount":
                return answer | {"amount": "12.34"}
            case "another id":
                return answer | {"journal_id": f"{asked['journal_id']}0"}
            case "another account":
                return answer | {"account_id": dice.pick((*ACCOUNTS, STRANGER))}
            case "another reason":
                return answer | {"type": "ApexJournalRejected", "reason": "TIMEOUT"}
            case "the next id":
                call, _, k = asked["journal_id"].rpartition("-")
                return answer | {"journal_id": f"{call}-{int(k) + 1}"}
            case _:
                pass
        self._said.setdefault(asked["journal_id"], answer)
        return answer


def _is_place(line: Line) -> bool:
    return isinstance(line.value, dict) and "thrown" in line.value


def _opening(day: Telling, dice: Dice) -> None:
    """Introduce everybody; each account gets some money, three buy at once."""
    for client in CLIENTS:
        tell_client(day, client, dice.pick(TERMS))
    stale_after_ms = dice.pick(STALE_AFTER_MS)
    for market in MARKETS:
        tell_instrument(day, market, stale_after_ms)
    # The last account of each client may be a Net Settlement one from the beginning.
    for account_id in (ACCOUNTS[1], ACCOUNTS[3], ORPHAN):
        day.models[account_id] = dice.pick(MODELS)
    for account_id in (*ACCOUNTS, ORPHAN):
        tell_account(day, account_id)
    day.at += SECOND
    for number, account_id in enumerate(ACCOUNTS):
        tell_funding(day, "DepositSettled", account_id, OPENING_AMOUNTS[number])
    for market in MARKETS:
        tell_tick(day, market)
    day.at += SECOND
    bitcoin, ether = MARKETS[:2]
    first_orders = ((0, bitcoin), (0, ether), (2, bitcoin), (3, bitcoin))
    for number, market in first_orders:
        day.tell(
            "orders",
            "OrderSubmitted",
            account_id=ACCOUNTS[number],
            client_order_id=day.fresh("first"),
            symbol=market.symbol,
            side="BUY",
            order_type="MARKET",
            time_in_force="IOC",
            quantity=market.bought[0],
        )


# hypothesis makes lists of five or so, if it may make them empty: several of them are a day that
# can still be shrunk to nothing.
_PARTS_OF_A_DAY = 10
_moves = st.lists(st.binary(min_size=20, max_size=20))


@st.composite
def days(draw: st.DrawFn) -> list[Line]:
    """Return the lines of a day, which may go on for weeks, in the order of a file."""
    opening = Dice(draw(st.binary(min_size=8, max_size=8)))
    date = dt.date.fromisoformat(opening.pick(STARTS))
    day = Telling(clock_time(date, opening.pick(BEGIN_TIMES)))
    _opening(day, opening)
    for _ in range(_PARTS_OF_A_DAY):
        for thrown in draw(_moves):
            dice = Dice(thrown)
            move = dice.pick(MOVES)
            day.at += dice.pick(PAUSES) * MICRO
            move(day, dice)
    return Firm().answered(day.in_file_order())
