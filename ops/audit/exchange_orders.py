"""The paper exchange's orders against their fills, lists and triggers. A part of exchange_books.py."""

import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal

SCALE = 10**8
POINT = -9  # where the decimal point stands in what the exchange writes
PROFIT = re.compile(r'"realized_pnl": ?(-?[0-9]+)')
OPEN = ("NEW", "PARTIALLY_FILLED")

FILLS_SQL = """
SELECT trade_id, order_id, side, price, qty, quote_qty, realized_pnl FROM fills WHERE symbol = ? AND market = ?
"""
ORDERS_SQL = """
SELECT order_id, side, status, price, orig_qty, executed_qty, cum_quote, details FROM orders
 WHERE symbol = ? AND market = ?
"""
STRAYS_SQL = """
SELECT f.market, f.symbol, f.trade_id FROM fills f LEFT JOIN orders o USING (market, symbol, order_id)
 WHERE o.order_id IS NULL OR o.account_id <> f.account_id OR o.side <> f.side
"""
LISTS_SQL = """
SELECT l.order_list_id, l.status, a.status, b.status FROM order_lists l
  LEFT JOIN orders a ON a.market = 'spot' AND a.symbol = l.symbol AND a.order_id = l.first_order_id
   AND a.account_id = l.account_id AND json_extract(a.details, '$.order_list_id') = l.order_list_id
  LEFT JOIN orders b ON b.market = 'spot' AND b.symbol = l.symbol AND b.order_id = l.second_order_id
   AND b.account_id = l.account_id AND json_extract(b.details, '$.order_list_id') = l.order_list_id
"""
LEGS_SQL = """
SELECT o.symbol, o.order_id FROM orders o LEFT JOIN order_lists l
    ON l.order_list_id = json_extract(o.details, '$.order_list_id') AND o.order_id IN (first_order_id, second_order_id)
 WHERE o.market = 'spot' AND instr(o.details, '"order_list_id"') AND l.order_list_id IS NULL
"""
ALGOS_SQL = """
SELECT g.algo_id, g.status, g.actual_order_id, g.actual_qty, g.actual_price, o.status, o.executed_qty, o.cum_quote
  FROM futures_algo_orders g LEFT JOIN orders o ON o.market = 'futures' AND o.symbol = g.symbol
   AND o.order_id = g.actual_order_id AND o.account_id = g.account_id AND o.side = g.side
   AND json_extract(o.details, '$.algo_id') = g.algo_id
"""
LEFT_BEHIND_SQL = """
SELECT o.symbol, o.order_id FROM orders o LEFT JOIN futures_algo_orders g
    ON g.algo_id = json_extract(o.details, '$.algo_id') AND g.actual_order_id = o.order_id
 WHERE o.market = 'futures' AND instr(o.details, '"algo_id"') AND g.algo_id IS NULL
"""


# What the fills of an order add up to: quantity, quote quantity, profit, and the worst price (highest of a buy).
Filled = tuple[int, int, int, int]
NOTHING: Filled = (0, 0, 0, 0)


def units(text: str) -> int:
    """A decimal, counted in 10**-8. Raises ValueError when it is none, or a finer one."""
    if text[POINT:-8] == ".":
        return int(text.replace(".", "", 1))
    amount = Decimal(text) * SCALE
    if amount != int(amount):
        raise ValueError(f"{text} is finer than 10**-8")
    return int(amount)


def plain(amount: int) -> str:
    """What counts 10**-8, to read."""
    return format(Decimal(amount).scaleb(-8).normalize(), "f")


