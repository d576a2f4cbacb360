"""Stage execution (OMS): orders in, fills out (contract section 6).

An order is admitted (order.py), tried at once against the latest quote, and works on until a quote
reaches it, its time is over, or somebody ends it. Only this stage opens windows (section 4).
"""

from heapq import heappop, heappush

from schemas.account import AccountUpdated
from schemas.best_quote import BestQuote
from schemas.client import ClientUpdated
from schemas.execution import Execution, ProviderQuantity
from schemas.instant import Micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import (
    UNITS_DECIMALS,
    USD_LIMIT,
    Cents,
    Price,
    Units,
    price,
    quantity,
    reread,
    usd,
)
from schemas.order import (
    CancelReason,
    CancelRejectReason,
    ExpireReason,
    OrderCancelRequested,
)
from schemas.window import WindowOpened
from settlement import order_update
from settlement.account import account_refusal
from settlement.calendar import ScheduledWindow, first_window, trade_date, window_after
from settlement.cause import Cause, Out
from settlement.commission import Rates, client_rates, commission_owed, customer_price
from settlement.fill import Fill
from settlement.order import (
    Rejection,
    account_not_open,
    admission,
    is_marketable,
    jurisdiction_bars,
    too_far,
)
from settlement.remembered import CONTENT_BYTES, RememberedIds, checksum, fingerprint
from settlement.rounding import (
    buys_at_most,
    round_down,
    sells_below,
    value_of,
)
from settlement.submitted_order import SubmittedOrder
from settlement.working_orders import (
    Instrument,
    MarketQuote,
    Order,
    QuoteSide,
    SymbolBook,
    TradingAccount,
)
from topics.catalogue import ACCOUNTS, BBO, EXECUTIONS, ORDERS
from topics.decode import Refused


