"""The first difference: where it is, whose it is, what was expected and what was found."""

import re
from collections.abc import Mapping
from typing import Any

from schemas.printable import printable
from settlement.invariants import Difference

# Longer values say no more: a file's row or a list of postings fits.
TEXT_MAX = 300
_ACCOUNT = re.compile(r"^[A-Z0-9]{8}$")
_END = "the end of the file"


class DifferenceError(Exception):
    """The audit's first difference; its text is the one line that a person reads."""

    def __init__(
        self,
        place: str,
        what: str,
        *,
        expected: object,
        found: object,
        event_id: str | None = None,
        account: str | None = None,
    ) -> None:
        """Take the place (a topic's or a file's line), and both sides as they are printed."""
        self.place = place
        self.event_id = event_id
        self.account = account
        whose = "".join(
            f", {name} {value}"
            for name, value in (("event", event_id), ("account", account))
            if value is not None
        )
        super().__init__(
            f"{place}{whose}: {what}: expected {_short(expected)}, found {_short(found)}"
        )


def of_books(place: str, difference: Difference, event_id: str | None = None) -> DifferenceError:
    """Return the difference that an invariant found, at the place where it first shows."""
    return DifferenceError(
        place,
        difference.what,
        expected=difference.expected,
        found=difference.found,
        event_id=event_id,
        account=difference.account,
    )


def described(event: Mapping[str, Any]) -> str:
    """Name an event for a person: its type, id, account, and what it is about."""
    words = [str(event[name]) for name in ("type", "event_id") if event.get(name) is not None]
    for field in (
        "account_id",
        "client",
        "client_order_id",
        "execution_id",
        "report",
        "reason",
        "cause_id",
    ):
        value = event.get(field)
        if value is not None:
            words.append(f"{field} {value}")
    return " ".join(words)


def different_line(place: str, content: bytes, found: bytes) -> DifferenceError:
    """Return the first line that differs; its account is one of its first two fields."""
    expected_lines, found_lines = _lines(content), _lines(found)
    number = 0
    while expected_lines[number] == found_lines[number]:
        number += 1
    expected, is_there = expected_lines[number], found_lines[number]
    row = is_there if expected == _END else expected
    account = next((field for field in row.split(",")[:2] if _ACCOUNT.match(field)), None)
    return DifferenceError(
        f"{place} line {number + 1}", "the line", expected=expected, found=is_there, account=account
    )


def _lines(content: bytes) -> list[str]:
    """Split a file into lines, each with what it ends with, and mark its end."""
    return [line.decode(errors="replace") for line in content.splitlines(keepends=True)] + [_END]


def _short(value: object) -> str:
    text = printable(str(value))
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "..."
