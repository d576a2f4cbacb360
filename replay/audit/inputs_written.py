"""What inputs made of settlement between the steps of trading, where they are not at hand.

Answers of the clearing firm are read off `cash-calls`, changes of model off `balances`, fundings
off the journal (funding_written.py), what clients paid and said off the journal and
`net-settlements` (net_written.py). The ids tell which input it was; all else has to follow.
"""

from collections.abc import Callable

from replay.audit.cause import Cause, event_id
from replay.audit.funding import Fundings
from replay.audit.funding_written import WrittenFundings
from replay.audit.journals import COMPLETED, REJECTIONS, made_by_an_answer
from replay.audit.net_written import WrittenNets
from replay.audit.settlement import CashCalls
from replay.audit.topic_file import Written
from replay.audit.trading import Rank, Step
from topics.catalogue import ACCOUNTS, APEX_JOURNAL_RESULTS


class WrittenInputs:
    """Finds what comes between the steps of trading."""

    def __init__(self, cash_calls: CashCalls, fundings: Fundings, nets: WrittenNets) -> None:
        """Start before the first."""
        self.cash_calls = cash_calls
        self.ledger = cash_calls.ledger
        self.fundings = WrittenFundings(fundings)
        self.nets = nets

    def apply_before(self, step: Step) -> None:
        """Refold all that comes before a step of trading.

        Raises:
            DifferenceError: something has no input as its cause, or what follows is not there.
        """
        first = step.executions[0].event["event_id"] if step.rank is Rank.ORDERS else None

        def comes_before(line: Written) -> bool:
            """Answers and fundings precede an order of the same instant, not a window or quote."""
            own = line.event["cause_id"] == first
            return line.at < step.at or (line.at == step.at and first is not None and not own)

        while self._next(comes_before, step):
            pass

    def apply_rest(self) -> None:
        """Refold all that comes behind the last step of trading."""
        while self._next(lambda _: True, None):
            pass

    def _next(self, comes_before: Callable[[Written], bool], step: Step | None) -> bool:
        return (
            self._model_changed(step)
            or self._answered(comes_before)
            or self.nets.apply_next(comes_before)
            or self.fundings.apply_next(comes_before)
        )

    def _model_changed(self, step: Step | None) -> bool:
        """Refold a change of model, if one is next; at one instant only windows precede it."""
        line = self.ledger.balances.head
        if line is None or not _made(line, ACCOUNTS):
            return False
        if step is not None and (line.at, Rank.ACCOUNTS) > (step.at, step.rank):
            return False
        event = self.ledger.balances.checked(line).event
        if event["account_id"] is None or event["client"] is None:
            return False
        account = self.ledger.account(event["account_id"], event["client"])
        marketplace = event["buying_power"] is not None
        if account.marketplace is marketplace:
            raise self.ledger.balances.surplus("its model is what it was")
        cause = Cause(ACCOUNTS, event["cause_id"], line.at)
        account.was_another = True
        self.ledger.model_changed(account, cause, marketplace=marketplace)
        return True

    def _answered(self, comes_before: Callable[[Written], bool]) -> bool:
        """Refold an answer of the clearing firm, if one is next."""
        calls = self.cash_calls.cash_calls
        line = calls.head
        if line is None or not comes_before(line) or not made_by_an_answer(line):
            return False
        event = line.event
        failed = event["type"] == "CashCallFailed"
        entry = self.ledger.journal.head
        if not failed and entry is not None and entry.at <= line.at:
            booked = _made(entry, APEX_JOURNAL_RESULTS)
            if not booked or entry.event["cause_id"] != event["cause_id"]:
                return False  # another input's entry comes first
        account = self.ledger.accounts.get(event["account_id"] or "")
        journal = account and self.cash_calls.journals.answered_by(account, event["execution_id"])
        if not journal:
            raise calls.surplus("no journal of its call was unanswered")
        outcome = event["reason"] if failed else COMPLETED
        if failed and outcome not in REJECTIONS:
            raise calls.differs(
                line, "reason", expected=" or ".join(sorted(REJECTIONS)), found=outcome
            )
        cause = Cause(APEX_JOURNAL_RESULTS, event["cause_id"], line.at)
        self.cash_calls.answered(journal, outcome, cause)
        return True


def _made(line: Written, topic: str) -> bool:
    """Whether an account's event bears the id that an input of this topic gives its first."""
    event = line.event
    made = event_id(topic, event["cause_id"], event["type"], event["account_id"] or "", 1)
    return bool(event["event_id"] == made)
