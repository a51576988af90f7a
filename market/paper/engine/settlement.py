"""Turn an execution into moved money: who pays what, which commission, what stays locked."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_UP, Decimal

from market.paper.engine.balances import Balances
from market.paper.engine.effects import Effects
from market.paper.engine.rules import SymbolRules
from market.paper.engine.types import Fill, Order

SATOSHI = Decimal("0.00000001")


class Settlement:
    """Books fills against balances and numbers them."""

    def __init__(self, balances: Balances, commission_rate: Decimal, next_trade_id: int) -> None:
        self._balances = balances
        self._rate = commission_rate
        self._next_trade_id = next_trade_id

    def fill(
        self, order: Order, rules: SymbolRules, price: Decimal, now_ms: int, *, is_maker: bool, into: Effects
    ) -> None:
        """Fill all that remains of the order, paid from the free balance."""
        fill = self._execute(order, rules, price, now_ms, is_maker=is_maker)
        asset, amount = _given(fill, rules)
        self._balances.add(order.account_id, asset, free=-amount, into=into)
        self._receive(fill, rules, into)

    def fill_locked(self, order: Order, rules: SymbolRules, price: Decimal, now_ms: int, *, into: Effects) -> None:
        """Fill all that remains of a resting order from what it had locked; what it locked too much comes back."""
        asset, locked = lock_of(order, rules)
        fill = self._execute(order, rules, price, now_ms, is_maker=True)
        spent = _given(fill, rules)[1]
        self._balances.add(order.account_id, asset, free=locked - spent, locked=-locked, into=into)
        self._receive(fill, rules, into)

    def _execute(self, order: Order, rules: SymbolRules, price: Decimal, now_ms: int, *, is_maker: bool) -> Fill:
        quantity = order.remaining_qty
        quote_qty = (price * quantity).quantize(SATOSHI, ROUND_DOWN)
        buying = order.side == "BUY"
        received = quantity if buying else quote_qty
        fill = Fill(
            trade_id=self._next_trade_id,
            order_id=order.order_id,
            account_id=order.account_id,
            symbol=order.symbol,
            side=order.side,
            price=price,
            qty=quantity,
            quote_qty=quote_qty,
            commission=(received * self._rate).quantize(SATOSHI, ROUND_DOWN),
            commission_asset=rules.base if buying else rules.quote,
            is_maker=is_maker,
            time_ms=now_ms,
        )
        self._next_trade_id += 1
        order.executed_qty += quantity
        order.cummulative_quote_qty += quote_qty
        order.status, order.update_ms = "FILLED", now_ms
        return fill

    def _receive(self, fill: Fill, rules: SymbolRules, into: Effects) -> None:
        asset, amount = (rules.base, fill.qty) if fill.side == "BUY" else (rules.quote, fill.quote_qty)
        self._balances.add(fill.account_id, asset, free=amount - fill.commission, into=into)
        into.fills.append(fill)


def lock_of(order: Order, rules: SymbolRules) -> tuple[str, Decimal]:
    """Asset and amount a resting order holds back: a pure function of the order, so that a restart finds the same."""
    if order.side == "SELL":
        return rules.base, order.remaining_qty
    return rules.quote, (order.price * order.remaining_qty).quantize(SATOSHI, ROUND_UP)


def _given(fill: Fill, rules: SymbolRules) -> tuple[str, Decimal]:
    return (rules.quote, fill.quote_qty) if fill.side == "BUY" else (rules.base, fill.qty)
