"""New orders and conditional orders from their parameters: presence and spelling. The engine judges the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from market.paper.engine.futures.types import CONDITIONAL_TYPES, NewAlgoOrder, NewFuturesOrder
from market.paper.engine.types import Side
from market.paper.exchange import random_text
from market.paper.web import errors
from market.paper.web.errors import ApiError
from market.paper.web.futures import reading
from market.paper.web.params import Params

SIDES = ("BUY", "SELL")
POSITION_SIDES = ("BOTH", "LONG", "SHORT")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
# Of conditional orders: it waits only as long as there is a position.
WHILE_HELD = "GTE_GTC"
WORKING_TYPES = ("CONTRACT_PRICE", "MARK_PRICE")
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
SHAPES = ("ACK", "RESULT")
USE_ALGO = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."

# By type: what must be sent, and what else may be. What is in neither and is sent all the same is refused.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "MARKET": ("quantity",),
    "STOP": ("quantity", "price", "triggerPrice"),
    "STOP_MARKET": ("triggerPrice",),
    "TAKE_PROFIT": ("quantity", "price", "triggerPrice"),
    "TAKE_PROFIT_MARKET": ("triggerPrice",),
    "TRAILING_STOP_MARKET": ("quantity", "callbackRate"),
}
TAKES: Mapping[str, tuple[str, ...]] = {
    "STOP": ("timeInForce",),
    "STOP_MARKET": ("timeInForce", "quantity"),
    "TAKE_PROFIT": ("timeInForce",),
    "TAKE_PROFIT_MARKET": ("timeInForce", "quantity"),
    "TRAILING_STOP_MARKET": ("timeInForce", "activatePrice"),
}
BY_TYPE = ("timeInForce", "quantity", "price", "stopPrice", "triggerPrice", "activatePrice", "callbackRate")


def new_order(params: Params, account_id: int, symbols: Collection[str]) -> NewFuturesOrder:
    """An order for /order; raises Binance's -11xx, -4xxx, -5xxx."""
    symbol, side = params.symbol(symbols), read_side(params)
    kind = params.required("type")
    if kind in CONDITIONAL_TYPES:
        raise ApiError(-4120, USE_ALGO)
    if kind not in ("LIMIT", "MARKET"):
        raise ApiError(-1116, "Invalid orderType.")
    position_side = _position_side(params)
    price_match = _price_match(params)
    _check_presence(params, kind, price_match)
    if params.flag("closePosition"):
        raise ApiError(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    time_in_force = _time_in_force(params)
    return NewFuturesOrder(
        account_id=account_id,
        symbol=symbol,
        side=side,
        type=kind,
        client_order_id=reading.client_id(params, "newClientOrderId") or random_text(22),
        position_side=position_side,
        time_in_force=time_in_force,
        quantity=reading.amount(params, "quantity"),
        price=reading.amount(params, "price"),
        reduce_only=params.flag("reduceOnly"),
        good_till_ms=_good_till_ms(params, time_in_force),
        price_match=price_match,
        self_trade_prevention=_self_trade_prevention(params),
    )


def new_algo_order(params: Params, account_id: int, symbols: Collection[str]) -> NewAlgoOrder:
    """A conditional order for /algoOrder; raises Binance's -11xx, -4xxx, -5xxx."""
    reading.word(params, "algoType", ("CONDITIONAL",), errors.invalid("algoType"))
    symbol, side = params.symbol(symbols), read_side(params)
    kind = reading.word(params, "type", CONDITIONAL_TYPES, ApiError(-1116, "Invalid orderType."))
    position_side = _position_side(params)
    price_match = _price_match(params)
    close_position = params.flag("closePosition")
    _check_presence(params, kind, price_match)
    if not close_position:
        params.required("quantity")
    elif "reduceOnly" in params and not params.flag("reduceOnly"):
        raise ApiError(-4138, "Reduce only must be true with closePosition equals true")
    time_in_force = _time_in_force(params, (*TIMES_IN_FORCE, WHILE_HELD))
    return NewAlgoOrder(
        account_id=account_id,
        symbol=symbol,
        side=side,
        type=kind,
        client_algo_id=reading.client_id(params, "clientAlgoId") or random_text(22),
        position_side=position_side,
        time_in_force=time_in_force,
        quantity=reading.amount(params, "quantity"),
        price=reading.amount(params, "price"),
        trigger_price=reading.amount(params, "triggerPrice"),
        working_type=_working_type(params),
        close_position=close_position,
        price_protect=params.flag("priceProtect"),
        reduce_only=params.flag("reduceOnly"),
        activate_price=reading.amount(params, "activatePrice"),
        callback_rate=reading.amount(params, "callbackRate"),
        good_till_ms=_good_till_ms(params, time_in_force),
        price_match=price_match,
        self_trade_prevention=_self_trade_prevention(params),
    )


def read_side(params: Params) -> Side:
    """BUY or SELL; -1117 otherwise."""
    return cast(Side, reading.word(params, "side", SIDES, ApiError(-1117, "Invalid side.")))


def read_shape(params: Params) -> str:
    """newOrderRespType: ACK unless RESULT is asked for; -1136 otherwise."""
    return reading.word(params, "newOrderRespType", SHAPES, ApiError(-1136, "Invalid newOrderRespType."), "ACK")


def _check_presence(params: Params, kind: str, price_match: str) -> None:
    """With a priceMatch the price must not be there."""
    needed = [name for name in NEEDS[kind] if name != "price" or price_match == "NONE"]
    for name in needed:
        params.required(name)
    for name in BY_TYPE:
        if name in params and name not in needed and name not in TAKES.get(kind, ()):
            raise errors.not_required(name.lower())


def _position_side(params: Params) -> str:
    wrong = ApiError(-4060, "Invalid position side.")
    return reading.word(params, "positionSide", POSITION_SIDES, wrong, "BOTH")


def _time_in_force(params: Params, among: Collection[str] = TIMES_IN_FORCE) -> str:
    return reading.word(params, "timeInForce", among, ApiError(-1115, "Invalid timeInForce."), "GTC")


def _price_match(params: Params) -> str:
    return params.text("priceMatch") or "NONE"


def _working_type(params: Params) -> str:
    wrong = ApiError(-4031, f"Invalid parameter working type: {params.text('workingType')}")
    return reading.word(params, "workingType", WORKING_TYPES, wrong, "CONTRACT_PRICE")


def _self_trade_prevention(params: Params) -> str:
    wrong = ApiError(-5039, "Invalid self trade prevention mode")
    return reading.word(params, "selfTradePreventionMode", SELF_TRADE_MODES, wrong, "EXPIRE_MAKER")


def _good_till_ms(params: Params, time_in_force: str) -> int:
    """goodTillDate, which only a GTD order has; -1102 when it is missing there."""
    return reading.required_integer(params, "goodTillDate") if time_in_force == "GTD" else 0
