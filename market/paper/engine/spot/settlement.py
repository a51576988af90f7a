"""Turn an execution into moved money: who pays what, which commission, what stays locked."""

from __future__ import annotations

from market.paper.engine.amounts import SCALE, times_up
from market.paper.engine.journal import Journal
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.types import SpotOrder
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill

# Above 2**32, as on Binance: a client that keeps ids in 32 bits must notice here, not in production.
FIRST_TRADE_ID = 5_000_000_001


class Settlement:
    """Books fills against balances and numbers them, by symbol. ``rate`` counts 10**-8."""

    def __init__(self, balances: Balances, journal: Journal, rate: int, next_trade_ids: dict[str, int]) -> None:
        self._balances = balances
        self._journal = journal
        self._rate = rate
        self.next_trade_ids = next_trade_ids

    def fill(
        self, order: SpotOrder, rules: SymbolRules, price: int, quantity: int, now_ms: int, *, is_maker: bool
    ) -> Fill:
        """Fill a part of an order (or all of it), paid from the free balance."""
        fill = self._execute(order, rules, price, quantity, now_ms, is_maker=is_maker)
        if order.side == "BUY":
            self._balances.add(order.account_id, rules.quote, -fill.quote_qty)
        else:
            self._balances.add(order.account_id, rules.base, -quantity)
        self._receive(fill, rules)
        return fill

    def fill_locked(
        self, order: SpotOrder, rules: SymbolRules, price: int, quantity: int, now_ms: int, *, is_maker: bool = True
    ) -> Fill:
        """Fill a part of a resting order from what it had locked; what is no longer needed comes back."""
        asset, before = lock_of(order, rules)
        fill = self._execute(order, rules, price, quantity, now_ms, is_maker=is_maker)
        after = lock_of(order, rules)[1]
        spent = fill.quote_qty if order.side == "BUY" else quantity
        self._balances.add(order.account_id, asset, before - after - spent, after - before)
        self._receive(fill, rules)
        return fill

    def _execute(
        self, order: SpotOrder, rules: SymbolRules, price: int, quantity: int, now_ms: int, *, is_maker: bool
    ) -> Fill:
        quote_qty = price * quantity // SCALE
        buying = order.side == "BUY"
        trade_id = self.next_trade_ids.get(order.symbol, FIRST_TRADE_ID)
        self.next_trade_ids[order.symbol] = trade_id + 1
        fill = Fill(
            "spot",
            trade_id,
            order.order_id,
            order.account_id,
            order.symbol,
            order.side,
            price,
            quantity,
            quote_qty,
            (quantity if buying else quote_qty) * self._rate // SCALE,
            rules.base if buying else rules.quote,
            is_maker,
            now_ms,
        )
        order.executed_qty += quantity
        order.cum_quote += quote_qty
        order.status = "FILLED" if order.executed_qty == order.orig_qty else "PARTIALLY_FILLED"
        order.update_ms = now_ms
        self._journal.put(FILLS, ("spot", order.symbol, trade_id), fill)
        return fill

    def _receive(self, fill: Fill, rules: SymbolRules) -> None:
        if fill.side == "BUY":
            self._balances.add(fill.account_id, rules.base, fill.qty - fill.commission)
        else:
            self._balances.add(fill.account_id, rules.quote, fill.quote_qty - fill.commission)


def lock_of(order: SpotOrder, rules: SymbolRules) -> tuple[str, int]:
    """Asset and amount an open order holds back: a pure function of the order, so that a restart finds the same."""
    if order.side == "SELL":
        return rules.base, order.remaining_qty
    return rules.quote, times_up(order.price or order.stop_price, order.remaining_qty)
