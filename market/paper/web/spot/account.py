"""Signed endpoints about the account: balances, fills, commissions, filters, counters."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import SCALE
from market.paper.engine.amounts import text as amount
from market.paper.engine.spot.settlement import BNB_PERCENT
from market.paper.engine.spot.tables import ORDER_LISTS
from market.paper.engine.spot.types import NO_LIST, Balance
from market.paper.engine.types import Fill
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.spot.reading import MAX_ROWS, read_period
from market.paper.web.spot.views import balance_row, fill_row

DISCOUNT = amount(SCALE * BNB_PERCENT // 100)


def account(call: Call) -> dict[str, Any]:
    """GET account."""
    only_held = call.params.flag("omitZeroBalances")
    balances = [balance_row(b) for b in balances_of(call) if not only_held or b.free or b.locked]
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
    lists = _lists_of(call, symbol, found)
    return [fill_row(fill, lists.get(fill.order_id, NO_LIST)) for fill in found]


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
        "discount": discount_for(call, symbol),
    }


def discount_for(call: Call, symbol: str) -> dict[str, Any]:
    """What paying commissions in BNB would change."""
    engine = call.spot.engine
    return {
        "enabledForAccount": engine.burns_bnb(call.account.account_id),
        "enabledForSymbol": engine.discounts(symbol),
        "discountAsset": "BNB",
        "discount": DISCOUNT,
    }


def order_counts(call: Call) -> list[dict[str, Any]]:
    """GET rateLimit/order."""
    meters = list(call.spot.order_meters.values())
    rows = [row for row in call.spot.info["rateLimits"] if row["rateLimitType"] == "ORDERS"]
    return [
        row | {"count": meter.count(call.account.account_id, call.now_ms)}
        for row, meter in zip(rows, meters, strict=True)
    ]


def my_filters(call: Call) -> dict[str, Any]:
    """GET myFilters: those of the symbol; accounts have none of their own."""
    symbol = call.params.symbol(call.spot.engine.rules)
    entry = next(entry for entry in call.spot.info["symbols"] if entry["symbol"] == symbol)
    return {"exchangeFilters": call.spot.info["exchangeFilters"], "symbolFilters": entry["filters"], "assetFilters": []}


def my_allocations(call: Call) -> list[Any]:
    """GET myAllocations: nothing is routed, so there are none."""
    call.params.symbol(call.spot.engine.rules)
    read_period(call.params)
    for name in ("fromAllocationId", "orderId"):
        call.params.integer(name)
    call.params.limit(500, MAX_ROWS)
    return []


def my_prevented_matches(call: Call) -> list[Any]:
    """GET myPreventedMatches: clients never meet one another, so there are none."""
    call.params.symbol(call.spot.engine.rules)
    wanted = [call.params.integer(name) for name in ("preventedMatchId", "orderId", "fromPreventedMatchId")]
    call.params.limit(500, MAX_ROWS)
    if all(value is None for value in wanted[:2]):
        raise errors.either("preventedMatchId", "orderId")
    return []


def balances_of(call: Call) -> list[Balance]:
    """What the account holds, and a zero balance of every other asset that can be traded."""
    engine, account_id = call.spot.engine, call.account.account_id
    assets = {asset for rules in engine.rules.values() for asset in (rules.base, rules.quote)}
    assets |= {balance.asset for balance in engine.balances.all_of(account_id)}
    return [engine.balances.of(account_id, asset) for asset in sorted(assets)]


def _lists_of(call: Call, symbol: str, fills: list[Fill]) -> dict[int, int]:
    """The order lists that the orders of fills belong to, by order id."""
    if not fills:
        return {}
    first, last = min(fill.order_id for fill in fills), max(fill.order_id for fill in fills)
    where = "account_id = ? AND symbol = ? AND second_order_id >= ? AND first_order_id <= ?"
    pairs = call.exchange.ledger.things(ORDER_LISTS, where, [call.account.account_id, symbol, first, last])
    return {order_id: pair.order_list_id for pair in pairs for order_id in pair.order_ids}


def _nothing(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, amount(0))
