"""Whether an order may come in: the symbol's filters, the account's mode, its position, its margin. Changes nothing."""

from __future__ import annotations

from market.paper.engine.amounts import SCALE, short
from market.paper.engine.futures import filters
from market.paper.engine.futures.margin import TAKER_RATE, available, can_isolate
from market.paper.engine.futures.portfolio import Floor, Stake
from market.paper.engine.futures.types import FuturesOrder, NewFuturesOrder
from market.paper.engine.ladder import Ladder, Slice
from market.paper.engine.types import Quote, Rejected, Side

REST_IS_LOST = "The order will not be recorded in the order history"


class Admission:
    """Judges new orders and changes of open ones, in Binance's order of checks."""

    def __init__(self, floor: Floor, ladder: Ladder) -> None:
        self._floor = floor
        self._ladder = ladder

    def judge(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> tuple[Stake, int, list[Slice]]:
        """Return where a new order belongs, its price (0: at market) and what it would take at once."""
        floor, side = self._floor, new.side
        stake = floor.stake(new.account_id, new.symbol)
        filters.check_terms(new, stake.portfolio.config, now_ms)
        reducing = filters.reduces(new)
        price = filters.matched_price(new.price_match, side, quote) if new.price_match != "NONE" else new.price or 0
        self._check_filters(new, stake, price, quote, reducing=reducing)
        filters.check_status(floor.statuses[new.symbol], opens=not reducing)
        if stake.orders and floor.books[new.symbol].by_client_id(new.account_id, new.client_order_id):
            raise Rejected(-4116, "ClientOrderId is duplicated.")
        quantity = new.quantity or 0
        if reducing:
            quantity = min(quantity, stake.closable(new.position_side, side))
            if not quantity:
                raise Rejected(-2022, "ReduceOnly Order is rejected.")
        limit = price or _bound(side, quote.mark, stake.rules.take_bound)
        slices = self._ladder.walk(new.symbol, quote, side, quantity, limit)
        if not reducing:
            self._check_margin(stake, new, quantity, price, slices, quote)
        _check_time_in_force(new.time_in_force, quantity, slices)
        return stake, price, slices

    def judge_change(
        self, stake: Stake, order: FuturesOrder, side: Side, quantity: int, price: int, quote: Quote
    ) -> list[Slice]:
        """Return what an open order would take at once with another quantity and price. Raises Rejected."""
        rules, reducing = stake.rules, filters.reduces(order)
        if self._floor.statuses[order.symbol] != "TRADING":
            raise Rejected(-5024, "Symbol is not in trading status. Order amendment is not permitted.")
        if order.type != "LIMIT":
            raise Rejected(-5025, "Only limit order is supported.")
        if order.modifications >= rules.max_modifications:
            raise Rejected(-5026, "Exceed maximum modify order limit.")
        if side != order.side:
            raise Rejected(-1117, "Invalid side.")
        if (quantity, price) == (order.orig_qty, order.price):
            raise Rejected(-5027, "No need to modify the order.")
        filters.check_price(price, rules)
        filters.check_quantity(quantity, rules, market=False)
        filters.check_percent_price(side, price, rules, quote)
        if not reducing and price * quantity // SCALE < rules.min_notional:
            raise Rejected(-5029, f"Order's notional must be no smaller than {short(rules.min_notional, 1)}")
        wanted = max(quantity - order.executed_qty, 0)
        if reducing:
            wanted = min(wanted, stake.closable(order.position_side, side))
        slices = self._ladder.walk(order.symbol, quote, side, wanted, price)
        if not reducing:
            replaced = order.price * order.remaining_qty
            self._check_margin(stake, order, wanted, price, slices, quote, replaced)
        return slices

    @staticmethod
    def _check_filters(new: NewFuturesOrder, stake: Stake, price: int, quote: Quote, *, reducing: bool) -> None:
        rules, quantity, market = stake.rules, new.quantity or 0, new.type == "MARKET"
        if not market:
            filters.check_price(price, rules)
        filters.check_quantity(quantity, rules, market=market)
        filters.check_percent_price(new.side, price, rules, quote)
        if not reducing:
            filters.check_notional((price or quote.mark) * quantity // SCALE, rules)
        if not market and stake.orders >= rules.max_orders:
            raise Rejected(-2025, "Reach max open order limit.")

    def _check_margin(
        self,
        stake: Stake,
        order: NewFuturesOrder | FuturesOrder,
        wanted: int,
        price: int,
        slices: list[Slice],
        quote: Quote,
        replaced: int = 0,
    ) -> None:
        """Raise when there is not the margin for the order as it would fill and rest.

        ``replaced`` (10**-16) is the notional with which it rests already.
        """
        notional = taken = 0
        for slice_price, quantity in slices:
            notional += slice_price * quantity
            taken += quantity
        if price:
            notional += price * (wanted - taken)
            taken = wanted
        loss = notional - quote.mark * taken
        if order.side == "SELL":
            loss = -loss
        if loss > 0 and order.position_side == "BOTH":
            # What only closes a position has its loss in the unrealised profit already.
            loss = loss * max(taken - stake.closable("BOTH", order.side), 0) // taken
        self._require_margin(stake, order.side, notional, max(loss, 0), replaced)
        if stake.is_isolated and not can_isolate(self._floor, stake, order.position_side, order.side, slices):
            raise Rejected(-2019, "Margin is insufficient.")

    def _require_margin(self, stake: Stake, side: str, notional: int, loss: int, replaced: int) -> None:
        """Raise -2027 or -2019 unless the account can bear ``notional`` in orders, which lose ``loss`` at once, in the
        place of ``replaced``. All count 10**-16.
        """
        mark = self._floor.mark(stake)
        bids, asks = stake.bids, stake.asks
        before = stake.notional(mark, bids, asks)
        if side == "BUY":
            after = stake.notional(mark, bids + notional - replaced, asks)
        else:
            after = stake.notional(mark, bids, asks + notional - replaced)
        if after <= before and not loss:
            return
        if after > max(before, stake.max_notional * SCALE):
            raise Rejected(-2027, "Exceeded the maximum allowable position at current leverage.")
        needed = stake.margin(after) - stake.margin(before) + loss // SCALE
        if stake.is_isolated:
            # The cross wallet pays the commission.
            needed += notional * TAKER_RATE // (SCALE * SCALE)
        if needed > 0 and needed > available(self._floor, stake.portfolio, stake.rules.margin_asset):
            raise Rejected(-2019, "Margin is insufficient.")


def _bound(side: str, mark: int, take_bound: int) -> int:
    """How far from the mark price an order at market may go."""
    return mark * (SCALE + take_bound) // SCALE if side == "BUY" else -(-mark * (SCALE - take_bound) // SCALE)


def _check_time_in_force(time_in_force: str, quantity: int, slices: list[Slice]) -> None:
    if time_in_force == "FOK" and sum(part for _, part in slices) < quantity:
        text = "Due to the order could not be filled immediately, the FOK order has been rejected."
        raise Rejected(-5021, f"{text} {REST_IS_LOST}")
    if time_in_force == "GTX" and slices:
        text = "Due to the order could not be executed as maker, the Post Only order will be rejected."
        raise Rejected(-5022, f"{text} {REST_IS_LOST}")
