"""Markup and commission: the customer's price and what the trade costs (contract section 6)."""

from dataclasses import dataclass
from functools import cached_property

from schemas.client import ClientUpdated
from schemas.money import Bps, Cents, Price, bps, price, usd
from settlement.rounding import BPS_ONE, round_down, round_up, share_of
from settlement.submitted_order import OwnRates


@dataclass(frozen=True)
class Rates:
    """What an order is charged, fixed when it is accepted.

    `markup_fixed` is USD per whole asset, `commission_fixed` and `commission_minimum` per order.
    """

    markup_bps: Bps = 0
    markup_fixed: Price = 0
    commission_bps: Bps = 0
    commission_fixed: Cents = 0
    commission_minimum: Cents = 0

    @cached_property
    def texts(self) -> tuple[str, str, str, str, str]:
        """The five rates as an `Execution` prints them."""
        return (
            bps(self.markup_bps),
            price(self.markup_fixed, 0),
            bps(self.commission_bps),
            usd(self.commission_fixed),
            usd(self.commission_minimum),
        )


def client_rates(client: ClientUpdated) -> Rates:
    """Return a client's own rates: those of its commission model, else 0."""
    if client.commission_model == "MARKUP":
        return Rates(markup_bps=client.markup_bps, markup_fixed=client.markup_fixed)
    return Rates(
        commission_bps=client.commission_bps,
        commission_fixed=client.commission_fixed,
        commission_minimum=client.commission_minimum,
    )


def own_rates(own: OwnRates, client: Rates) -> Rates:
    """Return the rates of an order that brings some of its own; the minimum is the client's."""
    markup_bps, markup_fixed, commission_bps, commission_fixed = own
    return Rates(
        client.markup_bps if markup_bps is None else markup_bps,
        client.markup_fixed if markup_fixed is None else markup_fixed,
        client.commission_bps if commission_bps is None else commission_bps,
        client.commission_fixed if commission_fixed is None else commission_fixed,
        client.commission_minimum,
    )


def customer_price(raw: Price, rates: Rates, increment: Price, *, buy: bool) -> Price:
    """Return the price with markup, rounded to the increment against the customer.

    A result of 0 or less counts as an empty side.
    """
    if not (rates.markup_bps or rates.markup_fixed):
        return round_up(raw, increment) if buy else round_down(raw, increment)
    if buy:
        marked_up = raw * (BPS_ONE + rates.markup_bps) + rates.markup_fixed * BPS_ONE
        return round_up(marked_up, BPS_ONE * increment) // BPS_ONE
    marked_down = raw * (BPS_ONE - rates.markup_bps) - rates.markup_fixed * BPS_ONE
    return round_down(marked_down, BPS_ONE * increment) // BPS_ONE


def marketable_from(limit: Price, rates: Rates, increment: Price, *, buy: bool) -> Price | None:
    """Return the raw price from which on a limit is marketable; None: at no price.

    The inverse of `customer_price`: a buy is marketable at asks up to it, a sell at bids down to
    it. So a book of resting orders is sorted once, whatever rates its orders carry.
    """
    if buy:
        highest = round_down(limit, increment) - rates.markup_fixed
        return None if highest <= 0 else highest * BPS_ONE // (BPS_ONE + rates.markup_bps)
    if rates.markup_bps >= BPS_ONE:
        return None
    lowest = round_up(limit, increment) + rates.markup_fixed
    return -(-lowest * BPS_ONE // (BPS_ONE - rates.markup_bps))


def commission_owed(gross_so_far: Cents, rates: Rates) -> Cents:
    """Return the whole commission an order owes after fills that gross this much."""
    owed = rates.commission_fixed
    if rates.commission_bps:
        owed += share_of(gross_so_far, rates.commission_bps)
    return max(rates.commission_minimum, owed)
