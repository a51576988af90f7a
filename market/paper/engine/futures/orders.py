"""Orders from acceptance to their end: taken at once, resting, filled, modified, cancelled, expired."""

from __future__ import annotations

import heapq

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.admission import Admission
from market.paper.engine.futures.filters import reduces
from market.paper.engine.futures.margin import TAKER_RATE, can_isolate
from market.paper.engine.futures.portfolio import Floor, Stake
from market.paper.engine.futures.settlement import Settlement
from market.paper.engine.futures.tables import ORDERS
from market.paper.engine.futures.tell import tell_account, tell_order
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder, FuturesState, NewFuturesOrder, Placed
from market.paper.engine.ladder import Ladder, Slice, reach
from market.paper.engine.types import Fill, Quote, Side

# Above 2**32, as on Binance, and numbered by symbol: a client that takes an id for unique without its symbol mixes up
# two orders here, not in production.
FIRST_ORDER_ID = 80_000_000_001

MAKER_RATE = SCALE * 2 // 10_000


class Orders:
    """The open orders of all accounts and what becomes of them."""

    def __init__(self, floor: Floor, settlement: Settlement, state: FuturesState) -> None:
        self.next_order_ids = dict(state.next_order_ids)
        self._floor = floor
        self._settlement = settlement
        self._ladder = Ladder()
        self._admission = Admission(floor, self._ladder)
        # By symbol: (end, order id, account id) of orders good till a date, soonest first. Some have left already.
        self._ends: dict[str, list[tuple[int, int, int]]] = {}
        # By symbol: step, bought and sold by resting orders in it.
        self._reached: dict[str, list[int]] = {}
        for order in state.open_orders:
            if order.symbol in floor.books:
                self._enter(floor.stake(order.account_id, order.symbol), order)

    def check(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> None:
        """Raise what ``place`` would raise."""
        self._floor.quotes[new.symbol] = quote
        self._admission.judge(new, quote, now_ms)

    def place(self, new: NewFuturesOrder, quote: Quote, now_ms: int, origin: AlgoOrder | None = None) -> Placed:
        """Accept an order: fill what the ladder gives, let the rest stay or expire. ``origin`` is what triggered it."""
        self._floor.quotes[new.symbol] = quote
        stake, price, slices = self._admission.judge(new, quote, now_ms)
        order = self._accept(new, stake, price, now_ms, origin)
        tell_order(self._floor, stake, order, "NEW", now_ms)
        fills = self._take(stake, order, slices, quote, now_ms)
        self._rest_or_expire(stake, order, now_ms)
        self._keep(order)
        if fills:
            self._tell_account(stake, order, fills, now_ms)
        return order, fills

    def modify(self, order: FuturesOrder, side: Side, quantity: int, price: int, quote: Quote, now_ms: int) -> Placed:
        """Give an open order another quantity and price; it may fill at once."""
        self._floor.quotes[order.symbol] = quote
        stake = self._floor.stake(order.account_id, order.symbol)
        slices = self._admission.judge_change(stake, order, side, quantity, price, quote)
        if quantity <= order.executed_qty or (order.time_in_force == "GTX" and slices):
            return self.cancel(order, now_ms), []
        self._leave(stake, order)
        order.price, order.orig_qty, order.update_ms = price, quantity, now_ms
        order.modifications += 1
        tell_order(self._floor, stake, order, "AMENDMENT", now_ms)
        fills = self._take(stake, order, slices, quote, now_ms)
        self._rest_or_expire(stake, order, now_ms)
        self._keep(order)
        if fills:
            self._tell_account(stake, order, fills, now_ms)
        return order, fills

    def cancel(
        self,
        order: FuturesOrder,
        now_ms: int,
        status: str = "CANCELED",
        *,
        expiry_reason: str = "0",
    ) -> FuturesOrder:
        """Take an open order out of the book, as CANCELED or EXPIRED."""
        stake = self._floor.stake(order.account_id, order.symbol)
        self._leave(stake, order)
        self._end(stake, order, status, now_ms, expiry_reason)
        self._keep(order)
        return order

    def cancel_all(self, account_id: int, symbol: str, now_ms: int, *, expiry_reason: str = "0") -> list[FuturesOrder]:
        """Cancel every open order of the account in the symbol."""
        mine = self._floor.books[symbol].of_account(account_id)
        return [self.cancel(order, now_ms, expiry_reason=expiry_reason) for order in mine]

    def expire_reducers(self, stake: Stake, side: str, now_ms: int) -> None:
        """Let the orders go that have nothing left to reduce."""
        for order in list(stake.reducers.values()):
            if order.position_side == side and not stake.closable(side, order.side):
                self.cancel(order, now_ms, "EXPIRED", expiry_reason="4")

    def expire(self, symbol: str, now_ms: int) -> None:
        """Let the orders go whose date has come."""
        ends, book = self._ends.get(symbol), self._floor.books[symbol]
        while ends and ends[0][0] <= now_ms:
            _, order_id, account_id = heapq.heappop(ends)
            order = book.by_id(account_id, order_id)
            if order is not None:
                self.cancel(order, now_ms, "EXPIRED")

    def reach(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Fill the resting orders that the market comes to, each at its own limit, as maker.

        They share what one step of the market brings, the better price first, then the older order.
        """
        book = self._floor.books[symbol]
        if not book.rests:
            return []
        fills: list[Fill] = []
        reached = self._reached.get(symbol)
        if reached is None or reached[0] != quote.step:
            reached = self._reached[symbol] = [quote.step, 0, 0]
        for place, best in ((1, book.best_buy), (2, book.best_sell)):
            while order := best():
                left = reach(quote, order.side, order.price, quote.last) - reached[place]
                if left <= 0:
                    break
                fill = self.fill_resting(order, left, now_ms)
                if fill is not None:
                    reached[place] += fill.qty
                    fills.append(fill)
        return fills

    def liquidate(self, stake: Stake, position_side: str, side: Side, quantity: int, mark: int, now_ms: int) -> Fill:
        """Let the exchange take a position over, at the mark price and without commission."""
        order_id = self.next_order_ids.get(stake.rules.symbol, FIRST_ORDER_ID)
        new = NewFuturesOrder(
            account_id=stake.portfolio.account_id,
            symbol=stake.rules.symbol,
            side=side,
            type="LIMIT",
            client_order_id=f"autoclose-{order_id}",
            position_side=position_side,
            time_in_force="IOC",
            quantity=quantity,
            reduce_only=True,
        )
        order = self._accept(new, stake, mark, now_ms, None)
        fill = self._settlement.fill(stake, order, mark, quantity, now_ms, 0, is_maker=False)
        self._keep(order)
        tell_order(self._floor, stake, order, "CALCULATED", now_ms, fill)
        return fill

    def _accept(
        self, new: NewFuturesOrder, stake: Stake, price: int, now_ms: int, origin: AlgoOrder | None
    ) -> FuturesOrder:
        order_id = self.next_order_ids.get(new.symbol, FIRST_ORDER_ID)
        self.next_order_ids[new.symbol] = order_id + 1
        order = FuturesOrder(
            order_id=order_id,
            account_id=new.account_id,
            symbol=new.symbol,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            status="NEW",
            price=price,
            orig_qty=new.quantity or 0,
            time_ms=now_ms,
            update_ms=now_ms,
            position_side=new.position_side,
            reduce_only=new.reduce_only,
            price_match=new.price_match,
            self_trade_prevention=new.self_trade_prevention,
            good_till_ms=new.good_till_ms if new.time_in_force == "GTD" else 0,
        )
        if new.type == "MARKET" and reduces(order):
            order.orig_qty = min(order.orig_qty, stake.closable(order.position_side, order.side))
        if origin is not None:
            order.algo_id, order.orig_type = origin.algo_id, origin.type
            order.stop_price, order.working_type = origin.trigger_price, origin.working_type
            order.close_position, order.price_protect = origin.close_position, origin.price_protect
            order.activate_price, order.callback_rate = origin.activate_price, origin.callback_rate
        return order

    def _take(self, stake: Stake, order: FuturesOrder, slices: list[Slice], quote: Quote, now_ms: int) -> list[Fill]:
        """What the order gets at once, as taker."""
        fills: list[Fill] = []
        taken = 0
        for price, quantity in slices:
            fill = self._settlement.fill(stake, order, price, quantity, now_ms, TAKER_RATE, is_maker=False)
            self._cut(stake, order)
            tell_order(self._floor, stake, order, "TRADE", now_ms, fill)
            fills.append(fill)
            taken += quantity
        if taken:
            self._ladder.take(order.symbol, quote, order.side, taken)
        return fills

    def _cut(self, stake: Stake, order: FuturesOrder) -> None:
        """An order that can only reduce ends when nothing is left to reduce."""
        if order.remaining_qty and reduces(order) and not stake.closable(order.position_side, order.side):
            order.orig_qty = order.executed_qty
            order.status = "FILLED"

    def _rest_or_expire(self, stake: Stake, order: FuturesOrder, now_ms: int) -> None:
        if not order.remaining_qty:
            self._finish(order)
        elif order.type == "MARKET":
            self._end(stake, order, "EXPIRED", now_ms, "9")
        elif order.time_in_force in ("IOC", "FOK"):
            self._end(stake, order, "EXPIRED", now_ms, "2")
        else:
            self._enter(stake, order)

    def fill_resting(self, order: FuturesOrder, left: int, now_ms: int) -> Fill | None:
        """Fill a resting order with up to ``left``; None when it had to go instead."""
        stake = self._floor.stake(order.account_id, order.symbol)
        quantity = min(left, order.remaining_qty)
        if reduces(order):
            closable = stake.closable(order.position_side, order.side)
            if not closable:
                self.cancel(order, now_ms, "EXPIRED", expiry_reason="4")
                return None
            quantity = min(quantity, closable)
        elif stake.is_isolated and not can_isolate(
            self._floor, stake, order.position_side, order.side, [(order.price, quantity)]
        ):
            self.cancel(order, now_ms, "EXPIRED")
            return None
        self._count(stake, order, -order.price * quantity)
        fill = self._settlement.fill(stake, order, order.price, quantity, now_ms, MAKER_RATE, is_maker=True)
        self._cut(stake, order)
        if not order.remaining_qty:
            self._forget(stake, order)
            self._finish(order)
        self._keep(order)
        tell_order(self._floor, stake, order, "TRADE", now_ms, fill)
        self._tell_account(stake, order, [fill], now_ms)
        return fill

    def _enter(self, stake: Stake, order: FuturesOrder) -> None:
        """Let an order rest."""
        self._floor.books[order.symbol].add(order)
        stake.orders += 1
        self._count(stake, order, order.price * order.remaining_qty)
        if reduces(order):
            stake.reducers[order.order_id] = order
        if order.good_till_ms:
            end = (order.good_till_ms, order.order_id, order.account_id)
            heapq.heappush(self._ends.setdefault(order.symbol, []), end)
        self._floor.note(stake)

    def _leave(self, stake: Stake, order: FuturesOrder) -> None:
        """Take an order out of the book, before its price or quantity changes."""
        self._count(stake, order, -order.price * order.remaining_qty)
        self._forget(stake, order)

    def _forget(self, stake: Stake, order: FuturesOrder) -> None:
        self._floor.books[order.symbol].remove(order)
        stake.orders -= 1
        stake.reducers.pop(order.order_id, None)
        self._floor.note(stake)

    def _count(self, stake: Stake, order: FuturesOrder, notional: int) -> None:
        if reduces(order):
            return
        if order.side == "BUY":
            stake.bids += notional
        else:
            stake.asks += notional

    def _end(self, stake: Stake, order: FuturesOrder, status: str, now_ms: int, expiry_reason: str) -> None:
        order.status, order.update_ms = status, now_ms
        tell_order(self._floor, stake, order, status, now_ms, expiry_reason=expiry_reason)
        self._finish(order)

    def _finish(self, order: FuturesOrder) -> None:
        if order.algo_id:
            self._floor.done.append(order)

    def _keep(self, order: FuturesOrder) -> None:
        self._floor.journal.put(ORDERS, (order.symbol, order.order_id), order)

    def _tell_account(self, stake: Stake, order: FuturesOrder, fills: list[Fill], now_ms: int) -> None:
        if order.account_id in self._floor.journal.watched:
            assets = {stake.rules.margin_asset} | {fill.commission_asset for fill in fills}
            positions = [(stake, stake.position(order.position_side))]
            changes = [(asset, 0) for asset in sorted(assets)]
            tell_account(self._floor, stake.portfolio, "ORDER", now_ms, positions, changes)
