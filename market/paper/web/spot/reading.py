"""New orders from parameters, whatever the parameters are called; the complaints are Binance's -11xx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Rejected, Side
from market.paper.exchange import random_text
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params

SIDES = ("BUY", "SELL")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
RESPONSES = ("ACK", "RESULT", "FULL")
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
PEGS = ("pegPriceType", "pegOffsetType", "pegOffsetValue")
LEAST_STRATEGY_TYPE = 1_000_000
DAY_MS = 86_400_000
MAX_ROWS = 1000

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity",),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price"),
    "TAKE_PROFIT": ("quantity",),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price"),
}
TRIGGERS = ("stopPrice", "trailingDelta")
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("icebergQty",),
    "LIMIT_MAKER": ("icebergQty",),
    "MARKET": ("quantity", "quoteOrderQty"),
    "STOP_LOSS": TRIGGERS,
    "STOP_LOSS_LIMIT": (*TRIGGERS, "icebergQty"),
    "TAKE_PROFIT": TRIGGERS,
    "TAKE_PROFIT_LIMIT": (*TRIGGERS, "icebergQty"),
}
BY_TYPE = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
NAMES = (*BY_TYPE, "newClientOrderId", "strategyId", "strategyType")
PLAIN: Mapping[str, str] = {name: name for name in NAMES}


def read_new_order(call: Call) -> NewOrder:
    """The order of POST order and its like."""
    params = call.params
    symbol = params.symbol(call.spot.engine.rules)
    side = read_side(params)
    kind = params.required("type")
    refuse_pegs(params)
    return read_terms(call, symbol, side, kind, PLAIN)


def read_terms(call: Call, symbol: str, side: Side, kind: str, names: Mapping[str, str]) -> NewOrder:
    """An order of a type. ``names`` says which parameter holds what; what it lacks cannot be sent."""
    params, sent = call.params, _Named(call.params, names)
    if kind not in REQUIRED:
        raise ApiError(-1116, "Invalid orderType.")
    sent.check_presence(kind)
    time_in_force = sent.text("timeInForce") or "GTC"
    if time_in_force not in TIMES_IN_FORCE:
        raise ApiError(-1115, "Invalid timeInForce.")
    iceberg = sent.amount("icebergQty")
    if iceberg == 0:
        iceberg = None
    if iceberg is not None and time_in_force != "GTC":
        raise ApiError(-1014, "Unsupported order combination.")
    strategy_type = sent.integer("strategyType")
    if strategy_type is not None and strategy_type < LEAST_STRATEGY_TYPE:
        raise ApiError(-1134, f"strategyType was less than {LEAST_STRATEGY_TYPE}.")
    return NewOrder(
        account_id=call.account.account_id,
        symbol=symbol,
        side=side,
        type=kind,
        client_order_id=sent.client_id() or random_text(22),
        time_in_force=time_in_force,
        quantity=sent.amount("quantity"),
        quote_order_qty=sent.amount("quoteOrderQty"),
        price=sent.amount("price"),
        stop_price=sent.amount("stopPrice"),
        trailing_delta=sent.integer("trailingDelta"),
        iceberg_qty=iceberg,
        strategy_id=sent.integer("strategyId"),
        strategy_type=strategy_type,
        self_trade_prevention=_self_trade_mode(params, call.spot.engine.rules[symbol]),
    )


def read_side(params: Params) -> Side:
    """BUY or SELL, -1117 otherwise."""
    side = params.required("side")
    if side not in SIDES:
        raise ApiError(-1117, "Invalid side.")
    return cast(Side, side)


def read_response(params: Params, kind: str) -> str:
    """How much the answer to a new order shall tell."""
    shape = params.choice("newOrderRespType", RESPONSES, "")
    return shape or ("FULL" if kind in ("MARKET", "LIMIT") else "ACK")


def read_period(params: Params) -> tuple[int | None, int | None]:
    """startTime and endTime: at most 24 hours apart."""
    start_ms, end_ms = params.moment("startTime"), params.moment("endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def read_cancel_id(params: Params, name: str = "newClientOrderId") -> str:
    """The client id of a cancellation."""
    return params.matching(name, errors.CLIENT_ID) or random_text(22)


def refuse_pegs(params: Params, *prefixes: str) -> None:
    """No symbol has pegged orders."""
    for prefix in prefixes or ("",):
        for name in PEGS:
            sent = prefix + name[0].upper() + name[1:] if prefix else name
            if sent in params:
                raise Rejected(-2010, "Pegged orders are not supported for this symbol.")


class _Named:
    """Parameters by the names they have in POST order."""

    def __init__(self, params: Params, names: Mapping[str, str]) -> None:
        self._params = params
        self._names = names

    def text(self, name: str) -> str | None:
        return self._params.text(self._names[name]) if name in self._names else None

    def amount(self, name: str) -> int | None:
        return self._params.amount(self._names[name]) if name in self._names else None

    def integer(self, name: str) -> int | None:
        return self._params.integer(self._names[name]) if name in self._names else None

    def client_id(self) -> str | None:
        return self._params.matching(self._names["newClientOrderId"], errors.CLIENT_ID)

    def check_presence(self, kind: str) -> None:
        """Raise when something is missing for a type of order, or something is there that does not belong to it."""
        params, names = self._params, self._names
        for name in BY_TYPE:
            if name in names and names[name] in params and name not in REQUIRED[kind] + OPTIONAL[kind]:
                raise errors.not_required(names[name])
        for name in REQUIRED[kind]:
            params.required(names.get(name, name))
        if kind == "MARKET":
            self._require_either("quantity", "quoteOrderQty")
            if "quantity" in params and "quoteOrderQty" in params:
                raise errors.bad_combination()
        elif TRIGGERS[0] in OPTIONAL[kind]:
            self._require_either(*TRIGGERS)

    def _require_either(self, first: str, second: str) -> None:
        if self.text(first) is None and self.text(second) is None:
            raise errors.either(self._names[first], self._names[second])


def _self_trade_mode(params: Params, rules: SymbolRules) -> str:
    mode = params.choice("selfTradePreventionMode", SELF_TRADE_MODES, rules.self_trade_default)
    if "selfTradePreventionMode" in params and mode not in rules.self_trade_modes:
        raise ApiError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return mode
