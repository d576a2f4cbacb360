"""Every input was answered, and everything written answers an input.

The inputs set the pace. Before each, what trading did until then is refolded; then the input's own
answer is demanded: best quotes, an order's first update, a funding's step, or its dead letter.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import cast

from audit.account import Account
from audit.admission import World
from audit.audit import Audit
from audit.cause import Cause
from audit.funding_inputs import FundingInputs
from audit.journals import outcome_of
from audit.net_inputs import NetInput, NetInputs
from audit.order_answers import Answer, OrderAnswers
from audit.quote_refold import QuoteRefold
from audit.trading import Rank, rank_of
from replay.difference import DifferenceError, described
from replay.read import InputLine, line_key, raw_value
from schemas.account import AccountUpdated
from schemas.apex_journal import ApexJournalCompleted, ApexJournalRejected
from schemas.client import ClientUpdated
from schemas.dead_letter import DETAIL_LENGTH_MAX, RAW_BYTES_MAX, RAW_KEY_BYTES_MAX
from schemas.event import Input
from schemas.funding import CashAdjusted, Funding, FundingStep
from schemas.instant import FIRST_TIME, Micros, micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.order import OrderCancelRequested, OrderSubmitted
from schemas.price_tick import PriceTick
from topics.catalogue import ACCOUNTS, APEX_JOURNAL_RESULTS, REFERENCE_TOPICS
from topics.decode import Refused


class Answers:
    """One audit; every step raises `DifferenceError` at the first difference."""

    def __init__(self, audit: Audit) -> None:
        """Take an audit that has not begun."""
        self.audit = audit
        self.world = World({}, {}, {})
        audit.orders.duties.instruments = self.world.instruments
        audit.orders.duties.position = audit.ledger.position
        self.order_answers = OrderAnswers(self.world, audit.ledger, audit.orders)
        self.funding_inputs = FundingInputs()
        self.net_inputs = NetInputs(self.world, audit.nets, audit.shares)
        self.net_accounts = audit.nets.accounts
        self.terms = audit.shares.terms
        self.quotes = QuoteRefold(audit.directory)
        self.inputs: Counter[str] = Counter()
        # The time of the first input that was acted on, and of the first that moved time.
        self.first: Micros | None = None
        self.began: Micros | None = None
        # The time of the last input that was acted on, and its rank in that instant.
        self.latest: Micros | None = None
        self.latest_rank = Rank.DUE

    def audit_all(
        self, lines: Iterable[InputLine], firm_source: int, any_answers: Callable[[], bool]
    ) -> None:
        """Audit the directory against its inputs, in their order.

        `firm_source`: the position of the simulated clearing firm's answers among the inputs.
        `any_answers`: whether another input has an answer, at any time.
        """
        answered = False
        until_text = self.audit.summary.stored.get("until")
        until = None if until_text is None else micros(until_text)
        for line in lines:
            if until is not None and line.at > until:
                # Also an answer after the end silences the simulated firm.
                answered = answered or any_answers()
                break
            self.inputs[line.topic] += 1
            if line.topic == APEX_JOURNAL_RESULTS:
                answered |= line.source != firm_source
            if line.topic == APEX_JOURNAL_RESULTS and self.began is not None:
                # It may answer what a retry before it asks for.
                self._refold_before((line.at, rank_of(line.topic)))
            reasons = self._refusals(line)
            if reasons:
                self._demand_dead_letter(line, reasons)
            else:
                self._act(line)
        self._refold_before(None)
        self.audit.trading.finish()
        self.quotes.nothing_more()
        latest = self.latest if until is None or self.began is None else until
        self.audit.close(
            input_answers=answered,
            inputs=dict(self.inputs),
            last_time=None if latest is None else time_text(latest),
            first_time=None if self.first is None else time_text(self.first),
            time_began=None if self.began is None else time_text(self.began),
        )

    # -- time ------------------------------------------------------------------------------------

    def _refold_before(self, place: tuple[Micros, Rank] | None, *, inclusive: bool = False) -> None:
        """Refold what trading did before this place in time, `inclusive`: or at it; None: all."""
        trading = self.audit.trading
        while (next_place := trading.place()) is not None and (
            place is None or next_place < place or (inclusive and next_place == place)
        ):
            if next_place[1] in {Rank.ORDERS, Rank.ACCOUNTS}:
                raise trading.updates.surplus("no input answers to it as its cause")
            self._take()

    def _catch_up(self) -> None:
        """Refold what the last input has caused, on which the next one's refusal may depend."""
        if self.began is not None and self.latest is not None:
            self._refold_before((self.latest, self.latest_rank), inclusive=True)

    def _take(self) -> None:
        step = self.audit.trading.take()
        if step is not None:
            self.audit.settle(step)

    # -- inputs ----------------------------------------------------------------------------------

    def _refusals(self, line: InputLine) -> set[str]:
        """Return the reason codes under which an input may be dead-lettered; empty: it counts."""
        event = line.event
        if isinstance(event, Refused):
            return {event.reason}
        if isinstance(event, PriceTick):
            return self.quotes.refusals(event, line.at)
        if isinstance(event, InstrumentUpdated):
            known = self.world.instruments.get(event.symbol)
            return set() if known is None or known.base == event.base else {"BASE_CHANGED"}
        if isinstance(event, AccountUpdated):
            before = self.world.accounts.get(event.account_id)
            if before is not None and before.client != event.client:
                return {"CLIENT_CHANGED"}
            return set()
        if isinstance(event, OrderCancelRequested):
            return self.order_answers.cancel_refusals(event)
        if isinstance(event, FundingStep | CashAdjusted):
            if event.account_id not in self.world.accounts:
                return {"UNKNOWN_ACCOUNT"}
            self._catch_up()
            funding = cast(Funding, event)
            since = None if self.began is None else self.latest
            return self.funding_inputs.refusals(funding, self._account_of(funding), since)
        if isinstance(event, ApexJournalCompleted | ApexJournalRejected):
            if event.account_id not in self.world.accounts:
                return {"UNKNOWN_ACCOUNT"}
            return self.audit.journals.refusals(event)
        if isinstance(event, NetInput):
            self._catch_up()
            now = line.at - 1 if self.began is None else self.latest or 0
            return self.net_inputs.refusals(event, now, line.at)
        return set()

    def _act(self, line: InputLine) -> None:
        event = cast(Input, line.event)
        at = self.latest = line.at
        self.first = at if self.first is None else self.first
        self.latest_rank = rank_of(line.topic)
        if self.began is None and line.topic not in REFERENCE_TOPICS:
            self.began = at
            self.audit.schedule.begin(at)
        place = (at, rank_of(line.topic))
        if self.began is not None:
            self._refold_before(place)
            # Quotes count under the terms of their own time.
            self.audit.orders.quotes.read_to(at - 1)
        if isinstance(event, PriceTick):
            self.quotes.tick(event, at)
        elif isinstance(event, OrderSubmitted):
            self._demand_answer(line, place, self.order_answers.to_order(event, at))
        elif isinstance(event, OrderCancelRequested):
            self._demand_answer(line, place, self.order_answers.to_cancel(event))
        elif isinstance(event, FundingStep | CashAdjusted):
            self._fund(cast(Funding, event), at)
        elif isinstance(event, NetInput):
            self.net_inputs.apply(event, at)
        elif isinstance(event, AccountUpdated):
            self._account(event, place)
        elif isinstance(event, ApexJournalCompleted | ApexJournalRejected):
            self._answered(event, at)
        elif isinstance(event, InstrumentUpdated):
            self.world.instruments[event.symbol] = event
            self.quotes.instrument(event)
        elif isinstance(event, ClientUpdated):
            self.world.clients[event.client] = event
            self.audit.bucket.clients.add(event.client)
            self.terms[event.client] = event.revenue_share_bps

    def _demand_answer(
        self, line: InputLine, place: tuple[Micros, Rank], answer: Answer | None
    ) -> None:
        """Demand that the next step of trading is this answer; None: a repeat gets none."""
        if answer is None:
            return
        trading = self.audit.trading
        head = trading.updates.head
        found = None
        cause_id = answer.fields["cause_id"]
        if head is not None and (trading.place(), trading.next_cause()) == (place, cause_id):
            found = head
        expected = (answer.kind, answer.reason)
        if found is None or (found.event["type"], found.event.get("reason")) != expected:
            raise DifferenceError(
                f"input {line.topic} line {line.number}",
                "the answer",
                expected=described({"type": answer.kind, "reason": answer.reason, **answer.fields}),
                found=trading.updates.described_head(),
                event_id=cause_id,
                account=answer.fields["account_id"],
            )
        for field, value in answer.fields.items():
            if field in found.event:
                trading.updates.same(found, field, value)
        self._take()
        self.audit.orders.accepting = None

    def _account(self, event: AccountUpdated, place: tuple[Micros, Rank]) -> None:
        self.world.accounts[event.account_id] = event
        ledger = self.audit.ledger
        account = ledger.account(event.account_id, event.client)
        account.mode = event.mode
        was_marketplace = None if account.model is None else account.marketplace
        account.model = event.funding_model
        self.terms.setdefault(event.client, 0)
        net_accounts = self.net_accounts.setdefault(event.client, set())
        if event.funding_model == "NET_SETTLEMENT":
            net_accounts.add(event.account_id)
        else:
            net_accounts.discard(event.account_id)
        trading = self.audit.trading
        if self.began is not None:
            if trading.place() == place and trading.next_cause() == event.event_id:
                self._take()
            barred = self.order_answers.barred(event.account_id, place[0])
            if barred is not None:
                raise self.audit.orders.missing(barred, f"OrderCancelled by {event.event_id}")
        if was_marketplace is not None and account.marketplace != was_marketplace:
            # Its buying power begins or ends.
            ledger.announce(account, Cause(ACCOUNTS, event.event_id, place[0]))

    def _account_of(self, event: Funding) -> Account:
        account = self.world.accounts[event.account_id]
        return self.audit.ledger.account(account.account_id, account.client)

    def _answered(self, event: ApexJournalCompleted | ApexJournalRejected, at: Micros) -> None:
        journal = self.audit.journals.of(event)
        if journal is not None and journal.answer is None:
            cause = Cause(APEX_JOURNAL_RESULTS, event.event_id, at)
            self.audit.cash_calls.answered(journal, outcome_of(event), cause)

    def _fund(self, event: Funding, at: Micros) -> None:
        step = self.funding_inputs.step(event, self._account_of(event), at)
        if step is not None and self.audit.fundings.apply(step) is not None:
            self.funding_inputs.refused(event)

    # -- dead letters ----------------------------------------------------------------------------

    def _demand_dead_letter(self, line: InputLine, reasons: set[str]) -> None:
        topic = self.audit.dead_letters.topic
        head = topic.head
        source = f"{line.topic}-0-{line.number}"
        if head is None or head.event["cause_id"] != source:
            raise DifferenceError(
                f"input {line.topic} line {line.number}",
                "its dead letter",
                expected=f"DeadLetter {' or '.join(sorted(reasons))} of {source}",
                found=topic.described_head(),
                event_id=None if isinstance(line.event, Refused) else line.event.event_id,
                account=getattr(line.event, "account_id", None),
            )
        letter = self.audit.dead_letters.take()
        raw = raw_value(line.text)
        key = line_key(line.topic, raw)
        expected = {
            "event_time": time_text(FIRST_TIME if self.latest is None else self.latest),
            "source_topic": line.topic,
            "source_offset": line.number,
            "source_key": _key_text(key),
            "source_key_raw": None if key is None else b64encode(key[:RAW_KEY_BYTES_MAX]).decode(),
            "source_key_length": len(key or b""),
            "raw": b64encode(raw[:RAW_BYTES_MAX]).decode(),
            "raw_length": len(raw),
            "raw_sha256": sha256(raw).hexdigest(),
            "reason": letter.event["reason"] if letter.event["reason"] in reasons else reasons,
        }
        if isinstance(line.event, Refused):
            expected["detail"] = line.event.detail[:DETAIL_LENGTH_MAX]
        for field, value in expected.items():
            if letter.event[field] != value:
                raise topic.differs(letter, field, expected=value, found=letter.event[field])


def _key_text(key: bytes | None) -> str | None:
    """Return a key as a dead letter shows it; as a value's field it is UTF-8."""
    return None if key is None or len(key) > RAW_KEY_BYTES_MAX else key.decode()
