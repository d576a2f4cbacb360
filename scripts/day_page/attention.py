"""What waits for a person at the end of the period."""

from typing import NamedTuple

from replay.day_page.day import Day
from scripts.day_page.words import clock_text, counted, dollars, reason

_NAMED_MAX = 3


class Item(NamedTuple):
    """One line: how urgent (`act` or `look`), what, its particulars, the section that has more."""

    level: str
    what: str
    more: str
    anchor: str


def attention(day: Day) -> list[Item]:
    """Return what waits for a person, what needs a deed first."""
    items = [*_money_owed(day), *_accounts(day), *_nets(day), *_inputs(day)]
    return sorted(items, key=lambda item: item.level)  # "act" before "look"; else as they come


def _money_owed(day: Day) -> list[Item]:
    items = []
    aged = day.cash_calls.aged
    if aged:
        cents = sum(call.cents for call in aged)
        oldest = min(aged, key=lambda call: (call.first_failed_at, call.cash_call_id))
        items.append(
            Item(
                "look",
                f"{counted(len(aged), 'aged cash call')}, {dollars(cents)} USD",
                f"first failed {clock_text(oldest.first_failed_at)}: {oldest.cash_call_id}",
                "aged",
            )
        )
    waiting = day.cash_calls.waiting
    if waiting.count:
        items.append(
            Item(
                "look",
                f"{counted(waiting.count, 'cash call')} without an answer,"
                f" {dollars(waiting.cents)} USD",
                "the clearing firm has yet to say yes or no",
                "cash-calls",
            )
        )
    written_off = day.cash_calls.written_off
    if written_off.count:
        items.append(
            Item(
                "look",
                f"{counted(written_off.count, 'cash call')} written off,"
                f" {dollars(written_off.cents)} USD",
                "deducted from the client's revenue share next month",
                "cash-calls",
            )
        )
    return items


def _accounts(day: Day) -> list[Item]:
    items = []
    negative = day.exceptions.negative
    if negative:
        lowest = sorted(negative, key=lambda account: (negative[account], account))
        named = ", ".join(f"{a} {dollars(negative[a])}" for a in lowest[:_NAMED_MAX])
        more = len(lowest) - _NAMED_MAX
        items.append(
            Item(
                "act",
                f"{counted(len(negative), 'account')} below zero,"
                f" {dollars(sum(negative.values()))} USD",
                named + (f" and {more:,} more" if more > 0 else ""),
                "exceptions",
            )
        )
    flags = day.exceptions.flags
    # A balance below zero has a line of its own, while it lasts; the other flags are of returns.
    flagged = {code: count for code, count in flags.items() if code != "NEGATIVE_BALANCE"}
    if flagged:
        items.append(
            Item(
                "look",
                counted(sum(flagged.values()), "flagged return"),
                ", ".join(f"{count:,} {reason(code)}" for code, count in sorted(flagged.items())),
                "exceptions",
            )
        )
    return items


def _nets(day: Day) -> list[Item]:
    nets = day.net_settlements
    disputed = [net for net in nets.in_order() if net.status == "DISPUTED"]
    late = nets.late(day.period)
    overpaid = [net for net in nets.in_order() if net.status == "OVERPAID"]
    items = []
    for level, what, found in (
        ("act", "disputed", disputed),
        ("act", "late", late),
        ("look", "overpaid", overpaid),
    ):
        if found:
            clients = sorted({net.client for net in found})
            more = len(clients) - _NAMED_MAX
            items.append(
                Item(
                    level,
                    f"{counted(len(found), 'net settlement')} {what}",
                    ", ".join(clients[:_NAMED_MAX]) + (f" and {more:,} more" if more > 0 else ""),
                    "net-settlements",
                )
            )
    return items


def _inputs(day: Day) -> list[Item]:
    items = []
    missing = day.files.missing
    if missing:
        items.append(
            Item(
                "act",
                f"{counted(len(missing), 'delivered file')} not there",
                missing[0].path,
                "files",
            )
        )
    letters = day.exceptions.letters()
    if letters:
        total = sum(count for _, count in letters)
        kinds = ", ".join(
            f"{count:,} {of.reason} on {of.topic}" for of, count in letters[:_NAMED_MAX]
        )
        more = sum(count for _, count in letters[_NAMED_MAX:])
        kinds += f" and {more:,} more" if more else ""
        items.append(Item("act", counted(total, "dead letter"), kinds, "exceptions"))
    return items