def orders(ledger: sqlite3.Connection) -> Iterator[str]:
    """Orders that are not the sum of their fills or have the wrong status, fills without order, or whose sum is wrong.

    One market and symbol after the other: a big ledger does not fit into memory.
    """
    for symbol, market in ledger.execute("SELECT symbol, market FROM orders GROUP BY symbol, market").fetchall():
        found: dict[int, Filled] = {}
        for trade_id, order_id, side, *amounts in ledger.execute(FILLS_SQL, (symbol, market)):
            price, qty, quote_qty, profit = map(units, amounts)
            if quote_qty != price * qty // SCALE or qty <= 0:
                yield f"{market} fill {trade_id} of {symbol}: quote_qty is {plain(quote_qty)}, not price x qty"
            if had := found.get(order_id):
                worst = max(had[3], price) if side == "BUY" else min(had[3], price)
                found[order_id] = (had[0] + qty, had[1] + quote_qty, had[2] + profit, worst)
            else:
                found[order_id] = (qty, quote_qty, profit, price)
        for row in ledger.execute(ORDERS_SQL, (symbol, market)):
            for wrong in _wrongs(row, found.get(row["order_id"], NOTHING)):
                yield f"{market} order {row['order_id']} of {symbol}: {wrong}"
    for row in ledger.execute(STRAYS_SQL):
        yield f"{row['market']} fill {row['trade_id']} of {row['symbol']} has no order of its account and side"


def _wrongs(row: sqlite3.Row, filled: Filled) -> Iterator[str]:
    _, side, status, *texts, details_text = row
    limit, orig, executed, cum_quote = map(units, texts)
    qty, quote_qty, made_profit, worst = filled
    if executed != qty:
        yield f"executed_qty is {plain(executed)}, its fills make it {plain(qty)}"
    if cum_quote != quote_qty:
        yield f"cum_quote is {plain(cum_quote)}, its fills make it {plain(quote_qty)}"
    if executed > orig:
        yield f"orig_qty is {plain(orig)}, executed_qty is {plain(executed)}"
    partly = status == "PARTIALLY_FILLED"
    if (status == "FILLED") != (executed == orig) or (status in OPEN and partly != (executed > 0)):
        yield f"status is {status} with {plain(executed)} of {plain(orig)} executed"
    told = PROFIT.search(details_text)  # four times as fast as to read all of it
    profit = int(told[1]) if told else 0
    if profit != made_profit:
        yield f"realized_pnl is {plain(profit)}, its fills make it {plain(made_profit)}"
    if not limit or not qty or '"modifications"' in details_text:  # a modified one had another limit before
        return
    if worst > limit if side == "BUY" else worst < limit:
        yield f"filled at {plain(worst)}, its limit is {plain(limit)}"


def lists(ledger: sqlite3.Connection) -> Iterator[str]:
    """Order lists whose legs are not there, or are not both open exactly while the list is."""
    for number, status, *legs in ledger.execute(LISTS_SQL):
        if None in legs:
            yield f"order list {number} has not both of its orders"
        elif (status == "EXECUTING") != all(leg in OPEN for leg in legs):
            yield f"order list {number} is {status}, its orders are {' and '.join(legs)}"
    for symbol, order_id in ledger.execute(LEGS_SQL):
        yield f"spot order {order_id} of {symbol} belongs to an order list that does not know it"


def conditionals(ledger: sqlite3.Connection) -> Iterator[str]:
    """Conditional orders without the order they left behind, or that are at another point of their life than it."""
    for number, status, actual_id, qty_text, price_text, order_status, *amounts in ledger.execute(ALGOS_SQL):
        left = status in ("TRIGGERED", "FINISHED")
        if left != (actual_id != 0) or left != (order_status is not None):
            yield f"conditional order {number} is {status}: its order is {actual_id}, {order_status or 'not there'}"
        elif left and (status == "TRIGGERED") != (order_status in OPEN):
            yield f"conditional order {number} is {status}, its order is {order_status}"
        elif status == "FINISHED":
            executed, cum_quote = map(units, amounts)
            average = cum_quote * SCALE // executed if executed else 0
            if (units(qty_text), units(price_text)) != (executed, average):
                its_order = f"{plain(executed)} at {plain(average)}"
                yield f"conditional order {number} says {qty_text} at {price_text}, its order {its_order}"
    for symbol, order_id in ledger.execute(LEFT_BEHIND_SQL):
        yield f"futures order {order_id} of {symbol} names a conditional order that did not leave it behind"