class Trading:
    """The stage's state in one partition. `now` is its time T, None before the first input."""

    __slots__ = (
        "accounts",
        "books",
        "cancel_ids",
        "clients",
        "expiries",
        "fills",
        "instruments",
        "next_window",
        "now",
        "order_ids",
        "partition",
        "quotes",
        "working",
    )

    def __init__(self, partition: int = 0) -> None:
        """Start before time."""
        self.partition = partition
        self.now: Micros | None = None
        self.next_window: ScheduledWindow | None = None
        self.instruments: dict[str, Instrument] = {}
        self.clients: dict[str, Rates] = {}
        self.accounts: dict[str, TradingAccount] = {}
        # The latest of each symbol, as it came until somebody looks at it.
        self.quotes: dict[str, MarketQuote | BestQuote | str] = {}
        self.books: dict[str, SymbolBook] = {}
        # Every working order, in the order of acceptance; the value says nothing.
        self.working: dict[Order, None] = {}
        # (expire_time, accepted_at, account, id, order); orders that ended stay until their turn.
        self.expiries: list[tuple[Micros, Micros, str, str, Order]] = []
        self.order_ids = RememberedIds(CONTENT_BYTES)
        self.cancel_ids = RememberedIds(CONTENT_BYTES)
        # The numbers of the latest executions, in order, for an engine that hands them to
        # settlement and empties this; None: nobody asks.
        self.fills: list[Fill] | None = None

    # -- time ------------------------------------------------------------------------------------

    def start(self, at: Micros) -> None:
        """Let time begin: the first window is the first at or after `at`."""
        self.now = at
        self.next_window = first_window(at)

    def move_time(self, at: Micros, out: Out) -> None:
        """Let all that is due at or before `at` happen, in time order; then time is `at`."""
        while self.due(at):
            self.open_next(out)
        self.now = max(self.now or 0, at)

    def due(self, at: Micros) -> bool:
        """Whether an expiry or a window is due at or before `at`."""
        if self.next_window is None:
            return False
        return self.next_window.scheduled_at <= at or (
            bool(self.expiries) and self.expiries[0][0] <= at
        )

    def next_due(self) -> Micros:
        """Return when the next expiry or window is due, as far as is known now; 0 before time."""
        if self.next_window is None:
            return 0
        window_at = self.next_window.scheduled_at
        return min(window_at, self.expiries[0][0]) if self.expiries else window_at

    def open_next(self, out: Out) -> None:
        """Do the earliest thing that is due; at one instant expiries come before windows."""
        window = self.next_window
        if window is None:
            raise AssertionError("time has not started")
        if self.expiries and self.expiries[0][0] <= window.scheduled_at:
            expire_time, _, _, _, order = heappop(self.expiries)
            if order.working:
                self.now = max(self.now or 0, expire_time)
                cause = Cause(ORDERS, order.event_id, expire_time)
                self._expire(order, "EXPIRE_TIME", "expire_time is reached", cause, out)
            return
        self.now = window.scheduled_at
        scheduled_at = time_text(window.scheduled_at)
        cause = Cause(EXECUTIONS, f"{window.window}@{scheduled_at}", window.scheduled_at)
        if window.window == "MAINTENANCE_BEGIN":
            self._end_of_day(cause, out)
        opened: WindowOpened = {
            "type": "WindowOpened",
            "event_id": cause.event_id("WindowOpened", str(self.partition)),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "window": window.window,
            "scheduled_at": scheduled_at,
        }
        out.append((EXECUTIONS, str(self.partition), opened))
        self.next_window = window_after(window)

    def _end_of_day(self, cause: Cause, out: Out) -> None:
        for order in sorted(self.working, key=Order.priority):
            if order.time_in_force == "DAY":
                self._expire(order, "END_OF_DAY", "the trading day is over", cause, out)
            else:
                self._cancel(order, "MAINTENANCE", "all working orders end", cause, out)
        self.expiries.clear()

    # -- reference data --------------------------------------------------------------------------

    def client_updated(self, event: ClientUpdated) -> None:
        """Take a client's terms; orders that work keep the rates they were accepted at."""
        self.clients[event.client] = client_rates(event)

    def instrument_updated(self, event: InstrumentUpdated) -> None:
        """Set an instrument's terms for new orders; working orders keep theirs.

        Only `tradable` takes effect on working orders: `quoted` tries none while it is false.
        """
        self.instruments[event.symbol] = Instrument(event)

    def refusal(self, event: AccountUpdated | OrderCancelRequested) -> Refused | None:
        """Say why an input is dead-lettered, None if it is not. Changes nothing."""
        if isinstance(event, AccountUpdated):
            account = self.accounts.get(event.account_id)
            return account_refusal(event, account.client if account is not None else None)
        answered = self.cancel_ids.get(fingerprint(event.account_id, event.cancel_id))
        if answered is not None and answered != checksum(event.client_order_id):
            return Refused("CONFLICT", "this cancel_id was used for another order")
        return None

    def account_updated(self, event: AccountUpdated, at: Micros, out: Out) -> None:
        """Take an account as it is from now on; its orders that are no longer admitted end."""
        account = self.accounts.get(event.account_id)
        if account is None:
            account = TradingAccount(event.account_id, event.client)
            self.accounts[event.account_id] = account
        account.funding_model = event.funding_model
        account.mode = event.mode
        account.jurisdiction = event.jurisdiction
        cause = Cause(ACCOUNTS, event.event_id, at)
        for order in sorted((account.working or {}).values(), key=Order.priority):
            if account_not_open(account, buy=order.buy):
                detail = f"the account is {account.mode}"
                self._cancel(order, "ACCOUNT_NOT_OPEN", detail, cause, out)
            elif jurisdiction_bars(account, buy=order.buy):
                detail = f"the jurisdiction is {account.jurisdiction}"
                self._cancel(order, "JURISDICTION", detail, cause, out)

    # -- orders ----------------------------------------------------------------------------------

    def submitted(self, event: SubmittedOrder, at: Micros, out: Out) -> None:
        """Answer an order: rejected, or accepted and tried against the latest quote."""
        # T is mostly the time that the order says.
        cause = Cause(ORDERS, event.event_id, at, event.at_text if at == event.at else "")
        account = self.accounts.get(event.account_id)
        rates = self.clients.get(account.client) if account is not None else None
        # An order that names no account or client of ours may come again under its id, so none is
        # remembered: it can't be a repeat.
        if rates is not None:
            known = self.order_ids.recall(event.id, event.content)
            if known is not None:
                if known != event.content:
                    detail = "another order of the account has this client_order_id"
                    duplicate = Rejection("DUPLICATE_ORDER_ID", detail)
                    order_update.rejected(event, account, duplicate, cause, out)
                return
        quote = self._quote(event.symbol)
        side = None if quote is None else quote.taken_by(buy=event.buy, at=at)
        instrument = self.instruments.get(event.symbol)
        admitted = admission(event, account, rates, instrument, side, at)
        if isinstance(admitted, Rejection):
            order_update.rejected(event, account, admitted, cause, out)
            return
        order, price_now = admitted
        order_update.accepted(event, order, cause, out)
        # A price says that the side is there, and that the order is no stop that waits.
        if side is not None and price_now:
            if not order.triggered:
                self._trigger(order, side, cause, out)
            if self._try(order, side, price_now, cause, out):
                return
        if order.time_in_force == "IOC":
            if order.fills:
                detail = "more was not there at once"
                order_update.cancelled(order, "IOC_REMAINDER", detail, cause, out)
            else:
                order_update.cancelled(
                    order, "NOT_MARKETABLE", "nothing was there at once", cause, out
                )
            return
        self.work(order)

    def cancel_requested(self, event: OrderCancelRequested, at: Micros, out: Out) -> None:
        """Answer a cancel, once per `cancel_id`."""
        cancel_id = fingerprint(event.account_id, event.cancel_id)
        if self.cancel_ids.recall(cancel_id, checksum(event.client_order_id)) is not None:
            return
        cause = Cause(ORDERS, event.event_id, at)
        account = self.accounts.get(event.account_id)
        order = (account.working or {}).get(event.client_order_id) if account else None
        if order is not None:
            self._cancel(order, "CLIENT_REQUEST", "the client asked for it", cause, out)
            return
        reason: CancelRejectReason = "UNKNOWN_ORDER"
        detail = "no order of the account has this client_order_id"
        if self.order_ids.get(fingerprint(event.account_id, event.client_order_id)) is not None:
            reason, detail = "ORDER_DONE", "the order works no longer"
        order_update.cancel_rejected(event, account, reason, detail, cause, out)

    # -- the market ------------------------------------------------------------------------------

    def quoted(self, symbol: str, event: BestQuote | str, at: Micros, out: Out) -> None:
        """Apply a best quote: stops that it reaches trigger, orders that it reaches fill.

        The event, or the text of one.
        """
        book = self.books.get(symbol)
        if book is None:
            self.quotes[symbol] = event
            return
        self.quotes[symbol] = quote = MarketQuote(event)
        if not self.instruments[symbol].tradable:
            return
        bid = quote.taken_by(buy=False, at=at)
        ask = quote.taken_by(buy=True, at=at)
        cause: Cause | None = None
        for order in book.reached(bid.price if bid else None, ask.price if ask else None):
            side = ask if order.buy else bid
            if side is None:
                continue
            cause = cause or Cause(BBO, quote.event()["event_id"], at)
            if not order.triggered:
                book.remove(order)
                self._trigger(order, side, cause, out)
                book.add(order)
                if too_far(order, side):
                    detail = "the limit is more than 10% through the market"
                    self._cancel(order, "PRICE_TOO_FAR", detail, cause, out)
                    continue
            asks = customer_price(
                side.price, order.rates, order.instrument.price_increment, buy=order.buy
            )
            if self._try(order, side, asks, cause, out) and order.working:
                self._end(order)

    def _quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a symbol."""
        quote = self.quotes.get(symbol)
        if quote is not None and not isinstance(quote, MarketQuote):
            quote = self.quotes[symbol] = MarketQuote(quote)
        return quote

    def _try(
        self,
        order: Order,
        side: QuoteSide,
        asks: Price,
        cause: Cause,
        out: Out,
    ) -> bool:
        """Fill what one quote allows at a customer price; return whether nothing is left to do."""
        increment = order.instrument.quantity_increment
        if asks <= 0 or not is_marketable(order, asks) or order.last_sequence == side.sequence:
            return False
        if order.quantity is not None:
            wanted = order.quantity - order.filled
        else:
            wanted = buys_at_most(order.leaves_notional, asks, increment)
            if not wanted:
                if not order.fills:
                    detail = "the notional is less than one quantity increment"
                    self._cancel(order, "BELOW_MINIMUM", detail, cause, out)
                return True
        taken = min(wanted, round_down(side.size, increment))
        if not order.buy:
            taken = min(taken, order.account.position(order.instrument.base))
        if taken <= 0:
            return False
        gross = value_of(taken, asks)
        if gross >= USD_LIMIT:
            # A sell whose limit the market is far above; the rest waits for the next quote.
            taken = sells_below(USD_LIMIT, asks, increment)
            gross = value_of(taken, asks)
        if not gross:
            return False
        self._fill(order, side, cause, out, at_price=asks, taken=taken, gross=gross)
        if order.quantity is not None:
            return order.filled == order.quantity
        return not buys_at_most(order.leaves_notional, asks, increment)

    def _fill(
        self,
        order: Order,
        side: QuoteSide,
        cause: Cause,
        out: Out,
        *,
        at_price: Price,
        taken: Units,
        gross: Cents,
    ) -> None:
        """Book one fill and say so: an `Execution` and an `OrderFilled`."""
        account, instrument = order.account, order.instrument
        markup = 0 if at_price == side.price else abs(gross - value_of(taken, side.price))
        order.gross += gross
        commission = commission_owed(order.gross, order.rates) - order.commission_charged
        if not order.buy:
            # The rest moves to later fills and lapses with the order.
            commission = min(commission, gross)
        order.commission_charged += commission
        order.fills += 1
        order.filled += taken
        order.average_total += taken * at_price
        order.last_sequence = side.sequence
        account.move_position(instrument.base, taken if order.buy else -taken)
        if order.held:
            self._hold_what_is_left(order)

        markup_bps, markup_fixed, commission_bps, commission_fixed, minimum = order.rates.texts
        net_money = gross + commission if order.buy else gross - commission
        if self.fills is not None:
            self.fills.append(Fill(taken, gross, markup, commission, net_money, cause.at))
        execution_id = f"{account.account_id}-{order.client_order_id}-{order.fills}"
        execution: Execution = {
            "type": "Execution",
            "event_id": cause.event_id("Execution", account.account_id),
            "event_time": cause.at_text,
            "cause_id": cause.id,
            "account_id": account.account_id,
            "client": account.client,
            "execution_id": execution_id,
            "client_order_id": order.client_order_id,
            "symbol": instrument.symbol,
            "base": instrument.base,
            "side": "BUY" if order.buy else "SELL",
            "quantity": quantity(taken),
            "price": price(at_price, instrument.decimals),
            "quote_price": price(side.price, instrument.decimals),
            "quote_sequence": side.sequence,
            "gross": usd(gross),
            "markup": usd(markup),
            "commission": usd(commission),
            "net_money": usd(net_money),
            "markup_bps": markup_bps,
            "markup_fixed": markup_fixed,
            "commission_bps": commission_bps,
            "commission_fixed": commission_fixed,
            "commission_minimum": minimum,
            "providers": _providers(side, taken),
            "trade_date": trade_date(cause.at),
            "funding_model": account.funding_model,
        }
        out.append((EXECUTIONS, account.account_id, execution))
        order_update.filled(order, execution_id, cause, out)

    @staticmethod
    def _trigger(order: Order, side: QuoteSide, cause: Cause, out: Out) -> None:
        order.triggered = True
        order_update.triggered(order, side, cause, out)

    # -- the life of a working order -------------------------------------------------------------

    def work(self, order: Order) -> None:
        """Let an accepted order rest until a quote reaches it, or its time is over."""
        account = order.account
        order.working = True
        self.working[order] = None
        if account.working is None:
            account.working = {}
        account.working[order.client_order_id] = order
        if order.buy:
            account.buy_works(order.instrument.base)
        self._hold_what_is_left(order)
        self._book(order.instrument.symbol).add(order)
        if order.expire_time is not None:
            heappush(self.expiries, (order.expire_time, *order.priority(), order))

    def _hold_what_is_left(self, order: Order) -> None:
        """Keep `held` of the account what its working sell orders still hold."""
        if order.buy:
            return
        held = order.still_holds() if order.working else 0
        order.account.hold(order.instrument.base, held - order.held)
        order.held = held

    def _end(self, order: Order) -> None:
        """Take a working order out of everything."""
        order.working = False
        del self.working[order]
        if order.account.working is not None:
            del order.account.working[order.client_order_id]
        if order.buy:
            order.account.buy_ended(order.instrument.base)
        self._book(order.instrument.symbol).remove(order)
        self._hold_what_is_left(order)

    def _cancel(
        self, order: Order, reason: CancelReason, detail: str, cause: Cause, out: Out
    ) -> None:
        if order.working:
            self._end(order)
        order_update.cancelled(order, reason, detail, cause, out)

    def _expire(
        self, order: Order, reason: ExpireReason, detail: str, cause: Cause, out: Out
    ) -> None:
        self._end(order)
        order_update.expired(order, reason, detail, cause, out)

    def _book(self, symbol: str) -> SymbolBook:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = SymbolBook()
        return book


def _providers(side: QuoteSide, taken: Units) -> list[ProviderQuantity]:
    """Use up the providers of a side in listed order."""
    used: list[ProviderQuantity] = []
    for shown in side.providers:
        part = min(taken, reread(shown["size"], UNITS_DECIMALS))
        used.append({"provider": shown["provider"], "quantity": quantity(part)})
        taken -= part
        if not taken:
            break
    return used
