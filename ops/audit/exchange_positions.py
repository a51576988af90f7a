"""The paper exchange's futures positions, computed anew from every fill in its order; what was paid for holding them.

A part of exchange_books.py. Amounts count 10**-8, costs 10**-16.
"""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from ops.audit.exchange_orders import SCALE, plain, units

FUNDING_MS = 8 * 3_600_000
# The mark price and the rate of a funding are not written down. So much of the highest price anybody ever got is beyond
# any: the rate's bound is 3 %, and a mark ten times that price would not have gone unnoticed.
HIGHEST_FUNDING = Fraction(3 * 10, 100)

# With the incomes of every fill: their number, the first one's id (incomes are numbered as they happen).
FILLS_SQL = """
SELECT f.account_id, f.symbol, f.position_side, f.side, f.trade_id, i.tran_id, f.commission_asset,
       coalesce(i.number, 0), coalesce(i.asset, f.commission_asset), f.price, f.qty, f.commission, f.realized_pnl,
       coalesce(i.profit, '0'), coalesce(i.commission, '0')
  FROM fills f LEFT JOIN (
        SELECT symbol, trade_id, account_id, count(*) AS number, min(tran_id) AS tran_id,
               max(CASE income_type WHEN 'REALIZED_PNL' THEN income END) AS profit,
               max(CASE income_type WHEN 'COMMISSION' THEN income END) AS commission,
               max(CASE income_type WHEN 'COMMISSION' THEN asset END) AS asset
          FROM futures_incomes WHERE trade_id <> 0 GROUP BY symbol, trade_id, account_id) i
    ON i.symbol = f.symbol AND i.trade_id = f.trade_id AND i.account_id = f.account_id
 WHERE f.market = 'futures' ORDER BY f.symbol, f.trade_id
"""
STRAYS_SQL = """
SELECT i.tran_id, i.income_type FROM futures_incomes i LEFT JOIN fills f
    ON f.market = 'futures' AND f.symbol = i.symbol AND f.trade_id = i.trade_id AND f.account_id = i.account_id
 WHERE (i.trade_id <> 0 OR i.income_type IN ('REALIZED_PNL', 'COMMISSION')) AND f.trade_id IS NULL
"""
FUNDINGS_SQL = """
SELECT symbol, tran_id, account_id, income, time_ms FROM futures_incomes WHERE income_type = 'FUNDING_FEE'
 ORDER BY symbol, tran_id
"""
POSITIONS_SQL = """
SELECT p.account_id, p.symbol, p.side, quantity, entry_price, paid, realized, isolated_wallet, cost_e16, residue_e16,
       coalesce(c.margin_type, 'CROSSED') AS margin_type
  FROM futures_positions p LEFT JOIN futures_symbol_configs c USING (account_id, symbol)
"""
WALLETS_SQL = "SELECT account_id, asset, isolated FROM futures_wallets"

Key = tuple[int, str, str]


@dataclass(slots=True)
class Held:
    """A position as its fills make it. ``residue`` is profit below 10**-8 that waits for the next one.

    ``paid`` (commissions less profit since it was opened) is None while it can't be told: a commission was paid in BNB.
    """

    quantity: int = 0
    cost: int = 0
    residue: int = 0
    realized: int = 0
    paid: int | None = 0
    is_wrong: bool = False

    def take(self, signed: int, price: int, commission: int | None) -> int:
        """Let a fill act; return its profit. What is closed takes its share of the cost with it, rounded down."""
        size = abs(self.quantity)
        closed = min(size, abs(signed)) if self.quantity * signed < 0 else 0
        profit = 0
        if closed:
            way = 1 if self.quantity > 0 else -1
            share = self.cost * closed // size
            profit, self.residue = divmod(way * closed * price - share + self.residue, SCALE)
            self.cost -= share
            self.realized += profit
            opened = signed + way * closed
        else:
            opened = signed
        self.cost += opened * price
        if closed and closed == size:
            self.paid = 0 if not opened else None if commission is None else commission * abs(opened) // abs(signed)
        elif self.paid is not None:
            self.paid = None if commission is None else self.paid + commission - profit
        self.quantity += signed
        return profit

    @property
    def entry_price(self) -> int:
        """The average price of what is held."""
        return self.cost // self.quantity if self.quantity else 0


class Funding(NamedTuple):
    """What was paid to the holders of one symbol at one moment, by account; ``first`` is its first income."""

    symbol: str
    time_ms: int
    first: int
    incomes: dict[int, list[int]]


def positions(ledger: sqlite3.Connection) -> Iterator[str]:
    """Fills with another profit or other incomes than theirs, fundings nobody owed, positions that fills don't make."""
    found: dict[Key, Held] = {}
    fundings = _fundings(ledger)
    for each in fundings.values():
        yield from _moments(each)
    for symbol, fills in groupby(ledger.execute(FILLS_SQL), key=lambda row: str(row["symbol"])):
        mine: dict[Key, Held] = {}
        yield from _replay(fills, mine, fundings.pop(symbol, []))
        found |= mine
    for funding in (each for left in fundings.values() for each in left):
        yield from _funding(funding, {}, 0)
    for tran_id, kind in ledger.execute(STRAYS_SQL):
        yield f"futures income {tran_id}, {kind}, has no fill"
    yield from _rows(ledger, found)


