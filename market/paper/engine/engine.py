"""The exchange itself: commands and prices in, effects out. One instance, one thread, no clock, no I/O.

Every command validates everything before it changes anything, so a ``Rejected`` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from market.paper.engine.balances import Balances
from market.paper.engine.book import Book
from market.paper.engine.effects import Effects
from market.paper.engine.filters import Exposure, check_filters, check_precision, quantity_of
from market.paper.engine.rules import SymbolRules
from market.paper.engine.settlement import Settlement, lock_of
from market.paper.engine.types import ZERO, Account, Balance, Deposit, NewOrder, Order, OrderStatus, Quote, Rejected

COMMISSION_RATE = Decimal("0.001")

# Above 2**32, as on Binance: a client that keeps ids in 32 bits must notice here, not in production.
FIRST_ORDER_ID = 40_000_000_001
FIRST_TRADE_ID = 5_000_000_001


@dataclass(slots=True)
class State:
    """What an engine starts from: what the ledger remembers."""

    balances: list[Balance] = field(default_factory=list)
    open_orders: list[Order] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    next_order_id: int = FIRST_ORDER_ID
    next_trade_id: int = FIRST_TRADE_ID


class Engine:
    """Accounts, orders and fills of all symbols."""

    def __init__(
        self,
        rules: Mapping[str, SymbolRules],
        state: State | None = None,
        *,
        commission_rate: Decimal = COMMISSION_RATE,
    ) -> None:
        state = state or State()
        self.rules = rules
        self.commission_rate = commission_rate
        self.balances = Balances()
        self.balances.restore(state.balances)
        self.books = {symbol: Book() for symbol in rules}
        self.statuses = dict.fromkeys(rules, "TRADING") | {s: v for s, v in state.statuses.items() if s in rules}
        self._next_order_id = state.next_order_id
        self._settlement = Settlement(self.balances, commission_rate, state.next_trade_id)
        for order in state.open_orders:
            if order.symbol in self.books:
                self.books[order.symbol].add(order)

    def open_account(self, account: Account, amounts: Mapping[str, Decimal], now_ms: int) -> Effects:
        """Open an account with its first deposits."""
        effects = Effects(accounts=[account])
        for asset, amount in amounts.items():
            effects.deposits.append(Deposit(account.account_id, asset, amount, now_ms))
            self.balances.add(account.account_id, asset, free=amount, into=effects)
        return effects

    def set_status(self, symbol: str, status: str) -> Effects:
        """Let a symbol trade (TRADING) or pause (BREAK). Resting orders stay and do not fill meanwhile."""
        self.statuses[symbol] = status
        return Effects(settings={f"status:{symbol}": status})

    def check(self, new: NewOrder, quote: Quote) -> Decimal:
        """Return the base quantity of an order that would be accepted; raise Rejected otherwise."""
        rules, book = self.rules[new.symbol], self.books[new.symbol]
        check_precision(new, rules)
        quantity = quantity_of(new, rules, quote)
        check_filters(new, quantity, rules, quote, self._exposure(new.account_id, rules, book))
        if self.statuses[new.symbol] != "TRADING":
            raise Rejected(-1013, "Market is closed.")
        if book.by_client_id(new.account_id, new.client_order_id):
            raise Rejected(-2010, "Duplicate order sent.")
        asset, amount = self._needs(new, quantity, rules, quote)
        self.balances.require_free(new.account_id, asset, amount)
        if new.type == "LIMIT_MAKER" and is_marketable(new, quote):
            raise Rejected(-2010, "Order would immediately match and take.")
        return quantity

    def place(self, new: NewOrder, quote: Quote, now_ms: int) -> Effects:
        """Accept an order: fill it, let it rest, or let it expire (IOC, FOK). Raises Rejected."""
        quantity = self.check(new, quote)
        effects = Effects()
        order = self._accept(new, quantity, now_ms)
        if is_marketable(new, quote):
            price = quote.ask if new.side == "BUY" else quote.bid
            self._settlement.fill(order, self.rules[new.symbol], price, now_ms, is_maker=False, into=effects)
        elif new.time_in_force != "GTC":
            order.status = "EXPIRED"
        else:
            asset, amount = lock_of(order, self.rules[new.symbol])
            self.balances.add(order.account_id, asset, free=-amount, locked=amount, into=effects)
            self.books[new.symbol].add(order)
        effects.order_is_now(order)
        return effects

    def cancel(self, order: Order, now_ms: int, status: OrderStatus = "CANCELED") -> Effects:
        """Take an open order out of the book and give back what it had locked."""
        effects = Effects()
        self.books[order.symbol].remove(order)
        asset, amount = lock_of(order, self.rules[order.symbol])
        self.balances.add(order.account_id, asset, free=amount, locked=-amount, into=effects)
        order.status, order.update_ms = status, now_ms
        effects.order_is_now(order)
        return effects

    def on_price(self, symbol: str, price: Decimal, now_ms: int) -> Effects:
        """Fill the resting orders that a trade at ``price`` reaches, each at its own limit, as maker."""
        effects, book = Effects(), self.books[symbol]
        if self.statuses[symbol] != "TRADING":
            return effects
        for order in book.reached_by(price):
            book.remove(order)
            self._settlement.fill_locked(order, self.rules[symbol], order.price, now_ms, into=effects)
            effects.order_is_now(order)
        return effects

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[Order]:
        """The account's open orders, oldest first."""
        books: Iterable[Book] = self.books.values() if symbol is None else [self.books[symbol]]
        found = [order for book in books for order in book.of_account(account_id)]
        return sorted(found, key=lambda order: order.order_id)

    def _accept(self, new: NewOrder, quantity: Decimal, now_ms: int) -> Order:
        order = Order(
            order_id=self._next_order_id,
            account_id=new.account_id,
            symbol=new.symbol,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            status="NEW",
            price=new.price or ZERO,
            orig_qty=quantity,
            orig_quote_order_qty=new.quote_order_qty or ZERO,
            executed_qty=ZERO,
            cummulative_quote_qty=ZERO,
            time_ms=now_ms,
            update_ms=now_ms,
        )
        self._next_order_id += 1
        return order

    def _exposure(self, account_id: int, rules: SymbolRules, book: Book) -> Exposure:
        mine = book.of_account(account_id)
        held = self.balances.of(account_id, rules.base)
        buying = sum((order.remaining_qty for order in mine if order.side == "BUY"), ZERO)
        return Exposure(len(mine), held.free + held.locked, buying)

    def _needs(self, new: NewOrder, quantity: Decimal, rules: SymbolRules, quote: Quote) -> tuple[str, Decimal]:
        """Asset and amount that must be free for the order."""
        if new.side == "SELL":
            return rules.base, quantity
        if new.quote_order_qty is not None:
            return rules.quote, new.quote_order_qty
        return rules.quote, quantity * (new.price if new.price is not None else quote.ask)


def is_marketable(new: NewOrder, quote: Quote) -> bool:
    """True when the order would trade at once."""
    if new.price is None:
        return True
    return new.price >= quote.ask if new.side == "BUY" else new.price <= quote.bid
