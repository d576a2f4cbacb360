"""What executions and windows cause, and what must not be left over at the end."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from audit.admission import World
from audit.bucket import Bucket
from audit.dead_letters import DeadLetters
from audit.files import DayRows
from audit.firm_answers import FirmAnswers
from audit.funding import Fundings
from audit.journals import Journals
from audit.ledger import Ledger
from audit.nets import Nets
from audit.quotes import QuoteAudit
from audit.settlement import CashCalls
from audit.shares import Shares
from audit.summary import Totals
from audit.topic_file import TopicFile, Written
from audit.trading import TradingAudit
from replay.input_files import FOLDER
from replay.stored_summary import StoredSummary
from replay.surplus_files import no_surplus_files
from schemas.instant import micros
from schemas.journal import FBO, USD
from schemas.money import usd
from topics.catalogue import (
    AGED_FAILURES,
    APEX_JOURNALS,
    BALANCES,
    BBO,
    CASH_CALLS,
    DEAD_LETTERS,
    EXECUTIONS,
    FUNDING_UPDATES,
    JOURNAL,
    NET_SETTLEMENTS,
    ORDER_UPDATES,
    OUTPUT_TOPICS,
    REPORT_DELIVERIES,
    REVENUE_SHARES,
)

_REPORTING = frozenset({"AGED_REPORT", "START_OF_DAY"})


class Audit:
    """One audit; every step raises `DifferenceError` at the first difference."""

    def __init__(
        self,
        directory: Path,
        summary: StoredSummary,
        close_at_end: ExitStack,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Open the directory; `on_bytes` is called with the bytes of topics that were read."""
        self.summary = summary
        self.topics: dict[str, TopicFile] = {}
        for topic in OUTPUT_TOPICS:
            self.topics[topic] = TopicFile(directory, topic, on_bytes)
            close_at_end.callback(self.topics[topic].close)
        topics = self.topics
        self.directory = directory
        self.executions = topics[EXECUTIONS]
        self.rows = DayRows()
        self.ledger = Ledger(topics[JOURNAL], topics[BALANCES])
        self.world = World({}, {}, {})
        self.quotes = QuoteAudit(topics[BBO])
        self.trading = TradingAudit(
            self.world,
            self.ledger,
            topics[ORDER_UPDATES],
            self.executions,
            self.executed,
            self.opened,
        )
        self.firm = FirmAnswers(directory, close_at_end)
        self.journals = Journals(topics[APEX_JOURNALS], self.firm)
        self.cash_calls = CashCalls(
            self.ledger,
            topics[CASH_CALLS],
            self.journals,
            topics[AGED_FAILURES],
            self.rows,
        )
        self.nets = Nets(self.ledger, topics[NET_SETTLEMENTS])
        self.shares = Shares(self.ledger, topics[REVENUE_SHARES])
        self.ledger.client_books = lambda: self.nets.books(self.shares.booked)
        self.fundings = Fundings(self.ledger, topics[FUNDING_UPDATES], self.rows)
        self.bucket = Bucket(
            directory,
            topics[REPORT_DELIVERIES],
            self.ledger,
            self.rows,
            csv_safe=summary.csv_safe,
        )
        self.dead_letters = DeadLetters(topics[DEAD_LETTERS])
        self.totals = Totals()

    def executed(self, execution: Written) -> None:
        """Settle an execution."""
        event = execution.event
        self.totals.execution(event)
        self.cash_calls.executed(execution)
        self.shares.executed(event)
        if event["funding_model"] == "NET_SETTLEMENT":
            self.nets.executed(event, execution.at)

    def opened(self, window: Written) -> None:
        """Settle a window, and check the files that it issues."""
        name = window.event["window"]
        if name == "RETRY":
            self.cash_calls.retry(window)
        elif name == "NET_SETTLEMENT":
            self.nets.close(window)
            self.shares.close(window)
            self.bucket.net_window(window, self.nets.closed)
            self.ledger.check(self.executions.place(window))
        elif name in _REPORTING:
            self.cash_calls.report_aged(window)
            self.bucket.window(window)
            self.ledger.check(self.executions.place(window))

    def close(
        self,
        *,
        input_answers: bool,
        **more: Any,  # noqa: ANN401 - further keys of the summary
    ) -> None:
        """Demand that nothing is left over, and compare the summary; `more`: further keys.

        `input_answers`: whether the inputs had answers of a clearing firm.
        """
        for topic in self.topics.values():
            if topic.topic != REPORT_DELIVERIES:
                topic.nothing_more("nothing that happened makes it")
        self.bucket.nothing_else()
        end = self.summary.stored.get("last_time")
        self.firm.close(None if end is None else micros(end), input_answers=input_answers)
        self.ledger.check("the end of the replay")
        no_surplus_files(self.directory, "topics", {f"{topic}.jsonl" for topic in self.topics})
        inputs = {file.name for file in self.summary.input_files}
        if self.firm.path is not None:
            inputs.add(self.firm.path.name)
        no_surplus_files(self.directory, FOLDER, inputs)
        emitted = {topic: dict(file.counts) for topic, file in self.topics.items() if file.counts}
        self.totals.calls = self.cash_calls.counted
        self.totals.nets = list(self.nets.standings())
        self.totals.rejected = self.trading.rejected
        self.totals.dead_letters = self.dead_letters.reasons
        self.summary.same(
            {
                "emitted": emitted,
                "topics_sha256": {
                    topic: file.digest.hexdigest() for topic, file in self.topics.items()
                },
                "files_sha256": self.bucket.digests,
                "files": len(self.bucket.digests),
                "fbo": usd(self.ledger.totals[FBO, USD]),
                **self.totals.as_stored(emitted),
                **more,
            }
        )