def _replay(fills: Iterator[sqlite3.Row], mine: dict[Key, Held], fundings: list[Funding]) -> Iterator[str]:
    """Let all fills of one symbol act, and every funding between the two that it was paid between."""
    due, highest = deque(fundings), 0
    for account, symbol, position_side, side, trade_id, tran_id, asset, number, payer, *texts in fills:
        price, qty, commission, told, *booked = map(units, texts)
        while due and tran_id is not None and due[0].first < tran_id:
            yield from _funding(due.popleft(), mine, highest)
        highest = max(price, highest)
        held = mine.get((account, symbol, position_side))
        if held is None:
            held = mine[account, symbol, position_side] = Held()
        profit = held.take(qty if side == "BUY" else -qty, price, None if asset == "BNB" else commission)
        fill = f"futures fill {trade_id} of {symbol}"
        if told != profit and not held.is_wrong:
            held.is_wrong = True  # what comes after the first one need not be told
            yield f"{fill}: realized_pnl is {plain(told)}, its position made {plain(profit)}"
        if booked != [told, -commission] or payer != asset or number != bool(told) + bool(commission):
            yield f"{fill}: its {number} incomes are not its profit and its commission"
    for funding in due:
        yield from _funding(funding, mine, highest)


def _fundings(ledger: sqlite3.Connection) -> dict[str, list[Funding]]:
    """By symbol, in the order in which they were paid."""
    found: dict[str, list[Funding]] = defaultdict(list)
    for (symbol, time_ms), rows in groupby(
        ledger.execute(FUNDINGS_SQL), key=lambda row: (row["symbol"], row["time_ms"])
    ):
        incomes: dict[int, list[int]] = defaultdict(list)
        numbers = []
        for _, tran_id, account, income, _ in rows:
            incomes[account].append(units(income))
            numbers.append(tran_id)
        found[symbol].append(Funding(symbol, time_ms, numbers[0], incomes))
    return found


def _moments(fundings: list[Funding]) -> Iterator[str]:
    before = 0
    for funding in fundings:
        if funding.time_ms % FUNDING_MS or funding.time_ms <= before:
            yield f"{_name(funding)} is not at its hour, or comes again"
        before = max(before, funding.time_ms)


def _funding(funding: Funding, mine: dict[Key, Held], highest: int) -> Iterator[str]:
    """Everybody who held the symbol, and nobody else, was paid; one mark price x rate explains all of it."""
    quantities: dict[int, list[int]] = defaultdict(list)
    for (account, _, _), held in mine.items():
        if held.quantity:
            quantities[account].append(-held.quantity)
    for account in sorted(quantities.keys() | funding.incomes.keys()):
        paid, held_sides = len(funding.incomes.get(account, [])), len(quantities.get(account, []))
        if paid != held_sides:
            yield f"account {account}: {_name(funding)} was paid {paid} times, for {held_sides} positions"
            return
    pairs = [(quantities[account], incomes) for account, incomes in funding.incomes.items()]
    most = HIGHEST_FUNDING * highest / SCALE
    if not any(_explains(pairs, way, most) for way in (1, -1)):
        yield f"{_name(funding)} is not what a position times one mark price and rate is"


def _explains(pairs: list[tuple[list[int], list[int]]], way: int, most: Fraction) -> bool:
    """True when one mark x rate (``way`` -1: a negative rate) gives every income: what was sold times it, rounded down.

    The more was sold, the more comes in (or, with a negative rate, goes out): so the two incomes of an account that
    holds both sides find their side.
    """
    low, high = Fraction(0), most
    for sold, incomes in pairs:
        for quantity, income in zip(sorted(way * each for each in sold), sorted(incomes), strict=True):
            bounds = Fraction(income, quantity), Fraction(income + 1, quantity)
            low, high = max(low, min(bounds)), min(high, max(bounds))
    return low <= high


def _name(funding: Funding) -> str:
    moment = datetime.fromtimestamp(funding.time_ms / 1000, UTC)
    return f"FUNDING_FEE of {funding.symbol} at {moment:%Y-%m-%d %H:%M:%S}"


def _rows(ledger: sqlite3.Connection, found: dict[Key, Held]) -> Iterator[str]:
    """Rows that are not what the fills made, positions without row, margin with who may have none or without wallet."""
    isolated: dict[tuple[int, str], int] = defaultdict(int)
    assets = [asset for (asset,) in ledger.execute("SELECT DISTINCT asset FROM futures_wallets")]
    for row in ledger.execute(POSITIONS_SQL):
        account, symbol, side, quantity, *_ = row
        for wrong in _wrongs(row, found.pop((account, symbol, side), Held())):
            yield f"account {account} {symbol} {side}: {wrong}"
        margin = units(row["isolated_wallet"])
        if margin and (row["margin_type"] != "ISOLATED" or not units(quantity)):
            where = f"{row['margin_type']}, with {quantity} held"
            yield f"account {account} {symbol} {side}: isolated_wallet is {plain(margin)}, but it is {where}"
        asset = max((each for each in assets if symbol.endswith(each)), key=len, default="?")
        isolated[account, asset] += margin
    for account, symbol, side in found:
        yield f"account {account} {symbol} {side}: has fills, but no futures position"
    wallets = {tuple(key): units(text) for *key, text in ledger.execute(WALLETS_SQL)}
    for account, asset in sorted(isolated.keys() | wallets.keys()):
        held, made = wallets.get((account, asset), 0), isolated.get((account, asset), 0)
        if held != made:
            yield f"account {account} {asset}: isolated is {plain(held)}, its positions make it {plain(made)}"


def _wrongs(row: sqlite3.Row, held: Held) -> Iterator[str]:
    told = {name: units(row[name]) for name in ("quantity", "entry_price", "realized", "paid")}
    for name, amount in told.items():
        made = getattr(held, name)
        if made is not None and amount != made:
            yield f"futures position: {name} is {plain(amount)}, its fills make it {plain(made)}"
    for name, whole in (("cost_e16", held.cost), ("residue_e16", held.residue)):
        if int(row[name]) != whole:
            yield f"futures position: {name} is {row[name]}, its fills make it {whole}"
