"""What a futures account is told, as Binance writes it. Pure: news in, JSON objects out (engine/futures/tell.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from market.paper.engine.amounts import short, text
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder
from market.paper.engine.journal import News
from market.paper.streams.futures_messages import Form

Message = dict[str, Any]
Forms = Mapping[str, Form]


def futures_events(news: News, now_ms: int, forms: Forms) -> list[tuple[str, Message]]:
    """The events of one piece of news with their kinds. A fill is told twice: in short first, then in full."""
    head = {"e": news.kind, "E": now_ms, "T": news.at_ms}
    event = head | WRITERS[news.kind](news, forms)
    if news.kind == "MARGIN_CALL":
        del event["T"]
    if news.fill is not None and news.details["execution"] == "TRADE":
        return [("TRADE_LITE", {**head, "e": "TRADE_LITE", **_trade_lite(news, forms)}), (news.kind, event)]
    return [(news.kind, event)]


def _trade_lite(news: News, forms: Forms) -> Message:
    order, fill = cast(FuturesOrder, news.order), news.fill
    assert fill is not None, "there is no TRADE_LITE without a fill"
    form = forms[order.symbol]
    return {
        "s": order.symbol,
        "q": form.quantity(order.orig_qty),
        "p": form.price(order.price),
        "m": fill.is_maker,
        "c": order.client_order_id,
        "S": order.side,
        "L": form.price(fill.price),
        "l": form.quantity(fill.qty),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def _order_trade_update(news: News, forms: Forms) -> Message:
    order, fill, details = cast(FuturesOrder, news.order), news.fill, news.details
    form = forms[order.symbol]
    original = order.orig_type or order.type
    return {
        "o": {
            "s": order.symbol,
            "c": order.client_order_id,
            "S": order.side,
            "o": order.type,
            "f": order.time_in_force,
            "q": short(order.orig_qty),
            "p": _price(form, order.price),
            "ap": _price(form, order.average_price),
            "sp": _price(form, order.stop_price),
            "x": details["execution"],
            "X": order.status,
            "i": order.order_id,
            "l": short(fill.qty) if fill else "0",
            "z": short(order.executed_qty),
            "L": _price(form, fill.price) if fill else "0",
            "n": text(fill.commission) if fill else "0",
            "N": fill.commission_asset if fill else form.margin_asset,
            "T": news.at_ms,
            "t": fill.trade_id if fill else 0,
            "b": short(details["bid_notional"]),
            "a": short(details["ask_notional"]),
            "m": fill.is_maker if fill else False,
            "R": order.reduce_only,
            "wt": order.working_type,
            "ot": original,
            "ps": order.position_side,
            "cp": order.close_position,
            **(_trailing(form, order) if original == "TRAILING_STOP_MARKET" else {}),
            "pP": order.price_protect,
            "si": 0,
            "ss": 0,
            "rp": short(fill.realized_pnl) if fill else "0",
            "V": order.self_trade_prevention,
            "pm": order.price_match,
            "gtd": order.good_till_ms,
            "er": details["expiry_reason"],
        }
    }


def _trailing(form: Form, order: FuturesOrder) -> Message:
    """Activation price and callback rate, in percent."""
    return {"AP": _price(form, order.activate_price), "cr": short(order.callback_rate, 1)}


def _account_update(news: News, forms: Forms) -> Message:
    balances = [
        {"a": asset, "wb": text(wallet), "cw": text(cross), "bc": short(change)}
        for asset, wallet, cross, change in news.details["balances"]
    ]
    positions = [
        {
            "s": symbol,
            "pa": short(quantity),
            "ep": short(entry),
            "bep": short(break_even),
            "cr": short(realized),
            "up": short(unrealized),
            "mt": _margin_type(margin_type),
            "iw": short(isolated),
            "ps": side,
        }
        for symbol, side, quantity, entry, break_even, realized, unrealized, margin_type, isolated in news.details[
            "positions"
        ]
    ]
    return {"a": {"B": balances, "P": positions, "m": news.details["reason"]}}


def _algo_update(news: News, forms: Forms) -> Message:
    algo: AlgoOrder = news.details["algo"]
    form = forms[algo.symbol]
    return {
        "o": {
            "caid": algo.client_algo_id,
            "aid": algo.algo_id,
            "at": "CONDITIONAL",
            "o": algo.type,
            "s": algo.symbol,
            "S": algo.side,
            "ps": algo.position_side,
            "f": algo.time_in_force,
            "q": short(algo.quantity),
            "X": algo.status,
            "ai": str(algo.actual_order_id) if algo.actual_order_id else "",
            **(_actual(form, algo) if algo.actual_order_id else {}),
            "tp": _price(form, algo.trigger_price),
            "p": _price(form, algo.price),
            "V": algo.self_trade_prevention,
            "wt": algo.working_type,
            "pm": algo.price_match,
            "cp": algo.close_position,
            "pP": algo.price_protect,
            "R": algo.reduce_only,
            "tt": algo.trigger_ms,
            "gtd": algo.good_till_ms,
            **({"rm": algo.reject_reason} if algo.reject_reason else {}),
            **({"ia": algo.is_trailing} if algo.type == "TRAILING_STOP_MARKET" else {}),
        }
    }


def _actual(form: Form, algo: AlgoOrder) -> Message:
    """The order it became: average price, filled quantity, type. Shown only once there is one."""
    return {"ap": _price(form, algo.actual_price), "aq": short(algo.actual_qty), "act": algo.actual_type}


def _account_config_update(news: News, forms: Forms) -> Message:
    details = news.details
    if "leverage" in details:
        return {"ac": {"s": details["symbol"], "l": details["leverage"]}}
    return {"ai": {"j": details["multi_assets"]}}


def _margin_call(news: News, forms: Forms) -> Message:
    positions = [
        {
            "s": symbol,
            "ps": side,
            "pa": short(quantity),
            "mt": margin_type,
            "iw": short(isolated),
            "mp": _price(forms[symbol], mark),
            "up": short(unrealized),
            "mm": short(maintenance),
        }
        for symbol, side, quantity, margin_type, isolated, mark, unrealized, maintenance in news.details["positions"]
    ]
    return {"cw": short(news.details["cross_wallet"]), "p": positions}


def _price(form: Form, price: int) -> str:
    """A price; none is a plain 0."""
    return short(price, form.price_decimals) if price else "0"


def _margin_type(margin_type: str) -> str:
    """Streams say cross and isolated where REST asks for CROSSED and ISOLATED."""
    return "cross" if margin_type == "CROSSED" else "isolated"


WRITERS: dict[str, Callable[[News, Forms], Message]] = {
    "ORDER_TRADE_UPDATE": _order_trade_update,
    "ACCOUNT_UPDATE": _account_update,
    "ALGO_UPDATE": _algo_update,
    "ACCOUNT_CONFIG_UPDATE": _account_config_update,
    "MARGIN_CALL": _margin_call,
}
