"""Signed endpoints about money and positions."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import short
from market.paper.engine.futures.types import AssetView, PositionView
from market.paper.prices.types import NoPrice
from market.paper.web.call import Call
from market.paper.web.futures import formats, reading
from market.paper.web.futures.formats import money, money_or_zero

MARGIN_ASSET = "USDT"
FLAGS = {"canTrade": True, "canDeposit": False, "canWithdraw": False}
NO_GROUP = -1


def account_v2(call: Call) -> dict[str, Any]:
    """GET v2/account: every asset and every symbol."""
    engine, account_id = call.futures.engine, call.account.account_id
    config, assets = engine.account_config(account_id), engine.assets(account_id)
    head = {"feeTier": 0, "feeBurn": config.fee_burn} | FLAGS
    modes = {"updateTime": 0, "multiAssetsMargin": config.multi_assets, "tradeGroupId": NO_GROUP}
    return (
        head
        | modes
        | _totals(assets)
        | {
            "assets": [_asset(each) | {"marginAvailable": True} for each in assets],
            "positions": [_position_v2(call, each) for each in engine.positions(account_id)],
        }
    )


def account_v3(call: Call) -> dict[str, Any]:
    """GET v3/account: every asset, and the symbols with a position or with orders."""
    engine, account_id = call.futures.engine, call.account.account_id
    assets = engine.assets(account_id)
    held = engine.positions(account_id, only_held=True)
    return _totals(assets) | {
        "assets": [_asset(each) for each in assets],
        "positions": [_position_v3(call, each) for each in held],
    }


def balance(call: Call) -> list[dict[str, Any]]:
    """GET v2/balance and v3/balance."""
    account_id = call.account.account_id
    return [
        {
            "accountAlias": f"Paper{account_id}",
            "asset": view.asset,
            "balance": money(view.wallet_balance),
            "crossWalletBalance": money(view.cross_wallet),
            "crossUnPnl": money(view.cross_unrealized),
            "availableBalance": money(view.available),
            "maxWithdrawAmount": money(view.max_withdraw),
            "marginAvailable": True,
            "updateTime": view.update_ms,
        }
        for view in call.futures.engine.assets(account_id)
    ]


def position_risk_v2(call: Call) -> list[dict[str, Any]]:
    """GET v2/positionRisk: every symbol, or one."""
    return [_risk(call, view) | _risk_v2(view) for view in _positions(call, only_held=False)]


def position_risk_v3(call: Call) -> list[dict[str, Any]]:
    """GET v3/positionRisk: the symbols with a position or with orders, or one of them."""
    return [_risk(call, view) | _risk_v3(view) for view in _positions(call, only_held=True)]


def adl_quantiles(call: Call) -> list[dict[str, Any]]:
    """GET adlQuantile: nobody is ever deleveraged here, so every position is at the end of the queue."""
    sides: dict[str, dict[str, int]] = {}
    for view in _positions(call, only_held=True):
        if view.quantity:
            sides.setdefault(view.symbol, {})[view.side] = 0
    return [{"symbol": symbol, "adlQuantile": quantiles} for symbol, quantiles in sides.items()]


def _positions(call: Call, *, only_held: bool) -> list[PositionView]:
    symbol = reading.optional_symbol(call.params, call.futures.engine.rules)
    return call.futures.engine.positions(call.account.account_id, symbol, only_held=only_held)


def _totals(assets: list[AssetView]) -> dict[str, str]:
    """The account's totals: those of USDT, for margin stays by asset."""
    view = next(each for each in assets if each.asset == MARGIN_ASSET)
    return {
        "totalInitialMargin": money(view.initial_margin),
        "totalMaintMargin": money(view.maintenance),
        "totalWalletBalance": money(view.wallet_balance),
        "totalUnrealizedProfit": money(view.unrealized),
        "totalMarginBalance": money(view.margin_balance),
        "totalPositionInitialMargin": money(view.position_margin),
        "totalOpenOrderInitialMargin": money(view.open_order_margin),
        "totalCrossWalletBalance": money(view.cross_wallet),
        "totalCrossUnPnl": money(view.cross_unrealized),
        "availableBalance": money(view.available),
        "maxWithdrawAmount": money(view.max_withdraw),
    }


