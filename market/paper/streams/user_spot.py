"""What a spot account is told, as Binance writes it. Pure: news in, JSON objects out (engine/spot/news.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from market.paper.engine.amounts import text
from market.paper.engine.journal import News
from market.paper.engine.spot.types import OrderList, SpotOrder
from market.paper.engine.types import Fill

Message = dict[str, Any]
ZERO = text(0)


def spot_event(news: News, now_ms: int) -> Message:
    """The event of one piece of news. ``now_ms`` is when it leaves."""
    return {"e": news.kind, "E": now_ms} | WRITERS[news.kind](news)


def _execution_report(news: News) -> Message:
    order, fill, details = cast(SpotOrder, news.order), news.fill, news.details
    return {
        "s": order.symbol,
        "c": details["client_id"],
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.orig_qty),
        "p": text(order.price),
        "P": text(order.stop_price),
        **_trailing(order),
        "F": text(order.iceberg_qty),
        "g": order.order_list_id,
        "C": details["orig_client_id"],
        "x": details["execution"],
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        **_last_fill(fill),
        "z": text(order.executed_qty),
        "T": news.at_ms,
        "I": details["execution_id"],
        "w": details["is_on_book"],
        "M": fill is not None,
        "O": order.time_ms,
        "Z": text(order.cum_quote),
        "Q": text(order.orig_quote_order_qty),
        "V": order.self_trade_prevention,
        **_optional(order),
    }


def _last_fill(fill: Fill | None) -> Message:
    """Quantity, price, commission and its asset, trade id, maker, worth of the fill the report is about."""
    if fill is None:
        return {"l": ZERO, "L": ZERO, "n": "0", "N": None, "t": -1, "m": False, "Y": ZERO}
    return {
        "l": text(fill.qty),
        "L": text(fill.price),
        "n": text(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
        "Y": text(fill.quote_qty),
    }


def _trailing(order: SpotOrder) -> Message:
    if not order.trailing_delta:
        return {}
    return {"d": order.trailing_delta} | ({"D": order.trailing_ms} if order.trailing_ms >= 0 else {})


def _optional(order: SpotOrder) -> Message:
    """Fields that are there only when they say something: working time, strategy, why it expired."""
    wanted = {
        "W": order.working_ms if order.is_working else None,
        "j": order.strategy_id,
        "J": order.strategy_type,
        "eR": order.expiry_reason,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _account_position(news: News) -> Message:
    rows = [{"a": asset, "f": text(free), "l": text(locked)} for asset, free, locked in news.details["balances"]]
    return {"u": news.at_ms, "B": rows}


def _balance_update(news: News) -> Message:
    return {"a": news.details["asset"], "d": text(news.details["change"]), "T": news.at_ms}


def _list_status(news: News) -> Message:
    pair: OrderList = news.details["pair"]
    legs = zip(pair.order_ids, pair.client_ids, strict=True)
    return {
        "s": pair.symbol,
        "g": pair.order_list_id,
        "c": "OCO",
        "l": news.details["status_type"],
        "L": pair.status,
        "r": "NONE",
        "C": pair.client_order_id,
        "T": news.at_ms,
        "O": [{"s": pair.symbol, "i": order_id, "c": client_id} for order_id, client_id in legs],
    }


WRITERS: dict[str, Callable[[News], Message]] = {
    "executionReport": _execution_report,
    "outboundAccountPosition": _account_position,
    "balanceUpdate": _balance_update,
    "listStatus": _list_status,
}
