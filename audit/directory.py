"""The door of the audit."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from audit.answers import Answers
from audit.audit import Audit
from replay.input_files import checked_inputs
from replay.read import InputFiles, read_inputs
from replay.stored_summary import StoredSummary
from schemas.journal import FBO, USD
from schemas.money import usd_for_a_person
from topics.catalogue import (
    AGED_FAILURES,
    APEX_JOURNAL_RESULTS,
    BALANCES,
    BBO,
    CASH_CALLS,
    DEAD_LETTERS,
    JOURNAL,
    NET_SETTLEMENTS,
    REVENUE_SHARES,
)


def topic_bytes(directory: Path) -> int:
    """Return how many bytes of topics there are to read, for a progress bar."""
    topics = directory / "topics"
    return sum(path.stat().st_size for path in topics.glob("*.jsonl")) if topics.is_dir() else 0


def audit_directory(
    directory: Path, inputs: Sequence[str] = (), tell: Callable[[int], None] | None = None
) -> list[tuple[str, str]]:
    """Audit the directory of a plain replay; return what was checked, as names and counts.

    `inputs`: where its inputs are stored, in the same order, if not where `summary.json` names
    them; `tell` is called with the bytes of topics that were read.

    Raises:
        DifferenceError: the first difference.
        UnreadableInputError: an input is missing, changed, or can't be read.
        OSError: the directory can't be read.
    """
    summary = StoredSummary(directory)
    paths = checked_inputs(directory, summary.input_files, inputs)
    with ExitStack() as close_at_end:
        audit = Audit(directory, summary, close_at_end, tell or (lambda _: None))
        answers = Answers(audit)
        firm = audit.firm.path
        lines = read_inputs([*paths, *([] if firm is None else [str(firm)])])
        answers.audit_all(lines, len(paths), lambda: InputFiles(paths).have(APEX_JOURNAL_RESULTS))
    return _checked(audit, answers)


def _checked(audit: Audit, answers: Answers) -> list[tuple[str, str]]:
    events = {topic: sum(file.counts.values()) for topic, file in audit.topics.items()}
    updates = audit.trading.updates.counts
    counts = [
        ("events, each against its schema", sum(events.values())),
        ("best quotes", events[BBO]),
        ("orders, each to its end", updates["OrderAccepted"] + updates["OrderRejected"]),
        ("executions, each recomputed", audit.executions.counts["Execution"]),
        ("windows", audit.executions.counts["WindowOpened"]),
        ("cash calls", audit.topics[CASH_CALLS].counts["CashCallRequested"]),
        ("net settlement lines", audit.nets.lines),
        ("net settlements", audit.topics[NET_SETTLEMENTS].counts["NetSettlement"]),
        ("revenue shares", events[REVENUE_SHARES]),
        ("funding steps", audit.fundings.steps),
        ("journal entries", events[JOURNAL]),
        ("balances", events[BALANCES]),
        ("accounts", len(audit.ledger.accounts)),
        ("aged failures", events[AGED_FAILURES]),
        ("files, byte by byte", len(audit.bucket.digests)),
        ("rows in them", audit.bucket.row_count),
        ("dead letters", events[DEAD_LETTERS]),
        ("inputs, each answered", sum(answers.inputs.values())),
    ]
    checked = [(name, f"{count:,}") for name, count in counts]
    fbo = usd_for_a_person(audit.ledger.totals[FBO, USD])
    return [*checked, ("money in the FBO", f"{fbo} USD")]