def _asset(view: AssetView) -> dict[str, Any]:
    return {
        "asset": view.asset,
        "walletBalance": money(view.wallet_balance),
        "unrealizedProfit": money(view.unrealized),
        "marginBalance": money(view.margin_balance),
        "maintMargin": money(view.maintenance),
        "initialMargin": money(view.initial_margin),
        "positionInitialMargin": money(view.position_margin),
        "openOrderInitialMargin": money(view.open_order_margin),
        "crossWalletBalance": money(view.cross_wallet),
        "crossUnPnl": money(view.cross_unrealized),
        "availableBalance": money(view.available),
        "maxWithdrawAmount": money(view.max_withdraw),
        "updateTime": view.update_ms,
    }


def _position_v2(call: Call, view: PositionView) -> dict[str, Any]:
    return {
        "symbol": view.symbol,
        "initialMargin": money_or_zero(view.initial_margin),
        "maintMargin": money_or_zero(view.maintenance),
        "unrealizedProfit": money(view.unrealized),
        "positionInitialMargin": money_or_zero(view.position_margin),
        "openOrderInitialMargin": money_or_zero(view.open_order_margin),
        "leverage": str(view.leverage),
        "isolated": view.margin_type == "ISOLATED",
        "entryPrice": formats.average_entry(view.entry_price),
        "maxNotional": short(view.max_notional),
        "bidNotional": money_or_zero(view.bid_notional),
        "askNotional": money_or_zero(view.ask_notional),
        "positionSide": view.side,
        "positionAmt": _amount(call, view),
        "updateTime": view.update_ms,
    }


def _position_v3(call: Call, view: PositionView) -> dict[str, Any]:
    return {
        "symbol": view.symbol,
        "positionSide": view.side,
        "positionAmt": _amount(call, view),
        "unrealizedProfit": money(view.unrealized),
        "isolatedMargin": money(view.isolated_margin),
        "notional": money_or_zero(view.notional),
        "isolatedWallet": money_or_zero(view.isolated_wallet),
        "initialMargin": money_or_zero(view.initial_margin),
        "maintMargin": money_or_zero(view.maintenance),
        "updateTime": view.update_ms,
    }


def _risk(call: Call, view: PositionView) -> dict[str, Any]:
    """What both versions of positionRisk share."""
    return {
        "symbol": view.symbol,
        "positionSide": view.side,
        "positionAmt": _amount(call, view),
        "entryPrice": formats.average_entry(view.entry_price),
        "breakEvenPrice": formats.average_entry(view.break_even_price),
        "markPrice": money(_mark(call, view)),
        "unRealizedProfit": money(view.unrealized),
        "liquidationPrice": money_or_zero(view.liquidation_price),
        "notional": money_or_zero(view.notional),
        "isolatedWallet": money_or_zero(view.isolated_wallet),
        "updateTime": view.update_ms,
    }


def _risk_v2(view: PositionView) -> dict[str, Any]:
    return {
        "marginType": "isolated" if view.margin_type == "ISOLATED" else "cross",
        "isAutoAddMargin": "false",
        "isolatedMargin": money(view.isolated_margin),
        "leverage": str(view.leverage),
        "maxNotionalValue": short(view.max_notional),
    }


def _risk_v3(view: PositionView) -> dict[str, Any]:
    return {
        "isolatedMargin": money_or_zero(view.isolated_margin),
        "marginAsset": view.margin_asset,
        "initialMargin": money_or_zero(view.initial_margin),
        "maintMargin": money_or_zero(view.maintenance),
        "positionInitialMargin": money_or_zero(view.position_margin),
        "openOrderInitialMargin": money_or_zero(view.open_order_margin),
        "adl": 0,
        "bidNotional": money_or_zero(view.bid_notional),
        "askNotional": money_or_zero(view.ask_notional),
    }


def _mark(call: Call, view: PositionView) -> int:
    """The mark price of now: the engine is told prices only of symbols that concern somebody."""
    try:
        return call.futures.quote(view.symbol, call.now_ms).mark
    except NoPrice:
        return view.mark_price  # positions are told of even while prices are not known


def _amount(call: Call, view: PositionView) -> str:
    return formats.quantity(call.futures.engine.rules[view.symbol], view.quantity)
