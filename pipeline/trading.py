"""Task trading: orders against the best quotes, in one log per account partition."""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, ClassVar

import orjson
from typing_extensions import override

from pipeline.market_feed import read_forwarded
from pipeline.task import (
    Change,
    Head,
    Record,
    Task,
    fresh_ids,
    read_fields,
    read_outside,
)
from schemas.account import AccountUpdated
from schemas.client import ClientUpdated
from schemas.instant import Micros, micros, time_text
from schemas.instrument import InstrumentUpdated
from schemas.money import (
    BPS_DECIMALS,
    CENTS_DECIMALS,
    PRICE_DECIMALS,
    UNITS_DECIMALS,
    price,
    quantity,
    reread,
    usd,
)
from schemas.order import OrderCancelRequested, OrderSubmitted
from schemas.window import ClockTicked
from settlement.calendar import first_window
from settlement.cause import Out
from settlement.commission import Rates
from settlement.execution import Trading
from settlement.submitted_order import SubmittedOrder
from settlement.working_orders import Instrument, Order, TradingAccount
from topics.catalogue import (
    ACCOUNTS,
    CLOCK,
    EXECUTIONS,
    MARKET_FEED,
    ORDER_UPDATES,
    ORDERS,
    TRADING_TASK,
)
from topics.decode import Refused

_TIME = b"time"
_ORDER_ID = b"order-id|"
_CANCEL_ID = b"cancel-id|"


