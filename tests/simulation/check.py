"""The books against the exchange's ledger, once everything is at rest. Shares no code with what books.

Every difference is a violation. What was compared and has ended is not looked at again; a position's fills are counted
on from where they were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from market.paper.engine.futures.types import AlgoOrder
from market.paper.engine.types import Fill, Order
from market.types import Side
from ops.audit.position_books import Replayed, amount
from tests.simulation.books import MemoryBooks
from tests.simulation.exchange import BNB_PRICE, Exchange
from tests.simulation.rows import Position, Row

KINDS = ("lost", "duplicated", "phantom", "unequal", "unresolved", "oversold", "disobeyed")
# What an order has come to, in the engine's words and in those of the books.
ENDS = {"FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "expired", "REJECTED": "rejected"}
# An order that the engine never saw.
NEVER_SENT = ("canceled", "rejected", "absent")
Finding = tuple[str, str]  # kind, sentence


@dataclass(slots=True)
class Case:
    """An order of ours, and what the exchange knows under its name."""

    row: Row
    orders: list[Order]
    algos: list[AlgoOrder]
    fills: list[Fill]


class Auditor:
    """Looks for what is lost, duplicated, phantom, unequal, unresolved, oversold, or was done against a switch."""

    def __init__(self, exchange: Exchange, books: MemoryBooks, deposits: dict[tuple[int, str], int]) -> None:
        self.fills = 0
        self._exchange = exchange
        self._books = books
        # What accounts should have on spot, by asset, in whole units.
        self._spot: dict[tuple[int, str], Decimal | int] = defaultdict(int, deposits)
        self._compared = 0  # rows up to this number were looked at
        self._still_open: list[Row] = []
        self._acts: Counter[tuple[int, str]] = Counter()
        self._replayed: dict[int, Replayed] = defaultdict(Replayed)
        self._opened: Counter[int] = Counter()  # by position, less what was closed, in whole units

    def expect(self, account: int, asset: str, deposited: int) -> None:
        """An account was given something."""
        self._spot[account, asset] += deposited

    def look(self) -> list[Finding]:
        """Every difference since the last look. Nothing may be under way."""
        books = self._books
        rows = [*self._still_open, *(books.rows[number] for number in range(self._compared + 1, len(books.rows) + 1))]
        self._compared, self._still_open = len(books.rows), [row for row in rows if row.number in books.live]
        cases = [self._case(row) for row in rows]
        ended = [case for case in cases if case.row.number not in books.live]
        found = [*self._strays(), *(finding for case in cases for finding in self._order(case))]
        found += [finding for case in ended for finding in self._act(case)]
        found += [*self._positions(ended), *self._balances(ended)]
        for case in ended:
            self._exchange.ledger.forget(_name(case.row))
        return found

    def _case(self, row: Row) -> Case:
        ledger, name = self._exchange.ledger, _name(row)
        orders = ledger.named.get(name, [])
        keys = ((name[0], order.symbol, order.order_id) for order in orders)
        return Case(
            row, orders, ledger.algos.get(name, []), [fill for key in keys for fill in ledger.fills.get(key, ())]
        )

    # --- orders

    def _strays(self) -> Iterator[Finding]:
        """Orders at the exchange that nobody has written down, or an id that it accepted twice."""
        for (_, _, name), orders in self._exchange.ledger.named.items():
            if name not in self._books.by_client_id:
                yield "lost", f"order {name} is not in our books"
            if len(orders) > 1:
                yield "duplicated", f"order {name} was accepted {len(orders)} times"
        for (_, _, name), algos in self._exchange.ledger.algos.items():
            if len(algos) > 1:
                yield "duplicated", f"conditional order {name} was accepted {len(algos)} times"

    def _order(self, case: Case) -> Iterator[Finding]:
        yield from self._status(case)
        yield from self._same_fills(case)
        yield from self._obedience(case.row)

    def _act(self, case: Case) -> Iterator[Finding]:
        """An act is executed once, by whatever order."""
        position, act = key = case.row.position.number, case.row.act
        executed = sum(order.executed_qty > 0 for order in case.orders)
        self._acts[key] += executed
        if executed and self._acts[key] > 1:
            yield "duplicated", f"position {position}: {act} was executed {self._acts[key]} times"

    @staticmethod
    def _status(case: Case) -> Iterator[Finding]:
        row = case.row
        words = [each.status for each in case.orders] or [each.status for each in case.algos]
        there = ENDS.get(words[0], "open") if words else None
        if row.status in ("intended", "submitted", "unknown"):
            yield "unresolved", f"order {row.client_order_id} is {row.status}, there {there}"
        elif there is None:
            if row.status not in NEVER_SENT:
                yield "phantom", f"order {row.client_order_id} is {row.status} and not there"
        elif there != row.status:
            kind = "lost" if row.status in NEVER_SENT else "unequal"
            yield kind, f"order {row.client_order_id} is {there} there, {row.status} here"

    @staticmethod
    def _same_fills(case: Case) -> Iterator[Finding]:
        name, booked = case.row.client_order_id, dict(case.row.fills)
        for fill in case.fills:
            ours = booked.pop(fill.trade_id, None)
            if ours is None:
                yield "lost", f"fill {fill.trade_id} of {name} is not in our books"
                continue
            theirs = [fill.price, fill.qty, fill.quote_qty, fill.commission]
            if [_units(x) for x in (ours.price, ours.quantity, ours.quote_quantity, ours.commission)] != theirs:
                yield "unequal", f"fill {fill.trade_id} of {name}: {fill} there, {ours} here"
            if fill.commission_asset != ours.commission_asset:
                yield "unequal", f"fill {fill.trade_id} of {name} paid in {fill.commission_asset}"
        for trade_id in booked:
            yield "phantom", f"fill {trade_id} of {name} is not in the ledger"
        if _units(case.row.filled_quantity) != sum(fill.qty for fill in case.fills):
            yield "unequal", f"order {name}: {case.row.filled_quantity} filled"

    @staticmethod
    def _obedience(row: Row) -> Iterator[Finding]:
        for since, until, state in row.position.account.switched:
            if since < row.claimed_ms < until and (state == "halted" or row.purpose == "entry"):
                yield "disobeyed", f"order {row.client_order_id} was sent while the account was {state}"

    # --- positions

    def _positions(self, ended: Iterable[Case]) -> Iterator[Finding]:
        """Figures and earnings against those that the ledger's fills make, in the order of their execution."""
        fresh: dict[int, list[tuple[Fill, Row]]] = defaultdict(list)
        for case in ended:
            fresh[case.row.position.number] += [(fill, case.row) for fill in case.fills]
        for position in self._books.positions:
            replayed = self._replayed[position.number]
            for fill, row in sorted(fresh[position.number], key=lambda pair: pair[0].trade_id):
                self._opened[position.number] += fill.qty if row.purpose == "entry" else -fill.qty
                replayed.take(_as_books_see(fill, row))
                self.fills += 1
            if self._opened[position.number] < 0:
                yield "oversold", f"position {position.number} closed more than it opened"
            yield from self._figures(position, replayed)
        for case in ended:
            row = case.row
            earned = amount(self._replayed[row.position.number].earned.pop(row.number, 0))
            if row.earned != earned:
                yield "unequal", f"order {row.client_order_id} earned {row.earned}, its fills make it {earned}"

    def _figures(self, position: Position, replayed: Replayed) -> Iterator[Finding]:
        holding = position.figures.holding
        kept = (holding.quantity, holding.entry_price, holding.realized_pnl)
        made = tuple(map(amount, (replayed.quantity, replayed.entry_price, replayed.realized)))
        if kept != made:
            yield "unequal", f"position {position.number} is {kept}, its fills make it {made}"

    # --- balances

    def _balances(self, ended: Iterable[Case]) -> Iterator[Finding]:
        """What accounts have there against what our fills brought."""
        for case in ended:
            self._add_to_balances(case.row)
        for (account, asset), expected in self._spot.items():
            held = self._exchange.spot.balances.of(account, asset)
            if held.free + held.locked != expected:
                yield "unequal", f"account {account} has {held} of {asset}, {expected} here"
        held_here: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for position in self._books.positions:
            if position.account.market == "futures":
                held_here[position.account.number, position.rules.symbol] += _units(position.quantity)
        for (account, symbol), expected in held_here.items():
            (view,) = self._exchange.futures.positions(account, symbol)
            if view.quantity != expected:
                yield "unequal", f"account {account} holds {view.quantity} {symbol}, {expected} here"

    def _add_to_balances(self, row: Row) -> None:
        if row.position.account.market != "spot":
            return
        account, rules, way = row.position.account.number, row.position.rules, Side(row.side).sign
        for fill in row.fills.values():
            self._spot[account, rules.base_asset] += way * _units(fill.quantity)
            self._spot[account, rules.quote_asset] -= way * _units(fill.quote_quantity)
            self._spot[account, fill.commission_asset] -= _units(fill.commission)


def _name(row: Row) -> tuple[str, int, str]:
    """The name that an order has in the ledger."""
    account = row.position.account
    return account.market, account.number, row.client_order_id


def _as_books_see(fill: Fill, row: Row) -> dict[str, object]:
    """A fill of the ledger, with its commission in quote asset and what of it was taken from the base asset."""
    rules = row.position.rules
    worth: dict[str, Decimal | int] = {
        rules.quote_asset: 1,
        "BNB": BNB_PRICE,
        rules.base_asset: Decimal(fill.price).scaleb(-8),
    }
    commission = Decimal(fill.commission).scaleb(-8)
    return {
        "order_id": row.number,
        "side": fill.side,
        "price": Decimal(fill.price).scaleb(-8),
        "quantity": Decimal(fill.qty).scaleb(-8),
        "commission_quote": commission * worth[fill.commission_asset],
        "commission_base": commission if fill.commission_asset == rules.base_asset else Decimal(0),
    }


def _units(value: Decimal) -> Decimal:
    """An amount as the engine counts it."""
    return value.scaleb(8)
