"""The spot exchange itself: commands and prices in, changes into the journal. One instance, one thread, no clock, no I/O.

Every command validates everything before it changes anything, so a ``Rejected`` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.paper.engine.amounts import SCALE, round_down, times_up
from market.paper.engine.book import Book
from market.paper.engine.journal import Journal
from market.paper.engine.ladder import Ladder, Slice, reach
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.filters import check_counts, check_filters, check_position, check_precision
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.settlement import Settlement, lock_of
from market.paper.engine.spot.tables import ORDERS
from market.paper.engine.spot.types import NewOrder, SpotOrder, SpotState
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Fill, Quote, Rejected

COMMISSION_RATE = SCALE // 1000

# Above 2**32, as on Binance. Ids are numbered by symbol: every symbol begins here, so that a client that takes an id for
# unique without its symbol mixes up two orders here, not in production.
FIRST_ORDER_ID = 40_000_000_001


class SpotEngine:
    """Accounts, orders and fills of all symbols."""

    def __init__(
        self,
        rules: Mapping[str, SymbolRules],
        journal: Journal,
        state: SpotState | None = None,
        *,
        commission_rate: int = COMMISSION_RATE,
    ) -> None:
        state = state or SpotState()
        self.rules = rules
        self.commission_rate = commission_rate
        self.balances = Balances(journal)
        self.balances.restore(state.balances)
        self.books: dict[str, Book[SpotOrder]] = {symbol: Book() for symbol in rules}
        self.statuses = dict.fromkeys(rules, "TRADING") | {s: v for s, v in state.statuses.items() if s in rules}
        self._journal = journal
        self._ladder = Ladder()
        self._next_order_ids = dict(state.next_order_ids)
        self._settlement = Settlement(self.balances, journal, commission_rate, dict(state.next_trade_ids))
        for order in state.open_orders:
            if order.symbol in self.books:
                self.books[order.symbol].add(order, working=order.is_working)

    def deposit(self, account_id: int, asset: str, amount: int, now_ms: int) -> None:
        """Change what an account has from outside (negative: take it away). Raises -2010 when it has less."""
        if amount < 0:
            self.balances.require_free(account_id, asset, -amount)
        self.balances.add(account_id, asset, amount)
        self._journal.tell(account_id, "spot", "balanceUpdate", now_ms, asset=asset, change=amount)
        self._tell_balances(account_id, (asset,), now_ms)

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade (TRADING) or pause (BREAK, HALT). Resting orders stay and do not fill meanwhile."""
        self.statuses[symbol] = status
        key = f"status:spot:{symbol}"
        self._journal.put(SETTINGS, key, (key, status))

    def check(self, new: NewOrder, quote: Quote) -> int:
        """Return the base quantity of an order that would be accepted; raise Rejected otherwise."""
        rules, book = self.rules[new.symbol], self.books[new.symbol]
        check_precision(new, rules)
        quantity = new.quantity or self._quantity_for(new, rules, quote)
        check_filters(new, quantity, rules, quote)
        check_counts(book.count_of(new.account_id), rules)
        if new.side == "BUY" and rules.max_position:
            check_position(self._held_and_wanted(new.account_id, rules, book) + quantity, rules)
        if self.statuses[new.symbol] != "TRADING":
            raise Rejected(-1013, "Market is closed.")
        if book.by_client_id(new.account_id, new.client_order_id):
            raise Rejected(-2010, "Duplicate order sent.")
        asset, amount = self._needs(new, quantity, rules, quote)
        self.balances.require_free(new.account_id, asset, amount)
        if new.type == "LIMIT_MAKER" and is_marketable(new, quote):
            raise Rejected(-2010, "Order would immediately match and take.")
        return quantity

    def place(self, new: NewOrder, quote: Quote, now_ms: int) -> tuple[SpotOrder, list[Fill]]:
        """Accept an order: fill what the ladder gives, let the rest stay or expire. Raises Rejected."""
        quantity = self.check(new, quote)
        order = self._accept(new, quantity, now_ms)
        self._tell_order(order, "NEW", now_ms)
        fills = self._take(order, quote, now_ms)
        if order.remaining_qty:
            self._rest_or_expire(order, now_ms)
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        rules = self.rules[order.symbol]
        self._tell_balances(order.account_id, (rules.base, rules.quote), now_ms)
        return order, fills

    def cancel(self, order: SpotOrder, now_ms: int, status: str = "CANCELED", *, cancel_id: str = "") -> SpotOrder:
        """Take an open order out of the book and give back what it had locked."""
        self.books[order.symbol].remove(order)
        asset, amount = lock_of(order, self.rules[order.symbol])
        self.balances.add(order.account_id, asset, amount, -amount)
        order.status, order.update_ms = status, now_ms
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        self._tell_order(order, status, now_ms, cancel_id=cancel_id)
        self._tell_balances(order.account_id, (asset,), now_ms)
        return order

    def on_quote(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Fill the resting orders that the market comes to, each at its own limit, as maker."""
        book, fills = self.books[symbol], []
        if self.statuses[symbol] != "TRADING" or not book.rests:
            return []
        for best in (book.best_buy, book.best_sell):
            given = 0
            while (order := best()) and (left := reach(quote, order.side, order.price, quote.last) - given) > 0:
                quantity = min(left, order.remaining_qty)
                fills.append(self._fill_resting(order, quantity, now_ms))
                given += quantity
        return fills

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[SpotOrder]:
        """The account's open orders, oldest first."""
        books: Iterable[Book[SpotOrder]] = self.books.values() if symbol is None else [self.books[symbol]]
        found = [order for book in books for order in book.of_account(account_id)]
        return sorted(found, key=lambda order: (order.time_ms, order.order_id))

    def watches(self, symbol: str) -> bool:
        """True when a price of the symbol could change anything."""
        return self.books[symbol].rests

    def count_open(self) -> int:
        """How many orders are open, of all accounts."""
        return sum(len(book) for book in self.books.values())

    def state(self) -> SpotState:
        """Everything a restart must find again."""
        held = [balance for balance in self.balances.everything() if balance.free or balance.locked]
        orders = [order for book in self.books.values() for order in book.everything()]
        return SpotState(held, orders, self.statuses, self._next_order_ids, self._settlement.next_trade_ids)

    def _take(self, order: SpotOrder, quote: Quote, now_ms: int) -> list[Fill]:
        """What the order gets at once, as taker."""
        rules = self.rules[order.symbol]
        slices = self._ladder.walk(order.symbol, quote, order.side, order.orig_qty, order.price)
        if order.time_in_force == "FOK" and _sum(slices) < order.orig_qty:
            return []
        fills = []
        for price, quantity in slices:
            fill = self._settlement.fill(order, rules, price, quantity, now_ms, is_maker=False)
            self._tell_order(order, "TRADE", now_ms, fill)
            fills.append(fill)
        self._ladder.take(order.symbol, quote, order.side, order.executed_qty)
        return fills

    def _rest_or_expire(self, order: SpotOrder, now_ms: int) -> None:
        if order.price and order.time_in_force == "GTC":
            asset, amount = lock_of(order, self.rules[order.symbol])
            self.balances.add(order.account_id, asset, -amount, amount)
            self.books[order.symbol].add(order)
            return
        order.status = "EXPIRED"
        self._tell_order(order, "EXPIRED", now_ms)

    def _fill_resting(self, order: SpotOrder, quantity: int, now_ms: int) -> Fill:
        rules = self.rules[order.symbol]
        if quantity == order.remaining_qty:
            self.books[order.symbol].remove(order)
        fill = self._settlement.fill_locked(order, rules, order.price, quantity, now_ms)
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        self._tell_order(order, "TRADE", now_ms, fill)
        self._tell_balances(order.account_id, (rules.base, rules.quote), now_ms)
        return fill

    def _accept(self, new: NewOrder, quantity: int, now_ms: int) -> SpotOrder:
        order_id = self._next_order_ids.get(new.symbol, FIRST_ORDER_ID)
        self._next_order_ids[new.symbol] = order_id + 1
        return SpotOrder(
            order_id=order_id,
            account_id=new.account_id,
            symbol=new.symbol,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            status="NEW",
            price=new.price or 0,
            orig_qty=quantity,
            orig_quote_order_qty=new.quote_order_qty or 0,
            time_ms=now_ms,
            update_ms=now_ms,
            working_ms=now_ms,
            strategy_id=new.strategy_id,
            strategy_type=new.strategy_type,
            self_trade_prevention=new.self_trade_prevention,
        )

    def _quantity_for(self, new: NewOrder, rules: SymbolRules, quote: Quote) -> int:
        """As many whole lot steps as a quote amount pays for (or as must be sold for it)."""
        quantity = self._ladder.worth(new.symbol, quote, new.side, new.quote_order_qty or 0)
        return round_down(quantity, rules.lot.step or 1)

    def _held_and_wanted(self, account_id: int, rules: SymbolRules, book: Book[SpotOrder]) -> int:
        held = self.balances.of(account_id, rules.base)
        buying = sum(order.remaining_qty for order in book.of_account(account_id) if order.side == "BUY")
        return held.free + held.locked + buying

    def _needs(self, new: NewOrder, quantity: int, rules: SymbolRules, quote: Quote) -> tuple[str, int]:
        """Asset and amount that must be free for the order."""
        if new.side == "SELL":
            return rules.base, quantity
        if new.quote_order_qty is not None:
            return rules.quote, new.quote_order_qty
        if new.price is not None:
            return rules.quote, times_up(new.price, quantity)
        slices = self._ladder.walk(new.symbol, quote, "BUY", quantity)
        return rules.quote, sum(times_up(price, part) for price, part in slices)

    def _tell_order(
        self, order: SpotOrder, execution: str, now_ms: int, fill: Fill | None = None, *, cancel_id: str = ""
    ) -> None:
        """executionReport: ``execution`` is Binance's x; ``cancel_id`` is the cancel's own client id."""
        if order.account_id in self._journal.watched:
            details = {"execution": execution, "cancel_id": cancel_id}
            self._journal.tell(
                order.account_id, "spot", "executionReport", now_ms, order=order, fill=fill, **details
            )

    def _tell_balances(self, account_id: int, assets: Iterable[str], now_ms: int) -> None:
        """outboundAccountPosition: ``balances`` are (asset, free, locked)."""
        if account_id in self._journal.watched:
            held = [self.balances.of(account_id, asset) for asset in assets]
            rows = [(balance.asset, balance.free, balance.locked) for balance in held]
            self._journal.tell(account_id, "spot", "outboundAccountPosition", now_ms, balances=rows)


def is_marketable(new: NewOrder, quote: Quote) -> bool:
    """True when the order would trade at once."""
    if new.price is None:
        return True
    return new.price >= quote.ask if new.side == "BUY" else new.price <= quote.bid


def _sum(slices: Iterable[Slice]) -> int:
    return sum(quantity for _, quantity in slices)