class TradingTask(Task):
    """Its time starts with the first `ClockTicked`; until then only reference data is applied."""

    name: ClassVar[str] = TRADING_TASK
    inputs: ClassVar[tuple[str, ...]] = (MARKET_FEED, ACCOUNTS, ORDERS, CLOCK)
    writes: ClassVar[tuple[str, ...]] = (ORDER_UPDATES, EXECUTIONS)

    def __init__(self, partition: int, partitions: int) -> None:
        """Start before time."""
        super().__init__(partition, partitions)
        self.trading = Trading(partition)
        # What the state topic is to learn: keys of the records below.
        self._touched_reference: dict[bytes, bytes] = {}
        self._touched_quotes: dict[str, bytes] = {}
        self._touched_accounts: set[str] = set()
        self._touched_orders: set[tuple[str, str]] = set()
        self._time_written: list[Any] = [None, None, self.reference_time]
        # Working orders that the state topic has.
        self._stored_orders: set[tuple[str, str]] = set()
        self._restored_orders: list[dict[str, Any]] = []

    @property
    @override
    def now(self) -> Micros | None:
        return self.trading.now

    @property
    @override
    def next_window_at(self) -> Micros | None:
        window = self.trading.next_window
        return None if window is None else window.scheduled_at

    @override
    def read(self, record: Record) -> Head:
        if record.topic != MARKET_FEED:
            return read_outside(record, self.partitions)
        value = orjson.loads(record.value or b"")
        if value["type"] == "BestQuote":
            return Head(record, value, micros(value["event_time"]))
        return Head(record, *read_forwarded(value))

    @override
    def waits(self, head: Head) -> bool:
        if self.trading.now is not None:
            return False
        return isinstance(head.event, dict | OrderSubmitted | OrderCancelRequested)

    @override
    def apply(self, head: Head, out: Out) -> Iterator[None]:
        yield from ()
        trading, event = self.trading, head.event
        if isinstance(event, Refused):
            self.refuse(head, event, out)
            return
        before = len(out)
        at = head.at
        if trading.now is None and isinstance(event, ClockTicked):
            trading.start(at)
        if trading.now is not None:
            at = max(trading.now, at)
            trading.move_time(at, out)
        else:
            self.reference_time = at
        if isinstance(event, AccountUpdated | OrderCancelRequested):
            event = trading.refusal(event) or event
        self._decide(event, head, at, out)
        for topic, _, emitted in read_fields(out, before):
            self._touch(topic, emitted)

    def _decide(self, event: Any, head: Head, at: Micros, out: Out) -> None:  # noqa: ANN401 - any input of the task
        trading = self.trading
        match event:
            case dict():
                self._touched_quotes[event["symbol"]] = head.record.value or b""
                trading.quoted(event["symbol"], event, at, out)  # type: ignore[arg-type]  # a BestQuote
            case OrderSubmitted():
                trading.submitted(SubmittedOrder(event), at, out)
            case OrderCancelRequested():
                trading.cancel_requested(event, at, out)
            case AccountUpdated():
                self._touched_accounts.add(event.account_id)
                trading.account_updated(event, at, out)
            case InstrumentUpdated():
                self._keep(b"instrument|" + event.symbol.encode(), head)
                trading.instrument_updated(event)
            case ClientUpdated():
                self._keep(b"client|" + event.client.encode(), head)
                trading.client_updated(event)
            case ClockTicked():
                pass  # nothing but time, which has moved
            case Refused():
                self.refuse(head, event, out)

    def _keep(self, key: bytes, head: Head) -> None:
        self._touched_reference[key] = head.record.value or b""

    def _touch(self, topic: str, emitted: Mapping[str, Any]) -> None:
        """Note what an event says has changed: nothing of an account changes without one."""
        if topic == ORDER_UPDATES:
            self._touched_orders.add((emitted["account_id"], emitted["client_order_id"]))
        elif topic == EXECUTIONS and emitted["type"] == "Execution":
            self._touched_accounts.add(emitted["account_id"])

    # -- the state topic -------------------------------------------------------------------------

    @override
    def changes(self) -> Iterator[Change]:
        trading = self.trading
        window = trading.next_window
        time = [trading.now, window.scheduled_at if window else None, self.reference_time]
        if time != self._time_written:
            self._time_written = time
            yield _TIME, orjson.dumps(time)
        yield from self._touched_reference.items()
        for symbol, quote in self._touched_quotes.items():
            yield b"quote|" + symbol.encode(), quote
        for account_id in sorted(self._touched_accounts):
            account = trading.accounts[account_id]
            yield b"account|" + account_id.encode(), orjson.dumps(_account_record(account))
        for account_id, order_id in sorted(self._touched_orders):
            known = trading.accounts.get(account_id)
            order = (known.working or {}).get(order_id) if known else None
            key = b"order|" + account_id.encode() + b"|" + order_id.encode()
            if order is not None:
                self._stored_orders.add((account_id, order_id))
                yield key, orjson.dumps(_order_record(order))
            elif (account_id, order_id) in self._stored_orders:
                self._stored_orders.discard((account_id, order_id))
                yield key, None
        yield from fresh_ids(_ORDER_ID, trading.order_ids)
        yield from fresh_ids(_CANCEL_ID, trading.cancel_ids)
        self._touched_reference.clear()
        self._touched_quotes.clear()
        self._touched_accounts.clear()
        self._touched_orders.clear()

    @override
    def restore(self, key: bytes, value: bytes) -> None:
        trading = self.trading
        kind, _, rest = key.partition(b"|")
        match kind:
            case b"order-id":
                trading.order_ids.put(rest, value)
            case b"cancel-id":
                trading.cancel_ids.put(rest, value)
            case b"time":
                self._time_written = orjson.loads(value)
                # An earlier version stored no reference time.
                stored = [*self._time_written, self.reference_time][:3]
                trading.now, scheduled_at, self.reference_time = stored
                trading.next_window = None if scheduled_at is None else first_window(scheduled_at)
            case b"instrument":
                instrument, _ = read_forwarded(orjson.loads(value))
                assert isinstance(instrument, InstrumentUpdated)  # noqa: S101 - as it was when stored
                trading.instrument_updated(instrument)
            case b"client":
                client, _ = read_forwarded(orjson.loads(value))
                assert isinstance(client, ClientUpdated)  # noqa: S101 - as above
                trading.client_updated(client)
            case b"quote":
                quote = orjson.loads(value)
                trading.quotes[quote["symbol"]] = quote
            case b"account":
                account = _account_of(rest.decode(), orjson.loads(value))
                trading.accounts[account.account_id] = account
            case b"order":
                # It needs its account and its instrument, which may come later.
                self._restored_orders.append(orjson.loads(value))
            case _:
                raise AssertionError(f"a record of no known kind: {key!r}")

    @override
    def restored(self) -> None:
        for stored in self._restored_orders:
            order = _order_of(stored, self.trading)
            self.trading.work(order)
            self._stored_orders.add((order.account.account_id, order.client_order_id))
        self._restored_orders.clear()
        for ids in (self.trading.order_ids, self.trading.cancel_ids):
            ids.fresh = {}

    @override
    def status(self) -> Mapping[str, Any]:
        window = self.trading.next_window
        return {
            "next_window": None
            if window is None
            else f"{window.window}@{time_text(window.scheduled_at)}",
            "working_orders": len(self.trading.working),
            "accounts": len(self.trading.accounts),
        }


def _account_record(account: TradingAccount) -> list[Any]:
    return [
        account.client,
        account.funding_model,
        account.mode,
        account.jurisdiction,
        {asset: quantity(units) for asset, units in (account.positions or {}).items()},
    ]


