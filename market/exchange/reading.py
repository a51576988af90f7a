"""The exchange's answers into our types. What has another shape than promised raises one of UNREADABLE."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.exchange.types import AccountFill, FillReport, Level, OrderBook, OrderReport, Quote, ReportStatus
from market.types import Side, milliseconds, moment_of

Item = Mapping[str, Any]

# What comes of reading an answer that has another shape than promised.
UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)

STATUSES = {
    "NEW": ReportStatus.OPEN,
    "PENDING_NEW": ReportStatus.OPEN,
    "PARTIALLY_FILLED": ReportStatus.OPEN,
    "PENDING_CANCEL": ReportStatus.OPEN,
    "FILLED": ReportStatus.FILLED,
    "CANCELED": ReportStatus.CANCELED,
    "REJECTED": ReportStatus.REJECTED,
    "EXPIRED": ReportStatus.EXPIRED,
    "EXPIRED_IN_MATCH": ReportStatus.EXPIRED,
}
# What a conditional order of futures is by itself; past its trigger it is what the order that it became is.
ALGO_STATUSES = {
    "NEW": ReportStatus.OPEN,
    "TRIGGERING": ReportStatus.OPEN,
    "TRIGGERED": ReportStatus.OPEN,
    "FINISHED": ReportStatus.OPEN,
    "CANCELED": ReportStatus.CANCELED,
    "EXPIRED": ReportStatus.EXPIRED,
    "REJECTED": ReportStatus.REJECTED,
}
TRIGGERED = ("TRIGGERED", "FINISHED")


def amount(text: object) -> Decimal:
    """A finite number out of the text that the exchange writes it as: a JSON number has lost its digits already."""
    value = Decimal(word(text))
    if not value.is_finite():
        raise ValueError(f"{text} is no number")
    return value


def whole(value: object) -> int:
    """An id, or another whole number, which comes as a number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def flag(value: object) -> bool:
    """A yes or no."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def word(value: object) -> str:
    """A name."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def require_id(found: object, client_order_id: str) -> None:
    """Raise when an answer is about another order."""
    if found != client_order_id:
        raise ValueError("the answer is about another order")


def before(until: datetime | None) -> dict[str, int]:
    """The parameter that leaves out what opened at ``until`` or later; none without it."""
    return {} if until is None else {"endTime": milliseconds(until) - 1}


def candles_of(rows: Iterable[Any]) -> NDArray[np.float64]:
    """Rows of open time in ms, open, high, low, close, volume."""
    return np.array([row[:6] for row in rows], dtype=np.float64).reshape(-1, 6)


def prices_of(items: Iterable[Item]) -> dict[str, Decimal]:
    """The last price of every symbol."""
    return {item["symbol"]: amount(item["price"]) for item in items}


def quote_of(item: Item) -> Quote:
    """The best bid and ask of a symbol."""
    return Quote(
        bid=amount(item["bidPrice"]),
        bid_quantity=amount(item["bidQty"]),
        ask=amount(item["askPrice"]),
        ask_quantity=amount(item["askQty"]),
    )


def order_book_of(book: Item) -> OrderBook:
    """The levels of an order book, best first."""
    bids, asks = (
        tuple(Level(amount(price), amount(size)) for price, size, *_ in book[side]) for side in ("bids", "asks")
    )
    return OrderBook(bids, asks)


def symbols_of(info: Item) -> list[Item]:
    """The symbols of exchangeInfo, as received."""
    return list(info["symbols"])


def fill_of(item: Item, *, trade_id: object, executed_ms: object) -> FillReport:
    """One execution, of an answer to an order or of a list of fills."""
    price, quantity = amount(item["price"]), amount(item["qty"])
    return FillReport(
        exchange_trade_id=whole(trade_id),
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=amount(item["commission"]),
        commission_asset=word(item["commissionAsset"]),
        executed_at=moment_of(whole(executed_ms)),
    )


def listed_fill(item: Item) -> FillReport:
    """One row of myTrades or userTrades."""
    return fill_of(item, trade_id=item["id"], executed_ms=item["time"])


def account_fill(item: Item) -> AccountFill:
    """One row of myTrades or userTrades, with its order. Futures name the side, spot says whether we bought."""
    side = Side(item["side"]) if "side" in item else Side.BUY if flag(item["isBuyer"]) else Side.SELL
    return AccountFill(exchange_order_id=whole(item["orderId"]), side=side, fill=listed_fill(item))


def account_fills(items: Iterable[Item]) -> list[AccountFill]:
    """The rows of myTrades or userTrades."""
    return [account_fill(item) for item in items]


def report_of(item: Item, *, client_order_id: str, fills: Iterable[FillReport] = ()) -> OrderReport:
    """An ordinary order, which the caller has made sure is the one that was asked for."""
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=whole(item["orderId"]),
        status=STATUSES[item["status"]],
        executed_quantity=amount(item["executedQty"]),
        fills=tuple(fills),
    )


def algo_report(item: Item, *, client_order_id: str) -> OrderReport:
    """A conditional order of futures by itself: what it is worth before the order that it became is seen."""
    require_id(item["clientAlgoId"], client_order_id)
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=became(item) or whole(item["algoId"]),
        status=ALGO_STATUSES[item["algoStatus"]],
        executed_quantity=Decimal(0),
        fills=(),
    )


def became(algo: Item) -> int | None:
    """The id of the order that a conditional order has become, as far as it is told."""
    return int(algo.get("actualOrderId") or 0) or None
