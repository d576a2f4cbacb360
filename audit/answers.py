"""Every input in its order: what is due before it, what it causes, or its dead letter."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast

from audit.account import Account
from audit.audit import Audit
from audit.cause import Cause
from audit.funding_inputs import FundingInputs
from audit.journals import outcome_of
from audit.net_inputs import NetInput, NetInputs
from replay.read import InputLine
from schemas.account import AccountUpdated
from schemas.apex_journal import ApexJournalCompleted, ApexJournalRejected
from schemas.client import ClientUpdated
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
        self.world = audit.world
        self.funding_inputs = FundingInputs()
        self.net_inputs = NetInputs(self.world, audit.nets, audit.shares)
        self.inputs: Counter[str] = Counter()
        # The times of the first and the last input that was well formed, and of the first of them
        # that is not reference data, with which time starts.
        self.first: Micros | None = None
        self.began: Micros | None = None
        self.latest: Micros | None = None

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
            if not isinstance(line.event, Refused):
                self._move_time(line)
            reason = self._refusal(line)
            if reason is not None:
                at = FIRST_TIME if self.latest is None else self.latest
                self.audit.dead_letters.expect(line, reason, at)
            else:
                self._act(line)
        latest = self.latest if until is None or self.began is None else until
        if latest is not None:
            self.audit.trading.move_time(latest)
        self.audit.close(
            input_answers=answered,
            inputs=dict(self.inputs),
            last_time=None if latest is None else time_text(latest),
            first_time=None if self.first is None else time_text(self.first),
            time_began=None if self.began is None else time_text(self.began),
        )

    # -- time ------------------------------------------------------------------------------------

    def _move_time(self, line: InputLine) -> None:
        """Do what is due before a well-formed input, dead-lettered or not."""
        self.latest = line.at
        self.first = line.at if self.first is None else self.first
        if self.began is None and line.topic not in REFERENCE_TOPICS:
            self.began = line.at
            self.audit.trading.begin(line.at)
        self.audit.trading.move_time(line.at)

    # -- inputs ----------------------------------------------------------------------------------

    def _refusal(self, line: InputLine) -> str | None:
        """Return the reason for which an input is dead-lettered; None: it is acted on."""
        event = line.event
        if isinstance(event, Refused):
            return event.reason
        if isinstance(event, PriceTick):
            return self.audit.quotes.refusal(event, line.at)
        if isinstance(event, InstrumentUpdated):
            known = self.world.instruments.get(event.symbol)
            return None if known is None or known.base == event.base else "BASE_CHANGED"
        if isinstance(event, AccountUpdated):
            before = self.world.accounts.get(event.account_id)
            if before is not None and before.client != event.client:
                return "CLIENT_CHANGED"
            return None
        if isinstance(event, OrderCancelRequested):
            return self.audit.trading.cancel_refusal(event)
        if isinstance(event, FundingStep | CashAdjusted):
            if event.account_id not in self.world.accounts:
                return "UNKNOWN_ACCOUNT"
            funding = cast(Funding, event)
            return self.funding_inputs.refusal(funding, self._account_of(funding))
        if isinstance(event, ApexJournalCompleted | ApexJournalRejected):
            if event.account_id not in self.world.accounts:
                return "UNKNOWN_ACCOUNT"
            return self.audit.journals.refusal(event)
        if isinstance(event, NetInput):
            return self.net_inputs.refusal(event)
        return None

    def _act(self, line: InputLine) -> None:
        event, at = cast(Input, line.event), line.at
        if isinstance(event, PriceTick):
            quote = self.audit.quotes.tick(event, at)
            if quote is not None:
                self.audit.trading.quoted(quote, at)
        elif isinstance(event, OrderSubmitted):
            self.audit.trading.submitted(event, at)
        elif isinstance(event, OrderCancelRequested):
            self.audit.trading.cancel_requested(event, at)
        elif isinstance(event, FundingStep | CashAdjusted):
            self._fund(cast(Funding, event), at)
        elif isinstance(event, NetInput):
            self.net_inputs.apply(event, at)
        elif isinstance(event, AccountUpdated):
            self._account(event, at)
        elif isinstance(event, ApexJournalCompleted | ApexJournalRejected):
            self._answered(event, at)
        elif isinstance(event, InstrumentUpdated):
            self.world.instruments[event.symbol] = event
            self.audit.quotes.instrument(event)
        elif isinstance(event, ClientUpdated):
            self.world.clients[event.client] = event
            self.audit.bucket.clients.add(event.client)
            self.audit.shares.terms[event.client] = event.revenue_share_bps

    def _account(self, event: AccountUpdated, at: Micros) -> None:
        self.world.accounts[event.account_id] = event
        ledger = self.audit.ledger
        account = ledger.account(event.account_id, event.client)
        account.mode = event.mode
        was_marketplace = None if account.model is None else account.marketplace
        account.model = event.funding_model
        self.audit.shares.terms.setdefault(event.client, 0)
        net_accounts = self.audit.nets.accounts.setdefault(event.client, set())
        if event.funding_model == "NET_SETTLEMENT":
            net_accounts.add(event.account_id)
        else:
            net_accounts.discard(event.account_id)
        self.audit.trading.account_updated(event, at)
        if was_marketplace is not None and account.marketplace != was_marketplace:
            # Its buying power begins or ends.
            ledger.announce(account, Cause(ACCOUNTS, event.event_id, at))

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