def _account_of(account_id: str, stored: list[Any]) -> TradingAccount:
    client, funding_model, mode, jurisdiction, positions = stored
    account = TradingAccount(account_id, client)
    account.funding_model = funding_model
    account.mode = mode
    account.jurisdiction = jurisdiction
    for asset, text in positions.items():
        account.move_position(asset, reread(text, UNITS_DECIMALS))
    return account


def _order_record(order: Order) -> dict[str, Any]:
    """Return a working order as JSON: numbers in their wire form, times in microseconds."""
    return {
        "account_id": order.account.account_id,
        "symbol": order.instrument.symbol,
        "terms": _terms_of(order.instrument),
        "event_id": order.event_id,
        "client_order_id": order.client_order_id,
        "side": "BUY" if order.buy else "SELL",
        "time_in_force": order.time_in_force,
        "expire_time": order.expire_time,
        "rates": order.rates.texts,
        "accepted_at": order.accepted_at,
        "quantity": None if order.quantity is None else quantity(order.quantity),
        "notional": None if order.notional is None else usd(order.notional),
        "limit": None if order.limit is None else price(order.limit, 0),
        "stop": None if order.stop is None else price(order.stop, 0),
        "triggered": order.triggered,
        "fills": order.fills,
        "filled": quantity(order.filled),
        "gross": usd(order.gross),
        "average_total": str(order.average_total),
        "commission_charged": usd(order.commission_charged),
        "last_sequence": order.last_sequence,
    }


def _terms_of(instrument: Instrument) -> list[str]:
    """Return what an order keeps of its instrument: both increments and the minimum value."""
    return [
        price(instrument.price_increment, instrument.decimals),
        quantity(instrument.quantity_increment),
        usd(instrument.minimum_order_value),
    ]


def _instrument_of(stored: dict[str, Any], trading: Trading) -> Instrument:
    """Return the instrument of a stored order with the terms that the order keeps.

    A record without `terms` was written when an order took every change of its instrument.
    """
    instrument = trading.instruments[stored["symbol"]]
    terms = stored.get("terms")
    if terms is None or terms == _terms_of(instrument):
        return instrument
    price_increment, quantity_increment, minimum = terms
    kept = copy(instrument)
    kept.price_increment = reread(price_increment, PRICE_DECIMALS)
    kept.decimals = len(price_increment.partition(".")[2])
    kept.quantity_increment = reread(quantity_increment, UNITS_DECIMALS)
    kept.minimum_order_value = reread(minimum, CENTS_DECIMALS)
    return kept


def _order_of(stored: dict[str, Any], trading: Trading) -> Order:
    markup_bps, markup_fixed, commission_bps, commission_fixed, minimum = stored["rates"]
    order = Order(
        SubmittedOrder(
            OrderSubmitted.model_construct(
                type="OrderSubmitted",
                event_id=stored["event_id"],
                event_time=time_text(stored["accepted_at"]),
                account_id=stored["account_id"],
                symbol=stored["symbol"],
                client_order_id=stored["client_order_id"],
                side=stored["side"],
                order_type="LIMIT" if stored["triggered"] else "STOP_LIMIT",
                time_in_force=stored["time_in_force"],
                expire_time=stored["expire_time"],
            )
        ),
        trading.accounts[stored["account_id"]],
        _instrument_of(stored, trading),
        Rates(
            reread(markup_bps, BPS_DECIMALS),
            reread(markup_fixed, PRICE_DECIMALS),
            reread(commission_bps, BPS_DECIMALS),
            reread(commission_fixed, CENTS_DECIMALS),
            reread(minimum, CENTS_DECIMALS),
        ),
        stored["accepted_at"],
    )
    order.quantity = _number(stored["quantity"], UNITS_DECIMALS)
    order.notional = _number(stored["notional"], CENTS_DECIMALS)
    order.limit = _number(stored["limit"], PRICE_DECIMALS)
    order.stop = _number(stored["stop"], PRICE_DECIMALS)
    order.fills = stored["fills"]
    order.filled = reread(stored["filled"], UNITS_DECIMALS)
    order.gross = reread(stored["gross"], CENTS_DECIMALS)
    order.average_total = int(stored["average_total"])
    order.commission_charged = reread(stored["commission_charged"], CENTS_DECIMALS)
    order.last_sequence = stored["last_sequence"]
    return order


def _number(text: str | None, decimals: int) -> int | None:
    return None if text is None else reread(text, decimals)
