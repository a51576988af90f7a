"""Signed endpoints about what an account has chosen: leverage, margin type, position mode, fees."""

from __future__ import annotations

from typing import Any, cast

from market.paper.engine.amounts import short
from market.paper.engine.futures.rules import Bracket
from market.paper.engine.futures.types import MarginType
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.futures import formats, reading
from market.paper.web.futures.account import FLAGS, NO_GROUP
from market.paper.web.futures.order_reading import POSITION_SIDES
from market.paper.web.futures.views import SUCCESS

# Retail price improvement orders do not exist here; the rate is Binance's.
RPI_RATE = "0.00005"
ADD, TAKE_AWAY = 1, 2
LONGEST_COUNTDOWN_MS = 2**31 - 1


def set_leverage(call: Call) -> dict[str, Any]:
    """POST leverage."""
    symbol = call.params.symbol(call.futures.engine.rules)
    leverage = reading.required_integer(call.params, "leverage")
    most = call.futures.engine.set_leverage(call.account.account_id, symbol, leverage, call.now_ms)
    return {"leverage": leverage, "maxNotionalValue": short(most), "symbol": symbol}


def set_margin_type(call: Call) -> dict[str, Any]:
    """POST marginType."""
    symbol = call.params.symbol(call.futures.engine.rules)
    kind = reading.word(call.params, "marginType", ("ISOLATED", "CROSSED"), errors.invalid("marginType"))
    call.futures.engine.set_margin_type(call.account.account_id, symbol, cast(MarginType, kind), call.now_ms)
    return SUCCESS


def change_margin(call: Call) -> dict[str, Any]:
    """POST positionMargin: put margin into an isolated position (type 1), or take some out (type 2)."""
    params = call.params
    symbol = params.symbol(call.futures.engine.rules)
    amount, kind = reading.required_amount(params, "amount"), reading.required_integer(params, "type")
    wrong = ApiError(-4060, "Invalid position side.")
    side = reading.word(params, "positionSide", POSITION_SIDES, wrong, "BOTH")
    if kind not in (ADD, TAKE_AWAY):
        raise errors.invalid("type")
    if amount <= 0:
        raise ApiError(-4055, "Amount must be positive.")
    change = amount if kind == ADD else -amount
    call.futures.engine.change_isolated_margin(call.account.account_id, symbol, side, change, call.now_ms)
    text = "Successfully modify position margin."
    return {"amount": formats.number(amount), "code": 200, "msg": text, "type": kind}


def set_position_mode(call: Call) -> dict[str, Any]:
    """POST positionSide/dual."""
    dual = reading.switch(call.params, "dualSidePosition")
    call.futures.engine.set_hedge_mode(call.account.account_id, dual)
    return SUCCESS


def position_mode(call: Call) -> dict[str, bool]:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.futures.engine.account_config(call.account.account_id).hedge_mode}


def set_multi_assets(call: Call) -> dict[str, Any]:
    """POST multiAssetsMargin."""
    multi = reading.switch(call.params, "multiAssetsMargin")
    call.futures.engine.set_multi_assets(call.account.account_id, multi, call.now_ms)
    return SUCCESS


def multi_assets(call: Call) -> dict[str, bool]:
    """GET multiAssetsMargin."""
    return {"multiAssetsMargin": call.futures.engine.account_config(call.account.account_id).multi_assets}


def set_fee_burn(call: Call) -> dict[str, Any]:
    """POST feeBurn."""
    burn = reading.switch(call.params, "feeBurn")
    call.futures.engine.set_fee_burn(call.account.account_id, burn)
    return SUCCESS


def fee_burn(call: Call) -> dict[str, bool]:
    """GET feeBurn."""
    return {"feeBurn": call.futures.engine.account_config(call.account.account_id).fee_burn}


def set_countdown(call: Call) -> dict[str, str]:
    """POST countdownCancelAll: a dead man's switch; 0 switches it off."""
    symbol = call.params.symbol(call.futures.engine.rules)
    countdown_ms = reading.required_integer(call.params, "countdownTime")
    if countdown_ms > LONGEST_COUNTDOWN_MS:
        raise errors.invalid("countdownTime")
    call.futures.engine.set_countdown(call.account.account_id, symbol, countdown_ms, call.now_ms)
    return {"symbol": symbol, "countdownTime": str(countdown_ms)}


def account_config(call: Call) -> dict[str, Any]:
    """GET accountConfig."""
    config = call.futures.engine.account_config(call.account.account_id)
    modes = {"dualSidePosition": config.hedge_mode, "updateTime": 0, "multiAssetsMargin": config.multi_assets}
    return {"feeTier": 0} | FLAGS | modes | {"tradeGroupId": NO_GROUP}


def symbol_configs(call: Call) -> list[dict[str, Any]]:
    """GET symbolConfig, of one symbol or all."""
    engine, account_id = call.futures.engine, call.account.account_id
    wanted = reading.optional_symbol(call.params, engine.rules)
    configs = [engine.symbol_config(account_id, symbol) for symbol in ([wanted] if wanted else engine.rules)]
    return [
        {
            "symbol": config.symbol,
            "marginType": config.margin_type,
            "isAutoAddMargin": False,
            "leverage": config.leverage,
            "maxNotionalValue": short(engine.rules[config.symbol].max_notional(config.leverage)),
        }
        for config in configs
    ]


def commission_rate(call: Call) -> dict[str, str]:
    """GET commissionRate of one symbol."""
    symbol, engine = call.params.symbol(call.futures.engine.rules), call.futures.engine
    return {
        "symbol": symbol,
        "makerCommissionRate": short(engine.maker_rate, 4),
        "takerCommissionRate": short(engine.taker_rate, 4),
        "rpiCommissionRate": RPI_RATE,
    }


def leverage_brackets(call: Call) -> list[dict[str, Any]]:
    """GET leverageBracket, of one symbol or all. Numbers, not strings."""
    rules = call.futures.engine.rules
    wanted = reading.optional_symbol(call.params, rules)
    return [
        {"symbol": symbol, "brackets": [_bracket(bracket) for bracket in rules[symbol].brackets]}
        for symbol in ([wanted] if wanted else rules)
    ]


def order_limits(call: Call) -> list[dict[str, Any]]:
    """GET rateLimit/order."""
    return [row for row in call.futures.info["rateLimits"] if row["rateLimitType"] == "ORDERS"]


def _bracket(bracket: Bracket) -> dict[str, int | float]:
    return {
        "bracket": bracket.number,
        "initialLeverage": bracket.leverage,
        "notionalCap": formats.number(bracket.cap),
        "notionalFloor": formats.number(bracket.floor),
        "maintMarginRatio": formats.number(bracket.ratio),
        "cum": formats.number(bracket.cum),
    }
