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

# Who pays in BNB pays this part of the commission.
BNB_PERCENT = 75


class Settlement:
    """Books fills against balances and numbers them, by symbol. ``rate`` counts 10**-8.

    ``bnb_burners`` are the accounts that pay commissions in BNB when they have it and ``bnb_price`` (in USDT) is known.
    """

    def __init__(
        self, balances: Balances, journal: Journal, rate: int, next_trade_ids: dict[str, int], bnb_burners: set[int]
    ) -> None:
        self._balances = balances
        self._journal = journal
        self._rate = rate
        self.next_trade_ids = next_trade_ids
        self.bnb_burners = bnb_burners
        self.bnb_price: int | None = None

    def fill(self, order: SpotOrder, rules: SymbolRules, price: int, quantity: int, now_ms: int) -> Fill:
        """Fill a part of an order (or all of it) as taker, paid from the free balance."""
        quote_qty = price * quantity // SCALE
        if order.side == "BUY":
            self._balances.add(order.account_id, rules.quote, -quote_qty)
        else:
            self._balances.add(order.account_id, rules.base, -quantity)
        # Of BNB that is being sold, what the rest of the order will sell cannot pay commissions.
        spoken_for = order.orig_qty - order.executed_qty - quantity if order.side == "SELL" else 0
        return self._execute(order, rules, price, quantity, quote_qty, now_ms, spoken_for, is_maker=False)

    def fill_locked(self, order: SpotOrder, rules: SymbolRules, price: int, quantity: int, now_ms: int) -> Fill:
        """Fill a part of a resting order as maker, from what it had locked; what is no longer needed comes back."""
        quote_qty = price * quantity // SCALE
        asset, before = lock_of(order, rules)
        order.executed_qty += quantity
        after = lock_of(order, rules)[1]
        order.executed_qty -= quantity
        spent = quote_qty if order.side == "BUY" else quantity
        self._balances.add(order.account_id, asset, before - after - spent, after - before)
        return self._execute(order, rules, price, quantity, quote_qty, now_ms, 0, is_maker=True)

    def discounts(self, rules: SymbolRules) -> bool:
        """True when the symbol's commissions can be paid in BNB."""
        return rules.base == "BNB" or (rules.quote == "USDT" and self.bnb_price is not None)

    def _execute(
        self,
        order: SpotOrder,
        rules: SymbolRules,
        price: int,
        quantity: int,
        quote_qty: int,
        now_ms: int,
        spoken_for: int,
        *,
        is_maker: bool,
    ) -> Fill:
        symbol, account_id, buying = order.symbol, order.account_id, order.side == "BUY"
        received, asset = (quantity, rules.base) if buying else (quote_qty, rules.quote)
        commission, paid_in = received * self._rate // SCALE, asset
        if account_id in self.bnb_burners:
            commission, paid_in = self._discounted(account_id, rules, received, asset, quote_qty, spoken_for)
        trade_id = self.next_trade_ids.get(symbol, FIRST_TRADE_ID)
        self.next_trade_ids[symbol] = trade_id + 1
        fill = Fill(
            "spot", trade_id, order.order_id, account_id, symbol, order.side, price, quantity, quote_qty,
            commission, paid_in, is_maker, now_ms,
        )  # fmt: skip
        order.executed_qty += quantity
        order.cum_quote += quote_qty
        order.status = "FILLED" if order.executed_qty == order.orig_qty else "PARTIALLY_FILLED"
        order.update_ms = now_ms
        self._journal.put(FILLS, ("spot", symbol, trade_id), fill)
        if paid_in == asset:
            self._balances.add(account_id, asset, received - commission)
        else:
            self._balances.add(account_id, asset, received)
            self._balances.add(account_id, paid_in, -commission)
        return fill

    def _discounted(
        self, account_id: int, rules: SymbolRules, received: int, asset: str, quote_qty: int, spoken_for: int
    ) -> tuple[int, str]:
        """Commission and its asset for an account that would rather pay in BNB."""
        if asset == "BNB":
            return received * self._rate * BNB_PERCENT // (SCALE * 100), asset
        if rules.quote == "USDT" and self.bnb_price:
            commission = quote_qty * self._rate * BNB_PERCENT // (self.bnb_price * 100)
            kept = spoken_for if rules.base == "BNB" else 0
            if self._balances.of(account_id, "BNB").free - kept >= commission:
                return commission, "BNB"
        return received * self._rate // SCALE, asset


def lock_of(order: SpotOrder, rules: SymbolRules) -> tuple[str, int]:
    """Asset and amount an open order holds back: a pure function of the order, so that a restart finds the same.

    Two orders of one list hold back the larger of the two amounts, once.
    """
    if order.side == "SELL":
        return rules.base, order.orig_qty - order.executed_qty
    price = order.price or order.stop_price or order.reserve_price
    return rules.quote, times_up(price, order.orig_qty - order.executed_qty)
