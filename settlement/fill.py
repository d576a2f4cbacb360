"""What an execution amounts to: its numbers in minor units, beside the texts of its wire form.

Trading knows them as integers. The history engine hands them on to settlement, in one process or
between two; the live engine, which has only the wire, reads them there.
"""

from typing import NamedTuple

from schemas.execution import Execution
from schemas.instant import Micros, micros
from schemas.money import CENTS_DECIMALS, UNITS_DECIMALS, Cents, Units, reread


class Fill(NamedTuple):
    """One execution's numbers: units of its asset, cents, microseconds."""

    units: Units
    gross: Cents
    markup: Cents
    commission: Cents
    net_money: Cents
    executed_at: Micros


def fill_of(event: Execution) -> Fill:
    """Read the numbers of an execution from its wire form."""
    return Fill(
        reread(event["quantity"], UNITS_DECIMALS),
        reread(event["gross"], CENTS_DECIMALS),
        reread(event["markup"], CENTS_DECIMALS),
        reread(event["commission"], CENTS_DECIMALS),
        reread(event["net_money"], CENTS_DECIMALS),
        micros(event["event_time"]),
    )
