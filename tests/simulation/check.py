"""The books against the exchange's ledger, once everything is at rest. Shares no code with what books.

Every difference is a violation. What was compared and has ended is not looked at again; a position's fills are counted
on from where they were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from market.paper.engine.types import Fill, Order
from ops.position_books import Replayed, amount
from tests.simulation.books import MemoryBooks, Position, Row
from tests.simulation.exchange import BNB_PRICE, Exchange

KINDS = ("lost", "duplicated", "phantom", "unequal", "unresolved", "oversold", "disobeyed")
# What an order has come to, in the engine's words and in those of the books.
ENDS = {"FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "expired", "REJECTED": "rejected"}
# An order that the engine never saw.
NEVER_SENT = ("canceled", "rejected", "absent")
Finding = tuple[str, str]  # kind, sentence


class Auditor:
    """Looks for what is lost, duplicated, phantom, unequal, unresolved, oversold, or was done against a switch."""

    def __init__(self, exchange: Exchange, books: MemoryBooks, deposits: dict[tuple[int, str], int]) -> None:
        self.fills = 0
        self._exchange = exchange
        self._books = books
        self._spot: dict[tuple[int, str], Decimal | int] = defaultdict(
            int, deposits
        )  # by account and asset, as it should be
        self._compared = 0  # rows up to this number were looked at
        self._still_open: list[Row] = []
        self._acts: Counter[tuple[int, str]] = Counter()
        self._replayed: dict[int, Replayed] = defaultdict(Replayed)
        self._opened: Counter[int] = Counter()  # by position, less what was closed, in whole units

    def look(self) -> list[Finding]:
        """Every difference since the last look. Nothing may be under way."""
        books = self._books
        rows = [*self._still_open, *(books.rows[number] for number in range(self._compared + 1, len(books.rows) + 1))]
        self._compared, self._still_open = len(books.rows), [row for row in rows if row.number in books.live]
        ended = [row for row in rows if row.number not in books.live]
        found = [*self._strays(), *(finding for row in rows for finding in self._order(row))]
        found += [finding for row in ended for finding in self._act(row)]
        found += [*self._positions(ended), *self._balances(ended)]
        for row in ended:
            self._exchange.ledger.forget(self._name(row))
        return found

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

    def _order(self, row: Row) -> Iterator[Finding]:
        fills = self._fills_of(row)
        yield from self._status(row)
        yield from self._same_fills(row, fills)
        yield from self._obedience(row)

    def _act(self, row: Row) -> Iterator[Finding]:
        """An act is executed once, by whatever order."""
        act = row.position.number, row.act
        executed = sum(order.executed_qty > 0 for order in self._orders_of(row))
        self._acts[act] += executed
        if executed and self._acts[act] > 1:
            yield "duplicated", f"position {row.position.number}: {row.act} was executed {self._acts[act]} times"

    def _status(self, row: Row) -> Iterator[Finding]:
        there = self._word_for(row)
        if row.status in ("intended", "submitted", "unknown"):
            yield "unresolved", f"order {row.client_order_id} is {row.status}, there {there}"
        elif there is None:
            if row.status not in NEVER_SENT:
                yield "phantom", f"order {row.client_order_id} is {row.status} and not there"
        elif there != row.status:
            kind = "lost" if row.status in NEVER_SENT else "unequal"
            yield kind, f"order {row.client_order_id} is {there} there, {row.status} here"

    def _word_for(self, row: Row) -> str | None:
        """What has become of an order at the exchange, in our words; None: it never was there."""
        for thing in (*self._orders_of(row), *self._exchange.ledger.algos.get(self._name(row), ())):
            return ENDS.get(thing.status, "open")
        return None

    def _same_fills(self, row: Row, fills: list[Fill]) -> Iterator[Finding]:
        name, booked = row.client_order_id, dict(row.fills)
        for fill in fills:
            ours = booked.pop(fill.trade_id, None)
            if ours is None:
                yield "lost", f"fill {fill.trade_id} of {name} is not in our books"
                continue
            theirs = (fill.price, fill.qty, fill.quote_qty, fill.commission)
            if theirs != tuple(map(_units, (ours.price, ours.quantity, ours.quote_quantity, ours.commission))):
                yield "unequal", f"fill {fill.trade_id} of {name}: {fill} there, {ours} here"
            if fill.commission_asset != ours.commission_asset:
                yield "unequal", f"fill {fill.trade_id} of {name} paid in {fill.commission_asset}"
        for trade_id in booked:
            yield "phantom", f"fill {trade_id} of {name} is not in the ledger"
        if _units(row.filled_quantity) != sum(fill.qty for fill in fills):
            yield "unequal", f"order {name}: {row.filled_quantity} filled"

    @staticmethod
    def _obedience(row: Row) -> Iterator[Finding]:
        for since, until, state in row.position.account.switched:
            if since < row.claimed_ms < until and (state == "halted" or row.purpose == "entry"):
                yield "disobeyed", f"order {row.client_order_id} was sent while the account was {state}"

    # --- positions

    def _positions(self, ended: Iterable[Row]) -> Iterator[Finding]:
        """Figures and earnings against those that the ledger's fills make, in the order of their execution."""
        fresh: dict[int, list[tuple[Fill, Row]]] = defaultdict(list)
        for row in ended:
            fresh[row.position.number] += [(fill, row) for fill in self._fills_of(row)]
        for position in self._books.positions:
            replayed = self._replayed[position.number]
            for fill, row in sorted(fresh[position.number], key=lambda pair: pair[0].trade_id):
                self._opened[position.number] += fill.qty if row.purpose == "entry" else -fill.qty
                replayed.take(_as_books_see(fill, row))
                self.fills += 1
            if self._opened[position.number] < 0:
                yield "oversold", f"position {position.number} closed more than it opened"
            yield from self._figures(position, replayed)
        for row in ended:
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

    def _balances(self, ended: Iterable[Row]) -> Iterator[Finding]:
        """What accounts have there against what our fills brought."""
        for row in ended:
            self._add_to_balances(row)
        for (account, asset), expected in self._spot.items():
            held = self._exchange.spot.balances.of(account, asset)
            if held.free + held.locked != expected:
                yield "unequal", f"account {account} has {held} of {asset}, {expected} here"
        held_here: Counter[tuple[int, str]] = Counter()
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
        account, rules, way = row.position.account.number, row.position.rules, row.side.sign
        for fill in row.fills.values():
            self._spot[account, rules.base_asset] += way * _units(fill.quantity)
            self._spot[account, rules.quote_asset] -= way * _units(fill.quote_quantity)
            self._spot[account, fill.commission_asset] -= _units(fill.commission)

    # --- the ledger

    def _name(self, row: Row) -> tuple[str, int, str]:
        account = row.position.account
        return account.market, account.number, row.client_order_id

    def _orders_of(self, row: Row) -> list[Order]:
        return self._exchange.ledger.named.get(self._name(row), [])

    def _fills_of(self, row: Row) -> list[Fill]:
        market, fills = row.position.account.market, self._exchange.ledger.fills
        return [
            fill for order in self._orders_of(row) for fill in fills.get((market, order.symbol, order.order_id), ())
        ]


def _as_books_see(fill: Fill, row: Row) -> dict[str, object]:
    """A fill of the ledger, with its commission in quote asset and what of it was taken from the base asset."""
    rules = row.position.rules
    worth = {rules.quote_asset: 1, "BNB": BNB_PRICE, rules.base_asset: Decimal(fill.price).scaleb(-8)}
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
