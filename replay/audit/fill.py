"""The arithmetic of one fill: price, gross, markup, commission, net (contract section 6).

Increments are not among the outputs. Every price is a multiple of its symbol's price increment and
every filled quantity one of the quantity increment, so the greatest common divisor of all of them
is at least the increment: `Increments` holds each rounding against it when all are known.
"""

from collections.abc import Callable
from math import gcd

from replay.audit import numbers
from replay.audit.quotes import Quote, Side
from replay.audit.topic_file import TopicFile, Written
from replay.audit.working_order import Rates, WorkingOrder
from schemas.instrument import InstrumentUpdated
from schemas.money import bps, quantity, usd
from schemas.money import price as price_text
from settlement.calendar import trade_date

_AVERAGE_STEP = 10**10  # eight of a price's eighteen places
_NO_RATES: Rates = (0, 0, 0, 0, 0)
_RATE_FIELDS: tuple[tuple[str, Callable[[str], int], Callable[[int], str]], ...] = (
    ("markup_bps", numbers.basis_points, bps),
    ("markup_fixed", numbers.price, lambda value: price_text(value, 0)),
    ("commission_bps", numbers.basis_points, bps),
    ("commission_fixed", numbers.cents, usd),
    ("commission_minimum", numbers.cents, usd),
)


class Increments:
    """One symbol's increments, as far as all its orders and trades tell."""

    __slots__ = ("largest_residue", "largest_rounding", "price", "quantity", "residue", "rounding")

    def __init__(self) -> None:
        """Start without an order."""
        self.price = 0  # greatest common divisors; 0: nothing seen
        self.quantity = 0
        # By how much a price was rounded at most, what a finished order left at most, and where.
        self.largest_rounding = -1
        self.rounding: Written | None = None
        self.largest_residue = -1
        self.residue: Written | None = None

    def ordered(self, order: WorkingOrder) -> None:
        """Note an accepted order: its prices and quantity are multiples of the increments."""
        self.price = gcd(self.price, order.limit or 0, order.stop or 0)
        self.quantity = gcd(self.quantity, order.quantity or 0)

    def price_rounded(self, execution: Written, by: int) -> None:
        """Note by how much an execution's price differs from the exact one."""
        if by > self.largest_rounding:
            self.largest_rounding, self.rounding = by, execution

    def left(self, filled: Written, units: int) -> None:
        """Note what a notional order left that ended with this fill."""
        if units > self.largest_residue:
            self.largest_residue, self.residue = units, filled

    def check(self, executions: TopicFile, updates: TopicFile) -> None:
        """Hold what was noted against the increments.

        Raises:
            DifferenceError: a price was rounded by a whole increment, or an order ended too early.
        """
        if self.rounding is not None and self.largest_rounding >= self.price:
            raise executions.differs(
                self.rounding,
                "price, rounded to the price increment",
                expected=f"less than {price_text(self.price, 0)} from the exact price",
                found=f"{price_text(self.largest_rounding, 0)} in {self.rounding.event['price']}",
            )
        if self.residue is not None and 0 < self.quantity <= self.largest_residue:
            raise updates.differs(
                self.residue,
                "the order's end",
                expected=f"another event: what is left buys {quantity(self.largest_residue)}",
                found="none",
            )


def check_fill(
    executions: TopicFile,
    line: Written,
    order: WorkingOrder,
    quote: Quote | None,
    increments: Increments,
    instrument: InstrumentUpdated | None,
) -> None:
    """Check an `Execution` of an order at the quote it had to see, and count it in the order.

    `instrument`: its terms, if the inputs told them.

    Raises:
        DifferenceError: the first field that is not what section 6 makes of order and quote.
    """
    execution_id = f"{order.account_id}-{order.client_order_id}-{order.fills + 1}"
    executions.same(line, "execution_id", execution_id)
    executions.same(line, "symbol", order.symbol)
    executions.same(line, "side", "BUY" if order.buy else "SELL")
    executions.same(line, "trade_date", trade_date(line.at))
    side = _side(executions, line, order, quote)
    taken = executions.number(line, "quantity", line.event["quantity"], numbers.units)
    at_price = executions.number(line, "price", line.event["price"])
    rates = _rates(executions, line, order)
    _check_price(executions, line, order, (side.price, at_price), rates, increments)
    gross, commission = _check_money(executions, line, order, (taken, at_price, side.price))

    left = order.left_at(at_price)
    if not 0 < taken <= min(left, side.size):
        most = quantity(min(left, side.size))
        found = line.event["quantity"]
        raise executions.differs(line, "quantity", expected=f"at most {most}", found=found)
    executions.same(line, "providers", _used_up(side.providers, taken))
    increments.quantity = gcd(increments.quantity, taken)
    if instrument is not None:
        _check_increments(executions, line, order, (taken, left, side.size), instrument)

    order.fills += 1
    order.units += taken
    order.gross += gross
    order.weighted += taken * at_price
    order.commission += commission
    order.last_sequence = line.event["quote_sequence"]
    order.residue = order.left_at(at_price)
    if instrument is not None and order.notional is not None:
        order.residue -= order.residue % instrument.minimum_quantity_increment


def check_filled(updates: TopicFile, line: Written, order: WorkingOrder) -> None:
    """Check the `OrderFilled` of the fill that was just counted.

    Raises:
        DifferenceError: a field differs.
    """
    average = numbers.half_even(order.weighted, order.units * _AVERAGE_STEP)
    for field, expected in (
        ("cumulative_quantity", quantity(order.units)),
        (
            "leaves_quantity",
            None if order.quantity is None else quantity(order.quantity - order.units),
        ),
        (
            "leaves_notional",
            None if order.notional is None else usd(order.notional - order.gross),
        ),
        ("average_price", price_text(average * _AVERAGE_STEP, 8)),
    ):
        updates.same(line, field, expected)


