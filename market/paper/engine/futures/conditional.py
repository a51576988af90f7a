"""Conditional (algo) orders: they wait outside the book for their trigger, then leave an ordinary order behind.

NEW -> TRIGGERING -> TRIGGERED (the order is in the book) -> FINISHED (it has ended); or CANCELED, EXPIRED (its position
is gone, its date has come), REJECTED (the order was refused at the trigger). No margin is checked before the trigger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.algo_admission import is_market, judge_algo, needs_position, price_of, rises
from market.paper.engine.futures.orders import Orders
from market.paper.engine.futures.portfolio import Floor, Stake
from market.paper.engine.futures.tables import ALGO_ORDERS
from market.paper.engine.futures.tell import tell_algo
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder, FuturesState, NewAlgoOrder, NewFuturesOrder
from market.paper.engine.triggers import Triggers
from market.paper.engine.types import Fill, Quote, Rejected

# Far above 2**32, as recorded; below 2**53, so that a client that reads numbers as floats survives.
FIRST_ALGO_ID = 3_000_000_000_000_001

PERCENT = 100 * SCALE


class Conditionals:
    """The conditional orders of all accounts."""

    def __init__(self, floor: Floor, orders: Orders, state: FuturesState) -> None:
        self.next_algo_id = state.next_algo_id or FIRST_ALGO_ID
        self._floor = floor
        self._orders = orders
        self._open: dict[int, AlgoOrder] = {}
        self._by_client: dict[tuple[int, str], AlgoOrder] = {}
        self._by_account: dict[int, dict[int, AlgoOrder]] = {}
        # By symbol: those that wait, by id; of these the trailing ones; and the trigger prices of the others.
        self._waiting: dict[str, dict[int, AlgoOrder]] = {}
        self._trailing: dict[str, dict[int, AlgoOrder]] = {}
        self._triggers: dict[tuple[str, str], Triggers] = {}
        for algo in state.open_algos:
            if algo.symbol in floor.rules:
                self._add(algo)

    def place(self, new: NewAlgoOrder, quote: Quote, now_ms: int) -> AlgoOrder:
        """Accept a conditional order. Raises Rejected."""
        self._floor.quotes[new.symbol] = quote
        stake = self._floor.stake(new.account_id, new.symbol)
        mine = self.of_account(new.account_id)
        judge_algo(new, stake, mine, self._floor.statuses[new.symbol], quote, now_ms)
        price = price_of(new.working_type, quote)
        algo = AlgoOrder(
            algo_id=self.next_algo_id,
            account_id=new.account_id,
            symbol=new.symbol,
            client_algo_id=new.client_algo_id,
            side=new.side,
            position_side=new.position_side,
            type=new.type,
            time_in_force=new.time_in_force,
            quantity=new.quantity or 0,
            price=new.price or 0,
            trigger_price=new.trigger_price or 0,
            working_type=new.working_type,
            close_position=new.close_position,
            price_protect=new.price_protect,
            reduce_only=new.reduce_only,
            activate_price=new.activate_price or 0,
            callback_rate=new.callback_rate or 0,
            good_till_ms=new.good_till_ms if new.time_in_force == "GTD" else 0,
            price_match=new.price_match,
            self_trade_prevention=new.self_trade_prevention,
            status="NEW",
            time_ms=now_ms,
            update_ms=now_ms,
        )
        if algo.type == "TRAILING_STOP_MARKET" and not algo.activate_price:
            algo.is_trailing, algo.best_price = True, price
        self.next_algo_id += 1
        self._add(algo)
        self._tell(algo, now_ms)
        return algo

    def cancel(self, algo: AlgoOrder, now_ms: int, status: str = "CANCELED") -> AlgoOrder:
        """End a conditional order that waits; raise -2011 when it has triggered."""
        if algo.status != "NEW":
            raise Rejected(-2011, "Unknown order sent.")
        self._stop_waiting(algo)
        self._end(algo, status, now_ms)
        return algo

    def find(self, account_id: int, algo_id: int, client_algo_id: str) -> AlgoOrder | None:
        """The account's open conditional order of that id, else of that client id."""
        if not algo_id:
            return self._by_client.get((account_id, client_algo_id))
        algo = self._open.get(algo_id)
        return algo if algo and algo.account_id == account_id else None

    def of_account(self, account_id: int) -> list[AlgoOrder]:
        """The account's open conditional orders, oldest first."""
        return list(self._by_account.get(account_id, {}).values())

    def everything(self) -> list[AlgoOrder]:
        """All open conditional orders, oldest first."""
        return list(self._open.values())

    def waits(self, symbol: str) -> bool:
        """True when a price of the symbol could trigger something."""
        return bool(self._waiting.get(symbol))

    def trigger(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Let the market's prices trigger what waits for them, and dates end what is good till them."""
        waiting = self._waiting.get(symbol)
        if not waiting:
            return []
        for algo in [each for each in waiting.values() if 0 < each.good_till_ms <= now_ms]:
            self.cancel(algo, now_ms, "EXPIRED")
        fills: list[Fill] = []
        for algo in [*self._woken(symbol, quote), *self._trailed(symbol, quote)]:
            if algo.price_protect and self._is_strange(quote, symbol):
                self._wait(algo)
                continue
            fills += self._fire(algo, quote, now_ms)
        return fills

    def position_closed(self, stake: Stake, side: str, now_ms: int) -> None:
        """End what may only wait while there is a position."""
        for algo in self.of_account(stake.portfolio.account_id):
            here = algo.symbol == stake.rules.symbol and algo.position_side == side and algo.status == "NEW"
            if here and needs_position(algo) and not stake.closable(side, algo.side):
                self.cancel(algo, now_ms, "EXPIRED")

    def order_done(self, order: FuturesOrder, now_ms: int) -> None:
        """The order that a conditional order left behind has ended."""
        algo = self._open.get(order.algo_id)
        if algo is not None:
            algo.actual_price, algo.actual_qty = order.average_price, order.executed_qty
            self._end(algo, "FINISHED", now_ms)

    def _fire(self, algo: AlgoOrder, quote: Quote, now_ms: int) -> list[Fill]:
        self._stop_waiting(algo)
        stake = self._floor.stake(algo.account_id, algo.symbol)
        quantity = stake.closable(algo.position_side, algo.side) if algo.close_position else algo.quantity
        if not quantity:
            self._end(algo, "EXPIRED", now_ms)
            return []
        algo.status, algo.trigger_ms, algo.update_ms = "TRIGGERING", now_ms, now_ms
        self._tell(algo, now_ms)
        new = NewFuturesOrder(
            account_id=algo.account_id,
            symbol=algo.symbol,
            side=algo.side,
            type="MARKET" if is_market(algo.type) else "LIMIT",
            client_order_id=algo.client_algo_id,
            position_side=algo.position_side,
            time_in_force="GTC" if is_market(algo.type) else algo.time_in_force.replace("GTE_GTC", "GTC"),
            quantity=quantity,
            price=algo.price or None,
            reduce_only=(algo.reduce_only or algo.close_position) and algo.position_side == "BOTH",
            good_till_ms=algo.good_till_ms,
            price_match=algo.price_match,
            self_trade_prevention=algo.self_trade_prevention,
        )
        try:
            order, fills = self._orders.place(new, quote, now_ms, algo)
        except Rejected as refusal:
            reason = "Reduce Only reject" if refusal.code == -2022 else refusal.msg
            algo.reject_reason = reason
            self._end(algo, "REJECTED", now_ms)
            return []
        algo.status, algo.actual_order_id, algo.actual_type = "TRIGGERED", order.order_id, order.type
        self._tell(algo, now_ms)
        return fills

    def _woken(self, symbol: str, quote: Quote) -> list[AlgoOrder]:
        found: list[AlgoOrder] = []
        for working_type in ("CONTRACT_PRICE", "MARK_PRICE"):
            triggers = self._triggers.get((symbol, working_type))
            if triggers:
                woken = triggers.woken_by(price_of(working_type, quote))
                found += [self._open[cast(int, algo_id)] for algo_id in woken]
        return found

    def _trailed(self, symbol: str, quote: Quote) -> Iterator[AlgoOrder]:
        """Let the trailing orders follow the price; yield those it has turned against."""
        for algo in list(self._trailing.get(symbol, {}).values()):
            price, buying = price_of(algo.working_type, quote), algo.side == "BUY"
            if not algo.is_trailing:
                if price > algo.activate_price if buying else price < algo.activate_price:
                    continue
                algo.is_trailing, algo.best_price = True, price
                self._keep(algo)
            elif price < algo.best_price if buying else price > algo.best_price:
                algo.best_price = price
                self._keep(algo)
            # BUY: price >= lowest x (1 + rate), SELL: price <= highest x (1 - rate).
            distance = (price - algo.best_price) if buying else (algo.best_price - price)
            if distance * PERCENT >= algo.best_price * algo.callback_rate:
                yield algo

    def _is_strange(self, quote: Quote, symbol: str) -> bool:
        """True when last and mark price are too far apart to believe."""
        return abs(quote.last - quote.mark) * SCALE > quote.mark * self._floor.rules[symbol].trigger_protect

    def _add(self, algo: AlgoOrder) -> None:
        self._open[algo.algo_id] = algo
        self._by_client[algo.account_id, algo.client_algo_id] = algo
        self._by_account.setdefault(algo.account_id, {})[algo.algo_id] = algo
        if algo.status == "NEW":
            self._waiting.setdefault(algo.symbol, {})[algo.algo_id] = algo
            self._wait(algo)

    def _wait(self, algo: AlgoOrder) -> None:
        if algo.type == "TRAILING_STOP_MARKET":
            self._trailing.setdefault(algo.symbol, {})[algo.algo_id] = algo
        else:
            triggers = self._triggers.setdefault((algo.symbol, algo.working_type), Triggers())
            triggers.add(algo.algo_id, algo.trigger_price, rises=rises(algo.type, algo.side))

    def _stop_waiting(self, algo: AlgoOrder) -> None:
        del self._waiting[algo.symbol][algo.algo_id]
        if algo.type == "TRAILING_STOP_MARKET":
            del self._trailing[algo.symbol][algo.algo_id]
        else:
            self._triggers[algo.symbol, algo.working_type].remove(algo.algo_id)

    def _end(self, algo: AlgoOrder, status: str, now_ms: int) -> None:
        del self._open[algo.algo_id]
        del self._by_client[algo.account_id, algo.client_algo_id]
        mine = self._by_account[algo.account_id]
        del mine[algo.algo_id]
        if not mine:
            del self._by_account[algo.account_id]
        algo.status, algo.update_ms = status, now_ms
        self._tell(algo, now_ms)

    def _tell(self, algo: AlgoOrder, now_ms: int) -> None:
        self._keep(algo)
        tell_algo(self._floor, algo, now_ms)

    def _keep(self, algo: AlgoOrder) -> None:
        self._floor.journal.put(ALGO_ORDERS, algo.algo_id, algo)
