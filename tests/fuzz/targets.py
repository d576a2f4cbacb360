"""How often each kind must have occurred, and the table of counts."""

from collections.abc import Iterable, Iterator
from typing import get_args

from schemas.dead_letter import DeadLetterReason
from schemas.order import RejectReason
from tests.fuzz import limits
from tests.fuzz.course import Outcome
from tests.fuzz.firm import REJECTIONS
from tests.fuzz.fundings import ADJUSTMENTS
from tests.fuzz.generator import PARTITIONS
from tests.fuzz.live import CODECS
from topics.catalogue import CATALOGUE

# Of a full run; a shorter one must have each kind of input, refusal and step once.
FULL_RECORDS = 1_000_000
_ACTED_SHARE_MIN = 0.40
_ACTED_PER_TYPE = 5_000
_PER_KIND = 200
_QUARANTINED = 3
_KINDS = tuple(
    event.__name__
    for topic in CATALOGUE.values()
    if topic.direction == "in"
    for event in topic.events
)
_STEPS = (
    "DepositInitiated",
    "DepositSettled, never initiated",
    "DepositSettled after DepositInitiated",
    "DepositReturned after DepositInitiated",
    "DepositReturned after settlement",
    "DepositCancelled after DepositInitiated",
    "DepositDeclined after DepositInitiated",
    "WithdrawalRequested",
    "WithdrawalSettled",
    "WithdrawalRejected",
    "WithdrawalReturned after settlement",
    *(f"CashAdjusted {kind}" for kind in ADJUSTMENTS),
    "completed",
    *(f"rejected {reason}" for reason in REJECTIONS),
)
_OUTCOMES = (
    "WithdrawalRefused ACCOUNT_RESTRICTED",
    "WithdrawalRefused BELOW_MINIMUM",
    "WithdrawalRefused INSUFFICIENT_FUNDS",
    "FundingFlagged LATE_RETURN",
    "FundingFlagged UNKNOWN_RETURN_CODE",
    "FundingFlagged NEGATIVE_BALANCE",
    *(f"CashCallFailed {reason}" for reason in (*REJECTIONS, "TIMEOUT")),
)


def _names(limit: str) -> Iterable[str]:
    return (f"{limit}|at", f"{limit}|beyond")


def limit_names() -> list[str]:
    """Return the name and side of every limit."""
    names = [*(limit.name for limit in limits.LIMITS), *limits.RECORD_LIMITS]
    return [side for name in names for side in _names(name)]


def failures(outcome: Outcome) -> Iterator[str]:
    """Yield one line for each thing that must not be."""
    yield from outcome.failures
    counted = outcome.counted
    yield from counted.wrong
    is_full = outcome.course.records >= FULL_RECORDS
    per_type, per_kind = (_ACTED_PER_TYPE, _PER_KIND) if is_full else (1, 1)
    # Some take days that a short run may not have.
    per_outcome = _PER_KIND if is_full else 0
    share = counted.acted.total() / max(1, counted.sent.total())
    if share < _ACTED_SHARE_MIN:
        yield f"{share:.0%} of the records were acted on, not {_ACTED_SHARE_MIN:.0%}"
    wanted = [
        *(("acted on", kind, counted.acted[kind], per_type) for kind in _KINDS),
        *(
            ("dead letters", reason, counted.dead_reasons[reason], per_kind)
            for reason in get_args(DeadLetterReason)
            if reason not in {"QUARANTINED", "STALE"}
        ),
        *(
            ("rejected orders", reason, counted.reject_reasons[reason], per_kind)
            for reason in get_args(RejectReason)
        ),
        *(("steps", step, counted.steps[step], per_kind) for step in _STEPS),
        *(("events", name, counted.outcomes[name], per_outcome) for name in _OUTCOMES),
        *(("limits", name, counted.limits[name], 1) for name in limit_names()),
        *(
            ("records of codec", name or "none", outcome.codecs.get(name or "none", 0), 1)
            for name in CODECS
        ),
    ]
    if "QUARANTINED" in get_args(DeadLetterReason):
        least = min(_QUARANTINED, outcome.course.kills)
        wanted.append(("dead letters", "QUARANTINED", counted.dead_reasons["QUARANTINED"], least))
    for what, name, found, least in wanted:
        if found < least:
            yield f"{what}: {name}: {found}, not {least}"


def table(outcome: Outcome, command: str) -> str:
    """Return the counts as Markdown."""
    counted = outcome.counted
    lines = [
        "# Counts of the fuzz",
        "",
        _summary(outcome, command),
        "",
        *_rows(
            ("input", "sent", "acted on", "dead-lettered", "repeats"),
            (
                (
                    kind,
                    counted.sent[kind],
                    counted.acted[kind],
                    counted.dead[kind],
                    counted.repeated[kind],
                )
                for kind in _KINDS
            ),
        ),
        *_rows(("dead letter", "records"), sorted(counted.dead_reasons.items())),
        *_rows(("rejected order", "orders"), sorted(counted.reject_reasons.items())),
        *_rows(
            ("step of a funding or journal, acted on", "records"),
            ((s, counted.steps[s]) for s in _STEPS),
        ),
        *_rows(("event and reason", "events"), sorted(counted.outcomes.items())),
        *_rows(("event emitted", "events"), sorted(counted.emitted.items())),
        *_rows(
            ("limit", "at the limit", "as expected", "one beyond", "as expected"),
            (
                (
                    name,
                    counted.limits[f"{name}|at"],
                    counted.limits_as_expected[f"{name}|at"],
                    counted.limits[f"{name}|beyond"],
                    counted.limits_as_expected[f"{name}|beyond"],
                )
                for name in (*(limit.name for limit in limits.LIMITS), *limits.RECORD_LIMITS)
            ),
        ),
        *_rows(("compression", "records"), sorted(outcome.codecs.items())),
        *_rows(("part", "seconds"), ((k, round(v)) for k, v in outcome.seconds.items())),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _summary(outcome: Outcome, command: str) -> str:
    acted, sent = outcome.counted.acted.total(), outcome.counted.sent.total()
    return (
        f"Written by `{command}`: {sent:,} records in {PARTITIONS} partitions, {outcome.kills}"
        f" workers killed, {outcome.quarantined} records quarantined;"
        f" {acted:,} records ({acted / max(1, sent):.0%}) were acted on. Then `settle verify`,"
        " `settle dump`, `settle replay --recorded`, a plain `settle replay` of"
        f" {outcome.history_lines:,} lines, and `settle verify` of both."
    )


def _rows(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    def text(cell: object) -> str:
        return f"{cell:,}" if isinstance(cell, int) else str(cell)

    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|",
        *(f"| {' | '.join(map(text, row))} |" for row in rows),
        "",
    ]
