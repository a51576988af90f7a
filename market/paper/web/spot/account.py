"""Signed endpoints about the account: balances, fills, commissions, permissions, counters."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import SCALE, short
from market.paper.engine.spot.types import Balance
from market.paper.web.call import Call
from market.paper.web.spot.orders import MAX_ROWS, read_period
from market.paper.web.spot.views import amount, balance_row, fill_row


def account(call: Call) -> dict[str, Any]:
    """GET account."""
    only_held = call.params.flag("omitZeroBalances")
    balances = [balance_row(b) for b in _balances(call) if not only_held or b.free or b.locked]
    rate, me = call.spot.engine.commission_rate, call.account
    whole = rate * 10_000 // SCALE
    return {
        "makerCommission": whole,
        "takerCommission": whole,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": amount(rate), "taker": amount(rate)} | _nothing("buyer", "seller"),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": me.account_id,
    }


def my_trades(call: Call) -> list[dict[str, Any]]:
    """GET myTrades of one symbol."""
    params = call.params
    symbol = params.symbol(call.spot.engine.rules)
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    start_ms, end_ms = read_period(params)
    limit = params.limit(500, MAX_ROWS)
    found = call.spot.history.fills(
        call.account.account_id,
        symbol,
        order_id=order_id,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [fill_row(fill) for fill in found]


def commission(call: Call) -> dict[str, Any]:
    """GET account/commission."""
    symbol = call.params.symbol(call.spot.engine.rules)
    rate = amount(call.spot.engine.commission_rate)
    nothing = _nothing("maker", "taker", "buyer", "seller")
    return {
        "symbol": symbol,
        "standardCommission": {"maker": rate, "taker": rate} | _nothing("buyer", "seller"),
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB"}
        | _nothing("discount"),
    }


def order_counts(call: Call) -> list[dict[str, Any]]:
    """GET rateLimit/order."""
    meters = list(call.spot.order_meters.values())
    rows = [row for row in call.spot.info["rateLimits"] if row["rateLimitType"] == "ORDERS"]
    return [
        row | {"count": meter.count(call.account.account_id, call.now_ms)}
        for row, meter in zip(rows, meters, strict=True)
    ]


def api_restrictions(call: Call) -> dict[str, Any]:
    """GET /sapi/v1/account/apiRestrictions: a paper key may read and trade spot, never withdraw."""
    no = (
        "enableWithdrawals",
        "enableInternalTransfer",
        "enableMargin",
        "enableFutures",
        "permitsUniversalTransfer",
        "enableVanillaOptions",
        "enableFixApiTrade",
        "enableFixReadOnly",
        "enablePortfolioMarginTrading",
    )
    yes = {"ipRestrict": False, "createTime": call.account.created_ms, "enableReading": True}
    return yes | {"enableSpotAndMarginTrading": True} | dict.fromkeys(no, False)


def trade_fee(call: Call) -> list[dict[str, str]]:
    """GET /sapi/v1/asset/tradeFee, of one symbol or all."""
    rules = call.spot.engine.rules
    rate = short(call.spot.engine.commission_rate)
    wanted = [call.params.symbol(rules)] if "symbol" in call.params else list(rules)
    return [{"symbol": name, "makerCommission": rate, "takerCommission": rate} for name in wanted]


def _balances(call: Call) -> list[Balance]:
    """What the account holds, and a zero row for every other asset that can be traded."""
    engine, account_id = call.spot.engine, call.account.account_id
    assets = {asset for rules in engine.rules.values() for asset in (rules.base, rules.quote)}
    assets |= {balance.asset for balance in engine.balances.all_of(account_id)}
    return [engine.balances.of(account_id, asset) for asset in sorted(assets)]


def _nothing(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, amount(0))
