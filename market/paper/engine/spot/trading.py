"""Orders at work: what they take from the ladder, what rests, what prices fill, what ends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from market.paper.engine.amounts import times_up
from market.paper.engine.book import Book
from market.paper.engine.journal import Journal
from market.paper.engine.ladder import Ladder, Slice, reach
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.lists import Lists
from market.paper.engine.spot.news import Reporter
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.settlement import Settlement, lock_of
from market.paper.engine.spot.stops import Stops
from market.paper.engine.spot.tables import ORDER_LISTS, ORDERS
from market.paper.engine.spot.types import STOP_TYPES, OrderList, SpotOrder
from market.paper.engine.types import Fill, Quote

# Why an order expired, by what it was.
REASONS = {"IOC": "UNFILLED_IOC_QUANTITY_EXPIRED", "FOK": "UNFILLED_FOK_ORDER_EXPIRED"}


class Trading:
    """The books of all symbols, and the only hands that move orders in and out of them."""

    def __init__(
        self,
        rules: Mapping[str, SymbolRules],
        journal: Journal,
        balances: Balances,
        settlement: Settlement,
        report: Reporter,
    ) -> None:
        self.books: dict[str, Book[SpotOrder]] = {symbol: Book() for symbol in rules}
        self.stops = {symbol: Stops() for symbol in rules}
        self.lists = Lists()
        self.ladder = Ladder()
        self._rules = rules
        self._journal = journal
        self._balances = balances
        self._settlement = settlement
        self._report = report

    def restore(self, orders: Iterable[SpotOrder], pairs: Iterable[OrderList]) -> None:
        """Take over what the ledger remembers; orders of symbols that are no more stay as they are."""
        for order in orders:
            if order.symbol in self.books:
                self.books[order.symbol].add(order, working=order.is_working)
                if not order.is_working:
                    self.stops[order.symbol].add(order)
        for pair in pairs:
            if pair.symbol in self.books:
                self.lists.add(pair)

    def work(self, order: SpotOrder, quote: Quote, slices: Sequence[Slice], now_ms: int) -> list[Fill]:
        """Let an order take the slices, then rest or expire. Its money is free and suffices."""
        rules = self._rules[order.symbol]
        order.working_ms = now_ms
        self._report.order(order, "NEW", now_ms)
        fills: list[Fill] = []
        if slices and not (order.time_in_force == "FOK" and _sum(slices) < order.remaining_qty):
            for price, quantity in slices:
                fill = self._settlement.fill(order, rules, price, quantity, now_ms)
                self._report.order(order, "TRADE", now_ms, fill)
                fills.append(fill)
            self.ladder.take(order.symbol, quote, order.side, order.executed_qty)
        if order.executed_qty != order.orig_qty:
            if order.price and order.time_in_force == "GTC":
                self.lock(order)
                self.books[order.symbol].add(order)
            else:
                self._end(order, "EXPIRED", now_ms, REASONS.get(order.time_in_force, "INSUFFICIENT_LIQUIDITY"))
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        self._report.balances(order.account_id, (rules.base, rules.quote), now_ms)
        return fills

    def wait(self, order: SpotOrder, now_ms: int) -> None:
        """Let a stop order wait for the market. The caller locks its money."""
        self._report.order(order, "NEW", now_ms)
        self.books[order.symbol].add(order, working=False)
        self.stops[order.symbol].add(order)
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)

    def rest(self, order: SpotOrder, now_ms: int) -> None:
        """Let an order rest that must not take anything. The caller locks its money."""
        order.working_ms = now_ms
        self._report.order(order, "NEW", now_ms)
        self.books[order.symbol].add(order)
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)

    def lock(self, *orders: SpotOrder) -> None:
        """Hold back the money of an order, or of a pair of which only one will need it."""
        asset, amount = self._lock_of(orders)
        self._balances.add(orders[0].account_id, asset, -amount, amount)

    def end(self, orders: Sequence[SpotOrder], status: str, now_ms: int, *, cancel_id: str = "") -> None:
        """Take an open order, or all of an open pair, out of the book and give back what was locked."""
        first = orders[0]
        asset, amount = self._lock_of(orders)
        self._balances.add(first.account_id, asset, amount, -amount)
        for order in orders:
            self._remove(order)
            self._end(order, status, now_ms, cancel_id=cancel_id)
        self._report.balances(first.account_id, (asset,), now_ms)

    def cut(self, orders: Sequence[SpotOrder], quantity: int, now_ms: int) -> None:
        """Reduce an open order, or both of an open pair, and give back what it needs no more."""
        asset, before = self._lock_of(orders)
        for order in orders:
            order.orig_qty, order.update_ms = quantity, now_ms
            order.iceberg_qty = min(order.iceberg_qty, quantity)
            order.amends += 1
            self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        after = self._lock_of(orders)[1]
        self._balances.add(orders[0].account_id, asset, before - after, after - before)

    def legs(self, pair: OrderList) -> list[SpotOrder]:
        """The two orders of an open list."""
        book = self.books[pair.symbol]
        found = [book.by_id(pair.account_id, order_id) for order_id in pair.order_ids]
        return [order for order in found if order]

    def list_done(self, pair: OrderList, now_ms: int) -> None:
        """Only one order of a list is left, or none."""
        self.lists.remove(pair)
        pair.status, pair.update_ms = "ALL_DONE", now_ms
        self._journal.put(ORDER_LISTS, pair.order_list_id, pair)
        self._report.pair(pair, "ALL_DONE", now_ms)

    def match(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Fill the resting orders that the market comes to, each at its own limit, as maker."""
        book, fills = self.books[symbol], []
        for best in (book.best_buy, book.best_sell):
            given = 0
            while (order := best()) and (left := reach(quote, order.side, order.price, quote.last) - given) > 0:
                quantity = min(left, order.remaining_qty)
                fills.append(self.fill_resting(order, quantity, now_ms))
                given += quantity
        return fills

    def fill_resting(self, order: SpotOrder, quantity: int, now_ms: int) -> Fill:
        """Fill a part of a resting order (or all that is left) at its own limit, as maker."""
        rules = self._rules[order.symbol]
        self._part(order, now_ms)
        if quantity == order.remaining_qty:
            self.books[order.symbol].remove(order)
        fill = self._settlement.fill_locked(order, rules, order.price, quantity, now_ms)
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        self._report.order(order, "TRADE", now_ms, fill)
        self._report.balances(order.account_id, (rules.base, rules.quote, fill.commission_asset), now_ms)
        return fill

    def wake(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Let the stop orders work whose time has come."""
        woken, changed = self.stops[symbol].woken_by(quote.last, now_ms)
        for order in changed:
            self._journal.put(ORDERS, (symbol, order.order_id), order)
        fills = []
        for order in woken:
            if order.is_open:  # the other order of its list may have woken first
                fills += self._trigger(order, quote, now_ms)
        return fills

    def _trigger(self, order: SpotOrder, quote: Quote, now_ms: int) -> list[Fill]:
        rules = self._rules[order.symbol]
        self._part(order, now_ms)
        self._remove(order)
        asset, amount = lock_of(order, rules)
        self._balances.add(order.account_id, asset, amount, -amount)
        order.update_ms = now_ms
        slices = self.ladder.walk(order.symbol, quote, order.side, order.remaining_qty, order.price)
        if cost_of(order.side, slices) > self._balances.of(order.account_id, rules.quote).free:
            self._end(order, "EXPIRED", now_ms, "REJECTED")
            self._report.balances(order.account_id, (asset,), now_ms)
            return []
        return self.work(order, quote, slices, now_ms)

    def _part(self, order: SpotOrder, now_ms: int) -> None:
        """An order is about to work or to fill: the other one of its open list goes, and its share of the lock."""
        pair = self.lists.get(order.order_list_id)
        if pair is None:
            return
        legs = self.legs(pair)
        asset, both = self._lock_of(legs)
        amount = lock_of(order, self._rules[order.symbol])[1]
        self._balances.add(order.account_id, asset, both - amount, amount - both)
        for other in legs:
            if other is not order:
                self._remove(other)
                self._end(other, "EXPIRED", now_ms, "OCO_TRIGGER")
        self.list_done(pair, now_ms)

    def _remove(self, order: SpotOrder) -> None:
        self.books[order.symbol].remove(order)
        if order.type in STOP_TYPES:
            self.stops[order.symbol].remove(order)

    def _end(
        self, order: SpotOrder, status: str, now_ms: int, reason: str | None = None, *, cancel_id: str = ""
    ) -> None:
        order.status, order.update_ms, order.expiry_reason = status, now_ms, reason
        self._journal.put(ORDERS, (order.symbol, order.order_id), order)
        orig_client_id = order.client_order_id if cancel_id else ""
        self._report.order(order, status, now_ms, client_id=cancel_id, orig_client_id=orig_client_id)

    def _lock_of(self, orders: Sequence[SpotOrder]) -> tuple[str, int]:
        locks = [lock_of(order, self._rules[order.symbol]) for order in orders]
        return locks[0][0], max(amount for _, amount in locks)


def cost_of(side: str, slices: Iterable[Slice]) -> int:
    """How much quote asset a buyer needs for the slices."""
    cost = 0
    if side == "BUY":
        for price, quantity in slices:
            cost += times_up(price, quantity)
    return cost


def _sum(slices: Iterable[Slice]) -> int:
    return sum(quantity for _, quantity in slices)