def _side(executions: TopicFile, line: Written, order: WorkingOrder, quote: Quote | None) -> Side:
    """Return the side that the fill took of the quote it had to see; an order fills once at it."""
    side = order.side_taken(quote)
    if quote is None or side is None or not side.open_at(line.at):
        what = f"the {'ask' if order.buy else 'bid'} that it takes"
        raise executions.differs(line, what, expected="one that is valid", found=quote)
    executions.same(line, "quote_sequence", quote.sequence)
    if quote.sequence <= order.last_sequence:
        what = "fills of the order at this quote"
        raise executions.differs(line, what, expected="one", found="another")
    found = line.event["quote_price"]
    if executions.number(line, "quote_price", found) != side.price:
        expected = price_text(side.price, 0)
        raise executions.differs(line, "quote_price", expected=expected, found=found)
    return side


def _check_money(
    executions: TopicFile, line: Written, order: WorkingOrder, traded: tuple[int, int, int]
) -> tuple[int, int]:
    """Check gross, markup, commission and net; return gross and commission in cents.

    `traded`: units, the customer's price and the market's.
    """
    taken, at_price, raw_price = traded
    rates = order.rates or _NO_RATES
    gross = numbers.worth(taken, at_price)
    executions.same(line, "gross", usd(gross))
    if not gross:
        raise executions.differs(line, "gross", expected="above 0.00", found="0.00")
    executions.same(line, "markup", usd(abs(gross - numbers.worth(taken, raw_price))))
    owed = max(rates[4], numbers.share(order.gross + gross, rates[2]) + rates[3])
    commission = owed - order.commission
    if not order.buy:
        # The rest moves to later fills.
        commission = min(commission, gross)
    executions.same(line, "commission", usd(commission))
    executions.same(line, "net_money", usd(gross + commission if order.buy else gross - commission))
    return gross, commission


def _rates(executions: TopicFile, line: Written, order: WorkingOrder) -> Rates:
    event = line.event
    first, second, third, fourth, fifth = (
        executions.number(line, field, event[field], read) for field, read, _ in _RATE_FIELDS
    )
    rates = (first, second, third, fourth, fifth)
    for (field, _, printed), rate in zip(_RATE_FIELDS, rates, strict=True):
        executions.same(line, field, printed(rate))
    if order.rates is None:
        order.rates = rates
    if rates != order.rates or min(rates) < 0:
        raise executions.differs(
            line,
            "the order's rates",
            expected=f"those fixed at its acceptance, in minor units {order.rates}",
            found=[event[field] for field, *_ in _RATE_FIELDS],
        )
    return rates


def _check_price(
    executions: TopicFile,
    line: Written,
    order: WorkingOrder,
    prices: tuple[int, int],
    rates: Rates,
    increments: Increments,
) -> None:
    raw, at_price = prices
    # In 10^-18 USD, times `WHOLE_BPS`.
    if order.buy:
        exact = raw * (numbers.WHOLE_BPS + rates[0]) + rates[1] * numbers.WHOLE_BPS
        rounded_by = at_price * numbers.WHOLE_BPS - exact
    else:
        exact = raw * (numbers.WHOLE_BPS - rates[0]) - rates[1] * numbers.WHOLE_BPS
        rounded_by = exact - at_price * numbers.WHOLE_BPS
    if at_price <= 0 or rounded_by < 0:
        raise executions.differs(
            line,
            "price",
            expected=f"{price_text(exact // numbers.WHOLE_BPS, 0)}, rounded against the customer",
            found=line.event["price"],
        )
    increments.price = gcd(increments.price, at_price)
    increments.price_rounded(line, rounded_by // numbers.WHOLE_BPS)
    if order.limit is not None and (
        at_price > order.limit if order.buy else at_price < order.limit
    ):
        raise executions.differs(
            line,
            "price",
            expected=f"within the limit {price_text(order.limit, 0)}",
            found=line.event["price"],
        )


def _check_increments(
    executions: TopicFile,
    line: Written,
    order: WorkingOrder,
    units: tuple[int, int, int],
    instrument: InstrumentUpdated,
) -> None:
    """Check price and quantity against the instrument's own increments."""
    taken, left, shown = units
    event = line.event
    if event["base"] != instrument.base:
        raise executions.differs(line, "base", expected=instrument.base, found=event["base"])
    rates = order.rates or _NO_RATES
    exact = numbers.customer_price(
        numbers.price(event["quote_price"]),
        (rates[0], rates[1]),
        instrument.minimum_price_increment,
        buy=order.buy,
    )
    decimals = instrument.price_decimals
    executions.same(line, "price", price_text(exact, decimals))
    quoted = numbers.price(event["quote_price"])
    executions.same(line, "quote_price", price_text(quoted, decimals))
    step = instrument.minimum_quantity_increment
    most = min(left - left % step, shown - shown % step)
    # A sell may also be held back by the position.
    if taken % step or taken > most or (order.buy and taken < most):
        raise executions.differs(line, "quantity", expected=quantity(most), found=event["quantity"])


def _used_up(shown: list[tuple[str, int]], taken: int) -> list[dict[str, str]]:
    """Use the providers up in listed order."""
    used: list[dict[str, str]] = []
    for provider, size in shown:
        if not taken:
            break
        part = min(size, taken)
        used.append({"provider": provider, "quantity": quantity(part)})
        taken -= part
    return used
