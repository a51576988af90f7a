"""Signed endpoints about the past of an account: fills, incomes, forced orders."""

from __future__ import annotations

from typing import Any, get_args

from market.paper.engine.futures.tables import INCOMES, ORDERS
from market.paper.engine.futures.types import FuturesOrder, Income, IncomeType
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.futures import formats, reading, views
from market.paper.web.futures.orders import MAX_ROWS, rules_of

# What Binance knows beside those that happen here.
OTHER_INCOMES = (
    *("WELCOME_BONUS", "REFERRAL_KICKBACK", "COMMISSION_REBATE", "API_REBATE", "CONTEST_REWARD"),
    *("CROSS_COLLATERAL_TRANSFER", "OPTIONS_PREMIUM_FEE", "OPTIONS_SETTLE_PROFIT", "INTERNAL_TRANSFER"),
    *(
        "AUTO_EXCHANGE",
        "DELIVERED_SETTELMENT",
        "COIN_SWAP_DEPOSIT",
        "COIN_SWAP_WITHDRAW",
        "POSITION_LIMIT_INCREASE_FEE",
    ),
    *("STRATEGY_UMFUTURES_TRANSFER", "FEE_RETURN", "BFUSD_REWARD"),
)
INCOME_TYPES = (*get_args(IncomeType), *OTHER_INCOMES)
FORCED_BY = {"LIQUIDATION": "autoclose-%", "ADL": "adl_autoclose%"}


def fills(call: Call) -> list[dict[str, Any]]:
    """GET userTrades of one symbol."""
    params = call.params
    symbol = params.symbol(call.futures.engine.rules)
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    if from_id is not None and ("startTime" in params or "endTime" in params):
        raise errors.bad_combination()
    period = reading.period(params, call.now_ms, from_id=from_id if order_id is None else order_id)
    found = call.futures.history.fills(
        call.account.account_id,
        symbol,
        order_id=order_id,
        from_id=from_id,
        start_ms=period.start_ms,
        end_ms=period.end_ms,
        limit=reading.limit(params, 500, MAX_ROWS),
    )
    return [views.fill_row(rules_of(call, symbol), fill) for fill in found if fill.time_ms >= period.first_ms]


def incomes(call: Call) -> list[dict[str, Any]]:
    """GET income: with a start the oldest first page of it, else the newest; oldest first either way."""
    params = call.params
    symbol = reading.optional_symbol(params, call.futures.engine.rules)
    kind = reading.word(params, "incomeType", INCOME_TYPES, errors.invalid("incomeType"), "ALL")
    limit, page = reading.limit(params, 100, MAX_ROWS), params.integer("page") or 1
    period = reading.period(params, call.now_ms, days=reading.HISTORY_DAYS if "startTime" in params else 7)
    asked = [
        ("account_id = ?", call.account.account_id),
        ("time_ms >= ?", max(period.first_ms, period.start_ms or 0)),
        ("time_ms <= ?", period.end_ms),
        ("symbol = ?", symbol),
        ("income_type = ?", None if kind == "ALL" else kind),
    ]
    parts = [(sql, value) for sql, value in asked if value is not None]
    way = "DESC" if period.start_ms is None else "ASC"
    found: list[Income] = call.exchange.ledger.things(
        INCOMES,
        f"{' AND '.join(sql for sql, _ in parts)} ORDER BY time_ms {way}, tran_id {way} LIMIT ? OFFSET ?",
        [*(value for _, value in parts), limit, reading.offset(page, limit)],
    )
    return [_income(each) for each in (found if way == "ASC" else found[::-1])]


def forced_orders(call: Call) -> list[dict[str, Any]]:
    """GET forceOrders: the orders that liquidations left behind."""
    params = call.params
    symbol = reading.optional_symbol(params, call.futures.engine.rules)
    kind = reading.word(params, "autoCloseType", FORCED_BY, errors.invalid("autoCloseType"), "LIQUIDATION")
    limit, period = reading.limit(params, 50, 100), reading.period(params, call.now_ms)
    where = "account_id = ? AND market = 'futures' AND client_order_id LIKE ? AND time_ms >= ? AND time_ms <= ?"
    values: list[Any] = [call.account.account_id, FORCED_BY[kind], max(period.first_ms, period.start_ms or 0)]
    values.append(call.now_ms if period.end_ms is None else period.end_ms)
    if symbol:
        where, values = f"{where} AND symbol = ?", [*values, symbol]
    found: list[FuturesOrder] = call.exchange.ledger.things(
        ORDERS, f"{where} ORDER BY time_ms DESC, order_id DESC LIMIT ?", [*values, limit]
    )
    return [views.forced_row(rules_of(call, order.symbol), order) for order in reversed(found)]


def _income(income: Income) -> dict[str, Any]:
    return {
        "symbol": income.symbol,
        "incomeType": income.income_type,
        "income": formats.money(income.income),
        "asset": income.asset,
        "info": income.info,
        "time": income.time_ms,
        "tranId": income.tran_id,
        "tradeId": str(income.trade_id) if income.trade_id else "",
    }
