"""The arithmetic of one fill: price, gross, markup, commission, net (contract section 6)."""

from collections.abc import Callable

from audit import numbers
from audit.quotes import Quote, Side
from audit.topic_file import TopicFile, Written
from audit.working_order import WorkingOrder
from schemas.money import bps, quantity, usd
from schemas.money import price as price_text
from settlement.calendar import trade_date

_AVERAGE_STEP = 10**10  # eight of a price's eighteen places
_RATE_FIELDS: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("markup_bps", bps),
    ("markup_fixed", lambda value: price_text(value, 0)),
    ("commission_bps", bps),
    ("commission_fixed", usd),
    ("commission_minimum", usd),
)


def check_fill(
    executions: TopicFile,
    line: Written,
    order: WorkingOrder,
    quote: Quote | None,
) -> None:
    """Check an `Execution` of an order at the quote it had to see, and count it in the order.

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
    _check_rates(executions, line, order)
    _check_price(executions, line, order, side.price)
    gross, commission = _check_money(executions, line, order, (taken, at_price, side.price))

    left = order.left_at(at_price)
    step = order.instrument.minimum_quantity_increment
    most = min(left - left % step, side.size - side.size % step)
    most = numbers.fillable(most, at_price, step)
    # A sell may also be held back by the position.
    if taken % step or not 0 < taken <= most or (order.buy and taken < most):
        raise executions.differs(
            line, "quantity", expected=quantity(most), found=line.event["quantity"]
        )
    executions.same(line, "providers", _used_up(side.providers, taken))

    order.fills += 1
    order.units += taken
    order.gross += gross
    order.weighted += taken * at_price
    order.commission += commission
    order.last_sequence = line.event["quote_sequence"]
    order.residue = order.left_at(at_price)
    if order.notional is not None:
        order.residue -= order.residue % step


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
    rates = order.rates
    gross = numbers.worth(taken, at_price)
    executions.same(line, "gross", usd(gross))
    if not 0 < gross < numbers.CENTS_LIMIT:
        expected = f"above 0.00 and below {usd(numbers.CENTS_LIMIT)}"
        raise executions.differs(line, "gross", expected=expected, found=usd(gross))
    executions.same(line, "markup", usd(abs(gross - numbers.worth(taken, raw_price))))
    owed = max(rates[4], numbers.share(order.gross + gross, rates[2]) + rates[3])
    commission = owed - order.commission
    if not order.buy:
        # The rest moves to later fills.
        commission = min(commission, gross)
    executions.same(line, "commission", usd(commission))
    executions.same(line, "net_money", usd(gross + commission if order.buy else gross - commission))
    return gross, commission


def _check_rates(executions: TopicFile, line: Written, order: WorkingOrder) -> None:
    for (field, printed), rate in zip(_RATE_FIELDS, order.rates, strict=True):
        executions.same(line, field, printed(rate))


def _check_price(executions: TopicFile, line: Written, order: WorkingOrder, raw_price: int) -> None:
    """Check base, price and quote price; `raw_price`: the market's, in 10^-18 USD."""
    instrument = order.instrument
    executions.same(line, "base", instrument.base)
    exact = numbers.customer_price(
        raw_price, order.rates[:2], instrument.minimum_price_increment, buy=order.buy
    )
    executions.same(line, "price", price_text(exact, instrument.price_decimals))
    executions.same(line, "quote_price", price_text(raw_price, instrument.price_decimals))
    if order.limit is not None and (exact > order.limit if order.buy else exact < order.limit):
        raise executions.differs(
            line,
            "price",
            expected=f"within the limit {price_text(order.limit, 0)}",
            found=line.event["price"],
        )


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
